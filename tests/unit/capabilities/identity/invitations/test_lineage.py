"""By whose invitations somebody came in: told up to whoever nobody invited, and told whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.capabilities.identity.invitations.model import LINEAGE_MAX, LineageTooLong
from telesphor.capabilities.identity.invitations.service import lineage_of
from telesphor.client.wallet import Wallet
from telesphor.ledger.snapshot import Snapshot
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.begin()
    yield made
    made.close()


def lineage(world: World, actor: Wallet) -> tuple[str, ...]:
    db = open_reader(world.path)
    try:
        return lineage_of(Snapshot(db, clock=world.clock, ids=world.ids), actor.actor)
    finally:
        db.close()


def test_lineage_is_told_the_nearest_first_up_to_whoever_was_registered(world: World) -> None:
    hospital = world.enrol("organisation")
    first = world.invite(hospital)
    second = world.invite(first)
    third = world.invite(second)
    assert lineage(world, third) == (second.actor, first.actor, hospital.actor)
    assert lineage(world, first) == (hospital.actor,)
    assert lineage(world, world.enrol("person", by=hospital)) == ()


def test_links_that_were_not_redeemed_make_no_lineage(world: World) -> None:
    """An invitation to somebody who has keys already lets nobody in."""
    person = world.enrol("person")
    world.invite(person)
    assert lineage(world, person) == ()


def test_lineage_that_is_too_long_is_refused_and_not_cut_off(world: World) -> None:
    """Else a second self would make so many more that its own maker is left out."""
    person = world.enrol("person")
    for _ in range(LINEAGE_MAX):
        person = world.invite(person)
    assert len(lineage(world, person)) == LINEAGE_MAX
    with pytest.raises(LineageTooLong):
        lineage(world, world.invite(person))
