"""Certificate and key files: what is taken, and what is not."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from telesphor.runtime.tls.certificate import Algorithm
from telesphor.runtime.tls.files import (
    FILE_BYTES_MAX,
    TlsFileRefused,
    pem_blocks,
    read_bounded,
    replace_private,
    stamp_of,
)
from telesphor.runtime.tls.identity import CHAIN_MAX, TlsIdentity
from telesphor.runtime.tls.trust import TrustStore, organisations_of
from tests.support.certificates import Organisation


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    made = Organisation.make(tmp_path_factory.mktemp("clinic"), algorithm=Algorithm.ECDSA_P256)
    made.issue(algorithm=Algorithm.ECDSA_P256)
    return made


def parts(clinic: Organisation) -> tuple[bytes, bytes]:
    data = (clinic.folder / "node.pem").read_bytes()
    return pem_blocks(data, b"PRIVATE KEY")[0], pem_blocks(data, b"CERTIFICATE")[0]


def private(path: Path, data: bytes) -> Path:
    replace_private(path, data)
    return path


def test_key_and_certificate_may_be_two_files(clinic: Organisation, tmp_path: Path) -> None:
    key, certificate = parts(clinic)
    (tmp_path / "fullchain.pem").write_bytes(certificate)
    identity = TlsIdentity(tmp_path / "fullchain.pem", private(tmp_path / "key.pem", key))
    assert identity.load().certificate == TlsIdentity(clinic.folder / "node.pem").load().certificate


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_key_that_others_can_read_is_refused(clinic: Organisation, tmp_path: Path, mode: int) -> None:
    file = private(tmp_path / "node.pem", b"".join(parts(clinic)))
    file.chmod(mode)
    with pytest.raises(TlsFileRefused, match="read by others"):
        TlsIdentity(file).load()


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TlsFileRefused, match="cannot be read"):
        TlsIdentity(tmp_path / "none.pem").load()


def test_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TlsFileRefused, match="larger"):
        read_bounded(private(tmp_path / "big.pem", bytes(FILE_BYTES_MAX + 1)))


def test_certificate_of_another_key_is_refused(clinic: Organisation, tmp_path: Path) -> None:
    key, _ = parts(clinic)
    with pytest.raises(TlsFileRefused, match="not the certificate of its key"):
        TlsIdentity(private(tmp_path / "x.pem", key + clinic.root.read_bytes())).load()


def test_two_keys_are_refused(clinic: Organisation, tmp_path: Path) -> None:
    key, certificate = parts(clinic)
    with pytest.raises(TlsFileRefused, match="exactly one private key"):
        TlsIdentity(private(tmp_path / "x.pem", key + key + certificate)).load()


def test_encrypted_key_is_refused(clinic: Organisation, tmp_path: Path) -> None:
    key, certificate = parts(clinic)
    data = key.replace(b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY") + certificate
    with pytest.raises(TlsFileRefused, match="not encrypted"):
        TlsIdentity(private(tmp_path / "x.pem", data)).load()


@pytest.mark.parametrize("count", [0, CHAIN_MAX + 1])
def test_length_of_the_chain_is_bounded(clinic: Organisation, tmp_path: Path, count: int) -> None:
    key, certificate = parts(clinic)
    with pytest.raises(TlsFileRefused, match="certificates"):
        TlsIdentity(private(tmp_path / "x.pem", key + certificate * count)).load()


@pytest.mark.parametrize("kind", [b"CERTIFICATE", b"PRIVATE KEY"])
def test_broken_block_is_refused(clinic: Organisation, tmp_path: Path, kind: bytes) -> None:
    blocks = {b"PRIVATE KEY": parts(clinic)[0], b"CERTIFICATE": parts(clinic)[1]}
    blocks[kind] = b"-----BEGIN " + kind + b"-----\nAAAA\n-----END " + kind + b"-----\n"
    with pytest.raises(TlsFileRefused, match="cannot be read"):
        TlsIdentity(private(tmp_path / "x.pem", b"".join(blocks.values()))).load()


def test_replacing_leaves_a_private_file_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "node.pem"
    file.write_bytes(b"old")
    file.chmod(0o644)
    before = stamp_of([file])
    replace_private(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["node.pem"]
    assert stamp_of([file]) != before
    file.unlink()
    assert stamp_of([file]) == ((str(file), 0, 0, 0),)


def test_trust_is_files_and_folders(clinic: Organisation, tmp_path: Path) -> None:
    other = Organisation.make(tmp_path / "other", "other.example", Algorithm.ECDSA_P256)
    folder = tmp_path / "trust"
    folder.mkdir()
    (folder / "other.pem").write_bytes(other.root.read_bytes())
    (folder / "notes.txt").write_text("not a root")
    roots = TrustStore.of(clinic.root, folder).load()
    assert organisations_of(roots) == {"clinic.example", "other.example"}


def test_no_root_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TlsFileRefused, match="trusted roots"):
        TrustStore.of(tmp_path).load()


def test_leaf_is_no_root_to_trust(clinic: Organisation, tmp_path: Path) -> None:
    (tmp_path / "leaf.pem").write_bytes(parts(clinic)[1])
    with pytest.raises(TlsFileRefused, match="not the root"):
        TrustStore.of(tmp_path).load()
