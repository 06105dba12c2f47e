"""The beginning of a visit: who may open one, and for whom."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.access.tokens.policies import holders_of_device
from telesphor.capabilities.identity.enrolment.service import find_enrolment
from telesphor.capabilities.identity.model import ActorIdField, ActorKind, VisitIdField, require_kind
from telesphor.capabilities.identity.service import active_kind, find_actor
from telesphor.capabilities.visits.entries import VISIT_OPENED, VisitOpened
from telesphor.capabilities.visits.model import (
    DEVICES_MAX,
    VISIT_STREAM,
    NotAParticipant,
    ParticipantRefused,
    VisitExists,
)
from telesphor.kernel.ids import Stream
from telesphor.runtime.capability import Actor, Body, Draft, State

# Bound once: Python 3.11 looks a member of an enum up in its own language, and visits are opened by the thousand.
_PERSON, _DEVICE = ActorKind.PERSON, ActorKind.DEVICE
_OPENERS = (ActorKind.PERSON, ActorKind.ORGANISATION, ActorKind.SYSTEM)


class OpenVisit(Body, frozen=True, kw_only=True):
    """Open a visit under a fresh id; asked by its clinician, an organisation or a system."""

    visit: VisitIdField
    patient: ActorIdField
    clinician: ActorIdField
    devices: Annotated[tuple[ActorIdField, ...], Meta(max_length=DEVICES_MAX)]


def stream_of_opening(command: OpenVisit) -> Stream:
    """Where the visit's first entry will be; the command's shape has its id checked."""
    return Stream(f"{VISIT_STREAM}/{command.visit}")


def draft_opening(actor: Actor, command: OpenVisit, state: State, *, patient_known: bool = True) -> Draft:
    """The first entry of a visit.

    Args:
        patient_known: whether the patient must be registered; else it may be an id for which a link is made now.

    Raises:
        NotPermitted, NotAParticipant: the actor does not open such a visit.
        VisitExists: the id was used before.
        ActorMissing, ActorRetired, ParticipantRefused: somebody named cannot take part.
    """
    require_kind(actor, *_OPENERS)
    if actor.kind == _PERSON and actor.id != command.clinician:
        raise NotAParticipant("a person opens only visits whose clinician it is")
    stream = stream_of_opening(command)
    if state.next_n(stream) != 0:
        raise VisitExists(f"the id `{command.visit}` was used for a visit before", hint="make a new id")
    _check_parties(command, state, patient_known=patient_known)
    body = VisitOpened(patient=command.patient, clinician=command.clinician, devices=command.devices)
    return Draft(VISIT_OPENED.name, stream, body)


def _check_parties(command: OpenVisit, state: State, *, patient_known: bool) -> None:
    if command.patient == command.clinician:
        raise ParticipantRefused("the patient and the clinician are the same person")
    if len(set(command.devices)) != len(command.devices):
        raise ParticipantRefused("a device is named twice")
    if patient_known or find_actor(state.db, command.patient) is not None:
        _check_kind(command.patient, _PERSON, state)
    _check_kind(command.clinician, _PERSON, state)
    for device in command.devices:
        _check_kind(device, _DEVICE, state)
    for device in command.devices:
        _check_device(device, patient=command.patient, state=state)


def _check_kind(actor_id: str, kind: ActorKind, state: State) -> None:
    if active_kind(state, actor_id) != kind:
        raise ParticipantRefused(f"actor `{actor_id}` is not of kind `{kind}`")


def _check_device(device: str, *, patient: str, state: State) -> None:
    """An enrolled device measures its holder; without one its owner, or anybody where an organisation owns it."""
    enrolment = find_enrolment(state.db, device)
    if enrolment is None:
        return
    holders = holders_of_device(state, device)
    if not holders and active_kind(state, enrolment.owner) != ActorKind.PERSON:
        return
    if patient not in (holders or {enrolment.owner}):
        raise ParticipantRefused(
            f"device `{device}` is another's",
            hint="its owner or an organisation grants it to the patient first",
        )
