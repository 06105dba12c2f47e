"""Two organisations share a fact over real HTTP: one proves it, the other verifies it and builds on it.

Also what a node does with proofs that are sent wrongly, and with one whose judge is killed before it spoke.
"""

from __future__ import annotations

import asyncio
import io
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from telesphor.app import build_checking_registry, create_node, ledger_files, node_wallet, open_node
from telesphor.capabilities.interchain.model import ProofBusy, ProofGrant
from telesphor.cli import build_tree
from telesphor.client import transfers
from telesphor.client.errors import ClientRefused, TransferFailed
from telesphor.client.node import AcceptedProof, NodeClient
from telesphor.client.wallet import Wallet, save_wallet
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.digest import digest_of
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.ids import IdSource
from telesphor.ledger.attribution import check_attribution
from telesphor.ledger.replay import check_state
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.serving import serving
from telesphor.runtime.settings import load_settings
from telesphor.runtime.tickets import TicketRefused
from telesphor.verify.pack import write_verifier
from tests.e2e.running import Answer, MovableClock, Running, code_of, running
from tests.support.staff import appointment
from tests.torture.children import judge_and_die
from tests.torture.folders import CLINICIAN, PASSPHRASE, check_ledger, make_folder
from tests.torture.processes import Child
from tests.unit.client.lines import Line
from tests.unit.verify.builder import ORIGIN as STRANGE_CLINIC
from tests.unit.verify.builder import log_signer
from tests.vectors.bundles.case import good_bundle, good_story

CLINIC = "clinic.example/log"
HOSPITAL = "hospital.example/log"
IDS = IdSource(SystemClock())
BUNDLE = good_bundle()
CLOSING = good_story().on(good_story().visit)[-1]

NETWORK = """\
organisation = "hospital.example"
region = "eu-central"
cloud = "own"
operator = "hospital.example"

[[partner]]
origin = "{origin}"
vkeys = ["{ed25519}", "{mldsa44}"]
at_least = "{level}"
"""


def name_partner(folder: Path, origin: str, vkeys: tuple[str, ...], *, level: str = "L1") -> None:
    """Write the network settings of a node with one partner."""
    text = NETWORK.format(origin=origin, ed25519=vkeys[0], mldsa44=vkeys[1], level=level)
    (folder / "network.toml").write_text(text)


# Two nodes.


class Cast:
    """A node over HTTP with a patient and a clinician of its own."""

    def __init__(self, url: str, origin: str, node: Wallet) -> None:
        self.url, self.origin, self.node = url, origin, node
        self.patient = Wallet.create(kind="person", ids=IDS)
        self.clinician = Wallet.create(kind="person", ids=IDS)

    def client(self, wallet: Wallet) -> NodeClient:
        return NodeClient(self.url, wallet, origin=self.origin)

    async def enrol(self) -> None:
        async with self.client(self.node) as desk:
            house = Wallet.create(kind="organisation", ids=IDS)
            await desk.register(house, self.patient, self.clinician)
        async with self.client(house) as desk:
            await desk.send(*appointment(IDS, self.clinician.actor))

    async def hold_visit(self, command: str = "visit.open/1", **more: object) -> bytes:
        """Open and close a visit; returns its bundle."""
        visit = IDS.next()
        people = {"patient": self.patient.actor, "clinician": self.clinician.actor, "devices": []}
        async with self.client(self.clinician) as clinician:
            await clinician.send((command, {"visit": visit, **people, **more}))
            await clinician.send(("visit.close/1", {"visit": visit}))
            return await clinician.export_bundle(visit)


@contextmanager
def organisation(folder: Path, origin: str) -> Iterator[Cast]:
    """Serve the node in this folder."""
    with open_node(folder, passphrase=PASSPHRASE) as node, serving(node.edge()) as url:
        yield Cast(url, origin, node_wallet(node.keys))


def closing_of(bundle: bytes) -> int:
    """Position of `visit.closed/1` in a visit's bundle."""
    entries = read_bundle(bundle).entries
    return next(e.position for e in entries if parse_entry(e.data).type == "visit.closed/1")


async def share_a_fact(clinic: Cast, hospital: Cast) -> tuple[bytes, AcceptedProof, bytes]:
    await clinic.enrol()
    await hospital.enrol()
    first = await clinic.hold_visit()
    async with hospital.client(hospital.clinician) as client:
        accepted = await client.submit_proof(first, facts=[closing_of(first)])
    second = await hospital.hold_visit(
        "visit.open-on-proof/1", proof=accepted.proof, position=closing_of(first)
    )
    return first, accepted, second


