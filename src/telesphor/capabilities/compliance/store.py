"""All SQL of watches, among the state tables of the ledger."""

from __future__ import annotations

import apsw

from telesphor.capabilities.compliance.entries import LOOKED, WATCH_ENDED, WATCH_OPENED
from telesphor.capabilities.compliance.model import WatchRow
from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

KEPT_MS = 24 * 60 * 60 * 1000
"""How long a watch that is over is remembered, so that whoever comes back is told why it is over."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS audit_watches(
    watch TEXT PRIMARY KEY,
    actor TEXT NOT NULL,
    scope TEXT NOT NULL,
    subject TEXT,
    live INTEGER NOT NULL,
    until TEXT NOT NULL,
    ended INTEGER NOT NULL,
    looks INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS audit_watches_until ON audit_watches(until);
"""

TABLES = ("audit_watches",)

_SELECT = "SELECT watch, actor, scope, subject, live, until, ended, looks FROM audit_watches"


def find_watch(db: apsw.Connection, watch: str) -> WatchRow | None:
    """Return a watch, over or not."""
    row = db.execute(_SELECT + " WHERE watch = ?", (watch,)).fetchone()
    return None if row is None else _watch(row)


def live_watches(db: apsw.Connection, *, now: str, limit: int) -> list[WatchRow]:
    """Return the watches that are shown what happens, those on the whole log first."""
    sql = _SELECT + " WHERE until > ? AND live AND NOT ended ORDER BY subject IS NOT NULL, watch LIMIT ?"
    return [_watch(row) for row in db.execute(sql, (now, limit))]


def count_open(db: apsw.Connection, actor: str, *, now: str) -> int:
    """Return how many watches of an actor are not over."""
    sql = "SELECT count(*) FROM audit_watches WHERE until > ? AND actor = ? AND NOT ended"
    return int(db.execute(sql, (now, actor)).get)


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of watches into the table."""
    watch, body = parse_stream(entry.stream)[1], entry.body
    if entry.type == WATCH_OPENED.name:
        gone = format_instant(max(0, parse_instant(entry.at) - KEPT_MS))
        db.execute("DELETE FROM audit_watches WHERE until < ?", (gone,))
        row = (watch, entry.actor, body.scope, body.subject, int(body.live), body.until, 0, 0)
        db.execute("INSERT INTO audit_watches VALUES(?, ?, ?, ?, ?, ?, ?, ?)", row)
    elif entry.type == LOOKED.name:
        db.execute("UPDATE audit_watches SET looks = looks + 1 WHERE watch = ?", (watch,))
    elif entry.type == WATCH_ENDED.name:
        db.execute("UPDATE audit_watches SET ended = 1 WHERE watch = ?", (watch,))


def _watch(row: tuple[object, ...]) -> WatchRow:
    watch, actor, scope, subject, live, until, ended, looks = row
    return WatchRow(watch, actor, scope, subject, bool(live), until, bool(ended), looks)  # type: ignore[arg-type]


STORE = Store(SCHEMA, TABLES, apply)
