"""Signed checkpoints, kept by time: the name of the ledger's state at any past moment.

`CheckpointBook` is the history in `published.sqlite`. A checkpoint is durable there before it is
published anywhere, and the book refuses to take one that is smaller than its last.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

from telesphor.kernel.clock import format_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.ledger import store
from telesphor.runtime.database import open_database, storage_errors, transaction

CACHE_KIB = 2 * 1024


class CheckpointMissing(TelesphorError):
    """No checkpoint answers the question."""

    code = "checkpoint-missing"
    kind = Kind.NOT_FOUND


class CheckpointShrunk(TelesphorError):
    """A checkpoint smaller than one already signed."""

    code = "checkpoint-shrunk"
    kind = Kind.CORRUPT


class PublishedCheckpoint(NamedTuple):
    """A checkpoint as it was signed: leaves, time in milliseconds, the exact note."""

    size: int
    at_ms: int
    note: bytes


class CheckpointBook:
    """All checkpoints this node signed, and the cursors of its followers. Safe between threads."""

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, cache_kib=CACHE_KIB)
        self._lock = threading.Lock()
        store.create_published_tables(self._db)

    def add(self, checkpoint: PublishedCheckpoint) -> None:
        """Keep `checkpoint`; durable on return.

        Raises:
            CheckpointShrunk: it is not larger than the last.
        """
        with self._lock, storage_errors(), transaction(self._db):
            last = store.last_checkpoint(self._db)
            if last is not None and checkpoint.size <= last[0]:
                raise CheckpointShrunk(f"checkpoint `{checkpoint.size}` follows checkpoint `{last[0]}`")
            store.insert_checkpoint(
                self._db, size=checkpoint.size, at_ms=checkpoint.at_ms, note=checkpoint.note
            )

    def last(self) -> PublishedCheckpoint | None:
        """The newest checkpoint, or None before the first."""
        with self._lock:
            return _published(store.last_checkpoint(self._db))

    def newest(self) -> PublishedCheckpoint:
        """The newest checkpoint; raises `CheckpointMissing` before the first."""
        found = self.last()
        if found is None:
            raise CheckpointMissing("no checkpoint is signed yet", hint="ask again in a second")
        return found

    def at(self, at_ms: int) -> PublishedCheckpoint:
        """The newest checkpoint that was signed at or before `at_ms`; raises `CheckpointMissing`."""
        with self._lock:
            found = _published(store.checkpoint_at(self._db, at_ms))
        if found is None:
            raise CheckpointMissing(f"no checkpoint is as old as `{format_instant(at_ms)}`")
        return found

    def covering(self, position: int) -> PublishedCheckpoint:
        """The oldest checkpoint whose tree holds `position`; raises `CheckpointMissing`."""
        with self._lock:
            found = _published(store.checkpoint_covering(self._db, position))
        if found is None:
            raise CheckpointMissing(
                f"no checkpoint holds position `{position}` yet",
                hint="a new entry is in the tree within a second",
            )
        return found

    def before(self, size: int) -> int:
        """The size of the newest checkpoint smaller than `size`; 0 where there is none."""
        with self._lock:
            return store.size_before(self._db, size)

    def cursor(self, follower: str) -> int:
        """Position up to which a follower has worked."""
        with self._lock:
            return store.cursor_of(self._db, follower)

    def move_cursor(self, follower: str, position: int) -> None:
        """Keep a follower's position; durable on return."""
        with self._lock, storage_errors():
            store.put_cursor(self._db, follower, position)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()


def _published(row: tuple[int, int, bytes] | None) -> PublishedCheckpoint | None:
    return None if row is None else PublishedCheckpoint(*row)
