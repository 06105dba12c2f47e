"""All SQL of the envelopes in `messages.sqlite`.

They are no fold of the ledger, for they can be deleted for good: SQLite overwrites what it deletes (`secure_delete`),
and `scrub` empties the write-ahead log. Every write is durable on return. Safe between threads.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import apsw

from telesphor.runtime.database import StorageFailed, open_database, open_reader, storage_errors

SCHEMA = """
CREATE TABLE IF NOT EXISTS envelopes(
    thread TEXT NOT NULL,
    digest TEXT NOT NULL,
    sender TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    size INTEGER NOT NULL,
    header TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY(thread, digest)
);
CREATE INDEX IF NOT EXISTS envelopes_waiting ON envelopes(sender, received_ms) WHERE kept = 0;
"""

CACHE_KIB = 8 * 1024

NAMED_MAX = 256
"""Envelopes that wait no more, and of which that is not written down yet."""


class WaitingRow(NamedTuple):
    """An envelope that somebody sent; `header` is as `checking` wrote it."""

    sender: str
    received_ms: int
    size: int
    header: str


class Envelopes:
    """The table of envelopes of one node.

    Reads have a connection of their own, so that the ledger's writer, which asks for one row when a message is sent,
    never waits behind a sync.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, cache_kib=CACHE_KIB)
        with storage_errors():
            self._db.pragma("secure_delete", True)
            self._db.execute(SCHEMA)
        self._reader = open_reader(path)
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._named: set[tuple[str, str]] = set()
        self._noting = threading.Lock()

    def close(self) -> None:
        """Close both connections."""
        self.note_named()
        with self._writing, self._reading:
            self._reader.close()
            self._db.close()

    def find(self, thread: str, digest: str) -> WaitingRow | None:
        """What is known of an envelope, without its bytes."""
        sql = "SELECT sender, received_ms, size, header FROM envelopes WHERE thread = ? AND digest = ?"
        with self._reading, storage_errors():
            row = self._reader.execute(sql, (thread, digest)).fetchone()
        return None if row is None else WaitingRow(*row)

    def data(self, thread: str, digest: str) -> bytes | None:
        """The bytes of an envelope."""
        sql = "SELECT data FROM envelopes WHERE thread = ? AND digest = ?"
        with self._reading, storage_errors():
            row = self._reader.execute(sql, (thread, digest)).fetchone()
        return None if row is None else bytes(row[0])

    def count_waiting(self, sender: str) -> int:
        """How many envelopes of a sender no command has named yet."""
        sql = "SELECT thread, digest FROM envelopes WHERE sender = ? AND kept = 0"
        with self._reading, storage_errors():
            rows = self._reader.execute(sql, (sender,)).fetchall()
        with self._noting:
            return sum((thread, digest) not in self._named for thread, digest in rows)

    def add(self, thread: str, digest: str, row: WaitingRow, data: bytes) -> None:
        """Keep an envelope; of one that its sender sent before, the time starts anew."""
        sql = """INSERT INTO envelopes VALUES(?, ?, ?, ?, 0, ?, ?, ?)
            ON CONFLICT(thread, digest) DO UPDATE SET received_ms = excluded.received_ms
            WHERE kept = 0 AND sender = excluded.sender"""
        values = (thread, digest, row.sender, row.received_ms, row.size, row.header, data)
        with self._writing, storage_errors():
            with self._db:
                named = self._write_named()
                self._db.execute(sql, values)
            self._forget(named)

    def keep(self, thread: str, digest: str) -> None:
        """An entry names the envelope: it waits no more.

        This is written with the next envelope, or once `NAMED_MAX` of them are to be noted: a sync of the disk for each
        would make its sender wait for nothing. What a crash loses of it the ledger says.
        """
        with self._noting:
            self._named.add((thread, digest))
            is_full = len(self._named) >= NAMED_MAX
        if is_full:
            self.note_named()

    def note_named(self) -> None:
        """Write down now which envelopes wait no more."""
        with self._writing, storage_errors():
            with self._db:
                named = self._write_named()
            self._forget(named)

    def _write_named(self) -> list[tuple[str, str]]:
        with self._noting:
            named = list(self._named)
        self._db.executemany("UPDATE envelopes SET kept = 1 WHERE thread = ? AND digest = ?", named)
        return named

    def _forget(self, named: list[tuple[str, str]]) -> None:
        with self._noting:
            self._named.difference_update(named)

    def waiting_since(self, before_ms: int, *, count_max: int) -> list[tuple[str, str]]:
        """Thread and digest of envelopes that wait since before an instant."""
        sql = "SELECT thread, digest FROM envelopes WHERE kept = 0 AND received_ms < ? LIMIT ?"
        with self._reading, storage_errors():
            return [(thread, digest) for thread, digest in self._reader.execute(sql, (before_ms, count_max))]

    def page(self, after: tuple[str, str], *, count_max: int) -> list[tuple[str, str]]:
        """Thread and digest of all envelopes, in order, from behind one."""
        sql = "SELECT thread, digest FROM envelopes WHERE (thread, digest) > (?, ?) ORDER BY 1, 2 LIMIT ?"
        with self._reading, storage_errors():
            return [(thread, digest) for thread, digest in self._reader.execute(sql, (*after, count_max))]

    def delete(self, named: Iterable[tuple[str, str]]) -> int:
        """Destroy envelopes by thread and digest; returns how many there were."""
        deleted = 0
        with self._writing, storage_errors(), self._db:
            for thread, digest in named:
                self._db.execute("DELETE FROM envelopes WHERE thread = ? AND digest = ?", (thread, digest))
                deleted += self._db.changes()
        return deleted

    def scrub(self) -> None:
        """Empty the write-ahead log, so that no page of before a deletion is left in it.

        Raises:
            StorageFailed: another process is reading; ask again.
        """
        with self._writing, self._reading, storage_errors():
            try:
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError as error:
                raise StorageFailed("the envelopes are being read by another process") from error
