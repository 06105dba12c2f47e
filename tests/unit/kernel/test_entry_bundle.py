"""Entry bundles are the bytes of C2SP tlog-tiles, and no other bytes are taken for one."""

from __future__ import annotations

import pytest

from telesphor.kernel.entry import ENTRY_BYTES_MAX
from telesphor.kernel.entry_bundle import (
    ENTRY_BUNDLE_BYTES_MAX,
    EntryBundleRefused,
    decode_entries,
    encode_entries,
)

GOOD = b"\x00\x03abc\x00\x00\x01\x00" + b"x" * 256
ENTRIES = [b"abc", b"", b"x" * 256]


def test_each_entry_stands_behind_its_length_as_big_endian_uint16() -> None:
    assert encode_entries(ENTRIES) == GOOD
    assert decode_entries(GOOD, count=3) == ENTRIES


def test_full_bundle_of_the_largest_entries_is_as_large_as_the_bound() -> None:
    entries = [b"e" * ENTRY_BYTES_MAX] * 256
    data = encode_entries(entries)
    assert len(data) == ENTRY_BUNDLE_BYTES_MAX
    assert decode_entries(data, count=256) == entries


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (GOOD[:-1], 3),
        (GOOD + b"\x00", 3),
        (GOOD + b"\x00\x00", 3),
        (GOOD, 2),
        (GOOD, 4),
        (b"", 1),
        (b"\x00", 1),
        (b"\xff\xff", 1),
        (GOOD, 0),
        (b"\x00\x00" * 257, 257),
    ],
    ids=[
        "cut", "half-length-behind", "entry-behind", "more-than-asked", "fewer-than-asked", "empty", "half-length",
        "length-alone", "none", "257",
    ],
)  # fmt: skip
def test_other_bytes_are_refused(data: bytes, count: int) -> None:
    with pytest.raises(EntryBundleRefused):
        decode_entries(data, count=count)


@pytest.mark.parametrize(
    "entries", [[], [b"e"] * 257, [b"e" * (ENTRY_BYTES_MAX + 1)]], ids=["none", "257", "entry-too-large"]
)
def test_what_fits_no_bundle_is_refused(entries: list[bytes]) -> None:
    with pytest.raises(EntryBundleRefused):
        encode_entries(entries)
