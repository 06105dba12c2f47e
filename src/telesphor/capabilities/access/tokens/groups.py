"""The use cases of groups: form, add, remove, disband, show.

A care team is formed by an organisation, or by a person for itself; a role by an organisation. Whoever forms a
group keeps it: it says who belongs to it, and accepts the tokens that are granted to it. To grant to a group is to
trust its keeper. Names of groups are the clients' business: they may say what a patient suffers from.

Of roles that an organisation keeps, a person whom the rules of access let administer says who has them too: not its
own, not those of `OVERSEERS`, and never who belongs to a care team.
"""

from __future__ import annotations

import msgspec

from telesphor.capabilities.access.model import ACCESS_STREAM
from telesphor.capabilities.access.tokens import store
from telesphor.capabilities.access.tokens.entries import (
    GROUP_ADDED,
    GROUP_DISBANDED,
    GROUP_FORMED,
    GROUP_REMOVED,
    GROUP_SHOWN,
    GroupDisbandedBody,
    GroupFormed,
    GroupMemberAdded,
    GroupMemberRemoved,
    GroupShown,
)
from telesphor.capabilities.access.tokens.model import (
    GROUP_MEMBERS_MAX,
    GROUPS_BY_PEOPLE_MAX,
    GROUPS_PER_ACTOR_MAX,
    GROUPS_STREAM,
    GroupId,
    GroupIdField,
    GroupKind,
    GroupRow,
    RoleField,
)
from telesphor.capabilities.access.tokens.refusals import (
    GroupDisbanded,
    GroupExists,
    GroupMissing,
    GroupRefused,
    NotTheKeeper,
)
from telesphor.capabilities.identity.administering import (
    OVERSEERS,
    Administration,
    Leave,
    OverseerRefused,
    OwnRightsRefused,
)
from telesphor.capabilities.identity.model import ActorIdField, ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.service import active_kind
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State


class FormGroup(Body, frozen=True, kw_only=True):
    """Form a group under a fresh id; a role has its name in `role`, a care team has none."""

    group: GroupIdField
    kind: GroupKind
    role: RoleField | None = None


class AddToGroup(Body, frozen=True, kw_only=True):
    """Let somebody belong to a group; asked by its keeper, or of a role by who administers."""

    group: GroupIdField
    member: ActorIdField


class RemoveFromGroup(Body, frozen=True, kw_only=True):
    """Let somebody belong to it no more; asked by its keeper, the member itself, or who administers."""

    group: GroupIdField
    member: ActorIdField


class DisbandGroup(Body, frozen=True, kw_only=True):
    """End a group; asked by its keeper."""

    group: GroupIdField


