"""Fixtures of the vault's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.vault.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A running vault over a local folder."""
    made = World(tmp_path)
    yield made
    made.close()
