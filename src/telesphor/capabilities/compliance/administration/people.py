"""Lists of actors, of roles with those who have them, of links that are out, and of devices. Start at `PeoplePages`."""

from __future__ import annotations

from typing import Final

import msgspec

from telesphor.capabilities.access.tokens.listing import role_groups, roles_held
from telesphor.capabilities.access.tokens.policies import holders_of_role
from telesphor.capabilities.compliance.desk import Look, WatchDesk
from telesphor.capabilities.compliance.people import Person, find_people
from telesphor.capabilities.identity.administering import OVERSEERS
from telesphor.capabilities.identity.enrolment.listing import DeviceLine, list_devices
from telesphor.capabilities.identity.invitations.service import open_invitations
from telesphor.capabilities.identity.listing import ActorLine, count_passkeys, list_actors
from telesphor.capabilities.identity.service import find_actor
from telesphor.kernel.clock import format_instant
from telesphor.runtime.capability import Actor, State

ROLES_SHOWN_MAX: Final = 100
HOLDERS_SHOWN_MAX: Final = 500
"""Of one role: more than a hospital has officers."""


class PersonLine(msgspec.Struct, frozen=True, kw_only=True):
    """An actor in the list, as `Person`, with whether it acts, its keys' name and how many passkeys it has."""

    id: str
    kind: str
    roles: tuple[str, ...]
    name: str | None
    state: str
    registered_at: str
    key_id: str
    passkeys: int


class PeoplePage(msgspec.Struct, frozen=True, kw_only=True):
    """Actors by id; `after` asks for the next page, and is empty on the last."""

    look: Look
    people: tuple[PersonLine, ...]
    after: str


class RoleLine(msgspec.Struct, frozen=True, kw_only=True):
    """A role and who has it now."""

    role: str
    people: tuple[Person, ...]


class RoleGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group whose members have a role; `reserved` where only its keeper says who, and no administrator."""

    group: str
    role: str
    keeper: Person
    members: tuple[Person, ...]
    reserved: bool


class RolesPage(msgspec.Struct, frozen=True, kw_only=True):
    """All roles, by name, and the groups by which they are given and taken."""

    look: Look
    roles: tuple[RoleLine, ...]
    groups: tuple[RoleGroup, ...]


class InvitationLine(msgspec.Struct, frozen=True, kw_only=True):
    """A link that is out: for whom, by whom, and which roles it brings."""

    invitation: str
    invited: Person
    inviter: Person
    roles: tuple[str, ...]
    expires_at: str


class InvitationsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Links that can still be used and lead into no visit, by id."""

    look: Look
    invitations: tuple[InvitationLine, ...]
    after: str


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """A device as it was enrolled last; `connected_at` is None before it connected to its present owner's."""

    device: str
    owner: Person
    model: str
    maker: str
    firmware: str | None
    state: str
    connected_at: str | None
    channel: str | None


class DevicesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Devices by id; `after` asks for the next page, and is empty on the last."""

    look: Look
    devices: tuple[DeviceView, ...]
    after: str


class PeoplePages:
    """The lists of one node. All raise what `WatchDesk.under` and `note` raise."""

    def __init__(self, desk: WatchDesk) -> None:
        self._desk = desk

    def people(self, actor: Actor, watch: str, *, kind: str | None, after: str, rows: int) -> PeoplePage:
        """Return actors of a kind, or all of them."""
        with self._desk.under(actor, watch, scope="administration") as under:
            found = list_actors(under.state.db, kind=kind, after=after, count_max=rows)
            people = find_people(
                [line.id for line in found], under.state, names=self._desk.names, named="everybody"
            )
            lines = tuple(_person_line(line, people[line.id], under.state) for line in found)
        look = self._desk.note(under, "people", count=len(lines))
        return PeoplePage(look=look, people=lines, after=found[-1].id if len(found) == rows else "")

    def roles(self, actor: Actor, watch: str) -> RolesPage:
        """Return every role that somebody may have, with who has it."""
        with self._desk.under(actor, watch, scope="administration") as under:
            held = {
                role: holders_of_role(under.state, role, count_max=HOLDERS_SHOWN_MAX)
                for role in roles_held(under.state, count_max=ROLES_SHOWN_MAX)
            }
            given = role_groups(under.state, count_max=ROLES_SHOWN_MAX)
            ids = [id for holders in held.values() for id in holders]
            ids += [id for row, members in given for id in (row.keeper, *members)]
            people = find_people(ids, under.state, names=self._desk.names, named="everybody")
        roles = tuple(
            RoleLine(role=role, people=tuple(people[id] for id in holders)) for role, holders in held.items()
        )
        groups = tuple(
            RoleGroup(
                group=row.group,
                role=row.role or "",
                keeper=people[row.keeper],
                members=tuple(people[id] for id in members),
                reserved=row.role in OVERSEERS,
            )
            for row, members in given
        )
        return RolesPage(look=self._desk.note(under, "roles", count=len(roles)), roles=roles, groups=groups)

    def invitations(self, actor: Actor, watch: str, *, after: str, rows: int) -> InvitationsPage:
        """Return the links that are out."""
        with self._desk.under(actor, watch, scope="administration") as under:
            found = open_invitations(under.state, after=after, count_max=rows)
            ids = [id for row in found for id in (row.actor, row.inviter)]
            people = find_people(ids, under.state, names=self._desk.names, named="everybody")
            given = role_groups(under.state, count_max=ROLES_SHOWN_MAX)
            role_of: dict[str, str | None] = {row.group: row.role for row, _ in given}
        lines = tuple(
            InvitationLine(
                invitation=row.invitation,
                invited=people[row.actor],
                inviter=people[row.inviter],
                roles=tuple(role for group in row.groups if (role := role_of.get(group))),
                expires_at=row.expires_at,
            )
            for row in found
        )
        look = self._desk.note(under, "invitations", count=len(lines))
        after = lines[-1].invitation if len(lines) == rows else ""
        return InvitationsPage(look=look, invitations=lines, after=after)

    def devices(self, actor: Actor, watch: str, *, after: str, rows: int) -> DevicesPage:
        """Return devices, whatever became of them."""
        with self._desk.under(actor, watch, scope="administration") as under:
            found = list_devices(under.state.db, after=after, count_max=rows)
            owners = [line.enrolment.owner for line in found]
            people = find_people(owners, under.state, names=self._desk.names, named="everybody")
            paused = {
                line.enrolment.device for line in found if _is_paused(line.enrolment.device, under.state)
            }
        devices = tuple(
            _device(line, people[line.enrolment.owner], is_paused=line.enrolment.device in paused)
            for line in found
        )
        look = self._desk.note(under, "devices", count=len(devices))
        return DevicesPage(
            look=look, devices=devices, after=devices[-1].device if len(devices) == rows else ""
        )


def _person_line(line: ActorLine, person: Person, state: State) -> PersonLine:
    return PersonLine(
        id=line.id,
        kind=line.kind,
        roles=person.roles,
        name=person.name,
        state=line.state,
        registered_at=line.registered_at,
        key_id=line.key_id,
        passkeys=count_passkeys(state.db, line.id),
    )


def _is_paused(device: str, state: State) -> bool:
    info = find_actor(state.db, device)
    return info is not None and info.state == "paused"


def _device(line: DeviceLine, owner: Person, *, is_paused: bool) -> DeviceView:
    one = line.enrolment
    return DeviceView(
        device=one.device,
        owner=owner,
        model=one.model,
        maker=line.maker,
        firmware=one.firmware,
        state="paused" if is_paused and one.state != "revoked" else one.state,
        connected_at=None if one.firmware is None else format_instant(one.seen_ms),
        channel=one.channel,
    )
