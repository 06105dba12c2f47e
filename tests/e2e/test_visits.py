"""A visit at a running node, as two browsers live it: from the link to the proof, over HTTP and the live connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.asyncio.client import ClientConnection

from telesphor.app import node_wallet
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import digest_of
from telesphor.ledger.replay import check_state
from telesphor.verify.check_bundle import verify_bundle
from tests.e2e.running import Answer, Running, code_of, running
from tests.e2e.test_browsers import Tab, begin
from tests.e2e.test_invitations import Cast, Link
from tests.support.staff import appointment

WAIT_SECONDS = 60.0
Steps = tuple[tuple[str, dict[str, Any]], ...]
TESTED = {"camera": "ok", "microphone": "ok", "speaker": "ok", "network": "good"}


class Clinic(NamedTuple):
    """The node, its hospital and the clinician's tab."""

    cast: Cast
    clinician: Wallet
    tab: Tab

    @property
    def node(self) -> Running:
        return self.cast.node

    def invite(self) -> tuple[str, Link]:
        """Schedule a visit of somebody new and send the link, in one request; returns the visit."""
        ids, code = self.node.ids, self.node.ids.random_bytes(32)
        visit, patient, invitation = ids.next(), ids.next(), ids.next()
        scheduled: dict[str, Any] = {
            "visit": visit,
            "patient": patient,
            "clinician": self.clinician.actor,
            "devices": [],
        }
        scheduled |= {"starts_at": self.instant(600_000), "minutes": 15}
        made = {"invitation": invitation, "actor": patient, "kind": "person", "code": digest_of(code)}
        made |= {"visit": visit, "expires_at": self.instant(3_600_000)}
        seat = {"visit": visit, "participant": patient, "role": "patient", "invitation": invitation}
        commands = (("visit.schedule/1", scheduled), ("invitation.make/1", made), ("visit.invite/1", seat))
        answer = self.node.post(self.node.sign(self.clinician, *commands))
        assert answer.status == 200, answer.body
        return visit, Link(self.cast, invitation, base64url.encode(code), patient)

    def instant(self, ahead_ms: int) -> str:
        return format_instant(self.node.clock.now_ms() + ahead_ms)

    def ask(self, wallet: Wallet, visit: str, *steps: tuple[str, dict[str, Any]]) -> Answer:
        """Several steps in one request."""
        commands = [(f"visit.{step}/1", {"visit": visit, **body}) for step, body in steps]
        return self.node.post(self.node.sign(wallet, *commands))

    def consent(self, wallet: Wallet, tab: Tab, visit: str, kind: str) -> Answer:
        shown = tab.ask("GET", "/v1/app/consent-texts?language=es").json()["texts"]
        (text,) = (one for one in shown if one["kind"] == kind)
        body = {"consent": kind, "text": text["digest"], "language": text["language"]}
        return self.ask(wallet, visit, ("give-consent", body))


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with running(tmp_path_factory.mktemp("visits") / "node") as node:
        hospital = Wallet.create(kind="organisation", ids=node.ids)
        command = register_command(hospital, node=node.node.settings.origin)
        assert node.post(node.sign(node_wallet(node.node.keys), command)).status == 200
        appointed = node.sign(hospital, *appointment(node.ids, node.clinician.actor))
        assert node.post(appointed).status == 200
        yield Clinic(Cast(node, hospital), node.clinician, begin(node, node.clinician))


async def next_of(connection: ClientConnection, topic: str, type: str) -> dict[str, Any]:
    """The next message of a topic that tells of an entry of this type."""
    async with asyncio.timeout(WAIT_SECONDS):
        async for frame in connection:
            message: dict[str, Any] = json.loads(frame)
            names = {one if isinstance(one, str) else one["type"] for one in message.get("changes", ())}
            if message["topic"] == topic and type in names:
                return message
    raise AssertionError("the connection ended")


def test_visit_from_the_link_to_the_proof(clinic: Clinic) -> None:
    visit, link = clinic.invite()
    assert link.post("look").json()["visit"] == visit
    patient = link.wallet()
    assert link.redeem(patient).status == 201
    tab = begin(clinic.node, patient)
    (mine,) = tab.ask("GET", "/v1/app/visits").json()["visits"]
    assert (mine["visit"], mine["phase"], mine["mine"]["role"]) == (visit, "scheduled", "patient")
    assert clinic.consent(patient, tab, visit, "visit").status == 200

    async def meet() -> None:
        async with clinic.tab.connect() as theirs, tab.connect() as own:
            arrive: Steps = (("check-in", TESTED), ("wait", {}))
            answer = await asyncio.to_thread(clinic.ask, patient, visit, *arrive)
            assert answer.status == 200, answer.body
            await next_of(theirs, "queue", "visit.waiting/1")
            waiting = clinic.tab.ask("GET", "/v1/app/queue").json()["waiting"]
            assert [one["visit"] for one in waiting] == [visit]
            admit: Steps = (("begin", {}), ("admit", {"participant": patient.actor}))
            answer = await asyncio.to_thread(clinic.ask, clinic.clinician, visit, *admit)
            assert answer.status == 200, answer.body
            await next_of(own, f"visit/{visit}", "visit.admitted/1")

    asyncio.run(meet())
    shown = tab.ask("GET", f"/v1/app/visits/{visit}").json()["visit"]
    assert shown["room"]["participants"] == sorted([patient.actor, clinic.clinician.actor])
    end: Steps = (("end", {"outcome": "completed"}), ("close", {}))
    assert clinic.ask(clinic.clinician, visit, *end).status == 200
    exported = clinic.ask(patient, visit, ("export", {})).json()["results"][0]
    bundle = clinic.node.ask(
        "GET", exported["path"], headers={"authorization": f"Bearer {exported['ticket']}"}
    )
    report = verify_bundle(bundle.body)
    assert report.verdict == "pass", report
    assert tab.ask("GET", "/v1/app/visits?which=past").json()["visits"][0]["outcome"] == "completed"


def test_nobody_sees_a_visit_without_a_session_or_a_seat(clinic: Clinic) -> None:
    visit, _ = clinic.invite()
    assert code_of(clinic.node.ask("GET", f"/v1/app/visits/{visit}"), 401) == "session-refused"
    stranger = begin(clinic.node, clinic.node.patient)
    assert code_of(stranger.ask("GET", f"/v1/app/visits/{visit}"), 403) == "not-a-participant"
    missing = stranger.ask("GET", f"/v1/app/visits/{clinic.node.ids.next()}")
    assert code_of(missing, 404) == "visit-missing"
    assert stranger.ask("GET", "/v1/app/visits?which=all").status == 400
    assert stranger.ask("GET", "/v1/app/visits?limit=101").status == 400


def test_person_without_that_visit_sends_no_link_to_it(clinic: Clinic) -> None:
    visit, link = clinic.invite()
    made = {"invitation": clinic.node.ids.next(), "actor": link.actor, "kind": "person", "visit": visit}
    made |= {"code": digest_of(b"code"), "expires_at": clinic.instant(3_600_000)}
    answer = clinic.node.command(clinic.node.patient, "invitation.make/1", **made)
    assert code_of(answer, 403) == "not-a-participant"


def test_tables_are_the_fold_of_all_of_it(clinic: Clinic, tmp_path: Path) -> None:
    node = clinic.node.node
    assert check_state(node.folder.ledger, tmp_path / "scratch.sqlite", node.registry)
