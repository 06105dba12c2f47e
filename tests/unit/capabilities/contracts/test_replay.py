"""Any run again: the same bytes, and every change of what it rests on is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from telesphor.capabilities.contracts.entries import ContractExecuted, ContractFailed
from telesphor.capabilities.contracts.model import Cause
from telesphor.capabilities.contracts.pool import WorkerPool
from telesphor.capabilities.contracts.replay import ReplayRefused, Verdict, parse_run, replay_run
from telesphor.kernel.digest import digest_of
from tests.unit.capabilities.contracts.office import COUNTING, Office


class Evidence:
    """Runs of one contract with their documents, as an auditor is handed them."""

    def __init__(self, folder: Path, pool: WorkerPool) -> None:
        office = Office(folder, pool.run)
        bomb = "x = 'a'\n    for i in range(60):\n        x = x + x"
        contract = office.deploy()
        arguments: list[dict[str, Any]] = [{}, {"by": 41}, {"bad": True}, {"by": 0}]
        for argument in arguments:
            office.call(contract, **argument)
        second = office.deploy(
            f"def handle(state, trigger):\n    {bomb}\n",
            COUNTING.replace('"counter"', '"bomb"'),
        )
        office.call(second)
        self.runs: list[Any] = [
            parse_run(entry.type, entry.body)
            for entry in office.world.entries()
            if entry.type in ("contract.executed/1", "contract.failed/1")
        ]
        named = {
            value for run in self.runs for value in msgspec.to_builtins(run).values() if is_digest(value)
        }
        self.documents = {digest: office.document(digest) or b"" for digest in named}
        office.close()


def is_digest(value: object) -> bool:
    return isinstance(value, str) and value.startswith("sha256:")


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory, pool: WorkerPool) -> Iterator[Evidence]:
    yield Evidence(tmp_path_factory.mktemp("replay"), pool)


def test_every_run_comes_out_as_the_ledger_says(evidence: Evidence, pool: WorkerPool) -> None:
    found = [replay_run(run, evidence.documents.get, run=pool.run) for run in evidence.runs]
    assert [done.verdict for done in found] == [Verdict.SAME] * 4 + [Verdict.LIMIT]
    assert [done.cause for done in found] == ["", "", "failed", "", "memory"]


def test_replay_needs_no_worker_that_ran_it_before(evidence: Evidence) -> None:
    fresh = WorkerPool(1)
    assert replay_run(evidence.runs[1], evidence.documents.get, run=fresh.run).verdict is Verdict.SAME
    fresh.close()


@pytest.mark.parametrize("member", ["manifest", "source", "input", "before"])
def test_document_that_is_missing_or_changed_is_found(
    evidence: Evidence, pool: WorkerPool, member: str
) -> None:
    said = evidence.runs[1]
    digest = getattr(said, member)
    for changed in (None, b"", evidence.documents[digest] + b" ", b"{}"):
        documents = evidence.documents | {digest: changed}
        with pytest.raises(ReplayRefused):
            replay_run(said, documents.get, run=pool.run)


CHANGES: dict[str, dict[str, Any]] = {
    "state-after": {"after": digest_of(b"x")},
    "state-after-none": {"after": ""},
    "output": {"output": digest_of(b"x")},
    "gas": {"gas": 7},
    "effects": {"effects": 0},
    "engine": {"engine": "starlark-pyo3 1 host 1"},
    "version": {"version": 2},
    "kind": {"kind": "entry"},
    "key": {"key": "01900000-0000-7000-8000-000000000001"},
    "no-state-before": {"before": ""},
}


@pytest.mark.parametrize("name", CHANGES)
def test_entry_that_says_something_else_is_found(evidence: Evidence, pool: WorkerPool, name: str) -> None:
    said = msgspec.structs.replace(evidence.runs[1], **CHANGES[name])
    with pytest.raises(ReplayRefused):
        replay_run(said, evidence.documents.get, run=pool.run)


def test_source_of_another_contract_gives_something_else(evidence: Evidence, pool: WorkerPool) -> None:
    other = b"def handle(state, trigger):\n    return {'count': 42}, [], {'count': 42}\n"
    documents = evidence.documents | {digest_of(other): other}
    said = msgspec.structs.replace(evidence.runs[1], source=digest_of(other))
    with pytest.raises(ReplayRefused, match="output"):
        replay_run(said, documents.get, run=pool.run)


def common(run: ContractExecuted | ContractFailed) -> dict[str, Any]:
    names = set(ContractExecuted.__struct_fields__) & set(ContractFailed.__struct_fields__)
    return {name: getattr(run, name) for name in names}


def test_success_that_is_told_as_a_failure_is_found(evidence: Evidence, pool: WorkerPool) -> None:
    failure: dict[str, Any] = {"failure": digest_of(b"x"), "cause": Cause.FAILED, "repeatable": True}
    with pytest.raises(ReplayRefused, match="succeeds now"):
        replay_run(
            ContractFailed(**common(evidence.runs[1]), **failure), evidence.documents.get, run=pool.run
        )


def test_failure_that_is_told_as_a_success_is_found(evidence: Evidence, pool: WorkerPool) -> None:
    success: dict[str, Any] = {"after": "", "output": digest_of(b"x"), "effects": 0}
    with pytest.raises(ReplayRefused, match="fails now"):
        replay_run(
            ContractExecuted(**common(evidence.runs[2]), **success), evidence.documents.get, run=pool.run
        )


def test_failure_for_another_cause_is_found(evidence: Evidence, pool: WorkerPool) -> None:
    said = msgspec.structs.replace(evidence.runs[2], cause=Cause.STEPS)
    with pytest.raises(ReplayRefused, match="cause"):
        replay_run(said, evidence.documents.get, run=pool.run)


def test_repeatable_cause_cannot_be_told_as_a_limit_of_the_machine(
    evidence: Evidence, pool: WorkerPool
) -> None:
    said = msgspec.structs.replace(evidence.runs[2], repeatable=False)
    with pytest.raises(ReplayRefused):
        replay_run(said, evidence.documents.get, run=pool.run)


def test_entry_that_is_of_no_run_is_refused() -> None:
    with pytest.raises(ReplayRefused):
        parse_run("contract.called/1", {})
    with pytest.raises(ReplayRefused):
        parse_run("contract.executed/1", {})
