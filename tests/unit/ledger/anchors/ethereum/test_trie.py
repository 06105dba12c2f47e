"""The trie of a block: every transaction of it can be proven, and what is no block is refused."""

from __future__ import annotations

import pytest

from telesphor.kernel.chains.keccak import keccak256_many
from telesphor.kernel.chains.rlp import encode_rlp
from telesphor.kernel.chains.trie import verify_trie_inclusion
from telesphor.ledger.anchors.ethereum.trie import EMPTY_ROOT, VALUE_BYTES_MIN, prove_transaction
from tests.support.ethereum import other_transactions


@pytest.mark.parametrize("count", [1, 2, 17, 129, 300])
def test_every_transaction_is_proven(count: int) -> None:
    values = other_transactions(count, bytes_max=100)
    for index in range(0, count, 1 + count // 12):
        root, nodes = prove_transaction(values, index)
        verify_trie_inclusion(
            root=root, key=encode_rlp(index), value=values[index], nodes=nodes, hashes=keccak256_many(nodes)
        )


def test_root_of_nothing_is_the_known_one() -> None:
    assert EMPTY_ROOT.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def test_index_outside_the_block_is_refused() -> None:
    for index in (-1, 3):
        with pytest.raises(ValueError, match="no transaction"):
            prove_transaction(other_transactions(3), index)


def test_transaction_that_would_fit_into_its_parent_is_refused() -> None:
    assert prove_transaction([bytes(VALUE_BYTES_MIN)], 0)
    with pytest.raises(ValueError, match="too short"):
        prove_transaction([bytes(VALUE_BYTES_MIN - 1)], 0)
