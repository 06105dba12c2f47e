"""The tree of a ledger as somebody with its keys can tell it: the true one, or one with another entry in it.

Whoever has a log's keys can sign any tree. What this module cannot do is make two of them agree: that is what
witnesses are for.

Start at `History`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from telesphor.app import open_for_proofs
from telesphor.demo.stage import ORIGIN, Stage
from telesphor.kernel import canonical
from telesphor.kernel.checkpoint import Checkpoint
from telesphor.kernel.entry import ENTRY_BYTES_MAX
from telesphor.kernel.merkle import MemoryReader, consistency_path, inclusion_path, leaf_hash, root_at

YEAR: Final = slice(0, 4)
"""Where an instant says its year."""


@dataclass(frozen=True)
class History:
    """The exact bytes of all entries, in their order."""

    entries: tuple[bytes, ...]

    @cached_property
    def _reader(self) -> MemoryReader:
        return MemoryReader([leaf_hash(data) for data in self.entries])

    def with_entry(self, position: int, data: bytes) -> History:
        """The same history, but for one entry."""
        return History((*self.entries[:position], data, *self.entries[position + 1 :]))

    def grown(self) -> History:
        """The same history with one more entry."""
        return History((*self.entries, self.entries[-1]))

    def checkpoint(self, size: int) -> Checkpoint:
        """The head of its first `size` entries, to be signed."""
        return Checkpoint(ORIGIN, size, root_at(size, self._reader))

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """The path of an entry in the tree of `size` leaves."""
        return inclusion_path(position, size, self._reader)

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """What would prove that this tree grew, to someone who has seen an earlier state of it."""
        return consistency_path(old_size, new_size, self._reader)


def read_history(stage: Stage) -> History:
    """The true history of the node's ledger."""
    with open_for_proofs(stage.node.path) as (reader, *_):
        return History(tuple(entry.data for entry in reader.entries(first=0, end=reader.size())))


def backdated(entry: bytes) -> bytes:
    """The same entry, said to have been made a year earlier."""
    members: Any = canonical.decode(entry, limit=ENTRY_BYTES_MAX)
    at = str(members["at"])
    return canonical.encode({**members, "at": f"{int(at[YEAR]) - 1}{at[YEAR.stop :]}"})


def recounted(entry: bytes) -> bytes:
    """The same entry of a reading, said to hold one sample more."""
    members: Any = canonical.decode(entry, limit=ENTRY_BYTES_MAX)
    return canonical.encode({**members, "body": {**members["body"], "count": members["body"]["count"] + 1}})
