"""Signed requests and cards are what the specification says they are."""

from __future__ import annotations

import json

import pytest

from telesphor.client.requests import make_card, register_command, rotate_command, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel import canonical
from telesphor.kernel.clock import ManualClock, format_instant
from telesphor.kernel.ids import IdSource
from telesphor.kernel.signing import verify_jws

NODE = "node.example/telesphor"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_795_348_275_123)


@pytest.fixture
def wallet(clock: ManualClock) -> Wallet:
    return Wallet.create(kind="device", ids=IdSource(clock))


def test_request_says_who_when_where_and_what(clock: ManualClock, wallet: Wallet) -> None:
    data = sign_request(wallet, node=NODE, commands=[("x.do/1", {"n": 1})], clock=clock, ids=IdSource(clock))
    payload = verify_jws(data, wallet.signing_key.public)
    nonce = payload.pop("nonce")
    assert len(nonce) == 22
    assert payload == {
        "v": 1,
        "format": "telesphor-request/1",
        "node": NODE,
        "actor": wallet.actor,
        "keys": list(wallet.signing_key.public.thumbprints()),
        "at": format_instant(clock.now_ms()),
        "commands": [{"type": "x.do/1", "body": {"n": 1}}],
    }


def test_two_requests_of_the_same_commands_differ(clock: ManualClock, wallet: Wallet) -> None:
    ids = IdSource(clock)
    payloads = {
        json.loads(sign_request(wallet, node=NODE, commands=[("x.do/1", {})], clock=clock, ids=ids))[
            "payload"
        ]
        for _ in range(3)
    }
    assert len(payloads) == 3


def test_body_with_a_float_is_refused(clock: ManualClock, wallet: Wallet) -> None:
    with pytest.raises(canonical.NotCanonical):
        sign_request(wallet, node=NODE, commands=[("x.do/1", {"n": 1.5})], clock=clock, ids=IdSource(clock))


def test_card_binds_id_kind_keys_and_node(wallet: Wallet) -> None:
    card = canonical.encode(make_card(wallet, node=NODE))
    assert verify_jws(card, wallet.signing_key.public) == {
        "format": "telesphor-card/1",
        "id": wallet.actor,
        "kind": "device",
        "keys": list(wallet.signing_key.public.thumbprints()),
        "jwks": wallet.signing_key.public.jwks(),
        "kem": wallet.kem_text,
        "node": NODE,
    }


def test_registration_carries_the_card_of_the_new_actor(wallet: Wallet) -> None:
    name, body = register_command(wallet, node=NODE)
    assert name == "actor.register/1"
    assert isinstance(body, dict)
    verify_jws(canonical.encode(body["card"]), wallet.signing_key.public)


def test_rotation_carries_the_card_of_the_new_keys(wallet: Wallet) -> None:
    renewed = wallet.renew()
    assert renewed.actor == wallet.actor
    name, body = rotate_command(renewed, node=NODE)
    assert name == "actor.rotate-key/1"
    assert isinstance(body, dict)
    verify_jws(canonical.encode(body["card"]), renewed.signing_key.public)
