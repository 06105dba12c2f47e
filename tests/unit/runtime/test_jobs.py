"""Followers: in order, from a durable cursor, and stubborn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from telesphor.ledger.entries import EntryReader
from telesphor.runtime import hearing, jobs
from telesphor.runtime.capability import Committed, Recorded
from telesphor.runtime.jobs import READ_ENTRIES, Follower
from tests.support.ledger import Ledger, wait_until


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path).start()
    yield ledger
    ledger.close()


def follow(ledger: Ledger, handle: Callable[[Recorded], None], name: str = "mirror") -> Follower:
    return Follower(
        name, source=lambda: EntryReader(ledger.path, ledger.registry), cursors=ledger.book, handle=handle
    )


def test_follower_catches_up_and_then_keeps_up(ledger: Ledger) -> None:
    seen: list[int] = []
    ledger.add_many(READ_ENTRIES + 10)
    follower = follow(ledger, lambda entry: seen.append(entry.position))
    ledger.machine.on_commit(follower.wake)
    follower.start()
    wait_until(lambda: len(seen) == READ_ENTRIES + 10)
    ledger.add(ledger.stream())
    wait_until(lambda: len(seen) == READ_ENTRIES + 11)
    follower.stop()
    assert seen == list(range(READ_ENTRIES + 11))
    assert ledger.book.cursor("mirror") == READ_ENTRIES + 11


def test_follower_goes_on_from_its_cursor_after_a_restart(ledger: Ledger) -> None:
    seen: list[int] = []
    for _ in range(2):
        ledger.add_many(5)
        follower = follow(ledger, lambda entry: seen.append(entry.position))
        follower.start()
        wait_until(lambda: ledger.book.cursor("mirror") == len(ledger.entries()))
        follower.stop()
    assert seen == list(range(10))


def test_cursors_of_two_followers_are_their_own(ledger: Ledger) -> None:
    ledger.add_many(3)
    reader = EntryReader(ledger.path, ledger.registry)
    assert follow(ledger, lambda _: None, "one").advance(reader)
    assert (ledger.book.cursor("one"), ledger.book.cursor("two")) == (3, 0)
    reader.close()


def test_cursor_moves_only_past_what_was_handled(ledger: Ledger) -> None:
    ledger.add_many(5)
    reader = EntryReader(ledger.path, ledger.registry)
    seen: list[int] = []

    def fail_at_three(entry: Recorded) -> None:
        if entry.position == 3:
            raise OSError("the other side is away")
        seen.append(entry.position)

    follower = follow(ledger, fail_at_three)
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            follower.advance(reader)
    assert ledger.book.cursor("mirror") == 3
    assert seen == [0, 1, 2]
    reader.close()


def test_failing_follower_tries_again_at_the_same_entry(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RETRY_SECONDS_MIN", 0.001)
    ledger.add_many(3)
    seen: list[int] = []

    def fail_twice(entry: Recorded) -> None:
        seen.append(entry.position)
        if seen.count(1) in (1, 2) and entry.position == 1:
            raise OSError

    follower = follow(ledger, fail_twice)
    follower.start()
    wait_until(lambda: ledger.book.cursor("mirror") == 3)
    follower.stop()
    assert seen == [0, 1, 1, 1, 2]


def test_follower_waits_longer_each_time_but_not_for_ever(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RETRY_SECONDS_MIN", 0.001)
    monkeypatch.setattr(jobs, "RETRY_SECONDS_MAX", 0.004)
    ledger.add_many(1)
    tries: list[float] = []

    def fail(_entry: Recorded) -> None:
        tries.append(follower._retry_seconds)
        raise OSError

    follower = follow(ledger, fail)
    follower.start()
    wait_until(lambda: len(tries) >= 5)
    follower.stop()
    assert tries[:5] == [0.001, 0.002, 0.004, 0.004, 0.004]


def test_follower_whose_source_does_not_open_tries_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RETRY_SECONDS_MIN", 0.001)
    ledger.add_many(1)
    tries: list[int] = []
    seen: list[int] = []

    def source() -> EntryReader:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")
        return EntryReader(ledger.path, ledger.registry)

    follower = Follower("late", source=source, cursors=ledger.book, handle=lambda e: seen.append(e.position))
    follower.start()
    wait_until(lambda: seen == [0])
    follower.stop()
    assert len(tries) == 3


def test_gap_in_the_log_does_not_make_the_follower_spin(ledger: Ledger) -> None:
    class Torn:
        def size(self) -> int:
            return 5

        def entries(self, *, first: int, end: int) -> list[Recorded]:
            return []

        def entries_of(self, types: object, *, first: int, end: int) -> list[Recorded]:
            return []

    assert not follow(ledger, lambda _: None).advance(Torn())


def test_stop_finishes_the_entry_at_hand_and_keeps_its_cursor(ledger: Ledger) -> None:
    ledger.add_many(5)
    seen: list[int] = []

    def stop_after_one(entry: Recorded) -> None:
        seen.append(entry.position)
        follower._stopping.set()

    follower = follow(ledger, stop_after_one)
    follower.start()
    wait_until(lambda: not follower._thread.is_alive())
    follower.stop()
    assert seen == [0]
    assert ledger.book.cursor("mirror") == 1


def test_follower_that_was_never_started_stops(ledger: Ledger) -> None:
    follow(ledger, lambda _: None).stop()


def test_a_follower_of_some_types_passes_by_the_others(ledger: Ledger) -> None:
    ledger.add_many(3)
    wanted = ledger.entries()[-1].type
    seen: list[int] = []
    reader = EntryReader(ledger.path, ledger.registry)
    for types in (frozenset({"other.thing/1"}), frozenset({wanted})):
        follower = Follower(
            f"some-{len(types & {wanted})}",
            source=lambda: reader,
            cursors=ledger.book,
            handle=lambda entry: seen.append(entry.position),
            types=types,
        )
        assert follower.advance(reader)
        assert not follower.advance(reader)
    assert seen == [0, 1, 2]
    # What was only passed by is read again after a crash, which costs nothing but the reading.
    assert (ledger.book.cursor("some-0"), ledger.book.cursor("some-1")) == (0, 3)
    reader.close()


class Told:
    """A source that counts how often the log itself is read."""

    def __init__(self, ledger: Ledger) -> None:
        self.reader = EntryReader(ledger.path, ledger.registry)
        self.reads = 0

    def size(self) -> int:
        return self.reader.size()

    def entries(self, *, first: int, end: int) -> Iterable[Recorded]:
        self.reads += 1
        return self.reader.entries(first=first, end=end)

    def entries_of(self, types: Iterable[str], *, first: int, end: int) -> Iterable[Recorded]:
        self.reads += 1
        return self.reader.entries_of(types, first=first, end=end)


def test_follower_that_keeps_up_never_reads_the_log_and_misses_nothing(ledger: Ledger) -> None:
    source = Told(ledger)
    seen: list[tuple[int, str]] = []
    follower = Follower(
        "mirror",
        source=lambda: source,
        cursors=ledger.book,
        handle=lambda entry: seen.append((entry.position, entry.id)),
    )
    ledger.machine.on_commit(follower.wake)
    ledger.add_many(3)  # told before the follower looks for the first time
    follower.start()
    for _ in range(20):
        ledger.add_many(2)
    wait_until(lambda: len(seen) == 43)
    follower.stop()
    assert seen == [(entry.position, entry.id) for entry in ledger.entries()]
    assert source.reads == 0


def test_follower_that_is_told_too_much_reads_the_rest_in_the_log(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "HEARD_ENTRIES_MAX", 4)
    source = Told(ledger)
    seen: list[int] = []
    follower = Follower(
        "mirror", source=lambda: source, cursors=ledger.book, handle=lambda entry: seen.append(entry.position)
    )
    ledger.machine.on_commit(follower.wake)
    for _ in range(10):
        ledger.add_many(3)
    follower.start()
    wait_until(lambda: len(seen) == 30)
    follower.stop()
    assert seen == list(range(30))
    assert source.reads == 1


def test_follower_is_not_woken_for_types_it_does_not_follow(ledger: Ledger) -> None:
    follower = Follower(
        "some",
        source=lambda: EntryReader(ledger.path, ledger.registry),
        cursors=ledger.book,
        handle=lambda _: None,
        types=frozenset({"other.thing/1"}),
    )
    follower._wake.clear()
    ledger.machine.on_commit(follower.wake)
    seen: list[Committed] = []
    ledger.machine.on_commit(seen.append)
    ledger.add_many(3)
    wait_until(lambda: sum(len(told.entries) for told in seen) == 3)
    assert not follower._wake.is_set()


def test_passing_by_very_many_moves_the_cursor_now_and_then(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PASSED_ENTRIES_MAX", 5)
    follower = Follower(
        "some",
        source=lambda: EntryReader(ledger.path, ledger.registry),
        cursors=ledger.book,
        handle=lambda _: None,
        types=frozenset({"other.thing/1"}),
    )
    ledger.machine.on_commit(follower.wake)
    follower.start()
    for _ in range(8):
        ledger.add_many(1)
    wait_until(lambda: ledger.book.cursor("some") >= 5)
    follower.stop()


def test_lazy_cursor_is_kept_in_the_end_and_when_nothing_comes_any_more(ledger: Ledger) -> None:
    kept: list[int] = []

    class Cursors:
        def cursor(self, _follower: str) -> int:
            return 0

        def move_cursor(self, _follower: str, position: int) -> None:
            kept.append(position)

    seen: list[int] = []

    def lazy(keep_seconds: float) -> Follower:
        return Follower(
            "lazy",
            source=lambda: EntryReader(ledger.path, ledger.registry),
            cursors=Cursors(),
            handle=lambda entry: seen.append(entry.position),
            keep_seconds=keep_seconds,
        )

    reader = EntryReader(ledger.path, ledger.registry)
    follower = lazy(3_600)
    for count in (1, 2, 3):
        ledger.add_many(1)
        assert follower.advance(reader)
        assert (seen, kept) == (list(range(count)), [1])  # at first at once, and then it may wait
    follower._keep_at_end()
    assert kept == [1, 3]

    kept.clear()
    follower = lazy(0.05)
    ledger.machine.on_commit(follower.wake)
    follower.start()
    wait_until(lambda: kept == [3])
    ledger.add_many(1)
    wait_until(lambda: kept == [3, 4])  # by no other entry than this
    follower.stop()
    assert kept == [3, 4]
    reader.close()
