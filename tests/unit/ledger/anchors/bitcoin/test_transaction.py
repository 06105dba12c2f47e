"""Transactions of anchors: what is built, and that a wallet may add signatures and nothing else."""

from __future__ import annotations

from hashlib import sha256

import pytest
from bitcoin.core import CTransaction

from telesphor.ledger.anchors.bitcoin.transaction import (
    DUST_SATS,
    REPLACEABLE,
    TRANSACTION_BYTES_MAX,
    Coin,
    build_anchor,
    format_coins,
    read_signed,
)
from telesphor.ledger.anchors.model import AnchorFailed

ROOT = sha256(b"root").digest()
COIN = Coin(txid="ab" * 31 + "cd", vout=3, sats=100_000, script=bytes.fromhex("0014") + bytes(20))
UNSIGNED = build_anchor(COIN, root=ROOT, fee_sats=700)
SIGNATURES = bytes(range(107))
LEGACY = UNSIGNED[:41] + bytes([107]) + SIGNATURES + UNSIGNED[42:]
WITNESS = b"\x02" + b"\x47" + bytes(71) + b"\x21" + bytes(33)
SEGWIT = UNSIGNED[:4] + b"\x00\x01" + UNSIGNED[4:-4] + WITNESS + UNSIGNED[-4:]
NESTED = SEGWIT[:43] + b"\x17" + bytes(23) + SEGWIT[44:]


def test_transaction_is_read_by_another_implementation() -> None:
    read = CTransaction.deserialize(UNSIGNED)
    (spent,) = read.vin
    assert spent.prevout.hash[::-1].hex() == COIN.txid and spent.prevout.n == COIN.vout
    assert spent.nSequence == REPLACEABLE
    carrier, change = read.vout
    assert carrier.nValue == 0 and bytes(carrier.scriptPubKey) == b"\x6a\x20" + ROOT
    assert change.nValue == COIN.sats - 700 and bytes(change.scriptPubKey) == COIN.script


@pytest.mark.parametrize("raw", [LEGACY, SEGWIT, NESTED])
def test_signed_transaction_has_the_id_others_compute(raw: bytes) -> None:
    signed = read_signed(raw, unsigned=UNSIGNED)
    theirs = CTransaction.deserialize(raw)
    assert signed.raw == raw
    assert signed.txid == theirs.GetTxid()[::-1].hex()
    assert sha256(sha256(signed.stripped).digest()).digest()[::-1].hex() == signed.txid
    assert signed.vbytes == (theirs.calc_weight() + 3) // 4


def test_change_that_is_dust_goes_to_the_miner() -> None:
    assert (
        len(CTransaction.deserialize(build_anchor(COIN, root=ROOT, fee_sats=COIN.sats - DUST_SATS)).vout) == 2
    )
    assert (
        len(CTransaction.deserialize(build_anchor(COIN, root=ROOT, fee_sats=COIN.sats - DUST_SATS + 1)).vout)
        == 1
    )


def test_fee_beyond_the_coin_is_refused() -> None:
    with pytest.raises(AnchorFailed):
        build_anchor(COIN, root=ROOT, fee_sats=COIN.sats + 1)


def replace(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1
    return data.replace(old, new)


CHANGED = {
    "root": replace(LEGACY, ROOT, bytes(32)),
    "change-script": replace(LEGACY, COIN.script, b"\x00\x14" + b"\x01" * 20),
    "change-amount": replace(SEGWIT, (COIN.sats - 700).to_bytes(8, "little"), (1).to_bytes(8, "little")),
    "coin": LEGACY[:5] + bytes(32) + LEGACY[37:],
    "sequence": replace(SEGWIT, REPLACEABLE.to_bytes(4, "little"), b"\xff\xff\xff\xff"),
    "lock-time": LEGACY[:-4] + b"\x01\x00\x00\x00",
    "more-at-the-end": LEGACY + b"\x00",
    "two-inputs": LEGACY[:4] + b"\x02" + LEGACY[5:],
    "cut": LEGACY[:100],
    "empty": b"",
    "cut-witness": SEGWIT[:60],
}


@pytest.mark.parametrize("fault", CHANGED)
def test_wallet_that_changes_anything_is_refused(fault: str) -> None:
    with pytest.raises(AnchorFailed, match="changed"):
        read_signed(CHANGED[fault], unsigned=UNSIGNED)


def test_wallet_that_does_not_sign_is_refused() -> None:
    with pytest.raises(AnchorFailed, match="did not sign"):
        read_signed(UNSIGNED, unsigned=UNSIGNED)


def test_too_large_a_transaction_is_refused() -> None:
    with pytest.raises(AnchorFailed, match="larger"):
        read_signed(bytes(TRANSACTION_BYTES_MAX + 1), unsigned=UNSIGNED)


@pytest.mark.parametrize(
    ("sats", "text"), [(1, "0.00000001"), (150_000_000, "1.50000000"), (0, "0.00000000")]
)
def test_amounts_are_plain_decimals(sats: int, text: str) -> None:
    assert format_coins(sats) == text
