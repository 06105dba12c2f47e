"""An emergency access at a running node: patient and privacy officer hear of it at once, or with the next page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from telesphor.app import node_wallet
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from tests.e2e.running import Running, running
from tests.e2e.test_browsers import Tab, begin
from tests.support.staff import appointment

WAIT_SECONDS = 60.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("emergencies") / "node") as node:
        yield node


@pytest.fixture(scope="module")
def officer(node: Running) -> Wallet:
    hospital, officer = (Wallet.create(kind=kind, ids=node.ids) for kind in ("organisation", "person"))
    root = node_wallet(node.node.keys)
    for one in (hospital, officer):
        command = register_command(one, node=node.node.settings.origin)
        assert node.post(node.sign(root, command)).status == 200
    for person, role in ((officer, "privacy-officer"), (node.clinician, "clinician")):
        appointed = appointment(node.ids, person.actor, role=role)
        assert node.post(node.sign(hospital, *appointed)).status == 200
    return officer


def open_glass(node: Running, by: Wallet, about: Wallet) -> str:
    nonce = node.command(by, "break-glass.challenge/1").json()["results"][0]["nonce"]
    glass = node.ids.next()
    target = {"kind": "record", "id": about.actor}
    answer = node.command(
        by,
        "break-glass.open/1",
        break_glass=glass,
        target=target,
        reason="unconscious-patient",
        minutes=15,
        nonce=nonce,
    )
    assert answer.status == 200, answer.body
    assert answer.json()["results"][0]["notified"] == 2
    return glass


async def hear(line: ClientConnection, topic: str) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_SECONDS):
        async for text in line:
            message: dict[str, Any] = json.loads(text)
            if message["topic"] == topic:
                return message
    raise AssertionError("the connection ended")


def notices(tab: Tab) -> list[dict[str, Any]]:
    answer = tab.ask("GET", "/v1/app/emergencies")
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json()["notices"]
    return found


async def test_patient_and_officer_hear_of_it_at_once(node: Running, officer: Wallet) -> None:
    patient, watching = begin(node, node.patient), begin(node, officer)
    async with patient.connect() as hers, watching.connect() as theirs:
        for line in (hers, theirs):
            await hear(line, "hub")
        glass = await asyncio.to_thread(open_glass, node, node.clinician, node.patient)
        for line in (hers, theirs):
            assert await hear(line, "emergency") == {
                "topic": "emergency",
                "event": "opened",
                "break_glass": glass,
            }
    assert [(one["break_glass"], one["about"]) for one in notices(patient)] == [(glass, "you")]
    assert [(one["break_glass"], one["about"]) for one in notices(watching)] == [(glass, "patient")]
    node.command(officer, "break-glass.review/1", break_glass=glass, verdict="justified")
    node.command(node.patient, "break-glass.acknowledge/1", break_glass=glass)
    assert notices(patient) == notices(watching) == []


def test_who_was_away_finds_it_with_the_next_session(node: Running, officer: Wallet) -> None:
    glass = open_glass(node, node.clinician, node.patient)
    assert [one["break_glass"] for one in notices(begin(node, node.patient))] == [glass]
    assert [one["break_glass"] for one in notices(begin(node, officer))] == [glass]
    assert notices(begin(node, node.clinician)) == []


def test_notices_without_a_session_are_refused(node: Running) -> None:
    assert node.ask("GET", "/v1/app/emergencies").status == 401
