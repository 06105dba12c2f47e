"""Opening SQLite the one right way: WAL, synchronous=FULL, bounded caches, clear refusals.

Guarantees that a committed transaction is on the disk before `COMMIT` returns. One connection
writes; readers open their own. SQL statements themselves live in the `store.py` of their owners.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from telesphor.kernel.errors import Kind, TelesphorError

CACHE_KIB = 64 * 1024
"""Page cache of the writer: holds the hot ends of all tables of a node with millions of entries."""

READER_CACHE_KIB = 8 * 1024
WAL_PAGES_BEFORE_CHECKPOINT = 8_192
"""32 MiB of WAL: fewer copies of hot pages under load, still a short recovery after a crash."""

STATEMENTS_KEPT = 512
"""Prepared statements of a writer: all that a node writes and looks up, so that none is prepared twice."""

BUSY_TIMEOUT_MS = 10_000


class DatabaseRefused(TelesphorError):
    """The file cannot be opened as our database."""

    code = "database-refused"
    kind = Kind.STORAGE


class StorageFull(TelesphorError):
    """The disk has no room; what was acknowledged before is safe, this was not written."""

    code = "storage-full"
    kind = Kind.STORAGE


class StorageFailed(TelesphorError):
    """The disk answered with an error."""

    code = "storage-failed"
    kind = Kind.STORAGE


def open_database(path: Path | str, *, cache_kib: int = CACHE_KIB) -> apsw.Connection:
    """Open or create the database at `path` for its one writer.

    Raises:
        DatabaseRefused: not a database, not writable, or its folder is missing.
    """
    try:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        db = apsw.Connection(str(path), flags=flags, statementcachesize=STATEMENTS_KEPT)
        if db.readonly("main"):  # SQLite falls back to reading without a word.
            raise apsw.ReadOnlyError("opened for reading only")
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        if (mode := db.pragma("journal_mode", "wal")) not in ("wal", "memory"):
            raise apsw.CantOpenError(f"the journal mode stays `{mode}`: the file system has no shared memory")
        db.pragma("synchronous", "full")
        db.pragma("cache_size", -cache_kib)
        db.pragma("wal_autocheckpoint", WAL_PAGES_BEFORE_CHECKPOINT)
        db.pragma("temp_store", "memory")
        db.pragma("foreign_keys", True)
        db.pragma("user_version")
    except apsw.Error as error:
        raise _refusal(path, error) from error
    return db


def open_reader(path: Path | str) -> apsw.Connection:
    """Open the database at `path` for reading only; sees what is committed.

    Raises:
        DatabaseRefused: the file is missing or no database.
    """
    try:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        db.pragma("cache_size", -READER_CACHE_KIB)
        db.pragma("query_only", True)
        db.pragma("user_version")
    except apsw.Error as error:
        raise _refusal(path, error) from error
    return db


@contextmanager
def transaction(db: apsw.Connection) -> Iterator[None]:
    """A transaction that has the write lock from its beginning; all of it, or nothing, is durable after the block.

    For one that reads before it writes, where other connections write to the same file: begun with `with db`, it
    would be refused at once when another wrote between its read and its write, whatever the busy timeout says.
    """
    # Not apsw's `transaction_mode`: it waits for the lock without letting other threads run, such as the one
    # that has it.
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite ends it by itself after some errors.
            db.execute("ROLLBACK")
        raise


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn the disk's refusals into `StorageFull` and `StorageFailed`."""
    try:
        yield
    except apsw.FullError as error:
        raise StorageFull("the disk is full", hint="free some space; nothing acknowledged is lost") from error
    except (
        apsw.BusyError,  # after the busy timeout: another program holds the file
        apsw.IOError,
        apsw.ReadOnlyError,
        apsw.CorruptError,
        apsw.NotADBError,
        apsw.CantOpenError,
    ) as error:
        raise StorageFailed(
            "the disk refused the write", detail=f"{type(error).__name__}: {error}"
        ) from error


def _refusal(path: Path | str, error: apsw.Error) -> DatabaseRefused:
    name = Path(path).name
    if isinstance(error, apsw.NotADBError | apsw.CorruptError):
        return DatabaseRefused(
            f"`{name}` is not a readable database", hint="restore it from a mirror", detail=str(error)
        )
    if isinstance(error, apsw.ReadOnlyError):
        return DatabaseRefused(
            f"`{name}` is read-only", hint="check the folder's permissions", detail=str(error)
        )
    if isinstance(error, apsw.FullError):
        return DatabaseRefused(f"`{name}` cannot be opened: the disk is full", detail=str(error))
    return DatabaseRefused(
        f"`{name}` cannot be opened", hint="check that the folder exists and is writable", detail=str(error)
    )
