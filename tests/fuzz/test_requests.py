"""The signed request under fuzz: what is inside the signature is anything, and so is what is around it.

The authenticator runs against a real ledger. Nothing but a `TelesphorError` may escape, and what it lets
pass was meant.
"""

from __future__ import annotations

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


def take(node: Running, data: bytes) -> None:
    """Authenticate and decide, as the edge does; our own errors are fine, of any kind but an internal one."""
    try:
        request = node.node.authenticate(data)
        node.node.machine.call_blocking(request, timeout_seconds=30)
    except TelesphorError as error:
        assert error.kind not in (Kind.INTERNAL, Kind.CORRUPT), (
            f"{error.code}: {error.message} {error.detail}"
        )


def test_spoiled_request_is_refused_by_name(place: tuple[Running, Wallet]) -> None:
    node, wallet = place
    good = signed(canonical.encode(payload_of(node, wallet)), wallet)

    @_fuzz
    @given(data=almost([good]))
    def check(data: bytes) -> None:
        take(node, data)

    check()


def test_signed_noise_is_refused_by_name(place: tuple[Running, Wallet]) -> None:
    node, wallet = place

    @_fuzz
    @given(data=almost([canonical.encode(payload_of(node, wallet))]))
    def check(data: bytes) -> None:
        take(node, signed(data, wallet))

    check()


def test_any_member_of_any_type_is_refused_by_name(place: tuple[Running, Wallet]) -> None:
    node, wallet = place
    members = st.sampled_from(["v", "format", "node", "actor", "keys", "at", "nonce", "commands", "extra"])

    @_fuzz
    @given(name=members, value=_values)
    def check(name: str, value: object) -> None:
        take(node, signed(canonical.encode(payload_of(node, wallet) | {name: value}), wallet))

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
        take(node, signed(canonical.encode(payload_of(node, wallet) | {"commands": listed}), wallet))

    check()
