"""Asking, reading and withdrawing: who may, and what the ledger then says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.identity.presentations.documents import read_request, write_document
from telesphor.capabilities.identity.presentations.model import OPEN_MAX, RequestGrant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.replay import check_state
from tests.unit.capabilities.identity.presentations.cast import want
from tests.unit.capabilities.identity.presentations.house import (
    House,
    answered,
    licence,
)
from tests.unit.capabilities.world import ORIGIN

STATE = "licence.licensed_in=WA"


# Asking.


def test_request_leaves_digests_alone_and_keeps_its_document(shared: House) -> None:
    link = shared.request(holder=shared.clinician)
    entry = shared.world.entries()[-1]
    assert (entry.type, entry.stream) == ("presentation.requested/1", f"presentation/{link.presentation}")
    assert (entry.actor, entry.body.holder) == (shared.hospital.actor, shared.clinician.actor)
    document = shared.world.journal.document(link.request)
    assert document is not None
    request = read_request(document)
    assert entry.body.request == digest_of(document) == link.request
    assert entry.body.nonce == digest_of(request.nonce.encode())
    assert request.audience == f"{ORIGIN}/actors/{shared.hospital.actor}"
    assert b"licensed_in" not in entry.data
    assert request.nonce.encode() not in entry.data


def test_holder_is_shown_the_very_document_that_the_ledger_names(shared: House) -> None:
    link = shared.request(holder=shared.clinician)
    opened = shared.open(shared.clinician, link)
    assert digest_of(write_document(opened.request)) == link.request == opened.link.request
    entry = shared.world.entries()[-1]
    assert (entry.type, entry.actor, entry.n) == ("presentation.opened/1", shared.clinician.actor, 1)
    grant = shared.desk.tickets.redeem(link.ticket, RequestGrant)
    assert shared.desk.find_request(grant) == write_document(opened.request)


def test_request_of_another_holder_is_not_shown(shared: House) -> None:
    link = shared.request(holder=shared.clinician)
    command = ("presentation.open/1", {"presentation": link.presentation})
    assert shared.code_of(shared.patient, command) == "wrong-holder"
    assert shared.open(shared.hospital, link).request.holder == shared.clinician.actor


@pytest.mark.parametrize("kind", ["device", "node"])
def test_request_by_a_device_or_the_node_is_refused(shared: House, kind: str) -> None:
    wallet = shared.world.node if kind == "node" else shared.world.enrol("device")
    with pytest.raises(TelesphorError) as caught:
        shared.request(by=wallet)
    assert caught.value.code == "not-permitted"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"wanted": []}, "command-refused"),
        ({"nonce": "short"}, "command-refused"),
        ({"purpose": "marketing"}, "command-refused"),
        ({"relied_seconds": 59}, "command-refused"),
        ({"relied_seconds": 30 * 86_400 + 1}, "command-refused"),
        ({"holder": "01a2047b-93a3-7d09-9312-c166148dbe79"}, "actor-missing"),
        ({"expires_at": "2026-02-31T00:00:00.000Z"}, "invalid-instant"),
        ({"expires_at": "2020-01-01T00:00:00.000Z"}, "presentation-request-refused"),
        ({"expires_at": "2030-01-01T00:00:00.000Z"}, "presentation-request-refused"),
    ],
    ids=str,
)
def test_request_out_of_its_bounds_is_refused(shared: House, changes: dict[str, Any], code: str) -> None:
    before = len(shared.world.entries())
    with pytest.raises(TelesphorError) as caught:
        shared.request(**changes)
    assert caught.value.code == code
    assert len(shared.world.entries()) == before


def test_factor_asked_for_twice_is_refused(shared: House) -> None:
    with pytest.raises(TelesphorError) as caught:
        shared.request(want("licence.licensed_in", "WA"), want("licence.licensed_in", "OR"))
    assert caught.value.code == "presentation-request-refused"


def test_request_of_the_node_itself_is_refused(shared: House) -> None:
    with pytest.raises(TelesphorError) as caught:
        shared.request(holder=shared.world.node)
    assert caught.value.code == "not-permitted"


def test_nonce_used_before_is_refused_whoever_asks(shared: House) -> None:
    nonce = shared.world.ids.nonce()
    shared.request(nonce=nonce)
    with pytest.raises(TelesphorError) as caught:
        shared.request(nonce=nonce, by=shared.patient)
    assert caught.value.code == "nonce-used"


def test_id_used_before_is_refused(shared: House) -> None:
    link = shared.request()
    with pytest.raises(TelesphorError) as caught:
        shared.request(presentation=link.presentation)
    assert caught.value.code == "presentation-exists"


def test_verifier_that_fills_a_persons_list_is_refused_and_others_are_not(house: House) -> None:
    person = house.world.enrol("person")
    links = [house.request(holder=person) for _ in range(OPEN_MAX)]
    with pytest.raises(TelesphorError) as caught:
        house.request(holder=person)
    assert caught.value.code == "presentations-too-many"
    house.request(holder=person, by=house.patient)
    house.request(holder=house.patient)
    house.request()
    house.world.ask(person, ("presentation.withdraw/1", {"presentation": links[0].presentation}))
    house.request(holder=person)
    with pytest.raises(TelesphorError):
        house.request(holder=person)
    house.world.clock.advance_ms(600_001)
    house.request(holder=person)


def test_who_asks_itself_fills_nobodys_list(shared: House) -> None:
    for _ in range(OPEN_MAX + 1):
        shared.request(holder=shared.patient, by=shared.patient)


# Reading and withdrawing.


def reading(link: Any, **changes: Any) -> tuple[str, dict[str, Any]]:
    return "presentation.read/1", {"presentation": link.presentation, **changes}


def withdrawing(link: Any) -> tuple[str, dict[str, Any]]:
    return "presentation.withdraw/1", {"presentation": link.presentation}


def test_verifier_and_holder_read_what_was_shown_and_the_ledger_says_so(house: House) -> None:
    link = house.request()
    presented = house.present(house.clinician, link, licence(house))
    for wallet in (house.hospital, house.clinician):
        shown = house.world.ask(wallet, reading(link)).results[0]
        assert [factor.value for factor in shown.factors.credentials[0].factors] == ["WA"]
        assert (shown.vp, shown.factors.holder) == (None, house.clinician.actor)
        entry = house.world.entries()[-1]
        assert (entry.type, entry.actor) == ("presentation.read/1", wallet.actor)
        assert entry.body.factors == presented.body.factors
    shown = house.world.ask(house.hospital, reading(link, vp=True)).results[0]
    assert digest_of(shown.vp.encode()) == presented.body.vp


def test_others_read_nothing(house: House) -> None:
    link = house.request()
    assert house.code_of(house.hospital, reading(link)) == "presentation-missing"
    house.present(house.clinician, link, licence(house))
    assert house.code_of(house.patient, reading(link)) == "not-permitted"


def test_what_is_not_relied_on_any_more_is_not_read(house: House) -> None:
    link = house.request()
    house.present(house.clinician, link, licence(house))
    house.world.clock.advance_ms(3_600_000)
    assert house.code_of(house.hospital, reading(link)) == "presentation-expired"


def test_holder_withdraws_what_it_has_shown(house: House) -> None:
    link = house.request()
    house.present(house.clinician, link, licence(house))
    assert house.code_of(house.hospital, withdrawing(link)) == "not-permitted"
    house.world.ask(house.clinician, withdrawing(link))
    assert house.world.entries()[-1].type == "presentation.withdrawn/1"
    assert house.texts(house.clinician) == set()
    assert house.code_of(house.hospital, reading(link)) == "presentation-withdrawn"
    assert house.code_of(house.clinician, withdrawing(link)) == "presentation-withdrawn"


def test_request_is_withdrawn_by_its_verifier_or_declined_by_its_holder(house: House) -> None:
    for wallet in (house.hospital, house.clinician):
        link = house.request(holder=house.clinician)
        assert house.code_of(house.patient, withdrawing(link)) == "not-permitted"
        house.world.ask(wallet, withdrawing(link))
        command = ("presentation.open/1", {"presentation": link.presentation})
        assert house.code_of(house.clinician, command) == "presentation-withdrawn"


def test_answer_to_a_withdrawn_request_is_refused(house: House) -> None:
    answer, link = answered(house)
    house.send(link, answer.data)
    house.world.ask(house.hospital, withdrawing(link))
    assert house.refusal_of(house.clinician, answer) == "presentation-withdrawn"


def test_state_is_a_fold_of_the_entries(house: House, tmp_path: Path) -> None:
    answer, link = answered(house)
    house.cause_of(house.patient, answer, link)
    house.world.ask(house.clinician, answer.command)
    withdrawn = house.request()
    house.present(house.clinician, withdrawn, licence(house))
    house.world.ask(house.clinician, withdrawing(withdrawn))
    house.request()
    assert check_state(house.world.path, tmp_path / "replica.sqlite", house.world.registry) > 0
