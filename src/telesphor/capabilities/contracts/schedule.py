"""Schedules: five fields as cron has them, in UTC, and the instants they name.

A field is `*`, numbers, ranges (`1-5`), steps (`*/15`, `8-18/2`), or several of these with commas. Days of the week
are 0 to 7, where 0 and 7 are Sunday. As in Vixie's cron, where both kinds of days are given (neither begins with
`*`) a day fits when one of them does. There are no names, no seconds and no time zones: a schedule that means the
same instants to everybody can be checked by everybody.

Start at `parse_cron`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, NoReturn

from telesphor.capabilities.contracts.model import ManifestRefused

MINUTE_MS = 60_000

SEARCH_DAYS_MAX = 41 * 366
"""A 29th of February on one day of the week can be forty years away, across the year 2100; nothing is further."""

SCHEDULES_REMEMBERED = 256

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PART = re.compile(r"(\*|[0-9]{1,2}(-[0-9]{1,2})?)(/[0-9]{1,2})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cron(NamedTuple):
    """A schedule: the numbers that fit each field, in order.

    Attributes:
        either_day: whether one kind of day suffices, because both were given.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def next_after(self, ms: int) -> int:
        """The first instant after `ms` that the schedule names; both in milliseconds since 1970 UTC."""
        start = _EPOCH + timedelta(milliseconds=ms // MINUTE_MS * MINUTE_MS + MINUTE_MS)
        day, minute = start.date(), start.hour * 60 + start.minute
        for _ in range(SEARCH_DAYS_MAX):
            if self._fits(day):
                for hour in self.hours:
                    for found in self.minutes:
                        if hour * 60 + found >= minute:
                            return _instant(day, hour, found)
            day, minute = day + timedelta(days=1), 0
        raise AssertionError("`parse_cron` refuses schedules without a day")

    def last_until(self, ms: int) -> int:
        """The last instant that the schedule names, not after `ms`."""
        end = _EPOCH + timedelta(milliseconds=ms)
        day, minute = end.date(), end.hour * 60 + end.minute
        for _ in range(SEARCH_DAYS_MAX):
            if self._fits(day):
                for hour in reversed(self.hours):
                    for found in reversed(self.minutes):
                        if hour * 60 + found <= minute:
                            return _instant(day, hour, found)
            day, minute = day - timedelta(days=1), 24 * 60
        raise AssertionError("`parse_cron` refuses schedules without a day")

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either_day else by_month and by_week


@lru_cache(maxsize=SCHEDULES_REMEMBERED)
def parse_cron(text: str) -> Cron:
    """Read a schedule.

    Raises:
        ManifestRefused: it is not five fields within their bounds, or it names no day there ever is.
    """
    fields = text.split(" ")
    if len(fields) != len(_BOUNDS):
        _refuse(text)
    minutes, hours, days, months, weekdays = (
        _numbers(field, bounds, text) for field, bounds in zip(fields, _BOUNDS, strict=True)
    )
    found = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(number % 7 for number in weekdays),
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )
    longest = max(monthrange(2024, month)[1] for month in months)
    if min(days) > longest and not found.either_day:
        _refuse(text)
    return found


def _numbers(field: str, bounds: tuple[int, int], text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            _refuse(text)
        span, step = match[1], int(match[3][1:]) if match[3] else 1
        if span == "*":
            first, last = bounds
        elif match[2]:
            first, last = (int(number) for number in span.split("-"))
        else:
            # `5/15` means from 5 on in some crons and only 5 in others: it is not taken.
            first = last = int(span)
            if match[3]:
                _refuse(text)
        if not bounds[0] <= first <= last <= bounds[1] or not step:
            _refuse(text)
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _instant(day: date, hour: int, minute: int) -> int:
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _refuse(text: str) -> NoReturn:
    raise ManifestRefused(f"`{text}` is not a schedule", hint="five fields: `0 6 * * *` is six o'clock")
