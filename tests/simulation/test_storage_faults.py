"""A disk that is full, that fails while it syncs, that may not be written: nothing acknowledged is lost.

`FaultyDisk` is a layer between SQLite and the real files that fails chosen writes and syncs, so the
faults are SQLite's own. A small tmpfs, where the machine lets us mount one, makes the real thing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import apsw
import pytest

from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.database import DatabaseRefused, StorageFailed, StorageFull, open_database
from telesphor.runtime.machine import NodeHalted
from telesphor.runtime.wal import WalKeeper
from tests.support import notes
from tests.support.ledger import Ledger


class FaultyDisk(apsw.VFS):
    """SQLite's usual files, until `write_error` or `sync_error` is set for names that end in `suffix`."""

    def __init__(self) -> None:
        super().__init__("faulty", "unix")
        self.write_error: type[Exception] | None = None
        self.sync_error: type[Exception] | None = None
        self.suffix = "-wal"
        self.writes_left = 0
        self.syncs = 0

    def heal(self) -> None:
        self.write_error = self.sync_error = None

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return FaultyFile(self, path or "", name, flags)


class FaultyFile(apsw.VFSFile):
    def __init__(
        self, disk: FaultyDisk, path: str, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk
        self._path = path

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._disk.write_error is not None and self._path.endswith(self._disk.suffix):
            if self._disk.writes_left == 0:
                raise self._disk.write_error("injected")
            self._disk.writes_left -= 1
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if self._path.endswith(self._disk.suffix):
            self._disk.syncs += 1
            if self._disk.sync_error is not None:
                raise self._disk.sync_error("injected")
        super().xSync(flags)


DISK = FaultyDisk()
"""One for the whole run: a connection must not outlive the layer it was opened with."""


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyDisk]:
    monkeypatch.setattr(apsw, "Connection", partial(apsw.Connection, vfs="faulty"))
    DISK.suffix, DISK.writes_left, DISK.syncs = "-wal", 0, 0
    yield DISK
    DISK.heal()


REAL_CONNECTION = apsw.Connection


@contextmanager
def healthy_disk() -> Iterator[None]:
    """Databases opened in here are on the real disk."""
    faulty, apsw.Connection = apsw.Connection, REAL_CONNECTION  # type: ignore[misc]
    try:
        yield
    finally:
        apsw.Connection = faulty  # type: ignore[misc]


class Promises:
    """What callers were told: each acknowledged text by its position."""

    def __init__(self) -> None:
        self.kept: dict[int, str] = {}

    def add(self, ledger: Ledger, stream: str, text: str) -> None:
        self.kept[ledger.add(stream, text, signed=True).first] = text

    def hold_after_restart(self, folder: Path, *, exactly: bool = True) -> None:
        """Reopen on a healthy disk: all promises hold, `fsck` is clean, and writing goes on."""
        with healthy_disk():
            ledger = Ledger(folder).start()
            stored = {entry.position: entry.body.text for entry in ledger.entries()}
            assert {position: stored[position] for position in self.kept} == self.kept
            if exactly:
                assert stored == self.kept
            assert ledger.add(ledger.stream(), "goes on").first == len(stored)
            while ledger.integrator.integrate():
                pass
            ledger.close()
            ledger.walk()
            ledger.check_state()


def test_every_acknowledged_request_was_synced(disk: FaultyDisk, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path).start()
    stream = ledger.stream()
    for _ in range(3):
        before = disk.syncs
        ledger.add(stream)
        assert disk.syncs > before
    ledger.close()


@pytest.mark.parametrize("writes_left", [0, 1, 2, 5])
def test_full_disk_refuses_and_goes_on_when_there_is_room_again(
    disk: FaultyDisk, tmp_path: Path, writes_left: int
) -> None:
    ledger, promises = Ledger(tmp_path).start(), Promises()
    stream = ledger.stream()
    promises.add(ledger, stream, "before")
    disk.write_error, disk.writes_left = apsw.FullError, writes_left
    for _ in range(2):
        with pytest.raises(StorageFull) as raised:
            ledger.add(stream, "lost", signed=True)
        assert raised.value.code == "storage-full"
        disk.writes_left = writes_left
    assert not ledger.machine.halted
    disk.heal()
    promises.add(ledger, stream, "after")
    assert [entry.n for entry in ledger.entries()] == [0, 1]
    ledger.close()
    promises.hold_after_restart(tmp_path)


