"""`telesphor contract test`: what a contract's author sees, and the exit code that a build sees."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner, Result

from telesphor.capabilities.contracts.library import library_path
from telesphor.capabilities.contracts.pool import WorkerPool
from telesphor.cli import contract
from tests.unit.capabilities.contracts.office import Office


def ask(*words: str) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    contract.add_to(app)
    return CliRunner().invoke(app, ["contract", *words])


def test_contract_that_does_what_its_cases_say_passes() -> None:
    found = ask("test", str(library_path("two-person-approval")))
    assert found.exit_code == 0, found.output
    assert "10 passed, 0 failed" in found.output


def test_difference_is_shown_and_fails(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.cases.star"
    said = library_path("reading-alert").with_suffix(".cases.star").read_text()
    wrong.write_text(said.replace('"normal"})', '"calm"})'))
    found = ask("test", str(library_path("reading-alert")), str(wrong), "--only", "in its range")
    assert found.exit_code == 1
    assert '-   "level": "calm"' in found.output
    assert '+   "level": "normal"' in found.output


def test_outcome_can_be_read_by_programs() -> None:
    found = ask("test", str(library_path("claim-assembly")), "--json")
    outcomes = json.loads(found.stdout)
    assert len(outcomes) == 5
    assert all(outcome["passed"] for outcome in outcomes)


def test_no_case_that_fits_is_a_failure() -> None:
    assert ask("test", str(library_path("claim-assembly")), "--only", "no such case").exit_code == 1


def test_contracts_of_a_folder_are_listed(tmp_path: Path) -> None:
    pool = WorkerPool(1)
    office = Office(tmp_path, pool.run)
    deployed = office.deploy()
    found = ask("list", "--node", str(tmp_path), "--json")
    office.close()
    pool.close()
    (row,) = json.loads(found.stdout)
    assert (row["contract"], row["name"], row["version"], row["state"]) == (
        deployed,
        "counter",
        1,
        "deployed",
    )


def test_source_that_is_refused_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "a.star"
    source.write_text("x = 1.5\n")
    (tmp_path / "a.toml").write_text("")
    found = ask("test", str(source))
    assert found.exit_code == 1
    assert "source-refused" in found.output
    assert "Traceback" not in found.output
