"""Entries as rows of a page: who, what, about whom, and of a decision how it came out and why.

A row is made of ids and fixed words; names come from the directory, where the reader may have them. Nothing of a
patient's data is on the ledger, and so none is here. Start at `describe_rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from telesphor.capabilities.access.entries import ACCESS_DECIDED, ACCESS_STANDING
from telesphor.capabilities.access.uses.explaining import Explained, explain_decision
from telesphor.capabilities.compliance.entries import LOOKED
from telesphor.capabilities.compliance.index.facets import subject_in
from telesphor.capabilities.compliance.model import Named
from telesphor.capabilities.compliance.people import Names, Person, find_people
from telesphor.capabilities.compliance.words import words_of
from telesphor.runtime.capability import Recorded, State

DECISIONS = (ACCESS_DECIDED.name, ACCESS_STANDING.name)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One entry in a list.

    Attributes:
        words: what its actor did, in English; `type` is what other languages go by.
        subject: whom it is about, as far as the entry says.
        action, resource, visit, purpose, outcome, rule, break_glass: of a decision; `rule` is why, in words.
        reasons: ids of the policies that decided.
        done, recipient: what the client said that it did with what it read.
    """

    position: int
    at: str
    type: str
    words: str
    stream: str
    n: int
    actor: Person
    subject: Person | None
    action: str | None = None
    resource: str | None = None
    visit: str | None = None
    purpose: str | None = None
    outcome: str | None = None
    rule: str | None = None
    reasons: tuple[str, ...] = ()
    break_glass: str | None = None
    done: str | None = None
    recipient: str | None = None


def describe_rows(
    entries: Sequence[Recorded], state: State, *, names: Names, named: Named
) -> tuple[Row, ...]:
    """Return a row for each entry, in their order."""
    ids = [id for entry in entries for id in (actor_in(entry), _subject_of(entry))]
    people = find_people(ids, state, names=names, named=named)
    return tuple(_row(entry, people, state) for entry in entries)


def actor_in(entry: Recorded) -> str:
    """Return who acted: of a look, which is the node's own word, whoever looked."""
    actor: str = entry.body.actor if entry.type == LOOKED.name else entry.actor
    return actor


def explain_entry(entry: Recorded, state: State) -> Explained:
    """Say why of an entry that is a decision."""
    body = entry.body
    return explain_decision(
        body.reasons,
        outcome=outcome_of(entry),
        decision=body.decision,
        break_glass=getattr(body, "break_glass", None),
        state=state,
    )


def outcome_of(entry: Recorded) -> str:
    """Return how a decision came out; what stands decided is allowed."""
    outcome: str = getattr(entry.body, "outcome", "allow")
    return outcome


def _row(entry: Recorded, people: Any, state: State) -> Row:
    subject = _subject_of(entry)
    plain = Row(
        position=entry.position,
        at=entry.at,
        type=entry.type,
        words=words_of(entry.type),
        stream=entry.stream,
        n=entry.n,
        actor=people[actor_in(entry)],
        subject=None if subject is None else people[subject],
    )
    return _with_decision(plain, entry, state) if entry.type in DECISIONS else plain


def _with_decision(plain: Row, entry: Recorded, state: State) -> Row:
    body, why = entry.body, explain_entry(entry, state)
    purpose = getattr(body, "purpose", None)
    return msgspec.structs.replace(
        plain,
        action=str(body.action),
        resource=body.resource,
        visit=getattr(body, "visit", None),
        purpose=None if purpose is None else str(purpose),
        outcome=outcome_of(entry),
        rule=why.rule,
        reasons=tuple(body.reasons),
        break_glass=getattr(body, "break_glass", None),
        done=why.done or None,
        recipient=why.recipient or None,
    )


def _subject_of(entry: Recorded) -> str | None:
    found = subject_in(entry)
    for name in ("subject", "patient"):
        value = getattr(entry.body, name, None)
        found = found or (value if isinstance(value, str) and value else None)
    return found
