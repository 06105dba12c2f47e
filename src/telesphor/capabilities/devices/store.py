"""All SQL of devices: which objects are readings, of which device, and what of."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from telesphor.capabilities.devices.model import ReadingLine
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS readings(
    object TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    n INTEGER NOT NULL,
    kind TEXT NOT NULL,
    count INTEGER NOT NULL,
    begin_at TEXT NOT NULL,
    end_at TEXT NOT NULL
) WITHOUT ROWID;
"""

TABLES = ("readings",)


def has_readings(db: apsw.Connection, object_id: str) -> bool:
    """Whether the object was recorded as readings before."""
    row = db.execute("SELECT 1 FROM readings WHERE object = ?", (object_id,)).fetchone()
    return row is not None


def readings_among(db: apsw.Connection, objects: Sequence[str]) -> dict[str, ReadingLine]:
    """Those of these objects that are readings, by object."""
    marks = ", ".join("?" * len(objects))
    sql = f"SELECT object, device, kind, count, begin_at, end_at FROM readings WHERE object IN ({marks})"  # noqa: S608
    return {row[0]: ReadingLine(*row[1:]) for row in db.execute(sql, tuple(objects))}


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of devices into the table."""
    body = entry.body
    row = (body.object, entry.actor, entry.n, body.kind, body.count, body.begin, body.end)
    db.execute("INSERT INTO readings VALUES(?, ?, ?, ?, ?, ?, ?)", row)


STORE = Store(SCHEMA, TABLES, apply)
