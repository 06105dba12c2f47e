"""`telesphor share`: what is typed, what is refused, and that the ledger knows before the file is there."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest
from typer.testing import CliRunner, Result

from telesphor.app import create_node, open_for_proofs
from telesphor.cli import build_tree, sharing
from telesphor.cli.sharing import ChoiceRefused, read_opening, read_positions
from telesphor.kernel import base64url
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.folder import NodeFolder
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.pins import read_keys

KEY = base64url.encode(bytes(range(32)))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node whose ledger has an entry besides its first: an organisation was registered."""
    folder = tmp_path_factory.mktemp("share") / "node"
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


def run(*words: str) -> Result:
    return CliRunner().invoke(build_tree(words[0]), [*words])


def types_of(node: Path) -> list[str]:
    with open_for_proofs(node) as (reader, *_):
        types = [entry.type for entry in reader.entries(first=0, end=reader.size())]
        return [type for type in types if not type.startswith("access.")]


def test_chosen_entry_is_written_and_the_ledger_says_so(node: Path, tmp_path: Path) -> None:
    out = tmp_path / "shared.zip"
    ran = run(
        "share", "--node", str(node), "--entry", "1", "--purpose", "an audit", "--out", str(out), "--json"
    )
    assert ran.exit_code == 0, ran.output
    receipt = json.loads(ran.stdout)
    assert receipt["entries"][0]["type"] == "share.made/1"
    with open_for_proofs(node) as (reader, *_):
        said = reader.entry(receipt["entries"][0]["position"])
    assert said.body.file == digest_of(out.read_bytes())
    assert said.body.entries == ((1, 1),)
    pins = read_keys(NodeFolder(node).log_vkeys.read_text())
    report = verify_bundle(out.read_bytes(), pins=pins)
    assert report.passed, report.to_text()
    assert report.purpose == "an audit"
    assert out.stat().st_mode & 0o077 == 0


def test_entry_is_proved_by_itself_and_verified_with_the_ledgers_keys(node: Path, tmp_path: Path) -> None:
    entry, proof = tmp_path / "1.json", tmp_path / "1.tlog-proof"
    assert run("prove", "1", "--node", str(node), "-o", str(proof), "--entry", str(entry)).exit_code == 0
    keys = str(NodeFolder(node).log_vkeys)
    assert run("verify", "--key", keys, "--entry", str(entry), str(proof)).exit_code == 0
    entry.chmod(0o600)
    entry.write_bytes(entry.read_bytes().replace(b"organisation", b"person"))
    assert run("verify", "--key", keys, "--entry", str(entry), str(proof)).exit_code == 1


