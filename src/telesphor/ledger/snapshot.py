"""What decisions look at, outside the writer: the committed state tables as one reader sees them, at this time.

For looking again whether something that was decided still holds. As for the writer, time never goes back: a clock
that is set back brings nothing to life that has ended. Nothing that is seen so is recorded, and what is
remembered of the tables is forgotten with the snapshot. Start at `Snapshot`.
"""

from __future__ import annotations

from typing import Any

import apsw

from telesphor.kernel.clock import Clock, parse_instant
from telesphor.kernel.ids import IdSource
from telesphor.ledger import store
from telesphor.ledger.entries import checked_document, parse_head
from telesphor.runtime.capability import Store


class Snapshot:
    """The state through one reader's connection (implements `runtime.capability.State`)."""

    def __init__(self, db: apsw.Connection, *, clock: Clock, ids: IdSource) -> None:
        self.db = db
        self.now_ms = max(clock.now_ms(), _last_instant(db))
        self._ids = ids
        self._memories: dict[tuple[Store, ...], dict[str, Any]] = {}

    def new_id(self) -> str:
        return self._ids.next()

    def new_nonce(self) -> str:
        return self._ids.nonce()

    def document(self, digest: str) -> bytes | None:
        return checked_document(store.document_of(self.db, digest), digest)

    def next_n(self, stream: str) -> int:
        head = store.stream_head(self.db, stream)
        return 0 if head is None else head[0]

    def memory_of(self, *stores: Store) -> dict[str, Any]:
        return self._memories.setdefault(stores, {})


def _last_instant(db: apsw.Connection) -> int:
    size = store.count_positions(db)
    row = store.entry_row(db, size - 1) if size else None
    return 0 if row is None else parse_instant(parse_head(row).at)
