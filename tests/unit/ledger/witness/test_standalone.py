"""A witness alone: its folder, its keys, its card, and the command line that makes and runs it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from telesphor.kernel.card import Card, CardRefused, Role, read_card, sign_card
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.cosignature import verify_cosignature
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.keyfile import WrongPassphrase
from telesphor.kernel.note import VkeyRefused, parse_note
from telesphor.ledger.witness.standalone import (
    LogFileRefused,
    OpenWitness,
    WitnessFolder,
    WitnessSettings,
    create_witness,
    load_logs,
    load_witness_settings,
    open_witness,
    read_witness_passphrase,
    renew_card,
    trust_file,
)
from telesphor.ledger.witness.store import MemoryMissing
from telesphor.runtime.folder import FolderInUse, FolderRefused, PassphraseMissing
from telesphor.runtime.serving import serving
from telesphor.runtime.settings import SettingsRefused
from telesphor.runtime.tls.files import TlsFileRefused
from tests.support.certificates import Organisation
from tests.support.commands import Ended, run_to_end, running_command
from tests.support.witnesses import NOW_SECONDS, ORIGIN, Tree, clock, log_signer

PASSPHRASE = b"correct horse"
SETTINGS = WitnessSettings(
    name="north.example/witness",
    organisation="north.example",
    region="eu-north",
    cloud="north-cloud",
    operator="north.example",
)
VKEYS = "".join(f"{vkey}\n" for vkey in log_signer().vkeys()).encode()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests, each of which has its copy: sealing the keys is slow on purpose."""
    folder = tmp_path_factory.mktemp("made") / "w"
    create_witness(folder, settings=SETTINGS, passphrase=PASSPHRASE, clock=clock())
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "w")


@pytest.fixture
def opened(folder: Path) -> Iterator[OpenWitness]:
    with open_witness(folder, passphrase=PASSPHRASE, clock=clock()) as witness:
        yield witness


def test_a_new_witness_has_a_card_of_its_own_keys(folder: Path) -> None:
    card = read_card(WitnessFolder(folder).card.read_bytes())
    assert (card.role, card.name, card.organisation) == (Role.WITNESS, SETTINGS.name, "north.example")
    assert card.is_in_force(time_seconds=NOW_SECONDS)
    assert card.is_in_force(time_seconds=NOW_SECONDS + 399 * 86_400)
    assert not card.is_in_force(time_seconds=NOW_SECONDS + 401 * 86_400)


def test_the_keys_are_sealed_and_private(folder: Path) -> None:
    key = WitnessFolder(folder).key
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(WrongPassphrase), open_witness(folder, passphrase=b"wrong", clock=clock()):
        pass


def test_a_folder_that_holds_anything_is_not_overwritten(folder: Path) -> None:
    with pytest.raises(FolderRefused):
        create_witness(folder, settings=SETTINGS, passphrase=PASSPHRASE, clock=clock())


def test_a_witness_whose_memory_is_gone_does_not_start(folder: Path) -> None:
    WitnessFolder(folder).memory.unlink()
    with pytest.raises(MemoryMissing) as caught, open_witness(folder, passphrase=PASSPHRASE, clock=clock()):
        pass
    assert "new keys" in caught.value.hint
    assert not WitnessFolder(folder).memory.exists()  # nor is an empty one made


def test_one_process_at_a_time_has_the_folder(folder: Path, opened: OpenWitness) -> None:
    with pytest.raises(FolderInUse), open_witness(folder, passphrase=PASSPHRASE, clock=clock()):
        pass


def test_a_trusted_log_is_cosigned_over_restarts(folder: Path) -> None:
    assert trust_file(WitnessFolder(folder), VKEYS) == ORIGIN
    tree = Tree(9)
    keys = read_card(WitnessFolder(folder).card.read_bytes()).keys
    for old, size in ((0, 4), (4, 9)):
        with open_witness(folder, passphrase=PASSPHRASE, clock=clock()) as opened:
            lines = opened.desk.witness.add_checkpoint(tree.request(old, size))
        verify_cosignature(parse_note(tree.note(size) + lines), keys)


def test_a_log_trusted_while_it_runs_is_taken_over(folder: Path, opened: OpenWitness) -> None:
    body = Tree(3).request(0)
    with pytest.raises(TelesphorError, match="no log of this origin"):
        opened.desk.witness.add_checkpoint(body)
    trust_file(WitnessFolder(folder), VKEYS)
    assert opened.reload() == 1
    opened.desk.witness.add_checkpoint(body)


def test_trusting_a_log_again_replaces_its_keys(folder: Path) -> None:
    trust_file(WitnessFolder(folder), VKEYS)
    other = "".join(f"{vkey}\n" for vkey in LogSigner.generate(ORIGIN).vkeys()).encode()
    trust_file(WitnessFolder(folder), b"# changed\n" + other)
    assert load_logs(WitnessFolder(folder)) == {ORIGIN: tuple(other.decode().split())}


