"""A witness that is killed at any moment never signs two trees of one size, nor anything that contradicts itself.

Each seed is a life of one witness: a log with two forks submits in honest and in wrong order, several requests at
once, and the process dies again and again: in the middle of a write to its file, between the commit and the
signature, between the signature and the answer. What it leaves is the files as they were at that moment; the
next process opens a copy of them. Every signature that was ever made is kept here, answered or not.
"""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import apsw
import pytest

from telesphor.kernel.checkpoint import Checkpoint
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.note import NoteSignature
from telesphor.ledger.witness.model import SizeConflict, format_request
from telesphor.ledger.witness.store import WitnessStore
from telesphor.ledger.witness.witness import Witness
from tests.support.witnesses import NOW_SECONDS, ORIGIN, Tree, cosigner, log_signer
from tests.torture.scale import SEED, TORTURE

LIVES = 60
STEPS = 14
LEAVES = 48
THREADS = 3


class Killed(BaseException):
    """The process is gone."""


@dataclass
class CrashingDisk(apsw.VFS):
    """SQLite's usual files, until as many writes and syncs are done as `arm` says: then nothing more works."""

    folder: Path | None = None
    after: Path | None = None
    left: int = -1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        super().__init__("crashing", "unix")

    def arm(self, folder: Path, after: Path, operations: int) -> None:
        self.folder, self.after, self.left = folder, after, operations

    def disarm(self) -> None:
        self.folder = None

    def count(self, path: str) -> None:
        """Called before every write and sync."""
        with self._lock:
            if self.folder is None or not path.startswith(f"{self.folder}/"):
                return
            if self.left == 0:
                assert self.after is not None
                shutil.copytree(self.folder, self.after)
            self.left -= 1
            if self.left < 0:
                raise apsw.IOError("the process is gone")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return CrashingFile(self, path or "", name, flags)


