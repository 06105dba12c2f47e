"""Every write, sync and rename of one append fails once, or is the last thing the process does.

A recording of one undisturbed append names the system calls that touch the node's folder. Then the same
append runs once per call, on a fresh copy of the same folder, with that call spoiled: ENOSPC for writes,
EIO for syncs and renames, or SIGKILL. It is either acknowledged and there after a restart, or refused by
name; `fsck` is clean in both cases, and the node takes the next append.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.torture.children import append_one
from tests.torture.folders import Acknowledged, check_ledger, make_folder
from tests.torture.processes import Child
from tests.torture.scale import SEED, TORTURE
from tests.torture.strace import SYNCS, Fault, faults_of, tracing, why_not

REFUSALS = {"storage-full", "storage-failed", "node-halted"}
FAULTS_MAX = 12 * TORTURE
"""One takes a second; the first calls of the writer come first, then a choice of the rest."""

KILLS_MAX = 6 * TORTURE

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "strace works")


class Bench:
    """One folder that is put back to the same state for every trial."""

    def __init__(self, tmp_path: Path) -> None:
        self.base, self.folder = tmp_path / "base", tmp_path / "node"
        self.record, self.go = tmp_path / "record", tmp_path / "go"
        make_folder(self.base)

    def append(self, fault: Fault | None) -> Child:
        """Append once to a fresh copy, with this fault."""
        self.go.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.base, self.folder)
        child = Child(append_one, self.folder, self.go)
        child.wait_for("ready")
        with tracing(child.pid, self.record, fault):
            self.go.touch()
            child.end()
        return child


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def calls(bench: Bench) -> list[Fault]:
    """The calls of one append, undisturbed."""
    child = bench.append(None)
    assert child.wait_for("entries")
    found = faults_of(bench.record, bench.folder)
    ledger = [fault for fault in found if Path(fault.path).name.startswith("ledger.sqlite")]
    assert any(fault.call in SYNCS for fault in ledger), "the append was acknowledged without a sync"
    return ledger + [fault for fault in found if fault not in ledger]


def _chosen(calls: list[Fault], most: int) -> list[Fault]:
    """The calls on the ledger itself all, of the others as many as there is time for."""
    if len(calls) <= most:
        return calls
    ledger = [call for call in calls if "ledger.sqlite" in call.path][:most]
    others = [call for call in calls if call not in ledger]
    return ledger + random.Random(SEED).sample(others, most - len(ledger))


def test_an_append_whose_system_call_fails_is_kept_or_refused(bench: Bench, calls: list[Fault]) -> None:
    outcomes: Counter[str] = Counter()
    chosen = _chosen(calls, FAULTS_MAX)
    for fault in chosen:
        child = bench.append(fault)
        happened = "INJECTED" in bench.record.read_text()
        assert happened or "ledger.sqlite" not in fault.path, f"{fault}: the fault did not happen"
        outcomes[_check_outcome(bench.folder, child, fault) if happened else "not met"] += 1
    print(f"{len(chosen)} of {len(calls)} calls failed once: {dict(outcomes)}")
    assert outcomes["refused"], "no fault was noticed: this proves nothing"


def _check_outcome(folder: Path, child: Child, fault: Fault) -> str:
    said = child.said
    refused = [line["refused"] for line in said if "refused" in line]
    acknowledged = [line for line in said if "entries" in line]
    assert child.exitcode == 0 or not acknowledged, f"{fault}: acknowledged, then exit {child.exitcode}"
    assert len(refused) + len(acknowledged) == 1, f"{fault}: neither kept nor refused: {said}"
    assert set(refused) <= REFUSALS, f"{fault}: refused as {refused}"
    _check_folder(folder, child, fault)
    return "kept" if acknowledged else "refused"


def test_an_append_killed_at_any_of_its_system_calls_is_kept_or_absent(
    bench: Bench, calls: list[Fault]
) -> None:
    outcomes: Counter[str] = Counter()
    chosen = _chosen(calls, KILLS_MAX)
    for call in chosen:
        fault = call._replace(error="KILL")
        child = bench.append(fault)
        assert child.exitcode == -9 or "ledger.sqlite" not in fault.path, f"{fault}: the process lived on"
        _check_folder(bench.folder, child, fault)
        outcomes["kept" if any("entries" in line for line in child.said) else "not acknowledged"] += 1
    print(f"killed at {len(chosen)} of {len(calls)} calls: {dict(outcomes)}")


def _check_folder(folder: Path, child: Child, fault: Fault) -> None:
    """What was acknowledged is there, all is sound, and the node goes on."""
    book = Acknowledged(folder)
    try:
        check_ledger(folder)
        book.check(child.said)
        after = Child(append_one, folder, folder)  # `go` is a path that exists: it appends at once
        after.wait_for("entries")
        after.end()
        book.check(after.said)
        book.check_all()
        check_ledger(folder)
    except Exception as error:
        raise AssertionError(f"{fault}: {error}") from error
