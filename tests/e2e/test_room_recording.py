"""A recording whose page is lost in the middle: the next page of the same browser finishes what there is, and it plays.

One over a broken line, stopped as people stop it, is in `browser/test_visit.py`.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
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
from tests.support.room import WEB, Guest, Theatre, built_page

pytestmark = pytest.mark.skipif(
    find_chromium() is None or shutil.which("npx") is None or not (WEB / "node_modules").is_dir(),
    reason="needs Chromium and the web packages",
)

BLOCK_SECONDS = 0.5
"""On a busy machine a camera gives two or three pictures a second."""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """A running node, and the page that records at it."""
    page = built_page()
    with running(tmp_path_factory.mktemp("studio") / "node") as node:
        yield node, page


def test_recording_whose_page_was_lost_is_finished_by_the_next_and_plays(
    studio: tuple[Running, Path],
) -> None:
    node, page = studio
    asyncio.run(lose_and_finish(node, Theatre(page)))


async def lose_and_finish(node: Running, theatre: Theatre) -> None:
    theatre.relay.node_url = node.url
    await theatre.open()
    try:
        doctor = await theatre.open_tab("doctor")
        actor = await enrol(node, doctor)
        visit, clinic = await asyncio.to_thread(prepare, node, actor)
        await go_in(clinic, doctor, visit)
        await doctor.ask("recordOnAndOn", visit, node.patient.actor)
        (alive,) = await doctor.until("unfinished", lambda left: left and left[0]["seconds"] > 2)
        assert alive["claimed"]
        again = await theatre.lose_and_reopen(doctor)
        await again.ask("beAgain", actor, node.node.settings.origin)
        (lost,) = await again.until("unfinished", lambda left: not left[0]["claimed"])
        view = await visit_now(node, visit)
        assert view["recording"]["running"] and view["recording"]["object"] == lost["object"]
        await again.ask("finishAtNode", lost["object"], view)
        assert await again.ask("unfinished") == []
        assert not (await visit_now(node, visit))["recording"]["running"]
        assert await recordings_of(node, visit) == [lost["object"]]
        await again.ask("openAtNode", visit, lost["object"])
        shown = await again.ask("play", 1.5)
        assert shown["fault"] == "" and shown["time"] >= 1.5 and shown["width"] == 1280
        # What fills no whole chunk, and the block that it cuts, is all that was lost; how long the last picture lasts
        # is for the player to guess.
        assert abs(shown["duration"] - lost["seconds"]) < BLOCK_SECONDS
        assert again.errors == []
    finally:
        await theatre.close()


async def visit_now(node: Running, visit: str) -> dict[str, Any]:
    view = await asyncio.to_thread(begin(node, node.patient).ask, "GET", f"/v1/app/visits/{visit}")
    shown: dict[str, Any] = view.json()["visit"]
    return shown


async def recordings_of(node: Running, visit: str) -> list[str]:
    objects = (await visit_now(node, visit))["objects"]
    return [one["object"] for one in objects if one["role"] == "recording"]


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
