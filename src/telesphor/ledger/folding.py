"""State tables that fit the program: made anew from the entries where another version of it made them.

The tables are a fold of the entries, so nothing is migrated: when their form, or the way they are folded, is not the
one on record, they are dropped and folded again, in one transaction. A crash leaves the old ones, and the next start
begins again.

Start at `open_state`, before anything reads the tables; `check_fold` is for who only reads.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import apsw

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.ledger import store
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.replay import replay
from telesphor.runtime.capability import Registry
from telesphor.runtime.database import transaction

FOLD: Final = 1
"""Raised when an `apply` folds entries otherwise into tables whose form stays."""


class StateOutdated(TelesphorError):
    """The state tables were made by another version of the program."""

    code = "state-outdated"
    kind = Kind.CONFLICT


def open_state(db: apsw.Connection, path: Path, registry: Registry) -> int | None:
    """Make the state tables of a ledger, or make them anew where they are not of this version.

    Args:
        db: the writer's connection to the ledger at `path`.

    Returns:
        How many entries were folded again; None where nothing had to be.

    Raises:
        StateDiffers, EntryUnreadable: the entries cannot be folded; the tables are what they were.
    """
    store.create_ledger_tables(db)
    fold = fold_of(registry)
    found = store.find_fold(db)
    if found is not None and found[0] == fold:
        return None
    with transaction(db):
        tables = [table for state in registry.stores() for table in state.tables]
        for table in dict.fromkeys([*(found[1] if found else ()), *tables]):
            store.drop_table(db, table)
        for state in registry.stores():
            db.execute(state.schema)
        folded = _fold_again(db, path, registry)
        store.set_fold(db, fold, tables)
    return folded or None


def check_fold(db: apsw.Connection, registry: Registry) -> None:
    """Raise `StateOutdated` unless the tables are of this version; of a ledger that never said so, nothing is known."""
    found = store.find_fold(db)
    if found is not None and found[0] != fold_of(registry):
        raise StateOutdated(
            "the state tables were made by another version of telesphor",
            hint="start the node once: it makes them anew from the entries",
        )


def fold_of(registry: Registry) -> str:
    """Name the form of all state tables, and the way they are folded."""
    schemas = " ".join(" ".join(state.schema.split()) for state in registry.stores())
    return f"{FOLD}-{hashlib.sha256(schemas.encode()).hexdigest()}"


def _fold_again(db: apsw.Connection, path: Path, registry: Registry) -> int:
    reader = EntryReader(path, registry)
    try:
        return replay(reader, registry, db)
    finally:
        reader.close()
