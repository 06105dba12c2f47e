"""Ethereum blocks for tests, made without a node: real signed transactions, a real trie, headers that fit.

Start at `make_proof`, whose every part can be made wrong on purpose.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from telesphor.kernel.chains.ethereum import EthereumProof
from telesphor.kernel.chains.keccak import keccak256
from telesphor.kernel.chains.rlp import Encodable, encode_rlp
from telesphor.ledger.anchors.ethereum.key import EthereumKey, sign_transaction
from telesphor.ledger.anchors.ethereum.trie import prove_transaction

NETWORK = "ethereum-1"
DIGEST = hashlib.sha256(b"the text of a checkpoint").digest()
KEY = EthereumKey(hashlib.sha256(b"an account for tests").digest())
HEIGHT = 21_000_000
TIME_SECONDS = 1_795_348_275


def make_transaction(data: bytes = DIGEST, *, chain_id: int = 1, nonce: int = 7) -> bytes:
    return sign_transaction(
        KEY, chain_id=chain_id, nonce=nonce, tip_wei=10**9, fee_wei=10**11, gas=27_850, data=data
    )


def other_transactions(count: int, *, seed: int = 1, bytes_max: int = 400) -> list[bytes]:
    """Bytes like those of raw transactions, of random sizes."""
    chance = random.Random(seed)
    return [chance.randbytes(chance.randrange(60, bytes_max)) for _ in range(count)]


def make_header(
    *,
    root: bytes,
    parent: bytes = bytes(32),
    height: int = HEIGHT,
    time_seconds: int = TIME_SECONDS,
    changed: dict[int, Encodable] | None = None,
) -> bytes:
    """A header of the form of today's mainnet; `changed` puts something else into a field."""
    fields: list[Encodable] = [
        parent, b"\x11" * 32, b"\x22" * 20, b"\x33" * 32, root, b"\x44" * 32, bytes(256), 0, height, 36_000_000,
        18_000_000, time_seconds, b"maker", b"\x55" * 32, bytes(8), 10**9, b"\x66" * 32, 131_072, 0, b"\x77" * 32,
        b"\x88" * 32,
    ]  # fmt: skip
    for at, value in (changed or {}).items():
        fields[at] = value
    return encode_rlp(fields)


def make_later(header: bytes, count: int) -> tuple[bytes, ...]:
    headers = [header]
    for at in range(count):
        parent = keccak256(headers[-1])
        headers.append(
            make_header(
                root=bytes(32),
                parent=parent,
                height=HEIGHT + 1 + at,
                time_seconds=TIME_SECONDS + 12 * (at + 1),
            )
        )
    return tuple(headers[1:])


def make_proof(
    *,
    transaction: bytes | None = None,
    others: Sequence[bytes] = (),
    index: int = 0,
    later: int = 5,
    network: str = NETWORK,
    path: tuple[tuple[str, bytes], ...] = (),
) -> EthereumProof:
    """A proof that the transaction stands at `index` among the others."""
    raw = make_transaction() if transaction is None else transaction
    block = [*others[:index], raw, *others[index:]]
    root, nodes = prove_transaction(block, index)
    header = make_header(root=root)
    return EthereumProof(
        network=network,
        path=path,
        transaction=raw,
        index=index,
        nodes=nodes,
        header=header,
        later=make_later(header, later),
    )
