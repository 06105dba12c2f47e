"""State is a fold: the entries alone give the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from telesphor.ledger import replay as module
from telesphor.ledger import store
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.replay import StateDiffers, compare_states, open_replica, replay
from telesphor.runtime.capability import Capability, Registry, Store
from tests.support import notes
from tests.support.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path).start()
    yield ledger
    ledger.close()


def fold(ledger: Ledger, path: Path) -> apsw.Connection:
    replica = open_replica(path, ledger.registry)
    reader = EntryReader(ledger.path, ledger.registry)
    replay(reader, ledger.registry, replica)
    reader.close()
    return replica


def test_replayed_tables_equal_the_live_ones(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_many(50)
    for command in (notes.ADD_TWICE, notes.ADD_LATE):
        ledger.ask(command, ledger.stream())
    replica = fold(ledger, tmp_path / "replica.sqlite")
    assert compare_states(live=ledger.db, replica=replica, registry=ledger.registry) == 53 + 7
    assert list(store.table_rows(replica, "notes")) == list(store.table_rows(ledger.db, "notes"))


def test_replay_in_many_small_steps_is_the_same(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.add_many(50)
    monkeypatch.setattr(module, "COMMIT_ENTRIES", 7)
    monkeypatch.setattr(module, "REPORT_ENTRIES", 10)
    told: list[int] = []
    replica = open_replica(tmp_path / "replica.sqlite", ledger.registry)
    reader = EntryReader(ledger.path, ledger.registry)
    assert replay(reader, ledger.registry, replica, progress=told.append) == 50
    assert told == [0, 10, 20, 30, 40]
    assert compare_states(live=ledger.db, replica=replica, registry=ledger.registry) == 55
    reader.close()


def test_empty_ledger_replays_to_empty_tables(ledger: Ledger) -> None:
    assert ledger.check_state() == 0


def test_difference_is_named_by_table_and_row(ledger: Ledger) -> None:
    ledger.add_many(5)
    ledger.db.execute("UPDATE notes SET text = 'other' WHERE position = 3")
    with pytest.raises(StateDiffers, match="row `3` of state table `notes`") as raised:
        ledger.check_state()
    assert "other" not in raised.value.message + raised.value.detail


def test_tables_without_a_primary_key_are_compared_too(tmp_path: Path) -> None:
    schema = 'CREATE TABLE IF NOT EXISTS loose("order" TEXT, b INTEGER)'
    registry = Registry((Capability("loose", store=Store(schema, ("loose",), lambda *_: None)),))
    one, two = (open_replica(tmp_path / name, registry) for name in ("one", "two"))
    for db, rows in ((one, [("a", 1), ("b", 2)]), (two, [("b", 2), ("a", 1)])):
        db.executemany("INSERT INTO loose VALUES(?, ?)", rows)
    assert compare_states(live=one, replica=two, registry=registry) == 2
    two.execute("DELETE FROM loose WHERE b = 2")
    with pytest.raises(StateDiffers):
        compare_states(live=one, replica=two, registry=registry)
