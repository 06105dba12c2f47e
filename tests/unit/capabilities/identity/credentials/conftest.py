"""Fixtures of the tests of credentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.capabilities.identity.credentials.office import Office, office_in


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A node whose hospital issues credentials."""
    with office_in(tmp_path) as made:
        yield made.ready()
