"""All SQL of the anchors: one row for each checkpoint and network, and the files of its proof.

They live in `published.sqlite` beside the checkpoints they date, on a connection of their own.
INVARIANT: a network has at most one unfinished anchor; the index holds it.
"""

from __future__ import annotations

from collections.abc import Mapping

import apsw

SCHEMA = """
CREATE TABLE IF NOT EXISTS anchors(
    size INTEGER NOT NULL,
    network TEXT NOT NULL,
    digest BLOB NOT NULL,
    phase TEXT NOT NULL,
    state BLOB NOT NULL,
    says TEXT NOT NULL,
    cost_amount TEXT,
    cost_currency TEXT,
    gas INTEGER,
    entries_covered INTEGER NOT NULL,
    begun_at_ms INTEGER NOT NULL,
    done_at_ms INTEGER,
    PRIMARY KEY(size, network)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS anchors_unfinished ON anchors(network) WHERE phase IN ('waiting', 'confirmed');
CREATE INDEX IF NOT EXISTS anchors_by_network ON anchors(network, size);
CREATE TABLE IF NOT EXISTS anchor_files(
    size INTEGER NOT NULL,
    network TEXT NOT NULL,
    suffix TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY(size, network, suffix)
) WITHOUT ROWID;
"""

AnchorRow = tuple[int, str, bytes, str, bytes, str, str | None, str | None, int | None, int, int, int | None]
"""The columns of `anchors`, in order."""


def create_tables(db: apsw.Connection) -> None:
    """Create the anchors' tables where they are missing."""
    db.execute(SCHEMA)


def insert_anchor(db: apsw.Connection, row: AnchorRow) -> None:
    """Begin an anchor; `apsw.ConstraintError` when its network has an unfinished one."""
    db.execute("INSERT INTO anchors VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def update_anchor(
    db: apsw.Connection,
    *,
    size: int,
    network: str,
    phase: str,
    state: bytes,
    says: str,
    cost: tuple[str | None, str | None, int | None],
    done_at_ms: int | None,
) -> None:
    """Set how far an anchor has come."""
    sql = (
        "UPDATE anchors SET phase = ?, state = ?, says = ?, cost_amount = ?, cost_currency = ?, gas = ?, "
        "done_at_ms = ? WHERE size = ? AND network = ?"
    )
    db.execute(sql, (phase, state, says, *cost, done_at_ms, size, network))


def put_says(db: apsw.Connection, *, size: int, network: str, says: str) -> None:
    """Set the sentence for people alone."""
    db.execute("UPDATE anchors SET says = ? WHERE size = ? AND network = ?", (says, size, network))


def put_files(db: apsw.Connection, *, size: int, network: str, files: Mapping[str, bytes]) -> None:
    """Put these in the place of all files of the anchor."""
    db.execute("DELETE FROM anchor_files WHERE size = ? AND network = ?", (size, network))
    for suffix, data in files.items():
        db.execute("INSERT INTO anchor_files VALUES(?, ?, ?, ?)", (size, network, suffix, data))


def unfinished_anchor(db: apsw.Connection, network: str) -> AnchorRow | None:
    """Return the one anchor of a network that is waiting or confirmed."""
    sql = "SELECT * FROM anchors WHERE network = ? AND phase IN ('waiting', 'confirmed')"
    return db.execute(sql, (network,)).fetchone()


def last_anchor(db: apsw.Connection, network: str) -> AnchorRow | None:
    """Return the anchor of the largest checkpoint of a network."""
    sql = "SELECT * FROM anchors WHERE network = ? ORDER BY size DESC LIMIT 1"
    return db.execute(sql, (network,)).fetchone()


def last_dated_size(db: apsw.Connection, network: str) -> int:
    """Return the size of the largest checkpoint that a network has dated; 0 before the first."""
    sql = "SELECT max(size) FROM anchors WHERE network = ? AND phase = 'final'"
    row = db.execute(sql, (network,)).fetchone()
    return 0 if row is None or row[0] is None else row[0]


def anchors_of_size(db: apsw.Connection, size: int) -> list[AnchorRow]:
    """Return all anchors of one checkpoint, by network."""
    return list(db.execute("SELECT * FROM anchors WHERE size = ? ORDER BY network", (size,)))


def newest_anchors(db: apsw.Connection, limit: int) -> list[AnchorRow]:
    """Return the newest anchors, the newest first."""
    return list(db.execute("SELECT * FROM anchors ORDER BY size DESC, network LIMIT ?", (limit,)))


def sizes_dated_after(db: apsw.Connection, position: int, limit: int) -> list[tuple[int, int]]:
    """Return the sizes of dated checkpoints that hold `position`, smallest first, with how many networks date each."""
    sql = (
        "SELECT size, count(DISTINCT network) FROM anchor_files WHERE size > ? AND suffix IN ('.headers', '.json') "
        "GROUP BY size ORDER BY size LIMIT ?"
    )
    return list(db.execute(sql, (position, limit)))


def files_of(db: apsw.Connection, *, size: int, network: str) -> list[tuple[str, bytes]]:
    """Return the files of one anchor, by suffix."""
    sql = "SELECT suffix, data FROM anchor_files WHERE size = ? AND network = ? ORDER BY suffix"
    return list(db.execute(sql, (size, network)))
