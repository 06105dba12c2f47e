"""Canonical JSON against two writers that are not ours, and against every text that hypothesis can think of."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from telesphor.kernel.canonical import INT_MAX, Fault, NotCanonical, decode, encode

NAMES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-INT_MAX, INT_MAX)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
LIMIT = 1 << 20


@given(VALUES)
@example({'"': 1, "\\": 2, "a/b": "\x7f\x00\x1f</>\u2028"})
def test_bytes_are_those_of_rfc8785_package(value: Any) -> None:
    assert encode(value) == rfc8785.dumps(value)


@given(VALUES)
@example({'"': 1, "\\": 2, "a/b": "\x7f\x00\x1f</>\u2028\b\t\n\f\r"})
def test_bytes_are_those_of_msgspec_sorted(value: Any) -> None:
    assert encode(value) == msgspec.json.encode(value, order="sorted")


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    assert decode(encode(value), limit=LIMIT) == value


@given(VALUES)
def test_any_other_spelling_of_the_value_is_refused(value: Any) -> None:
    data = encode(value)
    for other in (
        json.dumps(value),
        json.dumps(value, separators=(",", ":")),
        json.dumps(value, indent=1),
        json.dumps(value, ensure_ascii=False),
        f" {data.decode()}",
        f"{data.decode()}\n",
    ):
        if other.encode() != data:
            with pytest.raises(NotCanonical):
                decode(other.encode(), limit=LIMIT)


JSON_LIKE = st.lists(
    st.sampled_from(
        [*'{}[]:,"\\ \n-+.eE019aN', '"a"', '"b":', "null", "true", "NaN", "\\u00", "\ud83e", "é"]
    ),
    max_size=24,
).map("".join)


@given(JSON_LIKE.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40))
def test_any_bytes_are_read_exactly_or_refused_with_a_fault(data: bytes) -> None:
    try:
        value = decode(data, limit=LIMIT)
    except NotCanonical as error:
        assert error.fault in Fault
        assert error.path.startswith("$")
        assert error.message.startswith(f"`{error.path}` ")
    else:
        assert encode(value) == data == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(VALUES, st.data())
def test_any_change_of_a_byte_changes_the_value_or_is_refused(value: Any, data: st.DataObject) -> None:
    original = encode(value)
    at = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        assert encode(decode(bytes(changed), limit=LIMIT)) == bytes(changed) != original
    except NotCanonical:
        pass
