"""Whatever arrives, the node answers with one of its own refusals, and never takes what was altered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import ManualClock, format_instant
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.kernel.signing import sign_jws
from tests.unit.capabilities.world import ORIGIN, START_MS, World

PERSON = Wallet.create(kind="person", ids=IdSource(ManualClock(START_MS)))

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("fuzz"))
    world.begin()
    yield world
    world.close()


def refuses(world: World, data: bytes) -> None:
    with pytest.raises(TelesphorError):
        world.authenticator.authenticate(data)


@FUZZ
@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused_by_name(fuzzed: World, data: bytes) -> None:
    refuses(fuzzed, data)


@FUZZ
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans())
def test_altered_or_cut_request_is_refused_by_name(fuzzed: World, place: float, byte: int, cut: bool) -> None:
    data = fuzzed.sign(fuzzed.node, ("actor.retire/1", {"id": fuzzed.root}))
    at = int(place * len(data))
    changed = data[:at] if cut else data[:at] + bytes([byte]) + data[at + 1 :]
    if changed != data:
        refuses(fuzzed, changed)


@FUZZ
@given(
    member=st.sampled_from(["v", "format", "node", "actor", "at", "nonce", "commands", "more"]), value=JSON
)
def test_signed_payload_with_any_member_replaced_is_refused_by_name(
    fuzzed: World, member: str, value: object
) -> None:
    payload: dict[str, Any] = {
        "v": 1,
        "format": "telesphor-request/1",
        "node": ORIGIN,
        "actor": fuzzed.node.actor,
        "keys": list(fuzzed.node.signing_key.public.thumbprints()),
        "at": format_instant(fuzzed.clock.now_ms()),
        "nonce": fuzzed.ids.nonce(),
        "commands": [{"type": "actor.retire/1", "body": {"id": fuzzed.root}}],
    }
    if payload.get(member) == value and type(payload.get(member)) is type(value):
        return
    payload[member] = value
    refuses(fuzzed, sign_jws(payload, fuzzed.node.signing_key))


@FUZZ
@given(member=st.sampled_from(["id", "kind", "keys", "kem", "card", "more"]), value=JSON)
def test_signed_command_with_any_member_replaced_is_refused_by_name(
    fuzzed: World, member: str, value: object
) -> None:
    name, body = register_command(PERSON, node=ORIGIN)
    assert isinstance(body, dict)
    if body.get(member) == value and member in body:
        return
    refuses(fuzzed, fuzzed.sign(fuzzed.node, (name, {**body, member: value})))
