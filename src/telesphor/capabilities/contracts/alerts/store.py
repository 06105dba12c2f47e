"""All SQL of alerts."""

from __future__ import annotations

import json
from typing import Literal

import apsw

from telesphor.capabilities.contracts.alerts.entries import ALERT_ACKNOWLEDGED, ALERT_RAISED
from telesphor.capabilities.contracts.alerts.model import AlertRow
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts(
    alert TEXT PRIMARY KEY,
    contract TEXT NOT NULL,
    level TEXT NOT NULL,
    code TEXT NOT NULL,
    about TEXT NOT NULL,
    raised_at TEXT NOT NULL,
    acknowledged_by TEXT,
    acknowledged_at TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alerts_of ON alerts(contract, alert);
CREATE INDEX IF NOT EXISTS alerts_open ON alerts(contract, alert) WHERE acknowledged_by IS NULL;
"""

TABLES = ("alerts",)

_SELECT = (
    "SELECT alert, contract, level, code, about, raised_at, acknowledged_by, acknowledged_at FROM alerts"
)


def find_alert(db: apsw.Connection, alert: str) -> AlertRow | None:
    """Return an alert, if it was raised."""
    row = db.execute(_SELECT + " WHERE alert = ?", (alert,)).fetchone()
    return None if row is None else _alert(row)


def alerts_of(
    db: apsw.Connection, contract: str, *, which: Literal["open", "all"], after: str, limit: int
) -> list[AlertRow]:
    """Return alerts of a contract from behind the id `after`, by id, which is the order of their raising."""
    still = " AND acknowledged_by IS NULL" if which == "open" else ""
    sql = _SELECT + " WHERE contract = ? AND alert > ?" + still + " ORDER BY alert LIMIT ?"
    return [_alert(row) for row in db.execute(sql, (contract, after, limit))]


def newest_alerts(db: apsw.Connection, contract: str, *, limit: int) -> list[AlertRow]:
    """Return alerts of a contract, the newest first."""
    sql = _SELECT + " WHERE contract = ? ORDER BY alert DESC LIMIT ?"
    return [_alert(row) for row in db.execute(sql, (contract, limit))]


def count_open_alerts(db: apsw.Connection, contract: str) -> int:
    """Return how many alerts of a contract nobody has acknowledged."""
    sql = "SELECT count(*) FROM alerts WHERE contract = ? AND acknowledged_by IS NULL"
    return int(db.execute(sql, (contract,)).get)


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of alerts into the table."""
    alert, body = parse_stream(entry.stream)[1], entry.body
    if entry.type == ALERT_RAISED.name:
        row = (alert, body.contract, body.level, body.code, json.dumps(body.about), entry.at)
        db.execute("INSERT INTO alerts VALUES(?, ?, ?, ?, ?, ?, NULL, NULL)", row)
    elif entry.type == ALERT_ACKNOWLEDGED.name:
        sql = "UPDATE alerts SET acknowledged_by = ?, acknowledged_at = ? WHERE alert = ?"
        db.execute(sql, (entry.actor, entry.at, alert))


def _alert(row: tuple[object, ...]) -> AlertRow:
    alert, contract, level, code, about, *rest = row
    return AlertRow(alert, contract, level, code, tuple(json.loads(str(about))), *rest)  # type: ignore[arg-type]


STORE = Store(SCHEMA, TABLES, apply)
