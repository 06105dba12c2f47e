"""The tree of a small ledger, recomputed from its entries: proofs and checkpoints without tiles."""

from __future__ import annotations

from collections.abc import Sequence

from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.merkle import MemoryReader, inclusion_path, leaf_hash, root_of
from telesphor.ledger.checkpoints import PublishedCheckpoint
from telesphor.ledger.entries import RecordedEntry


class TreeInMemory:
    """Proofs from the ledger's own leaves."""

    def __init__(self, entries: Sequence[RecordedEntry]) -> None:
        self.leaves = [leaf_hash(entry.data) for entry in entries]

    def inclusion(self, position: int, size: int) -> list[bytes]:
        return inclusion_path(position, size, MemoryReader(self.leaves[:size]))

    def checkpoint(self, log: LogSigner, *, at_ms: int, size: int | None = None) -> PublishedCheckpoint:
        """The signed tree of the first `size` leaves, or of all."""
        leaves = self.leaves[:size]
        seconds = at_ms // 1000
        note = log.sign(Checkpoint(log.origin, len(leaves), root_of(leaves)), time_seconds=seconds)
        return PublishedCheckpoint(len(leaves), seconds * 1000, note)
