"""The benchmark of the network, whole and small: real witnesses cosign under load, and confirm what is proven."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from telesphor.bench import child, network, visit
from telesphor.bench.confirmed import prove_visit
from telesphor.bench.cosigned import no_chains
from telesphor.bench.limits import Limits
from telesphor.bench.run import Run
from tests.torture.processes import ready_made


def test_every_part_of_the_network_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_SPAWN", ready_made())
    monkeypatch.setattr(network, "ROUNDS", 1)
    monkeypatch.setattr(network, "MANY_LOGS", 2)
    monkeypatch.setattr(visit, "READS", 1)
    monkeypatch.setattr(network, "prove_visit", partial(prove_visit, start=no_chains))
    run = Run(tmp_path, 1_000_000, Limits(tmp_path, seconds=0.001), lambda _doing: None)
    figures = list(network.measure(run))
    assert [figure.unit for figure in figures] == [
        *("s", "s", "requests/s", "requests/s"),
        *("KiB", "ms CPU", "ms CPU", "KiB", "KiB", "ms CPU", "ms CPU"),
    ]
    assert all(figure.value > 0 for figure in figures)
    assert "5 cosigners, no anchor" in figures[4].name
    assert "came to L4" in figures[0].spent and "witness" in figures[2].spent
