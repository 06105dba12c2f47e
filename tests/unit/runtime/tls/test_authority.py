"""Roots and what they sign: X.509 as others expect it, keys sealed, bounds kept."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from telesphor.kernel.keyfile import WrongPassphrase, seal_keyfile
from telesphor.runtime.folder import FolderRefused
from telesphor.runtime.tls.authority import (
    BACKDATE_SECONDS,
    LEAF_DAYS_MAX,
    Authority,
    create_authority,
    load_authority,
    save_authority,
)
from telesphor.runtime.tls.certificate import Algorithm, CertificateRefused, Role, describe, to_ms
from telesphor.runtime.tls.files import replace_private
from telesphor.runtime.tls.identity import TlsIdentity
from tests.support.certificates import DAY_MS, IDS

NOW_MS = 1_800_000_000_000
PASSPHRASE = b"correct horse"


def make(algorithm: Algorithm = Algorithm.ML_DSA_65, *, days: int = 3_653) -> Authority:
    return create_authority(
        "clinic.example", algorithm=algorithm, now_ms=NOW_MS, random_bytes=IDS.random_bytes, days=days
    )


def leaf_of(
    authority: Authority, folder: Path, *, role: Role = Role.NODE, days: int = 30
) -> x509.Certificate:
    data = authority.issue(
        ("node1.clinic.example", "10.0.0.5", "::1"),
        role=role,
        algorithm=Algorithm.ML_DSA_65,
        now_ms=NOW_MS,
        days=days,
        random_bytes=IDS.random_bytes,
    )
    replace_private(folder / "leaf.pem", data)
    return TlsIdentity(folder / "leaf.pem").load().certificate


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_root_signs_itself_and_may_sign_leaves_only(algorithm: Algorithm) -> None:
    root = make(algorithm).certificate
    root.verify_directly_issued_by(root)
    limits = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert limits.critical
    assert (limits.value.ca, limits.value.path_length) == (True, 0)
    usage = root.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.digital_signature
    assert describe(root).algorithm == algorithm.value
    assert describe(root).quantum_safe is algorithm.value.startswith("ML-DSA")


def test_leaf_says_what_it_was_asked_to(tmp_path: Path) -> None:
    authority = make()
    leaf = leaf_of(authority, tmp_path)
    leaf.verify_directly_issued_by(authority.certificate)
    said = describe(leaf)
    assert said.organisation == "clinic.example"
    assert said.names == ("node1.clinic.example", "10.0.0.5", "::1")
    assert said.roles == ("client", "server")
    assert (said.algorithm, said.signed_with, said.quantum_safe) == ("ML-DSA-65", "ML-DSA-65", True)
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert to_ms(leaf.not_valid_before_utc) == NOW_MS - BACKDATE_SECONDS * 1000
    assert to_ms(leaf.not_valid_after_utc) == NOW_MS + 30 * DAY_MS


def test_roles_are_what_is_stated(tmp_path: Path) -> None:
    usage = leaf_of(make(), tmp_path, role=Role.CLIENT).extensions.get_extension_for_class(
        x509.ExtendedKeyUsage
    )
    assert list(usage.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_leaf_does_not_outlive_its_root(tmp_path: Path) -> None:
    authority = make(days=10)
    assert leaf_of(authority, tmp_path).not_valid_after_utc == authority.certificate.not_valid_after_utc


def test_serial_numbers_differ_and_are_positive(tmp_path: Path) -> None:
    authority = make()
    numbers = {leaf_of(authority, tmp_path).serial_number for _ in range(5)}
    assert len(numbers) == 5
    assert all(0 < number < 1 << 159 for number in numbers)


@pytest.mark.parametrize("days", [0, -1, LEAF_DAYS_MAX + 1])
def test_life_out_of_bounds_is_refused(tmp_path: Path, days: int) -> None:
    with pytest.raises(CertificateRefused):
        leaf_of(make(), tmp_path, days=days)


@pytest.mark.parametrize("name", ["", "Clinic.Example", "-x", "a b", "x" * 65, "clinic\n", "*.example"])
def test_what_is_no_organisation_is_refused(name: str) -> None:
    with pytest.raises(CertificateRefused):
        create_authority(name, algorithm=Algorithm.ECDSA_P256, now_ms=NOW_MS, random_bytes=IDS.random_bytes)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_saved_root_signs_as_before(tmp_path: Path, algorithm: Algorithm) -> None:
    made = make(algorithm)
    save_authority(made, certificate=tmp_path / "r.pem", key=tmp_path / "r.key", passphrase=PASSPHRASE)
    assert stat.S_IMODE((tmp_path / "r.key").stat().st_mode) == 0o600
    assert b"PRIVATE" not in (tmp_path / "r.pem").read_bytes() + (tmp_path / "r.key").read_bytes()
    loaded = load_authority(tmp_path / "r.key", passphrase=PASSPHRASE)
    assert loaded.certificate == made.certificate
    leaf_of(loaded, tmp_path).verify_directly_issued_by(made.certificate)


def test_wrong_passphrase_opens_no_root(tmp_path: Path) -> None:
    save_authority(make(), certificate=tmp_path / "r.pem", key=tmp_path / "r.key", passphrase=PASSPHRASE)
    with pytest.raises(WrongPassphrase):
        load_authority(tmp_path / "r.key", passphrase=b"wrong")


def test_key_file_of_something_else_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "r.key").write_bytes(seal_keyfile({"format": "something"}, passphrase=PASSPHRASE))
    with pytest.raises(CertificateRefused):
        load_authority(tmp_path / "r.key", passphrase=PASSPHRASE)


def test_root_is_never_overwritten(tmp_path: Path) -> None:
    save_authority(make(), certificate=tmp_path / "r.pem", key=tmp_path / "r.key", passphrase=PASSPHRASE)
    before = (tmp_path / "r.pem").read_bytes()
    with pytest.raises(FolderRefused, match="exists already"):
        save_authority(make(), certificate=tmp_path / "r.pem", key=tmp_path / "r.key", passphrase=PASSPHRASE)
    assert (tmp_path / "r.pem").read_bytes() == before


def test_neither_key_nor_identity_shows_its_secret(tmp_path: Path) -> None:
    authority = make(Algorithm.ECDSA_P256)
    leaf_of(authority, tmp_path)
    assert "key" not in repr(authority).lower().replace("public_key", "").replace("keyusage", "")
    assert "PKey" not in repr(TlsIdentity(tmp_path / "leaf.pem").load())
    assert (
        timedelta(0) < authority.certificate.not_valid_after_utc - authority.certificate.not_valid_before_utc
    )
