"""All SQL of break-glass: emergencies, who has an alarm of which or has seen it, challenges, and who forbids it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from telesphor.capabilities.access.breakglass.entries import (
    GLASS_ACKNOWLEDGED,
    GLASS_CHALLENGED,
    GLASS_CLOSED,
    GLASS_FORBIDDEN,
    GLASS_OPENED,
    GLASS_REVIEWED,
)
from telesphor.capabilities.access.breakglass.model import GlassRow
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.ids import ActorId, parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS break_glass(
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    actor TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    passkey INTEGER NOT NULL,
    times INTEGER NOT NULL,
    state TEXT NOT NULL,
    closed_ms INTEGER,
    reviewer TEXT,
    verdict TEXT,
    reviewed_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS break_glass_open ON break_glass(actor, until_ms) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS break_glass_alarming ON break_glass(position) WHERE state <> 'reviewed';
CREATE INDEX IF NOT EXISTS break_glass_by ON break_glass(actor, opened_ms);
CREATE INDEX IF NOT EXISTS break_glass_about ON break_glass(subject, position);
CREATE INDEX IF NOT EXISTS break_glass_placed ON break_glass(position);
CREATE INDEX IF NOT EXISTS break_glass_reviewed ON break_glass(reviewer, actor) WHERE reviewer IS NOT NULL;
CREATE TABLE IF NOT EXISTS break_glass_alarms(
    actor TEXT NOT NULL,
    break_glass TEXT NOT NULL,
    PRIMARY KEY(actor, break_glass)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS break_glass_alarms_of ON break_glass_alarms(break_glass);
CREATE TABLE IF NOT EXISTS break_glass_seen(
    actor TEXT NOT NULL,
    break_glass TEXT NOT NULL,
    PRIMARY KEY(actor, break_glass)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS break_glass_challenges(
    actor TEXT PRIMARY KEY,
    nonce TEXT NOT NULL,
    asked_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS break_glass_forbidden(
    subject TEXT PRIMARY KEY
) WITHOUT ROWID;
"""

TABLES = (
    "break_glass",
    "break_glass_alarms",
    "break_glass_seen",
    "break_glass_challenges",
    "break_glass_forbidden",
)

_COLUMNS = (
    "id, position, actor, target_kind, target, subject, reason, opened_ms, until_ms, passkey, times, state,"
    " closed_ms, reviewer, verdict"
)


def find_glass(db: apsw.Connection, id: str) -> GlassRow | None:
    """Return an emergency, whatever became of it."""
    row = db.execute(f"SELECT {_COLUMNS} FROM break_glass WHERE id = ?", (id,)).fetchone()  # noqa: S608
    return None if row is None else _glass(row)


def open_glass(db: apsw.Connection, *, actor: str, now_ms: int) -> GlassRow | None:
    """Return the emergency that a person has open."""
    sql = (
        f"SELECT {_COLUMNS} FROM break_glass WHERE actor = ? AND state = 'open' AND until_ms > ?"  # noqa: S608
        " ORDER BY until_ms DESC LIMIT 1"
    )
    row = db.execute(sql, (actor, now_ms)).fetchone()
    return None if row is None else _glass(row)


def count_openings(db: apsw.Connection, *, actor: str, since_ms: int) -> int:
    """Return how many a person opened after this."""
    sql = "SELECT count(*) FROM break_glass WHERE actor = ? AND opened_ms > ?"
    return _count(db, sql, (actor, since_ms))


def glasses(
    db: apsw.Connection, *, of: str | None, alarming: bool, before: int, count_max: int
) -> list[GlassRow]:
    """Return emergencies, the newest first, from below a position: all, or those that somebody opened or is about.

    Args:
        alarming: only those that nobody has reviewed.
    """
    conditions: list[str] = ["position < ?"]
    values: list[str | int] = [before]
    if of is not None:
        conditions.append("(subject = ? OR actor = ?)")
        values += [of, of]
    if alarming:
        conditions.append("state <> 'reviewed'")
    sql = (
        f"SELECT {_COLUMNS} FROM break_glass WHERE {' AND '.join(conditions)} ORDER BY position DESC LIMIT ?"  # noqa: S608
    )
    return [_glass(row) for row in db.execute(sql, (*values, count_max))]


def noticed(
    db: apsw.Connection, reader: str, *, overseer: bool, count_max: int
) -> tuple[list[GlassRow], int]:
    """Return the newest emergencies of which somebody is to be told still, and how many there are.

    Args:
        overseer: whether those of others that nobody has reviewed are among them, and not only those about oneself
            that one has not said to have seen.
    """
    values = (reader, overseer, reader)
    sql = f"SELECT {_COLUMNS} FROM break_glass WHERE {_NOTICED} ORDER BY position DESC LIMIT ?"  # noqa: S608
    rows = [_glass(row) for row in db.execute(sql, (*values, count_max))]
    return rows, _count(db, f"SELECT count(*) FROM break_glass WHERE {_NOTICED}", values)  # noqa: S608


