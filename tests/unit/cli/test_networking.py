"""`telesphor network`: what is written, what is refused, and that a refusal leaves everything as it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from telesphor.app import create_node, open_node
from telesphor.cli import build_tree
from telesphor.kernel.card import Role, read_card
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.cosignature import Cosigner
from telesphor.ledger.network.cards import own_card
from telesphor.ledger.witness.store import MemoryMissing
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.network import NETWORK_FILE, NetworkSettings, load_network
from telesphor.runtime.settings import SettingsRefused
from tests.support.witnesses import NAME, log_signer, make_card

PASSPHRASE = b"not a secret"
INIT = (
    "--organisation",
    "clinic.example",
    "--region",
    "eu",
    "--cloud",
    "own",
    "--operator",
    "clinic.example",
)
URL = "http://127.0.0.1:8421"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One node for all tests, each of which has its copy: sealing its keys is slow on purpose."""
    folder = tmp_path_factory.mktemp("made") / "node"
    secret = folder.with_name("passphrase")
    secret.write_bytes(PASSPHRASE)
    create_node(
        folder, origin="clinic.example/log", passphrase=PASSPHRASE, settings={"passphrase_file": str(secret)}
    )
    ran = run(folder, "init", *INIT)
    assert ran.exit_code == 0, ran.output
    return folder


@pytest.fixture
def node(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "node")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A witness's card as its operator printed it, with a newline."""
    file = tmp_path / "w.card.json"
    file.write_bytes(make_card() + b"\n")
    return file


def run(node: Path, *words: str) -> Result:
    return CliRunner().invoke(build_tree("network"), ["network", *words, "--node", str(node)])


def refused(node: Path, *words: str) -> str:
    """What a refusal says; the node's folder is as it was before."""
    before = {path: path.read_bytes() for path in node.rglob("*") if path.is_file()}
    ran = run(node, *words)
    assert ran.exit_code == 1, ran.output
    assert {path: path.read_bytes() for path in node.rglob("*") if path.is_file()} == before
    return " ".join(ran.output.split())


def settings_of(node: Path) -> NetworkSettings:
    settings = load_network(node)
    assert settings is not None
    return settings


def test_settings_are_written_for_their_owner_alone(made: Path) -> None:
    assert settings_of(made).organisation == "clinic.example"
    assert (made / NETWORK_FILE).stat().st_mode & 0o077 == 0


def test_second_init_is_refused(node: Path) -> None:
    assert "exists already" in refused(node, "init", *INIT)


def test_wrong_attribute_is_refused_by_its_name(node: Path) -> None:
    (node / NETWORK_FILE).unlink()
    assert "`region` is not a name" in refused(node, "init", *INIT[:3], "EU West", *INIT[4:])


def test_folder_without_a_node_is_refused(tmp_path: Path) -> None:
    assert "holds no node" in refused(tmp_path, "init", *INIT)


@pytest.mark.parametrize("words", [("card",), ("status",), ("add-witness", URL, "w"), ("add-log", "l")])
def test_node_that_stands_alone_is_told_how_to_join(node: Path, words: tuple[str, ...]) -> None:
    (node / NETWORK_FILE).unlink()
    assert "telesphor network init" in refused(node, *words)


def test_witness_is_added_with_its_card(node: Path, card: Path) -> None:
    ran = run(node, "add-witness", URL, str(card))
    assert ran.exit_code == 0, ran.output
    assert "log.vkeys" in ran.output
    (peer,) = settings_of(node).witness
    assert (peer.url, (node / peer.card).read_bytes()) == (URL, card.read_bytes().strip())


def test_notary_is_to_be_handed_the_cards(node: Path, card: Path) -> None:
    card.write_bytes(make_card(role=Role.NOTARY))
    assert "telesphor network card" in run(node, "add-witness", URL, str(card)).output


def test_adding_a_witness_twice_leaves_the_file_as_it_was(node: Path, card: Path) -> None:
    run(node, "add-witness", URL, str(card))
    before = (node / NETWORK_FILE).read_bytes()
    ran = run(node, "add-witness", f"{URL}/", str(card))
    assert (ran.exit_code, (node / NETWORK_FILE).read_bytes()) == (0, before)
    assert "already" in ran.output


def test_renewed_card_is_taken_over(node: Path, card: Path) -> None:
    run(node, "add-witness", URL, str(card))
    card.write_bytes(make_card(place="south"))
    assert run(node, "add-witness", URL, str(card)).exit_code == 0
    (peer,) = settings_of(node).witness
    assert read_card((node / peer.card).read_bytes()).organisation == "south.example"


def test_known_witness_at_another_address_is_refused(node: Path, card: Path) -> None:
    run(node, "add-witness", URL, str(card))
    assert "at another address" in refused(node, "add-witness", "http://127.0.0.1:9", str(card))


def test_known_name_with_other_keys_is_refused(node: Path, card: Path) -> None:
    """Whoever takes a witness's name does not get its place."""
    run(node, "add-witness", URL, str(card))
    own = NetworkSettings(organisation="evil.example", region="eu", cloud="own", operator="evil.example")
    forged = own_card(
        card.with_name("forged"),
        role=Role.WITNESS,
        key=Cosigner.generate(NAME),
        settings=own,
        clock=SystemClock(),
    )
    card.write_bytes(forged)
    assert "with other keys" in refused(node, "add-witness", URL, str(card))


def test_card_of_a_log_as_a_witness_is_refused(node: Path, card: Path) -> None:
    card.write_bytes(make_card("other.example/log", role=Role.LOG))
    assert "the card is of a ledger" in refused(node, "add-witness", URL, str(card))


