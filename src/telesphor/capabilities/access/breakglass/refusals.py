"""What break-glass refuses; each refusal of a command is on the ledger as well, as `break-glass.refused/1`."""

from __future__ import annotations

from telesphor.kernel.errors import Kind, TelesphorError


class GlassExists(TelesphorError):
    """The id was used before."""

    code = "break-glass-exists"
    kind = Kind.CONFLICT


class GlassMissing(TelesphorError):
    """There is no such emergency access that the actor has to do with."""

    code = "break-glass-missing"
    kind = Kind.NOT_FOUND


class GlassOpen(TelesphorError):
    """The person has another one open."""

    code = "break-glass-open"
    kind = Kind.CONFLICT


class GlassEnded(TelesphorError):
    """Its time is over, or somebody ended it."""

    code = "break-glass-ended"
    kind = Kind.GONE


class TargetRefused(TelesphorError):
    """It cannot be opened for this: it is about the person itself, or about nobody."""

    code = "break-glass-target-refused"
    kind = Kind.INVALID


class TooManyOpenings(TelesphorError):
    """The person has opened as many within a day as anybody may."""

    code = "break-glass-too-many"
    kind = Kind.FORBIDDEN


class NotReauthenticated(TelesphorError):
    """The person has not proved itself anew."""

    code = "break-glass-not-reauthenticated"
    kind = Kind.FORBIDDEN


class ForbiddenByPatient(TelesphorError):
    """The patient has forbidden it."""

    code = "break-glass-forbidden"
    kind = Kind.FORBIDDEN


class ClockBehind(TelesphorError):
    """The node's clock was set back, so that nobody can say when an hour is over."""

    code = "clock-behind"
    kind = Kind.CONFLICT


class NotAReviewer(TelesphorError):
    """Privacy officers and organisations do this."""

    code = "break-glass-not-a-reviewer"
    kind = Kind.FORBIDDEN


class OwnGlass(TelesphorError):
    """Nobody reviews their own."""

    code = "break-glass-own"
    kind = Kind.FORBIDDEN


class DependentReview(TelesphorError):
    """One of the two came in by the other's invitation, so that they may be one person."""

    code = "break-glass-dependent"
    kind = Kind.FORBIDDEN


class ReciprocalReview(TelesphorError):
    """The person reviewed the reviewer's own not long ago."""

    code = "break-glass-reciprocal"
    kind = Kind.FORBIDDEN


class AlreadyAcknowledged(TelesphorError):
    """The actor has said before that it has seen it."""

    code = "break-glass-acknowledged"
    kind = Kind.CONFLICT


class AlreadyReviewed(TelesphorError):
    """It was judged before, once and for all."""

    code = "break-glass-reviewed"
    kind = Kind.CONFLICT
