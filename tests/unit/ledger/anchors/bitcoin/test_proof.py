"""The way from a transaction to its block's merkle root, for blocks of every small size."""

from __future__ import annotations

from hashlib import sha256

import pytest
from bitcoin.core import CBlock

from telesphor.kernel.chains.timestamp import TimestampPath, bitcoin_attestation
from telesphor.ledger.anchors.bitcoin.proof import operations_to_root
from telesphor.ledger.anchors.model import AnchorUnavailable
from tests.support.headers import double

ROOT = sha256(b"root").digest()


def transactions(count: int) -> list[bytes]:
    return [b"before" + ROOT + b"after %d" % index for index in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 13])
def test_every_transaction_reaches_the_merkle_root(count: int) -> None:
    raws = transactions(count)
    ids = [double(raw) for raw in raws]
    expected = CBlock.build_merkle_tree_from_txids(ids)[-1]
    shown = [txid[::-1].hex() for txid in ids]
    for index, raw in enumerate(raws):
        way = operations_to_root(raw, root=ROOT, txids=shown, txid=shown[index])
        assert TimestampPath(tuple(way), bitcoin_attestation(1)).message(ROOT) == expected


def test_transaction_that_is_not_in_the_block_is_refused() -> None:
    with pytest.raises(AnchorUnavailable):
        operations_to_root(b"a" + ROOT + b"b", root=ROOT, txids=["00" * 32], txid="11" * 32)


def test_transaction_without_the_root_is_refused() -> None:
    with pytest.raises(AnchorUnavailable):
        operations_to_root(b"another", root=ROOT, txids=["11" * 32], txid="11" * 32)
