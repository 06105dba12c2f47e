"""Policies that can be kept, and those that cannot be built."""

from __future__ import annotations

import pytest

from telesphor.runtime.tls.policy import (
    BROWSERS,
    NODES,
    QUANTUM_ONLY,
    ChannelPolicy,
    PolicyRefused,
    is_quantum_safe_certificate,
    is_quantum_safe_group,
)


@pytest.mark.parametrize(
    "groups", [(), ("P-256",), ("X25519", "X25519"), ("x25519",), ("X25519MLKEM768:X25519",)]
)
def test_policy_of_other_groups_cannot_be_built(groups: tuple[str, ...]) -> None:
    with pytest.raises(PolicyRefused):
        ChannelPolicy(groups=groups)


def test_nothing_classical_between_nodes() -> None:
    assert NODES.groups == QUANTUM_ONLY.groups == ("X25519MLKEM768",)
    assert NODES.mutual
    assert NODES.mldsa
    assert BROWSERS.groups[0] == "X25519MLKEM768"


def test_quantum_safe_is_what_has_mlkem_or_mldsa() -> None:
    assert is_quantum_safe_group("X25519MLKEM768")
    assert is_quantum_safe_group("SecP384r1MLKEM1024")
    assert not is_quantum_safe_group("x25519")
    assert not is_quantum_safe_group("")
    assert is_quantum_safe_certificate("ML-DSA-65")
    assert not is_quantum_safe_certificate("ECDSA-P256")
    assert not is_quantum_safe_certificate("unknown")