def test_hospital_goes_on_from_the_clinics_visit_and_proves_what_it_is_built_on(tmp_path: Path) -> None:
    clinic, hospital = tmp_path / "clinic", tmp_path / "hospital"
    create_node(clinic, origin=CLINIC, passphrase=PASSPHRASE, settings={"checkpoint_interval_ms": 50})
    create_node(hospital, origin=HOSPITAL, passphrase=PASSPHRASE, settings={"checkpoint_interval_ms": 50})
    name_partner(hospital, CLINIC, tuple(NodeFolder(clinic).log_vkeys.read_text().split()))
    with organisation(clinic, CLINIC) as one, organisation(hospital, HOSPITAL) as other:
        first, accepted, second = asyncio.run(share_a_fact(one, other))
    assert (accepted.origin, accepted.level) == (CLINIC, "L1")
    assert [fact.type for fact in accepted.facts] == ["visit.closed/1"]

    held = [parse_entry(entry.data) for entry in read_bundle(second).entries]
    (word,) = [entry for entry in held if entry.type == "interchain.proof-accepted/1"]
    assert (word.stream, word.n, word.evidence) == (f"proof/{accepted.proof}", 1, None)
    assert word.body["bundle"] == digest_of(first)

    bundle, verifier = tmp_path / "second.bundle.zip", tmp_path / "verify.pyz"
    bundle.write_bytes(second)
    write_verifier(verifier)
    keys = NodeFolder(hospital).log_vkeys
    done = subprocess.run(
        [sys.executable, "-I", verifier, "--key", keys, bundle], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    check_everything(hospital)


def check_everything(folder: Path) -> None:
    """What `fsck --requests` does."""
    assert check_ledger(folder).state_rows > 0
    assert check_attribution(ledger_files(NodeFolder(folder), load_settings(folder))) > 0


def test_hospital_that_does_not_know_the_clinic_refuses_its_proof(tmp_path: Path) -> None:
    with running(tmp_path / "node") as node:

        async def submit() -> None:
            async with NodeClient(node.url, node.clinician, origin=node.node.settings.origin) as client:
                with pytest.raises(ClientRefused) as caught:
                    await client.submit_proof(BUNDLE, facts=[CLOSING])
                assert caught.value.code == "proof-refused"

        asyncio.run(submit())


# Bad transfers.


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("interchain") / "node"
    wallets, clock = make_folder(folder), MovableClock()
    name_partner(folder, STRANGE_CLINIC, log_signer().vkeys())
    with open_node(folder, passphrase=PASSPHRASE, clock=clock) as opened, serving(opened.edge()) as url:
        yield Running(opened, url, wallets, clock, io.StringIO())


def submit(
    node: Running, data: bytes = BUNDLE, *, by: Wallet | None = None, **changes: Any
) -> dict[str, Any]:
    """Announce a proof; returns the answer with its ticket."""
    body = {"proof": node.ids.next(), "bundle": digest_of(data), "size": len(data), "facts": [CLOSING]}
    answer = node.command(by or node.system, "interchain.submit/1", **(body | changes))
    assert answer.status == 200, answer
    result: dict[str, Any] = answer.json()["results"][0]
    return result


def send(node: Running, announced: dict[str, Any], data: bytes | Iterator[bytes], **headers: str) -> Answer:
    bearer = {"authorization": f"Bearer {announced['ticket']}"}
    return node.ask("PUT", announced["path"], body=data, headers=bearer | headers)


def test_accepted_proof_is_answered_with_its_facts_and_again_the_same(node: Running) -> None:
    announced = submit(node)
    first = send(node, announced, BUNDLE)
    assert first.status == 200, first
    said = first.json()
    assert (said["origin"], said["level"], said["subject"]) == (STRANGE_CLINIC, "L1", good_story().visit)
    assert [fact["position"] for fact in said["facts"]] == [CLOSING]
    assert send(node, announced, BUNDLE).json() == said
    assert send(node, announced, b"anything").json() == said


def test_refused_proof_is_a_problem_that_names_the_code_and_again_the_same(node: Running) -> None:
    data = BUNDLE[:-1]
    announced = submit(node, data)
    for _ in range(2):
        answer = send(node, announced, data)
        assert code_of(answer, 400) == "proof-refused"
        assert "`archive-refused`" in answer.json()["detail"] or "`not-an-archive`" in answer.json()["detail"]


def test_bundle_without_a_ticket_or_under_another_is_refused(node: Running) -> None:
    announced, other = submit(node), submit(node)
    assert code_of(node.ask("PUT", announced["path"], body=BUNDLE), 401) == "ticket-refused"
    crossed = {**announced, "ticket": other["ticket"]}
    assert code_of(send(node, crossed, BUNDLE), 401) == "ticket-refused"
    reading = {**announced, "ticket": node.begin()[1]}
    assert code_of(send(node, reading, BUNDLE), 401) == "ticket-refused"


OTHERS = {"none": b"", "less": BUNDLE[:-1], "more": BUNDLE + b"\0", "other": bytes(len(BUNDLE))}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_bytes_other_than_announced_are_refused_and_may_be_sent_again(node: Running, data: bytes) -> None:
    announced = submit(node)
    assert code_of(send(node, announced, data), 400) == "bundle-mismatch"
    assert send(node, announced, BUNDLE).status == 200


def test_endless_body_is_cut_off_at_the_announced_size(node: Running) -> None:
    announced = submit(node, b"PK")
    answer = send(node, announced, (bytes(65_536) for _ in range(64)))
    assert code_of(answer, 400) == "bundle-mismatch"


def test_one_actor_sends_one_bundle_at_a_time(node: Running) -> None:
    first, second, third = submit(node), submit(node), submit(node, by=node.clinician)
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield BUNDLE[:1000]
        begun.set()
        assert go_on.wait(30)
        yield BUNDLE[1000:]

    answers: list[Answer] = []
    sender = threading.Thread(target=lambda: answers.append(send(node, first, slowly())))
    sender.start()
    assert begun.wait(30)
    for announced in (first, second):
        busy = send(node, announced, BUNDLE)
        assert code_of(busy, 503) == "proof-busy"
        assert busy.headers["retry-after"]
    assert send(node, third, BUNDLE).status == 200
    go_on.set()
    sender.join()
    assert answers[0].status == 200
    assert send(node, second, BUNDLE).status == 200


def test_connection_that_breaks_frees_its_place_and_the_proof_stays_open(node: Running) -> None:
    announced = submit(node)
    head = (
        f"PUT {announced['path']} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(BUNDLE)}\r\n"
        f"authorization: Bearer {announced['ticket']}\r\n\r\n"
    )
    with node.connect() as connection:
        connection.sendall(head.encode() + BUNDLE[:1000])
    for _ in range(100):
        answer = send(node, announced, BUNDLE)
        if answer.status != 503:
            break
    assert answer.status == 200


# The client, over lines that break.


async def submit_over(node: Running, line: Line) -> AcceptedProof:
    async with line as url, NodeClient(url, node.patient, origin=node.node.settings.origin) as client:
        return await client.submit_proof(BUNDLE, facts=[CLOSING, 0, CLOSING])


def accepted_entries(node: Running, proof: str) -> int:
    with closing(node.node.reader()) as reader:
        types = [entry.type for entry in reader.stream(f"proof/{proof}")]
    return types.count("interchain.proof-accepted/1")


@pytest.mark.parametrize(
    "breaks", [{"up": [30_000, 60_000]}, {"down": [1_200]}], ids=["on-the-way", "in-the-answer"]
)
def test_bundle_arrives_whatever_breaks_and_is_accepted_once(
    node: Running, monkeypatch: pytest.MonkeyPatch, breaks: dict[str, list[int]]
) -> None:
    monkeypatch.setattr(transfers, "PAUSE_SECONDS", 0.01)
    line = Line(node.url, **breaks)
    accepted = asyncio.run(submit_over(node, line))
    assert line.breaks
    assert not line.up + line.down, "it broke less often than it should have"
    assert [fact.position for fact in accepted.facts] == [0, CLOSING]
    assert accepted_entries(node, accepted.proof) == 1


def test_ticket_that_is_gone_is_asked_for_again(node: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "PAUSE_SECONDS", 0.01)
    redeem = node.node.desks.proofs.tickets.redeem
    refused: list[str] = []

    def forgetful(token: str, kind: type[Any]) -> Any:
        if not refused:
            refused.append(token)
            raise TicketRefused("the ticket is not valid")
        assert token not in refused
        return redeem(token, kind)

    monkeypatch.setattr(node.node.desks.proofs.tickets, "redeem", forgetful)
    accepted = asyncio.run(submit_over(node, Line(node.url)))
    assert refused
    assert accepted_entries(node, accepted.proof) == 1


def test_node_that_stays_busy_is_given_up(node: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "PAUSE_SECONDS", 0.001)

    def busy(*_: object) -> Any:
        raise ProofBusy("too many bundles are being taken")

    monkeypatch.setattr(node.node.desks.proofs, "find_outcome", busy)
    with pytest.raises(TransferFailed):
        asyncio.run(submit_over(node, Line(node.url)))


def test_command_line_submits_a_bundle_and_prints_the_proofs_id(node: Running, tmp_path: Path) -> None:
    bundle, key = tmp_path / "visit.bundle.zip", tmp_path / "system.key"
    bundle.write_bytes(BUNDLE)
    save_wallet(node.system, key, passphrase=PASSPHRASE)
    words = ["submit", str(bundle), "--fact", str(CLOSING), "--as", str(key), "--url", node.url]
    words += ["--origin", node.node.settings.origin, "--node", str(node.node.folder.path)]
    done = CliRunner().invoke(
        build_tree("interchain"), ["interchain", *words], env={"TELESPHOR_PASSPHRASE": PASSPHRASE.decode()}
    )
    assert done.exit_code == 0, done.output
    assert accepted_entries(node, done.stdout.split()[0]) == 1
    assert STRANGE_CLINIC in done.stderr


@pytest.mark.parametrize("name", ["accept", "refuse"])
def test_nodes_own_word_is_no_command(node: Running, name: str) -> None:
    announced = submit(node)
    body = {"proof": announced["proof"], "bundle": digest_of(BUNDLE), "cause": "none"}
    answer = node.command(node.system, f"interchain.{name}/1", **body)
    assert code_of(answer, 400) == "unknown-command"
    node_itself = node_wallet(node.node.keys)
    assert code_of(node.command(node_itself, f"interchain.{name}/1", **body), 400) == "unknown-command"


# A node that dies before it spoke.


def test_proof_whose_node_was_killed_before_it_spoke_is_announced_again_and_accepted(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    clinician = make_folder(folder)[CLINICIAN]
    name_partner(folder, STRANGE_CLINIC, log_signer().vkeys())

    async def announce(url: str) -> str:
        async with NodeClient(url, clinician, origin=load_settings(folder).origin) as client:
            body = {"proof": proof, "bundle": digest_of(BUNDLE), "size": len(BUNDLE), "facts": [CLOSING]}
            return str((await client.send(("interchain.submit/1", body))).results[0]["ticket"])

    async def go_on(url: str) -> AcceptedProof:
        async with NodeClient(url, clinician, origin=load_settings(folder).origin) as client:
            return await client.submit_proof(BUNDLE, facts=[CLOSING], proof=proof)

    proof = IDS.next()
    with open_node(folder, passphrase=PASSPHRASE) as node, serving(node.edge()) as url:
        grant = node.desks.proofs.tickets.redeem(asyncio.run(announce(url)), ProofGrant)
    child = Child(judge_and_die, folder, grant, BUNDLE)
    child.end()
    assert child.exitcode == -signal.SIGKILL
    with open_node(folder, passphrase=PASSPHRASE) as node, serving(node.edge()) as url:
        accepted = asyncio.run(go_on(url))
    assert (accepted.proof, accepted.level) == (proof, "L1")
    assert check_state(NodeFolder(folder).ledger, tmp_path / "replica.sqlite", build_checking_registry()) > 0
    check_everything(folder)


def test_node_that_serves_judges_in_a_child_process(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    clinician = make_folder(folder, verify_processes=0)[CLINICIAN]
    name_partner(folder, STRANGE_CLINIC, log_signer().vkeys())
    with (
        open_node(folder, passphrase=PASSPHRASE, serving=True, networked=False) as node,
        serving(node.edge()) as url,
    ):

        async def ask() -> AcceptedProof:
            async with NodeClient(url, clinician, origin=node.settings.origin) as client:
                return await client.submit_proof(BUNDLE, facts=[CLOSING])

        assert asyncio.run(ask()).level == "L1"
