"""The Merkle tree of RFC 6962 (SHA-256): roots, proofs and their verification.

A leaf's hash is SHA-256(0x00 || entry), a node's SHA-256(0x01 || left || right); the two never collide.
Verification follows RFC 9162, sections 2.1.3.2 (inclusion) and 2.1.4.2 (consistency), step by step; proofs
are those of RFC 6962 sections 2.1.1 and 2.1.2, made from the hashes of complete subtrees, which never
change once written.

INVARIANT: nothing here recurses or loops more than 64 times for one proof, whatever it is given.

Start at `verify_inclusion`; writers start at `CompactRange`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

from telesphor.kernel.errors import Kind, TelesphorError

HASH_BYTES = 32
SIZE_MAX = 2**63 - 1
"""Largest tree: sizes fit a signed 64-bit integer everywhere (C2SP tlog-checkpoint)."""

EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without entries (RFC 6962 section 2.1)."""


class InclusionRefused(TelesphorError):
    """The proof does not show that the leaf stands at this index of the tree with this root."""

    code = "inclusion-refused"
    kind = Kind.INVALID


class ConsistencyRefused(TelesphorError):
    """The proof does not show that the newer tree only added to the older one."""

    code = "consistency-refused"
    kind = Kind.INVALID


class InvalidTree(TelesphorError):
    """A size, an index or a compact range that no tree has."""

    code = "invalid-tree"
    kind = Kind.INVALID


def leaf_hash(data: bytes) -> bytes:
    """Hash of an entry as a leaf (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Root of the tree over these leaf hashes, in order."""
    if not leaf_hashes:
        return EMPTY_ROOT
    row = list(leaf_hashes)
    while len(row) > 1:
        row = _pair(row) + row[len(row) & ~1 :]  # a last one without a partner moves up as it is
    return row[0]


