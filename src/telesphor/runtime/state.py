"""What the writer works on: the journal it records in, and the state that decisions see.

What decisions remember of a capability's tables (`WriterState.memory_of`) is exact: all of it was read
inside the open batch, and it is forgotten as soon as an entry is folded into those tables, whenever
anything is rolled back, and at the start of each batch. Nobody else writes in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import apsw

from telesphor.kernel.ids import IdSource
from telesphor.runtime.capability import Actor, Apply, Draft, Recorded, Store
from telesphor.runtime.requests import Evidence

REMEMBERED_MAX = 10_000
"""What decisions remember of one capability's tables within a batch: a few megabytes."""


class Journal(Protocol):
    """Numbers and stores entries. One batch at a time, from the writer's thread only."""

    def begin(self, at_ms: int, *, commands: int) -> None: ...
    def admit(self, actor: Actor, evidence: Evidence) -> None:
        """Note the request's evidence; raises when it was seen before."""

    def record(self, drafts: Sequence[Draft], actor: str, evidence: str | None) -> Sequence[Recorded]: ...
    def mark(self) -> Any: ...
    def rewind(self, mark: Any) -> None: ...
    def flush(self) -> Sequence[Recorded]: ...
    def committed(self) -> None: ...
    def rolled_back(self) -> None: ...
    def keep(self, documents: Sequence[bytes]) -> None:
        """Keep documents with the open batch; raises when one is too large."""

    def forget(self, digests: Sequence[str]) -> None:
        """Destroy kept documents with the open batch."""

    def document(self, digest: str) -> bytes | None: ...
    def next_n(self, stream: str) -> int: ...
    @property
    def at(self) -> str: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def size(self) -> int: ...


class WriterState:
    """What decisions see: the tables inside the open transaction, the batch's time, fresh ids."""

    __slots__ = ("_ids", "_journal", "_memories", "db")

    def __init__(self, db: apsw.Connection, journal: Journal, ids: IdSource) -> None:
        self.db = db
        self._journal = journal
        self._ids = ids
        self._memories: dict[Apply, dict[str, Any]] = {}

    @property
    def now_ms(self) -> int:
        return self._journal.at_ms

    def new_id(self) -> str:
        return self._ids.next()

    def new_nonce(self) -> str:
        return self._ids.nonce()

    def document(self, digest: str) -> bytes | None:
        return self._journal.document(digest)

    def next_n(self, stream: str) -> int:
        return self._journal.next_n(stream)

    def memory_of(self, store: Store) -> dict[str, Any]:
        memory = self._memories.setdefault(store.apply, {})
        if len(memory) >= REMEMBERED_MAX:
            memory.clear()
        return memory

    def forget(self, apply: Apply) -> None:
        """The tables that `apply` writes have changed."""
        self._memories.pop(apply, None)

    def forget_all(self) -> None:
        """A batch begins, or tables went back to what they were."""
        self._memories.clear()
