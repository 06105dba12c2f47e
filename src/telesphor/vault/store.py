"""All SQL of the vault, of two kinds.

`objects` and `object_readers` are state tables in `ledger.sqlite`: a fold of the entries, written by
`apply` alone. `wraps`, `uploads`, `parts` and `settled` are the forgettable records in `vault.sqlite`:
they can be deleted for good, so SQLite overwrites what it deletes (`secure_delete`), and `forget`
empties the write-ahead log, which would otherwise keep older pages.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId, ObjectId, VisitId, parse_stream
from telesphor.runtime.capability import Recorded, Store
from telesphor.runtime.database import StorageFailed, open_database, open_reader, storage_errors
from telesphor.vault.entries import (
    OBJECT_BEGUN,
    OBJECT_ERASED,
    OBJECT_REWRAPPED,
    OBJECT_SEALED,
)
from telesphor.vault.model import ObjectRow, ObjectState, Stored

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects(
    object TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    media_type TEXT NOT NULL,
    state TEXT NOT NULL,
    digest TEXT,
    size INTEGER,
    parts INTEGER,
    visit TEXT,
    begun_at TEXT NOT NULL,
    changed INTEGER NOT NULL,
    sealed_n INTEGER,
    subject TEXT,
    sealed_position INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_begun ON objects(begun_at) WHERE state = 'begun';
CREATE INDEX IF NOT EXISTS objects_subject ON objects(subject, object) WHERE subject IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS objects_changed ON objects(changed);
CREATE TABLE IF NOT EXISTS object_readers(
    object TEXT NOT NULL,
    reader TEXT NOT NULL,
    PRIMARY KEY(object, reader)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS object_readers_reader ON object_readers(reader, object);
"""

TABLES = ("objects", "object_readers")

RECORDS_SCHEMA = """
CREATE TABLE IF NOT EXISTS uploads(
    object TEXT PRIMARY KEY,
    salt BLOB NOT NULL,
    size INTEGER,
    parts INTEGER,
    digest TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wraps(
    object TEXT NOT NULL,
    recipient_actor TEXT NOT NULL,
    role TEXT NOT NULL,
    key_thumbprint TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY(object, recipient_actor, role)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts(
    object TEXT NOT NULL,
    part INTEGER NOT NULL,
    leaf BLOB NOT NULL,
    PRIMARY KEY(object, part)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settled(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    position INTEGER NOT NULL
);
"""

RECORDS_CACHE_KIB = 8 * 1024

_COLUMNS = (
    "object, owner, media_type, state, digest, size, parts, visit, begun_at, changed, sealed_n, subject,"
    " sealed_position"
)


class Wrap(NamedTuple):
    """A data key sealed to one actor's key, which its thumbprint names."""

    actor: ActorId
    role: str
    thumbprint: Digest
    sealed: bytes


class UploadRow(NamedTuple):
    """An upload: the salt of its ciphertext, and what it came to once it ended."""

    salt: bytes
    stored: Stored | None


