"""Bitcoin transactions, as far as an anchor needs them: one coin in, one OP_RETURN and the change out.

Guarantees that what a wallet signed is what was asked for: the signed transaction spends the same coin and has
the same outputs. Sizes are bounded. Start at `build_anchor` and `read_signed`. Format: the serialisation of
Bitcoin Core, and BIP 144 where there is a witness; BIP 125 for the sequence number that allows a higher fee.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from telesphor.ledger.anchors.model import AnchorFailed

TRANSACTION_BYTES_MAX: Final = 4000
"""One input and two outputs have some 250 bytes; the proof's messages end at 4,096."""
REPLACEABLE: Final = 0xFFFFFFFD
"""BIP 125: the sender may replace it by one with a higher fee."""
DUST_SATS: Final = 546
"""Less change than this is not relayed; it goes to the miner."""
CHANGE_OUTPUT: Final = 1
"""Its number, where there is one; the root is in output 0."""
SATS_PER_COIN: Final = 100_000_000

_VERSION: Final = 2
_OP_RETURN: Final = 0x6A
_WITNESS_MARKER: Final = b"\x00\x01"
_SCRIPT_AT: Final = 41  # version, one input, and the 36 bytes of its coin come before its script
_LOCK_TIME_BYTES: Final = 4
_TWO_BYTES: Final = 0xFD  # a length from here on is written in two more bytes


@dataclass(frozen=True, kw_only=True)
class Coin:
    """An output that the wallet can spend; `txid` as explorers show it."""

    txid: str
    vout: int
    sats: int
    script: bytes


@dataclass(frozen=True, kw_only=True)
class SignedTransaction:
    """A signed anchor.

    Attributes:
        raw: with its witness, as it is sent.
        stripped: without; its double hash is the id, and a leaf of the merkle tree.
        txid: as explorers show it.
        vbytes: virtual size (BIP 141), which the fee is paid for.
    """

    raw: bytes
    stripped: bytes
    txid: str
    vbytes: int


def build_anchor(coin: Coin, *, root: bytes, fee_sats: int) -> bytes:
    """The unsigned transaction: spends `coin`, carries `root`, and gives the rest back to where the coin was.

    Raises:
        AnchorFailed: the coin is smaller than the fee.
    """
    change = coin.sats - fee_sats
    if change < 0 or fee_sats < 0:
        raise AnchorFailed("the coin does not cover the fee")
    carrier = bytes([_OP_RETURN, len(root)]) + root
    outputs = [_output(0, carrier)]
    if change >= DUST_SATS:
        outputs.append(_output(change, coin.script))
    return b"".join(
        (
            _VERSION.to_bytes(4, "little"),
            b"\x01" + bytes.fromhex(coin.txid)[::-1] + coin.vout.to_bytes(4, "little"),
            b"\x00" + REPLACEABLE.to_bytes(4, "little"),
            bytes([len(outputs)]),
            *outputs,
            bytes(4),  # lock time
        )
    )


def read_signed(raw: bytes, *, unsigned: bytes) -> SignedTransaction:
    """The signed form of `unsigned`, checked to differ from it by signatures only.

    Raises:
        AnchorFailed: the wallet changed something else, or did not sign.
    """
    if len(raw) > TRANSACTION_BYTES_MAX:
        raise AnchorFailed("the signed transaction is larger than an anchor is")
    has_witness = raw[4:6] == _WITNESS_MARKER
    plain = raw[:4] + raw[6:] if has_witness else raw
    script_end = _script_end(plain)
    # What follows the script of signatures: sequence, outputs, then a witness if any, and the lock time.
    tail = unsigned[_SCRIPT_AT + 1 :]
    stripped = plain[: script_end + len(tail) - _LOCK_TIME_BYTES] + plain[-_LOCK_TIME_BYTES:]
    same = stripped == unsigned[:_SCRIPT_AT] + plain[_SCRIPT_AT:script_end] + tail
    if not same or (not has_witness and stripped != plain):
        raise AnchorFailed("the wallet changed the transaction while signing it")
    if not has_witness and stripped == unsigned:
        raise AnchorFailed("the wallet did not sign", hint="is it unlocked, and is the coin its own?")
    weight = 3 * len(stripped) + len(raw)
    txid = sha256(sha256(stripped).digest()).digest()[::-1].hex()
    return SignedTransaction(raw=raw, stripped=stripped, txid=txid, vbytes=(weight + 3) // 4)


def format_coins(sats: int) -> str:
    """An amount in BTC as plain decimal text, all eight places."""
    return f"{sats // SATS_PER_COIN}.{sats % SATS_PER_COIN:08d}"


def _script_end(plain: bytes) -> int:
    """Where the script of signatures of the one input ends."""
    length, start = int.from_bytes(plain[_SCRIPT_AT : _SCRIPT_AT + 1], "little"), _SCRIPT_AT + 1
    if length == _TWO_BYTES:
        length, start = int.from_bytes(plain[start : start + 2], "little"), start + 2
    return start + length


def _output(sats: int, script: bytes) -> bytes:
    return sats.to_bytes(8, "little") + _length(len(script)) + script


def _length(value: int) -> bytes:
    assert 0 <= value < _TWO_BYTES, "scripts of an anchor are short"
    return bytes([value])
