"""Which checkpoint proves an entry best, with everything that others said of it.

A later checkpoint holds every earlier entry, so a proof may be made at any that covers its entries. The best is
the one of the highest level, as a reader with the node's own policy would find it; of those, one that more
public chains date; then the oldest. Start at `best_standing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from telesphor.ledger.anchors.book import AnchorBook
from telesphor.ledger.bundles import Confirmations, index_cards
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.network.judging import Judge
from telesphor.ledger.witness.book import CosignatureBook

LEVELS_TRIED: Final = (4, 3, 2)


class Standing(NamedTuple):
    """A checkpoint to prove entries in: leaves, the note with all its cosignatures, and what goes with it."""

    size: int
    note: bytes
    confirmations: Confirmations

    @property
    def networks(self) -> int:
        """How many public chains date it."""
        return len({name.rpartition(".")[0] for name in self.confirmations.anchors})


class Books(NamedTuple):
    """Where a node keeps what it and others said of its checkpoints."""

    checkpoints: CheckpointBook
    cosignatures: CosignatureBook
    anchors: AnchorBook


def best_standing(position: int, *, books: Books, log_card: bytes, levels: bytes, judge: Judge) -> Standing:
    """The best checkpoint that holds `position`.

    Raises:
        CheckpointMissing: no checkpoint holds it yet.
    """
    standings = [
        standing_at(size, books=books, log_card=log_card, levels=levels)
        for size in _candidates(position, books)
    ]
    return max(standings, key=lambda found: _rank(found, judge))


def standing_at(size: int, *, books: Books, log_card: bytes, levels: bytes) -> Standing:
    """What there is of the checkpoint of `size` leaves; raises `CheckpointMissing`."""
    cards = index_cards([log_card, *books.cosignatures.cards(size)])
    confirmations = Confirmations(cards, books.anchors.proofs(size), levels)
    return Standing(size, books.cosignatures.note(size), confirmations)


def _candidates(position: int, books: Books) -> list[int]:
    """One of each kind that there is: what nobody confirmed is proven at the newest."""
    books.checkpoints.covering(position)  # refuses what no checkpoint holds yet
    return sorted({size for size in _sizes(position, books) if size is not None})


def _sizes(position: int, books: Books) -> Iterator[int | None]:
    yield books.checkpoints.newest().size
    for level in LEVELS_TRIED:
        yield books.cosignatures.covering(position, level=level)
    dated = books.anchors.dated_sizes(position)
    for networks in {networks for _, networks in dated}:
        sizes = [size for size, count in dated if count == networks]
        # The oldest that was notarised before it was dated; a dated one that nobody cosigned is worth less.
        yield next(
            (size for size in sizes if books.cosignatures.progress(size).level == max(LEVELS_TRIED)), sizes[0]
        )


def _rank(standing: Standing, judge: Judge) -> tuple[int, int, int]:
    level = judge.judge(standing.note, standing.confirmations).level
    return level, standing.networks, -standing.size
