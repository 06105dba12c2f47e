"""The tree against a naive reference: RFC 6962 section 2.1 written down as it reads, recursion and all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.kernel.merkle import (
    CompactRange,
    ConsistencyRefused,
    InclusionRefused,
    MemoryReader,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_at,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from telesphor.kernel.tile import TILE_HEIGHT, Tile, hash_in_tile, new_tiles, tile_holding, tiles_for

SIZE = 70
DATA = [f"entry {number}".encode() for number in range(SIZE)]
LEAVES = [leaf_hash(data) for data in DATA]
READER = MemoryReader(LEAVES)


@cache
def mth(begin: int, end: int) -> bytes:
    """MTH(D[begin:end]), RFC 6962 section 2.1."""
    n = end - begin
    if n == 0:
        return sha256().digest()
    if n == 1:
        return sha256(b"\x00" + DATA[begin]).digest()
    k = begin + split(n)
    return sha256(b"\x01" + mth(begin, k) + mth(k, end)).digest()


def path(m: int, begin: int, end: int) -> list[bytes]:
    """PATH(m, D[begin:end]), RFC 6962 section 2.1.1."""
    n = end - begin
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return [*path(m, begin, begin + k), mth(begin + k, end)]
    return [*path(m - k, begin + k, end), mth(begin, begin + k)]


def proof(m: int, n: int) -> list[bytes]:
    """PROOF(m, D[n]), RFC 6962 section 2.1.2."""
    return subproof(m, 0, n, whole=True)


def subproof(m: int, begin: int, end: int, *, whole: bool) -> list[bytes]:
    n = end - begin
    if m == n:
        return [] if whole else [mth(begin, end)]
    k = split(n)
    if m <= k:
        return [*subproof(m, begin, begin + k, whole=whole), mth(begin + k, end)]
    return [*subproof(m - k, begin + k, end, whole=False), mth(begin, begin + k)]


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mutations(proof: list[bytes]) -> Iterator[list[bytes]]:
    """Every way to change a proof in one place."""
    for at, hash_ in enumerate(proof):
        yield [*proof[:at], *proof[at + 1 :]]
        yield [*proof[:at], hash_, *proof[at:]]
        yield [*proof[:at], bytes([hash_[0] ^ 1]) + hash_[1:], *proof[at + 1 :]]
        yield [*proof[:at], hash_[:-1] + bytes([hash_[-1] ^ 0x80]), *proof[at + 1 :]]
        yield [*proof[:at], hash_[:-1], *proof[at + 1 :]]
        yield [*proof[:at], hash_ + b"\x00", *proof[at + 1 :]]
        if at:
            yield [*proof[: at - 1], hash_, proof[at - 1], *proof[at + 1 :]]
    for at in range(len(proof) + 1):
        yield [*proof[:at], bytes(32), *proof[at:]]


def test_every_root_is_that_of_the_reference() -> None:
    growing = CompactRange()
    for size in range(SIZE + 1):
        expected = mth(0, size)
        assert root_of(LEAVES[:size]) == root_at(size, READER) == growing.root() == expected
        if size < SIZE:
            growing.append(LEAVES[size])


def test_every_inclusion_proof_is_that_of_the_reference_and_verifies() -> None:
    for size in range(1, SIZE + 1):
        for index in range(size):
            made = inclusion_path(index, size, READER)
            assert made == path(index, 0, size)
            verify_inclusion(leaf=LEAVES[index], index=index, size=size, path=made, root=mth(0, size))


def test_every_consistency_proof_is_that_of_the_reference_and_verifies() -> None:
    for new_size in range(SIZE + 1):
        for old_size in range(new_size + 1):
            made = consistency_path(old_size, new_size, READER)
            assert made == (proof(old_size, new_size) if old_size else [])
            verify_consistency(
                old_size=old_size,
                old_root=mth(0, old_size),
                new_size=new_size,
                new_root=mth(0, new_size),
                path=made,
            )


SIZES_TO_MUTATE = [*range(1, 18), 31, 32, 33, 63, 64, 65, SIZE]


def test_no_inclusion_proof_survives_a_change() -> None:
    for size in SIZES_TO_MUTATE:
        for index in range(size):
            root = mth(0, size)
            for changed in mutations(path(index, 0, size)):
                with pytest.raises(InclusionRefused):
                    verify_inclusion(leaf=LEAVES[index], index=index, size=size, path=changed, root=root)


def test_no_inclusion_proof_serves_another_position_leaf_or_root() -> None:
    for size in SIZES_TO_MUTATE:
        for index in range(size):
            made, root = path(index, 0, size), mth(0, size)
            for other in {0, index - 1, index + 1, index ^ 1, size - 1, size, index + 64} - {index}:
                with pytest.raises(InclusionRefused):
                    verify_inclusion(leaf=LEAVES[index], index=other, size=size, path=made, root=root)
            with pytest.raises(InclusionRefused):
                verify_inclusion(leaf=root[::-1], index=index, size=size, path=made, root=root)
            with pytest.raises(InclusionRefused):
                verify_inclusion(leaf=LEAVES[index], index=index, size=size, path=made, root=root[::-1])


def test_no_consistency_proof_survives_a_change() -> None:
    sizes = [*range(1, 12), 16, 31, 32, 33, 64, SIZE]
    for new_size in sizes:
        for old_size in (size for size in sizes if size <= new_size):
            old_root, new_root = mth(0, old_size), mth(0, new_size)
            for changed in mutations(proof(old_size, new_size)):
                with pytest.raises(ConsistencyRefused):
                    verify_consistency(
                        old_size=old_size,
                        old_root=old_root,
                        new_size=new_size,
                        new_root=new_root,
                        path=changed,
                    )


def test_no_consistency_proof_hides_a_rewritten_past() -> None:
    sizes = [*range(1, 12), 16, 31, 32, 33, 64, SIZE]
    for new_size in sizes:
        for old_size in (size for size in sizes if size < new_size):
            made = proof(old_size, new_size)
            rewritten = root_of([leaf_hash(b"rewritten"), *LEAVES[1:old_size]])
            forked = root_of([*LEAVES[: old_size - 1], leaf_hash(b"forked"), *LEAVES[old_size:new_size]])
            for old_root, new_root in ((rewritten, mth(0, new_size)), (mth(0, old_size), forked)):
                with pytest.raises(ConsistencyRefused):
                    verify_consistency(
                        old_size=old_size,
                        old_root=old_root,
                        new_size=new_size,
                        new_root=new_root,
                        path=made,
                    )


@given(st.lists(st.integers(0, 25), max_size=12))
def test_extending_is_appending_one_by_one(steps: list[int]) -> None:
    extended, appended, taken = CompactRange(), CompactRange(), 0
    for step in steps:
        new = LEAVES[taken % SIZE :][:step]
        extended.extend(new)
        for leaf in new:
            appended.append(leaf)
        taken += len(new)
        assert (extended.size, extended.hashes) == (appended.size, appended.hashes)
        assert CompactRange.decode(extended.encode()).root() == appended.root()


# Tiles: beyond 256 * 256 leaves all three levels are there.

BIG = 70_000
BIG_LEAVES = [sha256(number.to_bytes(4, "big")).digest() for number in range(BIG)]
BIG_READER = MemoryReader(BIG_LEAVES)


@cache
def tile_bytes(tile: Tile) -> bytes:
    level = TILE_HEIGHT * tile.level
    first = tile.index * 256
    return b"".join(BIG_READER.subtree(level, first + at) for at in range(tile.width))


class TileReader:
    """Reads subtrees from tiles of the tree of one size, and from nothing else."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._there = set(tiles_for(size))

    def subtree(self, level: int, index: int) -> bytes:
        tile, level_in_tile, index_in_tile = tile_holding(level, index, size=self._size)
        assert tile in self._there
        return hash_in_tile(tile_bytes(tile), level_in_tile, index_in_tile)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, BIG), st.data())
