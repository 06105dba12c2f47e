"""All SQL of access: the policies in force, what stands decided, and every decision with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import apsw
import msgspec

from telesphor.capabilities.access.entries import ACCESS_DECIDED, ACCESS_STANDING, POLICY_CHANGED
from telesphor.capabilities.access.model import PolicyRow
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS access_policies(
    slot TEXT NOT NULL,
    actor TEXT NOT NULL,
    policies TEXT NOT NULL,
    ids TEXT NOT NULL,
    PRIMARY KEY(slot, actor)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_standing(
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    inputs TEXT NOT NULL,
    PRIMARY KEY(actor, action, resource)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_decisions(
    position INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    n INTEGER NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    subject TEXT,
    visit TEXT,
    purpose TEXT NOT NULL,
    outcome TEXT NOT NULL,
    break_glass TEXT,
    reasons TEXT NOT NULL,
    decision TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS access_decisions_about ON access_decisions(resource, position);
CREATE INDEX IF NOT EXISTS access_decisions_by ON access_decisions(actor, position);
CREATE INDEX IF NOT EXISTS access_decisions_of ON access_decisions(subject, position) WHERE subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS access_decisions_in ON access_decisions(visit, position) WHERE visit IS NOT NULL;
CREATE INDEX IF NOT EXISTS access_decisions_under ON access_decisions(break_glass) WHERE break_glass IS NOT NULL;
"""

TABLES = ("access_policies", "access_standing", "access_decisions")


class DecisionFilter(NamedTuple):
    """Which decisions are wanted: about whom, of what, by whom, from `since` on and before `until`.

    `unknown_subject`: also those of which nobody knew whom they are about.
    """

    subject: str | None = None
    resource: str | None = None
    visit: str | None = None
    actor: str | None = None
    since: str | None = None
    until: str | None = None
    unknown_subject: bool = False


class DecisionRow(NamedTuple):
    """A decision with its place."""

    position: int
    at: str
    actor: str
    action: str
    resource: str
    subject: str | None
    purpose: str
    outcome: str
    break_glass: str | None
    reasons: tuple[str, ...]
    decision: str


_ids = msgspec.json.Decoder(tuple[str, ...])


def policies_in_force(db: apsw.Connection) -> tuple[PolicyRow, ...]:
    """Return the texts that are set: the base first, then each organisation's, in order of who set them."""
    sql = "SELECT slot, actor, policies, ids FROM access_policies ORDER BY slot, actor"
    return tuple(
        PolicyRow(slot, actor, Digest(policies), _ids.decode(ids))
        for slot, actor, policies, ids in db.execute(sql)
    )


def standing_inputs(db: apsw.Connection, *, actor: str, action: str, resource: str) -> str | None:
    """Return the digest of what a standing permission was decided on, if there is one."""
    sql = "SELECT inputs FROM access_standing WHERE actor = ? AND action = ? AND resource = ?"
    row = db.execute(sql, (actor, action, resource)).fetchone()
    return None if row is None else row[0]


def count_reads_under(db: apsw.Connection, break_glass: str) -> tuple[int, int]:
    """Return how many reads were allowed, and how many denied, while an emergency access was open for them."""
    sql = (
        "SELECT count(*) FILTER (WHERE outcome = 'allow'), count(*) FILTER (WHERE outcome = 'deny')"
        " FROM access_decisions WHERE break_glass = ? AND action = 'read'"
    )
    ((allowed, denied),) = db.execute(sql, (break_glass,))
    return allowed, denied


def decisions(
    db: apsw.Connection, wanted: DecisionFilter, *, before: int, count_max: int
) -> list[DecisionRow]:
    """Return decisions that pass a filter, the newest first, from below a position."""
    first = 0 if wanted.since is None else _first_since(db, wanted.since)
    end = before if wanted.until is None else min(before, _first_since(db, wanted.until))
    conditions = ["position >= ? AND position < ?"]
    values: list[str | int] = [first, end]
    for condition, value in _conditions(wanted):
        conditions.append(condition)
        values += [value] * condition.count("?")
    sql = (
        "SELECT position, at, actor, action, resource, subject, purpose, outcome, break_glass, reasons, decision"  # noqa: S608
        f" FROM access_decisions WHERE {' AND '.join(conditions)} ORDER BY position DESC LIMIT ?"
    )
    rows = db.execute(sql, (*values, count_max))
    found = []
    for position, at, actor, action, resource, subject, purpose, outcome, glass, reasons, decision in rows:
        place = (position, at, actor, action, resource, subject, purpose, outcome, glass)
        found.append(DecisionRow(*place, tuple(reasons.split()), decision))
    return found


def _conditions(wanted: DecisionFilter) -> Iterator[tuple[str, str]]:
    """One condition for each member of a filter, with `+` before the columns whose index is not to be taken.

    The narrowest is named first: an object or a visit has some hundred decisions, a busy system has millions.
    """
    subject = "(subject = ? OR subject IS NULL)" if wanted.unknown_subject else "subject = ?"
    members = (
        ("resource = ?", wanted.resource),
        ("(visit = ? OR resource = 'visit/' || ?)", wanted.visit),
        (subject, wanted.subject),
        ("actor = ?", wanted.actor),
    )
    is_first = True
    for condition, value in members:
        if value is not None:
            plain = (
                condition
                if is_first
                else condition.replace("subject ", "+subject ").replace("actor", "+actor")
            )
            yield plain, value
            is_first = False


def _first_since(db: apsw.Connection, instant: str) -> int:
    """Return a position from which on all decisions are of this instant or later; instants grow with positions."""
    sql = "SELECT position, at FROM access_decisions WHERE position >= ? ORDER BY position LIMIT 1"
    last = db.execute("SELECT max(position) FROM access_decisions").fetchone()
    low, high = 0, -1 if last is None or last[0] is None else last[0]
    high += 1
    while low < high:
        middle = (low + high) // 2
        row = db.execute(sql, (middle,)).fetchone()
        if row is None or row[1] >= instant:
            high = middle
        else:
            low = row[0] + 1
    return low


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of access into the tables."""
    body, actor = entry.body, parse_stream(entry.stream)[1]
    if entry.type == ACCESS_DECIDED.name:
        row = (
            entry.position,
            entry.at,
            actor,
            entry.n,
            body.action,
            body.resource,
            body.subject,
            body.visit,
            body.purpose or "",
            body.outcome,
            body.break_glass,
            " ".join(body.reasons),
            body.decision,
        )
        db.execute("INSERT INTO access_decisions VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    elif entry.type == ACCESS_STANDING.name:
        standing = (actor, body.action, body.resource, body.inputs)
        db.execute("INSERT OR REPLACE INTO access_standing VALUES(?, ?, ?, ?)", standing)
    elif entry.type == POLICY_CHANGED.name:
        # The base is the node's, whoever set it last; rules are of each organisation.
        holder = "" if body.slot == "base" else actor
        db.execute("DELETE FROM access_policies WHERE slot = ? AND actor = ?", (body.slot, holder))
        if body.policies is not None:
            ids = msgspec.json.encode(body.ids).decode()
            db.execute(
                "INSERT INTO access_policies VALUES(?, ?, ?, ?)", (body.slot, holder, body.policies, ids)
            )


STORE = Store(SCHEMA, TABLES, apply)


def _fold_nothing(_db: apsw.Connection, _entry: Recorded) -> None:
    """Documents are in none of our tables."""


DOCUMENTS = Store("", (), _fold_nothing)
"""No store: what is remembered for it is which documents are kept, and no entry changes that within a batch."""
