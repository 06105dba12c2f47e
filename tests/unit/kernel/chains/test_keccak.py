"""Keccak-256: known answers, block edges, and many at once the same as one by one."""

from __future__ import annotations

import pytest

from telesphor.kernel.chains.keccak import ABREAST_MAX, RATE_BYTES, keccak256, keccak256_many

# The answers for the empty message, the code and storage of Ethereum and short texts, as published with Solidity,
# EIP-1967 and the Keccak team's own vectors (ShortMsgKAT_256: Len = 0, 8, 1088).
KNOWN = {
    b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    b"\xcc": "eead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a",
    b"\x80": "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    b"\xc0": "1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    b"transfer(address,uint256)": "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b",
    b"Transfer(address,address,uint256)": "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
}


@pytest.mark.parametrize("message", KNOWN, ids=lambda message: message.hex() or "empty")
def test_known_answers(message: bytes) -> None:
    assert keccak256(message).hex() == KNOWN[message]


def test_it_is_not_sha3() -> None:
    assert keccak256(b"").hex() != "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    edges = (
        0,
        1,
        RATE_BYTES - 2,
        RATE_BYTES - 1,
        RATE_BYTES,
        RATE_BYTES + 1,
        2 * RATE_BYTES - 1,
        3 * RATE_BYTES,
    )
    messages = [bytes([at]) * size for at, size in enumerate(edges * 12)]
    assert len(messages) > ABREAST_MAX, "one pass holds them all"
    assert keccak256_many(messages) == [keccak256(message) for message in messages]


def test_none_at_once_are_none() -> None:
    assert keccak256_many([]) == []
