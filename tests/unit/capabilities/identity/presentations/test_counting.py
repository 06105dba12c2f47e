"""What was shown counts as long as all that it rests on."""

from __future__ import annotations

import pytest

from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.kernel.signing import HybridSuite, SigningKey
from tests.unit.capabilities.identity.presentations.house import (
    House,
    licence,
)

STATE = "licence.licensed_in=WA"


# What counts, and until when.


def test_presentation_counts_no_longer_than_is_relied_on_it(house: House) -> None:
    house.present(house.clinician, house.request(relied_seconds=60), licence(house))
    house.world.clock.advance_ms(59_999)
    assert house.texts(house.clinician) == {STATE}
    house.world.clock.advance_ms(1)
    assert house.texts(house.clinician) == set()


def test_presentation_counts_no_longer_than_its_credential(house: House) -> None:
    held = house.issue(house.clinician, "licence", days=1, licensed_in="WA")
    house.present(house.clinician, house.request(relied_seconds=30 * 86_400), held)
    house.world.clock.advance_ms(86_400_000 - 1_000)
    assert house.texts(house.clinician) == {STATE}
    house.world.clock.advance_ms(1_000)
    assert house.texts(house.clinician) == set()


@pytest.mark.parametrize(
    ("command", "counts"), [("revoke", set()), ("suspend", set()), ("reinstate", {STATE})]
)
def test_credential_taken_back_counts_no_more(house: House, command: str, counts: set[str]) -> None:
    credential, issued = house.issue_noted(house.clinician, "licence", licensed_in="WA")
    house.present(house.clinician, house.request(), issued.serialized)
    body = {"credential": credential, "reason": "under-review"}
    if command == "reinstate":
        house.world.ask(house.hospital, ("credential.suspend/1", body))
    house.world.ask(house.hospital, (f"credential.{command}/1", body))
    assert house.texts(house.clinician) == counts


def test_issuer_distrusted_later_counts_no_more(house: House) -> None:
    house.present(house.clinician, house.request(), licence(house))
    house.world.ask(house.hospital, ("issuer.distrust/1", {"issuer": house.issuer, "reason": "compromised"}))
    assert house.texts(house.clinician) == set()


def test_issuer_trusted_for_fewer_groups_counts_no_more(house: House) -> None:
    house.present(house.clinician, house.request(), licence(house))
    house.trust("identity")
    assert house.texts(house.clinician) == set()
    house.trust()
    assert house.texts(house.clinician) == {STATE}


def test_issuer_trusted_under_other_keys_counts_no_more(house: House) -> None:
    house.trust_board()
    held = house.sign_as_board(house.clinician, licensed_in="WA")
    house.present(house.clinician, house.request(), held, status_lists=house.board_list())
    house.trust_board(key=SigningKey.generate(HybridSuite.ACTOR))
    assert house.texts(house.clinician) == set()


def test_holder_with_new_keys_presents_anew(house: House) -> None:
    house.present(house.clinician, house.request(), licence(house))
    renewed = house.rotate(house.clinician)
    assert house.texts(renewed) == set()
    house.present(renewed, house.request(), licence(house, renewed))
    assert house.texts(renewed) == {STATE}


def test_retired_holder_shows_nothing(house: House) -> None:
    house.present(house.clinician, house.request(), licence(house))
    house.world.ask(house.hospital, ("actor.retire/1", {"id": house.clinician.actor}))
    assert house.texts(house.clinician) == set()


def test_nobody_has_shown_nothing(house: House) -> None:
    assert house.inside(lambda _state: ()) == ()
    assert house.texts(house.patient) == set()
    stranger = Wallet.create(kind="person", ids=house.world.ids)
    assert house.texts(stranger) == set()


def test_reverification_is_seen_in_what_counts(house: House) -> None:
    credential, issued = house.issue_noted(house.clinician, "licence", licensed_in="WA")
    house.present(house.clinician, house.request(), issued.serialized)
    house.world.clock.advance_ms(60_000)
    now = format_instant(house.world.clock.now_ms())
    body = {"credential": credential, "verified": now}
    house.world.ask(house.hospital, ("credential.reverify/1", body))
    assert [factor.verified_at for factor in house.counting(house.clinician)] == [now]
