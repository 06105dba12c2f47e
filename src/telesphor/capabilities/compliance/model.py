"""Values of compliance: what a watch is, what was looked at, and what can be refused."""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta

from telesphor.capabilities.identity.model import ActorIdField
from telesphor.kernel.errors import Kind, TelesphorError

WATCH_STREAM: Final = "watch"

WATCH_MINUTES_MAX: Final = 60
"""A working hour; whoever looks longer says so again, and is asked about again."""

WATCHES_MAX: Final = 32
"""Open watches of one actor: several tabs and machines of an auditor, and no more rows than these."""

LOOKS_MAX: Final = 2_000
"""Pages shown under one watch: one every two seconds for an hour, so that no session floods the ledger."""

PAGE_ROWS_MAX: Final = 100
PAGE_ROWS: Final = 50

EXPORTED_ENTRIES_MAX: Final = 1_000
"""Entries of one export from the browser; `telesphor share` has no such bound."""

WatchIdField = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z", max_length=36),
]
MinutesField = Annotated[int, Meta(ge=1, le=WATCH_MINUTES_MAX)]
Scope = Literal["log", "administration"]

What = Literal[
    "search",
    "entry",
    "decision",
    "replay",
    "activity",
    "findings",
    "own-log",
    "people",
    "roles",
    "invitations",
    "devices",
    "policies",
    "contracts",
    "contract",
    "connectors",
    "health",
]
"""Which sort of page was shown."""

TypeField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9.-]*/[1-9][0-9]*\Z", max_length=64)]
WordField = Annotated[str, Meta(pattern=r"^[a-z][a-z-]*\Z", max_length=32)]
SubjectField = ActorIdField


Named = Literal["everybody", "staff"]
"""Whose names a page may have."""


class WatchRow(NamedTuple):
    """A watch as the ledger says.

    Attributes:
        subject: whose log it is on; None for the whole node's.
        until: the first instant at which it is over.
        ended: whether its actor ended it before.
        looks: pages that were shown under it.
    """

    watch: str
    actor: str
    scope: Scope
    subject: str | None
    live: bool
    until: str
    ended: bool
    looks: int

    @property
    def named(self) -> Named:
        """Everybody's to whoever administers, and to a person about itself; to auditors, patients are ids."""
        return "everybody" if self.scope == "administration" or self.subject == self.actor else "staff"


class WatchRefused(TelesphorError):
    """What the watch asks for does not fit together."""

    code = "watch-refused"
    kind = Kind.INVALID


class WatchExists(TelesphorError):
    """The id of the watch was used before."""

    code = "watch-exists"
    kind = Kind.CONFLICT


class WatchesFull(TelesphorError):
    """The actor has as many watches open as it may."""

    code = "watches-full"
    kind = Kind.CONFLICT


class WatchMissing(TelesphorError):
    """The actor has no such watch."""

    code = "watch-missing"
    kind = Kind.NOT_FOUND


class WatchEnded(TelesphorError):
    """The watch is over."""

    code = "watch-ended"
    kind = Kind.FORBIDDEN


class WatchTooNarrow(TelesphorError):
    """The watch is of another scope than the view."""

    code = "watch-too-narrow"
    kind = Kind.FORBIDDEN


class WatchSpent(TelesphorError):
    """As many pages were shown under this watch as may be."""

    code = "watch-spent"
    kind = Kind.FORBIDDEN


class EntryNotShown(TelesphorError):
    """There is no such entry, or the watch does not show it."""

    code = "entry-not-shown"
    kind = Kind.NOT_FOUND


class ExportMissing(TelesphorError):
    """No such export waits for the actor."""

    code = "export-missing"
    kind = Kind.NOT_FOUND


class ExportsFull(TelesphorError):
    """As many exports wait as the node holds in memory."""

    code = "exports-full"
    kind = Kind.OVERLOADED
