"""All SQL of witnessing: what a witness remembers of each log, and the cosignatures that a node gathers.

`WitnessStore` is the memory of a witness in a file of its own, one row per log. `advance` is the atomic
compare-and-swap that tlog-witness asks for; concurrent callers share one transaction, so that many logs cost
one sync of the disk. The functions below it are the tables of a `CosignatureBook` in `published.sqlite`.

INVARIANT: when `advance` returns, the state is durable (WAL, synchronous=FULL), and it was taken only from
exactly the state that the caller has checked against.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import apsw

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.merkle import EMPTY_ROOT
from telesphor.ledger.witness.model import LogTimeRefused, SizeConflict, WitnessClockBack, WitnessRefusal
from telesphor.runtime.database import open_database, storage_errors

CACHE_KIB: Final = 2 * 1024

BATCH_MAX: Final = 64
"""Submissions that share a transaction; the last of them waits a millisecond for the others."""

CLOCK_BACK_SECONDS_MAX: Final = 300
"""A clock set back by less is bridged: the time stands still until it is reached again. A clock set back by
more is a fault for a person, because the time that was signed would be wrong by as much."""

MEMORY_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS owner(
    name TEXT PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS witnessed(
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    log_seconds INTEGER NOT NULL,
    cosigned_seconds INTEGER NOT NULL
) WITHOUT ROWID;
"""


class MemoryMissing(TelesphorError):
    """The memory of the witness is gone, or is another's: it cannot know what it has signed."""

    code = "witness-memory-missing"
    kind = Kind.CORRUPT


@dataclass(frozen=True, slots=True)
class Seen:
    """What a witness remembers of one log.

    Attributes:
        size, root: the tree that it cosigned last; the empty one before the first.
        log_seconds: POSIX time that the log stated for it; 0 where it states none.
        cosigned_seconds: POSIX time of the witness's last cosignature.
    """

    size: int = 0
    root: bytes = EMPTY_ROOT
    log_seconds: int = 0
    cosigned_seconds: int = 0


NEVER: Final = Seen()


@dataclass(slots=True)
class _Change:
    """One compare-and-swap, and its outcome once a leader has carried it out."""

    origin: str
    known: Seen
    wanted: Seen
    outcome: Seen | BaseException | None = None


@dataclass
class WitnessStore:
    """The memory of one witness. Safe between threads; one process at a time holds the file.

    Args:
        path: its database.
        new: whether a memory may be made where there is none; only for a witness that is new itself.

    Raises:
        MemoryMissing: there is none.
        DatabaseRefused: the file is not one.
    """

    path: Path
    new: bool = False
    _db: apsw.Connection = field(init=False, repr=False)
    _seen: dict[str, Seen] = field(init=False, repr=False)
    _waiting: list[_Change] = field(init=False, repr=False, default_factory=list)
    _adding: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)
    _committing: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if not self.new and not self.path.is_file():
            raise _memory_missing(self.path)
        self._db = open_database(self.path, cache_kib=CACHE_KIB)
        if not self.new and not self._db.table_exists("main", "witnessed"):
            self._db.close()
            raise _memory_missing(self.path)
        self._db.execute(MEMORY_SCHEMA)
        self._seen = {row[0]: Seen(*row[1:]) for row in self._db.execute(_ALL_SEEN)}

    def bind(self, name: str) -> None:
        """Make this the memory of the witness with the keys `name`; raises `MemoryMissing` if it is another's."""
        with self._committing, storage_errors(), self._db:
            owners = [row[0] for row in self._db.execute("SELECT name FROM owner")]
            if not owners:
                self._db.execute("INSERT INTO owner VALUES(?)", (name,))
            elif owners != [name]:
                raise MemoryMissing("the memory is another witness's", hint="put the right file in its place")

    def seen(self, origin: str) -> Seen:
        """The last durable state of the log; `NEVER` before the first."""
        return self._seen.get(origin, NEVER)

    def advance(self, origin: str, *, known: Seen, wanted: Seen) -> Seen:
        """Take `wanted` if the log still stands at `known` (size and root); durable on return.

        The times are kept from going back against what is stored by then. Returns the state as it was kept,
        whose `cosigned_seconds` is the time to sign.

        Raises:
            SizeConflict: another submission came first.
            LogTimeRefused: the log stated a later time before.
            WitnessClockBack: this machine's clock is far behind its last cosignature.
            StorageFull, StorageFailed: nothing was taken.
        """
        change = _Change(origin, known, wanted)
        with self._adding:
            self._waiting.append(change)
        with self._committing:
            # Whoever held the lock before may have carried this change out with its own.
            while change.outcome is None:
                with self._adding:
                    batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                self._carry_out(batch)
        if isinstance(change.outcome, BaseException):
            raise change.outcome
        return change.outcome

    def close(self) -> None:
        """Close the database."""
        with self._committing:
            self._db.close()

    def _carry_out(self, batch: list[_Change]) -> None:
        outcomes: list[Seen | WitnessRefusal] = []
        try:
            with storage_errors(), self._db:
                outcomes.extend(_swap(self._db, change) for change in batch)
        except BaseException as error:
            # Every caller of the batch must hear of it, whatever it is: else they would wait for ever.
            for change in batch:
                change.outcome = error
            if not isinstance(error, Exception):
                raise
            return
        for change, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Seen):
                self._seen[change.origin] = outcome
            change.outcome = outcome


