"""One entry by its stream and number, through the connection that decisions have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from telesphor.kernel.entry import parse_entry
from telesphor.ledger import lookup
from telesphor.ledger.lookup import EntryTooFarBack, find_entry
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.begin()
    yield world
    world.close()


def test_each_number_of_each_stream_is_found(world: World) -> None:
    hospital = world.enrol("organisation")
    for _ in range(2):
        world.put(hospital)
    with closing(open_reader(world.path)) as db:
        for entry in world.entries():
            assert find_entry(db, entry.stream, entry.n) == parse_entry(entry.data)


def test_number_that_no_entry_has_yet_is_not_found(world: World) -> None:
    hospital = world.enrol("organisation")
    record = world.put(hospital)
    with closing(open_reader(world.path)) as db:
        assert find_entry(db, f"object/{record}", 1) is not None
        assert find_entry(db, f"object/{record}", 2) is None
        assert find_entry(db, f"object/{world.ids.next()}", 0) is None


def test_entry_too_far_from_the_end_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record = world.put(world.enrol("organisation"))
    monkeypatch.setattr(lookup, "BACK_ENTRIES_MAX", 1)
    with closing(open_reader(world.path)) as db:
        assert find_entry(db, f"object/{record}", 1) is not None
        with pytest.raises(EntryTooFarBack):
            find_entry(db, f"object/{record}", 0)
