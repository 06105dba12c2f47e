"""The trie of a block's transactions, built to find its root and the way to one of them.

The keys are the RLP of the indices, the values the raw transactions (Yellow Paper, appendix D). A block of a
thousand transactions has about as many nodes, so they are hashed level by level, all of one depth at once.

Start at `prove_transaction`; `kernel/chains/trie.py` verifies what it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from telesphor.kernel.chains.keccak import DIGEST_BYTES, keccak256, keccak256_many
from telesphor.kernel.chains.rlp import Encodable, encode_rlp
from telesphor.kernel.chains.trie import nibbles_of

EMPTY_ROOT: Final = keccak256(encode_rlp(b""))
VALUE_BYTES_MIN: Final = DIGEST_BYTES
"""No node of so long a value fits into its parent, so every node has a hash. Real transactions are longer."""

_Entry = tuple[bytes, bytes]
"""What is left of a key, as nibbles, and its value."""


@dataclass
class _Node:
    """A leaf (a value), an extension (one child under the key -1) or a branch (a child for each nibble)."""

    steps: bytes
    value: bytes | None = None
    children: dict[int, _Node] = field(default_factory=dict)
    encoded: bytes = b""
    digest: bytes = b""


def prove_transaction(transactions: Sequence[bytes], index: int) -> tuple[bytes, tuple[bytes, ...]]:
    """The root over all raw transactions, and the RLP nodes from it to the one at `index`.

    Raises:
        ValueError: there is no such index, or a transaction is shorter than any that exists.
    """
    if not 0 <= index < len(transactions):
        raise ValueError("there is no transaction of this index")
    if any(len(transaction) < VALUE_BYTES_MIN for transaction in transactions):
        raise ValueError("a transaction is too short to be one")
    entries = sorted((nibbles_of(encode_rlp(at)), value) for at, value in enumerate(transactions))
    root, levels = _build(entries)
    for level in reversed(levels):
        _hash_level(level)
    return root.digest, tuple(_way_to(root, nibbles_of(encode_rlp(index))))


def _build(entries: list[_Entry]) -> tuple[_Node, list[list[_Node]]]:
    """The root, and all nodes by depth."""
    root = _Node(b"")
    levels: list[list[_Node]] = []
    waiting = [(root, entries)]
    while waiting:
        levels.append([node for node, _ in waiting])
        waiting = [below for node, group in waiting for below in _fill(node, group)]
    return root, levels


def _fill(node: _Node, entries: list[_Entry]) -> list[tuple[_Node, list[_Entry]]]:
    """Make the node over these entries (sorted, at least one); returns its children with theirs."""
    first, last = entries[0][0], entries[-1][0]
    if len(entries) == 1:
        node.steps, node.value = first, entries[0][1]
        return []
    shared = next(at for at in range(len(first)) if first[at] != last[at])
    if shared:
        node.steps, node.children = first[:shared], {-1: _Node(b"")}
        return [(node.children[-1], [(key[shared:], value) for key, value in entries])]
    groups: dict[int, list[_Entry]] = {}
    for key, value in entries:
        groups.setdefault(key[0], []).append((key[1:], value))
    node.children = {nibble: _Node(b"") for nibble in groups}
    return [(node.children[nibble], group) for nibble, group in groups.items()]


def _hash_level(level: list[_Node]) -> None:
    for node in level:
        node.encoded = encode_rlp(_items(node))
    for node, digest in zip(level, keccak256_many([node.encoded for node in level]), strict=True):
        node.digest = digest


def _items(node: _Node) -> list[Encodable]:
    if node.value is not None:
        return [_pack(node.steps, is_leaf=True), node.value]
    if -1 in node.children:
        return [_pack(node.steps, is_leaf=False), node.children[-1].digest]
    branch: list[Encodable] = [b""] * 17
    for nibble, child in node.children.items():
        branch[nibble] = child.digest
    return branch


def _pack(steps: bytes, *, is_leaf: bool) -> bytes:
    """Hex-prefix encoding (Yellow Paper, appendix C)."""
    sign = (2 if is_leaf else 0) + len(steps) % 2
    halves = (sign, *steps) if len(steps) % 2 else (sign, 0, *steps)
    return bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2], strict=True))


def _way_to(root: _Node, key: bytes) -> list[bytes]:
    node, way = root, [root.encoded]
    while node.value is None:
        if -1 in node.children:
            node, key = node.children[-1], key[len(node.steps) :]
        else:
            node, key = node.children[key[0]], key[1:]
        way.append(node.encoded)
    return way
