"""The tree: what it keeps, what it refuses; proofs are held to a reference in `tests/properties`."""

from __future__ import annotations

import time

import pytest

from telesphor.kernel.merkle import (
    EMPTY_ROOT,
    SIZE_MAX,
    CompactRange,
    InvalidTree,
    MemoryReader,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_at,
    root_of,
    verify_inclusion,
)

LEAVES = [leaf_hash(bytes([number])) for number in range(11)]


def test_leaf_and_node_of_the_same_bytes_differ() -> None:
    left, right = LEAVES[:2]
    assert node_hash(left, right) != leaf_hash(left + right)


def test_tree_of_one_is_its_leaf() -> None:
    assert root_of(LEAVES[:1]) == LEAVES[0]
    verify_inclusion(leaf=LEAVES[0], index=0, size=1, path=[], root=LEAVES[0])


def test_empty_tree_has_the_empty_root() -> None:
    assert root_of([]) == CompactRange().root() == root_at(0, MemoryReader([])) == EMPTY_ROOT


def test_compact_range_keeps_one_hash_for_each_bit_of_its_size() -> None:
    tree = CompactRange()
    tree.extend(LEAVES)
    assert tree.size == 11
    assert tree.hashes == (root_of(LEAVES[:8]), root_of(LEAVES[8:10]), LEAVES[10])


def test_compact_range_survives_being_stored() -> None:
    tree = CompactRange()
    for leaf in LEAVES:
        stored = CompactRange.decode(tree.encode())
        assert (stored.size, stored.hashes, stored.root()) == (tree.size, tree.hashes, tree.root())
        tree.append(leaf)


def test_copy_goes_its_own_way() -> None:
    tree = CompactRange()
    tree.extend(LEAVES[:5])
    copy = tree.copy()
    copy.append(LEAVES[5])
    assert (tree.size, tree.root()) == (5, root_of(LEAVES[:5]))
    assert (copy.size, copy.root()) == (6, root_of(LEAVES[:6]))


def test_extending_leaves_the_given_list_alone() -> None:
    given = LEAVES[:7]
    CompactRange().extend(given)
    assert given == LEAVES[:7]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        bytes(8) + bytes(32),
        (1).to_bytes(8, "big"),
        (3).to_bytes(8, "big") + bytes(32),
        (1).to_bytes(8, "big") + bytes(33),
        (2**63).to_bytes(8, "big") + bytes(32),
    ],
)
def test_bytes_that_are_not_a_compact_range_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidTree) as caught:
        CompactRange.decode(data)
    assert caught.value.code == "invalid-tree"


def test_position_outside_the_tree_has_no_proof() -> None:
    reader = MemoryReader(LEAVES)
    for index, size in ((11, 11), (-1, 11), (0, 0), (0, SIZE_MAX + 1)):
        with pytest.raises(InvalidTree):
            inclusion_path(index, size, reader)


def test_shrinking_tree_has_no_proof() -> None:
    reader = MemoryReader(LEAVES)
    for old_size, new_size in ((11, 10), (-1, 10), (0, SIZE_MAX + 1)):
        with pytest.raises(InvalidTree):
            consistency_path(old_size, new_size, reader)


def test_reader_has_complete_subtrees_only() -> None:
    reader = MemoryReader(LEAVES)
    assert reader.subtree(1, 4) == node_hash(LEAVES[8], LEAVES[9])
    for level, index in ((1, 5), (0, 11), (4, 0), (-1, 0), (0, -1)):
        with pytest.raises(InvalidTree):
            reader.subtree(level, index)


def test_ten_thousand_leaves_are_added_in_no_time() -> None:
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(10_000)]
    fastest_seconds = 1.0
    for _ in range(5):
        started = time.perf_counter()
        CompactRange().extend(leaves)
        fastest_seconds = min(fastest_seconds, time.perf_counter() - started)
    assert fastest_seconds < 0.1  # a tenth of what an idle machine does
