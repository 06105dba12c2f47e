"""One factor of a presentation is shown to somebody else, and nothing of the others."""

from __future__ import annotations

from contextlib import closing

import pytest

from telesphor.capabilities.identity.presentations.documents import open_factor, read_factors
from telesphor.cli.sharing import ChoiceRefused, open_presented, read_factor_choice
from telesphor.kernel import canonical
from telesphor.kernel.bundle import OpenedCommitment, Selection, read_bundle
from telesphor.kernel.clock import format_instant
from telesphor.ledger.bundles import BundleSource
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.share import share_bundle
from telesphor.verify.check_bundle import verify_bundle
from tests.support.trees import TreeInMemory
from tests.unit.capabilities.identity.presentations.cast import want
from tests.unit.capabilities.identity.presentations.house import House, licence
from tests.unit.capabilities.world import ORIGIN


@pytest.fixture
def position(house: House) -> int:
    """Where a presentation of two factors stands."""
    link = house.request(want("licence.licensed_in"), want("licence.number"))
    return house.present(house.clinician, link, licence(house)).position


def opened(house: House, position: int, name: str) -> OpenedCommitment:
    with closing(EntryReader(house.world.path, house.world.registry)) as reader:
        return open_presented(reader, position, name)


def shared(house: House, position: int, one: OpenedCommitment) -> bytes:
    world = house.world
    tree = TreeInMemory(world.entries())
    with closing(EntryReader(world.path, world.registry)) as reader:
        return share_bundle(
            Selection(world.ids.next(), "the insurer asks for the licence"),
            [position],
            reader=reader,
            checkpoint=tree.checkpoint(world.log, at_ms=world.clock.now_ms()),
            source=BundleSource(ORIGIN, world.log.vkeys(), tree, world.node.signing_key),
            made_at=format_instant(world.clock.now_ms()),
            opened=[one],
            whole_requests=True,
        ).bundle


def test_one_factor_is_shown_and_verifies(house: House, position: int) -> None:
    data = shared(house, position, opened(house, position, "licence.licensed_in"))
    report = verify_bundle(data)
    assert report.passed, report.to_text()
    (shown,) = read_bundle(data).opened
    value = canonical.decode(shown.value, limit=10_000)
    assert isinstance(value, dict)
    assert (value["group"], value["name"], value["value"], value["vouched"]) == (
        "licence",
        "licensed_in",
        "WA",
        "issuer",
    )


def test_nothing_of_the_other_factor_is_in_the_bundle(house: House, position: int) -> None:
    data = shared(house, position, opened(house, position, "licence.licensed_in"))
    assert b"MD 60 123" not in data
    assert not read_bundle(data).documents


def test_key_of_one_factor_opens_no_other(house: House, position: int) -> None:
    one, other = (opened(house, position, f"licence.{name}") for name in ("licensed_in", "number"))
    assert one.key != other.key
    assert {one.member, other.member} == {"shown.0", "shown.1"}


def test_factor_under_the_place_of_another_does_not_verify(house: House, position: int) -> None:
    one, other = (opened(house, position, f"licence.{name}") for name in ("licensed_in", "number"))
    swapped = OpenedCommitment(position=position, member=other.member, key=one.key, value=one.value)
    with pytest.raises(Exception, match="do not open the commitment"):
        shared(house, position, swapped)


def test_factor_that_was_not_shown_is_refused(house: House, position: int) -> None:
    with pytest.raises(ChoiceRefused, match="does not show"):
        opened(house, position, "identity.over_18")


def test_entry_that_is_no_presentation_is_refused(house: House) -> None:
    with pytest.raises(ChoiceRefused, match="no presentation"):
        opened(house, 0, "identity.over_18")


@pytest.mark.parametrize(
    "text", ["licence.licensed_in", "41:licence", "41:", "x:licence.licensed_in", "41:A.b"]
)
def test_choice_said_wrongly_is_refused(text: str) -> None:
    with pytest.raises(ChoiceRefused):
        read_factor_choice(text)


def test_seed_is_fresh_for_each_answer(house: House) -> None:
    seeds = set()
    for _ in range(2):
        entry = house.present(house.clinician, house.request(want("licence.licensed_in")), licence(house))
        with closing(EntryReader(house.world.path, house.world.registry)) as reader:
            data = reader.document(entry.body.factors)
        assert data is not None
        factors = read_factors(data)
        seeds.add(factors.commitment_seed)
        assert open_factor(factors, "licence.licensed_in") is not None
    assert len(seeds) == 2