_NOTICED = (
    "(subject = ? AND NOT EXISTS (SELECT 1 FROM break_glass_seen AS seen"
    " WHERE seen.actor = subject AND seen.break_glass = id))"
    " OR (? AND state <> 'reviewed' AND actor <> ?)"
)


def has_seen(db: apsw.Connection, id: str, *, actor: str) -> bool:
    """Whether somebody said that it has seen an emergency."""
    sql = "SELECT 1 FROM break_glass_seen WHERE actor = ? AND break_glass = ?"
    return db.execute(sql, (actor, id)).fetchone() is not None


def count_alarming(db: apsw.Connection) -> int:
    """Return how many emergencies nobody has reviewed."""
    return _count(db, "SELECT count(*) FROM break_glass WHERE state <> 'reviewed'", ())


def count_alarms_of(db: apsw.Connection, actor: str) -> int:
    """Return of how many emergencies an actor has an alarm."""
    return _count(db, "SELECT count(*) FROM break_glass_alarms WHERE actor = ?", (actor,))


def has_reviewed(db: apsw.Connection, *, reviewer: str, actor: str, since_ms: int) -> bool:
    """Whether one person reviewed an emergency of another after this."""
    sql = "SELECT 1 FROM break_glass WHERE reviewer = ? AND actor = ? AND reviewed_ms > ? LIMIT 1"
    return db.execute(sql, (reviewer, actor, since_ms)).fetchone() is not None


def challenge_of(db: apsw.Connection, actor: str) -> tuple[str, int] | None:
    """Return the nonce that waits for a person's keys, and when it was asked for."""
    return db.execute(
        "SELECT nonce, asked_ms FROM break_glass_challenges WHERE actor = ?", (actor,)
    ).fetchone()


def is_forbidden(db: apsw.Connection, subject: str) -> bool:
    """Whether a patient forbids emergency access."""
    return (
        db.execute("SELECT 1 FROM break_glass_forbidden WHERE subject = ?", (subject,)).fetchone() is not None
    )


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry into the tables; what was listed or refused changes nothing."""
    id, body = parse_stream(entry.stream)[1], entry.body
    if entry.type == GLASS_CHALLENGED.name:
        row = (id, body.nonce, parse_instant(entry.at))
        db.execute("INSERT OR REPLACE INTO break_glass_challenges VALUES(?, ?, ?)", row)
    elif entry.type == GLASS_OPENED.name:
        _open(db, entry, id)
    elif entry.type == GLASS_CLOSED.name:
        sql = "UPDATE break_glass SET state = 'closed', closed_ms = ? WHERE id = ?"
        db.execute(sql, (parse_instant(entry.at), id))
    elif entry.type == GLASS_REVIEWED.name:
        sql = (
            "UPDATE break_glass SET state = 'reviewed', reviewer = ?, verdict = ?, reviewed_ms = ?,"
            " closed_ms = coalesce(closed_ms, min(until_ms, ?)) WHERE id = ?"
        )
        at_ms = parse_instant(entry.at)
        db.execute(sql, (entry.actor, body.verdict, at_ms, at_ms, id))
        db.execute("DELETE FROM break_glass_alarms WHERE break_glass = ?", (id,))
    elif entry.type == GLASS_ACKNOWLEDGED.name:
        db.execute("INSERT INTO break_glass_seen VALUES(?, ?)", (entry.actor, id))
    elif entry.type == GLASS_FORBIDDEN.name:
        db.execute("DELETE FROM break_glass_forbidden WHERE subject = ?", (id,))
        if body.forbidden:
            db.execute("INSERT INTO break_glass_forbidden VALUES(?)", (id,))


def _open(db: apsw.Connection, entry: Recorded, id: str) -> None:
    body = entry.body
    db.execute("DELETE FROM break_glass_challenges WHERE actor = ?", (entry.actor,))
    row = (
        id, entry.position, entry.actor, body.target.kind, body.target.id, body.subject, str(body.reason),
        parse_instant(entry.at), parse_instant(body.until), body.reauthentication == "passkey", body.times,
    )  # fmt: skip
    sql = "INSERT INTO break_glass VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', NULL, NULL, NULL, NULL)"
    db.execute(sql, row)
    alarms = [(actor, id) for actor in body.notified]
    db.executemany("INSERT INTO break_glass_alarms VALUES(?, ?)", alarms)


def _glass(row: Sequence[Any]) -> GlassRow:
    found = GlassRow(*row)
    return found._replace(actor=ActorId(found.actor), passkey=bool(found.passkey))


def _count(db: apsw.Connection, sql: str, values: Sequence[object]) -> int:
    ((count,),) = db.execute(sql, values)
    return int(count)


STORE = Store(SCHEMA, TABLES, apply)
