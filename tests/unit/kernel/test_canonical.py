"""Canonical JSON: what is refused, where, and at what cost; the vectors and properties stand beside."""

from __future__ import annotations

import threading
import time
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest

from telesphor.kernel.canonical import BRACKETS_MAX, DEPTH_MAX, INT_MAX, Fault, NotCanonical, decode, encode
from telesphor.kernel.errors import Kind, LimitExceeded


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Thing(Enum):
    A = "a"


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


def refusal_of(value: object) -> NotCanonical:
    with pytest.raises(NotCanonical) as caught:
        encode(value)
    assert (caught.value.code, caught.value.kind) == ("not-canonical", Kind.INVALID)
    return caught.value


def test_tuples_are_arrays_and_text_enums_are_text() -> None:
    assert encode({"b": (1, (2,)), "a": Colour.RED}) == b'{"a":"red","b":[1,[2]]}'


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        (1.5, Fault.FLOAT),
        (1.0, Fault.FLOAT),
        (-0.0, Fault.FLOAT),
        (float("nan"), Fault.NOT_A_NUMBER),
        (float("inf"), Fault.NOT_A_NUMBER),
        (INT_MAX + 1, Fault.INTEGER_TOO_LARGE),
        (-INT_MAX - 1, Fault.INTEGER_TOO_LARGE),
        (1 << 100, Fault.INTEGER_TOO_LARGE),
        ("\ud800", Fault.LONE_SURROGATE),
        ("a\udfffb", Fault.LONE_SURROGATE),
        (b"bytes", Fault.TYPE),
        ({1, 2}, Fault.TYPE),
        (object(), Fault.TYPE),
        (Number.ONE, Fault.TYPE),
        (Thing.A, Fault.TYPE),
        (1j, Fault.TYPE),
        ({1: "a"}, Fault.NAME_NOT_TEXT),
        ({None: "a"}, Fault.NAME_NOT_TEXT),
        ({"é": "a"}, Fault.NAME_NOT_ASCII),
        ({"\ud800": "a"}, Fault.NAME_NOT_ASCII),
        ({"\n": "a"}, Fault.NAME_NOT_ASCII),
        ({"\x7f": "a"}, Fault.NAME_NOT_ASCII),
    ],
)
def test_value_outside_the_profile_is_refused_where_it_is(part: object, fault: Fault) -> None:
    refusal = refusal_of({"body": {"items": ["a", 1, None, part]}})
    assert (refusal.fault, refusal.path) == (fault, "$.body.items[3]")
    assert str(refusal).startswith("`$.body.items[3]` ")


def test_path_does_not_repeat_names_that_are_not_plain_words() -> None:
    assert refusal_of({"a-1": {"John Smith": [1.5]}}).path == "$.a-1.?[0]"
    assert refusal_of({"a" * 65: 1.5}).path == "$.?"


def test_float_comes_with_a_hint() -> None:
    assert "decimals as text" in refusal_of(36.6).hint


def test_value_is_allowed_as_deep_as_the_bound_and_not_deeper() -> None:
    assert encode(nested(DEPTH_MAX)) == b"[" * DEPTH_MAX + b'"x"' + b"]" * DEPTH_MAX
    assert refusal_of(nested(DEPTH_MAX + 1)).fault == Fault.TOO_DEEP
    assert refusal_of({"a": nested(DEPTH_MAX)}).fault == Fault.TOO_DEEP


def test_value_that_holds_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert refusal_of(circle).fault == Fault.TOO_DEEP


def test_bytes_are_read_to_the_limit_and_not_beyond() -> None:
    assert decode(b'"abc"', limit=5) == "abc"
    with pytest.raises(LimitExceeded) as caught:
        decode(b'"abc"', limit=4)
    assert caught.value.code == "limit-exceeded"


def test_deep_bytes_never_exhaust_the_stack() -> None:
    refused = []

    def run() -> None:
        for data in (b"[" * 60_000, b'{"a":' * 60_000, b"[" * 60_000 + b"]" * 60_000, b"[{" * 30_000):
            with pytest.raises(NotCanonical) as caught:
                decode(data, limit=len(data))
            refused.append(caught.value.fault)

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert refused == [Fault.TOO_DEEP] * 3 + [Fault.SYNTAX]


def test_brackets_in_text_are_not_depth() -> None:
    for text in ("[" * 1000, '"[{' * 100, "\\" * 101 + "[" * 100, "]" * 100):
        assert decode(encode({"a": [text]}), limit=10_000) == {"a": [text]}
    wide: list[Any] = [[] for _ in range(1000)]
    assert decode(encode(wide), limit=10_000) == wide


@pytest.mark.parametrize(
    "data", [b'"' + b"\\" * 100_000, b'"' + b'\\"' * 50_000, b"[" * 65 + b'"\\' * 30_000]
)
def test_unfinished_text_is_refused_in_linear_time(data: bytes) -> None:
    """Ten times as much takes some ten times as long, and not a hundred."""
    assert _effort(data) < 40 * _effort(data[: len(data) // 10]) + 0.01


def _effort(data: bytes) -> float:
    """Seconds of this thread's own time."""
    start = time.thread_time()
    with pytest.raises(NotCanonical):
        decode(data, limit=len(data))
    return time.thread_time() - start


def test_first_fault_in_the_bytes_is_the_one_named() -> None:
    with pytest.raises(NotCanonical) as caught:
        decode(b'{"a":1.5,"a":NaN}', limit=100)
    assert (caught.value.fault, caught.value.path) == (Fault.FLOAT, "$.a")


def test_refusal_does_not_repeat_values() -> None:
    with pytest.raises(NotCanonical) as caught:
        decode(b'{"name":"John Smith" }', limit=100)
    assert "John" not in caught.value.message + caught.value.hint + caught.value.detail


def test_more_brackets_than_any_document_has_are_refused_before_they_are_read() -> None:
    with pytest.raises(LimitExceeded, match="opening brackets"):
        decode(b"[" * (BRACKETS_MAX + 1), limit=1 << 20)
