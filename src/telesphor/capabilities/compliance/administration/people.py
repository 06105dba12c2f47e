"""Lists of actors, of roles with those who have them, and of devices. Start at `PeoplePages`."""

from __future__ import annotations

from typing import Final

import msgspec

from telesphor.capabilities.access.tokens.listing import roles_held
from telesphor.capabilities.access.tokens.policies import holders_of_role
from telesphor.capabilities.compliance.desk import Look, WatchDesk
from telesphor.capabilities.compliance.people import Person, find_people
from telesphor.capabilities.identity.enrolment.listing import DeviceLine, list_devices
from telesphor.capabilities.identity.listing import ActorLine, count_passkeys, list_actors
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


class RolesPage(msgspec.Struct, frozen=True, kw_only=True):
    """All roles, by name."""

    look: Look
    roles: tuple[RoleLine, ...]


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
            ids = [id for holders in held.values() for id in holders]
            people = find_people(ids, under.state, names=self._desk.names, named="everybody")
        roles = tuple(
            RoleLine(role=role, people=tuple(people[id] for id in holders)) for role, holders in held.items()
        )
        return RolesPage(look=self._desk.note(under, "roles", count=len(roles)), roles=roles)

    def devices(self, actor: Actor, watch: str, *, after: str, rows: int) -> DevicesPage:
        """Return devices, whatever became of them."""
        with self._desk.under(actor, watch, scope="administration") as under:
            found = list_devices(under.state.db, after=after, count_max=rows)
            owners = [line.enrolment.owner for line in found]
            people = find_people(owners, under.state, names=self._desk.names, named="everybody")
        devices = tuple(_device(line, people[line.enrolment.owner]) for line in found)
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


def _device(line: DeviceLine, owner: Person) -> DeviceView:
    one = line.enrolment
    return DeviceView(
        device=one.device,
        owner=owner,
        model=one.model,
        maker=line.maker,
        firmware=one.firmware,
        state=one.state,
        connected_at=None if one.firmware is None else format_instant(one.seen_ms),
        channel=one.channel,
    )
