"""What the node takes as a request, and each way it refuses one."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from telesphor.capabilities.identity import authenticate as auth
from telesphor.capabilities.identity.authenticate import REQUEST_BYTES_MAX, WINDOW_MS
from telesphor.capabilities.identity.model import ActorRetired
from telesphor.client.requests import Command, make_card, register_command, rotate_command, sign_commands
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import InvalidInstant, format_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.signing import (
    HalfSignature,
    HeaderRefused,
    HybridSuite,
    JwsMalformed,
    KeysNotBound,
    SignatureRefused,
    SigningKey,
    sign_jws,
)
from telesphor.ledger.entries import RequestReplayed
from telesphor.runtime.capability import Actor, UnknownCommand
from telesphor.runtime.machine import Request
from telesphor.runtime.requests import Slot
from tests.unit.capabilities.world import ORIGIN, World


@pytest.fixture
def person(world: World) -> Wallet:
    return world.enrol("person")


def retire(wallet: Wallet) -> Command:
    return "actor.retire/1", {"id": wallet.actor}


def payload_of(world: World, wallet: Wallet, **changes: object) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "v": 1,
        "format": "telesphor-request/1",
        "node": ORIGIN,
        "actor": wallet.actor,
        "keys": list(wallet.signing_key.public.thumbprints()),
        "at": format_instant(world.clock.now_ms()),
        "nonce": world.ids.nonce(),
        "commands": [{"type": "actor.retire/1", "body": {"id": wallet.actor}}],
    }
    payload.update(changes)
    return payload


def refusal(world: World, wallet: Wallet, **changes: object) -> TelesphorError:
    """Why a well-signed payload with these changes is refused."""
    with pytest.raises(TelesphorError) as caught:
        world.authenticator.authenticate(sign_jws(payload_of(world, wallet, **changes), wallet.signing_key))
    return caught.value


def test_signed_request_becomes_typed_commands_with_its_evidence(world: World, person: Wallet) -> None:
    data = world.sign(person, retire(person))
    request = world.authenticator.authenticate(data)
    assert request.actor == Actor(person.actor, "person", person.signing_key.public.key_id)
    assert [(kind.name, body.id) for kind, body in request.commands] == [("actor.retire/1", person.actor)]  # type: ignore[attr-defined]
    assert request.evidence is not None
    assert request.evidence.data == data
    assert request.evidence.at_ms == world.clock.now_ms()


def test_evidence_of_an_entry_is_the_digest_of_the_signed_payload(world: World, person: Wallet) -> None:
    data = world.sign(person, retire(person))
    world.take(data)
    payload = base64url.decode(json.loads(data)["payload"])
    assert world.entries()[-1].evidence == digest_of(payload)


def test_many_threads_authenticate_at_once(world: World, person: Wallet) -> None:
    data = world.sign(person, retire(person))
    found: list[Request] = []
    threads = [
        threading.Thread(target=lambda: found.append(world.authenticator.authenticate(data)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8


def test_replayed_request_is_refused(world: World, person: Wallet) -> None:
    data = world.sign(world.node, register_command(Wallet.create(kind="person", ids=world.ids), node=ORIGIN))
    world.take(data)
    with pytest.raises(RequestReplayed):
        world.take(data)


def test_replay_signed_anew_over_the_same_payload_is_refused(world: World, person: Wallet) -> None:
    payload = payload_of(world, world.node, commands=[_register_json(world)])
    world.take(sign_jws(payload, world.node.signing_key))
    with pytest.raises(RequestReplayed):
        world.take(sign_jws(payload, world.node.signing_key))


def _register_json(world: World) -> dict[str, Any]:
    name, body = register_command(Wallet.create(kind="person", ids=world.ids), node=ORIGIN)
    return {"type": name, "body": body}


def test_request_for_another_node_is_refused(world: World, person: Wallet) -> None:
    assert refusal(world, person, node="other.example/telesphor").code == "wrong-node"


def test_expired_request_is_refused(world: World, person: Wallet) -> None:
    data = world.sign(person, retire(person))
    world.clock.advance_ms(WINDOW_MS)
    world.authenticator.authenticate(data)
    world.clock.advance_ms(1)
    with pytest.raises(auth.RequestExpired):
        world.authenticator.authenticate(data)


def test_request_from_the_future_is_refused(world: World, person: Wallet) -> None:
    world.clock.advance_ms(WINDOW_MS + 1)
    data = world.sign(person, retire(person))
    world.clock.advance_ms(-1)
    world.authenticator.authenticate(data)
    world.clock.advance_ms(-WINDOW_MS)
    with pytest.raises(auth.RequestFromFuture):
        world.authenticator.authenticate(data)


def test_request_that_expires_in_the_queue_is_refused(world: World, person: Wallet) -> None:
    request = world.authenticator.authenticate(world.sign(person, retire(person)))
    world.clock.advance_ms(WINDOW_MS + 1)
    with pytest.raises(auth.RequestExpired):
        world.machine.call_blocking(request, timeout_seconds=60)


def test_unknown_actor_is_refused(world: World) -> None:
    assert refusal(world, Wallet.create(kind="person", ids=world.ids)).code == "unknown-actor"


def test_retired_actor_is_refused(world: World, person: Wallet) -> None:
    world.ask(world.node, retire(person))
    assert refusal(world, person).code == "actor-retired"


def test_actor_retired_while_its_request_waits_is_refused(world: World, person: Wallet) -> None:
    request = world.authenticator.authenticate(world.sign(person, retire(person)))
    world.ask(world.node, retire(person))
    with pytest.raises(ActorRetired):
        world.machine.call_blocking(request, timeout_seconds=60)


def test_key_rotated_while_the_request_waits_is_refused(world: World, person: Wallet) -> None:
    request = world.authenticator.authenticate(world.sign(person, retire(person)))
    world.ask(person, rotate_command(person.renew(), node=ORIGIN))
    with pytest.raises(auth.KeyNotRegistered):
        world.machine.call_blocking(request, timeout_seconds=60)


def in_one_batch(world: World, *signed: bytes) -> list[str | None]:
    """The codes by which requests are refused that the writer takes together; None of those it writes."""
    requests = [world.authenticator.authenticate(data) for data in signed]
    outcomes, _ = world.machine._run_batch([Slot(request, None, None) for request in requests])
    return [getattr(outcome.error, "code", None) for outcome in outcomes]


def test_keys_that_end_within_the_batch_are_refused_after_that(world: World, person: Wallet) -> None:
    """The writer remembers a signer from request to request, as long as nothing of the kind is recorded."""
    harmless = [
        world.sign(person, register_command(Wallet.create(kind="device", ids=world.ids), node=ORIGIN))
        for _ in range(2)
    ]
    rotating = [world.sign(person, rotate_command(person.renew(), node=ORIGIN)) for _ in range(2)]
    retiring = world.sign(person, retire(person))
    codes = in_one_batch(world, harmless[0], rotating[0], rotating[1], harmless[1], retiring)
    assert codes[1:] == [None, *["key-not-registered"] * 3]


def test_actor_retired_within_the_batch_is_refused_after_that(world: World, person: Wallet) -> None:
    own, by_the_node = world.sign(person, retire(person)), world.sign(world.node, retire(person))
    assert in_one_batch(world, by_the_node, own) == [None, "actor-retired"]


def test_key_not_registered_is_refused(world: World, person: Wallet) -> None:
    assert refusal(world, person.renew()).code == "key-not-registered"


def test_keys_of_another_actor_are_refused(world: World, person: Wallet) -> None:
    other = world.enrol("person")
    mixed = Wallet(person.actor, "person", other.signing_key, other.kem_key)
    assert refusal(world, mixed).code == "key-not-registered"


def test_one_key_of_the_pair_swapped_for_the_attackers_is_refused(world: World, person: Wallet) -> None:
    own = SigningKey.generate(HybridSuite.ACTOR)
    mixed = SigningKey(HybridSuite.ACTOR, person.signing_key.ed25519_seed, own.mldsa_seed)
    wallet = Wallet(person.actor, "person", mixed, person.kem_key)
    assert refusal(world, wallet).code == "key-not-registered"


def test_attackers_signature_over_a_payload_that_names_the_actors_keys_is_refused(
    world: World, person: Wallet
) -> None:
    attacker = SigningKey.generate(HybridSuite.ACTOR)
    good, bad = (
        json.loads(world.sign(person, retire(person))),
        json.loads(sign_jws({"keys": list(attacker.public.thumbprints())}, attacker)),
    )
    good["signatures"] = bad["signatures"]
    with pytest.raises(HeaderRefused):
        world.authenticator.authenticate(canonical.encode(good))


@pytest.mark.parametrize(("half", "name"), [(0, "ML-DSA"), (1, "Ed25519")])
def test_half_signature_is_refused(world: World, person: Wallet, half: int, name: str) -> None:
    document = json.loads(world.sign(person, retire(person)))
    document["signatures"] = [document["signatures"][half]]
    with pytest.raises(HalfSignature, match=name):
        world.authenticator.authenticate(canonical.encode(document))


@pytest.mark.parametrize("half", [0, 1])
def test_swapped_signature_half_is_refused(world: World, person: Wallet, half: int) -> None:
    document = json.loads(world.sign(person, retire(person)))
    other = json.loads(world.sign(person, retire(person)))
    document["signatures"][half] = other["signatures"][half]
    with pytest.raises(SignatureRefused):
        world.authenticator.authenticate(canonical.encode(document))


def test_changed_payload_is_refused(world: World, person: Wallet) -> None:
    document = json.loads(world.sign(person, retire(person)))
    payload = json.loads(base64url.decode(document["payload"]))
    payload["commands"][0]["body"]["id"] = world.node.actor
    document["payload"] = base64url.encode(canonical.encode(payload))
    with pytest.raises(SignatureRefused):
        world.authenticator.authenticate(canonical.encode(document))


def test_payload_that_names_other_keys_than_those_that_sign_is_refused(world: World, person: Wallet) -> None:
    with pytest.raises(KeysNotBound):
        sign_jws(payload_of(world, person, keys=["A" * 43, "B" * 43]), person.signing_key)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"payload":""}', b"\xff\xfe", b" " * 100])
def test_bytes_that_are_no_signed_document_are_refused(world: World, data: bytes) -> None:
    with pytest.raises(JwsMalformed):
        world.authenticator.authenticate(data)


def test_document_with_white_space_is_refused(world: World, person: Wallet) -> None:
    document = json.loads(world.sign(person, retire(person)))
    with pytest.raises(JwsMalformed):
        world.authenticator.authenticate(json.dumps(document).encode())


def test_oversized_request_is_refused_before_it_is_read(world: World) -> None:
    with pytest.raises(LimitExceeded):
        world.authenticator.authenticate(b"{" * (REQUEST_BYTES_MAX + 1))


@pytest.mark.parametrize("changes", [{"v": 2}, {"v": True}, {"v": "1"}, {"format": "telesphor-request/2"}])
def test_unknown_version_is_refused(world: World, person: Wallet, changes: dict[str, object]) -> None:
    assert refusal(world, person, **changes).code == "unknown-version"


@pytest.mark.parametrize(
    "changes",
    [
        {"commands": []},
        {"commands": "none"},
        {"commands": [{"type": "actor.retire/1", "body": {}}] * 1_001},
        {"commands": [{"type": "actor.retire/1"}]},
        {"commands": [{"type": "actor.retire/1", "body": []}]},
        {"commands": [{"type": "actor.retire/1", "body": {}, "note": 1}]},
        {"commands": [{"type": "x" * 81, "body": {}}]},
        {"actor": "somebody"},
        {"actor": "0199AAAA-0000-7000-8000-000000000000"},
        {"nonce": "short"},
        {"nonce": "A" * 21 + "B"},
        {"at": "2026-11-22T11:51:15Z"},
        {"at": 1},
        {"node": None},
        {"note": "more"},
    ],
)
def test_payload_that_is_no_request_is_refused(
    world: World, person: Wallet, changes: dict[str, object]
) -> None:
    assert refusal(world, person, **changes).code == "request-malformed"


def test_trailing_line_feed_in_an_id_is_refused(world: World, person: Wallet) -> None:
    assert refusal(world, person, actor=person.actor + "\n").code == "request-malformed"


def test_instant_that_does_not_exist_is_refused(world: World, person: Wallet) -> None:
    assert isinstance(refusal(world, person, at="2026-02-30T00:00:00.000Z"), InvalidInstant)


def test_unknown_command_is_refused(world: World, person: Wallet) -> None:
    commands = [{"type": "visit.cancel/1", "body": {}}]
    assert isinstance(refusal(world, person, commands=commands), UnknownCommand)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "$"),
        ({"id": 7}, "$.id"),
        ({"id": "x"}, "$.id"),
        ({"id": None}, "$.id"),
        ({"a": 1, "id": "x"}, "$"),
    ],
)
def test_body_of_the_wrong_shape_is_refused_by_its_path(
    world: World, person: Wallet, body: dict[str, object], where: str
) -> None:
    found = refusal(world, person, commands=[{"type": "actor.retire/1", "body": body}])
    assert found.code == "command-refused"
    assert f"`{where}`" in found.message


@pytest.mark.parametrize(
    "body", [{"id": "Erika Mustermann"}, {"Erika Mustermann": 1}, {"id": "x", "Mustermann": 1}]
)
def test_refused_body_is_not_repeated_in_the_message(
    world: World, person: Wallet, body: dict[str, object]
) -> None:
    found = refusal(world, person, commands=[{"type": "actor.retire/1", "body": body}])
    assert "Mustermann" not in found.message + found.hint + found.detail


def test_kind_that_is_refused_is_not_repeated_in_the_message(world: World) -> None:
    command = _register_json(world)
    command["body"]["kind"] = "Mustermann"
    found = refusal(world, world.node, commands=[command])
    assert found.code == "command-refused"
    assert "Mustermann" not in found.message


def test_command_after_a_key_rotation_is_refused(world: World, person: Wallet) -> None:
    data = world.sign(person, rotate_command(person.renew(), node=ORIGIN), retire(person))
    with pytest.raises(auth.KeyChangeNotLast):
        world.authenticator.authenticate(data)


def test_command_after_the_own_retirement_is_refused(world: World, person: Wallet) -> None:
    with pytest.raises(auth.KeyChangeNotLast):
        world.authenticator.authenticate(world.sign(person, retire(person), retire(person)))


def test_request_of_two_commands_of_which_one_fails_leaves_nothing(world: World) -> None:
    before = len(world.entries())
    new = Wallet.create(kind="person", ids=world.ids)
    with pytest.raises(TelesphorError) as caught:
        world.ask(world.node, register_command(new, node=ORIGIN), register_command(new, node=ORIGIN))
    assert caught.value.code == "actor-exists"
    assert len(world.entries()) == before
    assert refusal(world, new).code == "unknown-actor"


def test_root_signs_nothing_but_the_first_entry(world: World) -> None:
    data = sign_commands(
        actor=world.root,
        key=world.root_key,
        node=ORIGIN,
        commands=[("actor.retire/1", {"id": world.root})],
        clock=world.clock,
        ids=world.ids,
    )
    with pytest.raises(auth.GenesisRefused):
        world.authenticator.authenticate(data)


def test_request_before_the_first_entry_is_refused(empty_world: World) -> None:
    assert refusal(empty_world, empty_world.node).code == "unknown-actor"


def test_request_with_another_kind_than_the_registered_is_refused(world: World, person: Wallet) -> None:
    request = world.authenticator.authenticate(world.sign(person, retire(person)))
    forged = Request(
        Actor(person.actor, "organisation", request.actor.key_id), request.commands, request.evidence
    )
    with pytest.raises(TelesphorError) as caught:
        world.machine.call_blocking(forged, timeout_seconds=60)
    assert caught.value.code == "not-permitted"


def test_card_is_not_a_request(world: World, person: Wallet) -> None:
    with pytest.raises(auth.UnknownVersion):
        world.authenticator.authenticate(canonical.encode(make_card(person, node=ORIGIN)))
