"""Values of uses: what was done, for whom, a log's filter and its rows."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from telesphor.capabilities.access.model import Action
from telesphor.kernel.errors import Kind, TelesphorError

LOG_STREAM: Final = "log"

PAGE_ROWS_MAX: Final = 200
"""Rows of one answer."""


class Done(StrEnum):
    """What a client did with what it had read."""

    PRINTED = "printed"
    EXPORTED = "exported"
    SHARED = "shared"


ACTION_OF: Final = {Done.PRINTED: Action.PRINT, Done.EXPORTED: Action.EXPORT, Done.SHARED: Action.SHARE}


class RecipientKind(StrEnum):
    """Who has it then; who exactly stands in the organisation's own files."""

    PATIENT = "patient"
    RELATIVE = "relative"
    CLINICIAN = "clinician"
    ORGANISATION = "organisation"
    INSURER = "insurer"
    AUTHORITY = "authority"
    RESEARCHER = "researcher"
    OTHER = "other"


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log: who asked for what, whether it was allowed and by which rule, and what was done.

    Attributes:
        position: of the decision's entry, where its proof is found.
        actor, kind, roles: who; the roles are those of now.
        rule: in plain words; `reasons` are the ids of the policies.
        done, recipient: what the client said it did with it.
    """

    position: int
    at: str
    actor: str
    kind: str
    roles: tuple[str, ...]
    action: str
    resource: str
    subject: str | None
    purpose: str
    outcome: str
    rule: str
    reasons: tuple[str, ...]
    break_glass: str | None
    done: str
    recipient: str


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `access-log.read/1`, the newest first; `before` asks for the next page, and is None on the last.

    `organisation` is the node's origin: whose log this is.
    """

    organisation: str
    rows: tuple[LogRow, ...]
    before: int | None


class NoteRefused(TelesphorError):
    """The note does not say what it must."""

    code = "use-note-refused"
    kind = Kind.INVALID


class FilterRefused(TelesphorError):
    """The filter asks for two things at once, or for a time that ends before it begins."""

    code = "log-filter-refused"
    kind = Kind.INVALID
