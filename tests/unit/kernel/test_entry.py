"""Entries: valid ones can be made, others cannot."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from telesphor.kernel.digest import Digest
from telesphor.kernel.entry import (
    ENTRY_BYTES_MAX,
    Entry,
    EntryRefused,
    EntryTooLarge,
    encode_entry,
    parse_entry,
)
from telesphor.kernel.errors import Kind
from telesphor.kernel.ids import ActorId, EntryId, Stream

ENTRY = Entry(
    type="visit.opened/1",
    id=EntryId("0193a3c5-7b1a-7c3d-9e4f-0123456789ab"),
    at="2026-11-22T11:51:15.123Z",
    actor=ActorId("0193a3c5-0000-7000-8000-00000000000a"),
    stream=Stream("visit/0193a3c5-7b1a-7000-bfff-ffffffffffff"),
    n=0,
    body={"patient": "0193a3c5-0000-7000-8000-00000000000b"},
    salt="AAECAwQFBgcICQoLDA0ODw",
    evidence=None,
)


def test_entry_is_canonical_json_of_ten_fields() -> None:
    assert encode_entry(ENTRY) == (
        b'{"actor":"0193a3c5-0000-7000-8000-00000000000a","at":"2026-11-22T11:51:15.123Z",'
        b'"body":{"patient":"0193a3c5-0000-7000-8000-00000000000b"},"evidence":null,'
        b'"id":"0193a3c5-7b1a-7c3d-9e4f-0123456789ab","n":0,"salt":"AAECAwQFBgcICQoLDA0ODw",'
        b'"stream":"visit/0193a3c5-7b1a-7000-bfff-ffffffffffff","type":"visit.opened/1","v":1}'
    )
    assert parse_entry(encode_entry(ENTRY)) == ENTRY


def test_entry_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        ENTRY.n = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("v", True),
        ("type", "visit.opened"),
        ("id", "1"),
        ("at", "now"),
        ("actor", "alice"),
        ("stream", "visit"),
        ("n", -1),
        ("n", False),
        ("n", 2**53),
        ("body", []),
        ("salt", "AAECAwQFBgcICQoLDA0ODx"),
        ("evidence", Digest("sha256:00")),
        ("evidence", ""),
    ],
)
def test_entry_that_is_not_valid_cannot_be_made(field: str, value: Any) -> None:
    with pytest.raises(EntryRefused) as caught:
        replace(ENTRY, **{field: value})
    assert (caught.value.field, caught.value.code) == (field, "entry-refused")
    assert caught.value.message.startswith(f"the entry's `{field}` is not ")


def test_body_with_a_float_is_refused_where_it_is() -> None:
    with pytest.raises(EntryRefused) as caught:
        encode_entry(replace(ENTRY, body={"readings": [{"value": 36.6}]}))
    assert "`$.body.readings[0].value`" in str(caught.value)


def test_entry_is_allowed_to_the_last_byte_and_not_beyond() -> None:
    room = ENTRY_BYTES_MAX - len(encode_entry(replace(ENTRY, body={"x": ""})))
    data = encode_entry(replace(ENTRY, body={"x": "a" * room}))
    assert len(data) == ENTRY_BYTES_MAX
    assert parse_entry(data).body == {"x": "a" * room}
    with pytest.raises(EntryTooLarge) as caught:
        encode_entry(replace(ENTRY, body={"x": "a" * (room + 1)}))
    assert (caught.value.code, caught.value.kind) == ("entry-too-large", Kind.TOO_LARGE)


def test_bytes_beyond_the_limit_are_refused_unread() -> None:
    with pytest.raises(EntryTooLarge):
        parse_entry(b"\xff" * (ENTRY_BYTES_MAX + 1))


def test_refusal_repeats_nothing_of_the_body() -> None:
    data = encode_entry(ENTRY).replace(b'"body":{', b'"body":{"name of":"John Smith" ,')
    with pytest.raises(EntryRefused) as caught:
        parse_entry(data)
    said = caught.value.message + caught.value.hint + caught.value.detail
    assert "John" not in said
    assert "name of" not in said
