"""Rows of Bitcoin headers made on the spot: regtest asks for two hashes each, so a chain costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

REGTEST_BITS = 0x207FFFFF
MAINNET_BLOCKS = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f61"
    "7fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"
    "010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000982051fd1e4ba744bbbe680e1fee1467"
    "7ba1a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299"
    "010000004860eb18bf1b1620e37e9490fc8a427514416fd75159ab86688e9a8300000000d5fdcc541e25de1c7a5addedf24858b8"
    "bb665c9f36ef744ee42c316022c90f9bb0bc6649ffff001d08d2bd61"
    "01000000bddd99ccfda39da1b108ce1a5d70038d0a967bacb68b6b63065f626a0000000044f672226090d85db9a9f2fbfe5f0f96"
    "09b387af7be5b7fbb7a1767c831c9e995dbe6649ffff001d05e0ed6d"
)
"""The real headers of blocks 0 to 3 of mainnet."""


def make_row(
    count: int,
    *,
    roots: Mapping[int, bytes] | None = None,
    start_seconds: int = 1_795_000_000,
    step_seconds: int = 600,
    bits: int = REGTEST_BITS,
    previous: bytes = bytes(32),
) -> bytes:
    """So many headers, each after the one before; `roots` names the merkle roots that matter, by index."""
    row = b""
    for index in range(count):
        root = (roots or {}).get(index, sha256(b"block %d" % index).digest())
        header = make_header(previous, root, time_seconds=start_seconds + index * step_seconds, bits=bits)
        row, previous = row + header, double(header)
    return row


def make_header(previous: bytes, root: bytes, *, time_seconds: int, bits: int = REGTEST_BITS) -> bytes:
    """A header that meets its target, which must be as easy as regtest's."""
    head = (
        b"\x00\x00\x00\x20"
        + previous
        + root
        + time_seconds.to_bytes(4, "little")
        + bits.to_bytes(4, "little")
    )
    target = (bits & 0x7FFFFF) << 8 * ((bits >> 24) - 3)
    return next(
        header
        for nonce in range(1 << 20)
        if int.from_bytes(double(header := head + nonce.to_bytes(4, "little")), "little") <= target
    )


def double(data: bytes) -> bytes:
    """SHA-256 twice, as Bitcoin hashes."""
    return sha256(sha256(data).digest()).digest()