# The fold: state tables in ledger.sqlite.


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of the vault into the state tables."""
    object_id = parse_stream(entry.stream)[1]
    if entry.type == OBJECT_BEGUN.name:
        _insert_object(db, entry, object_id)
    elif entry.type == OBJECT_SEALED.name:
        sql = """UPDATE objects SET state = 'sealed', digest = ?, size = ?, parts = ?, sealed_n = ?,
            sealed_position = ? WHERE object = ?"""
        body = entry.body
        db.execute(sql, (body.digest, body.size, body.parts, entry.n, entry.position, object_id))
    elif entry.type == OBJECT_REWRAPPED.name:
        db.execute("UPDATE objects SET changed = ? WHERE object = ?", (entry.position, object_id))
        _put_readers(db, object_id, {_owner_of(db, object_id), *entry.body.readers})
    elif entry.type == OBJECT_ERASED.name:
        sql = "UPDATE objects SET state = 'erased', changed = ? WHERE object = ?"
        db.execute(sql, (entry.position, object_id))


def _insert_object(db: apsw.Connection, entry: Recorded, object_id: str) -> None:
    body = entry.body
    db.execute(
        f"INSERT INTO objects({_COLUMNS}) VALUES(?, ?, ?, 'begun', NULL, NULL, NULL, ?, ?, ?, NULL, ?, NULL)",
        (object_id, entry.actor, body.media_type, body.visit, entry.at, entry.position, body.subject),
    )
    _put_readers(db, object_id, {entry.actor, *body.readers})


def _owner_of(db: apsw.Connection, object_id: str) -> str:
    row = db.execute("SELECT owner FROM objects WHERE object = ?", (object_id,)).fetchone()
    assert row is not None
    return str(row[0])


def _put_readers(db: apsw.Connection, object_id: str, readers: set[str]) -> None:
    db.execute("DELETE FROM object_readers WHERE object = ?", (object_id,))
    rows = [(object_id, reader) for reader in sorted(readers)]
    db.executemany("INSERT INTO object_readers VALUES(?, ?)", rows)


STORE = Store(SCHEMA, TABLES, apply)


def find_object(db: apsw.Connection, object_id: str) -> ObjectRow | None:
    """What the ledger says of an object."""
    sql = f"SELECT {_COLUMNS} FROM objects WHERE object = ?"  # noqa: S608
    row = db.execute(sql, (object_id,)).fetchone()
    return None if row is None else _object_row(row)


def readers_of(db: apsw.Connection, object_id: str) -> frozenset[str]:
    """The actors that may read an object, its owner included."""
    rows = db.execute("SELECT reader FROM object_readers WHERE object = ?", (object_id,))
    return frozenset(reader for (reader,) in rows)


def objects_changed(db: apsw.Connection, *, after: int, count_max: int) -> list[ObjectRow]:
    """Objects whose readers changed or that were erased behind a position, in that order."""
    sql = f"SELECT {_COLUMNS} FROM objects WHERE changed > ? ORDER BY changed LIMIT ?"  # noqa: S608
    return [_object_row(row) for row in db.execute(sql, (after, count_max))]


def objects_begun_before(db: apsw.Connection, instant: str, *, after: str, count_max: int) -> list[ObjectRow]:
    """Objects that began before `instant` and were never sealed, by id, from behind the id `after`."""
    sql = f"""SELECT {_COLUMNS} FROM objects WHERE state = 'begun' AND begun_at < ? AND object > ?
        ORDER BY object LIMIT ?"""  # noqa: S608
    return [_object_row(row) for row in db.execute(sql, (instant, after, count_max))]


def all_objects(db: apsw.Connection, *, after: str, count_max: int) -> list[ObjectRow]:
    """Objects by id, from behind the id `after`: for checks of the whole vault."""
    sql = f"SELECT {_COLUMNS} FROM objects WHERE object > ? ORDER BY object LIMIT ?"  # noqa: S608
    return [_object_row(row) for row in db.execute(sql, (after, count_max))]


def objects_about(
    db: apsw.Connection, person: str, *, or_read_by: str | None, before: str, count_max: int
) -> list[ObjectRow]:
    """Sealed objects that are about a person, or that somebody reads, by falling id from below the id `before`."""
    sql = f"""SELECT {_COLUMNS} FROM objects WHERE state = 'sealed' AND object IN (
            SELECT object FROM (SELECT object FROM objects WHERE subject = ?1 AND object < ?2
                AND state = 'sealed' ORDER BY object DESC LIMIT ?3)
            UNION SELECT object FROM (SELECT object FROM object_readers WHERE reader = ?4 AND object < ?2
                ORDER BY object DESC LIMIT ?3))
        ORDER BY object DESC LIMIT ?3"""  # noqa: S608
    return [_object_row(row) for row in db.execute(sql, (person, before, count_max, or_read_by))]


def _object_row(row: tuple[object, ...]) -> ObjectRow:
    (
        object_id,
        owner,
        media_type,
        state,
        digest,
        size,
        parts,
        visit,
        begun_at,
        changed,
        sealed_n,
        subject,
        sealed_position,
    ) = row
    return ObjectRow(
        object=ObjectId(str(object_id)),
        owner=ActorId(str(owner)),
        media_type=str(media_type),
        state=ObjectState(str(state)),
        digest=Digest(str(digest)) if digest is not None else None,
        size=size if isinstance(size, int) else None,
        parts=parts if isinstance(parts, int) else None,
        visit=VisitId(str(visit)) if visit is not None else None,
        begun_at=str(begun_at),
        changed=int(str(changed)),
        sealed_n=sealed_n if isinstance(sealed_n, int) else None,
        subject=ActorId(str(subject)) if subject is not None else None,
        sealed_position=sealed_position if isinstance(sealed_position, int) else None,
    )


class LedgerView:
    """Committed state tables, for whoever is not the writer. Safe between threads."""

    def __init__(self, path: Path) -> None:
        self._db = open_reader(path)
        self._lock = threading.RLock()
        """A thread may read within its own reading, as a view does that asks for names: still of one moment."""

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """The connection, for one thread at a time; all that it shows within the block is of one moment."""
        with self._lock, storage_errors(), self._db:
            yield self._db

    def object(self, object_id: str) -> ObjectRow | None:
        """What the ledger says of an object now."""
        with self.reading() as db:
            return find_object(db, object_id)

    def readers(self, object_id: str) -> frozenset[str]:
        """Who may read it now, its owner included."""
        with self.reading() as db:
            return readers_of(db, object_id)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._db.close()


class Records:
    """The forgettable records in `vault.sqlite`. Every write is durable on return. Safe between threads.

    Reads have a connection of their own, so that the ledger's writer, which asks for one row when an
    object is sealed, never waits behind a sync.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, cache_kib=RECORDS_CACHE_KIB)
        with storage_errors():
            self._db.pragma("secure_delete", True)
            self._db.execute(RECORDS_SCHEMA)
        self._reader = open_reader(path)
        self._writing = threading.RLock()
        self._reading = threading.Lock()

    def close(self) -> None:
        """Close both connections."""
        with self._writing, self._reading:
            self._reader.close()
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several writes as one."""
        with self._writing, storage_errors(), self._db:
            yield

    def upload(self, object_id: str) -> UploadRow | None:
        """An object's upload; None when its key was never made, or is destroyed."""
        row = self._row("SELECT salt, size, parts, digest FROM uploads WHERE object = ?", object_id)
        if row is None:
            return None
        salt, size, parts, digest = row
        return UploadRow(salt, None if digest is None else Stored(size, digest, parts))

    def begin_upload(self, object_id: str, salt: bytes) -> None:
        """Note the salt of a new ciphertext, in place of an older one's."""
        self._write("INSERT OR REPLACE INTO uploads(object, salt) VALUES(?, ?)", object_id, salt)

    def end_upload(self, object_id: str, stored: Stored) -> None:
        """Note what a completed upload came to."""
        sql = "UPDATE uploads SET size = ?, parts = ?, digest = ? WHERE object = ?"
        self._write(sql, stored.size, stored.parts, stored.digest, object_id)

    def is_open(self, object_id: str) -> bool:
        """Whether the upload still takes parts; ask inside the `transaction` that adds them."""
        with self._writing, storage_errors():
            sql = "SELECT 1 FROM uploads WHERE object = ? AND digest IS NULL"
            return self._db.execute(sql, (object_id,)).fetchone() is not None

    def leaves(self, object_id: str) -> list[bytes]:
        """Leaf hashes of the parts that are kept, in order."""
        with self._reading, storage_errors():
            rows = self._reader.execute("SELECT leaf FROM parts WHERE object = ? ORDER BY part", (object_id,))
            return [leaf for (leaf,) in rows]

    def count_parts(self, object_id: str) -> int:
        """How many parts are kept; they have no gap."""
        row = self._row("SELECT count(*) FROM parts WHERE object = ?", object_id)
        assert row is not None
        return int(row[0])

    def add_parts(self, object_id: str, *, first: int, leaves: Sequence[bytes]) -> None:
        """Note parts whose bytes are durable."""
        rows = [(object_id, first + index, leaf) for index, leaf in enumerate(leaves)]
        with self._writing, storage_errors(), self._db:
            self._db.executemany("INSERT INTO parts VALUES(?, ?, ?)", rows)

    def drop_parts(self, object_id: str) -> None:
        """Forget the parts of an upload that begins anew."""
        self._write("DELETE FROM parts WHERE object = ?", object_id)

    def wraps(self, object_id: str) -> list[Wrap]:
        """All wraps of an object's key."""
        sql = "SELECT recipient_actor, role, key_thumbprint, sealed FROM wraps WHERE object = ?"
        with self._reading, storage_errors():
            return [Wrap(*row) for row in self._reader.execute(sql, (object_id,))]

    def wrap(self, object_id: str, *, actor: str, role: str) -> Wrap | None:
        """One actor's wrap."""
        sql = """SELECT recipient_actor, role, key_thumbprint, sealed FROM wraps
            WHERE object = ? AND recipient_actor = ? AND role = ?"""
        row = self._row(sql, object_id, actor, role)
        return None if row is None else Wrap(*row)

    def put_wraps(self, object_id: str, wraps: Iterable[Wrap]) -> None:
        """Add wraps, or replace those of the same actor and role."""
        rows = [(object_id, *wrap) for wrap in wraps]
        with self._writing, storage_errors(), self._db:
            self._db.executemany("INSERT OR REPLACE INTO wraps VALUES(?, ?, ?, ?, ?)", rows)

    def forget_wraps(self, object_id: str, wraps: Iterable[Wrap]) -> None:
        """Delete some wraps for good."""
        rows = [(object_id, wrap.actor, wrap.role) for wrap in wraps]
        with self._writing, storage_errors(), self._db:
            self._db.executemany(
                "DELETE FROM wraps WHERE object = ? AND recipient_actor = ? AND role = ?", rows
            )

    def forget_keys(self, object_id: str) -> bool:
        """Delete an object's wraps and upload; whether there was anything."""
        with self.transaction():
            found = self.upload(object_id) is not None or bool(self.wraps(object_id))
            for table in ("wraps", "parts", "uploads"):
                self._db.execute(f"DELETE FROM {table} WHERE object = ?", (object_id,))  # noqa: S608
        return found

    def scrub(self) -> None:
        """Empty the write-ahead log, so that no page of before a deletion is left in it.

        Raises:
            StorageFailed: another process is reading the records; ask again.
        """
        with self._writing, self._reading, storage_errors():
            try:
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError as error:
                raise StorageFailed(
                    "the vault's records are being read by another process",
                    hint="the deletion is done and is scrubbed from the log at the next sweep",
                ) from error

    def settled(self) -> int:
        """Up to which position the records follow the ledger; -1 at the beginning."""
        row = self._row("SELECT position FROM settled WHERE one = 1")
        return -1 if row is None else int(row[0])

    def settle_to(self, position: int) -> None:
        """Keep that position."""
        self._write("INSERT OR REPLACE INTO settled VALUES(1, ?)", position)

    def _row(self, sql: str, *values: apsw.SQLiteValue) -> tuple[Any, ...] | None:
        with self._reading, storage_errors():
            return self._reader.execute(sql, values).fetchone()

    def _write(self, sql: str, *values: apsw.SQLiteValue) -> None:
        with self._writing, storage_errors(), self._db:
            self._db.execute(sql, values)
