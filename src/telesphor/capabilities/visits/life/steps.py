"""What may follow what: the state machine of one seat, and the phases in which its steps are taken. Pure.

Start at `move`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from telesphor.capabilities.visits.life.model import (
    LIVING,
    AlreadyAdmitted,
    AlreadyWaiting,
    NotCheckedIn,
    NotInRoom,
    NotWaiting,
    Outcome,
    OutcomeRefused,
    ParticipantRemoved,
    Phase,
    SeatState,
    VisitEnded,
    VisitNotBegun,
    VisitUnderway,
)
from telesphor.capabilities.visits.model import VisitClosed
from telesphor.kernel.errors import TelesphorError


class Step(StrEnum):
    """What moves one seat."""

    CHECK_IN = "check-in"
    WAIT = "wait"
    BEGIN = "begin"
    ADMIT = "admit"
    RETURN = "return"
    REMOVE = "remove"
    LEAVE = "leave"


_EXPECTED, _CHECKED_IN, _WAITING = SeatState.EXPECTED, SeatState.CHECKED_IN, SeatState.WAITING
_ADMITTED, _LEFT, _REMOVED = SeatState.ADMITTED, SeatState.LEFT, SeatState.REMOVED

MOVES: Final[Mapping[Step, Mapping[SeatState, SeatState]]] = {
    # Whoever tests the devices again while waiting keeps its place.
    Step.CHECK_IN: {
        _EXPECTED: _CHECKED_IN,
        _CHECKED_IN: _CHECKED_IN,
        _LEFT: _CHECKED_IN,
        _WAITING: _WAITING,
    },
    Step.WAIT: {_CHECKED_IN: _WAITING},
    Step.BEGIN: {_EXPECTED: _ADMITTED, _LEFT: _ADMITTED},
    Step.ADMIT: {_WAITING: _ADMITTED},
    Step.RETURN: {_ADMITTED: _WAITING},
    Step.REMOVE: {
        _EXPECTED: _REMOVED,
        _CHECKED_IN: _REMOVED,
        _WAITING: _REMOVED,
        _ADMITTED: _REMOVED,
        _LEFT: _REMOVED,
    },
    Step.LEAVE: {_CHECKED_IN: _LEFT, _WAITING: _LEFT, _ADMITTED: _LEFT},
}
"""From which state to which; what is missing here is refused."""

PHASES: Final[Mapping[Step, frozenset[Phase]]] = {
    Step.CHECK_IN: LIVING,
    Step.WAIT: LIVING,
    Step.BEGIN: LIVING,
    Step.REMOVE: LIVING,
    Step.LEAVE: LIVING,
    Step.ADMIT: frozenset({Phase.UNDERWAY}),
    Step.RETURN: frozenset({Phase.UNDERWAY}),
}


def move(step: Step, state: SeatState, *, phase: Phase) -> SeatState:
    """Where a seat is after a step.

    Raises:
        VisitClosed, VisitEnded, VisitNotBegun: the visit is not as far, or further.
        ParticipantRemoved, NotCheckedIn, AlreadyWaiting, AlreadyAdmitted, NotWaiting, NotInRoom: the seat is not where
            this step begins.
    """
    check_phase(phase, PHASES[step])
    after = MOVES[step].get(state)
    if after is None:
        raise _refusal(step, state)
    return after


def check_phase(phase: Phase, wanted: frozenset[Phase]) -> None:
    """Let only a visit pass that is in one of these phases.

    Raises:
        VisitClosed, VisitEnded, VisitUnderway, VisitNotBegun: named after where it is instead.
    """
    if phase in wanted:
        return
    if phase is Phase.CLOSED:
        raise VisitClosed("the visit is closed; nothing can be added")
    if phase is Phase.ENDED:
        raise VisitEnded("the visit has ended")
    if phase is Phase.UNDERWAY:
        raise VisitUnderway("the visit has begun already")
    raise VisitNotBegun("the visit has not begun", hint="its clinician begins it")


def check_outcome(outcome: Outcome, phase: Phase) -> None:
    """A visit that has begun is completed; one that has not is cancelled or missed.

    Raises:
        VisitClosed, VisitEnded: it has ended before.
        OutcomeRefused: it cannot have ended like this.
    """
    check_phase(phase, LIVING)
    if (outcome is Outcome.COMPLETED) != (phase is Phase.UNDERWAY):
        raise OutcomeRefused(
            f"a visit that is `{phase}` does not end as `{outcome}`",
            hint="one that has begun is completed, one that has not is cancelled or missed",
        )


def _refusal(step: Step, state: SeatState) -> TelesphorError:
    if state is _REMOVED:
        return ParticipantRemoved("the participant was removed from the visit", hint="have it invited again")
    if step is Step.WAIT and state is _WAITING:
        return AlreadyWaiting("the place in the queue is taken already, perhaps in another window")
    if state is _ADMITTED:
        return AlreadyAdmitted("the participant is in the room already, perhaps in another window")
    if step is Step.WAIT:
        return NotCheckedIn("who waits has checked in before", hint="check in first")
    if step is Step.ADMIT:
        return NotWaiting("only who waits is let in")
    return NotInRoom("the participant is not in the room")
