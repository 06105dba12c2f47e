"""When a visit is, who has a seat in it, and how it ends; and what other parts ask about the room.

The moves of a seat are in `seats`, the identity check in `identity`. Start at `LifeDesk`.
"""

from __future__ import annotations

from typing import Final, Protocol

import apsw

from telesphor.capabilities.access.model import Action
from telesphor.capabilities.access.service import permit_in_house
from telesphor.capabilities.access.sources import NOTHING, Sources
from telesphor.capabilities.identity.model import ActorIdField, ActorKind, InstantField, VisitIdField
from telesphor.capabilities.identity.service import active_kind, find_actor
from telesphor.capabilities.visits.life import store
from telesphor.capabilities.visits.life.entries import (
    VISIT_ENDED,
    VISIT_INVITED,
    VISIT_SCHEDULED,
    VisitEndedBody,
    VisitInvited,
    VisitScheduled,
)
from telesphor.capabilities.visits.life.model import (
    AHEAD_MS_MAX,
    BEFORE,
    BEHIND_MS_MAX,
    LIVING,
    SEATS_EVER_MAX,
    SEATS_MAX,
    InvitationUnknown,
    InvitedRole,
    MinutesField,
    NotInRoom,
    Outcome,
    ParticipantExists,
    ScheduleRefused,
    SeatRow,
    SeatsTaken,
    SeatState,
)
from telesphor.capabilities.visits.life.steps import check_outcome, check_phase
from telesphor.capabilities.visits.model import NotAParticipant, ParticipantRefused, VisitMissing
from telesphor.capabilities.visits.opening import OpenVisit, draft_opening
from telesphor.capabilities.visits.room.recording import stop_running
from telesphor.capabilities.visits.scene import (
    AskAbout,
    Scene,
    beside,
    check_open,
    find_scene,
    leads,
    own_seat,
    stream_of_visit,
)
from telesphor.kernel.clock import InvalidInstant, parse_instant
from telesphor.kernel.ids import ActorId, VisitId
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State


class Invitations(Protocol):
    """What visits ask of invitations."""

    def check_open(self, state: State, *, invitation: str, actor: str, visit: str) -> None:
        """Raise `InvitationUnknown` unless this invitation is for this actor and visit, and can still be taken."""
        ...


class NoInvitations:
    """Where a node has none: every one that is named is unknown."""

    def check_open(self, state: State, *, invitation: str, actor: str, visit: str) -> None:
        """Raise `InvitationUnknown`."""
        raise InvitationUnknown(f"there is no invitation `{invitation}` of this person to this visit")


NO_INVITATIONS: Final = NoInvitations()


class ScheduleVisit(OpenVisit, frozen=True, kw_only=True):
    """Open a visit under a fresh id for a time to come; the patient may be somebody who is invited only now."""

    starts_at: InstantField
    minutes: MinutesField


class RescheduleVisit(Body, frozen=True, kw_only=True):
    """Give a visit that has not begun another time."""

    visit: VisitIdField
    starts_at: InstantField
    minutes: MinutesField


class InviteToVisit(Body, frozen=True, kw_only=True):
    """Give somebody a seat, or the patient another link; `invitation` is the link's, if there is one."""

    visit: VisitIdField
    participant: ActorIdField
    role: InvitedRole
    invitation: ActorIdField | None


class EndVisit(Body, frozen=True, kw_only=True):
    """End a visit for all who are in it."""

    visit: VisitIdField
    outcome: Outcome


def find_seats(db: apsw.Connection, visit: str) -> tuple[SeatRow, ...]:
    """Return all seats of a visit by actor, removed ones among them; raises `VisitMissing`."""
    if store.find_life(db, visit) is None:
        raise VisitMissing(f"there is no visit `{visit}`")
    return store.seats_of(db, visit)


def has_seat(db: apsw.Connection, actor: str) -> bool:
    """Say whether somebody, registered or not, was ever given a seat in a visit."""
    return store.has_seat(db, actor)


def in_room(db: apsw.Connection, visit: str) -> tuple[ActorId, ...]:
    """Return who is in the room of a visit now, sorted."""
    return tuple(seat.actor for seat in store.seats_of(db, visit) if seat.state is SeatState.ADMITTED)


def check_in_room(db: apsw.Connection, *, visit: str, actor: str) -> SeatRow:
    """Return the seat of somebody who is in the room now.

    Raises:
        VisitMissing, NotInRoom
    """
    for seat in find_seats(db, visit):
        if seat.actor == actor and seat.state is SeatState.ADMITTED:
            return seat
    raise NotInRoom("the participant is not in the room")


def check_may_invite(actor: Actor, *, visit: str, invited: str, state: State) -> None:
    """Let only those pass who may send this person a link to this visit: who leads it, or its patient.

    The patient invites only whom it could bring: somebody who is not the clinician, and has a seat to take.

    Raises:
        VisitMissing, VisitClosed, VisitEnded, NotAParticipant, SeatsTaken
    """
    scene = find_scene(VisitId(visit), state)
    if not leads(actor, scene) and actor.id != scene.visit.patient:
        raise NotAParticipant("whoever leads the visit, or its patient, invites to it")
    check_phase(scene.life.phase, LIVING)
    if invited == scene.visit.clinician or (invited == actor.id and not leads(actor, scene)):
        raise NotAParticipant("nobody invites themselves, or the visit's clinician")
    seat = scene.seat_of(invited)
    if seat is None or seat.state is SeatState.REMOVED:
        _check_seat_free(scene)


