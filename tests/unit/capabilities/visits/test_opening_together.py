"""Visits opened by the thousand: the tables hold what opening them one by one would have left."""

from __future__ import annotations

import pytest

from telesphor.capabilities.visits.capability import STORE
from telesphor.capabilities.visits.entries import VISIT_OPENED
from telesphor.runtime.database import open_database
from tests.unit.capabilities.visits.lived import LivedClinic


@pytest.mark.parametrize("count", [1, 9, 75])
def test_visits_opened_in_one_request_are_those_of_a_replay(lived: LivedClinic, count: int) -> None:
    bodies = [
        {
            "visit": lived.world.ids.next(),
            "patient": lived.patient.actor,
            "clinician": lived.clinician.actor,
            "devices": [lived.device.actor] if number % 3 else [],
        }
        for number in range(count)
    ]
    lived.world.ask(lived.hospital, *(("visit.open/1", body) for body in bodies))
    one_by_one, together = open_database(":memory:"), open_database(":memory:")
    opened = [entry for entry in lived.world.entries() if entry.type == VISIT_OPENED.name]
    assert len(opened) >= count
    for db in (one_by_one, together):
        db.execute(STORE.schema)
    for entry in opened:
        STORE.apply(one_by_one, entry)
    STORE.together[VISIT_OPENED.name](together, opened)
    for table in STORE.tables:
        rows = list(one_by_one.execute(f'SELECT * FROM "{table}"'))
        assert list(together.execute(f'SELECT * FROM "{table}"')) == rows
        assert rows or table not in ("visits", "visit_lives", "visit_seats")