def test_a_log_s_card_names_its_keys(folder: Path) -> None:
    signer = log_signer()
    card = Card(
        role=Role.LOG,
        name=ORIGIN,
        organisation="clinic.example",
        region="eu-west",
        cloud="own",
        operator="clinic.example",
        vkeys=signer.vkeys(),
        issued_at="2026-11-22T00:00:00.000Z",
        expires_at="2027-11-22T00:00:00.000Z",
    )
    assert trust_file(WitnessFolder(folder), sign_card(card, signer) + b"\n") == ORIGIN
    assert load_logs(WitnessFolder(folder)) == {ORIGIN: signer.vkeys()}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", LogFileRefused),
        (b"# only a comment\n", LogFileRefused),
        (b"\xff\xfe", LogFileRefused),
        (b"rubbish\n", VkeyRefused),
        (VKEYS * 3, LogFileRefused),
        (VKEYS + "\n".join(log_signer("other.example/x").vkeys()).encode(), VkeyRefused),
        (b"{}", CardRefused),
    ],
    ids=["empty", "comment", "no-text", "rubbish", "too-many", "two-logs", "no-card"],
)
def test_a_file_that_is_not_one_log_is_not_trusted(
    folder: Path, data: bytes, error: type[TelesphorError]
) -> None:
    with pytest.raises(TelesphorError) as caught:
        trust_file(WitnessFolder(folder), data)
    assert isinstance(caught.value, error)
    assert load_logs(WitnessFolder(folder)) == {}


def test_two_files_of_one_log_are_refused(folder: Path) -> None:
    trust_file(WitnessFolder(folder), VKEYS)
    (WitnessFolder(folder).logs / "again.vkeys").write_bytes(VKEYS)
    with pytest.raises(LogFileRefused, match="two files"):
        load_logs(WitnessFolder(folder))


def test_a_renewed_card_is_of_the_same_keys(folder: Path) -> None:
    before = read_card(WitnessFolder(folder).card.read_bytes())
    renew_card(folder, passphrase=PASSPHRASE, clock=clock(NOW_SECONDS + 1000))
    after = read_card(WitnessFolder(folder).card.read_bytes())
    assert (before.vkeys, before.expires_at < after.expires_at) == (after.vkeys, True)


def test_the_card_of_other_keys_is_not_shown(folder: Path, tmp_path: Path) -> None:
    create_witness(tmp_path / "other", settings=SETTINGS, passphrase=PASSPHRASE, clock=clock())
    WitnessFolder(folder).card.write_bytes(WitnessFolder(tmp_path / "other").card.read_bytes())
    with (
        pytest.raises(FolderRefused, match="other keys"),
        open_witness(folder, passphrase=PASSPHRASE, clock=clock()),
    ):
        pass


@pytest.mark.parametrize(
    "text",
    ["", "name = 1", "rubbish", 'name = "NORTH"', 'unknown = "x"', '_env_file = "x"', "[name]"],
)
def test_wrong_settings_are_refused_by_name(folder: Path, text: str) -> None:
    WitnessFolder(folder).settings.write_text(text)
    with pytest.raises(SettingsRefused), open_witness(folder, passphrase=PASSPHRASE, clock=clock()):
        pass


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('tls_identity = "w.pem"\n', "`tls_trust` is not"),
        ('tls_trust = "trust"\n', "`tls_identity` is not"),
        ("tls_identity = 5\n", "setting `tls_identity`"),
        ('tls_identity = "w.pem"\ntls_trust = [5]\n', "setting `tls_trust.0`"),
    ],
)
def test_half_of_a_link_is_refused_by_name(folder: Path, text: str, said: str) -> None:
    with WitnessFolder(folder).settings.open("a") as file:
        file.write(text)
    with pytest.raises(SettingsRefused, match=said):
        load_witness_settings(folder)


def test_a_link_in_the_settings_is_what_is_listened_with(folder: Path, tmp_path: Path) -> None:
    north = Organisation.make(tmp_path / "north", "north.example")
    north.issue().certificate.rename(folder / "w.pem")
    (folder / "north.pem").write_bytes(north.root.read_bytes())
    with WitnessFolder(folder).settings.open("a") as file:
        file.write('tls_identity = "w.pem"\ntls_trust = "north.pem"\n')
    with open_witness(folder, passphrase=PASSPHRASE, clock=clock()) as opened:
        listener = opened.listen(port=0)
        listener.socket.close()
        assert listener.context is not None
        (folder / "w.pem").unlink()
        with pytest.raises(TlsFileRefused, match=r"w\.pem"):
            opened.listen(port=0)


def test_a_link_is_written_into_the_settings_with_its_roots(tmp_path: Path) -> None:
    link = SETTINGS.model_copy(update={"tls_identity": Path("w.pem"), "tls_trust": (Path("a"), Path("b c"))})
    create_witness(tmp_path / "w", settings=link, passphrase=PASSPHRASE, clock=clock())
    assert load_witness_settings(tmp_path / "w") == link
    create_witness(tmp_path / "plain", settings=SETTINGS, passphrase=PASSPHRASE, clock=clock())
    assert "tls" not in (tmp_path / "plain" / "witness.toml").read_text()


