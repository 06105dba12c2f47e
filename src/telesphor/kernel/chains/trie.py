"""Inclusion in a Merkle-Patricia trie (Yellow Paper, appendix D): that a key of a root has exactly this value.

Made for the trie of a block's transactions, whose keys are RLP numbers: none is the beginning of another, and
every value is longer than 32 bytes. So in an honest trie no branch holds a value and no node on the way is
embedded in its parent, and both are refused here: there is one reading of a proof, not several.

Start at `verify_trie_inclusion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from telesphor.kernel.chains.anchor import AnchorRefused
from telesphor.kernel.chains.keccak import DIGEST_BYTES
from telesphor.kernel.chains.rlp import Item, byte_string, decode_rlp

BRANCH_ITEMS: Final = 17
PATH_ITEMS: Final = 2

_ODD: Final = 1
_LEAF: Final = 2


class TrieProofRefused(AnchorRefused):
    """The nodes do not show that the trie of this root has this value under this key."""

    code = "trie-proof-refused"


def verify_trie_inclusion(
    *, root: bytes, key: bytes, value: bytes, nodes: Sequence[bytes], hashes: Sequence[bytes]
) -> None:
    """Check that `value` stands under `key` in the trie of `root`.

    Args:
        nodes: RLP of the nodes on the way, from the root to the leaf, each exactly once.
        hashes: the Keccak-256 digests of `nodes`, computed by the caller (many at once are quicker).

    Raises:
        TrieProofRefused: it is not shown.
        RlpRefused: a node is not canonical RLP.
    """
    wanted, rest = root, nibbles_of(key)
    for at, (node, digest) in enumerate(zip(nodes, hashes, strict=True)):
        # 1. Each node is the one that its parent names, the first the one that the root names.
        if digest != wanted:
            raise TrieProofRefused(f"node `{at}` of the trie proof is not the one that the way leads to")
        # 2. A branch or an extension leads on; a leaf ends the way with the value.
        child, rest, is_leaf = _step(decode_rlp(node), rest)
        if is_leaf:
            if at != len(nodes) - 1:
                raise TrieProofRefused("the trie proof has nodes after its leaf")
            if child != value:
                raise TrieProofRefused("the leaf of the trie proof holds another transaction")
            return
        wanted = child
    raise TrieProofRefused("the trie proof ends before a leaf")


def nibbles_of(key: bytes) -> bytes:
    """Each half byte of the key as one byte, the upper half first."""
    return bytes(half for byte in key for half in (byte >> 4, byte & 15))


def _step(node: Item, rest: bytes) -> tuple[bytes, bytes, bool]:
    """What the node leads to (a hash, or a leaf's value), what is left of the way, and whether it is a leaf."""
    if isinstance(node, tuple) and len(node) == BRANCH_ITEMS:
        return _through_branch(node, rest)
    if isinstance(node, tuple) and len(node) == PATH_ITEMS:
        return _along_path(node, rest)
    raise TrieProofRefused("a node of the trie proof is neither a branch nor a path")


def _through_branch(node: tuple[Item, ...], rest: bytes) -> tuple[bytes, bytes, bool]:
    if node[-1] != b"":
        raise TrieProofRefused("a branch of the trie proof holds a value, which no trie of transactions has")
    if not rest:
        raise TrieProofRefused("the way ends in a branch")
    return _child_hash(node[rest[0]]), rest[1:], False


def _along_path(node: tuple[Item, ...], rest: bytes) -> tuple[bytes, bytes, bool]:
    steps, is_leaf = _read_path(byte_string(node[0], "a path of the trie"))
    if not rest.startswith(steps) or (is_leaf and steps != rest):
        raise TrieProofRefused("the trie proof leads to another index")
    if is_leaf:
        return byte_string(node[1], "the value of a leaf"), b"", True
    if not steps:
        raise TrieProofRefused("an extension of the trie proof has no steps")
    return _child_hash(node[1]), rest[len(steps) :], False


def _read_path(packed: bytes) -> tuple[bytes, bool]:
    """The steps of a path and whether it ends in a leaf (hex-prefix encoding, appendix C)."""
    steps = nibbles_of(packed)
    if not steps or steps[0] > (_ODD | _LEAF):
        raise TrieProofRefused("a path of the trie proof has an unknown sign in front")
    is_odd, is_leaf = bool(steps[0] & _ODD), bool(steps[0] & _LEAF)
    if not is_odd and steps[1]:
        raise TrieProofRefused("a path of the trie proof is not written the one way")
    return steps[1 if is_odd else 2 :], is_leaf


def _child_hash(item: Item) -> bytes:
    if not isinstance(item, bytes) or len(item) != DIGEST_BYTES:
        raise TrieProofRefused("the way of the trie proof leads to no node of its own")
    return item
