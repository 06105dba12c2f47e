"""Fixtures of the tests of access."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.ledger.replay import check_state
from tests.unit.capabilities.access.infirmary import Infirmary
from tests.unit.capabilities.access.ward import Ward


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    """A node with access and nothing else."""
    made = Ward(tmp_path)
    yield made
    made.close()


@pytest.fixture
def infirmary(tmp_path: Path) -> Iterator[Infirmary]:
    """A node with emergency access; at the end its tables are what its entries say."""
    made = Infirmary(tmp_path)
    yield made
    assert check_state(made.path, tmp_path / "replica.sqlite", made.registry)
    made.close()
