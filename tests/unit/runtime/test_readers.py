"""Connections that are lent: kept, at most so many, never with a snapshot, and none after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import apsw
import pytest

from telesphor.runtime.database import open_database, open_reader
from telesphor.runtime.readers import KEPT_MAX, Readers


class Place:
    """A database that one writes to, and readers of it; `opened` counts."""

    def __init__(self, path: Path) -> None:
        self.db = open_database(path)
        self.db.execute("CREATE TABLE one(n INTEGER)")
        self._open = partial(open_reader, path)
        self.opened = 0
        self.readers = Readers(self._counted)

    def _counted(self) -> apsw.Connection:
        self.opened += 1
        return self._open()

    def count(self) -> int:
        with self.readers.reading() as db:
            ((count,),) = db.execute("SELECT count(*) FROM one").fetchall()
            return int(str(count))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "a.sqlite")
    yield made
    made.readers.close()
    made.db.close()


def test_connection_is_kept_and_sees_what_was_written_since(place: Place) -> None:
    assert place.count() == 0
    place.db.execute("INSERT INTO one VALUES(1)")
    assert place.count() == 1
    assert place.opened == 1


def test_two_at_once_have_one_each(place: Place) -> None:
    with place.readers.reading() as one, place.readers.reading() as other:
        assert one is not other


def test_kept_connection_holds_no_snapshot(place: Place) -> None:
    place.count()
    place.db.execute("INSERT INTO one VALUES(1)")
    ((busy, _, _),) = place.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert busy == 0


def test_connection_of_a_failed_block_is_closed(place: Place) -> None:
    with pytest.raises(ValueError, match="no"), place.readers.reading():
        raise ValueError("no")
    place.count()
    assert place.opened == 2


def test_no_more_are_kept_than_may_be(place: Place) -> None:
    for _ in range(2):
        with ExitStack() as stack:
            for _ in range(KEPT_MAX + 1):
                stack.enter_context(place.readers.reading())
    assert place.opened == KEPT_MAX + 2


def test_what_comes_back_after_the_end_is_closed(place: Place) -> None:
    with place.readers.reading() as db:
        place.readers.close()
    with pytest.raises(apsw.ConnectionClosedError):
        db.execute("SELECT 1")
