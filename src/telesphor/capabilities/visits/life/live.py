"""What happens in visits, told to those who have a seat in them once it is durable.

Only that something happened is told, with the body of its entry, in which nothing of a patient stands; whoever is told
looks at the view again. A message may be lost with a connection, or come twice after a crash: neither does harm.

Start at `VisitNews`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import apsw
import msgspec

from telesphor.capabilities.visits.consents import entries as consent_entries
from telesphor.capabilities.visits.entries import VISIT_CLOSED, VISIT_OBJECT_LINKED, VISIT_OPENED, VisitOpened
from telesphor.capabilities.visits.life import entries as life_entries
from telesphor.capabilities.visits.life import store
from telesphor.capabilities.visits.life.model import (
    QUEUE_MAX,
    THIRD_PARTIES,
    WAITING_MS_MAX,
    SeatRole,
    SeatRow,
    SeatState,
)
from telesphor.capabilities.visits.model import VISIT_STREAM, LinkRole
from telesphor.capabilities.visits.room import entries as room_entries
from telesphor.kernel.clock import Clock, format_instant
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded

Publish = Callable[[Iterable[str], dict[str, Any]], object]
"""Tells something to all connections of some actors; never blocks."""

LIVE_TYPES: Final = frozenset(
    {
        *(one.name for one in life_entries.ENTRIES),
        *(one.name for one in room_entries.ENTRIES),
        consent_entries.CONSENT_GIVEN.name,
        consent_entries.CONSENT_WITHDRAWN.name,
        VISIT_OPENED.name,
        VISIT_OBJECT_LINKED.name,
        VISIT_CLOSED.name,
    }
)
"""The entries that a follower hands over."""

QUEUE_MOVES: Final = frozenset(
    one.name
    for one in (
        life_entries.VISIT_WAITING,
        life_entries.VISIT_ADMITTED,
        life_entries.VISIT_RETURNED,
        life_entries.VISIT_REMOVED,
        life_entries.VISIT_LEFT,
        life_entries.VISIT_ENDED,
        VISIT_CLOSED,
    )
)
"""The entries after which others have another place in the queue."""

_UNTOLD: Final = frozenset({LinkRole.READING, LinkRole.ACCESS, LinkRole.READ})
"""Links that come many times a minute; readings have a stream of their own."""

OLD_MS: Final = 600_000
"""Whoever was not connected for ten minutes looks at the view: what is longer past is told to nobody."""


class VisitNews:
    """Tells what happens in visits.

    Args:
        reading: opens a connection to the committed state for a moment.
        publish: tells it.
        is_connected: whether there is anybody to tell; a wrong yes costs time, a wrong no a message.
        changed: called with the visit of each entry that may change who is in its room; never blocks.
    """

    def __init__(
        self,
        *,
        reading: Callable[[], AbstractContextManager[apsw.Connection]],
        publish: Publish,
        clock: Clock,
        is_connected: Callable[[str], bool] = lambda _: True,
        changed: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._reading = reading
        self._publish = publish
        self._is_connected = is_connected
        self._clock = clock
        self._changed = changed

    def handle(self, entry: Recorded) -> None:
        """Tell of one committed entry."""
        if entry.type == VISIT_OPENED.name and not self._meets_somebody(entry.body):
            return
        kind, visit = parse_stream(entry.stream)
        if kind != VISIT_STREAM or self._is_untold(entry):
            return
        self._changed(visit)
        with self._reading() as db:
            seats = store.seats_of(db, visit)
            life = store.find_life(db, visit)
            moved = self._moved(db, life.clinician) if life and entry.type in QUEUE_MOVES else {}
        self._tell(entry, visit, seats)
        if life is not None:
            queue = {"topic": "queue", "visit": visit, "changes": [entry.type]}
            self._publish([life.clinician], queue)
        for waiting, (patient, position) in moved.items():
            place = {"topic": f"visit/{waiting}", "visit": waiting, "position": position, "changes": []}
            self._publish([patient], place)

    def _meets_somebody(self, body: VisitOpened) -> bool:
        """Visits are opened by the thousand, mostly for people who are not there; nobody else has a seat yet."""
        return self._is_connected(body.patient) or self._is_connected(body.clinician)

    def _tell(self, entry: Recorded, visit: str, seats: Sequence[SeatRow]) -> None:
        """An interpreter or a caregiver is told what happened and to whom, and no more, as the view shows no more."""
        body: dict[str, Any] = msgspec.to_builtins(entry.body)
        whole = {"type": entry.type, "by": entry.actor, **body}
        plain = {name: value for name, value in whole.items() if name in ("type", "by", "participant")}
        named = body.get("participant")
        told: dict[bool, list[str]] = {True: [], False: []}
        for seat in seats:
            # Whoever is removed is told so, and nothing after it; the patient can see the visit ever after.
            gone = seat.state is SeatState.REMOVED and seat.role is not SeatRole.PATIENT
            if not gone or (seat.actor == named and entry.type == life_entries.VISIT_REMOVED.name):
                told[seat.role in THIRD_PARTIES].append(seat.actor)
        for beside, actors in told.items():
            change = plain if beside else whole
            news = {"topic": f"visit/{visit}", "visit": visit, "at": entry.at, "changes": [change]}
            self._publish(actors, news)

    def _moved(self, db: apsw.Connection, clinician: str) -> dict[str, tuple[str, int]]:
        """Everybody's place in a clinician's queue, by visit."""
        after_at = format_instant(self._clock.now_ms() - WAITING_MS_MAX)
        queue = store.waiting_for(db, clinician, after_at=after_at, limit=QUEUE_MAX)
        return {visit: (patient, place) for place, (visit, patient) in enumerate(queue, start=1)}

    def _is_untold(self, entry: Recorded) -> bool:
        if entry.at < format_instant(self._clock.now_ms() - OLD_MS):
            return True
        return entry.type == VISIT_OBJECT_LINKED.name and entry.body.role in _UNTOLD
