"""Connections that read one database, kept for the next who reads: opening one costs more than most questions.

A connection is lent to one thread at a time. Between two statements it holds no snapshot, so that each sees what is
committed by then, and the log can restart. What was lent when something failed is closed, not kept. Start at `Readers`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import apsw

KEPT_MAX: Final = 8
"""As many as answer at once on the threads of a busy node; more are opened and closed again."""


class Readers:
    """Lends connections. Safe between threads.

    Args:
        open_db: opens a read-only connection.
    """

    def __init__(self, open_db: Callable[[], apsw.Connection]) -> None:
        self._open_db = open_db
        self._kept: list[apsw.Connection] = []
        self._closed = False
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection for the length of the block; raises as `open_db`."""
        db = self._take() or self._open_db()
        try:
            yield db
        except BaseException:
            db.close()
            raise
        self._put_back(db)

    def close(self) -> None:
        """Close what is kept; what is lent is closed when it comes back."""
        with self._lock:
            self._closed = True
            kept, self._kept = self._kept, []
        for db in kept:
            db.close()

    def _take(self) -> apsw.Connection | None:
        with self._lock:
            return self._kept.pop() if self._kept else None

    def _put_back(self, db: apsw.Connection) -> None:
        with self._lock:
            if not self._closed and len(self._kept) < KEPT_MAX:
                self._kept.append(db)
                return
        db.close()
