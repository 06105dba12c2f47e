"""The cosignatures that a node has gathered, kept beside its checkpoints in `published.sqlite`.

What this module guarantees: a cosignature is durable when `add` returns, with the card that was in force then,
so that it can be judged for ever; the first cosignature of a witness over a checkpoint stays, and with it the
earliest time. `note` gives a checkpoint with all its cosignatures, in one fixed order.

Cosignatures are 3.4 KB each. All of the last hour are kept, and after that those of the best checkpoint of each
ten minutes: a later checkpoint proves every earlier entry. Start at `CosignatureBook`.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from telesphor.kernel.card import Card, card_id, read_card
from telesphor.kernel.cosignature import append_signatures
from telesphor.kernel.note import parse_signatures
from telesphor.ledger.checkpoints import CheckpointMissing, PublishedCheckpoint
from telesphor.ledger.store import create_published_tables
from telesphor.ledger.witness import store
from telesphor.runtime.database import open_database, storage_errors

CACHE_KIB: Final = 2 * 1024

KEEP_ALL_MS: Final = 60 * 60 * 1000
WINDOW_MS: Final = 10 * 60 * 1000
LOOK_BACK_MS: Final = 24 * 60 * 60 * 1000
"""How far back one thinning looks, after a pause: the rest was thinned before."""

BLOCKS_SHOWN_MAX: Final = 1_000


@dataclass(frozen=True)
class ArrivedCosignature:
    """A cosignature of one checkpoint as it arrived: who, when (milliseconds), its lines and the card then in force."""

    cosigner: str
    at_ms: int
    lines: bytes
    card_bytes: bytes

    @property
    def card(self) -> Card:
        return read_card(self.card_bytes)


@dataclass(frozen=True)
class BlockProgress:
    """How far one checkpoint has come.

    Attributes:
        size: leaves in its tree.
        signed_at_ms: when its log signed it.
        arrived_ms: name and time of arrival of each cosignature.
        reached_ms: level to the time when it was reached; level 1 is `signed_at_ms`.
    """

    size: int
    signed_at_ms: int
    arrived_ms: Mapping[str, int]
    reached_ms: Mapping[int, int]

    @property
    def level(self) -> int:
        """The highest level reached here, without public chains."""
        return max(self.reached_ms)


class CosignatureBook:
    """All cosignatures of one ledger. Safe between threads; a connection of its own.

    Args:
        path: `published.sqlite`, where the checkpoints are.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, cache_kib=CACHE_KIB)
        self._lock = threading.Lock()
        create_published_tables(self._db)
        self._db.execute(store.BOOK_SCHEMA)

    def add(self, size: int, *, cosigner: str, card: bytes, at_ms: int, lines: bytes) -> None:
        """Keep a verified cosignature of the checkpoint of `size` leaves; durable on return."""
        digest = card_id(card)
        with self._lock, storage_errors(), self._db:
            store.put_card(self._db, card=digest, data=card)
            store.put_cosignature(
                self._db, size=size, cosigner=cosigner, card=digest, at_ms=at_ms, lines=lines
            )

    def reach(self, size: int, *, level: int, at_ms: int) -> None:
        """Note that the checkpoint has reached `level`; durable on return."""
        with self._lock, storage_errors():
            store.put_level(self._db, size=size, level=level, at_ms=at_ms)

    def note(self, size: int) -> bytes:
        """The checkpoint of `size` leaves with all its cosignatures; raises `CheckpointMissing`."""
        lines = [line for found in self.cosignatures(size) for line in parse_signatures(found.lines)]
        return append_signatures(self.checkpoint(size).note, lines)

    def checkpoint(self, size: int) -> PublishedCheckpoint:
        """The checkpoint as its log signed it; raises `CheckpointMissing`."""
        with self._lock:
            row = store.published_row(self._db, size)
        if row is None:
            raise CheckpointMissing(f"no checkpoint has exactly `{size}` entries")
        return PublishedCheckpoint(*row)

    def cosignatures(self, size: int) -> tuple[ArrivedCosignature, ...]:
        """What has arrived for the checkpoint of `size` leaves, by name."""
        with self._lock:
            rows = store.cosignature_rows(self._db, size)
        return tuple(ArrivedCosignature(row[0], row[2], row[3], row[4]) for row in rows)

    def cards(self, size: int) -> tuple[bytes, ...]:
        """The cards of those who cosigned the checkpoint, as they were then."""
        return tuple(found.card_bytes for found in self.cosignatures(size))

    def acknowledged(self, cosigner: str) -> int:
        """The largest size that this witness has cosigned; 0 for none."""
        with self._lock:
            return store.acknowledged_size(self._db, cosigner)

    def progress(self, size: int) -> BlockProgress:
        """How far the checkpoint has come; raises `CheckpointMissing`."""
        checkpoint = self.checkpoint(size)
        arrived = {found.cosigner: found.at_ms for found in self.cosignatures(size)}
        with self._lock:
            reached = dict(store.level_rows(self._db, size))
        return BlockProgress(size, checkpoint.at_ms, arrived, {1: checkpoint.at_ms, **reached})

    def recent(self, count: int) -> tuple[BlockProgress, ...]:
        """The progress of the newest checkpoints, the newest first; at most `BLOCKS_SHOWN_MAX`."""
        with self._lock:
            sizes = store.newest_sizes(self._db, min(count, BLOCKS_SHOWN_MAX))
        return tuple(self.progress(size) for size in sizes)

    def covering(self, position: int, *, level: int) -> int | None:
        """The oldest checkpoint that holds `position` and has reached `level` (2 to 4); None where none has."""
        with self._lock:
            return store.size_at_level(self._db, position=position, level=level)

    def thin(self, *, now_ms: int, keep: Collection[int] = ()) -> int:
        """Forget what later checkpoints prove as well; returns of how many checkpoints.

        Args:
            keep: sizes that must stay whole, such as those that a public chain dates.
        """
        before_ms = (now_ms - KEEP_ALL_MS) // WINDOW_MS * WINDOW_MS
        with self._lock, storage_errors():
            return store.thin(
                self._db,
                since_ms=before_ms - LOOK_BACK_MS,
                before_ms=before_ms,
                window_ms=WINDOW_MS,
                keep=frozenset(keep),
            )

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()
