"""Real workers for the tests of contracts, started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.capabilities.contracts.pool import WorkerPool
from tests.unit.capabilities.contracts.workshop import Workshop


@pytest.fixture(scope="package")
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(2)
    yield made
    made.close()


@pytest.fixture
def shop(tmp_path: Path, pool: WorkerPool) -> Iterator[Workshop]:
    made = Workshop(tmp_path, pool.run)
    yield made
    made.close()
