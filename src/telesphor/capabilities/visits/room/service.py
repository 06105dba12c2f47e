"""What is recorded in a room, and under whose keys people talk. Start at `RoomDesk`.

The node sees no key: whoever makes one seals it to those who are in the room, and says here for whom it was made, with
the digest of the envelopes.
"""

from __future__ import annotations

from telesphor.capabilities.access.model import Action
from telesphor.capabilities.identity.model import ObjectIdField, VisitIdField
from telesphor.capabilities.visits.life.model import CLINICAL, LIVING, NotInRoom, SeatState
from telesphor.capabilities.visits.life.steps import check_phase
from telesphor.capabilities.visits.model import NotAParticipant
from telesphor.capabilities.visits.room import store
from telesphor.capabilities.visits.room.entries import (
    EPOCH_OPENED,
    RECORDING_STARTED,
    EpochOpened,
    RecordingStarted,
)
from telesphor.capabilities.visits.room.model import (
    RECORDINGS_MAX,
    EnvelopesField,
    EpochField,
    EpochRefused,
    MembersField,
    NotRecording,
    RecordingRefused,
    RecordingRunning,
)
from telesphor.capabilities.visits.room.recording import check_recording, draft_stop
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
from telesphor.vault.model import ObjectState
from telesphor.vault.store import find_object, readers_of


class StartRecording(Body, frozen=True, kw_only=True):
    """Begin to record into an object that one has begun for this visit and not sealed."""

    visit: VisitIdField
    object: ObjectIdField


class StopRecording(Body, frozen=True, kw_only=True):
    """Stop the recording that runs."""

    visit: VisitIdField


class OpenEpoch(Body, frozen=True, kw_only=True):
    """Say for whom one has made a new key, and which envelopes it is in."""

    visit: VisitIdField
    epoch: EpochField
    participants: MembersField
    envelopes: EnvelopesField


class RoomDesk:
    """The use cases of the room.

    Args:
        ask: asks access about a visit.
    """

    def __init__(self, *, ask: AskAbout) -> None:
        self._ask = ask

    def start_recording(self, actor: Actor, command: StartRecording, state: State) -> Decision:
        """Note that recording begins, while everybody in the room consents.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted
            VisitEnded, VisitClosed, VisitFull
            RecordingNotPermitted: not everybody in the room consents.
            RecordingRunning: there is a recording already.
            RecordingRefused: the object is not the actor's own new one for this visit, or others could read it.
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        check_phase(scene.life.phase, LIVING)
        own_clinical_seat(actor, scene, in_room=True)
        check_recording(state.db, command.visit)
        if store.running_recording(state.db, command.visit) is not None:
            raise RecordingRunning("the visit is being recorded already")
        _check_target(actor, command, scene, state)
        check_open(scene.visit, state.db)
        body = RecordingStarted(object=command.object)
        return beside(allowed, Draft(RECORDING_STARTED.name, stream_of_visit(command.visit), body))

    def stop_recording(self, actor: Actor, command: StopRecording, state: State) -> Decision:
        """Note that recording ends; no rule keeps anybody in the room from it.

        Raises:
            VisitMissing, NotAParticipant, NotInRoom, VisitClosed, VisitFull
            NotRecording: nothing is being recorded.
        """
        scene = find_scene(command.visit, state)
        seat = scene.seat_of(actor.id)
        if seat is None:
            raise NotAParticipant("the actor has no part in the visit")
        if seat.state is not SeatState.ADMITTED:
            raise NotInRoom("who is in the room stops a recording")
        running = store.running_recording(state.db, command.visit)
        if running is None:
            raise NotRecording("nothing is being recorded")
        check_open(scene.visit, state.db, always=True)
        return Decision((draft_stop(command.visit, running, reason="asked"),))

    def open_epoch(self, actor: Actor, command: OpenEpoch, state: State) -> Decision:
        """Note that the actor's key changed, and for whom: only for those who are in the room, and itself.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted, NotInRoom
            VisitEnded, VisitClosed, VisitFull
            EpochRefused: the number is not behind the actor's last, or the key is for others than those in the room.
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        if own_seat(actor, scene).state is not SeatState.ADMITTED:
            raise NotInRoom("who is in the room makes its keys")
        check_phase(scene.life.phase, LIVING)
        _check_epoch(actor, command, scene, state)
        check_open(scene.visit, state.db)
        body = EpochOpened(
            epoch=command.epoch, participants=command.participants, envelopes=command.envelopes
        )
        return beside(allowed, Draft(EPOCH_OPENED.name, stream_of_visit(command.visit), body))


def _check_epoch(actor: Actor, command: OpenEpoch, scene: Scene, state: State) -> None:
    named = command.participants
    if list(named) != sorted(set(named)) or actor.id not in named:
        raise EpochRefused("the participants are not named once each, in order, and the maker among them")
    if not set(named) <= {seat.actor for seat in scene.room()}:
        raise EpochRefused(
            "the key is for somebody who is not in the room", hint="make another, for those who are"
        )
    last = store.last_epoch_of(state.db, visit=command.visit, maker=actor.id)
    if command.epoch <= last:
        raise EpochRefused(f"the last key of this participant has number `{last}`", hint="count on")


def _check_target(actor: Actor, command: StartRecording, scene: Scene, state: State) -> None:
    """Begun for this visit by the actor, and for nobody's eyes but those of patient and clinicians."""
    row = find_object(state.db, command.object)
    if row is None or row.owner != actor.id or row.visit != command.visit:
        raise RecordingRefused("the object is not one that the actor has begun for this visit")
    if row.state is not ObjectState.BEGUN:
        raise RecordingRefused("the object is sealed or erased", hint="begin another")
    if store.find_recording(state.db, visit=command.visit, object=command.object) is not None:
        raise RecordingRefused("the visit was recorded into this object before", hint="begin another")
    clinical = {seat.actor for seat in scene.seats if seat.role in CLINICAL}
    patient = scene.visit.patient
    if row.subject not in (None, patient) or not readers_of(state.db, command.object) <= clinical | {patient}:
        raise RecordingRefused("others than the patient and the visit's clinicians could read the recording")
    if store.count_recordings(state.db, command.visit) >= RECORDINGS_MAX:
        raise RecordingRefused(f"a visit has at most `{RECORDINGS_MAX}` recordings")
