"""The facts of invitations, on `invitation/<id>`: without the code, the passcode, or anybody's name."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.identity.invitations.model import GROUPS_MAX, CodeDigestField
from telesphor.capabilities.identity.model import ActorIdField, CommitmentField, InstantField, VisitIdField
from telesphor.runtime.capability import Body, EntryType


class InvitationMade(Body, frozen=True, kw_only=True):
    """Whoever has the link's code may use it, once, until then."""

    actor: ActorIdField
    code: CodeDigestField
    passcode: CommitmentField | None
    visit: VisitIdField | None
    groups: Annotated[tuple[ActorIdField, ...], Meta(max_length=GROUPS_MAX)] | None
    expires_at: InstantField


class PasscodeWrong(Body, frozen=True, kw_only=True):
    """A wrong passcode was given with the right code; the fifth ends the invitation."""


class InvitationRedeemed(Body, frozen=True, kw_only=True):
    """New keys were registered by it, as this actor's."""

    member: ActorIdField


class InvitationAccepted(Body, frozen=True, kw_only=True):
    """Somebody who has keys used it."""

    member: ActorIdField


class InvitationWithdrawnBody(Body, frozen=True, kw_only=True):
    """It can be used no more."""


INVITATION_MADE = EntryType("invitation.made/1", InvitationMade)
INVITATION_REFUSED = EntryType("invitation.refused/1", PasscodeWrong)
INVITATION_REDEEMED = EntryType("invitation.redeemed/1", InvitationRedeemed)
INVITATION_ACCEPTED = EntryType("invitation.accepted/1", InvitationAccepted)
INVITATION_WITHDRAWN = EntryType("invitation.withdrawn/1", InvitationWithdrawnBody)

ENTRIES = (
    INVITATION_MADE,
    INVITATION_REFUSED,
    INVITATION_REDEEMED,
    INVITATION_ACCEPTED,
    INVITATION_WITHDRAWN,
)
