"""Every parser under almost-right input: it refuses by name or it accepts, quickly and in little memory.

`TELESPHOR_TORTURE` multiplies the examples. Nothing but a `TelesphorError` may escape.
"""

from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telesphor.kernel.errors import TelesphorError
from tests.fuzz.mutation import almost
from tests.fuzz.targets import TARGETS
from tests.torture.scale import TORTURE

EXAMPLES = 50 * TORTURE
LIMIT = 64 * 1024
"""Bytes of the heavy inputs: what is quadratic shows."""

SECONDS_MAX = 2.0
"""For inputs of at most some hundred kilobytes on a busy machine; what is quadratic takes minutes."""

MEMORY_FACTOR_MAX = 60
"""A list of `[[],[],[]]` costs about 30 bytes per byte of text as Python objects."""


UNLIKE = {"settings": 1, "checkpoint": 1}
"""Seeds that are not of the format, and only make good beginnings: other TOML, and a note around a checkpoint."""


def take(name: str, data: bytes) -> None:
    """Give data to a target; only our own errors may come back."""
    start = time.thread_time()
    try:
        TARGETS[name].take(data)
    except TelesphorError as error:
        assert error.code != TelesphorError.code, f"{type(error).__name__} has no code of its own"
        assert error.message.isprintable(), "a message quotes what a terminal would obey"
        assert not error.hint or error.hint.isprintable()
    assert time.thread_time() - start < SECONDS_MAX, "the parser is too slow"


@pytest.mark.parametrize("name", TARGETS)
def test_parser_accepts_its_own_format(name: str) -> None:
    taken = 0
    for seed in TARGETS[name].seeds():
        with suppress(TelesphorError):
            TARGETS[name].take(seed)
            taken += 1
    assert taken == len(TARGETS[name].seeds()) - UNLIKE.get(name, 0) > 0


@pytest.mark.parametrize("name", TARGETS)
def test_parser_lets_nothing_but_refusals_escape(name: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=TORTURE == 1,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=almost(TARGETS[name].seeds()))
    def check(data: bytes) -> None:
        take(name, data)

    check()


HEAVY = {
    "open-brackets": b"[" * LIMIT,
    "open-objects": b'{"":' * (LIMIT // 4),
    "nested": b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2),
    "empty-lists": b"[" + b"[]," * (LIMIT // 3 - 2) + b"[]]",
    "digits": b"9" * LIMIT,
    "minus-digits": b"-" + b"9" * (LIMIT - 1),
    "quotes": b'"' * LIMIT,
    "escapes": b'"' + b"\\u0041" * (LIMIT // 6 - 1) + b'"',
    "backslashes": b'"' + b"\\" * (LIMIT - 2) + b'"',
    "members": b"{" + b",".join(b'"%06d":0' % number for number in range(LIMIT // 12)) + b"}",
    "same-member": b"{" + b'"a":1,' * (LIMIT // 6 - 1) + b'"a":1}',
    "lines": b"\n" * LIMIT,
    "spaces": b" " * LIMIT,
    "dashes": "\u2014 ".encode() * (LIMIT // 4),
    "slashes": b"tile/" + b"x000/" * (LIMIT // 5),
    "letters": b"A" * LIMIT,
    "zeroes": bytes(LIMIT),
    "zip-starts": b"PK\x03\x04" * (LIMIT // 4),
    "not-utf8": b"\xff" * LIMIT,
    "toml-tables": b"[a]\n" * (LIMIT // 4),
    "toml-dots": b"a" + b".a" * 300 + b" = 1",
    "toml-lists": b"a = " + b"[" * 3_000,
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("heavy", HEAVY)
def test_heavy_input_takes_little_time_and_memory(name: str, heavy: str) -> None:
    data = HEAVY[heavy]
    take(name, data)
    tracemalloc.start()
    try:
        with suppress(TelesphorError):
            TARGETS[name].take(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_FACTOR_MAX * len(data) + 4 * 1024 * 1024


@settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=TORTURE == 1)
@given(st.text(max_size=60))
def test_small_words_in_any_script_are_refused_or_kept(text: str) -> None:
    for which in range(6):
        take("words", bytes([which]) + text.encode("utf-8", "surrogatepass"))
