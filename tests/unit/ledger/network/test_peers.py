"""What the settings name by file: every fault names the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from telesphor.kernel.card import Role
from telesphor.kernel.level_policy import DEFAULT_LEVELS
from telesphor.ledger.network.peers import read_levels, read_peers
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.network import NetworkSettings
from telesphor.runtime.settings import SettingsRefused
from tests.support.witnesses import ORIGIN, make_card

OWN = {"organisation": "clinic.example", "region": "eu", "cloud": "own", "operator": "clinic.example"}


def peers_of(folder: Path, *cards: str) -> list[str]:
    named = [{"url": f"http://127.0.0.1:{port}/", "card": card} for port, card in enumerate(cards, 1)]
    settings = NetworkSettings.model_validate({**OWN, "witness": named})
    return [peer.name for peer in read_peers(NodeFolder(folder), settings)]


def levels_of(folder: Path, levels: str | None) -> bytes:
    settings = NetworkSettings.model_validate({**OWN, "levels": levels})
    return read_levels(NodeFolder(folder), settings)[0]


def test_cards_are_read_with_a_newline_behind_them_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(make_card())
    (tmp_path / "b").write_bytes(make_card("other.example/w") + b"\n")
    assert peers_of(tmp_path, "a", "b") == ["witness.example/w1", "other.example/w"]


def test_missing_card_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsRefused, match=r"`cards/none.json`, which `network.toml` names, cannot be read"
    ):
        peers_of(tmp_path, "cards/none.json")


def test_card_of_a_log_as_a_witness_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_bytes(make_card(ORIGIN, role=Role.LOG))
    with pytest.raises(SettingsRefused, match=r"`log.json`: the card of `.*` is a log's"):
        peers_of(tmp_path, "log.json")


@pytest.mark.parametrize("data", [b"", b"clinic.example+1234abcd+AAAA\n", b"{}", b"x" * 20_000])
def test_file_of_another_kind_as_a_card_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.json").write_bytes(data)
    with pytest.raises(SettingsRefused, match=r"`w.json`: "):
        peers_of(tmp_path, "w.json")


def test_two_cards_of_one_witness_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(make_card())
    (tmp_path / "b").write_bytes(make_card(place="south"))
    with pytest.raises(SettingsRefused, match="two cards of one witness"):
        peers_of(tmp_path, "a", "b")


def test_without_a_file_the_shipped_policy_holds(tmp_path: Path) -> None:
    assert levels_of(tmp_path, None) == DEFAULT_LEVELS.encode()


@pytest.mark.parametrize(
    "text", ["", "format = 1", DEFAULT_LEVELS + "more = 1\n"], ids=["empty", "other", "more"]
)
def test_policy_that_is_none_is_refused_and_never_the_shipped_one_in_its_place(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "levels.toml").write_text(text)
    with pytest.raises(SettingsRefused, match=r"`levels.toml`: "):
        levels_of(tmp_path, "levels.toml")


def test_missing_policy_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match=r"`levels.toml`, which"):
        levels_of(tmp_path, "levels.toml")
