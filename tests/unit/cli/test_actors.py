"""`telesphor keygen`: a key file of a registered actor, under the passphrase of whoever will hold it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from telesphor.app import create_node, open_for_proofs
from telesphor.cli import build_tree
from telesphor.client.wallet import load_wallet
from telesphor.kernel.keyfile import WrongPassphrase

SECRET = b"correct horse battery staple"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keygen") / "node"
    secret = folder.with_name("node.passphrase")
    secret.write_bytes(SECRET)
    settings = {"passphrase_file": str(secret)}
    create_node(folder, origin="clinic.example/ledger", passphrase=SECRET, settings=settings)
    return folder


def keygen(*words: str) -> Result:
    return CliRunner().invoke(build_tree("keygen"), ["keygen", *words])


def test_key_that_is_handed_over_opens_without_the_passphrase_of_the_node(node: Path, tmp_path: Path) -> None:
    key, secret = tmp_path / "validator.key", tmp_path / "validator.passphrase"
    secret.write_bytes(b"for nothing else\n")
    made = keygen(str(key), "--kind", "system", "--passphrase-file", str(secret), "--node", str(node))
    assert made.exit_code == 0, made.output
    wallet = load_wallet(key, passphrase=b"for nothing else")
    assert wallet.actor in made.stdout
    with pytest.raises(WrongPassphrase):
        load_wallet(key, passphrase=SECRET)
    with open_for_proofs(node) as (reader, *_):
        assert f"actor/{wallet.actor}" in {
            entry.stream for entry in reader.entries(first=0, end=reader.size())
        }


def test_passphrase_that_is_not_there_is_refused_before_anything_is_made(node: Path, tmp_path: Path) -> None:
    key = tmp_path / "validator.key"
    made = keygen(str(key), "--passphrase-file", str(tmp_path / "none"), "--node", str(node))
    assert made.exit_code == 1
    assert "folder-refused" in made.output
    assert not key.exists()
