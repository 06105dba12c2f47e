"""State tables of another version are made anew from the entries, wholly or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from telesphor.ledger import folding, store
from telesphor.ledger.folding import StateOutdated, check_fold, fold_of, open_state
from telesphor.ledger.replay import StateDiffers
from telesphor.runtime.capability import Capability, Registry, Store
from telesphor.runtime.database import open_database, open_reader
from tests.support import notes
from tests.support.ledger import Ledger

ENTRIES = 20


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path).start()
    ledger.add_many(ENTRIES)
    yield ledger
    ledger.close()


def reopened(ledger: Ledger, registry: Registry) -> tuple[apsw.Connection, int | None]:
    """A copy of the ledger, opened by a program that has these capabilities."""
    path = ledger.folder / "another.sqlite"
    if not path.exists():
        ledger.db.execute("VACUUM INTO ?", (str(path),))
    db = open_database(path)
    return db, open_state(db, path, registry)


def registry_with(schema: str, tables: tuple[str, ...]) -> Registry:
    """The notebooks, by another version of their capability."""
    (old,) = [one for one in notes.build_registry().capabilities if one.store is not None]
    return Registry([Capability(old.name, old.entries, old.commands, Store(schema, tables, notes.apply))])


def wider() -> Registry:
    return registry_with(notes.SCHEMA.replace("text TEXT NOT NULL", "text TEXT"), ("notebooks", "notes"))


def rows(db: apsw.Connection, table: str) -> list[tuple[object, ...]]:
    return list(store.table_rows(db, table))


def test_new_ledger_has_its_tables_and_says_of_which_fold(tmp_path: Path) -> None:
    registry = notes.build_registry()
    path = tmp_path / "ledger.sqlite"
    db = open_database(path)
    assert open_state(db, path, registry) is None
    assert store.find_fold(db) == (fold_of(registry), ("notebooks", "notes"))
    assert open_state(db, path, registry) is None
    db.close()


def test_tables_of_another_form_are_folded_again(ledger: Ledger) -> None:
    wider = notes.SCHEMA.replace(
        "last TEXT NOT NULL", "last TEXT NOT NULL, more TEXT GENERATED ALWAYS AS (last)"
    )
    db, _ = reopened(ledger, notes.build_registry())
    db.close()
    db, folded = reopened(ledger, registry_with(wider, ("notebooks", "notes")))
    assert folded == ENTRIES
    assert rows(db, "notes") == rows(ledger.db, "notes")
    assert [row[:3] for row in rows(db, "notebooks")] == rows(ledger.db, "notebooks")
    db.close()


def test_ledger_that_never_said_of_which_fold_is_folded_again(ledger: Ledger) -> None:
    ledger.db.execute("DELETE FROM notes")
    db, folded = reopened(ledger, notes.build_registry())
    assert folded == ENTRIES
    assert len(rows(db, "notes")) == ENTRIES
    db.close()


def test_another_way_of_folding_makes_the_tables_anew(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, _ = reopened(ledger, notes.build_registry())
    db.close()
    monkeypatch.setattr(folding, "FOLD", folding.FOLD + 1)
    db, folded = reopened(ledger, notes.build_registry())
    assert folded == ENTRIES
    db.close()


def test_table_that_is_no_longer_kept_is_gone(ledger: Ledger) -> None:
    more = notes.SCHEMA + "CREATE TABLE IF NOT EXISTS pages(page INTEGER PRIMARY KEY);"
    db, _ = reopened(ledger, registry_with(more, ("notebooks", "notes", "pages")))
    assert db.table_exists(None, "pages")
    db.close()
    db, _ = reopened(ledger, notes.build_registry())
    assert not db.table_exists(None, "pages")
    db.close()


def test_entry_that_cannot_be_folded_leaves_the_old_tables(ledger: Ledger) -> None:
    db, _ = reopened(ledger, notes.build_registry())
    before = rows(db, "notes")
    db.close()
    narrow = notes.SCHEMA.replace("text TEXT NOT NULL", "text TEXT NOT NULL CHECK(text = '')")
    with pytest.raises(StateDiffers):
        reopened(ledger, registry_with(narrow, ("notebooks", "notes")))
    db, folded = reopened(ledger, notes.build_registry())
    assert (folded, rows(db, "notes")) == (None, before)
    db.close()


def test_who_only_reads_refuses_tables_of_another_version(ledger: Ledger) -> None:
    db, _ = reopened(ledger, notes.build_registry())
    db.close()
    reader = open_reader(ledger.folder / "another.sqlite")
    check_fold(reader, notes.build_registry())
    with pytest.raises(StateOutdated):
        check_fold(reader, wider())
    reader.close()


def test_line_breaks_of_a_schema_are_no_other_form() -> None:
    same = registry_with(notes.SCHEMA.replace("\n", "\n  "), ("notebooks", "notes"))
    assert fold_of(same) == fold_of(notes.build_registry())
