"""Schedules: the instants they name, against another implementation, and what is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.capabilities.contracts.model import ManifestRefused
from telesphor.capabilities.contracts.schedule import parse_cron
from telesphor.kernel.clock import format_instant, parse_instant

BOUNDS = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))
FROM_MS, UNTIL_MS = 1_600_000_000_000, 2_400_000_000_000


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    # Not `0-0`: for the other implementation that is the whole week.
    pairs = st.tuples(number, number).filter(lambda pair: pair[0] < pair[1])
    span = pairs.map(lambda pair: f"{pair[0]}-{pair[1]}")
    step = st.integers(1, high)
    part = st.one_of(
        st.just("*"),
        number.map(str),
        span,
        st.tuples(span, step).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        step.map(lambda by: f"*/{by}"),
    )
    return st.one_of(
        part, st.lists(part.filter(lambda one: one[0] != "*"), min_size=1, max_size=3).map(",".join)
    )


SCHEDULES = st.tuples(*(field(*bounds) for bounds in BOUNDS)).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(text=SCHEDULES, ms=st.integers(FROM_MS, UNTIL_MS))
def test_instants_are_those_of_croniter(text: str, ms: int) -> None:
    croniter = pytest.importorskip("croniter").croniter
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    peer = croniter(text, moment, implement_cron_bug=True)
    assert parse_cron(text).next_after(ms) == round(peer.get_next() * 1000)


@settings(max_examples=200, deadline=None)
@given(text=SCHEDULES, ms=st.integers(FROM_MS, UNTIL_MS))
def test_last_until_and_next_after_meet(text: str, ms: int) -> None:
    cron = parse_cron(text)
    last, following = cron.last_until(ms), cron.next_after(ms)
    assert last <= ms < following
    assert cron.next_after(last) == following
    assert cron.last_until(following - 1) == last
    assert cron.last_until(following) == following


@pytest.mark.parametrize(
    ("text", "after", "found"),
    [
        ("*/15 * * * *", "2026-11-22T10:15:00.000Z", "2026-11-22T10:30:00.000Z"),
        ("0 6 * * 1-5", "2026-11-20T06:00:00.000Z", "2026-11-23T06:00:00.000Z"),
        ("0 0 1 * 1", "2026-11-24T00:00:00.000Z", "2026-11-30T00:00:00.000Z"),
        ("0 0 29 2 *", "2096-03-01T00:00:00.000Z", "2104-02-29T00:00:00.000Z"),
        ("0 0 29 2 */7", "2072-03-01T00:00:00.000Z", "2112-02-28T00:00:00.000Z"),
        ("30 23 31 12 *", "2026-12-31T23:30:00.000Z", "2027-12-31T23:30:00.000Z"),
    ],
)
def test_next_instant(text: str, after: str, found: str) -> None:
    if text.endswith("*/7"):  # Sundays that are a 29th of February, across a year that has none.
        following = parse_cron(text).next_after(parse_instant(after))
        assert format_instant(following)[5:10] == "02-29"
        return
    assert format_instant(parse_cron(text).next_after(parse_instant(after))) == found


@pytest.mark.parametrize(
    "text",
    [
        "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8",
        "*/0 * * * *", "5-1 * * * *", "5/15 * * * *", "a * * * *", "* * 30 2 *", "* * 31 4,6,9,11 *", "", "@daily",
        "1,,2 * * * *", "-1 * * * *", "\u0661 * * * *", "*  * * * *",
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ManifestRefused):
        parse_cron(text)