def test_missing_card_file_is_refused(node: Path) -> None:
    assert "cannot be read" in refused(node, "add-witness", URL, "/no/such/card")


def test_file_of_another_kind_as_a_card_is_refused(node: Path) -> None:
    assert "witness-card-refused" in refused(node, "add-witness", URL, str(node / "log.vkeys"))


@pytest.mark.parametrize("url", ["ftp://w.example", "w.example", "http://me:word@w.example", "http://"])
def test_address_that_is_none_or_holds_a_password_is_refused(node: Path, card: Path, url: str) -> None:
    said = refused(node, "add-witness", url, str(card))
    assert "is not an address" in said
    assert "me:word" not in said


def test_name_with_markup_and_slashes_is_shown_and_kept_as_it_is(node: Path, card: Path) -> None:
    name = "w.example/../[bold]x[/]"
    card.write_bytes(make_card(name))
    ran = run(node, "add-witness", URL, str(card))
    assert ran.exit_code == 0, ran.output
    assert name in ran.output
    (peer,) = settings_of(node).witness
    assert (node / peer.card).resolve().parent == (node / "cards").resolve()


def test_log_is_added_and_a_second_time_left_alone(node: Path, tmp_path: Path) -> None:
    vkeys = tmp_path / "log.vkeys"
    vkeys.write_text("".join(f"{vkey}\n" for vkey in log_signer("other.example/log").vkeys()))
    assert run(node, "add-log", str(vkeys)).exit_code == 0
    before = (node / NETWORK_FILE).read_bytes()
    assert [log.origin for log in settings_of(node).log] == ["other.example/log"]
    assert "already" in run(node, "add-log", str(vkeys)).output
    assert (node / NETWORK_FILE).read_bytes() == before


def test_known_log_with_other_keys_is_refused(node: Path, tmp_path: Path) -> None:
    vkeys = tmp_path / "log.vkeys"
    vkeys.write_text("".join(f"{vkey}\n" for vkey in log_signer("other.example/log").vkeys()))
    run(node, "add-log", str(vkeys))
    vkeys.write_text(f"{log_signer('other.example/log').vkeys()[0]}\n")
    assert "names the same `log` twice" in refused(node, "add-log", str(vkeys))


def test_nodes_own_log_is_refused(node: Path) -> None:
    assert "own ledger" in refused(node, "add-log", str(node / "log.vkeys"))


def test_file_of_another_kind_as_keys_of_a_log_is_refused(node: Path, card: Path) -> None:
    assert "refused" in refused(node, "add-log", str(card))


def test_card_is_that_of_the_ledger(node: Path) -> None:
    card = read_card(run(node, "card").stdout.strip().encode())
    assert (card.role, card.name, card.organisation) == (Role.LOG, "clinic.example/log", "clinic.example")


def test_status_of_a_node_that_never_ran_with_its_network_says_so(node: Path) -> None:
    assert "never ran with its network" in refused(node, "status")


def test_status_of_a_folder_is_shown_without_the_node(node: Path) -> None:
    run(node, "card")
    NodeFolder(node).address.write_text("http://127.0.0.1:1")  # as a node leaves it that was killed
    ran = run(node, "status")
    assert ran.exit_code == 0, ran.output
    assert "the node does not answer" in ran.output
    assert "L2 is not reached" in ran.output


def test_url_that_does_not_answer_is_refused(node: Path) -> None:
    assert "status-unavailable" in refused(node, "status", "--url", "http://127.0.0.1:1")


def test_ethereum_account_is_made_once_and_then_shown(node: Path) -> None:
    first, again = (run(node, "ethereum-key") for _ in range(2))
    assert first.stdout.startswith("0x")
    assert len(first.stdout.strip()) == 42
    assert again.stdout == first.stdout
    assert (node / "keys" / "ethereum.key").stat().st_mode & 0o077 == 0


def test_other_keys_in_the_place_of_the_ethereum_key_are_refused(node: Path) -> None:
    shutil.copy(node / "keys" / "node.key", node / "keys" / "ethereum.key")
    assert "holds other keys" in refused(node, "ethereum-key")


def test_node_whose_witness_memory_is_gone_does_not_start(node: Path, tmp_path: Path) -> None:
    vkeys = tmp_path / "log.vkeys"
    vkeys.write_text("".join(f"{vkey}\n" for vkey in log_signer("other.example/log").vkeys()))
    run(node, "add-log", str(vkeys))
    with open_node(node, passphrase=PASSPHRASE):
        assert read_card(NodeFolder(node).witness_card.read_bytes()).role is Role.WITNESS
    NodeFolder(node).witness_memory.unlink()
    with pytest.raises(MemoryMissing), open_node(node, passphrase=PASSPHRASE):
        pass
    assert not NodeFolder(node).witness_memory.exists()


def test_node_that_is_told_to_cosign_itself_does_not_start(node: Path) -> None:
    vkeys = (node / "log.vkeys").read_text().split()
    with (node / NETWORK_FILE).open("a") as file:
        file.write(f'\n[[log]]\norigin = "clinic.example/log"\nvkeys = ["{vkeys[0]}", "{vkeys[1]}"]\n')
    with pytest.raises(SettingsRefused, match="own ledger"), open_node(node, passphrase=PASSPHRASE):
        pass


def test_log_with_keys_of_another_does_not_start(node: Path) -> None:
    vkeys = log_signer("other.example/log").vkeys()
    with (node / NETWORK_FILE).open("a") as file:
        file.write(f'\n[[log]]\norigin = "third.example/log"\nvkeys = ["{vkeys[0]}", "{vkeys[1]}"]\n')
    with pytest.raises(SettingsRefused, match="a `log` is refused"), open_node(node, passphrase=PASSPHRASE):
        pass
