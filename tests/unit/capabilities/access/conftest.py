"""Fixtures of the tests of access."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.capabilities.access.ward import Ward


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    """A node with access and nothing else."""
    made = Ward(tmp_path)
    yield made
    made.close()
