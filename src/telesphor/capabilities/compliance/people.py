"""Who is meant by an id, as a page shows it: kind, roles of now, and a name where the reader may have it.

Names are patient data. On the pages of an auditor only those who have a role, and what is no person, are named; a
patient stays an id. On a person's own page, and to whoever administers, everybody is named. Start at `find_people`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from telesphor.capabilities.access.tokens.policies import roles_of
from telesphor.capabilities.compliance.model import Named
from telesphor.capabilities.identity.model import ActorKind
from telesphor.capabilities.identity.service import find_actor
from telesphor.runtime.capability import State


class Names(Protocol):
    """The directory of names."""

    def names_of(self, actors: Iterable[str]) -> dict[str, str]: ...


class NoNames:
    """A directory without anybody in it."""

    def names_of(self, actors: Iterable[str]) -> dict[str, str]:
        """Nobody has a name."""
        return dict.fromkeys((), "")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """An actor; `kind` is `unknown` where nobody is registered under this id."""

    id: str
    kind: str
    roles: tuple[str, ...]
    name: str | None


def find_people(
    ids: Iterable[str | None], state: State, *, names: Names, named: Named
) -> Mapping[str, Person]:
    """Return a person for each id that is one."""
    known = {id: _describe(id, state) for id in dict.fromkeys(ids) if id is not None}
    may_be_named = [id for id, person in known.items() if named == "everybody" or _is_staff(person)]
    found = names.names_of(may_be_named)
    return {id: msgspec.structs.replace(person, name=found.get(id)) for id, person in known.items()}


def _describe(id: str, state: State) -> Person:
    info = find_actor(state.db, id)
    kind = "unknown" if info is None else str(info.kind)
    return Person(id=id, kind=kind, roles=roles_of(state, id), name=None)


def _is_staff(person: Person) -> bool:
    return bool(person.roles) or person.kind not in (ActorKind.PERSON, "unknown")
