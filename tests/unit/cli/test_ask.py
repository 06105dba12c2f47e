"""`telesphor ask`: any command, signed and sent; and what is refused before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from telesphor.app import create_node
from telesphor.cli import build_tree
from telesphor.cli.ask import AskedBodyRefused, read_body


def run(*words: str) -> Result:
    return CliRunner().invoke(build_tree(words[0]), [*words])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ask") / "node"
    secret = folder.with_name("node.passphrase")
    secret.write_bytes(b"correct horse battery staple")
    create_node(
        folder,
        origin="clinic.example/ledger",
        passphrase=secret.read_bytes(),
        settings={"passphrase_file": str(secret)},
    )
    made = run("keygen", str(folder.with_name("clinic.key")), "--kind", "organisation", "--node", str(folder))
    assert made.exit_code == 0, made.output
    return folder


def test_command_is_signed_and_its_receipt_printed(node: Path) -> None:
    key = str(node.with_name("clinic.key"))
    person = run("keygen", str(node.with_name("person.key")), "--node", str(node)).stdout.strip()
    ran = run("ask", "actor.retire/1", "--body", json.dumps({"id": person}), "--as", key, "--node", str(node))
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["entries"][0]["type"] == "actor.retired/1"


def test_unknown_command_is_refused_by_the_node(node: Path) -> None:
    ran = run("ask", "no.such/1", "--as", str(node.with_name("clinic.key")), "--node", str(node))
    assert ran.exit_code == 1
    assert "unknown-command" in ran.output


def test_body_of_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('{"a": [1]}')
    assert read_body(f"@{tmp_path / 'body.json'}") == {"a": [1]}


@pytest.mark.parametrize("text", ["", "[]", "1", "{", "@/no/such/file", '{"a": "' + "x" * (1 << 20) + '"}'])
def test_body_that_is_no_object_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(AskedBodyRefused) as caught:
        read_body(text)
    assert "xxxx" not in str(caught.value)
