"""`fsck`: recompute everything from the stored entries and name the first thing that is wrong.

1. entries      every position in order, numbered without a gap in its stream, in time, and its signed
                request kept with the digest it names and found again when it is replayed
2. tiles        every hash tile equals the one the entries give
3. checkpoints  every signed checkpoint opens under the log's keys and names the root of its size
4. documents    every document that is kept has the digest it is kept under
5. state        the tables equal those made by replaying the entries into an empty database

Steps 1 to 3 are one pass over the entries; step 5 runs beside it in a process of its own. Where an
entry does not fit its neighbours, the published tiles tell which of them was changed. Memory is
bounded by the number of streams (about 180 bytes each), not of entries. Signatures of requests are
not verified again here: that is what bundles are for.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw

from telesphor.kernel.checkpoint import open_checkpoint
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.merkle import HASH_BYTES, inclusion_path, leaf_hash, verify_inclusion
from telesphor.kernel.signing import read_jws
from telesphor.kernel.tile import TILE_HEIGHT, TILE_WIDTH, Tile
from telesphor.ledger import store
from telesphor.ledger.entries import EntryHead, parse_head
from telesphor.ledger.folding import check_fold
from telesphor.ledger.replay import check_state
from telesphor.ledger.tiles import TileReader, TreeEdge, read_tile
from telesphor.runtime.blobs import BlobMissing, Blobs
from telesphor.runtime.capability import Registry
from telesphor.runtime.database import open_reader

PASS_ENTRIES = 8_192
"""Entries held at once."""

_SPAN = 1 << 48
"""A stream's length and last position are kept as one number, for memory: `length * _SPAN + position`."""


