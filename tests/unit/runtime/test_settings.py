"""Settings: one file, overridden by the environment, checked before anything is opened."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from telesphor.runtime.settings import (
    SCREENS,
    SETTINGS_FILE,
    SettingsRefused,
    format_settings,
    has_screen,
    load_settings,
)

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
        (ORIGIN + 'display_name = "two\\nlines"\n', "setting `display_name`"),
        (ORIGIN + 'display_name = " "\n', "setting `display_name`"),
        (ORIGIN + f'display_name = "{"n" * 81}"\n', "setting `display_name`"),
        (ORIGIN + 'display_name = "\\u200b"\n', "setting `display_name`"),
        (ORIGIN + 'display_name = "Clinic \\u202erevir"\n', "setting `display_name`"),
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


LINK = ORIGIN + 'tls_identity = "node.pem"\ntls_trust = "trust"\n'
BROWSER = ORIGIN + 'tls_browser_certificate = "browser.pem"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ORIGIN + 'tls_identity = "node.pem"\n', "`tls_trust` is not"),
        (ORIGIN + 'tls_identity = "node.pem"\ntls_trust = []\n', "`tls_trust` is not"),
        (ORIGIN + 'tls_trust = "trust"\n', "`tls_identity` is not"),
        (ORIGIN + "tls_port = 8422\n", "`tls_port` is set, but `tls_identity` is not"),
        (ORIGIN + 'tls_host = "0.0.0.0"\n', "`tls_host` is set, but `tls_identity` is not"),
        (ORIGIN + 'tls_browser_key = "k.pem"\n', "`tls_browser_key` is set"),
        (ORIGIN + 'tls_browser_host = "0.0.0.0"\n', "`tls_browser_host` is set"),
        (ORIGIN + "tls_browser_port = 443\n", "`tls_browser_port` is set"),
        (ORIGIN + "tls_browser_classical = false\n", "`tls_browser_classical` is set"),
        (ORIGIN + "plain = false\n", "nobody could reach the node"),
        (LINK + "tls_port = 8420\n", "two listeners"),
        (LINK + "tls_browser_certificate = 'b.pem'\ntls_browser_port = 8422\n", "two listeners"),
        (LINK + "tls_port = 65536\n", "setting `tls_port`"),
        (BROWSER + "tls_browser_port = -1\n", "setting `tls_browser_port`"),
        (BROWSER + 'tls_browser_classical = "perhaps"\n', "setting `tls_browser_classical`"),
        (ORIGIN + 'plain = "perhaps"\n', "setting `plain`"),
        (ORIGIN + "tls_identity = 5\n", "setting `tls_identity`"),
        (ORIGIN + 'tls_identity = "node.pem"\ntls_trust = [5]\n', "setting `tls_trust.0`"),
        (ORIGIN + 'tls_identity = "node.pem"\ntls_trust = "[1"\n', "setting `tls_trust`"),
        (f"{ORIGIN}tls_identity = 'node.pem'\ntls_trust = {['x'] * 257}\n", "setting `tls_trust`"),
    ],
)
def test_listeners_that_are_half_said_or_wrong_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsRefused, match=said):
        load(tmp_path, text)


def test_listeners_may_share_a_port_that_is_not_fixed_and_the_plain_one_may_be_off(tmp_path: Path) -> None:
    assert load(tmp_path, LINK + "port = 0\ntls_port = 0\n")
    assert load(tmp_path, LINK + "plain = false\ntls_port = 8420\n")
    assert load(tmp_path, BROWSER + "plain = false\n")


@pytest.mark.parametrize(
    ("value", "places"),
    [("trust", ["trust"]), ('["a.pem", "b c.pem"]', ["a.pem", "b c.pem"]), ("/x/[1]", ["/x/[1]"])],
)
def test_trusted_roots_are_one_place_or_a_list_in_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, places: list[str]
) -> None:
    monkeypatch.setenv("TELESPHOR_TLS_TRUST", value)
    monkeypatch.setenv("TELESPHOR_TLS_IDENTITY", "node.pem")
    (tmp_path / SETTINGS_FILE).write_text(ORIGIN)
    assert load_settings(tmp_path).tls_trust == tuple(map(Path, places))


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsRefused, match="is not TOML"):
        load_settings(tmp_path)


def test_wrong_variable_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELESPHOR_QUEUED_REQUESTS_MAX", "0")
    with pytest.raises(SettingsRefused, match="`queued_requests_max`") as raised:
        load(tmp_path, ORIGIN)
    assert "TELESPHOR_" in raised.value.hint


SERVERS = ORIGIN + 'ice_urls = ["stun:stun.example:3478", "turn:turn.example:3478?transport=udp"]\n'


def test_turn_server_without_the_secret_it_shares_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="`ice_secret_file` is not set"):
        load(tmp_path, SERVERS)
    for secret in ('ice_secret_file = "keys/turn"\n', 'ice_secret = "shared"\n'):
        (tmp_path / SETTINGS_FILE).write_text(SERVERS + secret)
        assert len(load_settings(tmp_path).ice_urls) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SERVERS + 'ice_secret = "a"\nice_secret_file = "b"\n', "which one do the TURN servers have"),
        (ORIGIN + 'ice_secret = "a"\n', "`ice_urls` has none"),
        (ORIGIN + 'ice_urls = ["stun:stun.example"]\nice_secret_file = "b"\n', "`ice_urls` has none"),
        (ORIGIN + 'ice_urls = ["stun:stun.example"]\nice_relay_only = true\n', "has no TURN server"),
    ],
)
def test_half_of_what_a_relay_needs_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsRefused, match=said):
        load(tmp_path, text)


def test_server_for_calls_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="`ice_urls"):
        load(tmp_path, ORIGIN + 'ice_urls = ["https://stun.example"]\n')


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
    [
        True,
        False,
        0,
        8420,
        "",
        'a "b" \\ c',
        "two\nlines\ttab",
        "\x00\x1f\x7f\x80",
        "Grüße 🩺 \u2028",
        ["a", "b c"],
        [],
    ],
)
def test_written_settings_read_back(value: object) -> None:
    assert tomllib.loads(format_settings({"name": value})) == {"name": value}


@pytest.mark.parametrize(("name", "seen"), [("DISPLAY", True), ("WAYLAND_DISPLAY", True), ("EDITOR", False)])
def test_linux_shows_windows_where_a_session_of_one_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, seen: bool
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for screen in SCREENS:
        monkeypatch.delenv(screen, raising=False)
    monkeypatch.setenv(name, ":0")
    assert has_screen() is seen
