"""`telesphor contract replay BUNDLE`: every run of a bundle again, and what is said of one that differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from telesphor.capabilities.contracts.pool import WorkerPool
from telesphor.cli import contract
from telesphor.kernel.ids import Stream
from tests.unit.capabilities.contracts.office import Office
from tests.unit.verify.builder import Story


class Runs:
    """Three runs of a contract, one of them a failure, with their documents."""

    def __init__(self, folder: Path) -> None:
        pool = WorkerPool(1)
        office = Office(folder, pool.run)
        deployed = office.deploy()
        arguments: list[dict[str, Any]] = [{}, {"bad": True}, {"by": 5}]
        for argument in arguments:
            office.call(deployed, **argument)
        self.stream = Stream(f"contract/{deployed}")
        kinds = ("contract.executed/1", "contract.failed/1")
        self.said = [
            (entry.type, msgspec.to_builtins(entry.body))
            for entry in office.world.entries()
            if entry.type in kinds
        ]
        named = {
            value for _, body in self.said for value in body.values() if str(value).startswith("sha256:")
        }
        self.documents = [office.document(digest) or b"" for digest in named]
        office.close()
        pool.close()

    def bundle(self, path: Path, *, documents: list[bytes] | None = None, **changes: object) -> Path:
        """A bundle of them; `changes` are of the last run."""
        story = Story.told()
        for type, body in self.said[:-1]:
            story.say(type, self.stream, **body)
        type, body = self.said[-1]
        story.say(type, self.stream, **body | changes)
        kept = self.documents if documents is None else documents
        path.write_bytes(story.bundle(add=story.on(self.stream), documents=kept))
        return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    yield Runs(tmp_path_factory.mktemp("runs"))


def replay(*words: str) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    contract.add_to(app)
    return CliRunner().invoke(app, ["contract", "replay", *words])


def test_all_runs_of_a_bundle_come_out_the_same(runs: Runs, tmp_path: Path) -> None:
    found = replay(str(runs.bundle(tmp_path / "a.zip")))
    assert found.exit_code == 0, found.output
    assert "all 3 runs come out as the ledger says" in found.output


def test_run_that_came_out_otherwise_is_told(runs: Runs, tmp_path: Path) -> None:
    found = replay(str(runs.bundle(tmp_path / "a.zip", gas=99)))
    assert found.exit_code == 1
    assert "`1` of `3` runs" in found.output


def test_run_whose_documents_are_gone_is_told(runs: Runs, tmp_path: Path) -> None:
    found = replay(str(runs.bundle(tmp_path / "a.zip", documents=runs.documents[:1])))
    assert found.exit_code == 1
    assert "missing" in found.output.replace("\n", " ")


def test_bundle_without_a_run_is_no_success(runs: Runs, tmp_path: Path) -> None:
    path = runs.bundle(tmp_path / "a.zip")
    assert replay(str(path), "--contract", "01900000-0000-7000-8000-000000000001").exit_code == 1
    assert replay(str(path), "--contract", runs.stream.split("/")[1]).exit_code == 0
