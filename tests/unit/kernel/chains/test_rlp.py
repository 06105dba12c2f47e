"""RLP: one spelling for each item, and refusals named after their faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.chains.rlp import (
    DEPTH_MAX,
    ITEMS_MAX,
    Item,
    RlpRefused,
    byte_string,
    decode_rlp,
    encode_rlp,
    number,
)

LOREM = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit"
# The examples of the Ethereum documentation of RLP.
EXAMPLES: list[tuple[Item, str]] = [
    (b"dog", "83646f67"),
    ((b"cat", b"dog"), "c88363617483646f67"),
    (b"", "80"),
    ((), "c0"),
    (b"\x00", "00"),
    (b"\x0f", "0f"),
    (b"\x04\x00", "820400"),
    (((), ((),), ((), ((),))), "c7c0c1c0c3c0c1c0"),
    (LOREM, "b838" + LOREM.hex()),
]

FAULTS = {
    "nothing": "",
    "bytes-after-the-end": "8080",
    "single-small-byte-with-a-length": "8100",
    "string-shorter-than-its-length": "83646f",
    "list-shorter-than-its-length": "c88363617483646f",
    "item-longer-than-its-list": "c283646f67",
    "long-length-where-the-short-one-fits": "b803646f67",
    "long-list-where-the-short-one-fits": "f8" + "01" + "80",
    "length-with-a-leading-zero": "b90038" + "00" * 56,
    "length-that-is-cut-off": "b9ff",
    "huge-string": "bf" + "ff" * 8,
    "huge-list": "ff" + "ff" * 8,
    "huge-string-in-a-list": "c9" + "bf" + "ff" * 8,
    "length-that-would-wrap": "bf" + "8000000000000000",
}

items = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=6).map(tuple), max_leaves=12
)


@pytest.mark.parametrize(
    ("item", "text"), EXAMPLES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_examples_are_read_and_written(item: Item, text: str) -> None:
    assert encode_rlp(item).hex() == text
    assert decode_rlp(bytes.fromhex(text)) == item


@pytest.mark.parametrize("text", FAULTS.values(), ids=FAULTS)
def test_fault_is_refused(text: str) -> None:
    with pytest.raises(RlpRefused):
        decode_rlp(bytes.fromhex(text))


def test_deep_nesting_is_refused() -> None:
    data = b""
    for _ in range(DEPTH_MAX):
        data = encode_rlp_list(data)
    decode_rlp(data)
    with pytest.raises(RlpRefused, match="deep"):
        decode_rlp(encode_rlp_list(data))
    for _ in range(3000):
        data = encode_rlp_list(data)
    with pytest.raises(RlpRefused, match="deep"):
        decode_rlp(data)


def encode_rlp_list(body: bytes) -> bytes:
    """A list around items that are RLP already."""
    if len(body) <= 55:
        return bytes([0xC0 + len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([0xF7 + len(size)]) + size + body


def test_too_many_items_are_refused() -> None:
    assert len(decode_rlp(encode_rlp([b""] * (ITEMS_MAX - 1)))) == ITEMS_MAX - 1
    with pytest.raises(RlpRefused, match="items"):
        decode_rlp(encode_rlp([b""] * ITEMS_MAX))


def test_negative_number_is_refused() -> None:
    with pytest.raises(RlpRefused):
        encode_rlp(-1)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, 2**64, 2**256 - 1])
def test_numbers_are_written_without_leading_zeros(value: int) -> None:
    assert number(decode_rlp(encode_rlp(value)), "it", most=2**256 - 1) == value


@pytest.mark.parametrize("item", [b"\x00", b"\x00\x01", b"\x01\x00\x00", (), b"\xff\xff"])
def test_what_is_not_a_number_within_bounds_is_refused(item: Item) -> None:
    with pytest.raises(RlpRefused):
        number(item, "it", most=1000)


def test_byte_string_of_another_size_is_refused() -> None:
    assert byte_string(b"abc", "it", size=3) == b"abc"
    for item in (b"ab", (b"a", b"b", b"c")):
        with pytest.raises(RlpRefused, match="it is not a byte string of 3 bytes"):
            byte_string(item, "it", size=3)


def depth_of(item: Item) -> int:
    return 0 if isinstance(item, bytes) else 1 + max(map(depth_of, item), default=0)


@given(items)
def test_every_item_comes_back(item: Item) -> None:
    data = encode_rlp(item)
    if depth_of(item) <= DEPTH_MAX:
        assert decode_rlp(data) == item


@given(st.binary(max_size=80))
def test_what_is_accepted_is_written_the_same(data: bytes) -> None:
    try:
        item = decode_rlp(data)
    except RlpRefused:
        return
    assert encode_rlp(item) == data
