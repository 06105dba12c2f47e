"""Fixtures of the tests of compliance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.ledger.replay import check_state
from tests.unit.capabilities.compliance.office import Office


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One for all tests of a module; at the end its tables are what its entries say."""
    folder: Path = tmp_path_factory.mktemp("office")
    made = Office(folder)
    yield made
    assert check_state(made.path, folder / "replica.sqlite", made.registry)
    made.close()