class LifeDesk:
    """The use cases of whoever leads a visit.

    Args:
        ask: asks access about a visit.
        sources: what decisions of access are told, for opening one.
        invitations: the links by which people come.
    """

    def __init__(
        self, *, ask: AskAbout, sources: Sources = NOTHING, invitations: Invitations = NO_INVITATIONS
    ) -> None:
        self._ask = ask
        self._sources = sources
        self._invitations = invitations

    def schedule_visit(self, actor: Actor, command: ScheduleVisit, state: State) -> Decision:
        """Open a visit for a time to come.

        Raises:
            AccessDenied, NotPermitted, NotAParticipant, VisitExists, ActorMissing, ActorRetired, ParticipantRefused: as
                `visit.open/1`, but that the patient may be unknown so far.
            ScheduleRefused: no visit is at such a time.
        """
        allowed = permit_in_house(actor, Action.OPEN_VISIT, state, sources=self._sources)
        opening = draft_opening(actor, command, state, patient_known=False)
        return beside(allowed, opening, _draft_schedule(command, state))

    def reschedule_visit(self, actor: Actor, command: RescheduleVisit, state: State) -> Decision:
        """Give a visit another time.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, VisitFull, ScheduleRefused
            VisitUnderway, VisitEnded, VisitClosed: it has begun.
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        _check_leads(actor, scene)
        check_phase(scene.life.phase, BEFORE)
        check_open(scene.visit, state.db)
        return beside(allowed, _draft_schedule(command, state))

    def invite(self, actor: Actor, command: InviteToVisit, state: State) -> Decision:
        """Give somebody a seat.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, VisitEnded, VisitClosed, VisitFull
            ParticipantExists, SeatsTaken: there is a seat for them already, or none is free.
            ParticipantRefused, ActorMissing, ActorRetired, InvitationUnknown: they cannot take part.
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        if not leads(actor, scene):
            seat = own_seat(actor, scene)
            if seat.actor != scene.visit.patient or command.role != "caregiver":
                raise NotAParticipant("whoever leads the visit invites; its patient invites a caregiver")
        check_phase(scene.life.phase, LIVING)
        check_open(scene.visit, state.db)
        _check_part(command, scene)
        self._check_invited(command, state)
        body = VisitInvited(participant=command.participant, role=command.role, invitation=command.invitation)
        return beside(allowed, Draft(VISIT_INVITED.name, stream_of_visit(command.visit), body))

    def end_visit(self, actor: Actor, command: EndVisit, state: State) -> Decision:
        """End a visit: everybody is out of the room, and a recording that runs stops.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, VisitEnded, VisitClosed, VisitFull
            OutcomeRefused: it cannot end like this.
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CLOSE_VISIT, scene, state)
        cancels = command.outcome is Outcome.CANCELLED and actor.id == scene.visit.patient
        if not leads(actor, scene) and not cancels:
            raise NotAParticipant("whoever leads the visit ends it; its patient may cancel it")
        check_outcome(command.outcome, scene.life.phase)
        stopped = stop_running(state.db, command.visit, reason="ended")
        check_open(scene.visit, state.db, adding=1 + len(stopped), always=True)
        ended = Draft(
            VISIT_ENDED.name, stream_of_visit(command.visit), VisitEndedBody(outcome=command.outcome)
        )
        return beside(allowed, *stopped, ended)

    def _check_invited(self, command: InviteToVisit, state: State) -> None:
        if command.invitation is not None:
            self._invitations.check_open(
                state, invitation=command.invitation, actor=command.participant, visit=command.visit
            )
            if find_actor(state.db, command.participant) is None:
                return  # whoever redeems the link is registered by it, as a person
        if active_kind(state, command.participant) != ActorKind.PERSON:
            raise ParticipantRefused(f"actor `{command.participant}` is no person")


def _check_leads(actor: Actor, scene: Scene) -> None:
    if not leads(actor, scene):
        raise NotAParticipant("the clinician, whoever opened the visit, or an organisation does this")


def _draft_schedule(command: ScheduleVisit | RescheduleVisit, state: State) -> Draft:
    try:
        starts_ms = parse_instant(command.starts_at)
    except InvalidInstant as error:
        raise ScheduleRefused("the visit is to start at no instant") from error
    if not state.now_ms - BEHIND_MS_MAX <= starts_ms <= state.now_ms + AHEAD_MS_MAX:
        raise ScheduleRefused("the time is long past, or too far ahead", hint="choose one within two years")
    body = VisitScheduled(starts_at=command.starts_at, minutes=command.minutes)
    return Draft(VISIT_SCHEDULED.name, stream_of_visit(command.visit), body)


def _check_part(command: InviteToVisit, scene: Scene) -> None:
    """The patient is invited as such, again and again; everybody else has one seat."""
    is_patient = command.participant == scene.visit.patient
    if is_patient != (command.role == "patient") or command.participant == scene.visit.clinician:
        raise ParticipantRefused("the visit's patient is invited as its patient, and nobody else is")
    seat = scene.seat_of(command.participant)
    if seat is None or seat.state is SeatState.REMOVED:
        _check_seat_free(scene)
    elif not is_patient:
        raise ParticipantExists("the person has a seat in this visit already")


def _check_seat_free(scene: Scene) -> None:
    taken = sum(seat.state is not SeatState.REMOVED for seat in scene.seats)
    if taken >= SEATS_MAX or len(scene.seats) >= SEATS_EVER_MAX:
        raise SeatsTaken(f"a visit has at most `{SEATS_MAX}` participants", hint="remove somebody first")
