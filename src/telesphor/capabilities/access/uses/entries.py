"""The facts of uses: notes on `access/<actor>`, beside their decisions; reads of the log on `log/<subject or node>`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.access.model import ResourceText
from telesphor.capabilities.access.uses.model import PAGE_ROWS_MAX, Done, RecipientKind
from telesphor.capabilities.identity.model import ActorIdField, InstantField
from telesphor.runtime.capability import Body, EntryType
from telesphor.vault.model import Purpose

PositionField = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class UseNoted(Body, frozen=True, kw_only=True):
    """The entry's actor did this with what it had read, as `decision` allowed it."""

    decision: ActorIdField
    resource: ResourceText
    done: Done
    purpose: Purpose
    recipient: RecipientKind | None


class LogRead(Body, frozen=True, kw_only=True):
    """The entry's actor was shown so many lines of this log, through this filter."""

    object: ActorIdField | None
    visit: ActorIdField | None
    actor: ActorIdField | None
    since: InstantField | None
    until: InstantField | None
    before: PositionField
    count: Annotated[int, Meta(ge=0, le=PAGE_ROWS_MAX)]


USE_NOTED = EntryType("use.noted/1", UseNoted)
LOG_READ = EntryType("access-log.read/1", LogRead)

ENTRIES = (USE_NOTED, LOG_READ)
