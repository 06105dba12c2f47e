"""An enrolled device measures whoever holds it, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from telesphor.app.rules import find_resource
from telesphor.capabilities.access.capability import CAPABILITY as ACCESS
from telesphor.capabilities.access.service import authorise
from telesphor.capabilities.access.sources import NOTHING
from telesphor.capabilities.access.tokens.capability import tokens_capability
from telesphor.capabilities.visits.capability import visits_capability
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.runtime.capability import Actor, Decision, State
from telesphor.runtime.tickets import Tickets
from telesphor.vault.capability import RECORDED as VAULT
from telesphor.vault.model import ReadObject
from tests.unit.capabilities.identity.enrolment.ward import Ward
from tests.unit.capabilities.identity.small_node import START_MS


def _read_nothing(_actor: Actor, _command: ReadObject, _state: State) -> Decision:
    raise AssertionError("nothing is read here")


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    tokens = tokens_capability(authorise=partial(authorise, sources=NOTHING), find_resource=find_resource)
    tickets = Tickets(clock=None, random=bytes)  # type: ignore[arg-type]
    visits = visits_capability(decide_read=_read_nothing, tickets=tickets)
    ward = Ward(tmp_path, ACCESS, VAULT, tokens, visits)
    yield ward
    ward.world.close()


def opening(ward: Ward, patient: Wallet, device: Wallet) -> Command:
    clinician = ward.world.enrol("person")
    body = {
        "visit": ward.world.ids.next(),
        "patient": patient.actor,
        "clinician": clinician.actor,
        "devices": [device.actor],
    }
    return "visit.open/1", body


def grant(ward: Ward, device: Wallet, recipient: Wallet) -> str:
    """The owner grants the device; the recipient takes it."""
    dataset, token = ward.world.ids.next(), ward.world.ids.next()
    members = [{"kind": "device", "id": device.actor}]
    terms = {
        "token": token,
        "recipient": {"kind": "actor", "id": recipient.actor},
        "dataset": dataset,
        "role": None,
        "actions": ["record"],
        "purposes": ["treatment"],
        "not_before": format_instant(START_MS - 1000),
        "not_after": format_instant(START_MS + 3_600_000),
        "revocable": True,
        "transferable": False,
        "delegation_depth": 0,
        "required_factors": [],
        "rule": "",
        "fact": None,
    }
    define = ("dataset.define/1", {"dataset": dataset, "members": members})
    ward.world.ask(ward.patient, define, ("token.mint/1", terms))
    ward.world.ask(recipient, ("token.accept/1", {"token": token}))
    return token


def test_device_of_the_patient_measures_it(ward: Ward) -> None:
    ward.world.ask(ward.hospital, opening(ward, ward.patient, ward.device()))


def test_device_of_another_patient_is_refused(ward: Ward) -> None:
    other = ward.world.enrol("person")
    assert ward.code_of(ward.hospital, opening(ward, other, ward.device())) == "participant-refused"


def test_device_measures_whom_it_was_granted_to_and_its_owner_no_more(ward: Ward) -> None:
    device, other = ward.device(), ward.world.enrol("person")
    token = grant(ward, device, other)
    ward.world.ask(ward.hospital, opening(ward, other, device))
    assert ward.code_of(ward.hospital, opening(ward, ward.patient, device)) == "participant-refused"
    ward.world.ask(ward.patient, ("token.revoke/1", {"token": token}))
    ward.world.ask(ward.hospital, opening(ward, ward.patient, device))
    assert ward.code_of(ward.hospital, opening(ward, other, device)) == "participant-refused"


def test_device_that_was_never_enrolled_is_anybodys(ward: Ward) -> None:
    ward.world.ask(ward.hospital, opening(ward, ward.patient, ward.world.enrol("device")))
