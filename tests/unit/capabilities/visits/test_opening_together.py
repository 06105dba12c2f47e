"""Visits opened by the thousand: the tables hold what opening them one by one would have left."""

from __future__ import annotations

import pytest

from telesphor.capabilities.visits.capability import STORE
from telesphor.capabilities.visits.entries import VISIT_OPENED
from telesphor.runtime.database import open_database
from telesphor.runtime.requests import Slot
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


def test_rule_that_is_set_within_the_batch_holds_for_the_next_opening(lived: LivedClinic) -> None:
    """What stands decided is remembered from request to request, as long as no table changes that rules look at."""
    world = lived.world

    def opening() -> bytes:
        body = {
            "visit": world.ids.next(),
            "patient": lived.patient.actor,
            "clinician": lived.clinician.actor,
            "devices": [],
        }
        return world.sign(lived.hospital, ("visit.open/1", body))

    rule = '@id("closed") forbid (principal, action == Telesphor::Action::"open-visit", resource);'
    closing, reopening = (
        world.sign(lived.hospital, ("policy.set/1", {"slot": "rules", "policies": text}))
        for text in (rule, None)
    )
    signed = [opening(), opening(), closing, opening(), reopening, opening()]
    requests = [world.authenticator.authenticate(data) for data in signed]
    outcomes, _ = world.machine._run_batch([Slot(request, None, None) for request in requests])
    codes = [getattr(outcome.error, "code", None) for outcome in outcomes]
    assert codes == [None, None, None, "access-denied", None, None]
