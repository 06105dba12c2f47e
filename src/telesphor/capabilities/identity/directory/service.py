"""The use cases of the directory: name a person, forget a name, show names, look people up.

Each is asked in a session, because a name must not stand in a signed command, which is kept for good. That a name
changed, and for whom, is the node's own word on the ledger, durable before the name is. Start at `DirectoryDesk`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from telesphor.capabilities.identity.directory.directory import Directory
from telesphor.capabilities.identity.directory.entries import (
    PERSON_FORGOTTEN,
    PERSON_NAMED,
    PERSON_STREAM,
    PersonForgotten,
    PersonNamed,
)
from telesphor.capabilities.identity.directory.model import (
    FOUND_MAX,
    PEOPLE_ASKED_MAX,
    SEARCH_CHARS_MIN,
    NamedPerson,
    NameNotYours,
    SearchRefused,
    clean_name,
)
from telesphor.capabilities.identity.model import ActorIdField, ActorKind
from telesphor.capabilities.identity.service import find_actor
from telesphor.kernel.ids import ActorId, parse_id, stream_of
from telesphor.runtime.capability import Actor, Body, CommandType, Decision, Draft, Receipt, State

KEEPERS = (ActorKind.ORGANISATION, ActorKind.SYSTEM)
"""Who keeps everybody's names: the clinic itself, and its systems."""

LOOKING_UP = frozenset({"auditor", "privacy-officer"})
"""Roles that may look people up besides."""


class Relations(Protocol):
    """What the directory asks of other parts, all of it as of now."""

    def parts(self, state: State, reader: str, actors: Sequence[str]) -> set[str]:
        """Those of these actors that the reader has a part with: a visit, a thread, an invitation."""

    def has_invited(self, state: State, inviter: str, actor: str) -> bool:
        """Whether an invitation of theirs for this actor is out."""

    def roles(self, state: State, actor: str) -> Sequence[str]:
        """The roles that an actor has."""


class SayName(Body, frozen=True, kw_only=True):
    """The node's word that a name was set or forgotten."""

    person: ActorIdField
    by: ActorIdField


class DirectoryDesk:
    """Who may do what with the names of one node.

    Args:
        record: records the node's own word.
        reading: the committed state of now.
        changed: called with an actor whose name is another now.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        relations: Relations,
        record: Callable[[CommandType, Body], Receipt],
        reading: Callable[[], AbstractContextManager[State]],
        changed: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._relations = relations
        self._record = record
        self._reading = reading
        self._changed = changed

    def name_person(self, actor: Actor, person: str, name: str) -> None:
        """Set a person's name, or change it.

        Raises:
            NameNotYours: it is neither one's own, nor does one keep names, or have that person invited.
            NameRefused: it is no name.
        """
        parse_id(person)
        clean_name(name)
        with self._reading() as state:
            first = self._directory.name_of(person) is None
            invited = first and self._relations.has_invited(state, actor.id, person)
        if person != actor.id and actor.kind not in KEEPERS and not invited:
            raise NameNotYours("somebody else's name is not yours to change")
        self._record(_SAY_NAMED, SayName(person=ActorId(person), by=actor.id))
        self._directory.set_name(person, name)
        self._changed(person)

    def forget_person(self, actor: Actor, person: str) -> None:
        """Destroy a person's name.

        Raises:
            NameNotYours: it is neither one's own, nor does one keep names.
        """
        parse_id(person)
        if person != actor.id and actor.kind != ActorKind.ORGANISATION:
            raise NameNotYours("somebody else's name is not yours to destroy")
        self._record(_SAY_FORGOTTEN, SayName(person=ActorId(person), by=actor.id))
        self._directory.forget(person)
        self._changed(person)

    def show_people(self, actor: Actor, people: Sequence[str]) -> tuple[NamedPerson, ...]:
        """The names of those among these people with whom the actor has a part; the others are left out.

        Raises:
            SearchRefused: more people are asked for than at once.
        """
        if len(people) > PEOPLE_ASKED_MAX:
            raise SearchRefused(f"at most `{PEOPLE_ASKED_MAX}` people are shown at once")
        wanted = [parse_id(person) for person in people]
        names = self.names_for(actor, wanted)
        return tuple(NamedPerson(person, names[person]) for person in wanted if person in names)

    def names_of(self, people: Iterable[str]) -> dict[str, str]:
        """The names of these people, whoever asks: for what shows them to nobody else than who may know."""
        return self._directory.names_of(people)

    def names_for(self, reader: Actor, people: Iterable[str]) -> dict[str, str]:
        """The names of those among these people whom the reader knows, by actor."""
        wanted = sorted(set(people))
        with self._reading() as state:
            shown = set(wanted) if self._sees_all(reader, state) else self._seen(reader, wanted, state)
        return self._directory.names_of(sorted(shown))

    def search_people(self, actor: Actor, text: str) -> tuple[NamedPerson, ...]:
        """People by the beginnings of their names.

        Raises:
            SearchRefused: the actor may not, or asks for less than two letters.
        """
        with self._reading() as state:
            if not self._sees_all(actor, state):
                raise SearchRefused("looking people up takes an organisation, or the role of an auditor")
        if len(text.strip()) < SEARCH_CHARS_MIN:
            raise SearchRefused(f"a search has at least `{SEARCH_CHARS_MIN}` letters")
        return tuple(self._directory.search(text, count_max=FOUND_MAX))

    def _sees_all(self, actor: Actor, state: State) -> bool:
        return actor.kind in KEEPERS or not LOOKING_UP.isdisjoint(self._relations.roles(state, actor.id))

    def _seen(self, actor: Actor, wanted: Sequence[str], state: State) -> set[str]:
        others = [person for person in wanted if person != actor.id]
        seen = self._relations.parts(state, actor.id, others)
        strangers = [person for person in others if person not in seen]
        seen |= {person for person in strangers if self._awaits(actor, person, state)}
        return seen | ({actor.id} & set(wanted))

    def _awaits(self, actor: Actor, person: str, state: State) -> bool:
        """Whether the actor has invited somebody who has no keys yet, whom nobody else than its inviters has named.

        An invitation to somebody who is here already would otherwise tell its name.
        """
        return find_actor(state.db, person) is None and self._relations.has_invited(state, actor.id, person)


def _say_named(_node: Actor, word: SayName, _state: State) -> Decision:
    stream = stream_of(PERSON_STREAM, word.person)
    return Decision((Draft(PERSON_NAMED.name, stream, PersonNamed(by=word.by)),))


def _say_forgotten(_node: Actor, word: SayName, _state: State) -> Decision:
    stream = stream_of(PERSON_STREAM, word.person)
    return Decision((Draft(PERSON_FORGOTTEN.name, stream, PersonForgotten(by=word.by)),))


_SAY_NAMED = CommandType("person.name/1", SayName, _say_named)
_SAY_FORGOTTEN = CommandType("person.forget/1", SayName, _say_forgotten)
"""The node's own words: they are in no capability's list, so nobody can ask for them."""
