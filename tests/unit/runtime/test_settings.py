"""Settings: one file, overridden by the environment, checked before anything is opened."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from telesphor.runtime.settings import SETTINGS_FILE, SettingsRefused, format_settings, load_settings

ORIGIN = 'origin = "node.example/telesphor"\n'


def load(tmp_path: Path, text: str) -> object:
    (tmp_path / SETTINGS_FILE).write_text(text)
    return load_settings(tmp_path)


def test_defaults_are_those_of_a_node_on_its_own_machine(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text(ORIGIN)
    settings = load_settings(tmp_path)
    assert settings.origin == "node.example/telesphor"
    assert settings.host == "127.0.0.1"
    assert settings.checkpoint_interval_ms <= 1_000
    assert settings.writer_route is False


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELESPHOR_PORT", "9001")
    (tmp_path / SETTINGS_FILE).write_text(ORIGIN + "port = 9000\n")
    assert load_settings(tmp_path).port == 9001


def test_folder_without_a_node_is_refused_with_the_way_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="holds no node") as raised:
        load_settings(tmp_path)
    assert "telesphor init" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 1\n", "setting `origin`"),
        (ORIGIN + "port = 65536\n", "setting `port`"),
        (ORIGIN + 'port = "many"\n', "setting `port`"),
        (ORIGIN + "prot = 1\n", "setting `prot`"),
        (ORIGIN + "checkpoint_interval_ms = 0\n", "setting `checkpoint_interval_ms`"),
        (ORIGIN + 'log_level = "loud"\n', "setting `log_level`"),
        ('origin = "Node.Example"\n', "setting `origin`"),
        ('origin = "node.example/a b"\n', "setting `origin`"),
        ('origin = "node+example"\n', "setting `origin`"),
        (f'origin = "{"n" * 201}"\n', "setting `origin`"),
        (ORIGIN + "port =\n", "is not TOML"),
        (ORIGIN + "port = 1\nport = 2\n", "is not TOML"),
    ],
)
def test_wrong_value_is_refused_by_the_name_of_its_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsRefused, match=said):
        load(tmp_path, text)


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsRefused, match="is not TOML"):
        load_settings(tmp_path)


def test_wrong_variable_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELESPHOR_QUEUED_REQUESTS_MAX", "0")
    with pytest.raises(SettingsRefused, match="`queued_requests_max`") as raised:
        load(tmp_path, ORIGIN)
    assert "TELESPHOR_" in raised.value.hint


def test_passphrase_never_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELESPHOR_PASSPHRASE", "correct horse")
    settings = load(tmp_path, ORIGIN)
    assert "correct horse" not in repr(settings) + str(settings)
    with pytest.raises(SettingsRefused) as raised:
        load(tmp_path, ORIGIN + "passphrase_file = 5\n")
    assert raised.value.__cause__ is None  # the cause would quote what was given


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text(ORIGIN)
    with pytest.raises(ValueError, match="frozen"):
        load_settings(tmp_path).port = 1


@pytest.mark.parametrize(
    "value",
    [True, False, 0, 8420, "", 'a "b" \\ c', "two\nlines\ttab", "\x00\x1f\x7f\x80", "Grüße 🩺 \u2028"],
)
def test_written_settings_read_back(value: object) -> None:
    assert tomllib.loads(format_settings({"name": value})) == {"name": value}
