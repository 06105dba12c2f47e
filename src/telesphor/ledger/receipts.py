"""Proofs out of the published tree: that an entry is in it, and that one tree grew into another.

All of it is computed from tiles, so any mirror of the public folder could answer as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.merkle import consistency_path, inclusion_path
from telesphor.kernel.tlog_proof import format_tlog_proof
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.tiles import TileReader
from telesphor.runtime.blobs import Blobs


class ProofRefused(TelesphorError):
    """The proof asked for cannot exist."""

    code = "proof-refused"
    kind = Kind.INVALID


class Prover:
    """Answers for proofs in any tree up to the newest checkpoint's. Safe between threads.

    The tiles of the newest tree hold every complete subtree of the smaller ones, so one reader serves all.
    """

    def __init__(self, *, book: CheckpointBook, public: Blobs) -> None:
        self._book = book
        self._public = public
        self._newest: tuple[int, TileReader] | None = None

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """The inclusion path of `position` in the tree of `size` leaves (RFC 6962, section 2.1.1).

        Raises:
            ProofRefused: the position is not in that tree, or the tree is not published yet.
        """
        if not 0 <= position < size:
            raise ProofRefused(f"position `{position}` is not in a tree of `{size}`")
        return inclusion_path(position, size, self._reader(size))

    def consistency(self, *, old_size: int, new_size: int) -> list[bytes]:
        """The consistency path between two trees (RFC 6962, section 2.1.2).

        Raises:
            ProofRefused: the sizes are not in order, or the larger tree is not published yet.
        """
        if not 0 < old_size <= new_size:
            raise ProofRefused(f"no tree of `{old_size}` grows into one of `{new_size}`")
        return consistency_path(old_size, new_size, self._reader(new_size))

    def tlog_proof(self, position: int) -> bytes:
        """A standard offline proof (C2SP tlog-proof) of `position` at the newest checkpoint."""
        checkpoint = self._book.newest()
        if position >= checkpoint.size:
            checkpoint = self._book.covering(position)
        return self.tlog_proof_at(position, checkpoint.size, checkpoint.note)

    def tlog_proof_at(
        self, position: int, size: int, note: bytes, anchors: Mapping[str, bytes] | None = None
    ) -> bytes:
        """The same in the tree of `size` leaves, whose checkpoint is `note`, with what dates that."""
        return format_tlog_proof(position, self.inclusion(position, size), note, anchors)

    def _reader(self, size: int) -> TileReader:
        published = self._book.newest().size
        if size > published:
            raise ProofRefused(f"a tree of `{size}` is not published; the newest has `{published}`")
        newest = self._newest
        if newest is None or newest[0] != published:
            newest = self._newest = (published, TileReader(self._public, published))
        return newest[1]
