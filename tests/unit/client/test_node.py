"""The client against a whole node over real HTTP, also when the line breaks."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.app import Node, create_node, node_wallet, open_node
from telesphor.client import node as client_node
from telesphor.client import transfers
from telesphor.client.errors import AnswerRefused, ClientRefused, LinkRefused, NodeUnreachable, TransferFailed
from telesphor.client.http import Dialling, Http
from telesphor.client.node import NodeClient
from telesphor.client.requests import sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.checkpoint import open_checkpoint
from telesphor.kernel.clock import ManualClock, SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.runtime.serving import serving
from telesphor.runtime.tls.context import client_context, server_context
from telesphor.runtime.tls.policy import NODES
from telesphor.verify.check_bundle import verify_bundle
from tests.support.certificates import Organisation
from tests.support.staff import appointment
from tests.unit.client.lines import Line

ORIGIN = "node.example/telesphor"
PART = 4 * 1024 * 1024
IDS = IdSource(SystemClock())


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    path = tmp_path_factory.mktemp("client") / "node"
    create_node(path, origin=ORIGIN, passphrase=b"passphrase")
    with open_node(path, passphrase=b"passphrase") as opened:
        yield opened


@pytest.fixture(scope="module")
def url(node: Node) -> Iterator[str]:
    with serving(node.edge()) as base:
        yield base


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(client_node, "PAUSE_SECONDS", 0.01)


def client(url: str, wallet: Wallet) -> NodeClient:
    return NodeClient(url, wallet, origin=ORIGIN)


async def enrol(node: Node, url: str, kind: str = "person") -> Wallet:
    wallet = Wallet.create(kind=kind, ids=IDS)
    async with client(url, node_wallet(node.keys)) as desk:
        await desk.register(wallet)
    return wallet


async def _appoint(node: Node, url: str, clinician: Wallet) -> None:
    """Have a hospital make somebody a clinician."""
    async with client(url, await enrol(node, url, "organisation")) as hospital:
        await hospital.send(*appointment(IDS, clinician.actor))


def content(size: int) -> bytes:
    return hashlib.shake_128(b"content").digest(size)


async def test_receipt_says_where_the_entries_stand(node: Node, url: str) -> None:
    wallet = Wallet.create(kind="person", ids=IDS)
    async with client(url, node_wallet(node.keys)) as desk:
        receipt = await desk.register(wallet)
    line = receipt.entries[0]
    assert (line.type, line.stream, line.n) == ("actor.registered/1", f"actor/{wallet.actor}", 0)
    assert receipt.first == line.position > 0


async def test_refusal_bears_the_nodes_code_status_message_and_hint(node: Node, url: str) -> None:
    async with client(url, Wallet.create(kind="person", ids=IDS)) as stranger:
        with pytest.raises(ClientRefused) as caught:
            await stranger.send(("actor.retire/1", {"id": stranger.wallet.actor}))
    error = caught.value
    assert (error.code, error.status) == ("unknown-actor", 401)
    assert error.message
    assert error.hint


async def test_request_for_another_node_is_refused(node: Node, url: str) -> None:
    wallet = await enrol(node, url)
    async with NodeClient(url, wallet, origin="other.example/telesphor") as lost:
        with pytest.raises(ClientRefused) as caught:
            await lost.send(("actor.retire/1", {"id": wallet.actor}))
    assert caught.value.code == "wrong-node"


async def test_clock_that_is_far_off_is_refused(node: Node, url: str) -> None:
    wallet = await enrol(node, url)
    async with NodeClient(url, wallet, origin=ORIGIN, clock=ManualClock(1_000_000), ids=IDS) as late:
        with pytest.raises(ClientRefused) as caught:
            await late.send(("actor.retire/1", {"id": wallet.actor}))
    assert caught.value.code == "request-expired"


async def test_rotated_keys_are_used_from_then_on(node: Node, url: str) -> None:
    wallet = await enrol(node, url, "organisation")
    async with client(url, wallet) as hospital:
        renewed = await hospital.rotate_key()
        assert hospital.wallet is renewed
        await hospital.register(Wallet.create(kind="device", ids=IDS))


async def test_object_is_written_and_read_back(node: Node, url: str) -> None:
    wallet, reader = await enrol(node, url), await enrol(node, url)
    data, moved = content(2 * PART + 12_345), list[int]()
    async with client(url, wallet) as owner, client(url, reader) as other:
        written = await owner.put_object(
            io.BytesIO(data), media_type="video/webm", readers=[reader.actor], progress=moved.append
        )
        assert written.size == moved[-1] == len(data)
        assert written.receipt.entries[0].type == "object.sealed/1"
        target, arrived = io.BytesIO(), list[int]()
        size = await other.read_to(written.object, target, purpose="treatment", progress=arrived.append)
        assert size == arrived[-1] == len(data)
        assert target.getvalue() == data
        part = await other.read_object(written.object, purpose="treatment", start=PART - 10, end=PART + 10)
        assert part == data[PART - 10 : PART + 10]
        assert await other.read_object(written.object, purpose="treatment", start=len(data)) == b""


async def test_empty_object_is_written_and_read_back(node: Node, url: str) -> None:
    async with client(url, await enrol(node, url)) as owner:
        written = await owner.put_object(io.BytesIO(b""), media_type="text/plain")
        assert written.size == 0
        target = io.BytesIO()
        assert await owner.read_to(written.object, target, purpose="treatment") == 0
        assert target.getvalue() == b""


async def test_upload_goes_on_after_the_line_broke(node: Node, url: str) -> None:
    wallet, data = await enrol(node, url), content(4 * PART + 1)
    line = Line(url, up=[PART + PART // 2, 2 * PART])
    async with line as slow, client(slow, wallet) as owner:
        written = await owner.put_object(io.BytesIO(data), media_type="video/webm")
    assert line.breaks == 2
    async with client(url, wallet) as owner:
        assert await owner.read_object(written.object, purpose="treatment") == data


async def test_upload_whose_last_answer_was_lost_is_sealed_all_the_same(node: Node, url: str) -> None:
    wallet, data = await enrol(node, url), content(1000)
    async with client(url, wallet) as owner:
        begun = await owner.send(
            (
                "object.write/1",
                {"object": IDS.next(), "media_type": "text/plain", "readers": [], "visit": None},
            )
        )
        ticket, object_id = begun.results[0]["ticket"], begun.results[0]["object"]
        path = f"/v1/objects/{object_id}/content"

        async def renew() -> str:
            raise AssertionError("the ticket is good")

        line = Line(url, down=[100])
        async with line as slow, Http(slow) as http:
            stored = await transfers.upload(
                http, path, io.BytesIO(data), ticket=ticket, renew=renew, progress=lambda _: None
            )
        assert line.breaks == 1
        seal = {"object": object_id, "size": stored.size, "digest": stored.digest}
        await owner.send(("object.seal/1", seal))
        assert await owner.read_object(object_id, purpose="treatment") == data


async def test_upload_with_an_ended_ticket_is_resumed_under_a_new_one(node: Node, url: str) -> None:
    wallet = await enrol(node, url)
    async with client(url, wallet) as owner:
        object_id = IDS.next()
        body: dict[str, object] = {
            "object": object_id,
            "media_type": "text/plain",
            "readers": [],
            "visit": None,
        }
        await owner.send(("object.write/1", body))

        async def renew() -> str:
            receipt = await owner.send(("object.resume/1", {"object": object_id}))
            return str(receipt.results[0]["ticket"])

        async with Http(url) as http:
            path, ended = f"/v1/objects/{object_id}/content", "A" * 43
            stored = await transfers.upload(
                http, path, io.BytesIO(b"note"), ticket=ended, renew=renew, progress=lambda _: None
            )
        assert stored.size == 4


async def test_upload_that_never_gets_further_is_given_up(node: Node, url: str) -> None:
    wallet = await enrol(node, url)
    line = Line(url, up=[PART // 2] * 20)
    async with line as slow, client(slow, wallet) as owner:
        with pytest.raises(TransferFailed):
            await owner.put_object(io.BytesIO(content(PART)), media_type="video/webm")
    assert line.breaks == transfers.BREAKS_MAX + 1


async def test_download_goes_on_after_the_line_broke(node: Node, url: str) -> None:
    wallet, data = await enrol(node, url), content(2 * PART)
    async with client(url, wallet) as owner:
        written = await owner.put_object(io.BytesIO(data), media_type="video/webm")
    line = Line(url, down=[PART, PART // 2])
    async with line as slow, client(slow, wallet) as owner:
        target = io.BytesIO()
        await owner.read_to(written.object, target, purpose="treatment")
    assert line.breaks == 2
    assert target.getvalue() == data


async def test_read_by_who_is_no_reader_is_refused(node: Node, url: str) -> None:
    async with client(url, await enrol(node, url)) as owner, client(url, await enrol(node, url)) as stranger:
        written = await owner.put_object(io.BytesIO(b"{}"), media_type="application/fhir+json")
        with pytest.raises(ClientRefused) as caught:
            await stranger.read_object(written.object, purpose="treatment")
    assert (caught.value.code, caught.value.status) == ("access-denied", 403)


async def test_range_that_is_too_large_for_memory_is_refused(
    node: Node, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_node, "RANGE_BYTES_MAX", 10)
    async with client(url, await enrol(node, url)) as owner:
        written = await owner.put_object(io.BytesIO(b"eleven bytes"), media_type="text/plain")
        with pytest.raises(AnswerRefused):
            await owner.read_object(written.object, purpose="treatment")
        with pytest.raises(AnswerRefused):
            await owner.read_object(written.object, purpose="treatment", start=13)


async def test_visit_is_exported_as_a_bundle_that_verifies(node: Node, url: str) -> None:
    patient, clinician = await enrol(node, url), await enrol(node, url)
    visit = IDS.next()
    async with client(url, clinician) as doctor, client(url, patient) as person:
        record = await person.put_object(
            io.BytesIO(b"{}"), media_type="application/fhir+json", readers=[clinician.actor]
        )
        opening = {"visit": visit, "patient": patient.actor, "clinician": clinician.actor, "devices": []}
        await _appoint(node, url, clinician)
        await doctor.send(("visit.open/1", opening))
        assert await doctor.read_object(record.object, purpose="treatment", visit=visit) == b"{}"
        await doctor.send(("visit.close/1", {"visit": visit}))
        bundle = await person.export_bundle(visit)
    assert verify_bundle(bundle).verdict == "pass"


async def test_bundle_without_its_ticket_is_refused(node: Node, url: str) -> None:
    async with Http(url) as http:
        for headers in ({}, {"Authorization": "Bearer " + "A" * 43}, {"Authorization": "Basic x"}):
            with pytest.raises(ClientRefused) as caught:
                await http.fetch("GET", f"/v1/visits/{IDS.next()}/bundle", headers=headers)
            assert (caught.value.code, caught.value.status) == ("ticket-refused", 401)


async def test_ticket_of_one_visits_bundle_is_refused_for_another(node: Node, url: str) -> None:
    patient, clinician = await enrol(node, url), await enrol(node, url)
    visits = [IDS.next(), IDS.next()]
    await _appoint(node, url, clinician)
    async with client(url, clinician) as doctor:
        for visit in visits:
            opening = {"visit": visit, "patient": patient.actor, "clinician": clinician.actor, "devices": []}
            await doctor.send(("visit.open/1", opening), ("visit.close/1", {"visit": visit}))
        receipt = await doctor.send(("visit.export/1", {"visit": visits[0]}))
    headers = {"Authorization": f"Bearer {receipt.results[0]['ticket']}"}
    async with Http(url) as http:
        with pytest.raises(ClientRefused) as caught:
            await http.fetch("GET", f"/v1/visits/{visits[1]}/bundle", headers=headers)
    assert caught.value.code == "ticket-refused"


async def test_checkpoint_opens_and_a_proof_leads_to_it(node: Node, url: str) -> None:
    async with client(url, await enrol(node, url)) as reader:
        note = await reader.checkpoint()
        proof = await reader.proof(0)
    assert open_checkpoint(note, origin=ORIGIN, vkeys=node.keys.log.vkeys()).checkpoint.size > 0
    assert proof.startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n")


async def test_node_that_is_not_there_is_unreachable() -> None:
    async with client("http://127.0.0.1:9", Wallet.create(kind="person", ids=IDS)) as alone:
        with pytest.raises(NodeUnreachable):
            await alone.checkpoint()


async def test_node_is_reached_over_a_quantum_safe_link(node: Node, tmp_path: Path) -> None:
    clinic = Organisation.make(tmp_path)
    own = clinic.issue()
    tls = Dialling(client_context(own, NODES, clinic.trust))
    with serving(node.edge(), tls=server_context(own, NODES, clinic.trust)) as base:
        wallet = Wallet.create(kind="person", ids=IDS)
        async with NodeClient(base, node_wallet(node.keys), origin=ORIGIN, tls=tls) as desk:
            await desk.register(wallet)
        async with Http(base, tls) as http:
            found = json.loads(await http.fetch("GET", "/v1/channel"))
    assert found["channel"]["group"] == "X25519MLKEM768"


async def test_node_may_be_known_by_another_name_than_its_address(node: Node, tmp_path: Path) -> None:
    clinic = Organisation.make(tmp_path)
    own = clinic.issue(names=("node1.clinic.example",))
    context = client_context(own, NODES, clinic.trust)
    with serving(node.edge(), tls=server_context(own, NODES, clinic.trust)) as base:
        async with Http(base, Dialling(context, "node1.clinic.example")) as http:
            assert await http.fetch("GET", "/checkpoint")
        for name in ("", "node2.clinic.example"):
            async with Http(base, Dialling(context, name)) as http:
                with pytest.raises(LinkRefused, match="for another"):
                    await http.fetch("GET", "/checkpoint")


async def test_node_of_another_root_is_told_from_one_that_is_away(node: Node, tmp_path: Path) -> None:
    clinic, other = Organisation.make(tmp_path / "c"), Organisation.make(tmp_path / "o", "other.example")
    own = clinic.issue()
    with serving(node.edge(), tls=server_context(own, NODES, clinic.trust)) as base:
        stranger = client_context(other.issue(), NODES, clinic.trust)
        for context in (client_context(own, NODES, other.trust), stranger):
            async with Http(base, Dialling(context)) as http:
                with pytest.raises(LinkRefused):
                    await http.fetch("GET", "/checkpoint")


async def test_answer_larger_than_expected_is_refused(node: Node, url: str) -> None:
    async with Http(url) as http:
        with pytest.raises(AnswerRefused):
            await http.fetch("GET", "/checkpoint", limit=10)


async def test_client_outside_its_context_says_so() -> None:
    with pytest.raises(RuntimeError):
        await client("http://127.0.0.1:9", Wallet.create(kind="person", ids=IDS)).checkpoint()


async def test_same_signed_bytes_twice_are_refused_as_a_replay(node: Node, url: str) -> None:
    wallet = await enrol(node, url)
    body: dict[str, object] = {"object": IDS.next(), "media_type": "text/plain", "readers": [], "visit": None}
    data = sign_request(
        wallet, node=ORIGIN, commands=[("object.write/1", body)], clock=SystemClock(), ids=IDS
    )
    async with Http(url) as http:
        answers = await asyncio.gather(
            *(http.fetch("POST", "/v1/commands", body=data) for _ in range(5)), return_exceptions=True
        )
    refused = [answer for answer in answers if isinstance(answer, ClientRefused)]
    assert len(refused) == 4
    assert {error.code for error in refused} == {"request-replayed"}
