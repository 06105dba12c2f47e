"""The facts of the directory, on `person/<actor>`: that a name was set or forgotten, and who asked. Never the name."""

from __future__ import annotations

from telesphor.capabilities.identity.model import ActorIdField
from telesphor.runtime.capability import Body, EntryType

PERSON_STREAM = "person"


class PersonNamed(Body, frozen=True, kw_only=True):
    """The person has a name now, or another one."""

    by: ActorIdField


class PersonForgotten(Body, frozen=True, kw_only=True):
    """The person's name was destroyed."""

    by: ActorIdField


PERSON_NAMED = EntryType("person.named/1", PersonNamed)
PERSON_FORGOTTEN = EntryType("person.forgotten/1", PersonForgotten)

ENTRIES = (PERSON_NAMED, PERSON_FORGOTTEN)
