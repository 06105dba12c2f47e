"""The facts of compliance, all on `watch/<id>`: opened, looked, ended. The numbers of that stream have no gap, so
that whoever holds it knows every page that was shown under the watch.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.compliance.model import (
    PAGE_ROWS_MAX,
    MinutesField,
    Scope,
    SubjectField,
    TypeField,
    What,
    WordField,
)
from telesphor.capabilities.identity.model import ActorIdField, InstantField
from telesphor.runtime.capability import Body, EntryType

PositionField = Annotated[int, Meta(ge=0, le=2**53 - 1)]
CountField = Annotated[int, Meta(ge=0, le=31 * 24 + PAGE_ROWS_MAX)]
AnyIdField = Annotated[str, Meta(pattern=r"^[0-9a-f-]{36}\Z", max_length=36)]


class WatchOpened(Body, frozen=True, kw_only=True):
    """The entry's actor may look until then; `live` when what happens is shown to it as it happens.

    `subject` is whose log; None for the whole node's.
    """

    scope: Scope
    subject: SubjectField | None
    minutes: MinutesField
    live: bool
    until: InstantField


class Filter(Body, frozen=True, kw_only=True):
    """What a page was narrowed to; None where it was not."""

    person: ActorIdField | None = None
    subject: SubjectField | None = None
    visit: AnyIdField | None = None
    type: TypeField | None = None
    action: WordField | None = None
    purpose: WordField | None = None
    outcome: WordField | None = None
    since: InstantField | None = None
    until: InstantField | None = None
    before: PositionField | None = None


class Looked(Body, frozen=True, kw_only=True):
    """The watch's actor was shown a page: so many rows through this filter, or the entry at `position`.

    The node's own word: what is asked with a session is not signed.
    """

    actor: ActorIdField
    what: What
    filter: Filter
    position: PositionField | None
    subject: SubjectField | None
    count: CountField


class WatchEndedBody(Body, frozen=True, kw_only=True):
    """The entry's actor looks no more."""


WATCH_OPENED = EntryType("audit.watch-opened/1", WatchOpened)
LOOKED = EntryType("audit.looked/1", Looked)
WATCH_ENDED = EntryType("audit.watch-ended/1", WatchEndedBody)

ENTRIES = (WATCH_OPENED, LOOKED, WATCH_ENDED)
