"""The growing edge of the tree gives the tiles and the root of RFC 6962, whatever the steps."""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path

import pytest

from telesphor.kernel.merkle import HASH_BYTES, MemoryReader, leaf_hash, root_of
from telesphor.kernel.tile import TILE_WIDTH, Tile, tiles_for
from telesphor.ledger.tiles import TileDamaged, TileReader, TreeEdge, read_tile
from telesphor.runtime.blobs import Blobs, open_blobs

SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 1_000, 65_535, 65_536, 65_537, 65_792, 66_000]
LEAVES = [leaf_hash(str(i).encode()) for i in range(SIZES[-1])]


@pytest.fixture
def public(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path)


def grow(edge: TreeEdge, size: int, *, step: int = 5_000) -> dict[Tile, bytes]:
    tiles: dict[Tile, bytes] = {}
    while edge.size < size:
        tiles.update(edge.extend(LEAVES[edge.size : min(size, edge.size + step)]))
    return tiles


def expected_tile(tile: Tile, reader: MemoryReader) -> bytes:
    first = tile.index * TILE_WIDTH
    return b"".join(reader.subtree(8 * tile.level, first + i) for i in range(tile.width))


@pytest.mark.parametrize("size", SIZES)
def test_full_and_partial_tiles_are_exactly_those_of_the_tree(size: int) -> None:
    edge = TreeEdge()
    tiles = grow(edge, size)
    tiles.update(edge.partial_tiles())
    reader = MemoryReader(LEAVES[:size])
    assert set(tiles) == set(tiles_for(size))
    assert all(data == expected_tile(tile, reader) for tile, data in tiles.items())
    assert edge.root() == root_of(LEAVES[:size])


def test_steps_do_not_matter() -> None:
    chance = random.Random(7)
    for _ in range(20):
        size = chance.randrange(1, 3_000)
        edge, tiles = TreeEdge(), {}
        while edge.size < size:
            tiles.update(grow(edge, min(size, edge.size + chance.choice([1, 3, 255, 256, 257, 900]))))
        assert edge.root() == root_of(LEAVES[:size])
        assert set(tiles) == {tile for tile in tiles_for(size) if tile.is_full}


def test_nothing_in_is_nothing_out() -> None:
    assert list(TreeEdge().extend([])) == []


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1_000, 65_536, 65_792, 66_000])
def test_edge_loads_from_its_tiles_and_goes_on(public: Blobs, size: int) -> None:
    edge = TreeEdge()
    grow(edge, size)
    for tile, data in edge.partial_tiles():
        public.put(tile.path(), data, durable=False)
    loaded = TreeEdge.load(public, size)
    assert loaded.root() == edge.root()
    more = LEAVES[:300]
    assert list(loaded.extend(more)) == list(edge.extend(more))
    assert loaded.root() == edge.root() == root_of(LEAVES[:size] + more)


def put_tree(public: Blobs, size: int) -> None:
    edge = TreeEdge()
    for tile, data in {**grow(edge, size), **dict(edge.partial_tiles())}.items():
        public.put(tile.path(), data, durable=False)


def test_reader_finds_every_complete_subtree(public: Blobs) -> None:
    put_tree(public, 1_000)
    reader, memory = TileReader(public, 1_000), MemoryReader(LEAVES[:1_000])
    for level in range(10):
        for index in range(1_000 >> level):
            assert reader.subtree(level, index) == memory.subtree(level, index)


def test_partial_tile_that_is_gone_is_read_from_the_full_one(public: Blobs) -> None:
    put_tree(public, 512)
    assert read_tile(public, Tile(0, 1, 44)) == b"".join(LEAVES[256:300])


def test_missing_tile_is_refused_by_its_path(public: Blobs) -> None:
    with pytest.raises(TileDamaged, match=r"tile `tile/0/001\.p/44` is missing"):
        read_tile(public, Tile(0, 1, 44))
    with pytest.raises(TileDamaged):
        TreeEdge.load(public, 300)


@pytest.mark.parametrize("length", [0, 1, 43 * HASH_BYTES, 45 * HASH_BYTES])
def test_tile_of_a_wrong_length_is_refused(public: Blobs, length: int) -> None:
    public.put(Tile(0, 1, 44).path(), bytes(length))
    with pytest.raises(TileDamaged, match=f"has `{length}` bytes"):
        read_tile(public, Tile(0, 1, 44))


def test_edge_refuses_a_subtree_that_it_does_not_hold() -> None:
    edge = TreeEdge()
    grow(edge, 300)
    with pytest.raises(TileDamaged):
        edge.subtree(0, 0)


def test_leaves_are_hashed_as_rfc_6962_says() -> None:
    assert leaf_hash(b"0") == sha256(b"\x000").digest() == LEAVES[0]
