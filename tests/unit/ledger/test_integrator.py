"""From committed entries to tiles and checkpoints, through every crash in between."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.kernel.checkpoint import CheckpointRefused, open_checkpoint
from telesphor.kernel.merkle import root_of
from telesphor.kernel.tile import Tile, parse_tile_path, tiles_for
from telesphor.ledger import growth, integrator
from telesphor.ledger.checkpoints import CheckpointShrunk, PublishedCheckpoint
from telesphor.ledger.growth import TreeInconsistent
from telesphor.ledger.integrator import Integrator
from telesphor.ledger.tiles import read_tile
from telesphor.runtime.blobs import Blobs, Buffer
from telesphor.runtime.database import StorageFailed
from tests.support.ledger import ORIGIN, START_MS, Ledger, change, flip, wait_until

WAIT_SECONDS = 60.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path).start()
    yield ledger
    ledger.close()


class Power(BaseException):
    """The machine lost its power here."""


class FailingBlobs(Blobs):
    """Real blobs that fail when told to: `fail` is raised by the next write or deletion whose path has `where`."""

    def __init__(self, blobs: Blobs) -> None:
        super().__init__(blobs._store)
        self.fail: BaseException | None = None
        self.where = ""
        self.calls: list[str] = []

    def _note(self, call: str, path: str) -> None:
        self.calls.append(f"{call} {path}")
        if self.fail is not None and self.where in f"{call} {path}":
            raise self.fail

    def put(self, path: str, data: Buffer, *, durable: bool = True) -> None:
        self._note("put", path)
        super().put(path, data, durable=durable)

    def delete(self, path: str) -> None:
        self._note("delete", path)
        super().delete(path)


def failing(ledger: Ledger) -> FailingBlobs:
    ledger.public = FailingBlobs(ledger.public)
    return ledger.public


def published_tiles(ledger: Ledger) -> set[Tile]:
    return {parse_tile_path(path) for path in ledger.public.list("tile")}


def assert_published(ledger: Ledger, size: int) -> None:
    """The shown checkpoint, the book and the tiles are those of the first `size` entries."""
    signed = open_checkpoint(ledger.public.get("checkpoint"), origin=ORIGIN, vkeys=ledger.signer.vkeys())
    assert signed.checkpoint.size == size == ledger.book.newest().size
    assert signed.note == ledger.book.newest().note
    assert signed.checkpoint.root == root_of([entry.leaf for entry in ledger.entries()[:size]])
    for tile in tiles_for(size):
        read_tile(ledger.public, tile)


def crash(ledger: Ledger) -> Ledger:
    """The process is gone: only what is in the folder is left."""
    ledger.close()
    return Ledger(ledger.folder, clock=ledger.clock).start()


def test_commit_is_in_a_signed_checkpoint_within_a_second(ledger: Ledger) -> None:
    following = ledger.open_integrator()  # at its usual pace
    ledger.machine.on_commit(following.wake)
    following.start()
    for _ in range(2):
        begun = time.monotonic()
        receipt = ledger.add(ledger.stream())
        assert following.wait_for(receipt.first, timeout_seconds=WAIT_SECONDS)
        assert time.monotonic() - begun < 5.0  # a busy machine; the interval alone is half a second
        assert ledger.book.newest().size > receipt.first
    following.stop()
    assert_published(ledger, 2)


def test_first_commit_after_a_start_waits_for_no_interval(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = ledger.open_integrator(interval_ms=3_600_000)
    looked, integrate = threading.Event(), following.integrate

    def look() -> PublishedCheckpoint | None:
        published = integrate()
        looked.set()
        return published

    monkeypatch.setattr(following, "integrate", look)
    ledger.machine.on_commit(following.wake)
    following.start()
    assert looked.wait(WAIT_SECONDS)  # It found nothing.
    receipt = ledger.add(ledger.stream())
    assert following.wait_for(receipt.first, timeout_seconds=WAIT_SECONDS)
    following.stop()


def test_nothing_new_signs_nothing(ledger: Ledger) -> None:
    assert ledger.integrator.integrate() is None
    ledger.add_many(3)
    assert ledger.integrator.integrate() is not None
    assert ledger.integrator.integrate() is None
    assert ledger.integrator.size == 3


@pytest.mark.parametrize("steps", [(1, 1, 1), (255, 1, 1), (256, 256), (300, 300), (100, 600, 1)])
def test_tiles_and_checkpoint_are_those_of_the_entries(ledger: Ledger, steps: tuple[int, ...]) -> None:
    size = 0
    for step in steps:
        ledger.add_many(step)
        size += step
        ledger.integrator.integrate()
        assert_published(ledger, size)
    assert published_tiles(ledger) >= set(tiles_for(size))


def test_far_behind_it_signs_in_between(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrator, "RUN_ENTRIES_MAX", 300)
    monkeypatch.setattr(growth, "READ_ENTRIES", 77)
    ledger.add_many(700)
    sizes = []
    while (published := ledger.integrator.integrate()) is not None:
        sizes.append(published.size)
    assert sizes == [300, 600, 700]
    assert_published(ledger, 700)


def test_start_catches_up_with_what_was_committed_before(ledger: Ledger) -> None:
    ledger.add_many(5)
    ledger.integrator.start()
    assert ledger.integrator.wait_for(4, timeout_seconds=WAIT_SECONDS)


def test_stop_integrates_what_is_committed(ledger: Ledger) -> None:
    ledger.integrator.start()
    ledger.add_many(5)
    ledger.integrator.stop()
    assert_published(ledger, 5)


def test_waiting_ends_with_the_time(ledger: Ledger) -> None:
    ledger.add_many(5)
    assert not ledger.integrator.wait_for(0, timeout_seconds=0.01)


def test_waiting_does_not_end_before_the_checkpoint_is_kept(ledger: Ledger) -> None:
    blobs = failing(ledger)
    waited: list[int] = []

    class Slow(threading.Thread):
        def run(self) -> None:
            assert ledger.integrator.wait_for(4, timeout_seconds=WAIT_SECONDS)
            waited.append(len(blobs.calls))

    waiter = Slow(daemon=True)
    assert ledger.integrator.size == 0
    waiter.start()
    ledger.add_many(5)
    ledger.integrator.integrate()
    waiter.join(WAIT_SECONDS)
    assert waited and waited[0] >= blobs.calls.index("put checkpoint")


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_restart_goes_on_from_the_last_checkpoint(ledger: Ledger, size: int) -> None:
    ledger.add_many(size)
    ledger.integrator.integrate()
    ledger = crash(ledger)
    assert ledger.integrator.size == size
    ledger.add_many(300)
    ledger.integrator.integrate()
    assert_published(ledger, size + 300)
    ledger.walk()
    ledger.close()


@pytest.mark.parametrize(
    "where", ["put tile/0/001", "put tile/0/002.p/88", "put tile/1/000.p/2", "put checkpoint"]
)
def test_crash_while_publishing_is_made_good_at_the_next_start(ledger: Ledger, where: str) -> None:
    ledger.add_many(300)
    ledger.integrator.integrate()
    blobs = failing(ledger)
    ledger._integrator = ledger.open_integrator()
    ledger.add_many(300)
    blobs.fail, blobs.where = Power(), where
    with pytest.raises(Power):
        ledger.integrator.integrate()
    blobs.fail = None
    ledger = crash(ledger)
    assert ledger.integrator.size == (600 if where == "put checkpoint" else 300)
    assert_published(ledger, ledger.integrator.size)
    ledger.add_many(1)
    ledger.integrator.integrate()
    assert_published(ledger, 601)
    ledger.walk()
    ledger.close()


def test_crash_before_the_checkpoint_is_kept_leaves_the_last_one_shown(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.add_many(10)
    ledger.integrator.integrate()
    ledger.add_many(10)

    def lose_power(_checkpoint: PublishedCheckpoint) -> None:
        raise Power

    monkeypatch.setattr(ledger.book, "add", lose_power)
    with pytest.raises(Power):
        ledger.integrator.integrate()
    monkeypatch.undo()
    assert_published(ledger, 10)
    ledger = crash(ledger)
    ledger.integrator.integrate()
    assert_published(ledger, 20)
    ledger.walk()
    ledger.close()


def test_checkpoint_that_was_kept_and_not_shown_is_shown_at_the_next_start(ledger: Ledger) -> None:
    ledger.add_many(10)
    ledger.integrator.integrate()
    ledger.public.put("checkpoint", b"of an earlier time")
    ledger = crash(ledger)
    assert ledger.integrator.size == 10
    assert_published(ledger, 10)
    ledger.close()


def test_failing_store_is_tried_again_from_the_last_checkpoint(ledger: Ledger) -> None:
    blobs = failing(ledger)
    ledger.add_many(300)
    ledger.integrator.integrate()
    ledger.add_many(300)
    for where in ("put tile/0/001", "put tile/0/002.p", "put checkpoint", "delete"):
        blobs.fail, blobs.where = StorageFailed("away"), where
        with pytest.raises(StorageFailed):
            ledger.integrator.integrate()
    blobs.fail = None
    ledger.integrator.integrate()
    assert_published(ledger, 600)


@pytest.mark.parametrize("error", [StorageFailed("away"), OSError("away"), ZeroDivisionError()])
def test_thread_outlives_whatever_the_store_does(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(integrator, "RETRY_SECONDS", 0.01)
    blobs = failing(ledger)
    assert ledger.integrator.size == 0
    blobs.fail = error
    ledger.add_many(10)
    ledger.integrator.start()
    wait_until(lambda: len(blobs.calls) > 3)
    assert ledger.integrator.size == 0
    blobs.fail = None
    assert ledger.integrator.wait_for(9, timeout_seconds=WAIT_SECONDS)
    ledger.integrator.stop()
    assert_published(ledger, 10)


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped"])
@pytest.mark.parametrize("path", ["tile/0/002.p/88", "tile/1/000.p/2"])
def test_damaged_edge_is_made_again_from_the_entries(ledger: Ledger, path: str, damage: str) -> None:
    ledger.add_many(600)
    ledger.integrator.integrate()
    good = ledger.public.get(path)
    if damage == "missing":
        ledger.public.delete(path)
    else:
        ledger.public.put(path, good[:-1] if damage == "truncated" else flip(good, 5))
    ledger = crash(ledger)
    assert ledger.integrator.size == 600
    assert ledger.public.get(path) == good
    ledger.walk()
    ledger.close()


def test_all_tiles_lost_are_made_again_from_the_entries(ledger: Ledger) -> None:
    for _ in range(2):
        ledger.add_many(300)
        ledger.integrator.integrate()
    ledger.close()
    shutil.rmtree(ledger.folder / "public")
    ledger = Ledger(ledger.folder, clock=ledger.clock).start()
    assert ledger.integrator.size == 600
    assert_published(ledger, 600)
    ledger.walk()
    ledger.close()


def put_back_the_ledger(ledger: Ledger, *, entries: int) -> Ledger:
    """An older copy of `ledger.sqlite` is put back, under newer checkpoints."""
    ledger.add_many(300 - entries)
    ledger.integrator.integrate()
    ledger.close()
    path = ledger.path
    change(path, "DELETE FROM entries WHERE position >= 280")
    for sql in ("DELETE FROM streams", "DELETE FROM requests WHERE first >= 280", "DELETE FROM notes"):
        try:
            change(path, sql)
        except AssertionError:
            continue
    return Ledger(ledger.folder, clock=ledger.clock).start()


def test_ledger_put_back_to_an_older_copy_is_not_signed_on(ledger: Ledger) -> None:
    ledger = put_back_the_ledger(ledger, entries=0)
    with pytest.raises(TreeInconsistent, match="entry `299` is missing"):
        ledger.open_integrator()
    ledger.close()


def test_ledger_put_back_and_written_on_is_not_signed_on(ledger: Ledger) -> None:
    ledger = put_back_the_ledger(ledger, entries=0)
    before = {tile: ledger.public.get(tile.path()) for tile in published_tiles(ledger)}
    for _ in range(30):
        ledger.add(ledger.stream())
    with pytest.raises(TreeInconsistent, match="root signed at size `300`") as raised:
        ledger.open_integrator()
    assert "fsck" in raised.value.hint
    assert {tile: ledger.public.get(tile.path()) for tile in published_tiles(ledger)} == before
    ledger.close()


def test_gap_in_the_entries_is_not_signed_over(ledger: Ledger) -> None:
    ledger.add_many(10)
    ledger.close()
    change(ledger.path, "DELETE FROM entries WHERE position = 4")
    ledger = Ledger(ledger.folder, clock=ledger.clock).start()
    with pytest.raises(TreeInconsistent, match="entry `4` is missing"):
        ledger.integrator.integrate()
    assert ledger.book.last() is None
    ledger.close()


def test_checkpoint_in_the_book_that_the_log_did_not_sign_is_refused(ledger: Ledger) -> None:
    ledger.add_many(10)
    ledger.integrator.integrate()
    ledger.close()
    changed = "UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), '10', '11') AS BLOB)"
    change(ledger.folder / "published.sqlite", changed)
    ledger = Ledger(ledger.folder, clock=ledger.clock)
    with pytest.raises(CheckpointRefused):
        ledger.open_integrator()
    ledger.close()


def test_two_integrators_never_sign_two_trees(ledger: Ledger) -> None:
    one, two = ledger.open_integrator(), ledger.open_integrator()
    for turn in range(6):
        ledger.add_many(120)
        for each in (one, two) if turn % 2 else (two, one):
            try:
                each.integrate()
            except CheckpointShrunk:
                assert each.integrate() is None  # it went on from what the other had signed
    leaves = [entry.leaf for entry in ledger.entries()]
    for size in range(120, 721, 120):
        kept = ledger.book.covering(size - 1)
        signed = open_checkpoint(kept.note, origin=ORIGIN, vkeys=ledger.signer.vkeys())
        assert (signed.checkpoint.size, signed.checkpoint.root) == (size, root_of(leaves[:size]))
    for each in (one, two):
        each.stop()


def test_partial_tiles_go_only_once_their_full_tile_is_published(ledger: Ledger) -> None:
    kept: list[int] = []
    for step in (10, 100, 100, 45, 1, 10, 300):
        ledger.add_many(step)
        kept.append(ledger.integrator.integrate().size)  # type: ignore[union-attr]
        for size in kept:
            for tile in tiles_for(size):
                whole = Tile(tile.level, tile.index)
                assert ledger.public.exists(tile.path()) or whole.end <= kept[-1]
                read_tile(ledger.public, tile)
    partial = {tile for tile in published_tiles(ledger) if not tile.is_full}
    assert all(Tile(tile.level, tile.index).end > kept[-1] for tile in partial)


def test_partial_tiles_from_before_a_restart_go_too(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.add_many(50)
        ledger.integrator.integrate()
    ledger = crash(ledger)
    ledger.add_many(200)
    ledger.integrator.integrate()
    assert {tile for tile in published_tiles(ledger) if tile.level == 0} == {Tile(0, 0), Tile(0, 1, 94)}
    ledger.close()


def test_times_of_checkpoints_never_go_back(ledger: Ledger) -> None:
    times = []
    for step_ms in (0, 5_000, -60_000, 1_000):
        ledger.clock.advance_ms(step_ms)
        ledger.add_many(1)
        times.append(ledger.integrator.integrate().at_ms)  # type: ignore[union-attr]
    ledger = crash(ledger)
    ledger.add_many(1)
    times.append(ledger.integrator.integrate().at_ms)  # type: ignore[union-attr]
    assert times == [START_MS, *[START_MS + 5_000] * 4]
    assert ledger.book.at(START_MS + 5_000).size == 5
    ledger.close()


def test_stop_twice_and_without_start_is_harmless(ledger: Ledger) -> None:
    other: Integrator = ledger.open_integrator()
    other.stop()
    other.stop()
