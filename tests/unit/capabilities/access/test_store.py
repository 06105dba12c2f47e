"""The tables of access are a fold of its entries: thrown away and made again, they are the same."""

from __future__ import annotations

import apsw
import pytest

from telesphor.capabilities.access.model import AccessDenied, Resource, ResourceKind
from telesphor.capabilities.access.store import STORE, TABLES, policies_in_force
from tests.unit.capabilities.access.ward import Ward

CLOSED = '@id("closed") forbid (principal, action == Telesphor::Action::"print", resource);'


@pytest.fixture
def busy(ward: Ward) -> Ward:
    """A node at which something of each sort happened."""
    owner, other, hospital = ward.enrol("person"), ward.enrol("person"), ward.enrol("organisation")
    thing = ward.object_of(owner)
    ward.ask(owner, "read", thing)
    with pytest.raises(AccessDenied):
        ward.ask(other, "read", thing)
    ward.set_policy(hospital, CLOSED)
    place = Resource(kind=ResourceKind.ORGANISATION, id=hospital.id)
    for _ in range(2):
        ward.ask(owner, "open-visit", place, standing=True)
    ward.set_policy(hospital, '@id("base:all") permit (principal, action, resource);', slot="base")
    ward.set_policy(hospital, None)
    ward.ask(owner, "open-visit", place, standing=True)
    return ward


def test_tables_are_the_fold_of_the_entries(busy: Ward) -> None:
    db = apsw.Connection(":memory:")
    db.execute(STORE.schema)
    for entry in busy.entries():
        if entry.type.startswith(("access.", "policy.")):
            STORE.apply(db, entry)
    assert rows(db) == rows(busy.db)
    assert all(rows(db).values()), "nothing of one sort happened"


def test_base_comes_before_the_rules(busy: Ward) -> None:
    hospital = busy.enrol("organisation")
    busy.set_policy(hospital, CLOSED)
    assert [row.slot for row in policies_in_force(busy.db)] == ["base", "rules"]


def test_standing_is_renewed_not_doubled(busy: Ward) -> None:
    assert len(rows(busy.db)["access_standing"]) == 1


def rows(db: apsw.Connection) -> dict[str, list[object]]:
    return {table: sorted(db.execute(f"SELECT * FROM {table}")) for table in TABLES}