def test_organisation_shares_under_its_own_name(node: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "shared.zip", node.with_name("clinic.key")
    words = ["share", "--node", str(node), "--entry", "1", "--purpose", "an audit", "--out", str(out)]
    assert run(*words, "--as", str(key)).exit_code == 0
    assert types_of(node)[-1] == "share.made/1"


def test_documents_are_shown_only_where_it_is_said(node: Path, tmp_path: Path) -> None:
    """The file of a share is kept here as the document that the entry about it names."""
    words = ["share", "--node", str(node), "--purpose", "an audit"]
    first, without, with_them = (tmp_path / f"{name}.zip" for name in ("first", "without", "with"))
    ran = run(*words, "--entry", "1", "--out", str(first), "--json")
    made = str(json.loads(ran.stdout)["entries"][0]["position"])
    document = (digest_of(first.read_bytes()), first.read_bytes())
    database = apsw.Connection(str(NodeFolder(node).ledger))
    database.execute("INSERT INTO documents VALUES(?, ?)", document)
    database.close()
    assert run(*words, "--entry", made, "--out", str(without)).exit_code == 0
    assert run(*words, "--entry", made, "--out", str(with_them), "--with-documents").exit_code == 0
    assert read_bundle(without.read_bytes()).documents == {}
    assert read_bundle(with_them.read_bytes()).documents == dict([document])


def test_whole_stream_is_shared(node: Path, tmp_path: Path) -> None:
    with open_for_proofs(node) as (reader, *_):
        stream = reader.entry(1).stream
    out = tmp_path / "shared.zip"
    words = ["share", "--node", str(node), "--purpose", "an audit", "--out", str(out)]
    assert run(*words, "--stream", stream).exit_code == 0
    assert verify_bundle(out.read_bytes()).passed


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--entry", "0"],
        ["--entry", "500000"],
        ["--entry", "one"],
        ["--stream", "visit/0190f0f0-0000-7000-8000-000000000000"],
        ["--entry", "1", "--open", "1:kind=/no/such/file"],
        ["--entry", "1", "--purpose", ""],
        ["--entry", "1", "--purpose", "bell \x07"],
    ],
    ids=["nothing", "only-genesis", "absent", "no-number", "no-stream", "no-file", "no-purpose", "control"],
)
def test_share_that_is_refused_leaves_neither_file_nor_entry(
    node: Path, tmp_path: Path, words: list[str]
) -> None:
    before, out = types_of(node), tmp_path / "shared.zip"
    purpose = [] if "--purpose" in words else ["--purpose", "an audit"]
    ran = run("share", "--node", str(node), "--out", str(out), *purpose, *words)
    assert ran.exit_code == 1, ran.output
    assert not out.exists()
    assert types_of(node) == before


def test_file_that_exists_is_left_alone(node: Path, tmp_path: Path) -> None:
    before, out = types_of(node), tmp_path / "shared.zip"
    out.write_bytes(b"mine")
    assert (
        run("share", "--node", str(node), "--entry", "1", "--purpose", "x", "--out", str(out)).exit_code == 1
    )
    assert out.read_bytes() == b"mine"
    assert types_of(node) == before


def test_nothing_is_written_when_the_ledger_does_not_take_the_entry(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise LedgerDown("the ledger takes no entries")

    monkeypatch.setattr(sharing, "_record", refuse)
    out = tmp_path / "shared.zip"
    assert (
        run("share", "--node", str(node), "--entry", "1", "--purpose", "x", "--out", str(out)).exit_code == 1
    )
    assert not out.exists()


class LedgerDown(TelesphorError):
    code = "ledger-down"
    kind = Kind.STORAGE


def test_positions_and_ranges_are_read() -> None:
    assert [*read_positions(["7", "2-4"])] == [7, 2, 3, 4]


@pytest.mark.parametrize("text", ["", "-1", "4-2", "a", "1-", "1-2-3", "0-99999", "1 ", "१"])
def test_text_that_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ChoiceRefused):
        [*read_positions([text])]


def test_opening_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "pulse.json"
    file.write_text(f'{{"value": {{"b": [61], "a": "x"}}, "key": "{KEY}"}}')
    opened = read_opening(f"12:commitment={file}")
    assert (opened.position, opened.member) == (12, "commitment")
    assert opened.key == bytes(range(32))
    assert opened.value == b'{"a":"x","b":[61]}'


@pytest.mark.parametrize(
    "content",
    ["", "61", '{"key": "?", "value": 61}', f'{{"key": "{KEY}"}}', f'{{"key": "{KEY}", "value": 6.1}}'],
)
def test_opening_that_cannot_be_used_is_refused_without_what_it_holds(tmp_path: Path, content: str) -> None:
    file = tmp_path / "pulse.json"
    file.write_text(content)
    with pytest.raises(ChoiceRefused) as refused:
        read_opening(f"12:commitment={file}")
    assert KEY not in str(refused.value)
    assert "6.1" not in str(refused.value)


@pytest.mark.parametrize("text", ["12", "12=f", ":c=f", "x:c=f", "12:C=f", "12:c="])
def test_opening_that_names_no_commitment_is_refused(text: str) -> None:
    with pytest.raises(ChoiceRefused):
        read_opening(text)
