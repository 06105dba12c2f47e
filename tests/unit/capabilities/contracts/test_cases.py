"""Examples: those of the shipped contracts pass, and a wrong one is told apart from a right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.capabilities.contracts.cases import (
    Case,
    CasesRefused,
    Outcome,
    Package,
    check_cases,
    read_cases,
    read_package,
)
from telesphor.capabilities.contracts.library import LIBRARY, library_path
from telesphor.capabilities.contracts.model import ManifestRefused, SourceRefused
from telesphor.capabilities.contracts.pool import WorkerPool
from tests.unit.capabilities.contracts.office import COUNTER, COUNTING


@pytest.fixture
def counter(tmp_path: Path) -> Package:
    (tmp_path / "counter.star").write_text(COUNTER)
    (tmp_path / "counter.toml").write_text(COUNTING)
    return read_package(tmp_path / "counter.star")


def read(folder: Path, text: str, pool: WorkerPool) -> list[Case]:
    path = folder / "counter.cases.star"
    path.write_text(text)
    return read_cases(path, run=pool.run)


def outcome(folder: Path, counter: Package, case: str, pool: WorkerPool) -> Outcome:
    (found,) = check_cases(counter, read(folder, f"cases = [case('it', {case})]", pool), run=pool.run)
    return found


@pytest.mark.parametrize("name", LIBRARY)
def test_shipped_contract_does_what_its_cases_say(pool: WorkerPool, name: str) -> None:
    path = library_path(name)
    cases = read_cases(path.with_suffix(".cases.star"), run=pool.run)
    outcomes = list(check_cases(read_package(path), cases, run=pool.run))
    assert len(outcomes) >= 4
    assert [(found.case.name, found.differences) for found in outcomes if found.differences] == []


RIGHT = (
    "trigger = call('count'), state_after = {'count': 1}, result = {'count': 1}",
    "trigger = call('count'), effects = [send('out', {'count': 1})]",
    "trigger = call('count', {'bad': True}), fails = 'told to'",
    "trigger = call('count', {'bad': True}), fails = 'failed'",
    "step(call('count')), step(call('count'), result = {'count': 2}), state = {'count': 0}",
    "step(call('count')), step(call('count', {'bad': True}), fails = 'told'), step(call('count'), fails = None)",
)
WRONG = {
    "trigger = call('count'), state_after = {'count': 2}": "state after",
    "trigger = call('count'), state_after = {}": "state after",
    "trigger = call('count'), result = None": "result",
    "trigger = call('count'), effects = []": "effects",
    "trigger = call('count'), fails = 'told to'": "run",
    "trigger = call('count', {'bad': True})": "run",
    "trigger = call('count', {'bad': True}), fails = 'steps'": "failure",
}


@pytest.mark.parametrize("case", RIGHT)
def test_case_that_is_right_has_no_difference(
    tmp_path: Path, counter: Package, case: str, pool: WorkerPool
) -> None:
    assert outcome(tmp_path, counter, case, pool).differences == ()


@pytest.mark.parametrize("case", WRONG)
def test_case_that_is_wrong_is_told(tmp_path: Path, counter: Package, case: str, pool: WorkerPool) -> None:
    assert [found.what for found in outcome(tmp_path, counter, case, pool).differences] == [WRONG[case]]


BROKEN = {
    "no-cases": "x = 1",
    "no-list": "cases = 1",
    "empty": "cases = []",
    "syntax": "cases = [",
    "float": "cases = [case('x', trigger = call('count', {'by': 1.5}))]",
    "unknown-member": "cases = [case('x', trigger = call('count'), effect = [])]",
    "no-step": "cases = [case('x')]",
    "loop": "cases = [0 for a in range(99999) for b in range(99999)]",
    "memory": "cases = ['a' * 2000000000]",
}


@pytest.mark.parametrize("name", BROKEN)
def test_file_of_cases_is_refused(tmp_path: Path, name: str, pool: WorkerPool) -> None:
    with pytest.raises(CasesRefused):
        read(tmp_path, BROKEN[name], pool)


def test_source_and_manifest_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "a.star").write_text(COUNTER)
    with pytest.raises(ManifestRefused):
        read_package(tmp_path / "a.star")
    (tmp_path / "b.toml").write_text(COUNTING)
    with pytest.raises(SourceRefused):
        read_package(tmp_path / "b.star")
