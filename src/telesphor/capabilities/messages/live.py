"""What members are told at once: a follower of the ledger that publishes to whoever is connected.

It tells that something happened, never what was written; whoever is told looks it up. Start at `LiveMessages.handle`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import apsw

from telesphor.capabilities.messages import entries as types
from telesphor.capabilities.messages.finding import Reading
from telesphor.capabilities.messages.queries import store
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded

FOLLOWER: Final = "messages-live"

_EVENTS: Final = {
    types.THREAD_OPENED.name: "members",
    types.MEMBER_ADDED.name: "members",
    types.MEMBER_REMOVED.name: "members",
    types.MEMBER_LEFT.name: "members",
    types.THREAD_ARCHIVED.name: "state",
    types.THREAD_RESTORED.name: "state",
    types.RETENTION_SET.name: "state",
    types.HOLD_LAID.name: "state",
    types.HOLD_LIFTED.name: "state",
    types.MESSAGE_SENT.name: "message",
    types.MESSAGE_EDITED.name: "edited",
    types.MESSAGE_RECALLED.name: "recalled",
    types.MESSAGE_DELIVERED.name: "delivered",
    types.MESSAGE_READ.name: "read",
    types.MONITOR_JUDGED.name: "judged",
    types.MESSAGE_RELEASED.name: "released",
    types.MESSAGES_EXPIRED.name: "expired",
}

FOLLOWED: Final = frozenset(_EVENTS)
"""Types of the entries that somebody is told of."""


class Publisher(Protocol):
    """The hub of live connections."""

    def publish(self, actors: Iterable[str], message: Mapping[str, Any]) -> None:
        """Tell all connections of these actors; never blocks."""


class LiveMessages:
    """Tells members what happened in their threads.

    Args:
        reading: lends a connection that reads the ledger's tables.
    """

    def __init__(self, hub: Publisher, *, reading: Reading) -> None:
        self._hub = hub
        self._reading = reading

    def handle(self, entry: Recorded) -> None:
        """Tell the members of an entry's thread, and whoever just ceased to be one."""
        event = _EVENTS.get(entry.type)
        if event is None:
            return
        thread = parse_stream(entry.stream)[1]
        with self._reading() as db:
            told = {str(member.actor) for member in store.members_of(db, thread)}
            message = getattr(entry.body, "message", None)
            if getattr(entry.body, "screened", False):
                told = {entry.actor}  # The others learn of it once it goes out.
            if event == "judged":
                event, told = self._outcome(db, entry, told)
        if entry.type in (types.MEMBER_REMOVED.name, types.MEMBER_LEFT.name):
            told.add(getattr(entry.body, "actor", entry.actor))
        if event:
            said = {"topic": entry.stream, "event": event, "message": message, "actor": entry.actor}
            self._hub.publish(sorted(told), said)

    def _outcome(self, db: apsw.Connection, entry: Recorded, members: set[str]) -> tuple[str, set[str]]:
        """What a judgement changed, if anything: a message is held back, or one that waited goes out."""
        version = store.find_version(db, entry.body.message, entry.body.version)
        if version is None or (entry.body.verdict != "hold" and not version.screened):
            return "", set()
        if entry.body.verdict == "hold":
            return "held", members
        return ("message" if version.version == 1 else "edited"), members
