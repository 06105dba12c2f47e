"""Fixtures of the capabilities' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.capabilities.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A node that has its first entry."""
    made = World(tmp_path)
    made.begin()
    yield made
    made.close()


@pytest.fixture
def empty_world(tmp_path: Path) -> Iterator[World]:
    """A node without a first entry."""
    made = World(tmp_path)
    yield made
    made.close()
