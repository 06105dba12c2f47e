"""Go's own packages judge a running node: its checkpoint, its tiles and every entry it acknowledged, over HTTP.

The judge shares no code with us. It is given what any stranger can fetch, and the leaf hashes of the
entries as their writers got them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.kernel.checkpoint import parse_checkpoint
from telesphor.kernel.merkle import leaf_hash
from telesphor.kernel.tile import tiles_for
from tests.conformance.go_judge.build import NoGo, build_judge, run_judge
from tests.e2e.running import Running, running

PACKED = 300
"""Entries of one request: enough that the tree has a full tile and a second level."""


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build_judge(tmp_path_factory.mktemp("go"))
    except NoGo as reason:
        pytest.skip(str(reason))


def test_go_accepts_what_a_running_node_publishes(judge: Path, tmp_path: Path) -> None:
    with running(tmp_path / "node") as node:
        opening = [("visit.open/1", _visit(node)) for _ in range(PACKED)]
        receipt = node.post(node.sign(node.system, *opening)).json()
        last = receipt["entries"][-1]["position"]
        assert node.node.integrator.wait_for(last, timeout_seconds=30)
        size = _mirror(node, tmp_path / "mirror")
        reader = node.node.reader()
        leaves = [leaf_hash(entry.data).hex() for entry in reader.entries(first=0, end=size)]
        reader.db.close()
    positions = [0, 1, 255, 256, receipt["entries"][0]["position"], last]
    asked = [word for position in positions for word in (str(position), leaves[position])]
    verdict = run_judge(judge, "log", tmp_path / "mirror", *asked)
    assert verdict.returncode == 0, verdict.stderr.decode()
    assert len(verdict.stdout.decode().splitlines()) == 2 + len(positions)
    refused = run_judge(judge, "log", tmp_path / "mirror", str(last), leaves[0])
    assert refused.returncode == 1, "the judge believes anything"


def _visit(node: Running) -> dict[str, object]:
    return {
        "visit": node.ids.next(),
        "patient": node.patient.actor,
        "clinician": node.clinician.actor,
        "devices": [],
    }


def _mirror(node: Running, folder: Path) -> int:
    """Fetch all that is public, by the paths of C2SP tlog-tiles; returns the size of the tree."""
    folder.mkdir()
    note = node.ask("GET", "/checkpoint").body
    size = parse_checkpoint(note.partition(b"\n\n")[0] + b"\n").size
    (folder / "checkpoint").write_bytes(note)
    (folder / "log.vkeys").write_bytes(node.node.folder.log_vkeys.read_bytes())
    for tile in tiles_for(size):
        answer = node.ask("GET", f"/{tile.path()}")
        assert answer.status == 200, tile.path()
        file = folder / tile.path()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer.body)
    return size
