"""The moves of participants: check-in, queue, room, lobby, out. `steps` says what may follow what.

Whoever changes who is in the room ends a recording that may not go on with those who are in it then.
"""

from __future__ import annotations

from telesphor.capabilities.access.model import Action
from telesphor.capabilities.identity.model import ActorIdField, VisitIdField
from telesphor.capabilities.visits.consents.model import Consent, ConsentMissing
from telesphor.capabilities.visits.consents.store import find_consent
from telesphor.capabilities.visits.life.entries import (
    VISIT_ADMITTED,
    VISIT_BEGUN,
    VISIT_CHECKED_IN,
    VISIT_LEFT,
    VISIT_REMOVED,
    VISIT_RETURNED,
    VISIT_WAITING,
    VisitAdmitted,
    VisitBegun,
    VisitCheckedIn,
    VisitLeft,
    VisitRemoved,
    VisitReturned,
    VisitWaiting,
)
from telesphor.capabilities.visits.life.model import (
    THIRD_PARTIES,
    DeviceCheck,
    NetworkCheck,
    SeatRole,
    SeatRow,
    SeatState,
)
from telesphor.capabilities.visits.life.steps import Step, move
from telesphor.capabilities.visits.model import NotAParticipant, ParticipantRefused
from telesphor.capabilities.visits.room.recording import stop_where_refused
from telesphor.capabilities.visits.scene import (
    AskAbout,
    Scene,
    beside,
    check_open,
    find_scene,
    own_clinical_seat,
    own_seat,
    stream_of_visit,
)
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State


class CheckIn(Body, frozen=True, kw_only=True):
    """Say how one's devices and network do, before waiting."""

    visit: VisitIdField
    camera: DeviceCheck
    microphone: DeviceCheck
    speaker: DeviceCheck
    network: NetworkCheck


class Wait(Body, frozen=True, kw_only=True):
    """Take a place in the queue."""

    visit: VisitIdField


class Begin(Body, frozen=True, kw_only=True):
    """Enter the room as the visit's clinician; the first time, this begins the visit."""

    visit: VisitIdField


class Admit(Body, frozen=True, kw_only=True):
    """Let somebody who waits into the room."""

    visit: VisitIdField
    participant: ActorIdField


class Return(Body, frozen=True, kw_only=True):
    """Send somebody back to the lobby."""

    visit: VisitIdField
    participant: ActorIdField


class Remove(Body, frozen=True, kw_only=True):
    """Remove somebody from the visit."""

    visit: VisitIdField
    participant: ActorIdField


class Leave(Body, frozen=True, kw_only=True):
    """Leave the room, or the queue."""

    visit: VisitIdField


