"""All SQL of the benchmark: the bare inserts that stand beside the writer, and the bench's own state table."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS bench_counts(
    stream TEXT PRIMARY KEY,
    entries INTEGER NOT NULL
) WITHOUT ROWID;
"""

BARE_SCHEMA = "CREATE TABLE bare(position INTEGER PRIMARY KEY, previous INTEGER NOT NULL, data BLOB NOT NULL)"

_COUNT = "INSERT INTO bench_counts VALUES(?, 1) ON CONFLICT(stream) DO UPDATE SET entries = entries + 1"


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Count the entries of each stream: the least a state table can do for every entry."""
    db.execute(_COUNT, (entry.stream,))


def create_bare_table(db: apsw.Connection) -> None:
    """A table like that of the entries, with nothing around it."""
    db.execute(BARE_SCHEMA)


def insert_bare(db: apsw.Connection, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Insert rows in one durable transaction."""
    with db:
        db.executemany("INSERT INTO bare VALUES(?, ?, ?)", rows)


STORE = Store(SCHEMA, ("bench_counts",), apply)