class ShowGroup(Body, frozen=True, kw_only=True):
    """Ask who belongs to a group; its keeper and its members may."""

    group: GroupIdField


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `group.show/1`."""

    group: str
    kind: str
    role: str | None
    keeper: str
    members: tuple[str, ...]


def form_group(actor: Actor, command: FormGroup, state: State) -> Decision:
    """Begin a group, whose keeper the actor is.

    Raises:
        NotPermitted: only an organisation forms roles, and only it or a person a care team.
        GroupRefused: a role without its name, or a care team with one.
        GroupExists: the id was used before.
    """
    require_kind(actor, ActorKind.ORGANISATION, ActorKind.PERSON)
    if command.kind is GroupKind.ROLE:
        require_kind(actor, ActorKind.ORGANISATION)
    if (command.role is not None) != (command.kind is GroupKind.ROLE):
        raise GroupRefused("a role has a name, and a care team has none")
    if store.find_group(state.db, command.group) is not None:
        raise GroupExists(f"the id `{command.group}` was used for a group before", hint="make a new id")
    return _said(GROUP_FORMED.name, command.group, GroupFormed(kind=command.kind, role=command.role))


class Membership:
    """Who belongs to which group.

    Args:
        administration: the rules about persons who administer.
    """

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    def add(self, actor: Actor, command: AddToGroup, state: State) -> Decision:
        """Add somebody to a group.

        Raises:
            GroupMissing, GroupDisbanded, NotTheKeeper, OverseerRefused, OwnRightsRefused, AccessDenied: as `permit`.
            ActorMissing, ActorRetired: nobody acts under this id.
            GroupRefused: it is no person or system, belongs to the group already, or somewhere a bound is reached.
        """
        leave = self.permit(actor, group=command.group, member=command.member, state=state)
        return leave.beside(_addition(actor, command, state))

    def join(self, inviter: Actor, command: AddToGroup, state: State) -> Decision:
        """Add somebody who took an invitation in which the inviter named the group; raises as `add`.

        What let the inviter name it stands on the ledger with the invitation, and is only looked at again.
        """
        if self._administers(inviter, command.group, command.member, state):
            self._administration.check(inviter, state)
        return _addition(inviter, command, state)

    def remove(self, actor: Actor, command: RemoveFromGroup, state: State) -> Decision:
        """Remove somebody from a group, or leave it.

        Raises:
            GroupMissing, GroupDisbanded, NotTheKeeper, OverseerRefused, AccessDenied: as `permit`.
            GroupRefused: it does not belong to the group.
        """
        leave = Leave()
        if actor.id == command.member:
            _formed_group(command.group, state)
        else:
            leave = self.permit(actor, group=command.group, member=command.member, state=state)
        if not store.is_member(state.db, group=command.group, actor=command.member):
            raise GroupRefused(f"actor `{command.member}` does not belong to the group")
        return leave.beside(
            _said(GROUP_REMOVED.name, command.group, GroupMemberRemoved(member=command.member))
        )

    def permit(self, actor: Actor, *, group: GroupId, member: str, state: State) -> Leave:
        """Let the keeper of a group pass, and of an organisation's role who administers.

        Raises:
            GroupMissing, GroupDisbanded.
            NotTheKeeper: neither of the two, or the group is a care team.
            OverseerRefused: of a role that only the organisation gives and takes.
            OwnRightsRefused: an administrator means itself.
            AccessDenied: the rules do not let the person administer; on the ledger.
        """
        if not self._administers(actor, group, member, state):
            return Leave()
        return self._administration.ask(actor, state)

    def _administers(self, actor: Actor, group: GroupId, member: str, state: State) -> bool:
        """Whether the actor is no keeper, so that it is for the rules to say; raises where these cannot help."""
        row = _formed_group(group, state)
        if row.keeper == actor.id:
            return False
        if row.kind is not GroupKind.ROLE or actor.kind != ActorKind.PERSON:
            raise NotTheKeeper("somebody else keeps the group")
        if row.role in OVERSEERS:
            raise OverseerRefused(
                f"the organisation alone says who is `{row.role}`", hint="ask whoever holds its key"
            )
        if member == actor.id:
            raise OwnRightsRefused("nobody gives itself a role", hint="ask another administrator")
        return True


def _addition(actor: Actor, command: AddToGroup, state: State) -> Decision:
    row = _formed_group(command.group, state)
    if active_kind(state, command.member) not in (ActorKind.PERSON, ActorKind.SYSTEM):
        raise GroupRefused("people and systems belong to groups", hint="grant to a device by itself")
    if store.is_member(state.db, group=command.group, actor=command.member):
        raise GroupRefused(f"actor `{command.member}` belongs to the group already")
    if store.count_members(state.db, command.group) >= GROUP_MEMBERS_MAX:
        raise GroupRefused(f"a group has at most `{GROUP_MEMBERS_MAX}` members", hint="form another")
    by_organisation = actor.kind == ActorKind.ORGANISATION or row.keeper != actor.id
    maximum = GROUPS_PER_ACTOR_MAX if by_organisation else GROUPS_BY_PEOPLE_MAX
    if store.count_groups(state.db, command.member) >= maximum:
        raise GroupRefused(f"actor `{command.member}` belongs to `{maximum}` groups, and may leave some")
    return _said(GROUP_ADDED.name, command.group, GroupMemberAdded(member=command.member))


def disband_group(actor: Actor, command: DisbandGroup, state: State) -> Decision:
    """End a group for good, and with it what it holds; raises `GroupMissing`, `GroupDisbanded`, `NotTheKeeper`."""
    _kept_group(actor, command.group, state)
    return _said(GROUP_DISBANDED.name, command.group, GroupDisbandedBody())


def show_group(actor: Actor, command: ShowGroup, state: State) -> Decision:
    """Say who belongs to a group, and note that it was asked.

    Raises:
        GroupMissing, GroupDisbanded.
        NotPermitted: the actor has no part in it.
    """
    row = _formed_group(command.group, state)
    if actor.id != row.keeper and not store.is_member(state.db, group=row.group, actor=actor.id):
        raise NotPermitted("a group is shown to its keeper and its members")
    members = tuple(store.members_of_group(state.db, row.group))
    view = GroupView(group=row.group, kind=row.kind.value, role=row.role, keeper=row.keeper, members=members)
    draft = Draft(GROUP_SHOWN.name, stream_of(ACCESS_STREAM, actor.id), GroupShown(group=row.group))
    return Decision((draft,), view)


def _said(type: str, group: str, body: Body) -> Decision:
    return Decision((Draft(type, stream_of(GROUPS_STREAM, group), body),))


def _formed_group(group: GroupId, state: State) -> GroupRow:
    row = store.find_group(state.db, group)
    if row is None:
        raise GroupMissing(f"there is no group `{group}`")
    if row.state == "disbanded":
        raise GroupDisbanded(f"group `{group}` is disbanded")
    return row


def _kept_group(actor: Actor, group: GroupId, state: State) -> GroupRow:
    row = _formed_group(group, state)
    if row.keeper != actor.id:
        raise NotTheKeeper("somebody else keeps the group")
    return row
