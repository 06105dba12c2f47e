"""The agreements of a witness are small files in its folder, and a wrong one is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.ledger.witness.mirroring import MirrorSettings, keep_mirror, load_mirrors, make_mirror
from telesphor.ledger.witness.standalone import WitnessFolder
from telesphor.runtime.folder import FolderRefused
from telesphor.runtime.settings import SettingsRefused
from tests.support.witnesses import ORIGIN

URL = "https://clinic.example:8420"


@pytest.fixture
def folder(tmp_path: Path) -> WitnessFolder:
    return WitnessFolder(tmp_path)


def agree(folder: WitnessFolder, origin: str = ORIGIN, url: str = URL) -> MirrorSettings:
    agreed = make_mirror(folder, origin=origin, url=url)
    keep_mirror(folder, agreed)
    return agreed


def test_witness_without_agreements_mirrors_nothing(folder: WitnessFolder) -> None:
    assert load_mirrors(folder) == ()


def test_agreement_is_read_as_it_was_written(folder: WitnessFolder) -> None:
    agreed = {agree(folder), agree(folder, "other.example/x")}
    assert set(load_mirrors(folder)) == agreed
    assert {mirror.origin: mirror.url for mirror in agreed} == {ORIGIN: URL, "other.example/x": URL}


def test_second_agreement_with_a_log_takes_the_place_of_the_first(folder: WitnessFolder) -> None:
    agree(folder)
    agreed = agree(folder, url="http://127.0.0.1:1")
    assert load_mirrors(folder) == (agreed,)


def test_two_files_of_one_log_are_refused(folder: WitnessFolder) -> None:
    agree(folder)
    (file,) = folder.mirrors.glob("*.toml")
    (folder.mirrors / "again.toml").write_bytes(file.read_bytes())
    with pytest.raises(SettingsRefused, match="two files"):
        load_mirrors(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "\x00",
        f'origin = "{ORIGIN}"\nurl = "{URL}"\n',
        f'origin = "{ORIGIN}"\nurl = "{URL}"\nkey = "../../node/keys/node.key"\n',
        f'origin = "{ORIGIN}"\nurl = "{URL}"\nkey = "/etc/passwd"\n',
        f'origin = "{ORIGIN}"\nurl = "file:///etc/passwd"\nkey = "a.key"\n',
        f'origin = "NORTH"\nurl = "{URL}"\nkey = "a.key"\n',
        f'origin = "{ORIGIN}"\nurl = "{URL}"\nkey = "a.key"\nall = true\n',
        "#" * 70_000,
    ],
    ids=[
        "empty", "rubbish", "no-toml", "no-key", "key-elsewhere", "key-absolute", "no-web", "no-origin",
        "unknown-member", "too-large",
    ],
)  # fmt: skip
def test_file_that_is_no_agreement_is_refused(folder: WitnessFolder, text: str) -> None:
    folder.mirrors.mkdir()
    (folder.mirrors / "a.toml").write_text(text)
    with pytest.raises((SettingsRefused, FolderRefused)):
        load_mirrors(folder)


@pytest.mark.parametrize("url", ["", "clinic.example", "ftp://clinic.example", "http://clinic example"])
def test_address_that_is_none_is_refused(folder: WitnessFolder, url: str) -> None:
    with pytest.raises(SettingsRefused, match="url"):
        make_mirror(folder, origin=ORIGIN, url=url)
