"""All SQL of devices: which objects are readings, and of which device."""

from __future__ import annotations

import apsw

from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS readings(
    object TEXT PRIMARY KEY,
    device TEXT NOT NULL,
    n INTEGER NOT NULL
) WITHOUT ROWID;
"""

TABLES = ("readings",)


def has_readings(db: apsw.Connection, object_id: str) -> bool:
    """Whether the object was recorded as readings before."""
    row = db.execute("SELECT 1 FROM readings WHERE object = ?", (object_id,)).fetchone()
    return row is not None


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of devices into the table."""
    db.execute("INSERT INTO readings VALUES(?, ?, ?)", (entry.body.object, entry.actor, entry.n))


STORE = Store(SCHEMA, TABLES, apply)
