"""Time: one spelling of an instant, and clocks that stand still when asked to."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.clock import (
    INSTANT_MS_MAX,
    InvalidInstant,
    ManualClock,
    SystemClock,
    format_instant,
    parse_instant,
)


def test_instant_has_its_one_spelling() -> None:
    assert format_instant(1_795_348_275_123) == "2026-11-22T11:51:15.123Z"
    assert format_instant(0) == "1970-01-01T00:00:00.000Z"
    assert format_instant(INSTANT_MS_MAX) == "9999-12-31T23:59:59.999Z"


@given(st.integers(0, INSTANT_MS_MAX))
def test_instant_survives_being_written_and_read(ms: int) -> None:
    text = format_instant(ms)
    assert parse_instant(text) == ms
    assert datetime.fromisoformat(text) == datetime.fromtimestamp(ms // 1000, UTC).replace(
        microsecond=ms % 1000 * 1000
    )


@given(st.integers(0, INSTANT_MS_MAX), st.integers(0, INSTANT_MS_MAX))
def test_instants_sort_as_text(one: int, other: int) -> None:
    assert (one < other) == (format_instant(one) < format_instant(other))


@pytest.mark.parametrize("ms", [-1, INSTANT_MS_MAX + 1])
def test_instant_outside_four_digit_years_is_refused(ms: int) -> None:
    with pytest.raises(InvalidInstant):
        format_instant(ms)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-22",
        "2026-11-22T11:51:15Z",
        "2026-11-22T11:51:15.12Z",
        "2026-11-22T11:51:15.1234Z",
        "2026-11-22T11:51:15,123Z",
        "2026-11-22 11:51:15.123Z",
        "2026-11-22t11:51:15.123z",
        "2026-11-22T11:51:15.123+00:00",
        "2026-11-22T11:51:15.123",
        "2026-11-22T11:51:15.123Z\n",
        " 2026-11-22T11:51:15.123Z",
        "2026-02-29T11:51:15.123Z",
        "2026-13-01T11:51:15.123Z",
        "2026-00-01T11:51:15.123Z",
        "2026-11-22T24:00:00.000Z",
        "2026-11-22T23:59:60.000Z",
        "0000-01-01T00:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
        "٢٠٢٦-11-22T11:51:15.123Z",
        None,
        1_795_348_275_123,
    ],
)
def test_text_that_is_not_an_instant_is_refused(text: object) -> None:
    with pytest.raises(InvalidInstant) as caught:
        parse_instant(text)
    assert caught.value.code == "invalid-instant"


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(1000)
    assert clock.now_ms() == clock.now_ms() == 1000
    clock.advance_ms(5)
    assert clock.now_ms() == 1005
    clock.advance_ms(-10)
    assert clock.now_ms() == 995


def test_system_clock_tells_milliseconds() -> None:
    before = time.time() * 1000
    assert before - 1 <= SystemClock().now_ms() <= time.time() * 1000