def verify_inclusion(*, leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf hash stands at `index` in the tree of `size` leaves (RFC 9162 section 2.1.3.2).

    Args:
        leaf: 32-byte leaf hash.
        index: position of the leaf, from 0.
        size: how many leaves the tree has.
        path: 32-byte hashes, from the leaf's sibling upwards.
        root: 32-byte root of that tree.

    Raises:
        InclusionRefused: it is not shown.
    """
    # 1. The index lies in the tree.
    if not 0 <= index < size <= SIZE_MAX:
        raise InclusionRefused(f"the tree of size {size} has no position {index}")
    if len(leaf) != HASH_BYTES:
        raise InclusionRefused("the leaf hash does not have 32 bytes")
    # 2, 3. Walk up from the leaf.
    node, last, current = index, size - 1, leaf
    # 4. Take each hash of the path to the side it belongs on.
    for sibling in path:
        if last == 0:
            raise InclusionRefused("the proof is too long for the tree")
        if len(sibling) != HASH_BYTES:
            raise InclusionRefused("a hash of the proof does not have 32 bytes")
        if node & 1 or node == last:
            current = sha256(b"\x01" + sibling + current).digest()
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            current = sha256(b"\x01" + current + sibling).digest()
        node >>= 1
        last >>= 1
    # 5. The walk ends at the root, and nowhere below.
    if last:
        raise InclusionRefused("the proof is too short for the tree")
    if current != root:
        raise InclusionRefused("the proof leads to another root")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the new tree begins with exactly the old one's leaves (RFC 9162 section 2.1.4.2).

    A tree is consistent with itself by the empty proof, and every tree is with the empty one.

    Raises:
        ConsistencyRefused: it is not shown.
    """
    if not 0 <= old_size <= new_size <= SIZE_MAX:
        raise ConsistencyRefused(f"a tree does not grow from size {old_size} to size {new_size}")
    if any(len(sibling) != HASH_BYTES for sibling in path):
        raise ConsistencyRefused("a hash of the proof does not have 32 bytes")
    if old_size == 0 or old_size == new_size:
        _verify_without_path(old_size, old_root, new_size, new_root, path)
        return
    # 1. Between two different trees there is always something to show.
    if not path:
        raise ConsistencyRefused("the proof is too short for the trees")
    # 2. A complete old tree is the first hash, and not repeated in the path.
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else path
    # 3 to 6. Rebuild both roots at once.
    old_hash, new_hash = _rebuild_both_roots(old_size, new_size, hashes)
    # 7. Both are the roots that were claimed.
    if old_hash != old_root:
        raise ConsistencyRefused("the proof leads to another old root")
    if new_hash != new_root:
        raise ConsistencyRefused("the proof leads to another new root")


def _rebuild_both_roots(old_size: int, new_size: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes]:
    # 3, 4. Begin at the largest complete subtree that ends where the old tree ends.
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node >>= 1
        last >>= 1
    # 5. Its hash is the first.
    old_hash = new_hash = hashes[0]
    # 6. Take each further hash to the side it belongs on.
    for sibling in hashes[1:]:
        if last == 0:
            raise ConsistencyRefused("the proof is too long for the trees")
        if node & 1 or node == last:
            old_hash = sha256(b"\x01" + sibling + old_hash).digest()
            new_hash = sha256(b"\x01" + sibling + new_hash).digest()
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new_hash = sha256(b"\x01" + new_hash + sibling).digest()
        node >>= 1
        last >>= 1
    if last:
        raise ConsistencyRefused("the proof is too short for the trees")
    return old_hash, new_hash


def _verify_without_path(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    if path:
        raise ConsistencyRefused("the proof is too long for the trees")
    if (old_size == 0 and old_root != EMPTY_ROOT) or (new_size == 0 and new_root != EMPTY_ROOT):
        raise ConsistencyRefused("the root of the empty tree is another one")
    if old_size == new_size and old_root != new_root:
        raise ConsistencyRefused("two trees of one size have different roots")


class CompactRange:
    """What a writer keeps of a tree to go on: the roots of its complete subtrees, at most 63 hashes.

    Args:
        size: how many leaves there are.
        hashes: roots of the complete subtrees, the largest (leftmost) first: one for each 1 bit of `size`.

    Raises:
        InvalidTree: the number of hashes does not fit the size.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if not 0 <= size <= SIZE_MAX:
            raise InvalidTree(f"a tree cannot have {size} leaves")
        if [len(peak) for peak in hashes] != [HASH_BYTES] * size.bit_count():
            raise InvalidTree(f"the hashes are not the {size.bit_count()} subtree roots of size {size}")
        self._size = size
        self._hashes = list(hashes)

    @property
    def size(self) -> int:
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        return tuple(self._hashes)

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf hash at the end."""
        current, size = leaf_hash, self._size
        while size & 1:
            current = sha256(b"\x01" + self._hashes.pop() + current).digest()
            size >>= 1
        self._hashes.append(current)
        self._size += 1

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        """Add many leaf hashes at the end; the same as appending each, and faster."""
        row, size, tail = list(leaf_hashes), self._size, []
        self._size += len(row)
        while row:
            if size & 1:
                row.insert(0, self._hashes.pop())
            if len(row) & 1:
                tail.append(row.pop())
            row = _pair(row)
            size >>= 1
        # What is left of the old hashes belongs to larger subtrees than any that were touched.
        self._hashes.extend(reversed(tail))

    def root(self) -> bytes:
        """Root of the tree (RFC 6962 section 2.1)."""
        return _fold_right(self._hashes) if self._hashes else EMPTY_ROOT

    def copy(self) -> CompactRange:
        return CompactRange(self._size, self._hashes)

    def encode(self) -> bytes:
        """The size as 8 bytes, big-endian, and the hashes."""
        return self._size.to_bytes(8, "big") + b"".join(self._hashes)

    @classmethod
    def decode(cls, data: bytes) -> CompactRange:
        """The range that `encode` wrote.

        Raises:
            InvalidTree: anything else.
        """
        body = data[8:]
        if len(data) < 8 or len(body) % HASH_BYTES:
            raise InvalidTree("a compact range is 8 bytes and whole hashes")
        hashes = [body[at : at + HASH_BYTES] for at in range(0, len(body), HASH_BYTES)]
        return cls(int.from_bytes(data[:8], "big"), hashes)


class HashReader(Protocol):
    """Where proofs read the hashes of complete subtrees; tiles are one (`tile.py`)."""

    def subtree(self, level: int, index: int) -> bytes:
        """Root of the `index`-th complete subtree of 2^level leaves: leaves index * 2^level and on."""
        ...


class MemoryReader:
    """All complete subtrees of a list of leaf hashes, in memory."""

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        self._levels = [list(leaf_hashes)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_pair(self._levels[-1]))

    def subtree(self, level: int, index: int) -> bytes:
        if not (0 <= level < len(self._levels) and 0 <= index < len(self._levels[level])):
            raise InvalidTree(f"there is no complete subtree {index} of level {level}")
        return self._levels[level][index]


def root_at(size: int, reader: HashReader) -> bytes:
    """Root of the tree as it was with `size` leaves."""
    _check_size(size)
    return _range_root(0, size, reader) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, reader: HashReader) -> list[bytes]:
    """The inclusion proof of one leaf, from its sibling upwards (RFC 6962 section 2.1.1).

    Raises:
        InvalidTree: the tree of that size has no such position.
    """
    _check_size(size)
    if not 0 <= index < size:
        raise InvalidTree(f"the tree of size {size} has no position {index}")
    return _siblings_above(0, index, size, reader)


def consistency_path(old_size: int, new_size: int, reader: HashReader) -> list[bytes]:
    """The proof that the tree of `new_size` only added to that of `old_size` (RFC 6962 section 2.1.2).

    It is empty when the sizes are equal and when the old tree is empty.

    Raises:
        InvalidTree: the sizes are in the wrong order.
    """
    _check_size(new_size)
    if not 0 <= old_size <= new_size:
        raise InvalidTree(f"a tree does not grow from size {old_size} to size {new_size}")
    if old_size in (0, new_size):
        return []
    # The largest complete subtree that ends where the old tree ends.
    level = (old_size & -old_size).bit_length() - 1
    node = (old_size - 1) >> level
    first = [reader.subtree(level, node)] if node else []  # node 0 is the whole old tree, known by its root
    return first + _siblings_above(level, node, new_size, reader)


def _siblings_above(level: int, node: int, size: int, reader: HashReader) -> list[bytes]:
    """Hashes beside the way from a node to the root of the tree of `size` leaves."""
    siblings = []
    last = (size - 1) >> level
    while last:
        sibling = node ^ 1
        if sibling < last:
            siblings.append(reader.subtree(level, sibling))
        elif sibling == last:  # at the right edge, perhaps not complete
            siblings.append(_range_root(sibling << level, size, reader))
        level, node, last = level + 1, node >> 1, last >> 1
    return siblings


def _range_root(begin: int, end: int, reader: HashReader) -> bytes:
    """Root over the leaves begin to end - 1; a power of two >= end - begin divides `begin`."""
    roots = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        roots.append(reader.subtree(level, begin >> level))
        begin += 1 << level
    return _fold_right(roots)


def _fold_right(roots: Sequence[bytes]) -> bytes:
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = sha256(b"\x01" + left + root).digest()
    return root


def _pair(row: list[bytes]) -> list[bytes]:
    """The row above; a last hash without a partner is left out."""
    rows = iter(row)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(rows, rows, strict=False)]


def _check_size(size: int) -> None:
    if not 0 <= size <= SIZE_MAX:
        raise InvalidTree(f"a tree cannot have {size} leaves")
