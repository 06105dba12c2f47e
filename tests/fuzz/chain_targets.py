"""What is fuzzed of public chains: anchors, headers, timestamps."""

from __future__ import annotations

from functools import cache

from telesphor.kernel.chains.anchor import HeaderPin, PathStep
from telesphor.kernel.chains.bitcoin import verify_bitcoin_anchor
from telesphor.kernel.chains.ethereum import verify_ethereum_anchor
from telesphor.kernel.chains.keccak import keccak256
from telesphor.kernel.chains.rlp import decode_rlp, encode_rlp
from telesphor.kernel.chains.timestamp import (
    TimestampPath,
    bitcoin_attestation,
    format_timestamp,
    format_timestamp_file,
    operations_of_path,
    parse_timestamp,
    pending_attestation,
)
from tests.fuzz.target import Target
from tests.support import ethereum, headers

_HEIGHT = 500
_STAMPED = bytes([7]) * 32


@cache
def _ethereum_anchor() -> bytes:
    return ethereum.make_proof(others=ethereum.other_transactions(20), index=5, later=2).encode()


@cache
def _ethereum_pin() -> HeaderPin:
    header = ethereum.make_proof(others=ethereum.other_transactions(20), index=5, later=2).later[-1]
    return HeaderPin(ethereum.NETWORK, ethereum.HEIGHT + 2, keccak256(header).hex())


def take_ethereum_anchor(data: bytes) -> None:
    verify_ethereum_anchor(
        digest=ethereum.DIGEST, data=data, network=ethereum.NETWORK, pins=[_ethereum_pin()]
    )
    assert data == _ethereum_anchor()


def take_rlp(data: bytes) -> None:
    assert encode_rlp(decode_rlp(data)) == data


def _rlp() -> list[bytes]:
    proof = ethereum.make_proof()
    return [proof.header, proof.transaction[1:], proof.nodes[0]]


def _paths() -> list[TimestampPath]:
    steps = operations_of_path([PathStep("right", bytes(32))])
    return [
        TimestampPath(steps, bitcoin_attestation(_HEIGHT)),
        TimestampPath(steps[:1], pending_attestation("https://a.example")),
    ]


def take_timestamp(data: bytes) -> None:
    paths = parse_timestamp(data)
    assert set(parse_timestamp(format_timestamp(paths))) == set(paths)


@cache
def _headers() -> bytes:
    return headers.make_row(3, roots={0: _paths()[0].message(_STAMPED)})


def take_bitcoin_headers(data: bytes) -> None:
    """Whatever is accepted holds the dating header as it was made."""
    ots = format_timestamp_file(_paths(), digest=_STAMPED)
    verify_bitcoin_anchor(digest=_STAMPED, ots=ots, headers=data, network="bitcoin-regtest")
    assert _paths()[0].message(_STAMPED) in data


def take_timestamp_file(data: bytes) -> None:
    found = verify_bitcoin_anchor(digest=_STAMPED, ots=data, headers=_headers(), network="bitcoin-regtest")
    assert not found.proves_time


TARGETS = {
    "ethereum-anchor": Target(take_ethereum_anchor, lambda: [_ethereum_anchor()]),
    "rlp": Target(take_rlp, _rlp),
    "timestamp": Target(take_timestamp, lambda: [format_timestamp(_paths())]),
    "timestamp-file": Target(take_timestamp_file, lambda: [format_timestamp_file(_paths(), digest=_STAMPED)]),
    "bitcoin-headers": Target(take_bitcoin_headers, lambda: [_headers()]),
}
