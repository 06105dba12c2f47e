"""Real workers for the tests of contracts, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telesphor.capabilities.contracts.pool import WorkerPool


@pytest.fixture(scope="package")
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(2)
    yield made
    made.close()
