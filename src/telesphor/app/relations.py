"""Who has to do with whom in one node: what invitations and the directory ask of the parts above them.

Start at `NodeHosts` and `NodeRelations`.
"""

from __future__ import annotations

from collections.abc import Sequence

from telesphor.capabilities.access.tokens.groups import AddToGroup, add_member, check_keeps
from telesphor.capabilities.access.tokens.model import GroupId
from telesphor.capabilities.access.tokens.policies import roles_of
from telesphor.capabilities.identity.invitations.service import check_open, has_invited
from telesphor.capabilities.identity.model import NotPermitted
from telesphor.capabilities.identity.service import active_actor
from telesphor.capabilities.messages.views import parts_with as threads_with
from telesphor.capabilities.visits.life.model import InvitationUnknown
from telesphor.capabilities.visits.life.service import check_may_invite
from telesphor.capabilities.visits.life.views import parts_with as visits_with
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.runtime.capability import Actor, Draft, State


class NodeHosts:
    """Who may invite people besides organisations and systems, and the groups that new people join."""

    def check_may_invite(self, state: State, actor: Actor, *, visit: str | None, invited: str) -> None:
        """Let a person invite to its visits.

        Raises:
            NotPermitted: it invites to nothing in particular.
            VisitMissing, NotAParticipant, VisitEnded, VisitClosed, SeatsTaken: as visits say.
        """
        if visit is None:
            raise NotPermitted("people invite to their visits", hint="name the visit")
        check_may_invite(actor, visit=visit, invited=invited, state=state)

    def check_keeps(self, state: State, actor: str, group: str) -> None:
        """Let only the keeper of a group pass."""
        check_keeps(_acting(state, actor), GroupId(group), state)

    def join(self, state: State, *, inviter: str, group: str, member: str) -> Sequence[Draft]:
        """What adds a member in the name of whoever invited it; nothing where that may do so no more."""
        try:
            asked = AddToGroup(group=GroupId(group), member=ActorId(member))
            return add_member(_acting(state, inviter), asked, state).drafts
        except TelesphorError as error:
            if error.kind in (Kind.STORAGE, Kind.INTERNAL, Kind.CORRUPT):
                raise
            return ()


class NodeInvitations:
    """What visits ask of invitations."""

    def check_open(self, state: State, *, invitation: str, actor: str, visit: str) -> None:
        """Raise `InvitationUnknown` unless it is for this actor, to this visit or none, and can still be used."""
        try:
            row = check_open(state, invitation)
        except TelesphorError as error:
            if error.kind not in (Kind.NOT_FOUND, Kind.GONE):
                raise
            raise InvitationUnknown(error.message, hint=error.hint) from None
        if row.actor != actor or row.visit not in (None, visit):
            raise InvitationUnknown("the invitation is for somebody else, or to another visit")


class NodeRelations:
    """Who may see whose name: whoever shares a visit or a thread with them, and whoever has invited them."""

    def parts(self, state: State, reader: str, actors: Sequence[str]) -> set[str]:
        """Those of these actors with whom the reader has a part."""
        return visits_with(state.db, reader, actors) | threads_with(state.db, reader, actors)

    def has_invited(self, state: State, inviter: str, actor: str) -> bool:
        """Whether an invitation of theirs for this actor is out."""
        return has_invited(state, inviter, actor)

    def roles(self, state: State, actor: str) -> Sequence[str]:
        """The roles that an actor has."""
        return roles_of(state, actor)


def _acting(state: State, actor_id: str) -> Actor:
    """An actor as if it asked; raises where it acts no more."""
    info = active_actor(state.db, actor_id)
    return Actor(ActorId(actor_id), info.kind, info.key_id)