def test_full_disk_spares_no_request_of_the_batch_and_loses_no_number(
    disk: FaultyDisk, tmp_path: Path
) -> None:
    ledger, promises = Ledger(tmp_path).start(), Promises()
    stream = ledger.stream()
    disk.write_error = apsw.FullError
    body = notes.AddNote(stream=stream)
    with pytest.raises(StorageFull):
        ledger.machine.call_blocking(ledger.request(*[(notes.ADD, body)] * 50, signed=True))
    disk.heal()
    for text in ("one", "two"):
        promises.add(ledger, stream, text)
    assert [(entry.position, entry.n) for entry in ledger.entries()] == [(0, 0), (1, 1)]
    ledger.close()
    promises.hold_after_restart(tmp_path)


def test_sync_that_fails_halts_the_node(disk: FaultyDisk, tmp_path: Path) -> None:
    ledger, promises = Ledger(tmp_path).start(), Promises()
    stream = ledger.stream()
    promises.add(ledger, stream, "before")
    disk.sync_error = apsw.IOError
    with pytest.raises(NodeHalted, match="whether this was written is known after a restart") as raised:
        ledger.add(stream, "unknown", signed=True)
    assert raised.value.code == "node-halted"
    assert ledger.machine.halted
    disk.heal()  # a disk that seems well again proves nothing: the kernel forgets what it could not write
    with pytest.raises(NodeHalted):
        ledger.add(stream, "refused", signed=True)
    ledger.close()
    promises.hold_after_restart(tmp_path, exactly=False)


@pytest.mark.parametrize("writes_left", [0, 1])
def test_write_that_fails_while_committing_halts_the_node(
    disk: FaultyDisk, tmp_path: Path, writes_left: int
) -> None:
    ledger, promises = Ledger(tmp_path).start(), Promises()
    stream = ledger.stream()
    promises.add(ledger, stream, "before")
    disk.write_error, disk.writes_left = apsw.IOError, writes_left
    with pytest.raises(NodeHalted):
        ledger.add(stream, "unknown", signed=True)
    disk.heal()
    with pytest.raises(NodeHalted):
        ledger.add(stream, "refused")
    ledger.close()
    promises.hold_after_restart(tmp_path, exactly=False)


def test_requests_waiting_behind_a_failed_sync_are_answered(disk: FaultyDisk, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path).start()
    stream = ledger.stream()
    disk.sync_error = apsw.IOError
    answers: list[str] = []

    def ask() -> None:
        try:
            ledger.add(stream)
        except TelesphorError as error:
            answers.append(error.code)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == ["node-halted"] * 20
    disk.heal()
    ledger.close()


