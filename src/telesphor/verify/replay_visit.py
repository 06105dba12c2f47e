"""Step 16: the visit was lived as its rules say: nobody in the room before they were let in, nothing recorded without
the consent of everybody there, nothing after the end.

The entries of the visit's stream are gone through once, in their order, and the visit is taken from each to the next.
The rules are those by which nodes decide (`docs/spec/visits.md`); here they are written a second time, because a node
that broke them would say that it had not. Entries that move nothing are passed over, and so is a visit without a life.

Start at `check_life`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from telesphor.kernel.manifest import Selection, Subject
from telesphor.verify import visit_faults as faults
from telesphor.verify.body import integer_of, text_of
from telesphor.verify.ledger import Placed
from telesphor.verify.report import Proved, counted
from telesphor.verify.visit_faults import VisitOrderRefused

PATIENT: Final = "patient"
CLINICIAN: Final = "clinician"
CLINICAL: Final = frozenset({CLINICIAN, "colleague"})
THIRD_PARTIES: Final = frozenset({"interpreter", "caregiver"})
ROLES: Final = frozenset({PATIENT, "colleague", *THIRD_PARTIES})

OPENED: Final = "visit.opened/1"
RETURNED: Final = "visit.returned/1"
STOPPED: Final = "visit.recording-stopped/1"
CLOSED: Final = "visit.closed/1"

_CONSENTS: Final = frozenset({"visit", "recording", "sharing"})


@dataclass
class _Seat:
    """One participant's: `state` is `expected`, `checked-in`, `waiting`, `admitted`, `left` or `removed`."""

    role: str
    state: str = "expected"


@dataclass
class _Visit:
    """The visit after the entries so far.

    Attributes:
        phase: `before`, `underway` or `ended`.
        led: it was scheduled, begun or ended, so that it must end before it is closed.
        consents: who consents to what.
        running: the object that is recorded into, and who records.
        epochs: number of the last key that each participant made.
        out: who must go back to the lobby at once, because a consent was taken back.
        steps: entries that moved it.
    """

    patient: str
    clinician: str
    phase: str = "before"
    led: bool = False
    seats: dict[str, _Seat] = field(default_factory=dict)
    consents: set[tuple[str, str]] = field(default_factory=set)
    running: tuple[str, str] | None = None
    epochs: dict[str, int] = field(default_factory=dict)
    out: set[str] = field(default_factory=set)
    steps: int = 0

    def room(self) -> list[str]:
        """Who is in the room."""
        return [actor for actor, seat in self.seats.items() if seat.state == "admitted"]


def check_life(visit: list[Placed], subject: Subject) -> Proved[None]:
    """Step 16. Go through the visit's entries, and refuse the first that its rules forbid there.

    Args:
        visit: the entries of its stream, whole and in order.

    Raises:
        VisitOrderRefused: one of its kinds, which names the fault and the position.
        BodyRefused: an entry does not say what its type does.
    """
    if isinstance(subject, Selection):
        return Proved(None, "somebody chose these entries; no order of a visit is claimed")
    if not any(placed.entry.type in _STEPS for placed in visit):
        return Proved(None, "nobody's steps in the visit are shown")
    life = _open(visit[0])
    for placed in visit[1:]:
        _check_settled(life, placed)
        step = _STEPS.get(placed.entry.type)
        if step is not None:
            _check_phase(life, placed)
            step(life, placed)
            life.steps += 1
        elif placed.entry.type == CLOSED and life.led and life.phase != "ended":
            raise _refused(faults.VisitNotEnded, placed, "the visit is closed, and had not ended")
    return Proved(
        None, f"the visit's {counted(life.steps, 'step')} follow one another as the rules of visits say"
    )


def _refused(fault: type[VisitOrderRefused], placed: Placed, what: str) -> VisitOrderRefused:
    return fault(f"position {placed.position}: {what}")


def _open(placed: Placed) -> _Visit:
    patient, clinician = text_of(placed.entry.body, PATIENT), text_of(placed.entry.body, CLINICIAN)
    life = _Visit(patient, clinician)
    life.seats = {patient: _Seat(PATIENT), clinician: _Seat(CLINICIAN)}
    return life


def _check_settled(life: _Visit, placed: Placed) -> None:
    """What must follow at once has followed: who may not stay is out, and what may not be recorded is not."""
    type = placed.entry.type
    if life.out and type != RETURNED:
        raise _refused(faults.ConsentMissing, placed, "somebody is in the room whose consent was taken back")
    if life.running is None or type in (STOPPED, RETURNED):
        return
    room = life.room()
    if life.running[1] not in room:
        raise _refused(faults.RecordingNotPermitted, placed, "a recording runs on without whoever records")
    if any((actor, "recording") not in life.consents for actor in room):
        raise _refused(
            faults.RecordingNotPermitted, placed, "a recording runs on without everybody's consent"
        )


