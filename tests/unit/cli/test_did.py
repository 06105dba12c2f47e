"""`telesphor did`: the whole way of lost keys, typed, at a node that answers over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from litestar import MediaType, get
from litestar.params import FromPath
from typer.testing import CliRunner, Result

from telesphor.capabilities.identity.dids.model import DidNames
from telesphor.capabilities.identity.dids.routes import routes
from telesphor.capabilities.identity.dids.service import DidDesk
from telesphor.capabilities.identity.recovery.capability import CAPABILITY as RECOVERY
from telesphor.cli.did import add_to
from telesphor.client.recovery import load_recovery_key
from telesphor.client.wallet import Wallet, load_wallet, save_wallet
from telesphor.kernel.base64url import std_encode
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.keyfile import Argon2idParams
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.integrator import Integrator
from telesphor.ledger.receipts import Prover
from telesphor.runtime.blobs import open_blobs
from telesphor.runtime.gate import Gate, one_by_one
from telesphor.runtime.http import build_edge
from telesphor.runtime.serving import serving
from telesphor.runtime.telemetry import Metrics
from telesphor.verify import Pins
from telesphor.verify.check_proof import Known, verify_proof
from tests.unit.capabilities import world as world_module
from tests.unit.capabilities.world import ORIGIN, World

SECRET = b"correct horse battery staple"
QUICK = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)


class Desk:
    """A node that answers, and a folder with the wallets of a person, two guardians and a clinic."""

    def __init__(self, folder: Path, world: World, url: str, provers: list[Prover]) -> None:
        self.folder, self.world, self.url, self.provers = folder, world, url, provers
        self.node = folder / "node"
        self.node.mkdir()
        secret = folder / "passphrase"
        secret.write_bytes(SECRET)
        (self.node / "telesphor.toml").write_text(f'origin = "{ORIGIN}"\npassphrase_file = "{secret}"\n')
        self.wallets = {name: self.enrol(name) for name in ("me", "one", "two")}
        self.wallets["clinic"] = self.enrol("clinic", kind="organisation")

    def enrol(self, name: str, *, kind: str = "person") -> Wallet:
        wallet = self.world.enrol(kind)
        save_wallet(wallet, self.key(name), passphrase=SECRET, params=QUICK)
        return wallet

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def id(self, name: str) -> str:
        return self.wallets[name].actor

    def run(self, *words: str, by: str = "", reach: bool = True) -> Result:
        app = typer.Typer()
        add_to(app)
        options = ["--url", self.url] if reach else []
        options += ["--as", str(self.key(by))] if by else []
        return CliRunner().invoke(
            app, ["did", *words, *options, "--node", str(self.node), "--origin", ORIGIN]
        )

    def publish(self) -> None:
        """Put all entries under a signed checkpoint."""
        book, public = CheckpointBook(self.folder / "published.sqlite"), open_blobs(self.folder / "public")
        world = self.world
        integrator = Integrator(
            ledger_path=world.path, book=book, public=public, signer=world.log, clock=world.clock
        )
        integrator.integrate()
        self.provers.append(Prover(book=book, public=public))

    def done(self, *words: str, by: str = "", reach: bool = True) -> Result:
        result = self.run(*words, by=by, reach=reach)
        assert result.exit_code == 0, result.output
        return result

    def refused(self, code: str, *words: str, by: str = "", reach: bool = True) -> None:
        result = self.run(*words, by=by, reach=reach)
        assert result.exit_code == 1
        assert code in result.output

    def protected(self) -> None:
        guardians = ["--guardian", self.id("one"), "--guardian", self.id("two")]
        self.done("protect", *guardians, "--wait-hours", "0", by="me")

    def renewed(self) -> list[str]:
        """New keys of the person, and the option that names their offer."""
        self.done("renew", str(self.key("new")), "--actor", self.id("me"), reach=False)
        return ["--offer", str(self.folder / "new.key.offer.json")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(world_module, "START_MS", SystemClock().now_ms())  # commands take the real time
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    world = World(ledger, RECOVERY)
    world.begin()
    dids = DidDesk(
        names=DidNames("node.example"), open_entries=lambda: EntryReader(world.path, world.registry)
    )
    gate = Gate([one_by_one(world.authenticator.authenticate)], world.machine)
    provers: list[Prover] = []

    @get("/v1/proofs/{position:int}", media_type=MediaType.TEXT, sync_to_thread=True)
    def prove(position: FromPath[int]) -> bytes:
        return provers[0].tlog_proof(position)

    edge = build_edge(
        handlers=[*routes(dids), prove],
        raw=[gate.route()],
        metrics=Metrics(),
        health=lambda: {"status": "ok"},
    )
    with serving(edge) as url:
        yield Desk(tmp_path, world, url, provers)
    gate.close()
    world.close()


def test_lost_keys_come_back_by_guardians(desk: Desk) -> None:
    desk.protected()
    desk.done("report-lost", desk.id("me"), "--reason", "stolen", by="one")
    offer = desk.renewed()
    desk.done("recover", "begin", desk.id("me"), *offer, by="one")
    desk.refused("recovery-not-approved", "recover", "finish", desk.id("me"), *offer, by="clinic")
    desk.done("recover", "approve", desk.id("me"), *offer, by="two")
    desk.done("recover", "finish", desk.id("me"), *offer, by="clinic")
    new = load_wallet(desk.key("new"), passphrase=SECRET)
    shown = json.loads(desk.done("show", desk.id("me")).stdout)
    kids = [method["publicKeyJwk"]["kid"] for method in shown["verificationMethod"]]
    assert kids[:2] == list(new.signing_key.public.thumbprints())
    desk.refused("key-not-registered", "protect", by="me")
    desk.done("protect", by="new")


def test_lost_keys_come_back_by_the_recovery_key(desk: Desk) -> None:
    safe = desk.folder / "safe.key"
    desk.done("protect", "--recovery-key", str(safe), "--wait-hours", "0", by="me")
    assert load_recovery_key(safe, passphrase=SECRET).actor == desk.id("me")
    assert safe.stat().st_mode & 0o077 == 0
    offer = desk.renewed()
    desk.done("recover", "begin", desk.id("me"), *offer, "--recovery-key", str(safe), by="clinic")
    desk.done("recover", "finish", desk.id("me"), *offer, by="clinic")


def test_guardians_are_shown_the_fingerprint_that_the_actor_reads_to_them(desk: Desk) -> None:
    desk.protected()
    made = desk.done("renew", str(desk.key("new")), "--actor", desk.id("me"), reach=False)
    offer = ["--offer", str(desk.folder / "new.key.offer.json")]
    begun = desk.done("recover", "begin", desk.id("me"), *offer, by="one")
    for thumbprint in load_wallet(desk.key("new"), passphrase=SECRET).signing_key.public.thumbprints():
        assert thumbprint in "".join(made.output.split())
        assert thumbprint in "".join(begun.output.split())


def test_unwanted_recovery_is_cancelled(desk: Desk) -> None:
    desk.protected()
    offer = desk.renewed()
    desk.done("recover", "begin", desk.id("me"), *offer, by="one")
    desk.done("recover", "cancel", by="me")
    desk.refused("recovery-missing", "recover", "approve", desk.id("me"), *offer, by="two")


def test_offer_of_another_actor_is_refused_before_anything_is_sent(desk: Desk) -> None:
    desk.protected()
    offer = desk.renewed()
    desk.refused("offer-refused", "recover", "begin", desk.id("two"), *offer, by="one")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"actor": 1}', "x" * 100_000])
def test_file_that_is_no_offer_is_refused(desk: Desk, text: str) -> None:
    file = desk.folder / "nonsense.json"
    file.write_text(text)
    offer = ["--offer", str(file)]
    desk.refused("offer-refused", "recover", "begin", desk.id("me"), *offer, by="one")


def test_key_files_are_never_written_over(desk: Desk) -> None:
    desk.renewed()
    refused = ("renew", str(desk.key("new")), "--actor", desk.id("me"))
    desk.refused("offer-refused", *refused, reach=False)
    desk.refused("offer-refused", "protect", "--recovery-key", str(desk.key("me")), by="me")


def test_history_lists_every_pair(desk: Desk) -> None:
    listed = json.loads(desk.done("history", desk.id("me"), "--json").stdout)
    assert listed["state"] == "active"
    (version,) = listed["versions"]
    assert version["keys"] == list(desk.wallets["me"].signing_key.public.thumbprints())
    assert version["entry"] == std_encode(desk.world.entries()[int(version["version"])].data)
    table = desk.done("history", desk.id("me"))
    assert "in force" in table.output


def test_saved_history_is_checked_offline_entry_by_entry(desk: Desk) -> None:
    desk.publish()
    folder = desk.folder / "keys"
    desk.done("history", desk.id("me"), "--save", str(folder))
    (proof,) = folder.glob("*.tlog-proof")
    entry = proof.with_suffix(".json").read_bytes()
    known = Known(Pins(frozenset(desk.world.log.vkeys())))
    assert verify_proof(proof.read_bytes(), entry, known).passed
    assert not verify_proof(proof.read_bytes(), entry[:-1] + b" ", known).passed


def test_node_itself_has_a_document(desk: Desk) -> None:
    assert json.loads(desk.done("show", "node").stdout)["id"] == "did:web:node.example"


def test_actor_that_is_nobody_has_none(desk: Desk) -> None:
    desk.refused("did-missing", "show", desk.world.ids.next())
    desk.refused("no-such-resource", "show", "../../healthz")
