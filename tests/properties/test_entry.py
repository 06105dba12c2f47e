"""Entries: whatever is valid survives being written and read; whatever is changed is another entry or none."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import msgspec
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel import base64url
from telesphor.kernel.canonical import INT_MAX
from telesphor.kernel.clock import INSTANT_MS_MAX, format_instant
from telesphor.kernel.digest import format_digest
from telesphor.kernel.entry import Entry, EntryRefused, encode_entry, parse_entry
from telesphor.kernel.ids import ActorId, EntryId, stream_of

HEX = "0123456789abcdef"


@st.composite
def uuids(draw: st.DrawFn) -> str:
    digits = draw(st.text(HEX, min_size=30, max_size=30))
    variant = draw(st.sampled_from("89ab"))
    return f"{digits[:8]}-{digits[8:12]}-7{digits[12:15]}-{variant}{digits[15:18]}-{digits[18:]}"


NAMES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-INT_MAX, INT_MAX) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)
ENTRIES = st.builds(
    Entry,
    type=st.from_regex(r"\A[a-z][a-z0-9.-]{0,40}/[1-9][0-9]{0,3}\Z"),
    id=uuids().map(EntryId),
    at=st.integers(0, INSTANT_MS_MAX).map(format_instant),
    actor=uuids().map(ActorId),
    stream=st.builds(stream_of, st.from_regex(r"\A[a-z][a-z0-9-]{0,31}\Z"), uuids()),
    n=st.integers(0, INT_MAX),
    body=st.dictionaries(NAMES, VALUES, max_size=5),
    salt=st.binary(min_size=16, max_size=16).map(base64url.encode),
    evidence=st.none() | st.binary(min_size=32, max_size=32).map(format_digest),
)


def members(entry: Entry) -> dict[str, Any]:
    return {field.name: getattr(entry, field.name) for field in fields(entry)}


@given(ENTRIES)
def test_what_is_written_is_read(entry: Entry) -> None:
    data = encode_entry(entry)
    assert parse_entry(data) == entry
    assert encode_entry(parse_entry(data)) == data


@given(ENTRIES)
def test_the_quick_writer_makes_the_same_bytes(entry: Entry) -> None:
    data = encode_entry(entry)
    assert data == msgspec.json.encode(members(entry), order="sorted") == rfc8785.dumps(members(entry))


@given(ENTRIES, st.data())
def test_a_changed_byte_makes_another_entry_or_none(entry: Entry, data: st.DataObject) -> None:
    original = encode_entry(entry)
    changed = bytearray(original)
    changed[data.draw(st.integers(0, len(original) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert parse_entry(bytes(changed)) != entry
    except EntryRefused:
        pass


@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    try:
        parse_entry(data)
    except EntryRefused as error:
        assert error.code in ("entry-refused", "entry-too-large")
    else:
        raise AssertionError("random bytes were taken for an entry")
