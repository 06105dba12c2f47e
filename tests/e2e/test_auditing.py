"""An auditor at a running node: it watches, searches, is told as it happens, replays, and takes a proof along."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from telesphor.app import node_wallet
from telesphor.capabilities.contracts.manifest import read_manifest
from telesphor.capabilities.identity.enrolment.credential import make_credential
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import digest_of
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.verify.check_bundle import verify_bundle
from tests.e2e.running import Running, code_of, running
from tests.e2e.test_browsers import WAIT_SECONDS, Tab, begin
from tests.support.everything import MANIFEST
from tests.torture.folders import ORIGIN

FAILS_AGAIN = """
def handle(state, trigger):
    if state.get("ran"):
        fail("again")
    return {"ran": True}, [], {}
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("auditing") / "node") as node:
        yield node


@pytest.fixture(scope="module")
def clinic(node: Running) -> Wallet:
    """The organisation, which may read all of the log."""
    wallet = Wallet.create(kind="organisation", ids=node.ids)
    made = node.post(node.sign(node_wallet(node.node.keys), register_command(wallet, node=ORIGIN)))
    assert made.status == 200, made.body
    return wallet


def watch(node: Running, wallet: Wallet, *, scope: str = "log", live: bool = False, **body: Any) -> str:
    id = node.ids.next()
    asked = {"watch": id, "scope": scope, "subject": None, "minutes": 5, "live": live, **body}
    assert node.command(wallet, "audit.watch/1", **asked).status == 200
    return id


def ask(node: Running, wallet: Wallet, command: str, body: dict[str, Any]) -> None:
    answer = node.post(node.sign(wallet, (command, body)))
    assert answer.status == 200, answer.body


def page(tab: Tab, path: str, body: object = None) -> Any:
    answer = tab.ask("GET" if body is None else "POST", path, body, **_JSON)
    assert answer.status < 300, answer.body
    return answer.json()


_JSON = {"content-type": "application/json"}


def test_visit_is_found_replayed_and_taken_along(node: Running, clinic: Wallet) -> None:
    visit = node.ids.next()
    assert node.open_visit(visit).status == 200
    tab, id = begin(node, clinic), watch(node, clinic)
    rows = page(tab, f"/v1/app/audit/search?watch={id}&visit={visit}&type=visit.opened/1")["rows"]
    (opened,) = [row["position"] for row in rows]
    assert rows[0]["subject"]["id"] == node.patient.actor
    decided = page(tab, f"/v1/app/audit/search?watch={id}&type=access.decided/1&rows=1")["rows"]
    place = f"/v1/app/audit/decisions/{decided[0]['position']}"
    assert page(tab, f"{place}/replay?watch={id}")["same"]
    wish = {"watch": id, "positions": [opened, decided[0]["position"]], "with_documents": True}
    made = page(tab, "/v1/app/audit/exports", wish)
    command = made["command"]
    assert node.command(clinic, command["type"], **command["body"]).status == 200
    bundle = tab.ask("GET", f"/v1/app/audit/exports/{made['share']}")
    assert verify_bundle(bundle.body).passed
    block = page(tab, f"/v1/app/audit/entries/{opened}?watch={id}")["block"]
    assert block["first"] <= opened < block["size"]


def test_patient_sees_who_looked_and_an_auditor_no_name(node: Running, clinic: Wallet) -> None:
    patient = begin(node, node.patient)
    named = patient.ask("PUT", f"/v1/app/people/{node.patient.actor}", {"name": "Pat Lee"}, **_JSON)
    assert named.status == 204, named.body
    tab, id = begin(node, clinic), watch(node, clinic)
    own = watch(node, node.patient, subject=node.patient.actor)
    about = page(tab, f"/v1/app/audit/search?watch={id}&subject={node.patient.actor}")
    assert about["rows"]
    assert "Pat Lee" not in json.dumps(about)
    lines = page(patient, f"/v1/app/my/log?watch={own}")["rows"]
    assert lines[0]["sentence"].startswith("The organisation looked at a page of your access log")
    refused = patient.ask("GET", f"/v1/app/audit/search?watch={id}")
    assert code_of(refused, 404) == "watch-missing"


def test_live_watch_tells_what_happens_and_that_it_is_over(node: Running, clinic: Wallet) -> None:
    asyncio.run(_watch_live(node, begin(node, clinic), clinic))