def _memory_missing(path: Path) -> MemoryMissing:
    return MemoryMissing(
        f"`{path.name}` is gone, and with it what this witness has signed",
        hint="make a new witness with new keys, and retire this one",
    )


_ALL_SEEN: Final = "SELECT origin, size, root, log_seconds, cosigned_seconds FROM witnessed"
_ONE_SEEN: Final = "SELECT size, root, log_seconds, cosigned_seconds FROM witnessed WHERE origin = ?"
_PUT_SEEN: Final = "INSERT OR REPLACE INTO witnessed VALUES(?, ?, ?, ?, ?)"


def _swap(db: apsw.Connection, change: _Change) -> Seen | WitnessRefusal:
    row = db.execute(_ONE_SEEN, (change.origin,)).fetchone()
    stored = NEVER if row is None else Seen(*row)
    known, wanted = change.known, change.wanted
    if (stored.size, stored.root) != (known.size, known.root):
        return SizeConflict(stored.size)
    if wanted.log_seconds < stored.log_seconds:
        return LogTimeRefused("the log has stated a later time before")
    if stored.cosigned_seconds - wanted.cosigned_seconds > CLOCK_BACK_SECONDS_MAX:
        return WitnessClockBack("the clock of this witness was set back", hint="set the clock right")
    cosigned = max(wanted.cosigned_seconds, stored.cosigned_seconds)
    taken = Seen(wanted.size, wanted.root, wanted.log_seconds, cosigned)
    if taken != stored:  # The same submission within a second changes nothing, and needs no sync.
        db.execute(
            _PUT_SEEN, (change.origin, taken.size, taken.root, taken.log_seconds, taken.cosigned_seconds)
        )
    return taken


# What a node gathers: cards, cosignatures, and when each level was reached; in `published.sqlite`.

