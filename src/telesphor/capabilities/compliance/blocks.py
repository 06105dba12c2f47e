"""Blocks of the ledger as an auditor sees them: which entries, signed when, confirmed how far, by whom.

What a node says of its own confirmation is judged as a verifier would judge it. None of it is private. Start at
`LedgerBlocks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from telesphor.kernel.clock import format_instant
from telesphor.ledger.checkpoints import CheckpointBook, CheckpointMissing
from telesphor.ledger.network.status import BlockStatus

BLOCKS_SHOWN: Final = 20
BLOCKS_MAX: Final = 50

ALONE: Final = "no witness is asked: the node stands alone"


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """The entries between two checkpoints: positions `first` up to, not including, `size`.

    Attributes:
        level: 1 to 5; `missing` is what the next one lacks.
        ms_to_level: milliseconds from its signing to each level that was reached.
    """

    first: int
    size: int
    entries: int
    signed_at: str
    level: int
    missing: str
    cosigned_by: tuple[str, ...]
    anchored_in: tuple[str, ...]
    ms_to_level: dict[str, int]


class Blocks(msgspec.Struct, frozen=True, kw_only=True):
    """The newest blocks first; `networked` where others cosign or date this ledger."""

    origin: str
    networked: bool
    blocks: tuple[Block, ...]


class LedgerBlocks:
    """The blocks of one node.

    Args:
        status: the newest so many blocks as the network stands, newest first; None where there is no network.
    """

    def __init__(
        self, *, origin: str, book: CheckpointBook, status: Callable[[int], Sequence[BlockStatus]] | None
    ) -> None:
        self._origin = origin
        self._book = book
        self._status = status

    def newest(self, count: int) -> Blocks:
        """Return the newest blocks, at most `BLOCKS_MAX`."""
        found = self._newest(min(count, BLOCKS_MAX))
        return Blocks(origin=self._origin, networked=self._status is not None, blocks=found)

    def holding(self, position: int) -> Block | None:
        """Return the block of an entry; None while it has no checkpoint.

        A block that is long past is shown by the oldest of the newest blocks that hold its entries, for a later
        checkpoint confirms all that came before.
        """
        try:
            checkpoint = self._book.covering(position)
        except CheckpointMissing:
            return None
        judged = [block for block in self._newest(BLOCKS_MAX) if block.size >= checkpoint.size]
        own = [block for block in judged if block.size == checkpoint.size]
        best = max(own or judged, key=lambda block: (block.level, -block.size), default=None)
        return best or self._alone(checkpoint.size, checkpoint.at_ms)

    def levels_of(self, positions: Sequence[int]) -> dict[int, int]:
        """Return the level of each of these entries that is in a checkpoint; a later one confirms all before it."""
        judged = self._newest(BLOCKS_MAX)
        best = {at: max((block.level for block in judged if block.size > at), default=0) for at in positions}
        return {at: level for at, level in best.items() if level > 0}

    def _newest(self, count: int) -> tuple[Block, ...]:
        if self._status is None:
            return self._standing_alone(count)
        found = self._status(count)
        return tuple(_block(status, first=self._before(status.size)) for status in found)

    def _standing_alone(self, count: int) -> tuple[Block, ...]:
        """Walk back from the newest checkpoint."""
        found: list[Block] = []
        last = self._book.last()
        while last is not None and len(found) < count:
            found.append(self._alone(last.size, last.at_ms))
            first = found[-1].first
            if first == 0:
                break
            last = self._book.covering(first - 1)
        return tuple(found)

    def _alone(self, size: int, at_ms: int) -> Block:
        first = self._before(size)
        return Block(
            first=first,
            size=size,
            entries=size - first,
            signed_at=format_instant(at_ms),
            level=1,
            missing=ALONE,
            cosigned_by=(),
            anchored_in=(),
            ms_to_level={"L1": 0},
        )

    def _before(self, size: int) -> int:
        return self._book.before(size)


def _block(status: BlockStatus, *, first: int) -> Block:
    return Block(
        first=first,
        size=status.size,
        entries=status.size - first,
        signed_at=status.signed_at,
        level=status.level,
        missing=status.missing,
        cosigned_by=status.cosigned_by,
        anchored_in=status.anchored_in,
        ms_to_level=status.ms_to_level,
    )
