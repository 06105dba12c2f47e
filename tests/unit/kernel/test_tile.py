"""Tiles: their paths, what a tree has of them, and the hashes inside one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.merkle import leaf_hash, root_of
from telesphor.kernel.tile import (
    InvalidTile,
    Tile,
    hash_in_tile,
    new_tiles,
    parse_entries_path,
    parse_tile_path,
    tile_holding,
    tiles_for,
)

LEAVES = [leaf_hash(bytes([number])) for number in range(256)]
FULL = b"".join(LEAVES)


def test_path_is_that_of_the_specifications_example() -> None:
    assert Tile(0, 1_234_067).path() == "tile/0/x001/x234/067"


def test_tree_of_70000_has_the_specifications_tiles() -> None:
    tiles = list(tiles_for(70_000))
    assert len([tile for tile in tiles if tile.level == 0 and tile.is_full]) == 273
    assert [tile for tile in tiles if not tile.is_full] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [tile for tile in tiles if tile.level == 1 and tile.is_full] == [Tile(1, 0)]


def test_tree_of_256_has_a_full_tile_and_a_tile_of_one_above() -> None:
    assert list(tiles_for(256)) == [Tile(0, 0), Tile(1, 0, 1)]


def test_empty_tree_has_no_tiles_and_a_tree_that_stays_has_no_new_ones() -> None:
    assert not list(tiles_for(0))
    assert not list(new_tiles(300, 300))


def test_growing_rewrites_what_was_partial() -> None:
    assert list(new_tiles(255, 257)) == [Tile(0, 0), Tile(0, 1, 1), Tile(1, 0, 1)]
    assert list(new_tiles(257, 258)) == [Tile(0, 1, 2)]


def test_tile_knows_the_leaves_under_it() -> None:
    tile = Tile(1, 2, 3)
    assert (tile.start, tile.end) == (2 * 65_536, 2 * 65_536 + 3 * 256)


@given(st.integers(0, 4), st.integers(0, 10**6), st.integers(1, 256))
def test_path_survives_being_written_and_read(level: int, index: int, width: int) -> None:
    assert parse_tile_path(Tile(level, index, width).path()) == Tile(level, index, width)
    assert parse_entries_path(Tile(0, index, width).entries_path()) == Tile(0, index, width)


@pytest.mark.parametrize(
    "path",
    ["tile/0/000", "tile/entries/0", "tile/entries/x000/001", "tile/entries/000.p/256", "", "x" * 1000],
)
def test_path_that_is_not_of_an_entry_bundle_is_refused(path: str) -> None:
    with pytest.raises(InvalidTile) as caught:
        parse_entries_path(path)
    assert caught.value.code == "invalid-tile"


def test_tile_above_the_leaves_has_no_entries() -> None:
    with pytest.raises(InvalidTile):
        Tile(1, 0).entries_path()


@pytest.mark.parametrize("numbers", [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257), (7, 0, 128)])
def test_tile_that_no_tree_has_cannot_be_made(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidTile):
        Tile(*numbers)


@pytest.mark.parametrize("level", range(9))
def test_subtree_of_a_tile_is_the_tree_over_its_hashes(level: int) -> None:
    for index in range(256 >> level):
        expected = root_of(LEAVES[index << level : (index + 1) << level])
        assert hash_in_tile(FULL, level, index) == expected


@pytest.mark.parametrize(("level", "index"), [(0, 256), (8, 1), (9, 0), (-1, 0), (0, -1), (3, -1), (7, 2)])
def test_subtree_outside_the_tile_is_refused(level: int, index: int) -> None:
    with pytest.raises(InvalidTile):
        hash_in_tile(FULL, level, index)


def test_subtree_that_a_partial_tile_does_not_hold_whole_is_refused() -> None:
    assert hash_in_tile(FULL[: 32 * 6], 1, 2) == root_of(LEAVES[4:6])
    for level, index in ((2, 1), (1, 3), (0, 6)):
        with pytest.raises(InvalidTile):
            hash_in_tile(FULL[: 32 * 6], level, index)


def test_subtree_is_found_in_the_tile_of_the_trees_width() -> None:
    assert tile_holding(0, 300, size=70_000) == (Tile(0, 1), 0, 44)
    assert tile_holding(0, 69_999, size=70_000) == (Tile(0, 273, 112), 0, 111)
    assert tile_holding(8, 272, size=70_000) == (Tile(1, 1, 17), 0, 16)
    assert tile_holding(12, 16, size=70_000) == (Tile(1, 1, 17), 4, 0)
    assert tile_holding(16, 0, size=70_000) == (Tile(2, 0, 1), 0, 0)


@pytest.mark.parametrize(("level", "index"), [(0, 70_000), (16, 1), (17, 0), (-1, 0), (0, -1)])
def test_subtree_that_is_not_complete_is_in_no_tile(level: int, index: int) -> None:
    with pytest.raises(InvalidTile):
        tile_holding(level, index, size=70_000)


def test_shrinking_tree_has_no_new_tiles() -> None:
    for old_size, new_size in ((2, 1), (-1, 1), (0, 2**63)):
        with pytest.raises(InvalidTile):
            list(new_tiles(old_size, new_size))