def _check_phase(life: _Visit, placed: Placed) -> None:
    if life.phase == "ended" and placed.entry.type != _WITHDRAWN:
        raise _refused(faults.VisitEnded, placed, "the visit's life goes on after it has ended")


def _seat(life: _Visit, actor: str, placed: Placed) -> _Seat:
    """The seat of somebody who takes part."""
    seat = life.seats.get(actor)
    if seat is None:
        raise _refused(faults.NotAParticipant, placed, "somebody takes part who has no seat in the visit")
    if seat.state == "removed":
        raise _refused(faults.ParticipantRemoved, placed, "somebody takes part who was removed")
    return seat


def _clinical(life: _Visit, placed: Placed, *, in_room: bool) -> None:
    """The entry's actor is the visit's clinician, or a colleague in the room."""
    seat = _seat(life, placed.entry.actor, placed)
    must = in_room or seat.role != CLINICIAN
    if seat.role not in CLINICAL or (must and seat.state != "admitted"):
        raise _refused(faults.NotAParticipant, placed, "it takes a clinician who is in the room")


def _named(life: _Visit, placed: Placed) -> _Seat:
    """The seat of the participant whom the entry names; nobody moves the visit's clinician."""
    seat = _seat(life, text_of(placed.entry.body, "participant"), placed)
    if seat.role == CLINICIAN:
        raise _refused(faults.NotAParticipant, placed, "somebody else moves the visit's clinician")
    return seat


def _check_underway(life: _Visit, placed: Placed) -> None:
    if life.phase != "underway":
        raise _refused(faults.VisitNotBegun, placed, "somebody is let in or out before the visit has begun")


def _schedule(life: _Visit, placed: Placed) -> None:
    if life.phase != "before":
        raise _refused(faults.VisitUnderway, placed, "a visit that has begun is given another time")
    life.led = True


def _invite(life: _Visit, placed: Placed) -> None:
    participant, role = text_of(placed.entry.body, "participant"), text_of(placed.entry.body, "role")
    seat = life.seats.get(participant)
    if role not in ROLES or (role == PATIENT) != (participant == life.patient):
        raise _refused(faults.NotAParticipant, placed, "somebody is invited as what they are not")
    if seat is None or seat.state == "removed":
        life.seats[participant] = _Seat(role)
    elif role != PATIENT:
        raise _refused(faults.ParticipantExists, placed, "somebody is given a second seat")


def _check_in(life: _Visit, placed: Placed) -> None:
    seat = _seat(life, placed.entry.actor, placed)
    if seat.role == CLINICIAN:
        raise _refused(faults.NotAParticipant, placed, "the visit's clinician checks in")
    if seat.state == "admitted":
        raise _refused(faults.AlreadyAdmitted, placed, "somebody checks in who is in the room")
    if seat.state != "waiting":
        seat.state = "checked-in"


def _wait(life: _Visit, placed: Placed) -> None:
    seat = _seat(life, placed.entry.actor, placed)
    if seat.state == "waiting":
        raise _refused(faults.AlreadyWaiting, placed, "somebody waits twice")
    if seat.state == "admitted":
        raise _refused(faults.AlreadyAdmitted, placed, "somebody waits who is in the room")
    if seat.state != "checked-in":
        raise _refused(faults.NotCheckedIn, placed, "somebody waits who has not checked in")
    seat.state = "waiting"


def _begin(life: _Visit, placed: Placed) -> None:
    if placed.entry.actor != life.clinician:
        raise _refused(faults.NotAParticipant, placed, "somebody else than its clinician begins the visit")
    seat = _seat(life, life.clinician, placed)
    if seat.state == "admitted":
        raise _refused(faults.AlreadyAdmitted, placed, "the visit's clinician comes in twice")
    seat.state, life.phase, life.led = "admitted", "underway", True


def _admit(life: _Visit, placed: Placed) -> None:
    _check_underway(life, placed)
    _clinical(life, placed, in_room=True)
    seat = _named(life, placed)
    if seat.state == "admitted":
        raise _refused(faults.AlreadyAdmitted, placed, "somebody is let in who is in the room")
    if seat.state != "waiting":
        raise _refused(faults.NotWaiting, placed, "somebody is let in who does not wait")
    needed = {PATIENT: "visit"}.get(seat.role, "sharing" if seat.role in THIRD_PARTIES else "")
    if needed and (life.patient, needed) not in life.consents:
        raise _refused(faults.ConsentMissing, placed, f"somebody is let in without the consent to `{needed}`")
    seat.state = "admitted"


def _send_back(life: _Visit, placed: Placed) -> None:
    _check_underway(life, placed)
    participant = text_of(placed.entry.body, "participant")
    if participant in life.out:
        life.out.remove(participant)
    else:
        _clinical(life, placed, in_room=False)
    seat = _named(life, placed)
    if seat.state != "admitted":
        raise _refused(faults.NotInRoom, placed, "somebody is sent back who is not in the room")
    seat.state = "waiting"