async def _watch_live(node: Running, tab: Tab, clinic: Wallet) -> None:
    async with asyncio.timeout(WAIT_SECONDS), tab.connect() as connection:
        id = await asyncio.to_thread(watch, node, clinic, live=True)
        await asyncio.to_thread(node.put, b"a note")  # By then the node has seen that somebody watches.
        visit = node.ids.next()
        await asyncio.to_thread(node.open_visit, visit)
        seen: list[dict[str, Any]] = []
        while f"visit/{visit}" not in {row["stream"] for row in seen}:
            message = json.loads(await connection.recv())
            seen += message["rows"] if message["topic"] == "audit" else []
        await asyncio.to_thread(node.command, clinic, "audit.end/1", watch=id)
        while True:
            message = json.loads(await connection.recv())
            if "ended" in message:
                break
        assert (message["topic"], message["watch"], message["ended"]) == ("audit", id, "ended")


def test_organisation_sees_how_the_node_does(node: Running, clinic: Wallet) -> None:
    tab, id = begin(node, clinic), watch(node, clinic, scope="administration")
    health = page(tab, f"/v1/app/admin/health?watch={id}")
    assert health["status"] == "ok"
    assert {one["what"] for one in health["storage"]} >= {"ledger", "vault", "search index"}
    assert health["sessions"] >= 1
    people = page(tab, f"/v1/app/admin/people?watch={id}")["people"]
    assert {node.patient.actor, clinic.actor} <= {one["id"] for one in people}


def test_contract_is_listed_with_its_runs(node: Running, clinic: Wallet) -> None:
    contract = node.ids.next()
    offer = {"contract": contract, "manifest": read_manifest(MANIFEST % 1).decode(), "source": FAILS_AGAIN}
    ask(node, clinic, "contract.deploy/1", offer)
    for _ in range(2):
        called = {"contract": contract, "call": node.ids.next(), "name": "tell"}
        ask(node, node.clinician, "contract.call/1", {**called, "argument": "{}"})
    tab, id = begin(node, clinic), watch(node, clinic, scope="administration")
    (line,) = page(tab, f"/v1/app/admin/contracts?watch={id}")["contracts"]
    assert (line["name"], line["runs"], line["failed"], line["dead"]) == ("quiet", 2, 1, 0)
    assert (line["last"]["outcome"], line["last"]["cause"]) == ("failed", "failed")
    whole = page(tab, f"/v1/app/admin/contracts/{contract}?watch={id}")
    assert [run["outcome"] for run in whole["runs"]] == ["failed", "executed"]


def test_device_is_listed_with_its_owner_and_state(node: Running, clinic: Wallet) -> None:
    device, key, maker = Wallet.create(kind="device", ids=node.ids), _maker_key(), node.ids.next()
    assert node.post(node.sign(clinic, register_command(device, node=ORIGIN))).status == 200
    trusted = {"maker": maker, "name": "maker.example", "keys": key.public.jwks(), "models": ["Oximeter"]}
    ask(node, clinic, "maker.trust/1", trusted)
    now_ms = node.clock.now_ms()
    data = make_credential(
        maker="maker.example",
        key=key,
        model="Oximeter",
        serial=commit(b"serial", key32=bytes(32)),
        device=device.signing_key.public,
        begins_ms=now_ms - 86_400_000,
        ends_ms=now_ms + 86_400_000,
    )
    enrolled = {"device": device.actor, "maker": maker, "owner": clinic.actor, "document": digest_of(data)}
    ask(node, clinic, "device.enrol/1", {**enrolled, "credential": json.loads(data)})
    tab, id = begin(node, clinic), watch(node, clinic, scope="administration")
    (line,) = page(tab, f"/v1/app/admin/devices?watch={id}")["devices"]
    assert (line["device"], line["owner"]["id"]) == (device.actor, clinic.actor)
    assert (line["maker"], line["model"], line["state"]) == ("maker.example", "Oximeter", "enrolled")
    assert line["connected_at"] is None
    counts = page(tab, f"/v1/app/admin/health?watch={id}")["devices"]
    assert counts == {"enrolled": 1, "connected_lately": 0, "quarantined": 0, "revoked": 0}


def _maker_key() -> SigningKey:
    return SigningKey.generate(HybridSuite.ROOT)
