"""All SQL of the queue of reactions, a database of its own beside the ledger."""

from __future__ import annotations

from typing import NamedTuple

import apsw

SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting_triggers(
    seq INTEGER PRIMARY KEY,
    contract TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE(contract, name)
);
CREATE INDEX IF NOT EXISTS waiting_order ON waiting_triggers(contract, seq);
CREATE TABLE IF NOT EXISTS waiting_sends(
    execution INTEGER NOT NULL,
    number INTEGER NOT NULL,
    contract TEXT NOT NULL,
    connector TEXT NOT NULL,
    key TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_ms INTEGER NOT NULL,
    PRIMARY KEY(execution, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sends_order ON waiting_sends(connector, contract, key, execution, number);
CREATE INDEX IF NOT EXISTS sends_due ON waiting_sends(next_ms);
CREATE TABLE IF NOT EXISTS due_schedules(
    contract TEXT NOT NULL,
    name TEXT NOT NULL,
    cron TEXT NOT NULL,
    next_ms INTEGER NOT NULL,
    PRIMARY KEY(contract, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cursors(follower TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
"""


class SendRow(NamedTuple):
    """A message that waits: which effect, through what, how often it was tried."""

    execution: int
    number: int
    contract: str
    connector: str
    key: str
    attempts: int


class ScheduleRow(NamedTuple):
    """A schedule's text, and when it is due next."""

    cron: str
    next_ms: int


def create_tables(db: apsw.Connection) -> None:
    """Create the tables of the queue."""
    db.execute(SCHEMA)


def put_trigger(db: apsw.Connection, *, contract: str, name: str) -> None:
    """Put a trigger at the end, unless it waits already."""
    db.execute("INSERT OR IGNORE INTO waiting_triggers(contract, name) VALUES(?, ?)", (contract, name))


def first_triggers(db: apsw.Connection, contract: str, *, limit: int) -> list[str]:
    """Return the names of a contract's triggers, first come first."""
    sql = "SELECT name FROM waiting_triggers WHERE contract = ? ORDER BY seq LIMIT ?"
    return [str(row[0]) for row in db.execute(sql, (contract, limit))]


def contracts_waiting(db: apsw.Connection) -> list[str]:
    """Return the contracts that have triggers."""
    return [str(row[0]) for row in db.execute("SELECT DISTINCT contract FROM waiting_triggers")]


def remove_trigger(db: apsw.Connection, *, contract: str, name: str) -> None:
    """Remove a trigger."""
    db.execute("DELETE FROM waiting_triggers WHERE contract = ? AND name = ?", (contract, name))


def remove_contract(db: apsw.Connection, contract: str) -> None:
    """Remove all of a contract's triggers and schedules."""
    db.execute("DELETE FROM waiting_triggers WHERE contract = ?", (contract,))
    db.execute("DELETE FROM due_schedules WHERE contract = ?", (contract,))


def put_send(db: apsw.Connection, row: SendRow) -> None:
    """Put a message among those that wait, unless it waits already."""
    sql = "INSERT OR IGNORE INTO waiting_sends VALUES(?, ?, ?, ?, ?, ?, 0)"
    db.execute(sql, tuple(row))


def connectors_due(db: apsw.Connection, now_ms: int) -> list[str]:
    """Return the connectors that have something to send now."""
    sql = "SELECT DISTINCT connector FROM waiting_sends WHERE next_ms <= ?"
    return [str(row[0]) for row in db.execute(sql, (now_ms,))]


def due_sends(db: apsw.Connection, connector: str, *, now_ms: int, limit: int) -> list[SendRow]:
    """Return messages to send now: of each contract and key the first, if its time has come."""
    sql = (
        "SELECT execution, number, contract, connector, key, attempts FROM waiting_sends AS s"
        " WHERE connector = ? AND next_ms <= ? AND NOT EXISTS (SELECT 1 FROM waiting_sends AS e"
        " WHERE e.connector = s.connector AND e.contract = s.contract AND e.key = s.key"
        " AND (e.execution, e.number) < (s.execution, s.number)) ORDER BY execution, number LIMIT ?"
    )
    return [SendRow(*row) for row in db.execute(sql, (connector, now_ms, limit))]


def postpone_send(db: apsw.Connection, row: SendRow, *, next_ms: int) -> None:
    """Note an attempt that failed, and when the next one is."""
    sql = "UPDATE waiting_sends SET attempts = ?, next_ms = ? WHERE execution = ? AND number = ?"
    db.execute(sql, (row.attempts + 1, next_ms, row.execution, row.number))


def remove_send(db: apsw.Connection, row: SendRow) -> None:
    """Remove a message that is settled."""
    db.execute("DELETE FROM waiting_sends WHERE execution = ? AND number = ?", (row.execution, row.number))


def find_schedule(db: apsw.Connection, *, contract: str, name: str) -> ScheduleRow | None:
    """Return when a schedule is due, if that was kept."""
    sql = "SELECT cron, next_ms FROM due_schedules WHERE contract = ? AND name = ?"
    row = db.execute(sql, (contract, name)).fetchone()
    return None if row is None else ScheduleRow(*row)


def put_schedule(db: apsw.Connection, *, contract: str, name: str, cron: str, next_ms: int) -> None:
    """Keep when a schedule is due."""
    db.execute("INSERT OR REPLACE INTO due_schedules VALUES(?, ?, ?, ?)", (contract, name, cron, next_ms))


def cursor_of(db: apsw.Connection, follower: str) -> int:
    """Return the position up to which a follower has worked; 0 before it began."""
    row = db.execute("SELECT position FROM cursors WHERE follower = ?", (follower,)).fetchone()
    return 0 if row is None else int(row[0])


def put_cursor(db: apsw.Connection, follower: str, position: int) -> None:
    """Keep a follower's position."""
    db.execute("INSERT OR REPLACE INTO cursors VALUES(?, ?)", (follower, position))


def waiting_by_connector(db: apsw.Connection) -> list[tuple[str, int, int, int]]:
    """Return of each connector with messages: how many wait, the oldest run among them, and the most attempts."""
    sql = "SELECT connector, count(*), min(execution), max(attempts) FROM waiting_sends GROUP BY connector"
    return [(str(name), int(count), int(oldest), int(most)) for name, count, oldest, most in db.execute(sql)]


def count_waiting(db: apsw.Connection) -> tuple[int, int]:
    """Return how many triggers and how many messages wait."""
    sql = "SELECT (SELECT count(*) FROM waiting_triggers), (SELECT count(*) FROM waiting_sends)"
    triggers, sends = db.execute(sql).fetchone() or (0, 0)
    return int(triggers), int(sends)