def _remove(life: _Visit, placed: Placed) -> None:
    _clinical(life, placed, in_room=False)
    _named(life, placed).state = "removed"


def _leave(life: _Visit, placed: Placed) -> None:
    seat = _seat(life, placed.entry.actor, placed)
    if seat.state not in ("checked-in", "waiting", "admitted"):
        raise _refused(faults.NotInRoom, placed, "somebody leaves who is neither in the room nor waits")
    seat.state = "left"


def _end(life: _Visit, placed: Placed) -> None:
    if life.running is not None:
        raise _refused(faults.RecordingRunning, placed, "the visit ends under a recording that runs")
    if (text_of(placed.entry.body, "outcome") == "completed") != (life.phase == "underway"):
        raise _refused(faults.OutcomeRefused, placed, "the visit does not end as one of its kind does")
    for seat in life.seats.values():
        if seat.state in ("checked-in", "waiting", "admitted"):
            seat.state = "left"
    life.phase, life.led = "ended", True


def _consent(life: _Visit, placed: Placed) -> None:
    consent, seat = _consent_of(placed), _seat(life, placed.entry.actor, placed)
    if consent != "recording" and seat.role != PATIENT:
        raise _refused(faults.ConsentNotTheirs, placed, f"the consent to `{consent}` is not the patient's")
    life.consents.add((placed.entry.actor, consent))


def _withdraw(life: _Visit, placed: Placed) -> None:
    consent, actor = _consent_of(placed), placed.entry.actor
    if (actor, consent) not in life.consents:
        raise _refused(
            faults.ConsentMissing, placed, f"a consent to `{consent}` is taken back, and none stands"
        )
    life.consents.remove((actor, consent))
    leaving = {"visit": frozenset({PATIENT}), "sharing": THIRD_PARTIES}.get(consent, frozenset())
    life.out |= {
        other for other, seat in life.seats.items() if seat.state == "admitted" and seat.role in leaving
    }


def _consent_of(placed: Placed) -> str:
    consent = text_of(placed.entry.body, "consent")
    if consent not in _CONSENTS:
        raise _refused(VisitOrderRefused, placed, "a consent is to nothing that is known here")
    return consent


def _record(life: _Visit, placed: Placed) -> None:
    _clinical(life, placed, in_room=True)
    if life.running is not None:
        raise _refused(faults.RecordingRunning, placed, "a second recording begins")
    if any((actor, "recording") not in life.consents for actor in life.room()):
        raise _refused(
            faults.RecordingNotPermitted, placed, "a recording begins without the consent of everybody there"
        )
    life.running = (text_of(placed.entry.body, "object"), placed.entry.actor)


def _stop(life: _Visit, placed: Placed) -> None:
    if life.running is None or life.running[0] != text_of(placed.entry.body, "object"):
        raise _refused(faults.NotRecording, placed, "a recording stops that does not run")
    life.running = None


def _open_epoch(life: _Visit, placed: Placed) -> None:
    maker, body = placed.entry.actor, placed.entry.body
    if _seat(life, maker, placed).state != "admitted":
        raise _refused(faults.NotInRoom, placed, "somebody makes a key of the room who is not in it")
    named, epoch = body.get("participants"), integer_of(body, "epoch")
    if not isinstance(named, list) or maker not in named or not set(map(str, named)) <= set(life.room()):
        raise _refused(faults.EpochRefused, placed, "a key of the room is for others than those in it")
    if epoch <= life.epochs.get(maker, 0):
        raise _refused(faults.EpochRefused, placed, "the number of somebody's key does not rise")
    life.epochs[maker] = epoch


def _look(_life: _Visit, _placed: Placed) -> None:
    """Who somebody is was asked: it moves nobody, and is done while the visit lives."""


_WITHDRAWN: Final = "visit.consent-withdrawn/1"
_STEPS: Final[Mapping[str, Callable[[_Visit, Placed], None]]] = {
    "visit.scheduled/1": _schedule,
    "visit.invited/1": _invite,
    "visit.checked-in/1": _check_in,
    "visit.waiting/1": _wait,
    "visit.begun/1": _begin,
    "visit.admitted/1": _admit,
    RETURNED: _send_back,
    "visit.removed/1": _remove,
    "visit.left/1": _leave,
    "visit.ended/1": _end,
    "visit.identity-presented/1": _look,
    "visit.identity-confirmed/1": _look,
    "visit.consent-given/1": _consent,
    _WITHDRAWN: _withdraw,
    "visit.recording-started/1": _record,
    STOPPED: _stop,
    "visit.epoch-opened/1": _open_epoch,
}
"""What each type does to the visit; all others move nothing."""
