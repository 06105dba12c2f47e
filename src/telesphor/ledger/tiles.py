"""The published Merkle tree: C2SP tlog-tiles as static blobs, its growing edge, and reading from it.

`TreeEdge` is the right-hand side of the tree: the hashes that no full tile holds yet, one run per
level. Leaf hashes go in, tiles to be written come out. `TileReader` answers for any complete
subtree out of the stored tiles (`kernel.merkle.HashReader`), which is all that proofs need.

Source: C2SP tlog-tiles. Tiles are kept under their URL paths, so that serving them is serving files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.merkle import HASH_BYTES, root_at
from telesphor.kernel.tile import TILE_HEIGHT, TILE_WIDTH, Tile, hash_in_tile, tile_holding
from telesphor.runtime.blobs import BlobMissing, Blobs

TILE_BYTES = TILE_WIDTH * HASH_BYTES

TILES_CACHED_MAX = 512
"""4 MiB of tiles: the upper levels of any tree, and the leaves that were asked for lately."""


class TileDamaged(TelesphorError):
    """A stored tile is missing or has the wrong length."""

    code = "tile-damaged"
    kind = Kind.CORRUPT


class TreeEdge:
    """The unfinished tile of every level of a tree of `size` leaves.

    INVARIANT: level k holds `floor(size / 256**k) mod 256` hashes.
    """

    def __init__(self) -> None:
        self.size = 0
        self._levels: list[bytearray] = [bytearray()]

    @classmethod
    def load(cls, blobs: Blobs, size: int) -> TreeEdge:
        """Read the edge of a tree of `size` leaves from its partial tiles; raises `TileDamaged`."""
        edge = cls()
        edge.size = size
        level, count = 0, size
        edge._levels = []
        while count or not edge._levels:
            width = count % TILE_WIDTH
            tile = Tile(level, count // TILE_WIDTH, width) if width else None
            edge._levels.append(bytearray(read_tile(blobs, tile)) if tile else bytearray())
            level, count = level + 1, count // TILE_WIDTH
        return edge

    def extend(self, leaf_hashes: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Append leaf hashes; yields each tile that became full, with its bytes."""
        room = TILE_WIDTH - len(self._levels[0]) // HASH_BYTES
        start = 0
        while start < len(leaf_hashes):
            part = leaf_hashes[start : start + room]
            self._levels[0] += b"".join(part)
            self.size += len(part)
            start += len(part)
            room = TILE_WIDTH
            yield from self._full_tiles()

    def _full_tiles(self) -> Iterator[tuple[Tile, bytes]]:
        level, count = 0, self.size
        while len(self._levels[level]) == TILE_BYTES:
            data = bytes(self._levels[level])
            count //= TILE_WIDTH
            yield Tile(level, count - 1, TILE_WIDTH), data
            self._levels[level] = bytearray()
            level += 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += hash_in_tile(data, TILE_HEIGHT, 0)

    def partial_tiles(self) -> Iterator[tuple[Tile, bytes]]:
        """The tiles at the edge that are not full, with their bytes."""
        count = self.size
        for level, data in enumerate(self._levels):
            if data:
                yield Tile(level, count // TILE_WIDTH, len(data) // HASH_BYTES), bytes(data)
            count //= TILE_WIDTH

    def root(self) -> bytes:
        """The root hash of the tree (RFC 6962, section 2.1), 32 bytes."""
        return root_at(self.size, self)

    def subtree(self, level: int, index: int) -> bytes:
        """Hash of a complete subtree at the edge (`kernel.merkle.HashReader`)."""
        tile_level, within = divmod(level, TILE_HEIGHT)
        count = self.size >> (TILE_HEIGHT * tile_level)
        first = (count // TILE_WIDTH) << (TILE_HEIGHT - within)
        if within == 0 and index < first:
            raise TileDamaged(f"subtree `{level}/{index}` is not at the edge")
        return hash_in_tile(bytes(self._levels[tile_level]), within, index - first)


class TileReader:
    """Reads complete subtrees of a published tree of `size` leaves from its tiles."""

    def __init__(self, blobs: Blobs, size: int) -> None:
        self._size = size
        self._tile = lru_cache(maxsize=TILES_CACHED_MAX)(lambda tile: read_tile(blobs, tile))

    def subtree(self, level: int, index: int) -> bytes:
        """Hash of the subtree of `2**level` leaves at `index` (`kernel.merkle.HashReader`)."""
        tile, within, inside = tile_holding(level, index, size=self._size)
        return hash_in_tile(self._tile(tile), within, inside)


def read_tile(blobs: Blobs, tile: Tile) -> bytes:
    """Read a tile, taking the full one where the partial one is gone; raises `TileDamaged`."""
    for candidate in dict.fromkeys((tile, Tile(tile.level, tile.index, TILE_WIDTH))):
        try:
            data = blobs.get(candidate.path())
        except BlobMissing:
            continue
        if len(data) != candidate.width * HASH_BYTES:
            raise TileDamaged(f"tile `{candidate.path()}` has `{len(data)}` bytes")
        return data[: tile.width * HASH_BYTES]
    raise TileDamaged(f"tile `{tile.path()}` is missing")
