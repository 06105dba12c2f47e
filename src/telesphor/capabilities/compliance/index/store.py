"""All SQL of the search index, a database of its own beside the ledger.

`postings` says at which positions a term (a facet with a value) stands. A search walks the rarest of its terms from
the newest position down and looks the others up, so that what is rare is found at once however long the ledger is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import apsw

from telesphor.runtime.rows import InsertRows, select_rows

FORM = 1
"""Of these tables; an index of another form is made again."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS terms(
    term INTEGER PRIMARY KEY,
    facet TEXT NOT NULL,
    value TEXT NOT NULL,
    count INTEGER NOT NULL,
    UNIQUE(facet, value)
);
CREATE TABLE IF NOT EXISTS postings(
    term INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY(term, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS learnt(thing TEXT PRIMARY KEY, subject TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hours(
    hour TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,
    decisions INTEGER NOT NULL,
    denied INTEGER NOT NULL,
    emergencies INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress(
    one INTEGER PRIMARY KEY CHECK(one = 1),
    position INTEGER NOT NULL,
    last TEXT NOT NULL
);
"""

_BEGIN_TERMS = InsertRows("INSERT INTO terms", columns=4)
_ADD_POSTINGS = InsertRows("INSERT INTO postings", columns=2)
_LEARN = InsertRows("INSERT OR IGNORE INTO learnt", columns=2)

_TABLES = ("terms", "postings", "learnt", "hours", "progress")


class Term(NamedTuple):
    """A facet with a value that stands in the ledger, and at how many positions."""

    term: int
    places: int


class Hour(NamedTuple):
    """How much happened in one hour, named by its beginning (`2026-11-22T11`)."""

    hour: str
    entries: int
    decisions: int
    denied: int
    emergencies: int


class Found(NamedTuple):
    """Positions, the newest first; `before` is where to go on, None when nothing is left."""

    positions: list[int]
    before: int | None


def create_tables(db: apsw.Connection) -> None:
    """Create the tables, in place of those of another form.

    What was committed may be lost when the machine, not the process, fails: it is made again from the entries.
    """
    db.pragma("synchronous", "normal")
    if db.pragma("user_version") != FORM:
        for table in _TABLES:
            db.execute(f"DROP TABLE IF EXISTS {table}")
        db.execute(SCHEMA)
        db.pragma("user_version", FORM)


def clear(db: apsw.Connection) -> None:
    """Forget everything."""
    for table in _TABLES:
        db.execute(f"DELETE FROM {table}")  # noqa: S608  names are our own


def progress(db: apsw.Connection) -> tuple[int, str]:
    """Return how many entries were taken in, and the id of the last of them; 0 and nothing before the first."""
    row = db.execute("SELECT position, last FROM progress").fetchone()
    return (0, "") if row is None else (int(row[0]), str(row[1]))


def put_progress(db: apsw.Connection, position: int, last: str) -> None:
    """Say how many entries were taken in."""
    db.execute("INSERT OR REPLACE INTO progress VALUES(1, ?, ?)", (position, last))


def numbers_of(db: apsw.Connection, terms: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the numbers of those of these terms, facets with values, that were seen before."""
    sql = "SELECT facet, value, term FROM terms WHERE (facet, value) IN (VALUES {})"
    return {(facet, value): term for facet, value, term in select_rows(db, sql, terms, columns=2)}


def last_number(db: apsw.Connection) -> int:
    """Return the greatest number of a term; 0 before there is one."""
    return int(db.execute("SELECT coalesce(max(term), 0) FROM terms").get)


def put_postings(
    db: apsw.Connection,
    rows: Sequence[tuple[int, int]],
    *,
    begun: Sequence[tuple[int, str, str, int]],
    counts: Iterable[tuple[int, int]],
) -> None:
    """Add positions to terms.

    Args:
        rows: term and position.
        begun: terms that were never seen before: number, facet, value, count.
        counts: of the others, how many more and which.
    """
    _BEGIN_TERMS(db, begun)
    _ADD_POSTINGS(db, rows)
    db.executemany("UPDATE terms SET count = count + ? WHERE term = ?", counts)


def learn(db: apsw.Connection, things: Sequence[tuple[str, str]]) -> None:
    """Remember whom things are about; what was learnt first stays."""
    _LEARN(db, things)


def learnt(db: apsw.Connection, things: Sequence[str]) -> dict[str, str]:
    """Return whom those of these things are about of which that was said."""
    sql = "SELECT thing, subject FROM learnt WHERE thing IN (VALUES {})"
    return dict(select_rows(db, sql, [(thing,) for thing in things], columns=1))


def put_hours(db: apsw.Connection, hours: Iterable[Hour]) -> None:
    """Add to what happened in these hours."""
    sql = (
        "INSERT INTO hours VALUES(?, ?, ?, ?, ?) ON CONFLICT(hour) DO UPDATE SET entries = entries + excluded.entries,"
        " decisions = decisions + excluded.decisions, denied = denied + excluded.denied,"
        " emergencies = emergencies + excluded.emergencies"
    )
    db.executemany(sql, [tuple(hour) for hour in hours])


def hours_between(db: apsw.Connection, *, first: str, end: str, limit: int) -> list[Hour]:
    """Return the hours from `first` up to, not including, `end` in which something happened."""
    sql = (
        "SELECT hour, entries, decisions, denied, emergencies FROM hours"
        " WHERE hour >= ? AND hour < ? ORDER BY hour LIMIT ?"
    )
    return [Hour(*row) for row in db.execute(sql, (first, end, limit))]


def find_terms(db: apsw.Connection, wanted: Iterable[tuple[str, str]]) -> list[Term] | None:
    """Return these terms, the rarest first; None where one of them never occurred."""
    found = []
    for facet, value in wanted:
        row = db.execute(
            "SELECT term, count FROM terms WHERE facet = ? AND value = ?", (facet, value)
        ).fetchone()
        if row is None:
            return None
        found.append(Term(*row))
    return sorted(found, key=lambda term: term.places)


def search(
    db: apsw.Connection, terms: Sequence[Term], *, first: int, end: int, limit: int, scanned_max: int
) -> Found:
    """Return positions from `first` up to, not including, `end` at which all terms stand, the newest first.

    At most `scanned_max` positions of the rarest term are looked at; whoever wants more goes on below `before`.
    """
    walked = (
        "SELECT position FROM postings WHERE term = ? AND position >= ? AND position < ?"
        " ORDER BY position DESC LIMIT ?"
    )
    also = " AND ".join(
        "EXISTS (SELECT 1 FROM postings AS o WHERE o.term = ? AND o.position = w.position)" for _ in terms[1:]
    )
    sql = f"SELECT position FROM ({walked}) AS w{' WHERE ' + also if also else ''} LIMIT ?"  # noqa: S608
    others = [term.term for term in terms[1:]]
    bounds = (terms[0].term, first, end, scanned_max)
    positions = [int(position) for (position,) in db.execute(sql, (*bounds, *others, limit))]
    if len(positions) == limit:
        return Found(positions, positions[-1])
    scanned, lowest = db.execute(f"SELECT count(*), min(position) FROM ({walked})", bounds).get  # noqa: S608
    return Found(positions, int(lowest) if scanned == scanned_max else None)


def values_of(db: apsw.Connection, facet: str, *, limit: int) -> list[tuple[str, int]]:
    """Return the values of a facet with how often each stands, the commonest first."""
    sql = "SELECT value, count FROM terms WHERE facet = ? ORDER BY count DESC, value LIMIT ?"
    return [(str(value), int(count)) for value, count in db.execute(sql, (facet, limit))]
