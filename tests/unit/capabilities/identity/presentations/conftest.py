"""Houses for tests of presentations: one for each test, and one for those that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.capabilities.identity.presentations.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.world.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for what leaves it as it was."""
    made = House(tmp_path_factory.mktemp("shared"))
    yield made
    made.world.close()
