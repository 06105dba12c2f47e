"""All SQL of the ledger: entries, streams, requests and documents; checkpoints and follower cursors.

`entries` and `streams` live in `ledger.sqlite` beside the state tables and are written by the one
writer. An entry row names the previous entry of its stream, so that a stream is walked backwards
by primary key and the writer maintains no second index. Checkpoints and cursors live in
`published.sqlite`, written by the followers, so that they never wait for the writer nor it for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import apsw

from telesphor.runtime.rows import InsertRows, select_rows

LEDGER_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries(
    position INTEGER PRIMARY KEY,
    previous INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS streams(
    stream TEXT PRIMARY KEY,
    length INTEGER NOT NULL,
    head INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests(
    first INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    digest TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS requests_by_time ON requests(at_ms, digest);
CREATE TABLE IF NOT EXISTS documents(
    digest TEXT PRIMARY KEY,
    data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS folds(
    one INTEGER PRIMARY KEY CHECK(one = 0),
    fold TEXT NOT NULL,
    tables TEXT NOT NULL
);
"""

PUBLISHED_SCHEMA = """
CREATE TABLE IF NOT EXISTS checkpoints(
    size INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    note BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS checkpoints_by_time ON checkpoints(at_ms);
CREATE TABLE IF NOT EXISTS cursors(
    follower TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;
"""

NO_PREVIOUS = -1
"""`previous` of a stream's first entry."""

EntryRow = tuple[int, int, bytes]
"""Position, previous position in the stream, exact bytes."""

StreamRow = tuple[str, int, int]
"""Stream, length, position of its last entry."""

RequestRow = tuple[int, int, str, bytes]
"""Position of the first entry it caused, its own time, digest of its payload, exact bytes."""


def create_ledger_tables(db: apsw.Connection) -> None:
    """Create the ledger's tables where they are missing."""
    db.execute(LEDGER_SCHEMA)


def find_fold(db: apsw.Connection) -> tuple[str, tuple[str, ...]] | None:
    """Return of which fold the state tables are, and their names; None where that was never said."""
    if not db.table_exists(None, "folds"):
        return None
    row = db.execute("SELECT fold, tables FROM folds").fetchone()
    return None if row is None else (row[0], tuple(row[1].split()))


def set_fold(db: apsw.Connection, fold: str, tables: Sequence[str]) -> None:
    """Say of which fold the state tables are."""
    db.execute("INSERT OR REPLACE INTO folds VALUES(0, ?, ?)", (fold, " ".join(tables)))


def drop_table(db: apsw.Connection, table: str) -> None:
    """Drop a state table with its indexes, if it is there."""
    db.execute(f'DROP TABLE IF EXISTS "{table}"')


def create_published_tables(db: apsw.Connection) -> None:
    """Create the followers' tables where they are missing."""
    db.execute(PUBLISHED_SCHEMA)


_INSERT_ENTRIES = InsertRows("INSERT INTO entries", columns=3)
_PUT_STREAMS = InsertRows("INSERT OR REPLACE INTO streams", columns=3)
_INSERT_REQUESTS = InsertRows("INSERT INTO requests", columns=4)


def insert_entries(db: apsw.Connection, rows: Sequence[EntryRow]) -> None:
    """Append entries."""
    _INSERT_ENTRIES(db, rows)


def put_streams(db: apsw.Connection, rows: Sequence[StreamRow]) -> None:
    """Set the length and head of streams."""
    _PUT_STREAMS(db, rows)


def insert_requests(db: apsw.Connection, rows: Sequence[RequestRow]) -> None:
    """Keep signed requests."""
    _INSERT_REQUESTS(db, rows)


def find_request(db: apsw.Connection, *, at_ms: int, digest: str) -> int | None:
    """Return the first position of the request with this payload, if it was recorded."""
    row = db.execute("SELECT first FROM requests WHERE at_ms = ? AND digest = ?", (at_ms, digest)).fetchone()
    return None if row is None else row[0]


