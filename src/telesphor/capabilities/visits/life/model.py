"""Values of a visit's life: phases, seats and their states, bounds, and what can be refused.

Start at `Phase` and `SeatState`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, VisitId

SEATS_MAX: Final = 6
"""People of one visit at a time: each sends to each, which phones and uplinks bear up to six."""

SEATS_EVER_MAX: Final = 32
"""Seats of one visit, those of removed participants included: views and access name them all."""

STEPS_MAX: Final = 400
"""Steps of one participant in one visit, so that nobody fills it up; whoever leads the visit has no such bound."""

PLACES_KEPT: Final = 128
"""Places at the end of a visit for what must always be possible: to take back a consent, to leave, to end."""

WAITING_MS_MAX: Final = 12 * 3_600_000
"""Whoever waits longer than a working day is not there any more, and holds no place in the queue."""

QUEUE_MAX: Final = 200
"""Visits of one clinician that a queue shows: more than a day has room for."""

MINUTES_MAX: Final = 480
AHEAD_MS_MAX: Final = 2 * 366 * 86_400_000
"""How far ahead a visit is scheduled: two years, as yearly check-ups are."""
BEHIND_MS_MAX: Final = 86_400_000
"""A visit that began without an appointment may be scheduled on the same day."""

MinutesField = Annotated[int, Meta(ge=5, le=MINUTES_MAX)]


class Phase(StrEnum):
    """How far a visit is. `opened` has no time set; only from `underway` on has anybody been in the room."""

    OPENED = "opened"
    SCHEDULED = "scheduled"
    UNDERWAY = "underway"
    ENDED = "ended"
    CLOSED = "closed"


BEFORE: Final = frozenset({Phase.OPENED, Phase.SCHEDULED})
LIVING: Final = BEFORE | {Phase.UNDERWAY}


class SeatRole(StrEnum):
    """What somebody is in a visit; a colleague is a further clinician."""

    PATIENT = "patient"
    CLINICIAN = "clinician"
    COLLEAGUE = "colleague"
    INTERPRETER = "interpreter"
    CAREGIVER = "caregiver"


THIRD_PARTIES: Final = frozenset({SeatRole.INTERPRETER, SeatRole.CAREGIVER})
"""Who is let in only while the patient consents to share the visit with them."""

CLINICAL: Final = frozenset({SeatRole.CLINICIAN, SeatRole.COLLEAGUE})

InvitedRole = Literal["patient", "colleague", "interpreter", "caregiver"]


class SeatState(StrEnum):
    """Where somebody of a visit is."""

    EXPECTED = "expected"
    CHECKED_IN = "checked-in"
    WAITING = "waiting"
    ADMITTED = "admitted"
    LEFT = "left"
    REMOVED = "removed"


class Outcome(StrEnum):
    """How a visit ended: it took place, it was called off, or somebody never came."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    MISSED = "missed"


DeviceCheck = Literal["ok", "refused", "missing", "failed", "untested"]
"""How the test of a camera, microphone or speaker came out; `refused`: the browser was not permitted."""

NetworkCheck = Literal["good", "fair", "poor", "untested"]

IdentifierKind = Literal["name", "birth-date", "address", "phone", "record-number", "photo-id"]
"""Which identifiers somebody was asked for. What was answered is nowhere."""


class Checks(NamedTuple):
    """How somebody's devices and network did."""

    camera: str
    microphone: str
    speaker: str
    network: str


class LifeRow(NamedTuple):
    """How far a visit is; times are those of entries, in milliseconds since 1970 UTC."""

    visit: VisitId
    patient: ActorId
    clinician: ActorId
    phase: Phase
    outcome: Outcome | None
    starts_ms: int | None
    minutes: int | None
    opened_at: str
    led: bool
    """Whether it ever had more of a life than being opened and closed."""


class SeatRow(NamedTuple):
    """One participant. `since` is the ledger position of the last change of state, `since_at` its instant.

    `presentation` is the one by which it showed who it is, the last of them.
    """

    visit: VisitId
    actor: ActorId
    role: SeatRole
    state: SeatState
    since: int
    since_at: str
    steps: int
    checks: Checks | None
    identity: Literal["presented", "confirmed"] | None
    presentation: str | None


class VisitEnded(TelesphorError):
    """The visit has ended; what remains is to write it up and to close it."""

    code = "visit-ended"
    kind = Kind.CONFLICT


class VisitNotEnded(TelesphorError):
    """The visit was scheduled or has begun, and has not ended yet."""

    code = "visit-not-ended"
    kind = Kind.CONFLICT


class VisitUnderway(TelesphorError):
    """The visit has begun already."""

    code = "visit-underway"
    kind = Kind.CONFLICT


class VisitNotBegun(TelesphorError):
    """The clinician has not begun the visit yet."""

    code = "visit-not-begun"
    kind = Kind.CONFLICT


class NotCheckedIn(TelesphorError):
    """Whoever waits has checked in before."""

    code = "not-checked-in"
    kind = Kind.CONFLICT


class AlreadyWaiting(TelesphorError):
    """The participant waits already, in another window perhaps, and keeps that place."""

    code = "already-waiting"
    kind = Kind.CONFLICT


class AlreadyAdmitted(TelesphorError):
    """The participant is in the room already."""

    code = "already-admitted"
    kind = Kind.CONFLICT


class NotWaiting(TelesphorError):
    """Only who waits is let in."""

    code = "not-waiting"
    kind = Kind.CONFLICT


class NotInRoom(TelesphorError):
    """The participant is not in the room."""

    code = "not-in-room"
    kind = Kind.CONFLICT


class ParticipantRemoved(TelesphorError):
    """The participant was removed from the visit."""

    code = "participant-removed"
    kind = Kind.FORBIDDEN


class ParticipantExists(TelesphorError):
    """The person has a seat in this visit already."""

    code = "participant-exists"
    kind = Kind.CONFLICT


class SeatsTaken(TelesphorError):
    """The visit has as many participants as a visit may have."""

    code = "seats-taken"
    kind = Kind.CONFLICT


class OutcomeRefused(TelesphorError):
    """A visit cannot end like that as far as it is."""

    code = "outcome-refused"
    kind = Kind.CONFLICT


class ScheduleRefused(TelesphorError):
    """No visit can be scheduled at such a time."""

    code = "schedule-refused"
    kind = Kind.INVALID


class IdentityRefused(TelesphorError):
    """What is said to show who somebody is does not."""

    code = "identity-refused"
    kind = Kind.INVALID


class StepsExhausted(TelesphorError):
    """The participant has taken as many steps in this visit as anybody may."""

    code = "steps-exhausted"
    kind = Kind.TOO_LARGE


class InvitationUnknown(TelesphorError):
    """There is no such invitation of this person to this visit that could still be taken."""

    code = "invitation-unknown"
    kind = Kind.INVALID
