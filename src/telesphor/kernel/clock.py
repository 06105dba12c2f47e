"""Time, as an argument.

Everything that needs the time is handed a `Clock`; nothing else in Telesphor asks the machine for it.
Instants are integers of milliseconds since 1970-01-01T00:00:00Z inside, and text of one single form
outside: `2026-11-22T11:51:15.123Z` (RFC 3339, UTC, three decimals, capital `T` and `Z`).

INVARIANT: `format_instant(parse_instant(text)) == text` for every text that is accepted, so an instant
has exactly one spelling and can be compared as text.

Start at `Clock`.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from telesphor.kernel.errors import Kind, TelesphorError

INSTANT_MS_MAX = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z: the last instant whose year has four digits."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_MILLISECOND = timedelta(milliseconds=1)


class InvalidInstant(TelesphorError):
    """Text or a number that is not an instant between 1970 and 9999 in the one accepted form."""

    code = "invalid-instant"
    kind = Kind.INVALID


class Clock(Protocol):
    """Where the time comes from."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z. May go backwards when the machine is set right."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that moves only when it is told to: for tests, simulation and replay."""

    def __init__(self, start_ms: int) -> None:
        self._now_ms = start_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance_ms(self, n: int) -> None:
        """Move by `n` milliseconds; a negative `n` is a clock that was set back."""
        self._now_ms += n


def format_instant(ms: int) -> str:
    """The one spelling of an instant, such as `2026-11-22T11:51:15.123Z`.

    Raises:
        InvalidInstant: before 1970 or after 9999.
    """
    if not 0 <= ms <= INSTANT_MS_MAX:
        raise InvalidInstant("the instant is outside the years 1970 to 9999", detail=f"{ms} ms")
    seconds, thousandths = divmod(ms, 1000)
    days, second_of_day = divmod(seconds, 86_400)
    minutes, second = divmod(second_of_day, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_date_text(days)}T{hour:02d}:{minute:02d}:{second:02d}.{thousandths:03d}Z"


def parse_instant(text: object) -> int:
    """Milliseconds since 1970 of an instant in the one accepted form.

    Raises:
        InvalidInstant: any other form, a day or time that does not exist, a leap second, a year before 1970.
    """
    if not isinstance(text, str) or _INSTANT.fullmatch(text) is None:
        raise InvalidInstant(
            "the instant does not have the accepted form", hint="write it as `2026-11-22T11:51:15.123Z`"
        )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInstant("the instant names a day or a time that does not exist") from error
    ms = (moment - _EPOCH) // _MILLISECOND
    if ms < 0:
        raise InvalidInstant("the instant is outside the years 1970 to 9999")
    return ms


_EPOCH_ORDINAL = _EPOCH.toordinal()


@lru_cache(maxsize=8)  # a node writes millions of instants of the same day
def _date_text(days_since_epoch: int) -> str:
    return date.fromordinal(_EPOCH_ORDINAL + days_since_epoch).isoformat()
