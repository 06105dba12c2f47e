"""A million entries: proofs from them, starting a node on them, checking all of them; and a visit's bundle.

The ledger is a real node's, filled with the readings of 10,000 devices in packed commands that nobody
signed. Everything that has a target is measured in a process of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from telesphor.app import build_checking_registry, create_node, ledger_files, open_node
from telesphor.bench.capability import PACK_READINGS, PACKED_ENTRIES
from telesphor.bench.child import in_child
from telesphor.bench.figures import Figure, Peer, at_most, middle
from telesphor.bench.ledger import CHECKPOINT_SECONDS
from telesphor.bench.practice import PASSPHRASE
from telesphor.bench.run import Run
from telesphor.bench.visit import make_visit_bundle
from telesphor.bench.writer import fill_packed
from telesphor.kernel.ids import ActorId
from telesphor.kernel.tile import tile_holding
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.fsck import FsckReport, fsck
from telesphor.ledger.receipts import Prover
from telesphor.runtime.blobs import open_blobs
from telesphor.runtime.capability import Actor
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.settings import load_settings
from telesphor.verify import verify_bundle

GROUP = "proofs"
ORIGIN = "bench.example/million"
MIB = 1024 * 1024
FSCK_MIB_MAX = 286
"""300 MB."""

LEDGER_ENTRIES = 1_000_000
PROOFS = 300
STARTS = 3
VERIFICATIONS = 5
POSITION_STEP = 7_919
"""A prime: positions that far apart are spread over the whole ledger."""


class Proved(NamedTuple):
    """Milliseconds per proof: by a new prover each time, by the same one, and bare reads of its tiles."""

    cold_ms: float
    warm_ms: float
    reads_ms: float


class Checked(NamedTuple):
    """What `fsck` reported, and how long it took."""

    report: FsckReport
    seconds: float


def measure(run: Run) -> Iterator[Figure]:
    """Proofs, bundle, start and fsck, all on ledgers made here."""
    entries = run.count(LEDGER_ENTRIES)
    path = run.folder / "million"
    run.tell(f"making a ledger of {entries:,} entries")
    _make_ledger(path, entries)
    yield from _measure_proofs(path, entries)
    run.tell("verifying the bundle of a visit")
    yield from _measure_bundle(run)
    run.tell(f"starting a node with {entries:,} entries")
    seconds = middle(in_child(start_node, path).value for _ in range(STARTS))
    yield Figure(GROUP, f"start of a node with {entries:,} entries", seconds, "s", at_most(2))
    run.tell(f"fsck of {entries:,} entries")
    yield from _measure_fsck(run, path)


def _make_ledger(path: Path, entries: int) -> None:
    create_node(path, origin=ORIGIN, passphrase=PASSPHRASE)
    with open_node(path, passphrase=PASSPHRASE) as node:
        device = Actor(ActorId(node.ids.next()), "device", "")
        fill_packed(node.machine, device, PACK_READINGS, requests=max(1, entries // PACKED_ENTRIES))
        last = node.machine.committed_size - 1
        node.integrator.wait_for(last, timeout_seconds=CHECKPOINT_SECONDS)


def _measure_proofs(path: Path, entries: int) -> Iterator[Figure]:
    found = in_child(prove_many, path).value
    name = f"inclusion proof from {entries:,} entries"
    reads = Peer("bare reads of its tiles, ms", found.reads_ms)
    yield Figure(GROUP, f"{name}, cold", found.cold_ms, "ms", at_most(2), reads)
    yield Figure(GROUP, f"{name}, warm", found.warm_ms, "ms", at_most(2), reads)


def prove_many(path: Path) -> Proved:
    """Prove positions all over the ledger; for a process of its own."""
    public = open_blobs(path / "public")
    book = CheckpointBook(NodeFolder(path).published)
    size = book.newest().size
    positions = [(n * POSITION_STEP) % size for n in range(PROOFS)]
    same = Prover(book=book, public=public)
    found = Proved(
        cold_ms=_middle_ms(
            lambda position: Prover(book=book, public=public).inclusion(position, size), positions
        ),
        warm_ms=_middle_ms(lambda position: same.inclusion(position, size), positions),
        reads_ms=_middle_ms(lambda position: _read_tiles(path / "public", position, size), positions),
    )
    book.close()
    return found


def _middle_ms(work: Callable[[int], object], positions: list[int]) -> float:
    times = []
    for position in positions:
        started = time.perf_counter()
        work(position)
        times.append(time.perf_counter() - started)
    return middle(times) * 1_000


def _read_tiles(public: Path, position: int, size: int) -> None:
    """The files that the proof of `position` needs, one per level, read and left alone."""
    level = 0
    while position >> level < size >> level:
        (public / tile_holding(level, position >> level, size=size)[0].path()).read_bytes()
        level += 8


def _measure_bundle(run: Run) -> Iterator[Figure]:
    bundle = make_visit_bundle(run.folder / "visit")
    times = in_child(verify_many, bundle.data).value
    per_entry_ms = middle(times) * 1_000 / bundle.entries
    bare = Peer("bare verifies, ms", bundle.requests * 1_000 / run.limits.verifying.value / bundle.entries)
    name = f"bundle of {bundle.entries} entries, {bundle.requests} signed requests: per entry"
    yield Figure(GROUP, name, per_entry_ms, "ms", at_most(2), bare)


def verify_many(data: bytes) -> list[float]:
    """Seconds of each verification; for a process of its own. INVARIANT: the bundle passes."""
    times = []
    for _ in range(VERIFICATIONS):
        started = time.perf_counter()
        report = verify_bundle(data)
        times.append(time.perf_counter() - started)
        assert report.passed, report.to_text()
    return times


def start_node(path: Path) -> float:
    """Seconds until a node takes commands, the passphrase's Argon2id included; for a process of its own."""
    started = time.perf_counter()
    with open_node(path, passphrase=PASSPHRASE) as node:
        node.edge()
        return time.perf_counter() - started


def _measure_fsck(run: Run, path: Path) -> Iterator[Figure]:
    checked = in_child(check_ledger, path)
    report, seconds = checked.value
    name = f"fsck of {report.entries:,} entries"
    bare = Peer("bare SHA-256 of them, s", report.entries / run.limits.leaf_hashing.value)
    yield Figure(GROUP, name, seconds, "s", at_most(20), bare)
    peak = checked.peak_bytes / MIB
    yield Figure(GROUP, "memory of that, both processes", peak, "MiB", at_most(FSCK_MIB_MAX))


def check_ledger(path: Path) -> Checked:
    """Check the whole ledger; for a process of its own."""
    started = time.perf_counter()
    report = fsck(ledger_files(NodeFolder(path), load_settings(path)), build_checking_registry)
    return Checked(report, time.perf_counter() - started)
