"""A visit recorded by a real browser at a running node: sealed there, uploaded over a broken line, played by range."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from telesphor.app import node_wallet
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from tests.e2e.running import Running, running
from tests.e2e.test_browsers import begin
from tests.e2e.test_invitations import Cast
from tests.e2e.test_visits import TESTED, Clinic
from tests.support.chromium import find_chromium
from tests.support.room import WEB, Guest, Theatre, build_page

pytestmark = pytest.mark.skipif(
    find_chromium() is None or shutil.which("npx") is None or not (WEB / "node_modules").is_dir(),
    reason="needs Chromium and the web packages",
)


def test_recording_crosses_a_broken_upload_and_plays_from_the_middle(tmp_path: Path) -> None:
    build_page(tmp_path / "page")
    with running(tmp_path / "node") as node:
        asyncio.run(record_and_play(node, Theatre(tmp_path / "page")))


async def record_and_play(node: Running, theatre: Theatre) -> None:
    theatre.relay.node_url = node.url
    await theatre.open()
    try:
        doctor = await theatre.open_tab("doctor")
        visit, clinic = await asyncio.to_thread(prepare, node, await enrol(node, doctor))
        await go_in(clinic, doctor, visit)
        theatre.relay.uploads_to_cut = 1
        state = await doctor.ask("recordAtNode", visit, node.patient.actor, 2.6)
        assert state["phase"] == "kept", state
        assert theatre.relay.uploads_to_cut == 0
        assert await doctor.ask("openAtNode", visit, state["object"]) > 10_000
        shown = await doctor.ask("play", 2.1)
        assert shown["fault"] == "" and shown["time"] >= 2.1 and shown["width"] == 1280
        view = await asyncio.to_thread(begin(node, node.patient).ask, "GET", f"/v1/app/visits/{visit}")
        links = [(one["object"], one["role"]) for one in view.json()["visit"]["objects"]]
        assert links == [(state["object"], "recording")]
    finally:
        await theatre.close()


async def enrol(node: Running, tab: Guest) -> str:
    """Register the tab's keys as a person; returns the actor."""
    made = await tab.ask("enrol", node.node.settings.origin)
    command = made["command"]
    signed = node.sign(node_wallet(node.node.keys), (command["type"], command["body"]))
    assert (await asyncio.to_thread(node.post, signed)).status == 200
    return str(made["actor"])


def prepare(node: Running, clinician: str) -> tuple[str, Clinic]:
    """A visit now, of the node's patient with the browser's clinician, to which the patient has come."""
    hospital = Wallet.create(kind="organisation", ids=node.ids)
    command = register_command(hospital, node=node.node.settings.origin)
    assert node.post(node.sign(node_wallet(node.node.keys), command)).status == 200
    clinic = Clinic(Cast(node, hospital), node.clinician, begin(node, node.clinician))
    visit, patient = node.ids.next(), node.patient
    body: dict[str, Any] = {"patient": patient.actor, "clinician": clinician, "devices": []}
    body |= {"starts_at": clinic.instant(60_000), "minutes": 15}
    assert clinic.ask(hospital, visit, ("schedule", body)).status == 200
    tab = begin(node, patient)
    for kind in ("visit", "recording"):
        assert clinic.consent(patient, tab, visit, kind).status == 200
    assert clinic.ask(patient, visit, ("check-in", TESTED), ("wait", {})).status == 200
    return visit, clinic


async def go_in(clinic: Clinic, doctor: Guest, visit: str) -> None:
    """The clinician's own browser signs: begin, admit, consent."""
    path = "/v1/app/consent-texts?language=en"
    texts = (await asyncio.to_thread(clinic.tab.ask, "GET", path)).json()["texts"]
    (text,) = (one for one in texts if one["kind"] == "recording")
    consent = {"visit": visit, "consent": "recording", "text": text["digest"], "language": text["language"]}
    commands = [
        {"type": "visit.begin/1", "body": {"visit": visit}},
        {"type": "visit.admit/1", "body": {"visit": visit, "participant": clinic.node.patient.actor}},
        {"type": "visit.give-consent/1", "body": consent},
    ]
    await doctor.ask("send", commands)