def find_requests(db: apsw.Connection, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return the first positions of those of these requests, by time and digest of payload, that were recorded."""
    sql = "SELECT at_ms, digest, first FROM requests WHERE (at_ms, digest) IN (VALUES {})"
    return {(at_ms, digest): first for at_ms, digest, first in select_rows(db, sql, wanted, columns=2)}


def request_of(db: apsw.Connection, position: int) -> RequestRow | None:
    """Return the latest request at or before `position`; the caller compares its digest."""
    sql = "SELECT first, at_ms, digest, data FROM requests WHERE first <= ? ORDER BY first DESC LIMIT 1"
    return db.execute(sql, (position,)).fetchone()


def requests_from(db: apsw.Connection, first: int) -> Iterator[RequestRow]:
    """All requests from position `first` on, in order."""
    return db.execute(
        "SELECT first, at_ms, digest, data FROM requests WHERE first >= ? ORDER BY first", (first,)
    )


def keep_documents(db: apsw.Connection, rows: Sequence[tuple[str, bytes]]) -> None:
    """Keep documents under their digests; those that are kept already stay."""
    db.executemany("INSERT OR IGNORE INTO documents VALUES(?, ?)", rows)


def forget_documents(db: apsw.Connection, digests: Iterable[str]) -> None:
    """Destroy documents: SQLite overwrites what it deletes."""
    db.pragma("secure_delete", True)
    db.executemany("DELETE FROM documents WHERE digest = ?", [(digest,) for digest in digests])


def document_of(db: apsw.Connection, digest: str) -> bytes | None:
    """Return a kept document."""
    row = db.execute("SELECT data FROM documents WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else row[0]


def document_rows(db: apsw.Connection) -> Iterator[tuple[str, bytes]]:
    """All kept documents with the digests they are kept under."""
    return db.execute("SELECT digest, data FROM documents")


def stream_head(db: apsw.Connection, stream: str) -> tuple[int, int] | None:
    """Return length and head position of a stream, if it exists."""
    return db.execute("SELECT length, head FROM streams WHERE stream = ?", (stream,)).fetchone()


def stream_heads(db: apsw.Connection, streams: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return length and head position of those of these streams that exist."""
    sql = "SELECT stream, length, head FROM streams WHERE stream IN (VALUES {})"
    found = select_rows(db, sql, [(stream,) for stream in streams], columns=1)
    return {stream: (length, head) for stream, length, head in found}


def entry_row(db: apsw.Connection, position: int) -> EntryRow | None:
    """Return one entry's row."""
    return db.execute(
        "SELECT position, previous, data FROM entries WHERE position = ?", (position,)
    ).fetchone()


def entry_rows(db: apsw.Connection, *, first: int, end: int) -> Iterator[EntryRow]:
    """Rows of positions `first` up to, not including, `end`, in order."""
    sql = (
        "SELECT position, previous, data FROM entries WHERE position >= ? AND position < ? ORDER BY position"
    )
    return db.execute(sql, (first, end))


def joined_entries(db: apsw.Connection, *, first: int, end: int) -> list[bytes] | None:
    """Exact bytes of the entries of positions `first` up to, not including, `end`, in order.

    One step of SQLite gives them all, joined by line feeds, which canonical JSON never holds: the
    interpreter's lock is given away once, not for each row. None where they are not all there, or
    not what the journal once wrote; `entry_rows` then shows which.
    """
    sql = (
        "SELECT min(position), max(position), CAST(group_concat(CAST(data AS TEXT), char(10)) AS BLOB) FROM"
        " (SELECT position, data FROM entries WHERE position >= ? AND position < ? ORDER BY position)"
    )
    lowest, highest, joined = db.execute(sql, (first, end)).get
    if (lowest, highest) != (first, end - 1):
        return None
    entries: list[bytes] = joined.split(b"\n")
    return entries if len(entries) == end - first else None


def joined_previous(db: apsw.Connection, *, first: int, end: int) -> list[int]:
    """Positions before, in its stream, each of the entries `first` up to, not including, `end`, in one step too."""
    sql = (
        "SELECT group_concat(previous) FROM"
        " (SELECT previous FROM entries WHERE position >= ? AND position < ? ORDER BY position)"
    )
    return [int(number) for number in db.execute(sql, (first, end)).get.split(",")]


def count_positions(db: apsw.Connection) -> int:
    """Return the number of entries: the last position and one."""
    row = db.execute("SELECT max(position) FROM entries").fetchone()
    return 0 if row is None or row[0] is None else row[0] + 1


def stream_rows(db: apsw.Connection) -> Iterator[StreamRow]:
    """All streams, by name."""
    return db.execute("SELECT stream, length, head FROM streams ORDER BY stream")


def table_rows(db: apsw.Connection, table: str) -> Iterator[tuple[object, ...]]:
    """All rows of one of our state tables in the order of their primary key (else of all columns)."""
    columns = list(db.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)))
    keys = [name for _, name in sorted((pk, name) for name, pk in columns if pk)] or [
        name for name, _ in columns
    ]
    order = ", ".join(f'"{name}"' for name in keys)
    return db.execute(f'SELECT * FROM "{table}" ORDER BY {order}')  # noqa: S608  names are our own


def insert_checkpoint(db: apsw.Connection, *, size: int, at_ms: int, note: bytes) -> None:
    """Keep a signed checkpoint; durable on return."""
    db.execute("INSERT INTO checkpoints VALUES(?, ?, ?)", (size, at_ms, note))


def last_checkpoint(db: apsw.Connection) -> tuple[int, int, bytes] | None:
    """Return size, time and note of the newest checkpoint."""
    return db.execute("SELECT size, at_ms, note FROM checkpoints ORDER BY size DESC LIMIT 1").fetchone()


def checkpoint_at(db: apsw.Connection, at_ms: int) -> tuple[int, int, bytes] | None:
    """Return the newest checkpoint that was signed at or before `at_ms`."""
    sql = "SELECT size, at_ms, note FROM checkpoints WHERE at_ms <= ? ORDER BY at_ms DESC, size DESC LIMIT 1"
    return db.execute(sql, (at_ms,)).fetchone()


def checkpoint_covering(db: apsw.Connection, position: int) -> tuple[int, int, bytes] | None:
    """Return the oldest checkpoint whose tree holds `position`."""
    sql = "SELECT size, at_ms, note FROM checkpoints WHERE size > ? ORDER BY size LIMIT 1"
    return db.execute(sql, (position,)).fetchone()


def size_before(db: apsw.Connection, size: int) -> int:
    """Return the size of the newest checkpoint that is smaller; 0 where there is none."""
    row = db.execute("SELECT max(size) FROM checkpoints WHERE size < ?", (size,)).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def checkpoint_rows(db: apsw.Connection) -> Iterator[tuple[int, int, bytes]]:
    """All checkpoints, oldest first."""
    return db.execute("SELECT size, at_ms, note FROM checkpoints ORDER BY size")


def cursor_of(db: apsw.Connection, follower: str) -> int:
    """Return the position up to which the follower has worked; 0 at first."""
    row = db.execute("SELECT position FROM cursors WHERE follower = ?", (follower,)).fetchone()
    return 0 if row is None else row[0]


def put_cursor(db: apsw.Connection, follower: str, position: int) -> None:
    """Set the follower's position."""
    db.execute("INSERT OR REPLACE INTO cursors VALUES(?, ?)", (follower, position))
