"""Forgetting: a kept document is destroyed, and the ledger says so.

Entries name documents by digest and stay as they are, so every proof still verifies; what a document said can no
longer be shown or replayed. What decisions still rest on is not forgotten here: a policy in force, for instance, has
nobody to guard it but whoever administers the node.

Start at `forgetting`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import stream_of
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

FORGETTING_STREAM: Final = "forgetting"
FORGETTING_KINDS: Final = frozenset({"node", "organisation"})
"""Who may have documents destroyed: whoever runs the node, as the node itself or as its organisation."""

DocumentsField = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z", max_length=71)], ...],
    Meta(min_length=1, max_length=256),
]


class ForgettingNotPermitted(TelesphorError):
    """The actor may not have documents destroyed."""

    code = "forgetting-not-permitted"
    kind = Kind.FORBIDDEN


class DocumentMissing(TelesphorError):
    """No such document is kept."""

    code = "document-missing"
    kind = Kind.NOT_FOUND


class ForgetDocuments(Body, frozen=True, kw_only=True):
    """Destroy these documents; asked by the node or an organisation."""

    documents: DocumentsField
    reason: Literal["patient-request", "retention", "error", "legal"]


class DocumentsForgotten(Body, frozen=True, kw_only=True):
    """These documents were destroyed with this entry."""

    documents: DocumentsField
    reason: Literal["patient-request", "retention", "error", "legal"]


DOCUMENTS_FORGOTTEN = EntryType("document.forgotten/1", DocumentsForgotten)
NAME = "forgetting"
RECORDED = Capability(NAME, entries=(DOCUMENTS_FORGOTTEN,))


def forgetting() -> Capability:
    """Make the capability for a node."""
    forget = CommandType("document.forget/1", ForgetDocuments, forget_documents)
    return Capability(NAME, entries=(DOCUMENTS_FORGOTTEN,), commands=(forget,))


def forget_documents(actor: Actor, command: ForgetDocuments, state: State) -> Decision:
    """Destroy documents.

    Raises:
        ForgettingNotPermitted: the actor is neither the node nor an organisation.
        DocumentMissing: one of them is not kept.
    """
    if actor.kind not in FORGETTING_KINDS:
        raise ForgettingNotPermitted("only the node or an organisation has documents destroyed")
    for digest in command.documents:
        if state.document(digest) is None:
            raise DocumentMissing(f"there is no document `{digest}`")
    body = DocumentsForgotten(documents=command.documents, reason=command.reason)
    draft = Draft(DOCUMENTS_FORGOTTEN.name, stream_of(FORGETTING_STREAM, actor.id), body)
    return Decision((draft,), forgets=command.documents)
