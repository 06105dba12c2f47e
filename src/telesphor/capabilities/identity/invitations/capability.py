"""What invitations hand to the node: entries, commands and table. `RECORDED` is the part that decides nothing."""

from __future__ import annotations

from telesphor.capabilities.identity.invitations import service
from telesphor.capabilities.identity.invitations.entries import ENTRIES
from telesphor.capabilities.identity.invitations.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "invitations"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def invitations_capability(*, hosts: service.Hosts, claims: service.Claims) -> Capability:
    """Make the capability.

    Args:
        hosts: who may invite besides organisations and systems, and the groups that are joined.
        claims: who has shown the code of which link.
    """
    desk = service.InvitationDesk(hosts, claims)
    commands = (
        CommandType("invitation.make/1", service.MakeInvitation, desk.make_invitation),
        CommandType("invitation.redeem/1", service.RedeemInvitation, desk.redeem_invitation),
        CommandType("invitation.accept/1", service.AcceptInvitation, desk.accept_invitation),
        CommandType("invitation.withdraw/1", service.WithdrawInvitation, desk.withdraw_invitation),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
