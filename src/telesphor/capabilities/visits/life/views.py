"""What people see of visits: their own, the clinician's queue, one visit with everything that its room shows.

Nobody sees a visit without a seat in it but an organisation; interpreters and caregivers see of the others who they are
and no more. Names come from the directory. Start at `VisitViews`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Literal, Protocol

import apsw

from telesphor.capabilities.identity.model import ActorKind
from telesphor.capabilities.visits import store as visit_store
from telesphor.capabilities.visits.consents.model import TextShown
from telesphor.capabilities.visits.consents.service import ReadDocument, texts_in_force
from telesphor.capabilities.visits.consents.store import consents_of
from telesphor.capabilities.visits.life import store
from telesphor.capabilities.visits.life.model import (
    QUEUE_MAX,
    WAITING_MS_MAX,
    LifeRow,
    ParticipantRemoved,
    SeatRole,
    SeatState,
)
from telesphor.capabilities.visits.life.pictures import (
    ConsentTexts,
    Parts,
    Queue,
    VisitList,
    VisitShown,
    VisitView,
    draw_visit,
)
from telesphor.capabilities.visits.model import NotAParticipant, VisitMissing
from telesphor.capabilities.visits.room.recording import recording_of
from telesphor.capabilities.visits.room.store import epochs_of
from telesphor.kernel.clock import Clock, format_instant
from telesphor.kernel.ids import ActorId, VisitId
from telesphor.runtime.capability import Actor

Which = Literal["upcoming", "past"]

ROWS_MAX: Final = 100
"""Visits of one page."""

DAY_BEFORE_MS: Final = 12 * 3_600_000
DAY_AFTER_MS: Final = 24 * 3_600_000
"""What is due today, in whatever zone the reader lives: visits half a day late, and those of the next day."""


class Names(Protocol):
    """The directory of people."""

    def names_for(self, reader: Actor, actors: Iterable[str], /) -> Mapping[str, str]:
        """The names of those who have one, and whom the reader knows."""
        ...


class VisitViews:
    """The views of one node. Safe between threads.

    Args:
        reading: opens a connection to the committed state for a moment.
        names: the directory.
        read_document: a kept document by its digest.
    """

    def __init__(
        self,
        *,
        reading: Callable[[], AbstractContextManager[apsw.Connection]],
        names: Names,
        clock: Clock,
        read_document: ReadDocument,
    ) -> None:
        self._reading = reading
        self._names = names
        self._clock = clock
        self._read_document = read_document

    def visits_of(self, actor: Actor, *, which: Which, before: str | None, rows: int) -> VisitList:
        """The visits in which the actor has a seat: those to come by time, or those that ended, the newest first.

        `next` is the value of `before` for what comes behind, where there may be more.
        """
        with self._reading() as db:
            if which == "upcoming":
                lives = store.upcoming_of(db, actor.id, limit=rows)
            else:
                lives = store.past_of(db, actor.id, before=before, limit=rows)
            more = which == "past" and len(lives) == rows
            return VisitList(
                now=self._now(), visits=self._draw(db, lives, actor), next=lives[-1].visit if more else None
            )

    def show_visit(self, actor: Actor, visit: VisitId) -> VisitShown:
        """One visit.

        Raises:
            VisitMissing, NotAParticipant, ParticipantRemoved
        """
        with self._reading() as db:
            life = store.find_life(db, visit)
            if life is None:
                raise VisitMissing(f"there is no visit `{visit}`")
            _check_may_see(db, life, actor)
            return VisitShown(now=self._now(), visit=self._draw(db, [life], actor)[0])

    def show_queue(self, actor: Actor) -> Queue:
        """Who waits for the actor, in order, and what is due today; a colleague sees what it has a seat in."""
        now_ms = self._clock.now_ms()
        with self._reading() as db:
            waiting = [visit for visit, _ in self._queue(db, actor.id)]
            span = {"from_ms": now_ms - DAY_BEFORE_MS, "until_ms": now_ms + DAY_AFTER_MS}
            today = store.due_for(db, actor.id, limit=QUEUE_MAX, **span)
            led = {life.visit for life in today} | set(waiting)
            for life in store.upcoming_of(db, actor.id, limit=QUEUE_MAX):
                seat = store.find_seat(db, visit=life.visit, actor=actor.id)
                if seat is not None and seat.role is SeatRole.COLLEAGUE and life.visit not in led:
                    today.append(life)
            first = [found for visit in waiting if (found := store.find_life(db, visit)) is not None]
            return Queue(
                now=format_instant(now_ms),
                waiting=self._draw(db, first, actor),
                today=self._draw(db, today, actor),
            )

    def consent_texts(self, language: str) -> ConsentTexts:
        """The texts in force in a language, or in English where there is none in it."""
        with self._reading() as db:
            texts: tuple[TextShown, ...] = texts_in_force(
                db, language=language, read_document=self._read_document
            )
        return ConsentTexts(texts=texts)

    def _draw(self, db: apsw.Connection, lives: Sequence[LifeRow], actor: Actor) -> tuple[VisitView, ...]:
        queues: dict[ActorId, list[VisitId]] = {}
        drawn = []
        for life in lives:
            if life.clinician not in queues:
                queues[life.clinician] = [visit for visit, _ in self._queue(db, life.clinician)]
            drawn.append(self._draw_one(db, life, actor, queues[life.clinician]))
        return tuple(drawn)

    def _draw_one(
        self, db: apsw.Connection, life: LifeRow, actor: Actor, queue: Sequence[VisitId]
    ) -> VisitView:
        seats = store.seats_of(db, life.visit)
        visit = visit_store.find_visit(db, life.visit)
        assert visit is not None, "a visit is opened in both tables by one entry"
        parts = Parts(
            life=life,
            seats=seats,
            consents=consents_of(db, life.visit),
            epochs=epochs_of(db, life.visit),
            recording=recording_of(db, life.visit),
            objects=visit_store.linked_objects(db, life.visit),
            names=self._names.names_for(actor, [seat.actor for seat in seats]),
            queue=queue,
            entries=visit.entries,
        )
        return draw_visit(parts, reader=actor.id)

    def _queue(self, db: apsw.Connection, clinician: str) -> list[tuple[VisitId, ActorId]]:
        after_at = format_instant(self._clock.now_ms() - WAITING_MS_MAX)
        return store.waiting_for(db, clinician, after_at=after_at, limit=QUEUE_MAX)

    def _now(self) -> str:
        return format_instant(self._clock.now_ms())


def parts_with(db: apsw.Connection, reader: str, actors: Sequence[str]) -> set[str]:
    """Return those of these actors who share a visit with the reader; a removed reader shares none."""
    return store.sharing_a_visit(db, reader, actors) if actors else set()


def _check_may_see(db: apsw.Connection, life: LifeRow, actor: Actor) -> None:
    seat = store.find_seat(db, visit=life.visit, actor=actor.id)
    if seat is None and actor.kind != ActorKind.ORGANISATION:
        raise NotAParticipant("the actor has no part in the visit")
    if seat is not None and seat.state is SeatState.REMOVED and seat.role is not SeatRole.PATIENT:
        raise ParticipantRemoved("the participant was removed from the visit")
