"""Replay: the state tables made again from the entries alone.

The same `Store.apply` that the writer uses folds each entry into an empty database. That the result
equals the live tables is the test of "state is a fold"; `fsck` runs it, and so does recovery.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.ledger import store
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.capability import Recorded, Registry
from telesphor.runtime.database import open_reader

REPORT_ENTRIES = 10_000
COMMIT_ENTRIES = 50_000
CACHE_KIB = 32 * 1024


class StateDiffers(TelesphorError):
    """A state table holds something that the entries do not say."""

    code = "state-differs"
    kind = Kind.CORRUPT


def open_replica(path: Path, registry: Registry) -> apsw.Connection:
    """Create an empty database with the state tables; fast, because it can be made again at will."""
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "off")
    db.pragma("synchronous", "off")
    db.pragma("cache_size", -CACHE_KIB)
    db.pragma("foreign_keys", True)
    for state in registry.stores():
        db.execute(state.schema)
    return db


def replay(
    reader: EntryReader,
    registry: Registry,
    db: apsw.Connection,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Fold all committed entries into `db`; returns how many there were.

    Raises:
        StateDiffers: the tables refuse what an entry says.
        EntryUnreadable: an entry is not what was once written.
    """
    appliers = registry.appliers
    size = reader.size()
    for first in range(0, size, COMMIT_ENTRIES):
        with db:
            for entry in reader.entries(first=first, end=min(size, first + COMMIT_ENTRIES)):
                apply = appliers[entry.type]
                if apply is not None:
                    _fold(apply, db, entry)
                if entry.position % REPORT_ENTRIES == 0:
                    progress(entry.position)
    return size


def _fold(apply: Callable[[apsw.Connection, Recorded], None], db: apsw.Connection, entry: Recorded) -> None:
    try:
        apply(db, entry)
    except Exception as error:
        raise StateDiffers(
            f"entry `{entry.position}` cannot be folded into the state tables", detail=type(error).__name__
        ) from error


def compare_states(*, live: apsw.Connection, replica: apsw.Connection, registry: Registry) -> int:
    """Compare all state tables row by row; returns how many rows agree.

    Raises:
        StateDiffers: names the table and the first row that differs by its place.
    """
    agreed = 0
    for state in registry.stores():
        for table in state.tables:
            agreed += _compare_table(table, live, replica)
    return agreed


def _compare_table(table: str, live: apsw.Connection, replica: apsw.Connection) -> int:
    here, there = store.table_rows(live, table), store.table_rows(replica, table)
    row = 0
    while True:
        stored, said = next(here, None), next(there, None)
        if stored != said:
            raise StateDiffers(f"row `{row}` of state table `{table}` is not what the entries say")
        if stored is None:
            return row
        row += 1


def check_state(
    ledger_path: Path, scratch: Path, registry: Registry, *, progress: Callable[[int], None] = lambda _: None
) -> int:
    """Replay the ledger into a scratch file and compare it with the live tables; returns the rows compared.

    Raises:
        StateDiffers, EntryUnreadable: the first thing that is wrong.
    """
    live, reader = open_reader(ledger_path), EntryReader(ledger_path, registry)
    replica = open_replica(scratch, registry)
    try:
        live.execute("BEGIN")
        replay(reader, registry, replica, progress=progress)
        return compare_states(live=live, replica=replica, registry=registry)
    except apsw.Error as error:
        raise StateDiffers("the state tables cannot be read", detail=str(error)) from error
    finally:
        for db in (replica, live, reader.db):
            db.close(True)
