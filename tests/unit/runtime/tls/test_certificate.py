"""Names, algorithms and times of certificates."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from telesphor.runtime.tls.certificate import (
    NAMES_MAX,
    Algorithm,
    CertificateRefused,
    describe,
    from_ms,
    parse_names,
    to_ms,
)
from tests.support.certificates import Organisation


def test_hosts_and_addresses_are_told_apart() -> None:
    kinds = [type(name) for name in parse_names(["localhost", "a-b.example", "10.0.0.5", "::1"])]
    assert kinds == [x509.DNSName, x509.DNSName, x509.IPAddress, x509.IPAddress]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Node.example",
        "*.example",
        "a..b",
        "-a",
        "a-",
        "a_b",
        "x" * 64,
        "1.2.3",
        "1.2.3.4.5",
        "a\nb",
        "a/b",
        "ä",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(CertificateRefused):
        parse_names([name])


@pytest.mark.parametrize("count", [0, NAMES_MAX + 1])
def test_number_of_names_is_bounded(count: int) -> None:
    with pytest.raises(CertificateRefused):
        parse_names([f"n{number}.example" for number in range(count)])


def test_classical_certificate_is_called_classical(tmp_path: Path) -> None:
    made = Organisation.make(tmp_path, algorithm=Algorithm.ECDSA_P256)
    said = describe(made.issue(algorithm=Algorithm.ECDSA_P256).load().certificate)
    assert (said.algorithm, said.signed_with, said.quantum_safe) == ("ECDSA-P256", "ECDSA-SHA256", False)


def test_quantum_safe_key_under_classical_root_is_not_quantum_safe(tmp_path: Path) -> None:
    made = Organisation.make(tmp_path, algorithm=Algorithm.ECDSA_P256)
    assert describe(made.issue().load().certificate).quantum_safe is False


def test_times_go_there_and_back() -> None:
    assert to_ms(from_ms(1_800_000_000_000)) == 1_800_000_000_000
    assert to_ms(from_ms(1_800_000_000_999)) == 1_800_000_000_000