class LedgerDamaged(TelesphorError):
    """The ledger is not what it was."""

    code = "ledger-damaged"
    kind = Kind.CORRUPT


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What was checked, all of it sound."""

    entries: int
    streams: int
    requests: int
    tiles: int
    checkpoints: int
    documents: int
    state_rows: int


@dataclass(frozen=True, slots=True)
class LedgerFiles:
    """Where the parts of one ledger are, and the keys its checkpoints must be signed with."""

    ledger: Path
    published: Path
    public: Blobs
    origin: str
    vkeys: tuple[str, str]


Progress = Callable[[str, int, int], None]
"""Called with the stage, how much is done, how much there is."""


def fsck(
    files: LedgerFiles, registry: Callable[[], Registry], *, progress: Progress = lambda *_: None
) -> FsckReport:
    """Check one ledger that no node has open for writing.

    Args:
        registry: makes the node's registry; an importable function, because a second process calls it.

    Raises:
        LedgerDamaged, StateDiffers, TelesphorError: the first thing that is wrong.
    """
    with (
        TemporaryDirectory(dir=files.ledger.parent, prefix=".fsck-") as scratch,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        state: Future[int] = pool.submit(
            _check_state, files.ledger, Path(scratch) / "replica.sqlite", registry
        )
        try:
            checker = _Pass(files, progress)
            checker.run()
            state_rows = state.result()
        except BrokenProcessPool as error:
            raise LedgerDamaged("the replay ended before its time", hint="is there enough memory?") from error
        except BaseException:
            state.cancel()
            for process in list(pool._processes.values()):
                process.terminate()
            raise
    return FsckReport(
        checker.edge.size,
        checker.streams,
        checker.requests,
        checker.tiles,
        checker.checkpoints,
        checker.documents,
        state_rows,
    )


def _check_state(ledger: Path, scratch: Path, registry: Callable[[], Registry]) -> int:
    made = registry()
    with closing(open_reader(ledger)) as db:
        check_fold(db, made)
    return check_state(ledger, scratch, made)


class _Pass:
    """Steps 1 to 4: one walk over the entries in order, and one over the documents."""

    def __init__(self, files: LedgerFiles, progress: Progress) -> None:
        self._files = files
        self._progress = progress
        self._db = open_reader(files.ledger)
        self._published = open_reader(files.published)
        self.edge = TreeEdge()
        self.streams = self.requests = self.tiles = self.checkpoints = self.documents = 0
        self._published_size = 0
        self._heads: dict[str, int] = {}
        self._last_at = ""
        self._requests = _Requests(self._db)

    def run(self) -> None:
        """Walk; raises at the first thing that is wrong."""
        try:
            for db in (self._db, self._published):
                db.execute("BEGIN")
            last = store.last_checkpoint(self._published)
            self._published_size = 0 if last is None else last[0]
            self._walk()
        except apsw.Error as error:
            raise LedgerDamaged("the database file is damaged", detail=str(error)) from error
        finally:
            for db in (self._db, self._published):
                db.close(True)

    def _walk(self) -> None:
        size = store.count_positions(self._db)
        self._requests.start()
        for checkpoint in store.checkpoint_rows(self._published):
            self._walk_to(min(size, checkpoint[0]), size)
            if checkpoint[0] > size:
                raise LedgerDamaged(
                    f"checkpoint `{checkpoint[0]}` is signed, but only `{size}` entries are stored"
                )
            self._check_checkpoint(*checkpoint)
        self._walk_to(size, size)
        self._check_edge()
        self._check_shown()
        self._check_heads()
        self.requests = self._requests.finish()
        self._check_documents()

    def _check_documents(self) -> None:
        for digest, data in store.document_rows(self._db):
            if digest_of(data) != digest:
                raise LedgerDamaged(f"the document `{digest}` is not what was kept")
            self.documents += 1

    def _walk_to(self, end: int, size: int) -> None:
        while self.edge.size < end:
            self._take_entries(min(end, self.edge.size + PASS_ENTRIES))
            self._progress("entries", self.edge.size, size)

    def _take_entries(self, end: int) -> None:
        first = self.edge.size
        leaves: list[bytes] = []
        for position, row in enumerate(store.entry_rows(self._db, first=first, end=end), first):
            if row[0] != position:
                break
            leaves.append(leaf_hash(row[2]))
            try:
                self._check_entry(row, parse_head(row))
            except TelesphorError:
                # It may only be the victim of one before it that was changed.
                self._add_leaves(leaves)
                self._check_edge()
                raise
        missing = first + len(leaves)
        self._add_leaves(leaves)
        if missing != end:
            self._check_edge()
            raise LedgerDamaged(f"entry `{missing}` is missing")

    def _add_leaves(self, leaves: list[bytes]) -> None:
        for tile, data in self.edge.extend(leaves):
            self._check_tile(tile, data)

    def _check_entry(self, row: store.EntryRow, head: EntryHead) -> None:
        position, previous, _ = row
        known = self._heads.get(head.stream)
        n, before = (0, store.NO_PREVIOUS) if known is None else divmod(known, _SPAN)
        if head.n != n:
            raise LedgerDamaged(f"entry `{position}` is number `{head.n}` of its stream where `{n}` is due")
        if previous != before:
            raise LedgerDamaged(f"entry `{position}` is filed behind `{previous}` where `{before}` is due")
        if head.at < self._last_at:
            raise LedgerDamaged(f"entry `{position}` is older than the one before it")
        self._heads[head.stream] = (n + 1) * _SPAN + position
        self._last_at = head.at
        self._requests.check(position, head.evidence)

    def _check_tile(self, tile: Tile, data: bytes) -> None:
        """Compare a tile made from the entries with the newest one published, as far as both go."""
        width = min(
            TILE_WIDTH, (self._published_size >> (TILE_HEIGHT * tile.level)) - tile.index * TILE_WIDTH
        )
        if width <= 0:
            return
        published = Tile(tile.level, tile.index, width)
        stored = read_tile(self._files.public, published)
        both = min(len(stored), len(data))
        if stored[:both] != data[:both]:
            raise self._blame(published, stored, data)
        self.tiles += 1

    def _blame(self, tile: Tile, stored: bytes, data: bytes) -> LedgerDamaged:
        """Say which was changed, the entry or the tile: the signed root agrees with one of them only."""
        pairs = zip(_hashes(stored), _hashes(data), strict=False)
        wrong = next((i for i, (published, made) in enumerate(pairs) if published != made), None)
        if wrong is None:
            return LedgerDamaged(f"tile `{tile.path()}` has `{len(stored)}` bytes")
        if tile.level == 0 and self._is_signed(tile.start + wrong, _hashes(stored)[wrong]):
            return LedgerDamaged(
                f"entry `{tile.start + wrong}` was changed: tile `{tile.path()}` was signed with another"
            )
        return LedgerDamaged(f"tile `{tile.path()}` is not what its entries give, from hash `{wrong}` on")

    def _is_signed(self, position: int, leaf: bytes) -> bool:
        """Whether the newest checkpoint signs this leaf, by the published tiles."""
        size, _, note = store.last_checkpoint(self._published) or (0, 0, b"")
        try:
            signed = open_checkpoint(note, origin=self._files.origin, vkeys=self._files.vkeys)
            path = inclusion_path(position, size, TileReader(self._files.public, size))
            verify_inclusion(leaf=leaf, index=position, size=size, path=path, root=signed.checkpoint.root)
        except TelesphorError:
            return False
        return True

    def _check_edge(self) -> None:
        for tile, data in self.edge.partial_tiles():
            self._check_tile(tile, data)

    def _check_checkpoint(self, size: int, at_ms: int, note: bytes) -> None:
        try:
            signed = open_checkpoint(note, origin=self._files.origin, vkeys=self._files.vkeys)
        except TelesphorError as error:
            raise LedgerDamaged(
                f"checkpoint `{size}` is not what the log signed: {error.message}", detail=error.detail
            ) from error
        if signed.checkpoint.size != size or signed.time_seconds != at_ms // 1000:
            raise LedgerDamaged(f"checkpoint `{size}` is filed under a wrong size or time")
        if signed.checkpoint.root != self.edge.root():
            self._check_edge()
            raise LedgerDamaged(f"the entries do not give the root signed in checkpoint `{size}`")
        self._check_partial_tiles()
        self.checkpoints += 1

    def _check_partial_tiles(self) -> None:
        """Partial tiles of older checkpoints stand beside the newest until their full tile is there."""
        for tile, data in self.edge.partial_tiles():
            if Tile(tile.level, tile.index).end > self._published_size:
                try:
                    stored = self._files.public.get(tile.path())
                except BlobMissing:
                    continue  # The newest form serves as well, and is checked on its own.
                if stored != data:
                    raise self._blame(tile, stored, data)

    def _check_shown(self) -> None:
        """The checkpoint that is shown must be one of those kept, perhaps not the newest after a crash."""
        try:
            note = self._files.public.get("checkpoint")
        except BlobMissing:
            return
        if all(kept != note for _, _, kept in store.checkpoint_rows(self._published)):
            raise LedgerDamaged("the checkpoint that is shown is none of those that were kept")

    def _check_heads(self) -> None:
        """The streams table must name exactly the streams, lengths and heads that were walked."""
        for stream, length, head in store.stream_rows(self._db):
            if self._heads.get(stream) != length * _SPAN + head:
                raise LedgerDamaged(f"stream `{stream}` is filed with a wrong length or end")
            self.streams += 1
        if self.streams != len(self._heads):
            raise LedgerDamaged("a stream is missing from the list of streams")


class _Requests:
    """The kept requests, walked beside the entries that name them."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._count = 0
        self._digest: str | None = None

    def start(self) -> None:
        self._rows = store.requests_from(self._db, 0)
        self._next = next(self._rows, None)

    def check(self, position: int, evidence: str | None) -> None:
        """The entry at `position` must name the request that is kept for it, and no request be left over."""
        if self._next is not None and self._next[0] == position:
            _check_request(self._db, self._next)
            self._digest = self._next[2]
            self._count += 1
            self._next = next(self._rows, None)
            if evidence != self._digest:
                raise LedgerDamaged(
                    f"the request kept at position `{position}` is not the one its entry names"
                )
        elif evidence is not None and evidence != self._digest:
            raise LedgerDamaged(f"entry `{position}` names a signed request that is not kept")

    def finish(self) -> int:
        """How many there were; raises when one is left that no entry names."""
        if self._next is not None:
            raise LedgerDamaged(f"the request kept at position `{self._next[0]}` belongs to no entry")
        return self._count


def _check_request(db: apsw.Connection, row: store.RequestRow) -> None:
    first, at_ms, digest, data = row
    try:
        jws = read_jws(data)
        sound = digest_of(jws.payload_bytes) == digest and parse_instant(jws.payload.get("at")) == at_ms
    except TelesphorError:
        sound = False
    if not sound:
        raise LedgerDamaged(f"the signed request kept at position `{first}` was changed")
    if store.find_request(db, at_ms=at_ms, digest=digest) != first:
        raise LedgerDamaged(f"the request kept at position `{first}` would not be found when replayed")


def _hashes(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]
