"""A visit as one command finds it, and what every command of a visit asks first.

Start at `find_scene`. `ask_about` asks access; `own_seat` refuses whoever has no part; `check_open` refuses what a
closed or a full visit cannot take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import apsw

from telesphor.capabilities.access.model import Action, Allowed, Ask, Resource, ResourceKind
from telesphor.capabilities.access.service import authorise
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.identity.model import ActorKind
from telesphor.capabilities.visits import store
from telesphor.capabilities.visits.life import store as life_store
from telesphor.capabilities.visits.life.model import (
    CLINICAL,
    PLACES_KEPT,
    STEPS_MAX,
    LifeRow,
    ParticipantRemoved,
    SeatRole,
    SeatRow,
    SeatState,
    StepsExhausted,
)
from telesphor.capabilities.visits.model import (
    VISIT_ENTRIES_MAX,
    VISIT_STREAM,
    NotAParticipant,
    VisitClosed,
    VisitFull,
    VisitMissing,
    VisitRow,
)
from telesphor.kernel.ids import Stream, VisitId, stream_of
from telesphor.runtime.capability import Actor, Decision, Draft, State

ANY_ROLE: Final = frozenset(SeatRole)


class Scene(NamedTuple):
    """A visit, how far it is, and all its seats by actor, removed ones among them."""

    visit: VisitRow
    life: LifeRow
    seats: tuple[SeatRow, ...]

    def seat_of(self, actor_id: str) -> SeatRow | None:
        """The seat of somebody, also when it was removed."""
        return next((seat for seat in self.seats if seat.actor == actor_id), None)

    def room(self) -> tuple[SeatRow, ...]:
        """The seats of those who are in the room."""
        return tuple(seat for seat in self.seats if seat.state is SeatState.ADMITTED)


AskAbout = Callable[[Actor, Action, Scene, State], Allowed]
"""Asks access about a visit; raises `AccessDenied`, which leaves the denial on the ledger."""


def find_scene(visit_id: VisitId, state: State) -> Scene:
    """Return a visit with its life and its seats; raises `VisitMissing`."""
    visit = find_visit(visit_id, state)
    life = life_store.find_life(state.db, visit_id)
    assert life is not None, "a visit is opened in both tables by one entry"
    return Scene(visit, life, life_store.seats_of(state.db, visit_id))


def find_visit(visit_id: VisitId, state: State) -> VisitRow:
    """Return a visit; raises `VisitMissing`."""
    visit = store.find_visit(state.db, visit_id)
    if visit is None:
        raise VisitMissing(f"there is no visit `{visit_id}`")
    return visit


def ask_about(actor: Actor, action: Action, scene: Scene, state: State, *, sources: Sources) -> Allowed:
    """Ask access about a visit.

    Raises:
        ParticipantRemoved: the actor was removed from it, and nothing else is looked at.
        AccessDenied: the rules do not allow it.
    """
    seat = scene.seat_of(actor.id)
    if seat is not None and seat.state is SeatState.REMOVED and seat.role is not SeatRole.PATIENT:
        raise _removed()
    ask = Ask(action=action, resource=resource_of(scene.visit, scene.seats))
    return authorise(actor, ask, state, sources=sources)


def resource_of(visit: VisitRow, seats: tuple[SeatRow, ...]) -> Resource:
    """A visit as rules see it: of whoever opened it, about its patient, with those who have a seat in it."""
    parties = (visit.patient, visit.clinician)
    others = (
        seat.actor for seat in seats if seat.state is not SeatState.REMOVED and seat.actor not in parties
    )
    return Resource(
        kind=ResourceKind.VISIT,
        id=visit.visit,
        owner=visit.opened_by,
        subject=visit.patient,
        readers=(*parties, *others),
    )


def own_seat(
    actor: Actor, scene: Scene, *, roles: frozenset[SeatRole] = ANY_ROLE, counted: bool = True
) -> SeatRow:
    """Return the actor's seat, which has one of these roles.

    Args:
        counted: whether what follows is a step, of which nobody but the visit's clinician takes too many.

    Raises:
        NotAParticipant: it has none, or another role.
        ParticipantRemoved: it was removed.
        StepsExhausted: it has taken as many steps as anybody may, and does not lead the visit.
    """
    seat = scene.seat_of(actor.id)
    if seat is None or seat.role not in roles:
        raise NotAParticipant("the actor has no part in the visit, or not the part that this takes")
    if seat.state is SeatState.REMOVED:
        raise _removed()
    if counted and seat.steps >= STEPS_MAX and seat.role is not SeatRole.CLINICIAN:
        raise StepsExhausted(f"a participant takes at most `{STEPS_MAX}` steps in a visit")
    return seat


def own_clinical_seat(actor: Actor, scene: Scene, *, in_room: bool) -> SeatRow:
    """Return the seat of the visit's clinician, or of a colleague who is in the room.

    Args:
        in_room: whether the visit's clinician must be in the room as well.

    Raises:
        NotAParticipant, ParticipantRemoved, StepsExhausted: as `own_seat`.
    """
    seat = own_seat(actor, scene, roles=CLINICAL)
    must = in_room or seat.role is SeatRole.COLLEAGUE
    if must and seat.state is not SeatState.ADMITTED:
        raise NotAParticipant("a clinician does this who is in the room", hint="enter the room first")
    return seat


def leads(actor: Actor, scene: Scene) -> bool:
    """Whether the actor is the visit's clinician, opened it, or is an organisation."""
    visit = scene.visit
    return actor.id in (visit.clinician, visit.opened_by) or actor.kind == ActorKind.ORGANISATION


def check_open(visit: VisitRow, db: apsw.Connection, *, adding: int = 1, always: bool = False) -> None:
    """Let only a visit pass that can take so many more entries.

    Args:
        always: for what must be possible to the last: taking a consent back, leaving, ending.

    Raises:
        VisitClosed, VisitFull
    """
    if visit.state == "closed":
        raise VisitClosed("the visit is closed; nothing can be added")
    left = VISIT_ENTRIES_MAX - 1 - visit.entries - adding  # the last place is that of `visit.closed`
    if left >= PLACES_KEPT or (left >= 0 and always):
        return
    life = life_store.find_life(db, visit.visit)
    if left < 0 or (life is not None and life.led):
        raise VisitFull(
            f"a visit has at most `{VISIT_ENTRIES_MAX}` entries", hint="close it and open another"
        )


def beside(allowed: Allowed, *drafts: Draft, documents: tuple[bytes, ...] = ()) -> Decision:
    """A command's own entries, and what its permission must record behind them."""
    return Decision((*drafts, *allowed.drafts), documents=(*documents, *allowed.documents))


def stream_of_visit(visit: str) -> Stream:
    """The stream of a visit."""
    return stream_of(VISIT_STREAM, visit)


def _removed() -> ParticipantRemoved:
    return ParticipantRemoved("the participant was removed from the visit", hint="have it invited again")
