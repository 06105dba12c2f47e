"""Integration: committed entries become leaves of the tree, tiles, and a signed checkpoint.

A thread of its own follows the committed log. Within `interval_ms` of a commit it has hashed the
new entries, published the tiles, kept the checkpoint and then shown it: in this order, so that
whoever reads the checkpoint finds every tile it promises. All of it can be made again from the
entries, so a crash at any point loses nothing: the next start goes on from the last checkpoint.
A run that fails is forgotten in the same way, and tried again from there.

INVARIANT: no two checkpoints that this node signs are inconsistent: entries are durable and never
change before they are hashed here, and the tree is checked against the last checkpoint at start.
A ledger that was put back to an older copy is noticed by its last entry, and nothing is signed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from telesphor.kernel.checkpoint import Checkpoint, LogSigner, open_checkpoint
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.merkle import CompactRange
from telesphor.kernel.tile import Tile, parse_tile_path
from telesphor.ledger.checkpoints import CheckpointBook, PublishedCheckpoint
from telesphor.ledger.growth import FSCK_HINT, READ_ENTRIES, Grower, Grown, TreeInconsistent
from telesphor.ledger.tiles import TileDamaged, TileReader, TreeEdge
from telesphor.runtime.blobs import Blobs
from telesphor.runtime.capability import Committed
from telesphor.runtime.telemetry import Metrics, log

INTERVAL_MS = 500
"""At most half a second from a commit to its checkpoint, so that a second holds with room to spare."""

RUN_ENTRIES_MAX = 65_536
"""Entries hashed before a checkpoint is signed in between, when far behind: bounds memory."""

RETRY_SECONDS = 1.0

Grow = Callable[[TreeEdge, int], Grown]
"""Puts the entries up to a size into the tree; it may return another edge than the one it was given."""


class Integrator:
    """Publishes the tree of one ledger.

    Args:
        ledger_path: the ledger's database, read only here.
        public: where tiles and the checkpoint are published.
        grow: does the hashing; in the integrator's own thread where it is not given.

    Raises:
        TreeInconsistent: the stored entries are not those of the last checkpoint.
    """

    def __init__(
        self,
        *,
        ledger_path: Path,
        book: CheckpointBook,
        public: Blobs,
        signer: LogSigner,
        clock: Clock,
        metrics: Metrics | None = None,
        interval_ms: int = INTERVAL_MS,
        grow: Grow | None = None,
    ) -> None:
        self._entries = Grower(ledger_path=ledger_path, public=public)
        self._grow = grow or self._entries.grow
        self._book = book
        self._public = public
        self._signer = signer
        self._clock = clock
        self._metrics = metrics or Metrics()
        self._interval_seconds = interval_ms / 1000
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._advanced = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="integrator", daemon=True)
        self._last: PublishedCheckpoint | None = None
        self._partials: set[Tile] = set()
        self._edge: TreeEdge | None = self._resume()

    @property
    def size(self) -> int:
        """Leaves in the last checkpoint."""
        return self._last.size if self._last else 0

    def start(self) -> None:
        """Start the thread; it first catches up."""
        self._wake.set()
        self._thread.start()

    def wake(self, _committed: Committed | None = None) -> None:
        """Say that something was committed."""
        self._wake.set()

    def wait_for(self, position: int, *, timeout_seconds: float) -> bool:
        """Wait until a checkpoint holds `position`; False when the time is over first."""
        with self._advanced:
            return self._advanced.wait_for(lambda: self.size > position, timeout_seconds)

    def stop(self) -> None:
        """Integrate what is committed, then end the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._entries.close()

    def integrate(self) -> PublishedCheckpoint | None:
        """Bring committed entries into the tree and publish; None when there was nothing new."""
        edge = self._edge or self._resume()
        self._edge = None  # Whatever fails from here on, the next call goes on from the last checkpoint.
        size = self._entries.count()
        published = None
        if size > edge.size:
            edge, tiles = self._grow(edge, min(size, edge.size + RUN_ENTRIES_MAX))
            published = self._publish(edge, tiles)
        self._edge = edge
        return published

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            stopping = self._stopping.is_set()
            grown = True
            try:
                grown = self._catch_up(wholly=stopping)
            except Exception as error:  # noqa: BLE001  whatever the disk does, the thread must live
                # The tree stands still and `/healthz` says so; entries go on being committed.
                code, detail = _reason(error)
                log.error("integration failed", code=code, detail=detail, exc_info=error)
                self._wake.set()
                self._stopping.wait(RETRY_SECONDS)
            if stopping:
                return
            if grown:  # Who found nothing new, as at a start, owes the next commit no wait.
                self._stopping.wait(self._interval_seconds)

    def _catch_up(self, *, wholly: bool) -> bool:
        """Integrate once, and again while far behind; `wholly`, until nothing is left. Says whether there was anything.

        What is committed meanwhile waits for the next interval: a writer under load always commits
        something meanwhile, and a checkpoint costs two signatures and a dozen syncs.
        """
        began = self.size
        while True:
            before = self.size
            published = self.integrate()
            if published is None or not (wholly or published.size - before >= RUN_ENTRIES_MAX):
                return self.size > began

    def _put_partials(self, edge: TreeEdge) -> list[str]:
        paths = []
        for tile, data in edge.partial_tiles():
            self._public.put(tile.path(), data, durable=False)
            self._partials.add(tile)
            paths.append(tile.path())
        return paths

    def _publish(self, edge: TreeEdge, tiles: list[str]) -> PublishedCheckpoint:
        # 1. Every tile that the checkpoint promises is on the disk.
        self._public.make_durable([*tiles, *self._put_partials(edge)])
        # 2. The checkpoint is signed and kept. Times never go back, so that `at` has one answer.
        at_ms = max(self._clock.now_ms(), self._last.at_ms if self._last else 0)
        checkpoint = Checkpoint(origin=self._signer.origin, size=edge.size, root=edge.root())
        note = self._signer.sign(checkpoint, time_seconds=at_ms // 1000)
        published = PublishedCheckpoint(edge.size, at_ms, note)
        self._book.add(published)
        # 3. It is shown.
        self._show(published)
        self._drop_partials(edge.size)
        return published

    def _show(self, published: PublishedCheckpoint) -> None:
        self._public.put("checkpoint", published.note, durable=False)
        self._metrics.tree_size.set(published.size)
        self._metrics.checkpoint_at.set(published.at_ms / 1000)
        with self._advanced:
            self._last = published
            self._advanced.notify_all()

    def _drop_partials(self, size: int) -> None:
        """Delete partial tiles whose full tile is published (tlog-tiles allows it); keep the others."""
        full_now = {tile for tile in self._partials if Tile(tile.level, tile.index).end <= size}
        for tile in full_now:
            self._public.delete(tile.path())
        self._partials -= full_now

    def _resume(self) -> TreeEdge:
        """Go on from the last checkpoint, which is shown again: a crash may have come before that."""
        last = self._book.last()
        if last is None:
            return TreeEdge()
        signed = open_checkpoint(last.note, origin=self._signer.origin, vkeys=self._signer.vkeys())
        edge = self._load(signed.checkpoint) or self._rebuild(signed.checkpoint)
        for tile, _ in edge.partial_tiles():
            self._partials.update(map(parse_tile_path, self._public.list(tile.path().rpartition("/")[0])))
        self._show(last)
        return edge

    def _load(self, checkpoint: Checkpoint) -> TreeEdge | None:
        """The edge out of the published tiles, when they are those of the checkpoint and of its entries."""
        try:
            edge = TreeEdge.load(self._public, checkpoint.size)
            last_leaf = TileReader(self._public, checkpoint.size).subtree(0, checkpoint.size - 1)
        except TileDamaged as error:
            log.warning("edge of the tree damaged", code=error.code, detail=error.message)
            return None
        if edge.root() != checkpoint.root or self._entries.read_leaves(edge.size - 1, edge.size) != [
            last_leaf
        ]:
            return None
        return edge

    def _rebuild(self, checkpoint: Checkpoint) -> TreeEdge:
        """Make the tree again from the entries, and every tile with it; raises `TreeInconsistent`."""
        log.warning("tree rebuilt from the entries", size=checkpoint.size)
        # The root first: tiles of wrong entries must not replace the published ones, which prove it.
        tree = CompactRange()
        while tree.size < checkpoint.size:
            tree.extend(self._entries.read_leaves(tree.size, min(checkpoint.size, tree.size + READ_ENTRIES)))
        if tree.root() != checkpoint.root:
            raise TreeInconsistent(
                f"the entries do not give the root signed at size `{checkpoint.size}`", hint=FSCK_HINT
            )
        edge, tiles = self._grow(TreeEdge(), checkpoint.size)
        self._public.make_durable([*tiles, *self._put_partials(edge)])
        return edge


def _reason(error: Exception) -> tuple[str, str]:
    if isinstance(error, TelesphorError):
        return error.code, error.detail or error.message
    return "internal", type(error).__name__
