"""A capability that writes whatever entries a test asks for, with documents, and links them to a visit.

Start at `papers_capability`.
"""

from __future__ import annotations

from telesphor.capabilities.visits.entries import VISIT_OBJECT_LINKED, ObjectLinked
from telesphor.capabilities.visits.model import VISIT_STREAM, LinkRole
from telesphor.client.requests import Command
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import Stream, stream_of
from telesphor.runtime.capability import (
    Actor,
    Body,
    Capability,
    CommandType,
    Decision,
    Draft,
    EntryType,
    State,
)


class PutPapers(Body, frozen=True, kw_only=True):
    """Write an entry of this type that names these papers, and link it to a visit, if one is given."""

    type: str
    stream: str
    papers: tuple[str, ...]
    parent: str | None
    visit: str | None
    role: str | None


class PapersPut(Body, frozen=True, kw_only=True):
    """An entry that names documents by digest."""

    papers: tuple[str, ...]
    parent: str | None


def papers_capability(*types: str) -> Capability:
    """A capability that owns these entry types."""
    entries = tuple(EntryType(name, PapersPut) for name in types)
    return Capability(
        "papers", entries=entries, commands=(CommandType("paper.put/1", PutPapers, _put_papers),)
    )


def put_papers(
    type: str,
    stream: str,
    *papers: bytes,
    parent: str | None = None,
    visit: str | None = None,
    role: str | None = None,
) -> Command:
    """The command for an entry of this type on this stream, and its link to a visit."""
    texts = [paper.decode() for paper in papers]
    body = {"type": type, "stream": stream, "papers": texts, "parent": parent, "visit": visit, "role": role}
    return "paper.put/1", body


def _put_papers(_actor: Actor, command: PutPapers, state: State) -> Decision:
    papers = tuple(text.encode() for text in command.papers)
    body = PapersPut(papers=tuple(map(digest_of, papers)), parent=command.parent)
    drafts = [Draft(command.type, Stream(command.stream), body)]
    if command.visit and command.role:
        n = state.next_n(command.stream)
        link = ObjectLinked(stream=command.stream, n=n, role=LinkRole(command.role))
        drafts.append(Draft(VISIT_OBJECT_LINKED.name, stream_of(VISIT_STREAM, command.visit), link))
    return Decision(tuple(drafts), documents=papers)