class SeatDesk:
    """The use cases that move seats.

    Args:
        ask: asks access about a visit.
    """

    def __init__(self, *, ask: AskAbout) -> None:
        self._ask = ask

    def check_in(self, actor: Actor, command: CheckIn, state: State) -> Decision:
        """Note how somebody's devices do; who waits already keeps the place.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted, AlreadyAdmitted
            VisitEnded, VisitClosed, VisitFull
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        seat = own_seat(actor, scene, roles=frozenset(SeatRole) - {SeatRole.CLINICIAN})
        move(Step.CHECK_IN, seat.state, phase=scene.life.phase)
        check_open(scene.visit, state.db)
        body = VisitCheckedIn(
            camera=command.camera,
            microphone=command.microphone,
            speaker=command.speaker,
            network=command.network,
        )
        return beside(allowed, _draft(VISIT_CHECKED_IN.name, scene, body))

    def wait(self, actor: Actor, command: Wait, state: State) -> Decision:
        """Take a place in the queue.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted
            NotCheckedIn, AlreadyWaiting, AlreadyAdmitted, VisitEnded, VisitClosed, VisitFull
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        seat = own_seat(actor, scene)
        move(Step.WAIT, seat.state, phase=scene.life.phase)
        check_open(scene.visit, state.db)
        return beside(allowed, _draft(VISIT_WAITING.name, scene, VisitWaiting()))

    def begin(self, actor: Actor, command: Begin, state: State) -> Decision:
        """Let the visit's clinician into the room.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, AlreadyAdmitted, VisitEnded, VisitClosed, VisitFull
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        seat = own_seat(actor, scene, roles=frozenset({SeatRole.CLINICIAN}))
        move(Step.BEGIN, seat.state, phase=scene.life.phase)
        return beside(
            allowed, *self._enter(scene, seat, _draft(VISIT_BEGUN.name, scene, VisitBegun()), state)
        )

    def admit(self, actor: Actor, command: Admit, state: State) -> Decision:
        """Let somebody who waits into the room.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted
            VisitNotBegun, VisitEnded, VisitClosed, VisitFull
            NotWaiting, AlreadyAdmitted: the participant does not wait.
            ConsentMissing: the patient consents not to the visit, or not to sharing it with a third party.
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        seat = _seat_to_move(scene, command.participant)
        own_clinical_seat(actor, scene, in_room=scene.life.phase == "underway")
        move(Step.ADMIT, seat.state, phase=scene.life.phase)
        _check_consent(scene, seat, state)
        body = VisitAdmitted(participant=seat.actor)
        return beside(allowed, *self._enter(scene, seat, _draft(VISIT_ADMITTED.name, scene, body), state))

    def send_back(self, actor: Actor, command: Return, state: State) -> Decision:
        """Send somebody back to the lobby, where they wait again.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted, NotInRoom
            VisitNotBegun, VisitEnded, VisitClosed, VisitFull
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        seat = _seat_to_move(scene, command.participant)
        own_clinical_seat(actor, scene, in_room=False)
        move(Step.RETURN, seat.state, phase=scene.life.phase)
        body = VisitReturned(participant=seat.actor)
        return beside(allowed, *_go_out(scene, seat, _draft(VISIT_RETURNED.name, scene, body), state))

    def remove(self, actor: Actor, command: Remove, state: State) -> Decision:
        """Remove somebody from the visit; only a new invitation brings them back.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted
            VisitEnded, VisitClosed, VisitFull
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        seat = _seat_to_move(scene, command.participant)
        own_clinical_seat(actor, scene, in_room=False)
        move(Step.REMOVE, seat.state, phase=scene.life.phase)
        body = VisitRemoved(participant=seat.actor)
        return beside(allowed, *_go_out(scene, seat, _draft(VISIT_REMOVED.name, scene, body), state))

    def leave(self, actor: Actor, command: Leave, state: State) -> Decision:
        """Leave; no rule keeps anybody in a room.

        Raises:
            VisitMissing, NotAParticipant, ParticipantRemoved, NotInRoom, VisitEnded, VisitClosed, VisitFull
        """
        scene = find_scene(command.visit, state)
        seat = scene.seat_of(actor.id)
        if seat is None:
            raise NotAParticipant("the actor has no part in the visit")
        move(Step.LEAVE, seat.state, phase=scene.life.phase)
        return Decision(_go_out(scene, seat, _draft(VISIT_LEFT.name, scene, VisitLeft()), state))

    def _enter(self, scene: Scene, seat: SeatRow, draft: Draft, state: State) -> tuple[Draft, ...]:
        """Into the room; a recording to which this one has not consented stops first."""
        room = {inside.actor for inside in scene.room()} | {seat.actor}
        stopped = stop_where_refused(state.db, scene.visit.visit, room=room)
        check_open(scene.visit, state.db, adding=1 + len(stopped))
        return (*stopped, draft)


def _go_out(scene: Scene, seat: SeatRow, draft: Draft, state: State) -> tuple[Draft, ...]:
    room = {inside.actor for inside in scene.room()} - {seat.actor}
    was_in_room = seat.state is SeatState.ADMITTED
    stopped = stop_where_refused(state.db, scene.visit.visit, room=room) if was_in_room else ()
    check_open(scene.visit, state.db, adding=1 + len(stopped), always=True)
    return (draft, *stopped)


def _seat_to_move(scene: Scene, participant: str) -> SeatRow:
    seat = scene.seat_of(participant)
    if seat is None:
        raise ParticipantRefused(f"`{participant}` has no part in the visit", hint="invite them first")
    if seat.role is SeatRole.CLINICIAN:
        raise ParticipantRefused("nobody moves the visit's clinician but the clinician")
    return seat


def _check_consent(scene: Scene, seat: SeatRow, state: State) -> None:
    """To the visit, of whoever is the patient; to sharing it, of the patient for a third party."""
    if seat.role is SeatRole.PATIENT:
        consent = Consent.VISIT
    elif seat.role in THIRD_PARTIES:
        consent = Consent.SHARING
    else:
        return
    patient = scene.visit.patient
    if find_consent(state.db, visit=scene.visit.visit, actor=patient, consent=consent) is None:
        raise ConsentMissing(f"the patient has not consented to `{consent}`", hint="ask the patient first")


def _draft(type: str, scene: Scene, body: Body) -> Draft:
    return Draft(type, stream_of_visit(scene.visit.visit), body)
