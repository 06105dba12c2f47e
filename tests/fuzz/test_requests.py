"""The signed request under fuzz: what is inside the signature is anything, and so is what is around it.

The authenticator runs against a real ledger. Nothing but a `TelesphorError` may escape, and what it lets
pass was meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telesphor.client.wallet import Wallet
from telesphor.kernel import canonical
from telesphor.kernel.errors import Kind, TelesphorError
from tests.e2e.refusing import payload_of, signed
from tests.e2e.running import Running, running
from tests.fuzz.mutation import almost
from tests.torture.folders import CLINICIAN, PATIENT, SYSTEM
from tests.torture.scale import TORTURE

EXAMPLES = 60 * TORTURE
_fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=TORTURE == 1,
    suppress_health_check=list(HealthCheck),
)

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=20).filter(lambda text: not any("\ud800" <= mark <= "\udfff" for mark in text))
    | st.sampled_from(
        [
            SYSTEM,
            CLINICIAN,
            PATIENT,
            "019a0000-0000-7000-8000-0000000000ff",
            "treatment",
            "note",
            "text/plain",
        ]
    )
)
_names = st.sampled_from([
    "visit", "patient", "clinician", "devices", "object", "media_type", "readers", "size", "digest", "purpose", "role",
    "id", "kind", "keys", "kem", "card", "reason", "count", "from", "to", "commitment", "payload", "signatures", "x",
])  # fmt: skip
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Wallet]]:
    with running(tmp_path_factory.mktemp("fuzz") / "node") as node:
        yield node, node.system


def take(node: Running, data: bytes) -> bool:
    """Authenticate and decide, as the edge does; our own errors are fine, of any kind but an internal one.

    Returns whether the signed request was one, whatever became of its commands.
    """
    authenticated = False
    try:
        request = node.node.authenticate(data)
        authenticated = True
        node.node.machine.call_blocking(request, timeout_seconds=30)
    except TelesphorError as error:
        assert error.kind not in (Kind.INTERNAL, Kind.CORRUPT), (
            f"{error.code}: {error.message} {error.detail}"
        )
    return authenticated


def take_signed(node: Running, payload: bytes, wallet: Wallet) -> None:
    """As `take`; what passes for a request is one: canonical, of exactly its members, for this node, of these keys."""
    if not take(node, signed(payload, wallet)):
        return
    said = json.loads(payload)
    assert canonical.encode(said) == payload
    meant = payload_of(node, wallet)
    assert set(said) == set(meant)
    fixed = ("v", "format", "node", "actor", "keys")
    assert [said[name] for name in fixed] == [meant[name] for name in fixed]
    assert [type(said[name]) for name in fixed] == [type(meant[name]) for name in fixed], (
        "1.0 and true are no 1"
    )


def test_spoiled_request_is_refused_by_name(place: tuple[Running, Wallet]) -> None:
    node, wallet = place
    good = signed(canonical.encode(payload_of(node, wallet)), wallet)
    assert take(node, good)

    @_fuzz
    @given(data=almost([good]))
    def check(data: bytes) -> None:
        passed = take(node, data)
        assert not passed or data == good, "not one byte can be changed"

    check()


def test_signed_noise_is_refused_by_name(place: tuple[Running, Wallet]) -> None:
    node, wallet = place

    @_fuzz
    @given(data=almost([canonical.encode(payload_of(node, wallet))]))
    def check(data: bytes) -> None:
        take_signed(node, data, wallet)

    check()


def test_any_member_of_any_type_is_refused_by_name(place: tuple[Running, Wallet]) -> None:
    node, wallet = place
    members = st.sampled_from(["v", "format", "node", "actor", "keys", "at", "nonce", "commands", "extra"])

    @_fuzz
    @given(name=members, value=_values)
    def check(name: str, value: object) -> None:
        take_signed(node, canonical.encode(payload_of(node, wallet) | {name: value}), wallet)

    check()


def test_any_body_of_any_command_is_decided_or_refused_by_name(place: tuple[Running, Wallet]) -> None:
    node, wallet = place
    commands = st.lists(
        st.tuples(
            st.sampled_from(sorted(node.node.registry.commands)), st.dictionaries(_names, _values, max_size=6)
        ),
        min_size=1,
        max_size=3,
    )

    @_fuzz
    @given(commands=commands)
    def check(commands: list[tuple[str, dict[str, Any]]]) -> None:
        listed = [{"type": name, "body": body} for name, body in commands]
        take_signed(node, canonical.encode(payload_of(node, wallet) | {"commands": listed}), wallet)

    check()
