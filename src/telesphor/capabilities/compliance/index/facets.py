"""What of an entry can be searched for: its facets, each a name and a value. Pure.

Who an entry is about stands in it, or follows from what it belongs to: once `visit.opened/1` has named the patient,
all of `visit/<id>` is about that person. So facets are made in the order of the entries, with what was learnt so far.

Start at `describe_entry`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from telesphor.capabilities.access.entries import ACCESS_DECIDED
from telesphor.capabilities.access.tokens.model import Recipient
from telesphor.capabilities.compliance.entries import LOOKED
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded

FACETS: Final = (
    "type", "person", "subject", "about", "visit", "stream", "action", "purpose", "outcome",
)  # fmt: skip
"""`subject` is whose own log the entry is in; `about` is everybody whom it concerns, and so at least that."""

_OWNERS: Final = ("subject", "patient")
"""Members that name whom a whole stream is about."""

_CONCERNED: Final = ("subject", "patient", "holder", "member", "to", "owner", "participant", "grantor")
"""Members that name somebody whom one entry concerns."""

_OF_ACTORS: Final = frozenset({"access", "actor", "log", "policy", "watch", "session", "passkey", "person"})
"""Streams that are about no single thing of one person: nothing is learnt from an entry on them."""

_THEMSELVES: Final = frozenset({"actor", "person", "log"})
"""Streams whose id is whom they are about."""

_WORDS: Final = ("action", "purpose", "outcome")

Facet = tuple[str, str]
Known = Callable[[str], str | None]
"""Whom a thing, such as `visit/<id>`, is about, as far as was learnt."""


class Facets(NamedTuple):
    """What is searchable of one entry, and whom its stream is about from here on, if it says so."""

    terms: tuple[Facet, ...]
    learnt: tuple[str, str] | None


def describe_entry(entry: Recorded, known: Known) -> Facets:
    """Return the facets of one entry."""
    kind, id = parse_stream(entry.stream)
    body = entry.body
    terms = dict.fromkeys(_terms(entry, kind, id, known))
    owner = None if kind in _OF_ACTORS else _first(body, _OWNERS)
    return Facets(tuple(terms), None if owner is None else (entry.stream, owner))


def things_of(entry: Recorded) -> tuple[str, ...]:
    """The things of which `describe_entry` may ask whom they are about."""
    visit = _text(entry.body, "visit")
    return (entry.stream,) if visit is None else (entry.stream, f"visit/{visit}")


def subject_in(entry: Recorded) -> str | None:
    """Return in whose own log an entry is: that of whom a decision is about, or whom another's look was at."""
    if entry.type not in (ACCESS_DECIDED.name, LOOKED.name):
        return None
    subject: str | None = entry.body.subject
    is_own_look = entry.type == LOOKED.name and entry.body.actor == subject
    return None if is_own_look else subject


def _terms(entry: Recorded, kind: str, id: str, known: Known) -> Iterator[Facet]:
    body = entry.body
    yield "type", entry.type
    yield "person", entry.body.actor if entry.type == LOOKED.name else entry.actor
    subject = subject_in(entry)
    if subject is not None:
        yield "subject", subject
    for name in _concerned(entry, kind, id, known):
        yield "about", name
    visit = id if kind == "visit" else _text(body, "visit")
    if visit is not None:
        yield "visit", visit
    if kind != "access":  # That one is said by the person.
        yield "stream", entry.stream
    for word in _WORDS:
        value = _text(body, word)
        if value:
            yield word, value


def _concerned(entry: Recorded, kind: str, id: str, known: Known) -> Iterator[str]:
    body = entry.body
    for name in _CONCERNED:
        value = _text(body, name)
        if value is not None:
            yield value
    recipient = getattr(body, "recipient", None)
    if isinstance(recipient, Recipient) and recipient.kind == "actor":
        yield recipient.id
    if kind in _THEMSELVES:
        yield id
        return
    owner = next((found for found in map(known, things_of(entry)) if found is not None), None)
    if owner is not None:
        yield owner


def _first(body: Any, names: tuple[str, ...]) -> str | None:
    return next((value for value in (_text(body, name) for name in names) if value is not None), None)


def _text(body: Any, name: str) -> str | None:
    value = getattr(body, name, None)
    return str(value) if isinstance(value, str) and value else None
