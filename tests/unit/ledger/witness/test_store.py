"""The memory of a witness: compare and swap, durable on return, one sync for many."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from telesphor.ledger.witness.model import LogTimeRefused, SizeConflict, WitnessClockBack
from telesphor.ledger.witness.store import NEVER, MemoryMissing, Seen, WitnessStore
from telesphor.runtime.database import DatabaseRefused, StorageFailed

ONE = Seen(1, b"\x01" * 32, 100, 200)
TWO = Seen(2, b"\x02" * 32, 101, 201)
OTHER_TWO = Seen(2, b"\x03" * 32, 101, 201)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WitnessStore]:
    store = WitnessStore(tmp_path / "witness.sqlite", new=True)
    yield store
    store.close()


def test_a_log_never_seen_is_the_empty_tree(store: WitnessStore) -> None:
    assert store.seen("a") == NEVER


def test_what_was_taken_is_there_and_in_the_file(store: WitnessStore) -> None:
    assert store.advance("a", known=NEVER, wanted=ONE) == ONE
    assert store.seen("a") == ONE
    again = WitnessStore(store.path)
    assert again.seen("a") == ONE
    again.close()


def test_only_the_state_that_was_checked_is_left(store: WitnessStore) -> None:
    store.advance("a", known=NEVER, wanted=ONE)
    store.advance("a", known=ONE, wanted=TWO)
    for known in (NEVER, ONE, OTHER_TWO):  # the last has the right size and another root
        with pytest.raises(SizeConflict) as caught:
            store.advance("a", known=known, wanted=OTHER_TWO)
        assert caught.value.size == 2
    assert store.seen("a") == TWO


def test_times_are_judged_when_the_state_is_taken(store: WitnessStore) -> None:
    store.advance("a", known=NEVER, wanted=ONE)
    with pytest.raises(LogTimeRefused):
        store.advance("a", known=ONE, wanted=Seen(2, TWO.root, 99, 201))
    with pytest.raises(WitnessClockBack):
        store.advance("a", known=ONE, wanted=Seen(2, TWO.root, 100, 200 - 301))
    kept = store.advance("a", known=ONE, wanted=Seen(2, TWO.root, 100, 150))
    assert kept.cosigned_seconds == 200


def test_of_many_that_would_follow_one_state_exactly_one_is_taken(store: WitnessStore) -> None:
    rivals = [Seen(2, bytes([number]) * 32, 0, 1) for number in range(24)]
    start = threading.Barrier(len(rivals))

    def try_one(rival: Seen) -> bool:
        start.wait()
        try:
            return store.advance("a", known=NEVER, wanted=rival) == rival
        except SizeConflict:
            return False

    with ThreadPoolExecutor(len(rivals)) as threads:
        taken = [rival for rival, won in zip(rivals, threads.map(try_one, rivals), strict=True) if won]
    assert [store.seen("a")] == taken


def test_many_logs_share_a_sync(store: WitnessStore, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    carry_out = WitnessStore._carry_out

    def counting(self: WitnessStore, batch: list[object]) -> None:
        batches.append(len(batch))
        carry_out(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(WitnessStore, "_carry_out", counting)
    start = threading.Barrier(17)

    def advance(number: int) -> None:
        start.wait()
        store.advance(f"log-{number}", known=NEVER, wanted=ONE)

    with ThreadPoolExecutor(17) as threads:
        with store._committing:  # the disk is busy while they arrive
            waiting = [threads.submit(advance, number) for number in range(16)]
            start.wait()
            while len(store._waiting) < 16:
                pass
        for future in waiting:
            future.result()
    assert batches == [16]
    assert all(store.seen(f"log-{number}") == ONE for number in range(16))


def test_a_repetition_within_the_second_writes_nothing(store: WitnessStore) -> None:
    store.advance("a", known=NEVER, wanted=ONE)
    before = store._db.total_changes()
    assert store.advance("a", known=ONE, wanted=ONE) == ONE
    assert store._db.total_changes() == before


def test_a_second_process_on_the_file_cannot_make_it_fork(store: WitnessStore) -> None:
    other = WitnessStore(store.path)
    store.advance("a", known=NEVER, wanted=TWO)
    with pytest.raises(SizeConflict):
        other.advance("a", known=NEVER, wanted=OTHER_TWO)
    other.close()


def test_a_disk_that_refuses_takes_nothing(store: WitnessStore) -> None:
    store.advance("a", known=NEVER, wanted=ONE)
    holder = apsw.Connection(str(store.path))
    holder.execute("BEGIN IMMEDIATE")
    store._db.set_busy_timeout(10)
    with pytest.raises(StorageFailed):
        store.advance("a", known=ONE, wanted=TWO)
    assert store.seen("a") == ONE
    holder.execute("ROLLBACK")
    holder.close()
    assert store.advance("a", known=ONE, wanted=OTHER_TWO) == OTHER_TWO


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "witness.sqlite").write_bytes(b"rubbish" * 1000)
    with pytest.raises(DatabaseRefused):
        WitnessStore(tmp_path / "witness.sqlite")


def test_a_memory_that_is_gone_or_empty_is_missed_not_made(tmp_path: Path) -> None:
    path = tmp_path / "witness.sqlite"
    with pytest.raises(MemoryMissing):
        WitnessStore(path)
    assert not path.exists()
    path.touch()  # as a copy that broke off leaves it
    with pytest.raises(MemoryMissing) as caught:
        WitnessStore(path)
    assert "new keys" in caught.value.hint
