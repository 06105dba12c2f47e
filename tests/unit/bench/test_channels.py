"""The benchmark of links measures every case it names; never how fast."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.bench import channels, child
from telesphor.bench.limits import Limits
from telesphor.bench.run import Run
from tests.torture.processes import ready_made


def test_links_are_measured_beside_the_classical_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "CASES", channels.CASES[:1])
    monkeypatch.setattr(channels, "ROUNDS", 1)
    monkeypatch.setattr(child, "_SPAWN", ready_made())
    run = Run(tmp_path, 1_000_000, Limits(tmp_path, seconds=0.001), lambda _doing: None)
    figures = list(channels.measure(run))
    assert [figure.unit for figure in figures] == ["/s", "MB/s", "/s", "MB/s"]
    assert all(figure.value > 0 for figure in figures)
    assert [figure.peer is not None for figure in figures] == [False, False, True, True]
    assert "server" in figures[0].spent
