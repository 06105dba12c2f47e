"""A real Bitcoin node for a test, or a skip that says why there is none; in CI there must be one.

`MiningBcoin` also makes blocks of transactions that the node's own memory pool would not take, and undoes blocks.
Start at `running_bcoin`.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from telesphor.demo.bcoin import Bcoin, BcoinUnavailable, start_bcoin

ROOT = Path(__file__).parents[2]


class MiningBcoin:
    """A running node, and what only a test does with one."""

    def __init__(self, node: Bcoin) -> None:
        self.running = node
        self.process = node.process
        self.node_url, self.wallet_url = node.node_url, node.wallet_url
        self.credential = node.credential_file
        self.node, self.wallet = node.node, node.wallet
        self.mine, self.pool, self.fund = node.mine, node.pool, node.fund

    def mine_with(self, *transactions: bytes) -> str:
        """Make one block of exactly these transactions, whatever the memory pool holds; without witnesses."""
        template = self.node("getblocktemplate")
        height = template["height"]
        coinbase = _coinbase(height)
        root = _merkle_root([_double(raw) for raw in (coinbase, *transactions)])
        head = (
            template["version"].to_bytes(4, "little")
            + bytes.fromhex(template["previousblockhash"])[::-1]
            + root
        )
        head += template["curtime"].to_bytes(4, "little") + int(template["bits"], 16).to_bytes(4, "little")
        nonce = 0
        while int.from_bytes(_double(head + nonce.to_bytes(4, "little")), "little") > int(
            template["target"], 16
        ):
            nonce += 1
        header = head + nonce.to_bytes(4, "little")
        block = header + bytes([1 + len(transactions)]) + coinbase + b"".join(transactions)
        refused = self.node("submitblock", block.hex())
        assert refused is None, refused
        self.running.wait_for_wallet()
        return _double(header)[::-1].hex()

    def undo(self, block_hash: str) -> None:
        """Take this block and all after it out of the chain, as a reorganisation does."""
        self.node("invalidateblock", block_hash)
        self.running.wait_for_wallet()


@contextmanager
def running_bcoin(*, coins: int = 0) -> Iterator[MiningBcoin]:
    """A node of its own, whose wallet has so many coins, ended with the block."""
    try:
        node = start_bcoin(folder=ROOT)
    except BcoinUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    try:
        if coins:
            node.fund(coins)
        yield MiningBcoin(node)
    finally:
        node.process.send_signal(signal.SIGCONT)  # A test may have made it stand still.
        node.stop()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _coinbase(height: int) -> bytes:
    """Claims nothing, so that fees need not be counted; its height makes it unlike any other (BIP 34)."""
    number = height.to_bytes((height.bit_length() + 8) // 8, "little")
    script = bytes([len(number)]) + number + bytes([4]) + os.urandom(4)
    head = b"\x01\x00\x00\x00\x01" + bytes(32) + b"\xff\xff\xff\xff"
    return head + bytes([len(script)]) + script + b"\xff\xff\xff\xff\x01" + bytes(8) + b"\x01\x51" + bytes(4)


def _merkle_root(level: list[bytes]) -> bytes:
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [_double(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def _double(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()
