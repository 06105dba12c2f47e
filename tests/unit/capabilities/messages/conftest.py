"""Fixtures of the tests of messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.capabilities.messages.office import Office


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office for the tests of a file; each opens threads of its own."""
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.close()