def test_disk_that_fails_while_deciding_does_not_halt_and_writes_nothing(
    disk: FaultyDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A batch larger than the page cache is written to the log before its commit.
    ledger, promises = Ledger(tmp_path).start(), Promises()
    stream = ledger.stream()
    promises.add(ledger, stream, "before")
    ledger.db.pragma("cache_size", 10)
    disk.write_error = apsw.IOError
    big = [(notes.ADD, notes.AddNote(stream=stream, text="x" * 20_000))] * 50
    with pytest.raises(StorageFailed):
        ledger.machine.call_blocking(ledger.request(*big))
    disk.heal()
    promises.add(ledger, stream, "after")
    assert not ledger.machine.halted
    ledger.close()
    promises.hold_after_restart(tmp_path)


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError])
def test_commit_stays_a_commit_when_the_log_cannot_be_copied_back(
    disk: FaultyDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    # An error out of SQLite's hook would make a durable commit look as if it had failed.
    monkeypatch.setattr("telesphor.runtime.wal.RESTART_PAGES", 1)
    monkeypatch.setattr("telesphor.runtime.wal.RESTART_EVERY_PAGES", 1)
    ledger, promises = Ledger(tmp_path), Promises()
    keeper = WalKeeper(ledger.path, ledger.db)
    ledger.start()
    stream = ledger.stream()
    disk.write_error, disk.suffix = error, "ledger.sqlite"
    for text in ("one", "two", "three"):
        promises.add(ledger, stream, text)
    disk.heal()
    keeper.stop()
    ledger.close()
    promises.hold_after_restart(tmp_path)


def test_full_disk_under_the_book_of_checkpoints_is_made_good(disk: FaultyDisk, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path).start()
    ledger.add_many(300)
    assert ledger.integrator.size == 0
    disk.write_error, disk.suffix = apsw.FullError, "published.sqlite-wal"
    with pytest.raises(StorageFull):
        ledger.integrator.integrate()
    ledger.add(ledger.stream())  # the writer does not wait for the tree
    disk.heal()
    published = ledger.integrator.integrate()
    assert published is not None and published.size == 301
    ledger.close()
    with healthy_disk():
        ledger.check()


def test_follower_whose_cursor_cannot_be_kept_repeats_and_loses_nothing(
    disk: FaultyDisk, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path).start()
    disk.write_error, disk.suffix = apsw.FullError, "published.sqlite-wal"
    with pytest.raises(StorageFull):
        ledger.book.move_cursor("mirror", 7)
    disk.heal()
    assert ledger.book.cursor("mirror") == 0
    ledger.close()


def test_database_locked_by_another_program_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telesphor.runtime.database.BUSY_TIMEOUT_MS", 20)
    ledger, promises = Ledger(tmp_path).start(), Promises()
    other = apsw.Connection(str(ledger.path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageFailed):
        ledger.add(ledger.stream())
    other.execute("ROLLBACK")
    other.close()
    promises.add(ledger, ledger.stream(), "after")
    ledger.close()
    promises.hold_after_restart(tmp_path)


def test_table_that_outgrows_its_room_refuses_only_while_it_must(tmp_path: Path) -> None:
    ledger, promises = Ledger(tmp_path).start(), Promises()
    stream = ledger.stream()
    promises.add(ledger, stream, "before")
    pages = ledger.db.pragma("page_count")
    ledger.db.pragma("max_page_count", pages + 2)
    with pytest.raises(StorageFull):
        ledger.add(stream, "x" * 40_000)
    ledger.db.pragma("max_page_count", 1_000_000)
    promises.add(ledger, stream, "after")
    ledger.close()
    promises.hold_after_restart(tmp_path)


FILL = """
import os, sys, threading
from pathlib import Path
from telesphor.kernel.errors import TelesphorError
from tests.support.ledger import Ledger

ledger = Ledger(Path(sys.argv[1])).start()
stream = ledger.stream()
told = []
for i in range(int(sys.argv[2])):
    try:
        receipt = ledger.add(stream, f"{i} " + "x" * 20_000)
        print("kept", receipt.first, i, flush=True)
    except TelesphorError as error:
        print("refused", error.code, i, flush=True)
        told.append(error.code)
        if len(told) == 5:
            break
os._exit(0)  # the machine is switched off
"""


def run_until_full(folder: Path, *, wrapper: tuple[str, ...] = ()) -> tuple[dict[int, int], set[str]]:
    """Write until the disk says no, then lose power; returns what was acknowledged and the refusals."""
    done = subprocess.run(
        [*wrapper, sys.executable, "-c", FILL, str(folder), "2000"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    kept, codes = {}, set()
    for line in done.stdout.splitlines():
        word, what, number = line.split()
        if word == "kept":
            kept[int(what)] = int(number)
        else:
            codes.add(what)
    assert codes, done.stderr
    return kept, codes


def assert_kept(folder: Path, kept: dict[int, int]) -> None:
    ledger = Ledger(folder).start()
    texts = {entry.position: int(entry.body.text.split()[0]) for entry in ledger.entries()}
    assert {position: texts[position] for position in kept} == kept
    ledger.integrator.integrate()
    ledger.add(ledger.stream())
    ledger.close()
    ledger.check()


def test_file_size_limit_halts_the_node_and_loses_nothing(tmp_path: Path) -> None:
    limit = ("bash", "-c", 'ulimit -f 2000; trap "" XFSZ; exec "$@"', "bash")
    kept, codes = run_until_full(tmp_path, wrapper=limit)
    assert codes == {"node-halted"}
    assert kept
    assert_kept(tmp_path, kept)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_small_disk_that_fills_up_answers_storage_full_and_loses_nothing(small_disk: Path) -> None:
    kept, codes = run_until_full(small_disk)
    assert codes == {"storage-full"}
    assert kept
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert_kept(small_disk, kept)


def test_read_only_disk_gives_database_refused(small_disk: Path) -> None:
    ledger = Ledger(small_disk).start()
    ledger.add(ledger.stream())
    ledger.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        for name in ("ledger.sqlite", "new.sqlite"):
            with pytest.raises(DatabaseRefused) as raised:
                open_database(small_disk / name)
            assert raised.value.code == "database-refused"
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)


def test_integrator_on_a_small_disk_catches_up_when_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telesphor.ledger.integrator.RETRY_SECONDS", 0.05)
    ledger = Ledger(small_disk).start()
    ledger.add_many(2_000)
    assert ledger.integrator.size == 0
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    ledger.integrator.start()
    assert not ledger.integrator.wait_for(1_999, timeout_seconds=0.5)
    filler.unlink()
    assert ledger.integrator.wait_for(1_999, timeout_seconds=60)
    ledger.close()
    ledger.check()
