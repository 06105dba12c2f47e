"""Many rows by one statement: the same rows, in the same order, as one by one."""

from __future__ import annotations

import apsw
import pytest

from telesphor.runtime.rows import InsertRows, select_rows

COUNTS = [0, 1, 7, 8, 9, 63, 64, 65, 137, 3 * 64 + 2 * 8 + 5]


@pytest.fixture
def db() -> apsw.Connection:
    db = apsw.Connection(":memory:")
    db.execute("CREATE TABLE things(n INTEGER PRIMARY KEY, word TEXT, state TEXT)")
    return db


@pytest.mark.parametrize("count", COUNTS)
def test_any_number_of_rows_is_written_and_found(db: apsw.Connection, count: int) -> None:
    rows = [(n, f"word {n}") for n in range(count)]
    InsertRows("INSERT INTO things", columns=2, row="(?, ?, 'new')")(db, rows)
    assert list(db.execute("SELECT * FROM things ORDER BY rowid")) == [(*row, "new") for row in rows]
    wanted = [(f"word {n}",) for n in range(0, 2 * count, 2)]  # every other one, and some that are not there
    found = select_rows(db, "SELECT n FROM things WHERE word IN (VALUES {})", wanted, columns=1)
    assert sorted(n for (n,) in found) == list(range(0, count, 2))


def test_rows_before_a_refused_one_are_not_hidden_from_the_transaction(db: apsw.Connection) -> None:
    """A statement is refused as a whole; undoing the statements before it is its caller's business."""
    insert = InsertRows("INSERT INTO things", columns=3)
    rows = [(n, None, None) for n in range(70)]
    rows[66] = rows[0]
    with pytest.raises(apsw.ConstraintError):
        insert(db, rows)
    assert db.execute("SELECT count(*) FROM things").get == 64


def test_row_whose_places_are_not_its_columns_is_noticed_when_it_is_written_down() -> None:
    with pytest.raises(AssertionError):
        InsertRows("INSERT INTO things", columns=3, row="(?, ?, 'new')")