class CrashingFile(apsw.VFSFile):
    def __init__(
        self, disk: CrashingDisk, path: str, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk
        self._path = path

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.count(self._path)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self._disk.count(self._path)
        super().xSync(flags)


DISK = CrashingDisk()
"""One for the whole run: a connection must not outlive the layer it was opened with."""


@pytest.fixture(autouse=True)
def crashing_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(apsw, "Connection", partial(apsw.Connection, vfs="crashing"))
    yield
    DISK.disarm()


@cache
def histories() -> tuple[Tree, ...]:
    """The log, a fork of it, and a fork of the fork."""
    tree = Tree(LEAVES)
    fork = tree.fork(15)
    return tree, fork, fork.fork(30, history="c")


@cache
def note_of(history: int, size: int) -> bytes:
    return histories()[history].note(size)


def request_of(history: int, old_size: int, size: int) -> bytes:
    proof = histories()[history].proof(old_size, size) if old_size <= size else []
    return format_request(old_size=old_size, proof=proof, note=note_of(history, size))


@dataclass(frozen=True)
class Signed:
    size: int
    root: bytes
    time_seconds: int


class RecordingCosigner(Cosigner):
    """The real keys; every signature is written down before anyone can lose it, and the process may die around it."""

    def prepare(self, signed: list[Signed], die_before: int, die_after: int) -> RecordingCosigner:
        object.__setattr__(self, "_life", [signed, die_before, die_after])
        return self

    def cosign(self, checkpoint: Checkpoint, *, time_seconds: int) -> tuple[NoteSignature, NoteSignature]:
        life = self.__dict__["_life"]
        life[1] -= 1
        if life[1] < 0:
            raise Killed
        lines = super().cosign(checkpoint, time_seconds=time_seconds)
        life[0].append(Signed(checkpoint.size, checkpoint.root, time_seconds))
        life[2] -= 1
        if life[2] < 0:
            raise Killed
        return lines


class Life:
    """One witness over all its processes."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.clock = ManualClock(NOW_SECONDS * 1000)
        self.signed: list[Signed] = []
        self.largest_named = 0
        self.processes = 0
        self.old_size = 0
        self.witness = self.start()

    def start(self) -> Witness:
        """A process over the files that the last one left."""
        self.processes += 1
        place = self.folder / str(self.processes)
        place.mkdir(exist_ok=True)
        store = WitnessStore(place / "witness.sqlite", new=self.processes == 1)
        self.next = self.folder / str(self.processes + 1)
        fault = self.rng.choice(["disk", "disk", "before", "after", "none"])
        keys = cosigner()
        recording = RecordingCosigner(keys.name, keys.ed25519_seed, keys.mldsa44_seed).prepare(
            self.signed,
            self.rng.randrange(4) if fault == "before" else 1000,
            self.rng.randrange(4) if fault == "after" else 1000,
        )
        self.store, self.place = store, place
        witness = Witness(
            cosigner=recording,
            card=b"",
            logs={ORIGIN: log_signer().vkeys()},
            store=store,
            clock=self.clock,
        )
        if fault == "disk":
            DISK.arm(place, self.next, self.rng.randrange(12))
        return witness

    def step(self, threads: ThreadPoolExecutor) -> None:
        """A few requests at once; when one of them kills the process, the next process starts."""
        self.clock.advance_ms(self.rng.choice([0, 300, 1000, -700]))
        bodies = [self.choose() for _ in range(self.rng.randint(1, THREADS))]
        outcomes = list(threads.map(self.ask, bodies))
        named = [outcome.size for outcome in outcomes if isinstance(outcome, SizeConflict)]
        assert all(size >= self.largest_named for size in named), "it named a smaller size than before"
        self.largest_named = max([self.largest_named, *named])
        self.old_size = self.largest_named
        if any(isinstance(outcome, Killed) for outcome in outcomes):
            self.restart()

    def choose(self) -> bytes:
        """Mostly what an honest or a forking log would send; now and then anything."""
        history = self.rng.randrange(len(histories()))
        old = self.old_size if self.rng.random() < 0.85 else self.rng.randrange(LEAVES)
        size = min(LEAVES, old + self.rng.choice([0, 0, 1, 2, 3, 7]))
        if self.rng.random() < 0.1:
            size = self.rng.randrange(LEAVES)
        return request_of(history, old, size)

    def ask(self, body: bytes) -> bytes | TelesphorError | Killed:
        try:
            lines = self.witness.add_checkpoint(body)
        except TelesphorError as error:
            return Killed() if self.next.exists() and not isinstance(error, SizeConflict) else error
        except Killed as killed:
            return killed
        return lines

    def restart(self) -> None:
        if not self.next.exists():  # it died with the disk in order
            shutil.copytree(self.place, self.next)
        DISK.disarm()
        self.store.close()
        shutil.rmtree(self.place)
        self.witness = self.start()

    def close(self) -> None:
        DISK.disarm()
        self.store.close()


def check_consistent(signed: list[Signed]) -> None:
    """All that was signed lies on one history, and no smaller tree has a later time than a larger."""
    roots = {(entry.size, entry.root) for entry in signed}
    assert len({size for size, _ in roots}) == len(roots), "two trees of one size were signed"
    if not signed:
        return
    largest = max(signed, key=lambda entry: entry.size)
    homes = [tree for tree in histories() if tree.checkpoint(largest.size).root == largest.root]
    assert homes, "a tree of no history was signed"
    for entry in signed:
        assert homes[0].checkpoint(entry.size).root == entry.root, "two inconsistent trees were signed"
    times: dict[int, list[int]] = {}
    for entry in signed:
        times.setdefault(entry.size, []).append(entry.time_seconds)
    latest = 0
    for size in sorted(times):
        assert min(times[size]) >= latest, "a larger tree was signed as of an earlier time"
        latest = max(times[size])


def test_a_witness_killed_at_any_moment_never_contradicts_itself(tmp_path: Path) -> None:
    signatures = processes = forked = 0
    with ThreadPoolExecutor(THREADS) as threads:
        for number in range(LIVES * TORTURE):
            seed = f"{SEED}/witness/{number}"
            folder = tmp_path / str(number)
            folder.mkdir()
            life = Life(folder, seed)
            try:
                for _ in range(STEPS):
                    life.step(threads)
                check_consistent(life.signed)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: {error}") from error
            finally:
                life.close()
            shutil.rmtree(folder)
            signatures += len(life.signed)
            processes += life.processes
            forked += any(s.root != histories()[0].checkpoint(s.size).root for s in life.signed)
    print(
        f"{LIVES * TORTURE} lives, {processes} processes, {signatures} signatures, none contradicts another"
    )
    assert signatures > 4 * LIVES, "hardly anything was signed: this proves nothing"
    assert processes > 2 * LIVES, "hardly anything was killed: this proves nothing"
    assert forked > LIVES // 4, "the forks were never tried in earnest: this proves nothing"
