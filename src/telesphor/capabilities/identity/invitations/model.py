"""Values of invitations: bounds, rows, and what can be refused."""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple, NewType

from msgspec import Meta

from telesphor.kernel.errors import Kind, TelesphorError

INVITATION_STREAM: Final = "invitation"

DAYS_MAX: Final = 90
"""A link in a mailbox is a key to somebody's account: it does not lie there for years."""

TRIES_MAX: Final = 5
"""Wrong passcodes before the invitation ends: of six digits, one in 200,000 is found."""

GROUPS_MAX: Final = 8
"""A role or two and some teams."""

LINEAGE_MAX: Final = 32
"""Invitations from one's own up to somebody whom nobody invited: an administrator, a clinician, a patient, a relative
of hers are three, and each is a look-up."""

CODE_BYTES: Final = 32
PASSCODE_CHARS_MAX: Final = 64

CLAIM_SECONDS: Final = 300
"""From the link's being shown by a signed-in person to the signed command; as long as a request is good for."""

CLAIMS_MAX: Final = 4_096

InvitationId = NewType("InvitationId", str)
InvitationIdField = Annotated[
    InvitationId,
    Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36),
]
CodeDigestField = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
CodeField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{43}$", max_length=43)]
PasscodeField = Annotated[str, Meta(min_length=1, max_length=PASSCODE_CHARS_MAX)]

Standing = Literal["open", "redeemed", "accepted", "withdrawn", "locked"]


class InvitationRow(NamedTuple):
    """An invitation as the ledger has it.

    Attributes:
        actor: whom it is for: an id that is registered already, or will be.
        code: digest of the link's code.
        passcode: commitment to the passcode, under the code as its key; None where none is asked for.
        groups: which the invited joins with the new keys.
        state: `open` until it was used or ended; whether its time is over, the clock says.
        wrong: passcodes that were wrong.
        taken_by: who redeemed or accepted it.
    """

    invitation: str
    inviter: str
    actor: str
    code: str
    passcode: str | None
    visit: str | None
    groups: tuple[str, ...]
    expires_at: str
    state: Standing
    wrong: int
    taken_by: str | None


class InvitationRefused(TelesphorError):
    """There is no such invitation, or the code is not its own; it is not said which."""

    code = "invitation-refused"
    kind = Kind.NOT_FOUND


class LineageTooLong(TelesphorError):
    """So many people stand between an actor and whoever was invited by nobody that it is not told who let it in."""

    code = "lineage-too-long"
    kind = Kind.FORBIDDEN


class InvitationExpired(TelesphorError):
    """Its time is over."""

    code = "invitation-expired"
    kind = Kind.GONE


class InvitationUsed(TelesphorError):
    """Somebody has used it."""

    code = "invitation-used"
    kind = Kind.GONE


class InvitationWithdrawn(TelesphorError):
    """Whoever invited took it back."""

    code = "invitation-withdrawn"
    kind = Kind.GONE


class InvitationLocked(TelesphorError):
    """Too many wrong passcodes were tried."""

    code = "invitation-locked"
    kind = Kind.GONE


class InvitationExists(TelesphorError):
    """The id was used for an invitation before."""

    code = "invitation-exists"
    kind = Kind.CONFLICT


class InvitationReserved(TelesphorError):
    """The id is kept for somebody whom another has invited."""

    code = "invitation-reserved"
    kind = Kind.CONFLICT


class InvitationTerms(TelesphorError):
    """What is asked for is no invitation that can be made."""

    code = "invitation-terms-refused"
    kind = Kind.INVALID


class InvitationKnown(TelesphorError):
    """The invited has keys already."""

    code = "invitation-known"
    kind = Kind.CONFLICT


class InvitationForAnother(TelesphorError):
    """The invitation is for somebody else, who has keys already."""

    code = "invitation-for-another"
    kind = Kind.FORBIDDEN


class InvitationFull(TelesphorError):
    """More links are being used at once than the node takes."""

    code = "invitation-full"
    kind = Kind.OVERLOADED


class PasscodeNeeded(TelesphorError):
    """A passcode goes with the link."""

    code = "passcode-needed"
    kind = Kind.FORBIDDEN


class PasscodeRefused(TelesphorError):
    """The passcode is wrong, which is noted."""

    code = "passcode-refused"
    kind = Kind.FORBIDDEN


class ClaimMissing(TelesphorError):
    """The person has not shown the link's code just before."""

    code = "claim-missing"
    kind = Kind.CONFLICT
