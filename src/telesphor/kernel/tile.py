"""Tiles: how the tree is cut into files (C2SP tlog-tiles).

A hash tile holds up to 256 consecutive hashes of one row of the tree: level 0 the leaf hashes, level L the
roots of complete subtrees of 256^L leaves. A full tile never changes; the last tile of each level is
partial and named with its width. An entry bundle is named in the same way under `tile/entries/`.

INVARIANT: `parse_tile_path(tile.path()) == tile`, and no other text is a tile's path.

Start at `Tile` and `new_tiles`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.merkle import HASH_BYTES, SIZE_MAX

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
"""Hashes in a full tile (C2SP tlog-tiles): 8,192 bytes."""
TILE_LEVEL_MAX = 63
"""The highest level that C2SP tlog-tiles names; trees below 2^63 leaves need no more than 7."""
TILE_PATH_CHARS_MAX = 64
"""No tile of a tree below 2^63 leaves has a longer path."""

_INDEX = r"(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
_TILE = re.compile(r"tile/(?P<level>0|[1-9][0-9]?)/" + _INDEX)
_ENTRIES = re.compile(r"tile/entries/" + _INDEX)


class InvalidTile(TelesphorError):
    """A path, an address or bytes that no tile has."""

    code = "invalid-tile"
    kind = Kind.INVALID


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Address of a tile: its level, its index in the level, and how many hashes it holds (1 to 256)."""

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not (0 <= self.level <= TILE_LEVEL_MAX and self.index >= 0 and 1 <= self.width <= TILE_WIDTH):
            raise InvalidTile(f"there is no tile {self.index} of level {self.level}, {self.width} wide")
        if self.end > SIZE_MAX:
            raise InvalidTile(f"tile {self.index} of level {self.level} lies beyond the largest tree")

    @property
    def start(self) -> int:
        """Position of the first leaf under this tile."""
        return self.index << (TILE_HEIGHT * (self.level + 1))

    @property
    def end(self) -> int:
        """Position after the last leaf under this tile: the smallest tree that has it."""
        return (self.index * TILE_WIDTH + self.width) << (TILE_HEIGHT * self.level)

    @property
    def is_full(self) -> bool:
        return self.width == TILE_WIDTH

    def path(self) -> str:
        """Path of the hash tile, such as `tile/0/x001/234` or `tile/0/x001/234.p/17`."""
        return f"tile/{self.level}/{self._index_text()}"

    def entries_path(self) -> str:
        """Path of the entry bundle under a tile of level 0.

        Raises:
            InvalidTile: a tile of another level has no entries of its own.
        """
        if self.level != 0:
            raise InvalidTile(f"a tile of level {self.level} has no entry bundle")
        return f"tile/entries/{self._index_text()}"

    def _index_text(self) -> str:
        rest, last = divmod(self.index, 1000)
        text = f"{last:03d}"
        while rest:
            rest, group = divmod(rest, 1000)
            text = f"x{group:03d}/{text}"
        return text if self.is_full else f"{text}.p/{self.width}"


def parse_tile_path(text: str) -> Tile:
    """The tile that a hash tile's path names.

    Raises:
        InvalidTile: any text but the one path of a tile.
    """
    match = _TILE.fullmatch(text) if len(text) <= TILE_PATH_CHARS_MAX else None
    if match is None:
        raise InvalidTile("the path is not that of a tile")
    return _checked(_tile_of(int(match["level"]), match), text, entries=False)


def parse_entries_path(text: str) -> Tile:
    """The level 0 tile whose entry bundle the path names.

    Raises:
        InvalidTile: any text but the one path of an entry bundle.
    """
    match = _ENTRIES.fullmatch(text) if len(text) <= TILE_PATH_CHARS_MAX else None
    if match is None:
        raise InvalidTile("the path is not that of an entry bundle")
    return _checked(_tile_of(0, match), text, entries=True)


def tiles_for(size: int) -> Iterator[Tile]:
    """All tiles of the tree with `size` leaves, partial ones among them, level by level."""
    return new_tiles(0, size)


def new_tiles(old_size: int, new_size: int) -> Iterator[Tile]:
    """The tiles to write when a tree grows: of each level, whatever was partial or not there before."""
    if not 0 <= old_size <= new_size <= SIZE_MAX:
        raise InvalidTile(f"a tree does not grow from size {old_size} to size {new_size}")
    level, old, new = 0, old_size, new_size
    while new > old:
        for index in range(old // TILE_WIDTH, (new - 1) // TILE_WIDTH + 1):
            yield Tile(level, index, min(TILE_WIDTH, new - index * TILE_WIDTH))
        level, old, new = level + 1, old >> TILE_HEIGHT, new >> TILE_HEIGHT


def tile_holding(level: int, index: int, *, size: int) -> tuple[Tile, int, int]:
    """Where the tree of `size` leaves keeps its `index`-th complete subtree of 2^level leaves.

    Returns:
        The tile, and the subtree's level and index within it, as `hash_in_tile` takes them.

    Raises:
        InvalidTile: the tree has no such complete subtree.
    """
    if not (level >= 0 and index >= 0 and (index + 1) << level <= size <= SIZE_MAX):
        raise InvalidTile(f"a tree of size {size} has no complete subtree {index} of level {level}")
    tile_level, level_in_tile = divmod(level, TILE_HEIGHT)
    first = index << level_in_tile
    tile_index = first // TILE_WIDTH
    row = size >> (TILE_HEIGHT * tile_level)
    tile = Tile(tile_level, tile_index, min(TILE_WIDTH, row - tile_index * TILE_WIDTH))
    return tile, level_in_tile, (first % TILE_WIDTH) >> level_in_tile


def hash_in_tile(tile_bytes: bytes, level_in_tile: int, index_in_tile: int) -> bytes:
    """Root of a complete subtree within one tile.

    Args:
        tile_bytes: the tile's hashes, 32 bytes each.
        level_in_tile: 0 for one of the tile's own hashes, to 8 for the root of a full tile.
        index_in_tile: which subtree of that level, from 0.

    Raises:
        InvalidTile: the tile does not hold that subtree whole.
    """
    start = (index_in_tile * HASH_BYTES) << level_in_tile if 0 <= level_in_tile <= TILE_HEIGHT else -1
    end = start + (HASH_BYTES << level_in_tile) if start >= 0 else -1
    if not 0 <= start < end <= len(tile_bytes):
        raise InvalidTile(f"the tile does not hold subtree {index_in_tile} of level {level_in_tile}")
    row = tile_bytes[start:end]
    for _ in range(level_in_tile):
        row = b"".join([sha256(b"\x01" + row[at : at + 64]).digest() for at in range(0, len(row), 64)])
    return row


def _tile_of(level: int, match: re.Match[str]) -> Tile:
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = int(match["width"]) if match["width"] else TILE_WIDTH
    return Tile(level, index, width)


def _checked(tile: Tile, text: str, *, entries: bool) -> Tile:
    # Leading groups of zeros and a full tile's width written out match the pattern, but are not the one path.
    if (tile.entries_path() if entries else tile.path()) != text:
        raise InvalidTile("the path is not the one spelling of a tile's path")
    return tile
