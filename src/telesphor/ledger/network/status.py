"""The network as an operator sees it: each block's progress and time to each level, each peer, each anchor.

Levels are judged as a verifier with the node's own policy would judge them. Nothing in it is private: sizes,
times, names of organisations, costs; the addresses of peers are left out. Start at `describe_network`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from telesphor.kernel.card import read_card
from telesphor.kernel.clock import format_instant
from telesphor.ledger.anchors.book import Anchor
from telesphor.ledger.checkpoints import CheckpointMissing
from telesphor.ledger.network.judging import HIGHEST, Judge
from telesphor.ledger.network.standing import Books, standing_at
from telesphor.ledger.witness.book import BlockProgress
from telesphor.ledger.witness.collector import PeerState


class BlockStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One block: the checkpoint that ends it, its level and what the next one lacks, and who confirmed it.

    `ms_to_level` has milliseconds from its signing to each level that was reached.
    """

    size: int
    signed_at: str
    level: int
    missing: str
    cosigned_by: tuple[str, ...]
    anchored_in: tuple[str, ...]
    ms_to_level: dict[str, int]


class PeerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One witness or notary; `fault` and `says` are empty when all is well."""

    name: str
    organisation: str
    role: str
    acknowledged: int
    answered_at: str | None
    fault: str
    says: str


class AnchorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One anchor: which checkpoint, where, how far, at what cost."""

    size: int
    network: str
    phase: str
    says: str
    cost: str | None
    gas: int | None
    entries_covered: int
    cost_per_entry: str | None
    begun_at: str
    done_at: str | None


class NetworkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one ledger stands in the network. Its own card is in force until `card_expires_at`."""

    origin: str
    organisation: str
    card_expires_at: str
    blocks: tuple[BlockStatus, ...]
    peers: tuple[PeerStatus, ...]
    anchors: tuple[AnchorStatus, ...]


def describe_network(
    origin: str, *, books: Books, log_card: bytes, judge: Judge, peers: Iterable[PeerState], blocks: int
) -> NetworkStatus:
    """The newest blocks and anchors, the newest first, the blocks of those anchors too, and all peers."""
    card = read_card(log_card)
    anchors = books.anchors.newest(blocks)
    view = _View(books, log_card, judge)
    return NetworkStatus(
        origin=origin,
        organisation=card.organisation,
        card_expires_at=card.expires_at,
        blocks=tuple(view.block(block) for block in _blocks(books, anchors, blocks)),
        peers=tuple(map(_peer, peers)),
        anchors=tuple(map(_anchor, anchors)),
    )


def _blocks(books: Books, anchors: Sequence[Anchor], count: int) -> list[BlockProgress]:
    """The newest blocks, and those that are anchored: on a busy ledger these are long past the newest."""
    found = {block.size: block for block in books.cosignatures.recent(count)}
    for anchor in anchors:
        if anchor.size not in found:
            try:
                found[anchor.size] = books.cosignatures.progress(anchor.size)
            except CheckpointMissing:
                continue  # An anchor of another copy of this ledger: its own row says what became of it.
    return [found[size] for size in sorted(found, reverse=True)]


class _View(NamedTuple):
    """What the blocks of one answer are looked at with."""

    books: Books
    log_card: bytes
    judge: Judge

    def block(self, block: BlockProgress) -> BlockStatus:
        standing = standing_at(block.size, books=self.books, log_card=self.log_card, levels=b"")
        verdict = self.judge.judge(standing.note, standing.confirmations)
        dated = [anchor for anchor in self.books.anchors.of_size(block.size) if anchor.phase in _DATED]
        return BlockStatus(
            size=block.size,
            signed_at=format_instant(block.signed_at_ms),
            level=verdict.level,
            missing=verdict.missing,
            cosigned_by=tuple(sorted(block.arrived_ms)),
            anchored_in=tuple(anchor.network for anchor in dated),
            ms_to_level=_waits(block, dated, verdict.level),
        )


_DATED = ("confirmed", "final")
"""Phases in which there is a proof."""


def _waits(block: BlockProgress, dated: Iterable[Anchor], level: int) -> dict[str, int]:
    waits = {f"L{reached}": at_ms - block.signed_at_ms for reached, at_ms in sorted(block.reached_ms.items())}
    done = [anchor.done_at_ms for anchor in dated if anchor.done_at_ms is not None]
    if level == HIGHEST and done:
        waits[f"L{HIGHEST}"] = max(min(done) - block.signed_at_ms, *waits.values())
    return waits


def _peer(peer: PeerState) -> PeerStatus:
    return PeerStatus(
        name=peer.name,
        organisation=peer.organisation,
        role=peer.role,
        acknowledged=peer.acknowledged,
        answered_at=None if peer.answered_at_ms is None else format_instant(peer.answered_at_ms),
        fault=peer.fault,
        # Everybody may read this; where a peer is inside somebody's network is not for everybody.
        says=peer.says.replace(f"the witness at `{peer.url}`", f"`{peer.name}`").replace(peer.url, peer.name),
    )


def _anchor(anchor: Anchor) -> AnchorStatus:
    cost = anchor.cost
    return AnchorStatus(
        size=anchor.size,
        network=anchor.network,
        phase=anchor.phase,
        says=anchor.says,
        cost=None if cost is None else f"{cost.amount} {cost.currency}",
        gas=None if cost is None else cost.gas,
        entries_covered=anchor.entries_covered,
        cost_per_entry=anchor.cost_per_entry,
        begun_at=format_instant(anchor.begun_at_ms),
        done_at=None if anchor.done_at_ms is None else format_instant(anchor.done_at_ms),
    )
