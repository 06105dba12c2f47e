"""The benchmarks of factors and reads measure every case they name through a served node; never how fast."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.bench import child, factors, granted, reads
from telesphor.bench.limits import Limits
from telesphor.bench.run import Run
from telesphor.bench.steps import TIMES
from tests.torture.processes import ready_made


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The least of everything, in processes that are born with everything imported."""
    monkeypatch.setattr(child, "_SPAWN", ready_made())
    return Run(tmp_path, 1_000_000, Limits(tmp_path, seconds=0.001), lambda _doing: None)


def test_presentations_and_connections_go_through_the_node(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factors, "ROUNDS", 2)
    monkeypatch.setattr(factors, "DEVICES", 2)
    figures = list(factors.measure(run))
    assert all(figure.value > 0 and figure.peer is not None for figure in figures)
    through = [figure for figure in figures if figure.spent]
    assert len(through) == 2 and all("writer" in figure.spent for figure in through)


def test_reads_are_authorised_and_told_step_by_step(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "ROUNDS", 2)
    monkeypatch.setattr(reads, "READS", 4_000_000)
    monkeypatch.setattr(granted, "OBJECTS", 2)
    monkeypatch.setattr(granted, "CLINICIANS", 2)
    figures = list(reads.measure(run))
    assert [figure.unit for figure in figures[:3]] == ["requests/s", "requests/s", "reads/s"]
    steps = figures[3:]
    assert len(steps) == len(TIMES) + 1 and all(figure.name.startswith("step: ") for figure in steps)
    assert all(figure.value > 0 for figure in figures[:-1])
