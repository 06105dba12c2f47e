"""A node that works for a while: every kind of caller at once, nothing lost, nothing refused that should not be.

Memory, open files and threads must not grow with the work done: what leaks is seen before it hurts.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.running import Running, running
from tests.torture.folders import CLINICIAN, PATIENT, check_ledger
from tests.torture.scale import TORTURE

SECONDS = 4 * TORTURE
WARM_UP = 0.3
"""Share of the time after which the caches are taken to be full."""

GROWTH_KIB_MAX = 60 * 1024
FILES_GROWTH_MAX = 20


def test_node_under_mixed_load_keeps_its_word_and_its_size(tmp_path: Path) -> None:
    with running(tmp_path / "node") as node:
        stop = time.monotonic() + SECONDS
        with ThreadPoolExecutor(5) as pool:
            work = [
                pool.submit(_repeat, task, node, stop)
                for task in (_visit, _visit, _object, _look, _misbehave)
            ]
            time.sleep(SECONDS * WARM_UP)
            before, files = _resident_kib(), _open_files()
            rounds = [future.result() for future in work]
        grown = _resident_kib() - before
        print(
            f"{SECONDS} s, rounds {rounds}, {node.node.machine.committed_size} entries, memory grew {grown} KiB"
        )
        assert grown < GROWTH_KIB_MAX, f"memory grew by {grown} KiB"
        assert _open_files() - files < FILES_GROWTH_MAX, "files stay open"
        assert threading.active_count() < 100, "threads stay alive"
        assert min(rounds) > 0
        assert not [answer for answer in node.answers if answer.status >= 500]
        entries = node.node.machine.committed_size
    assert check_ledger(tmp_path / "node").entries == entries


def _repeat(task: object, node: Running, stop: float) -> int:
    assert callable(task)
    rounds = 0
    while time.monotonic() < stop:
        task(node)
        rounds += 1
        del node.answers[:-100]
    return rounds


def _visit(node: Running) -> None:
    """A visit from its opening to its proof."""
    visit = node.ids.next()
    assert node.open_visit(visit).status == 200
    object_id = node.put(b"note " * 50, readers=(PATIENT,))
    linked = node.command(node.clinician, "visit.add-object/1", visit=visit, object=object_id, role="note")
    assert linked.status == 200, linked
    read = node.command(
        node.patient, "visit.read-object/1", visit=visit, object=object_id, purpose="treatment"
    )
    assert read.status == 200, read
    assert node.command(node.clinician, "visit.close/1", visit=visit).status == 200
    ticket = node.command(node.clinician, "visit.export/1", visit=visit).json()["results"][0]["ticket"]
    bundle = node.ask("GET", f"/v1/visits/{visit}/bundle", headers={"authorization": f"Bearer {ticket}"})
    assert bundle.status == 200, bundle
    assert bundle.body[:2] == b"PK"


def _object(node: Running) -> None:
    """An object of several parts, read in pieces, and erased."""
    content = os.urandom(5 * 1024 * 1024)
    object_id = node.put(content)
    bearer = {"authorization": f"Bearer {node.read_ticket(object_id)}"}
    part = node.ask(
        "GET", f"/v1/objects/{object_id}/content", headers=bearer | {"range": "bytes=4194300-4194310"}
    )
    assert part.body == content[4194300:4194311]
    assert node.ask("GET", f"/v1/objects/{object_id}/content", headers=bearer).body == content
    assert node.command(node.clinician, "object.erase/1", object=object_id, reason="retention").status == 200
    assert node.ask("GET", f"/v1/objects/{object_id}/content", headers=bearer).status == 410


def _look(node: Running) -> None:
    """What anyone may see."""
    size = int(node.ask("GET", "/checkpoint").body.split(b"\n")[1])
    assert node.ask("GET", f"/v1/proofs/{size - 1}").status == 200
    assert node.ask("GET", f"/v1/consistency?old_size=1&new_size={size}").status == 200
    assert node.ask("GET", "/metrics").status == 200
    time.sleep(0.01)


def _misbehave(node: Running) -> None:
    """What is refused, and callers that leave."""
    assert node.post(b"{").status == 400
    body = {"visit": node.ids.next(), "patient": PATIENT, "clinician": CLINICIAN, "devices": [PATIENT]}
    assert node.post(node.sign(node.system, ("visit.open/1", body))).status == 400
    with node.connect() as connection:
        connection.sendall(b"POST /v1/commands HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")


def _resident_kib() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def _open_files() -> int:
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.exists() else 0
