"""Who has to do with whom in one node, and what must be kept: what invitations, the directory and the vault ask of the
parts above them.

Start at `NodeAdministration`, `NodeHosts`, `NodeRelations` and `NodeHolds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import apsw

from telesphor.capabilities.access.model import Action, Ask, house_of
from telesphor.capabilities.access.service import authorise, check_again
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.access.tokens.groups import AddToGroup, Membership
from telesphor.capabilities.access.tokens.model import GroupId
from telesphor.capabilities.access.tokens.policies import roles_of
from telesphor.capabilities.identity.administering import OVERSEERS, Leave
from telesphor.capabilities.identity.invitations.service import check_open, has_invited, was_invited
from telesphor.capabilities.identity.model import NotPermitted
from telesphor.capabilities.identity.service import active_actor, find_actor, own_id
from telesphor.capabilities.messages.holding import holds_on
from telesphor.capabilities.messages.views import parts_with as threads_with
from telesphor.capabilities.visits.life.model import InvitationUnknown
from telesphor.capabilities.visits.life.service import check_may_invite, has_seat
from telesphor.capabilities.visits.life.views import parts_with as visits_with
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.runtime.capability import Actor, Draft, State

FRESH_MS: Final = 10 * 60 * 1000
"""How old the id of a person to be may be when an administrator invites it: a form takes minutes to fill."""


class NodeAdministration:
    """Who administers: a person whom the rules of access permit `administer` on the node itself."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def ask(self, actor: Actor, state: State) -> Leave:
        """Return the decision that lets a person administer; raises `AccessDenied`, which is recorded."""
        allowed = authorise(actor, _administering(state), state, sources=self._sources)
        return Leave(allowed.drafts, allowed.documents)

    def check(self, actor: Actor, state: State) -> None:
        """Raise `AccessEnded` unless a person may administer now."""
        check_again(actor, _administering(state), state, sources=self._sources)

    def oversees(self, actor_id: str, state: State) -> bool:
        """Say whether an actor has a role that oversees the node."""
        return not OVERSEERS.isdisjoint(roles_of(state, actor_id))


class NodeHosts:
    """Who may invite people besides organisations and systems, and the groups that new people join."""

    def __init__(self, administration: NodeAdministration) -> None:
        self._administration = administration
        self._membership = Membership(administration)

    def check_may_invite(self, state: State, actor: Actor, *, visit: str | None, invited: str) -> Leave:
        """Let a person invite to its visits, and an administrator to the node.

        Raises:
            AccessDenied: it names no visit, and may not administer; on the ledger.
            NotPermitted: an administrator invites under an id that was made before, or stands for somebody already.
            VisitMissing, NotAParticipant, VisitEnded, VisitClosed, SeatsTaken: as visits say.
        """
        if visit is not None:
            check_may_invite(actor, visit=visit, invited=invited, state=state)
            return Leave()
        leave = self._administration.ask(actor, state)
        if find_actor(state.db, invited) is None and not _is_unused(invited, state, by=actor.id):
            # Whoever takes the keys of a patient to be becomes that patient.
            raise NotPermitted("administrators invite under a fresh id", hint="make a new id")
        return leave

    def check_gives(self, state: State, actor: Actor, *, group: str, member: str) -> Leave:
        """Let the keeper of a group pass, and of a role who administers."""
        return self._membership.permit(actor, group=GroupId(group), member=member, state=state)

    def join(self, state: State, *, inviter: str, group: str, member: str) -> Sequence[Draft]:
        """What adds a member in the name of whoever invited it; nothing where that may do so no more."""
        try:
            asked = AddToGroup(group=GroupId(group), member=ActorId(member))
            return self._membership.join(_acting(state, inviter), asked, state).drafts
        except TelesphorError as error:
            if error.kind in (Kind.STORAGE, Kind.INTERNAL, Kind.CORRUPT):
                raise
            return ()


class NodeHolds:
    """What the vault asks before it erases anything (implements `vault.holds.Holds`)."""

    def holds_on(self, db: apsw.Connection, object_id: str) -> Sequence[str]:
        """Return the legal holds on the threads that the object is attached in."""
        return holds_on(db, object_id)


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


def _administering(state: State) -> Ask:
    return Ask(action=Action.ADMINISTER, resource=house_of(own_id(state)))


def _is_unused(id: str, state: State, *, by: str) -> bool:
    """Whether an id was made just now, and stands for nobody whom others expect."""
    return _is_fresh(id, state) and not has_seat(state.db, id) and not was_invited(state, id, besides=by)


def _is_fresh(id: str, state: State) -> bool:
    """Whether a UUIDv7 was made in the last minutes, by the time within it (RFC 9562, section 5.7)."""
    return abs(state.now_ms - int(id[:8] + id[9:13], 16)) <= FRESH_MS


def _acting(state: State, actor_id: str) -> Actor:
    """An actor as if it asked; raises where it acts no more."""
    info = active_actor(state.db, actor_id)
    return Actor(ActorId(actor_id), info.kind, info.key_id)
