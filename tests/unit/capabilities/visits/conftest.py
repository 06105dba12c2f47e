"""One node for all tests of a module, where each test has visits of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.capabilities.visits.lived import LivedClinic, open_clinic


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedClinic]:
    clinic = open_clinic(tmp_path_factory.mktemp("clinic"))
    yield clinic
    clinic.world.close()
