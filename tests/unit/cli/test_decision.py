"""`telesphor decision`: a bundle's decisions, replayed and told, and every way in which they fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from telesphor.cli import decision
from tests.unit.capabilities.access.decided import Decided
from tests.unit.verify.builder import repack


@pytest.fixture(scope="module")
def decided() -> Decided:
    """One allowed, one denied; nobody may go on with it."""
    made = Decided()
    made.decide(made.story.clinician)
    made.decide(made.story.device)
    return made


@pytest.fixture
def bundle(decided: Decided, tmp_path: Path) -> Path:
    path = tmp_path / "b.zip"
    path.write_bytes(decided.bundle())
    return path


def run(*words: str) -> Result:
    app = typer.Typer()
    decision.add_to(app)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["decision", *words])


def test_bundle_replays(bundle: Path) -> None:
    ran = run("replay", str(bundle), "--json")
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert [line["outcome"] for line in found["decisions"]] == ["allow", "deny"]
    assert (found["failed"], found["missing"]) == (0, 0)


def test_replay_says_how_many_came_out_the_same(bundle: Path) -> None:
    ran = run("replay", str(bundle))
    assert ran.exit_code == 0
    assert "2 of 2 decisions come out the same" in ran.output


def test_decision_is_told_with_its_rule(bundle: Path, decided: Decided) -> None:
    ran = run("show", str(bundle), "--position", str(decided.positions[0]))
    assert ran.exit_code == 0, ran.output
    assert (
        f"{decided.story.clinician.id} was allowed to read {decided.story.object}, for treatment"
        in ran.output
    )
    assert "(resource.readers).contains(principal)" in ran.output


def test_denial_is_told(bundle: Path, decided: Decided) -> None:
    ran = run("show", str(bundle), "--position", str(decided.positions[1]))
    assert "was denied to read" in ran.output
    assert "No rule permitted it." in ran.output


def test_position_without_a_decision_is_refused(bundle: Path) -> None:
    ran = run("show", str(bundle), "--position", "0")
    assert ran.exit_code == 1
    assert "nothing-decided" in ran.output


def test_hidden_documents_do_not_pass_unless_asked_for(decided: Decided, tmp_path: Path) -> None:
    path = tmp_path / "hidden.zip"
    path.write_bytes(decided.bundle(documents={}))
    assert run("replay", str(path)).exit_code == 1
    assert "not shown" in run("replay", str(path)).output
    assert run("replay", str(path), "--partial").exit_code == 0


@pytest.mark.parametrize("place", range(5))
def test_changed_document_fails_though_the_node_signs_the_change(
    decided: Decided, tmp_path: Path, place: int
) -> None:
    def edit(files: dict[str, bytes]) -> None:
        paths = [path for path in sorted(files) if path.startswith("documents/")]
        files[paths[place]] += b" "

    path = tmp_path / "changed.zip"
    path.write_bytes(repack(decided.bundle(), edit))
    ran = run("replay", str(path))
    assert ran.exit_code == 1
    assert "bundle-failed" in ran.output


def test_damaged_bundle_is_not_replayed(bundle: Path) -> None:
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(bytes(data))
    ran = run("replay", str(bundle))
    assert ran.exit_code == 1
    assert "bundle-failed" in ran.output
