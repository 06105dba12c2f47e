"""The tree grown in a child: the same tree, errors whole; a child that dies is replaced, and none outlives the node."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.kernel.checkpoint import open_checkpoint
from telesphor.kernel.merkle import root_of
from telesphor.kernel.tile import tiles_for
from telesphor.ledger.growth import Grower, GrowerLost, GrowerProcess, TreeInconsistent
from telesphor.ledger.tiles import TreeEdge, read_tile
from tests.support.ledger import ORIGIN, Ledger, change


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path).start()
    yield ledger
    ledger.close()


@pytest.fixture
def child(ledger: Ledger) -> Iterator[GrowerProcess]:
    child = GrowerProcess(ledger_path=ledger.path, public=ledger.folder / "public")
    yield child
    child.close()


def kill(child: GrowerProcess) -> None:
    child._process.kill()
    child._process.join()


def test_child_publishes_the_tree_of_the_entries_and_outlives_none_of_its_deaths(
    ledger: Ledger, child: GrowerProcess
) -> None:
    following = ledger.open_integrator(grow=child.grow)
    size = 0
    for step in (300, 1, 256):
        ledger.add_many(step)
        size += step
        kill(child)
        with pytest.raises(GrowerLost):
            following.integrate()
        assert following.size == size - step
        following.integrate()  # with a new child, from the last checkpoint
        note = ledger.book.newest().note
        signed = open_checkpoint(note, origin=ORIGIN, vkeys=ledger.signer.vkeys()).checkpoint
        assert (signed.size, signed.root) == (size, root_of([entry.leaf for entry in ledger.entries()]))
        for tile in tiles_for(size):
            read_tile(ledger.public, tile)
    following.stop()


def test_child_and_thread_grow_the_same_and_the_callers_edge_stays(
    ledger: Ledger, child: GrowerProcess
) -> None:
    ledger.add_many(600)
    edge = TreeEdge()
    there = child.grow(edge, 600)
    assert edge.size == 0
    grower = Grower(ledger_path=ledger.path, public=ledger.public)
    here = grower.grow(edge, 600)
    grower.close()
    assert (there.edge.size, there.edge.root(), there.paths) == (600, here.edge.root(), here.paths)


def test_entry_that_is_missing_is_named_by_the_child_too(ledger: Ledger, child: GrowerProcess) -> None:
    ledger.add_many(10)
    change(ledger.path, "DELETE FROM entries WHERE position = 4")
    with pytest.raises(TreeInconsistent, match="entry `4` is missing") as raised:
        child.grow(TreeEdge(), 10)
    assert "fsck" in raised.value.hint
    assert child.grow(TreeEdge(), 4).edge.size == 4


def test_child_ends_when_its_parent_is_killed(ledger: Ledger) -> None:
    ledger.add_many(1)
    code = (
        "import sys, time; from pathlib import Path\n"
        "from telesphor.ledger.growth import GrowerProcess, TreeEdge\n"
        "if __name__ == '__main__':\n"
        "    child = GrowerProcess(ledger_path=Path(sys.argv[1]), public=sys.argv[2])\n"
        "    child.grow(TreeEdge(), 1)\n"
        "    print(child._process.pid, flush=True); time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code, str(ledger.path), str(ledger.folder / "public")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 60
    while time.monotonic() < end and _lives(pid):
        time.sleep(0.05)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
