"""DID documents: what the ledger says of an actor's keys, now and at every past moment, behind the real edge."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

import pytest
from jwcrypto.jwk import JWK

from telesphor.capabilities.identity.dids.model import VERSIONS_MAX, DidNames
from telesphor.capabilities.identity.dids.routes import routes
from telesphor.capabilities.identity.dids.service import DidDesk
from telesphor.capabilities.identity.recovery.capability import CAPABILITY as RECOVERY
from telesphor.client.recovery import (
    RecoveryKey,
    begin_recovery_command,
    make_offer,
    make_statement,
    recover_command,
    report_lost_command,
    set_recovery_command,
)
from telesphor.client.requests import rotate_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import VerifyKey
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.http import build_edge
from telesphor.runtime.serving import serving
from telesphor.runtime.telemetry import Metrics
from tests.unit.capabilities.world import ORIGIN, World

HOST = "node.example:8443"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, RECOVERY)
    made.begin()
    yield made
    made.close()


@pytest.fixture
def desk(world: World) -> DidDesk:
    return DidDesk(names=DidNames(HOST), open_entries=lambda: EntryReader(world.path, world.registry))


def keys_in(document: dict[str, Any]) -> list[str]:
    return [method["publicKeyJwk"]["kid"] for method in document["verificationMethod"]]


def keys_of(wallet: Wallet) -> list[str]:
    return list(wallet.signing_key.public.thumbprints())


def code_of(desk: DidDesk, actor: str, **options: str) -> str:
    with pytest.raises(TelesphorError) as caught:
        desk.document(actor, **options)
    return caught.value.code


def test_document_of_an_actor_has_its_pair_and_its_kem_key(world: World, desk: DidDesk) -> None:
    person = world.enrol("person")
    document = desk.document(person.actor)
    did = f"did:web:node.example%3A8443:v1:actors:{person.actor}"
    ed25519, mldsa, kem = document["verificationMethod"]
    assert document["id"] == did
    assert [ed25519["publicKeyJwk"]["kid"], mldsa["publicKeyJwk"]["kid"]] == keys_of(person)
    assert document["authentication"] == document["assertionMethod"] == [ed25519["id"], mldsa["id"]]
    assert document["keyAgreement"] == [kem["id"]]
    assert kem["publicKeyJwk"]["pub"] == person.kem_text
    assert {method["controller"] for method in document["verificationMethod"]} == {did}
    assert all(method["id"] == f"{did}#{method['publicKeyJwk']['kid']}" for method in (ed25519, mldsa, kem))


def test_keys_of_a_document_are_those_that_other_libraries_name(world: World, desk: DidDesk) -> None:
    """jwcrypto reads the keys, and computes the same thumbprints (RFC 7638, RFC 9964)."""
    for method in desk.document(world.enrol("person").actor)["verificationMethod"][:2]:
        jwk = method["publicKeyJwk"]
        assert JWK(**jwk).thumbprint() == jwk["kid"]


def test_document_says_nothing_about_who_it_is(world: World, desk: DidDesk) -> None:
    text = json.dumps(desk.document(world.enrol("person").actor))
    for word in ("person", "kind", "registered", "guardian"):
        assert word not in text


def test_node_has_a_document_that_names_its_ledger(world: World, desk: DidDesk) -> None:
    document = desk.node_document()
    assert document["id"] == "did:web:node.example%3A8443"
    assert keys_in(document)[:2] == keys_of(world.node)
    assert document["service"][0]["serviceEndpoint"] == f"https://{HOST}/checkpoint"


def test_document_of_a_past_moment_has_the_keys_of_then(world: World, desk: DidDesk) -> None:
    first = world.enrol("person")
    moments = [format_instant(world.clock.now_ms())]
    wallets = [first]
    for _ in range(2):
        world.clock.advance_ms(10_000)
        wallets.append(wallets[-1].renew())
        world.ask(wallets[-2], rotate_command(wallets[-1], node=ORIGIN))
        moments.append(format_instant(world.clock.now_ms()))
    for moment, wallet in zip(moments, wallets, strict=True):
        assert keys_in(desk.document(first.actor, time=moment))[:2] == keys_of(wallet)
    assert keys_in(desk.document(first.actor))[:2] == keys_of(wallets[-1])
    assert code_of(desk, first.actor, time="2001-01-01T00:00:00Z") == "did-missing"


def test_time_without_milliseconds_is_the_whole_second(world: World, desk: DidDesk) -> None:
    person = world.enrol("person")
    second = format_instant(world.clock.now_ms()).partition(".")[0] + "Z"
    assert keys_in(desk.document(person.actor, time=second))[:2] == keys_of(person)


def test_document_has_no_keys_while_none_is_in_force(world: World, desk: DidDesk) -> None:
    person, clinic = world.enrol("person"), world.enrol("organisation")
    recovery, renewed = RecoveryKey.create(person.actor), person.renew()
    world.ask(
        person,
        set_recovery_command(guardians=[], threshold=0, wait_seconds=0, recovery=recovery.key.public),
    )
    world.clock.advance_ms(5_000)
    world.ask(clinic, report_lost_command(person.actor, reason="stolen"))
    lost = format_instant(world.clock.now_ms())
    assert keys_in(desk.document(person.actor)) == []
    world.clock.advance_ms(5_000)
    offer = make_offer(renewed, node=ORIGIN)
    statement = make_statement(recovery, offer=offer, node=ORIGIN)
    world.ask(clinic, begin_recovery_command(person.actor, offer=offer, statement=statement))
    world.ask(clinic, recover_command(person.actor, keys=renewed.signing_key.public.thumbprints()))
    assert keys_in(desk.document(person.actor))[:2] == keys_of(renewed)
    assert keys_in(desk.document(person.actor, time=lost)) == []
    history = desk.history(person.actor)
    assert [bool(version.until) for version in history.versions] == [True, False]
    assert history.state == "active"


def test_retired_actor_has_a_document_without_keys(world: World, desk: DidDesk) -> None:
    person = world.enrol("person")
    world.ask(person, ("actor.retire/1", {"id": person.actor}))
    assert keys_in(desk.document(person.actor)) == []
    assert desk.history(person.actor).state == "retired"


def test_each_version_comes_with_the_entry_that_brought_it(world: World, desk: DidDesk) -> None:
    person = world.enrol("person")
    renewed = person.renew()
    world.ask(person, rotate_command(renewed, node=ORIGIN))
    first, second = desk.history(person.actor).versions
    for version, wallet in ((first, person), (second, renewed)):
        data = base64.b64decode(version.entry)
        entry = parse_entry(data)
        assert world.entries()[int(version.version)].data == data
        assert entry.stream == f"actor/{person.actor}"
        assert VerifyKey.from_jwks(entry.body["keys"]) == wallet.signing_key.public
        assert list(version.keys) == keys_of(wallet)
        assert version.proof == f"/v1/proofs/{version.version}"
        assert keys_in(desk.document(person.actor, version=version.version))[:2] == keys_of(wallet)
    assert first.ended_at == second.version


def test_history_is_handed_out_in_pages(world: World, desk: DidDesk) -> None:
    wallet = world.enrol("person")
    for _ in range(VERSIONS_MAX):
        renewed = wallet.renew()
        world.ask(wallet, rotate_command(renewed, node=ORIGIN))
        wallet = renewed
    page = desk.history(wallet.actor)
    assert len(page.versions) == VERSIONS_MAX
    last = desk.history(wallet.actor, after=page.next.rpartition("=")[2])
    assert (len(last.versions), last.next) == (1, "")
    assert list(last.versions[0].keys) == keys_of(wallet)


def test_who_is_no_actor_has_no_document(world: World, desk: DidDesk) -> None:
    for actor in (world.ids.next(), world.node.actor, world.root, "nonsense", "../../etc"):
        assert code_of(desk, actor) == "did-missing"


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-11-22", "2026-11-22T11:51:15+01:00", "2026-13-40T00:00:00Z"]
)
def test_time_that_is_no_instant_is_refused(world: World, desk: DidDesk, time: str) -> None:
    person = world.enrol("person")
    assert code_of(desk, person.actor, time=time) in ("did-version-refused", "invalid-instant")


def test_version_that_is_no_position_of_this_actor_is_refused(world: World, desk: DidDesk) -> None:
    person = world.enrol("person")
    other = str(len(world.entries()) - 2)
    assert code_of(desk, person.actor, version=other) == "did-missing"
    assert code_of(desk, person.actor, version="999") == "did-missing"
    for version in ("-1", "01", "1e3", "9" * 30):
        assert code_of(desk, person.actor, version=version) == "did-version-refused"
    both = {"version": "1", "time": "2026-11-22T11:51:15Z"}
    assert code_of(desk, person.actor, **both) == "did-version-refused"


def test_documents_are_where_resolvers_look(world: World, desk: DidDesk) -> None:
    person = world.enrol("person")
    now = quote(format_instant(world.clock.now_ms()))
    edge = build_edge(handlers=routes(desk), raw=[], metrics=Metrics(), health=lambda: {"status": "ok"})
    with serving(edge) as url:
        for path, did in (
            ("/.well-known/did.json", desk.names.node),
            (f"/v1/actors/{person.actor}/did.json", desk.names.actor(person.actor)),
            (f"/v1/actors/{person.actor}/did.json?versionTime={now}", desk.names.actor(person.actor)),
        ):
            with urllib.request.urlopen(url + path) as answer:
                assert answer.headers["content-type"].startswith("application/did+json")
                assert answer.headers["cache-control"] == "no-cache"
                assert json.loads(answer.read())["id"] == did
        with urllib.request.urlopen(f"{url}/v1/actors/{person.actor}/did-history") as answer:
            assert len(json.loads(answer.read())["versions"]) == 1
        with pytest.raises(HTTPError) as refused:
            urllib.request.urlopen(f"{url}/v1/actors/{world.ids.next()}/did.json")
        assert refused.value.code == 404
        refused.value.close()
