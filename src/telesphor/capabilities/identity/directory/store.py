"""All SQL of the directory: sealed names in a file of their own, of which what is deleted is overwritten."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import apsw

from telesphor.runtime.database import StorageFailed, open_database, storage_errors

SCHEMA: Final = "CREATE TABLE IF NOT EXISTS names(actor TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID"
CACHE_KIB: Final = 2 * 1024


class SealedNames:
    """The file. Every write is durable on return. Safe between threads."""

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, cache_kib=CACHE_KIB)
        self._lock = threading.Lock()
        with storage_errors():
            self._db.pragma("secure_delete", True)
            self._db.execute(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def put(self, actor: str, sealed: bytes) -> None:
        """Keep a name in place of an older one, of which nothing is left."""
        self._change("INSERT OR REPLACE INTO names VALUES(?, ?)", actor, sealed)

    def delete(self, actor: str) -> None:
        """Forget a name."""
        self._change("DELETE FROM names WHERE actor = ?", actor)

    def find(self, actors: Iterable[str]) -> dict[str, bytes]:
        """The sealed names of these actors, as far as they have any."""
        sql = "SELECT sealed FROM names WHERE actor = ?"
        found: dict[str, bytes] = {}
        with self._lock, storage_errors():
            for actor in dict.fromkeys(actors):
                row = self._db.execute(sql, (actor,)).fetchone()
                if row is not None:
                    found[actor] = row[0]
        return found

    def after(self, actor: str, *, count_max: int) -> list[tuple[str, bytes]]:
        """Sealed names by actor, from behind this one on."""
        sql = "SELECT actor, sealed FROM names WHERE actor > ? ORDER BY actor LIMIT ?"
        with self._lock, storage_errors():
            return [(one, sealed) for one, sealed in self._db.execute(sql, (actor, count_max))]

    def _change(self, sql: str, *values: apsw.SQLiteValue) -> None:
        with self._lock, storage_errors():
            with self._db:
                self._db.execute(sql, values)
            try:  # The write-ahead log would otherwise keep the older page.
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError as error:
                raise StorageFailed("the directory is being read by another process") from error
