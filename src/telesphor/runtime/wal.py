"""Keeping the write-ahead log short without making the writer wait.

SQLite would copy the log back into the database inside some commit, and every caller of that batch
would wait for it. `WalKeeper` copies on a connection and a thread of its own; the writer only does
the small rest, when the log is long and most of it is copied already, so that the log starts again.

Source: SQLite documentation, "Write-Ahead Logging", sections 2.2 and 3.
"""

from __future__ import annotations

import threading
from pathlib import Path

import apsw

from telesphor.runtime.database import open_database
from telesphor.runtime.telemetry import log

COPY_PAGES = 2_048
"""8 MiB of log: from here on the keeper copies beside the writer."""

RESTART_PAGES = 16_384
"""64 MiB of log: from here on the writer copies the rest, so that the log can start again."""

RESTART_EVERY_PAGES = 4_096
CACHE_KIB = 512


class WalKeeper:
    """Copies the log of the database at `path` back, while `writer` goes on writing."""

    def __init__(self, path: Path, writer: apsw.Connection) -> None:
        self._path = path
        self._copy = threading.Event()
        self._stopping = False
        self._next_restart = RESTART_PAGES
        writer.wal_autocheckpoint(0)
        writer.set_wal_hook(self._committed)
        self._thread = threading.Thread(target=self._run, name="wal-keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; closing the writer's connection copies what is left."""
        self._stopping = True
        self._copy.set()
        self._thread.join()

    def _committed(self, writer: apsw.Connection, schema: str, pages: int) -> int:
        # INVARIANT: nothing escapes from here. The commit is durable already, and an error would
        # make it look as if it were not.
        if pages < self._next_restart - RESTART_EVERY_PAGES:
            self._next_restart = RESTART_PAGES  # The log has started again.
        if pages >= self._next_restart:
            self._next_restart = pages + RESTART_EVERY_PAGES
            self._copy_back(writer)
        elif pages >= COPY_PAGES:
            self._copy.set()
        return apsw.SQLITE_OK

    def _run(self) -> None:
        db = open_database(self._path, cache_kib=CACHE_KIB)
        while True:
            self._copy.wait()
            self._copy.clear()
            if self._stopping:
                db.close()
                return
            self._copy_back(db)

    def _copy_back(self, db: apsw.Connection) -> None:
        try:
            db.wal_checkpoint(None, apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return  # The other connection is copying at this moment.
        except apsw.Error as error:  # The writer will meet the same disk and report it.
            log.warning("log not copied back", error=type(error).__name__)