def test_a_folder_without_a_witness_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsRefused, match="holds no witness"),
        open_witness(tmp_path, passphrase=PASSPHRASE, clock=clock()),
    ):
        pass


def test_a_passphrase_is_read_from_its_file_or_missed(tmp_path: Path) -> None:
    file = tmp_path / "p"
    file.write_bytes(b"secret\n")
    assert read_witness_passphrase(SETTINGS.model_copy(update={"passphrase_file": file})) == b"secret"
    with pytest.raises(PassphraseMissing):
        read_witness_passphrase(SETTINGS)


async def test_nothing_but_the_witness_is_served(opened: OpenWitness) -> None:
    with serving(opened.edge()) as url:
        async with aiohttp.ClientSession() as session:
            for path, status in (
                ("/card", 200),
                ("/healthz", 200),
                ("/checkpoint", 404),
                ("/v1/commands", 404),
            ):
                async with session.get(url + path) as response:
                    assert response.status == status, path


def run(*words: str | Path) -> Ended:
    return run_to_end("witness", *words)


def test_a_witness_is_made_run_and_asked_from_the_command_line(tmp_path: Path) -> None:
    """The one that runs is an interpreter's own, from `-m telesphor` to its end."""
    folder, vkeys = tmp_path / "w", tmp_path / "log.vkeys"
    vkeys.write_bytes(VKEYS)
    words = ["--name", "north.example/witness", "--organisation", "north.example", "--region", "eu-north"]
    made = run("init", folder, *words, "--cloud", "north-cloud", "--operator", "north.example")
    assert made.returncode == 0, made.stderr
    card = run("card", folder)
    keys = read_card(card.stdout.strip().encode()).keys
    command = [sys.executable, "-m", "telesphor", "witness", "run", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "0 ledgers" in process.stderr.readline()
        url = WitnessFolder(folder).address.read_text()
        trusted = run("trust", folder, vkeys)
        assert (trusted.returncode, trusted.stdout.strip()) == (0, ORIGIN)
        os.kill(process.pid, signal.SIGHUP)
        tree = Tree(3)
        tree_note = tree.note(time_seconds=1_700_000_000)
        lines = asyncio.run(_ask(url, tree.request(0, time_seconds=1_700_000_000)))
        verify_cosignature(parse_note(tree_note + lines), keys)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
        assert not WitnessFolder(folder).address.exists()
    finally:
        process.kill()
        process.wait()


def test_a_notary_runs_under_its_own_policy(tmp_path: Path) -> None:
    folder = tmp_path / "n"
    settings = SETTINGS.model_copy(update={"role": Role.NOTARY, "passphrase_file": tmp_path / "p"})
    (tmp_path / "p").write_bytes(PASSPHRASE)
    create_witness(folder, settings=settings, passphrase=PASSPHRASE, clock=SystemClock())
    trust_file(WitnessFolder(folder), VKEYS)
    with running_command(tmp_path / "said", "witness", "run", folder, "--port", "0") as process:
        url = process.wait_for_file(WitnessFolder(folder).address)
        with pytest.raises(AssertionError, match="403: the checkpoint is at L1"):
            asyncio.run(_ask(url, Tree(3).request(0, time_seconds=1_700_000_000)))
    assert process.said.startswith("notary ")


async def _ask(url: str, body: bytes) -> bytes:
    """Ask until the log is taken over, for a few seconds."""
    async with aiohttp.ClientSession() as session:
        for _ in range(1_000):
            async with session.post(f"{url}/add-checkpoint", data=body) as response:
                if response.status != 404:
                    answer = await response.text()
                    assert response.status == 200, f"{response.status}: {answer}"
                    return answer.encode()
            await asyncio.sleep(0.01)
    raise AssertionError("the log was never taken over")


@pytest.mark.parametrize(
    "words", [["run", "nowhere"]], ids=lambda words: words[0]
)  # fmt: skip
def test_a_refusal_is_one_line_with_its_code(tmp_path: Path, words: list[str]) -> None:
    result = run(words[0], tmp_path / words[1], *words[2:])
    assert result.returncode == 1
    assert result.stderr.startswith("telesphor: ")
    assert "Traceback" not in result.stderr


def test_a_wrong_name_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    words = ["--name", "NORTH", "--organisation", "n", "--region", "r", "--cloud", "c", "--operator", "o"]
    result = run("init", tmp_path / "w", *words)
    assert result.returncode == 1
    assert "(settings-refused)" in result.stderr
    assert not (tmp_path / "w").exists()


def test_running_a_witness_loads_no_capability() -> None:
    code = (
        "import sys, telesphor.cli as c; c.build_tree('witness');"
        "print([m for m in sys.modules if m.startswith(('telesphor.cap', 'telesphor.vault', 'telesphor.app'))])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == "[]"
