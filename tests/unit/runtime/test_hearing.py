"""What a follower is told of the log, kept in memory: all of it in order, as long as it is little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from telesphor.runtime import hearing
from telesphor.runtime.capability import Committed
from telesphor.runtime.hearing import NOTHING_HEARD, Hearing

ALL = 1_000


class Entry(msgspec.Struct):
    position: int


def batch(first: int, count: int, *, size: int = 100) -> Committed:
    entries: Sequence[Any] = [Entry(position) for position in range(first, first + count)]
    return Committed(first, entries, frozenset({"thing.done/1"}), size * count)


def recalled(heard: Hearing, first: int, *, entries_max: int = ALL) -> tuple[int, list[int]] | None:
    found = heard.recall(first, entries_max=entries_max)
    return None if found is None else (found[0], [entry.position for entry in found[1]])


def test_batches_are_recalled_from_any_position_in_pieces() -> None:
    heard = Hearing()
    assert heard.end == NOTHING_HEARD
    for told in (batch(5, 3), batch(8, 2)):
        assert heard.hear(told, wanted=True) == 0
    assert heard.end == 10
    assert recalled(heard, 4) is None  # before anything was told: the log has it
    assert recalled(heard, 6, entries_max=1) == (7, [6])
    assert recalled(heard, 7) == (8, [7])
    assert recalled(heard, 8) == (10, [8, 9])
    assert recalled(heard, 10) is None
    assert recalled(heard, 6) is None  # what was passed is forgotten


def test_what_is_not_wanted_is_passed_in_one_step_however_much_it_is() -> None:
    heard = Hearing()
    heard.hear(batch(0, 2), wanted=True)
    assert [heard.hear(batch(first, 10), wanted=False) for first in (2, 12, 22)] == [10, 20, 30]
    heard.hear(batch(32, 1), wanted=True)
    assert recalled(heard, 0) == (2, [0, 1])
    assert recalled(heard, 2) == (32, [])
    assert recalled(heard, 32) == (33, [32])


@pytest.mark.parametrize("limit", ["HEARD_ENTRIES_MAX", "HEARD_BYTES_MAX"])
def test_who_is_slow_finds_the_oldest_in_the_log_alone(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, limit, 10)
    heard = Hearing()
    for first in range(0, 20, 4):
        heard.hear(batch(first, 4, size=1), wanted=True)
    assert recalled(heard, 0) is None
    assert recalled(heard, 8) is None
    assert recalled(heard, 12) == (16, [12, 13, 14, 15])


def test_batch_larger_than_all_that_is_kept_is_in_the_log_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "HEARD_ENTRIES_MAX", 10)
    heard = Hearing()
    heard.hear(batch(0, 11), wanted=True)
    assert recalled(heard, 0) is None
    assert heard.end == 11
    heard.hear(batch(11, 3), wanted=True)
    assert recalled(heard, 11) == (14, [11, 12, 13])