BOOK_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS cosigner_cards(
    id TEXT PRIMARY KEY,
    data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS cosignatures(
    size INTEGER NOT NULL,
    cosigner TEXT NOT NULL,
    card TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    lines BLOB NOT NULL,
    PRIMARY KEY(size, cosigner)
);
CREATE INDEX IF NOT EXISTS cosignatures_by_cosigner ON cosignatures(cosigner, size);
CREATE TABLE IF NOT EXISTS level_times(
    size INTEGER NOT NULL,
    level INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY(size, level)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS level_times_by_level ON level_times(level, size);
"""

CosignatureRow = tuple[str, str, int, bytes, bytes]
"""Cosigner, id of its card, time of arrival in milliseconds, lines, the card."""


def put_card(db: apsw.Connection, *, card: str, data: bytes) -> None:
    """Keep a card; one that is there already is left as it is."""
    db.execute("INSERT OR IGNORE INTO cosigner_cards VALUES(?, ?)", (card, data))


def put_cosignature(
    db: apsw.Connection, *, size: int, cosigner: str, card: str, at_ms: int, lines: bytes
) -> None:
    """Keep a cosignature; the first of each cosigner stays."""
    values = (size, cosigner, card, at_ms, lines)
    db.execute("INSERT OR IGNORE INTO cosignatures VALUES(?, ?, ?, ?, ?)", values)


def put_level(db: apsw.Connection, *, size: int, level: int, at_ms: int) -> None:
    """Note when a level was reached; the first time stays."""
    db.execute("INSERT OR IGNORE INTO level_times VALUES(?, ?, ?)", (size, level, at_ms))


def cosignature_rows(db: apsw.Connection, size: int) -> list[CosignatureRow]:
    """The cosignatures of one checkpoint, by cosigner."""
    sql = (
        "SELECT cosigner, card, at_ms, lines, data FROM cosignatures JOIN cosigner_cards ON card = id"
        " WHERE size = ? ORDER BY cosigner"
    )
    return list(db.execute(sql, (size,)))


def acknowledged_size(db: apsw.Connection, cosigner: str) -> int:
    """The largest size that the cosigner has cosigned; 0 for none."""
    row = db.execute("SELECT max(size) FROM cosignatures WHERE cosigner = ?", (cosigner,)).fetchone()
    return 0 if row is None or row[0] is None else row[0]


def level_rows(db: apsw.Connection, size: int) -> list[tuple[int, int]]:
    """Level and time in milliseconds, the lowest level first."""
    return list(db.execute("SELECT level, at_ms FROM level_times WHERE size = ? ORDER BY level", (size,)))


def published_row(db: apsw.Connection, size: int) -> tuple[int, int, bytes] | None:
    """Size, time and note of one checkpoint as its log signed it."""
    return db.execute("SELECT size, at_ms, note FROM checkpoints WHERE size = ?", (size,)).fetchone()


def newest_sizes(db: apsw.Connection, count: int) -> list[int]:
    """Sizes of the newest checkpoints, the newest first."""
    rows = db.execute("SELECT size FROM checkpoints ORDER BY size DESC LIMIT ?", (count,))
    return [row[0] for row in rows]


def size_at_level(db: apsw.Connection, *, position: int, level: int) -> int | None:
    """The oldest checkpoint that holds `position` and reached `level`."""
    sql = "SELECT min(size) FROM level_times WHERE level >= ? AND size > ?"
    row = db.execute(sql, (level, position)).fetchone()
    return None if row is None else row[0]


_THINNED: Final = """
SELECT size FROM (
    SELECT size, row_number() OVER (PARTITION BY at_ms / :window ORDER BY level DESC, size DESC) AS place
    FROM (
        SELECT checkpoints.size AS size, checkpoints.at_ms AS at_ms, max(coalesce(level, 1)) AS level
        FROM checkpoints LEFT JOIN level_times USING(size)
        WHERE checkpoints.at_ms < :before AND checkpoints.at_ms >= :since
            AND EXISTS (SELECT 1 FROM cosignatures WHERE cosignatures.size = checkpoints.size)
        GROUP BY checkpoints.size
    )
) WHERE place > 1
"""


def thin(db: apsw.Connection, *, since_ms: int, before_ms: int, window_ms: int, keep: frozenset[int]) -> int:
    """Forget the cosignatures of all but the best checkpoint of each window; returns of how many."""
    bounds = {"since": since_ms, "before": before_ms, "window": window_ms}
    sizes = [row[0] for row in db.execute(_THINNED, bounds) if row[0] not in keep]
    with db:
        db.executemany("DELETE FROM cosignatures WHERE size = ?", [(size,) for size in sizes])
        db.executemany("DELETE FROM level_times WHERE size = ?", [(size,) for size in sizes])
    return len(sizes)


# What a validator that mirrors entries remembers of each ledger, in a file of its own.

MIRROR_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS mirrored(
    origin TEXT PRIMARY KEY,
    tree BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mirrored_streams(
    origin TEXT NOT NULL,
    stream TEXT NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY(origin, stream)
) WITHOUT ROWID;
"""


def create_mirror_tables(db: apsw.Connection) -> None:
    """Create the tables of a mirror where they are missing."""
    db.execute(MIRROR_SCHEMA)


def mirrored_tree(db: apsw.Connection, origin: str) -> bytes | None:
    """The compact range of what was validated of the log, encoded."""
    row = db.execute("SELECT tree FROM mirrored WHERE origin = ?", (origin,)).fetchone()
    return None if row is None else row[0]


def stream_length(db: apsw.Connection, origin: str, stream: str) -> int:
    """How many entries of the stream were validated."""
    sql = "SELECT length FROM mirrored_streams WHERE origin = ? AND stream = ?"
    row = db.execute(sql, (origin, stream)).fetchone()
    return 0 if row is None else row[0]


def put_mirrored(db: apsw.Connection, origin: str, *, tree: bytes, lengths: Mapping[str, int]) -> None:
    """Keep what was validated, all or nothing; durable on return."""
    with db:
        db.execute("INSERT OR REPLACE INTO mirrored VALUES(?, ?)", (origin, tree))
        rows = [(origin, stream, length) for stream, length in lengths.items()]
        db.executemany("INSERT OR REPLACE INTO mirrored_streams VALUES(?, ?, ?)", rows)
