"""Many rows by one statement.

SQLite gives the interpreter's lock away for each statement, and taking it back from a busy thread costs more than
many rows: up to the switch interval of 5 ms. So what comes by the thousand is written, and looked up, by blocks of
rows; these have few sizes, because each is a statement that is prepared and kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

import apsw

ROWS_AT_ONCE: Final = (192, 64, 32, 16, 8, 4, 2, 1)

STATEMENT_CHARS_MAX: Final = 16_384
"""What is longer, apsw prepares anew each time."""


class InsertRows:
    """Inserts rows of one shape.

    Args:
        head: the statement up to its values, such as `INSERT INTO streams`.
        columns: how many values a row has.
        row: the row's values where they are not all bound, such as `(?, 'open')`.
    """

    def __init__(self, head: str, *, columns: int, row: str = "") -> None:
        one = row or _places(columns)
        assert one.count("?") == columns, "each column bound has its place"
        self._statements = tuple((size, f"{head} VALUES {', '.join([one] * size)}") for size in ROWS_AT_ONCE)
        assert len(self._statements[0][1]) <= STATEMENT_CHARS_MAX, "the largest statement is kept too"

    def __call__(self, db: apsw.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert these rows in their order; raises what SQLite refuses."""
        start = 0
        for size, statement in self._statements:
            while start + size <= len(rows):
                db.execute(statement, tuple(chain.from_iterable(rows[start : start + size])))
                start += size


def select_rows(
    db: apsw.Connection, statement: str, wanted: Sequence[tuple[Any, ...]], *, columns: int
) -> Iterator[tuple[Any, ...]]:
    """Rows that a statement finds for blocks of what is wanted, whose places take the place of its `{}`."""
    start = 0
    for size in ROWS_AT_ONCE:
        while start + size <= len(wanted):
            sql = statement.format(", ".join([_places(columns)] * size))
            yield from db.execute(sql, tuple(chain.from_iterable(wanted[start : start + size])))
            start += size


def _places(columns: int) -> str:
    return f"({', '.join('?' * columns)})"