def test_proofs_from_tiles_are_proofs_from_memory(size: int, data: st.DataObject) -> None:
    reader = TileReader(size)
    index, old_size = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    root = root_at(size, BIG_READER)
    assert root_at(size, reader) == root
    made = inclusion_path(index, size, reader)
    assert made == inclusion_path(index, size, BIG_READER)
    verify_inclusion(leaf=BIG_LEAVES[index], index=index, size=size, path=made, root=root)
    assert consistency_path(old_size, size, reader) == consistency_path(old_size, size, BIG_READER)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3 * 65_536), min_size=1, max_size=6).map(sorted))
def test_tiles_written_while_growing_are_all_tiles(sizes: list[int]) -> None:
    written: set[Tile] = set()
    for old_size, new_size in zip([0, *sizes], sizes, strict=False):
        step = list(new_tiles(old_size, new_size))
        assert all(old_size < tile.end <= new_size for tile in step)
        written |= set(step)
    assert written >= set(tiles_for(sizes[-1]))


@given(st.integers(0, 2**63 - 1), st.integers(0, 1000))
def test_the_tiles_to_write_are_few(size: int, growth: int) -> None:
    new_size = min(size + growth, 2**63 - 1)
    assert len(list(new_tiles(size, new_size))) <= 8 * 2 + growth // 256 + 1
