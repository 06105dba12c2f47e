"""What the order of a visit's entries is refused for: one error for each fault, under the code that a node gives it.

A node that keeps its own rules writes none of these. Start at `VisitOrderRefused`; `replay_visit` raises them.
"""

from __future__ import annotations

from telesphor.kernel.errors import Kind, TelesphorError


class VisitOrderRefused(TelesphorError):
    """The entries of the visit stand in an order that its rules forbid."""

    code = "visit-order-refused"
    kind = Kind.INVALID


class VisitNotBegun(VisitOrderRefused):
    """Something happens in the room before the visit's clinician began it."""

    code = "visit-not-begun"


class VisitUnderway(VisitOrderRefused):
    """A visit that has begun is given another time."""

    code = "visit-underway"


class VisitEnded(VisitOrderRefused):
    """The visit's life goes on after it has ended."""

    code = "visit-ended"


class VisitNotEnded(VisitOrderRefused):
    """A visit that was scheduled or begun is closed without having ended."""

    code = "visit-not-ended"


class OutcomeRefused(VisitOrderRefused):
    """A visit that has begun did not end as completed, or one that has not did."""

    code = "outcome-refused"


class NotAParticipant(VisitOrderRefused):
    """Somebody does what its part in the visit does not allow, or has none."""

    code = "not-a-participant"


class ParticipantExists(VisitOrderRefused):
    """Somebody who has a seat is given another."""

    code = "participant-exists"


class ParticipantRemoved(VisitOrderRefused):
    """Somebody who was removed takes part without having been invited anew."""

    code = "participant-removed"


class NotCheckedIn(VisitOrderRefused):
    """Somebody waits without having checked in."""

    code = "not-checked-in"


class AlreadyWaiting(VisitOrderRefused):
    """Somebody who waits takes another place in the queue."""

    code = "already-waiting"


class AlreadyAdmitted(VisitOrderRefused):
    """Somebody who is in the room comes in, or tests its devices to do so."""

    code = "already-admitted"


class NotWaiting(VisitOrderRefused):
    """Somebody is let in who does not wait."""

    code = "not-waiting"


class NotInRoom(VisitOrderRefused):
    """Somebody goes out of the room, or acts in it, who is not there."""

    code = "not-in-room"


class ConsentMissing(VisitOrderRefused):
    """Somebody is in the room, or takes a consent back, without the consent that this takes."""

    code = "consent-missing"


class ConsentNotTheirs(VisitOrderRefused):
    """Somebody gives a consent that is the patient's."""

    code = "consent-not-theirs"


class RecordingNotPermitted(VisitOrderRefused):
    """The visit is recorded while somebody in the room does not consent, or whoever records is gone."""

    code = "recording-not-permitted"


class RecordingRunning(VisitOrderRefused):
    """A second recording begins, or the visit ends under one that runs."""

    code = "recording-running"


class NotRecording(VisitOrderRefused):
    """A recording stops that does not run."""

    code = "not-recording"


class EpochRefused(VisitOrderRefused):
    """A key of the room is for others than those in it, or its number does not rise."""

    code = "epoch-refused"
