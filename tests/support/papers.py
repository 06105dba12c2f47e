"""A capability that writes whatever entries a test asks for, with documents, and links them to a visit.

An entry is asked for by the command that may cause it, so that it verifies; one that nobody can ask for is the node's
own word (`say_papers`). Start at `papers_capability`.
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
from telesphor.verify.causes import CAUSES


class PutPapers(Body, frozen=True, kw_only=True):
    """Write an entry of this type that names these papers, and link it to a visit, if one is given."""

    type: str
    stream: str
    papers: tuple[str, ...]
    parent: str | None
    visit: str | None
    role: str | None
    # The stream's own name, for the kinds of streams whose entries must be asked for by it.
    break_glass: str | None = None
    device: str | None = None
    group: str | None = None
    presentation: str | None = None
    token: str | None = None


class LinkPapers(Body, frozen=True, kw_only=True):
    """Link the last entry of a stream to a visit."""

    stream: str
    visit: str
    role: str


class PapersPut(Body, frozen=True, kw_only=True):
    """An entry that names documents by digest."""

    papers: tuple[str, ...]
    parent: str | None


def papers_capability(*types: str) -> Capability:
    """A capability that owns these entry types."""
    entries = tuple(EntryType(name, PapersPut) for name in types)
    names = sorted({PUT.name, *map(_cause_of, types)})
    commands = (*(CommandType(name, PutPapers, _put_papers) for name in names), _LINK)
    return Capability("papers", entries=entries, commands=commands)


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
    kind, _, name = stream.partition("/")
    member = kind.replace("-", "_")
    if member in PutPapers.__struct_fields__:
        body[member] = name
    return _cause_of(type), body


def say_papers(type: str, stream: str, *papers: bytes) -> tuple[CommandType, PutPapers]:
    """The same as the node's own word, which is linked afterwards."""
    texts = tuple(paper.decode() for paper in papers)
    return PUT, PutPapers(type=type, stream=stream, papers=texts, parent=None, visit=None, role=None)


def link_papers(stream: str, *, visit: str, role: str) -> Command:
    """The command that links the last entry of a stream."""
    return _LINK.name, {"stream": stream, "visit": visit, "role": role}


def _cause_of(type: str) -> str:
    return next(iter(CAUSES.get(type, ())), PUT.name)


def _put_papers(_actor: Actor, command: PutPapers, state: State) -> Decision:
    papers = tuple(text.encode() for text in command.papers)
    body = PapersPut(papers=tuple(map(digest_of, papers)), parent=command.parent)
    drafts = [Draft(command.type, Stream(command.stream), body)]
    if command.visit and command.role:
        n = state.next_n(command.stream)
        drafts.append(_link(command.visit, stream=command.stream, n=n, role=command.role))
    return Decision(tuple(drafts), documents=papers)


def _link_papers(_actor: Actor, command: LinkPapers, state: State) -> Decision:
    n = state.next_n(command.stream) - 1
    return Decision((_link(command.visit, stream=command.stream, n=n, role=command.role),))


def _link(visit: str, *, stream: str, n: int, role: str) -> Draft:
    link = ObjectLinked(stream=stream, n=n, role=LinkRole(role))
    return Draft(VISIT_OBJECT_LINKED.name, stream_of(VISIT_STREAM, visit), link)


PUT = CommandType("paper.put/1", PutPapers, _put_papers)
_LINK = CommandType("paper.link/1", LinkPapers, _link_papers)
