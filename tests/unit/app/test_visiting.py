"""What a node's visits are opened with: the servers for calls, as its settings and its key file say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from telesphor.app.visiting import servers_of
from telesphor.capabilities.visits.signalling.ice import IceSecretRefused
from telesphor.runtime.settings import Settings

TURN = "turn:turn.example:3478"


def settings_with(**changes: Any) -> Settings:
    return Settings(origin="clinic.example/ledger", **changes)


def test_calls_of_a_node_without_settings_go_by_no_server(tmp_path: Path) -> None:
    servers = servers_of(settings_with(), tmp_path)
    assert servers.urls == () and servers.secret == b"" and not servers.relay_only


def test_secret_is_read_from_its_file_beside_the_node_s_keys(tmp_path: Path) -> None:
    (tmp_path / "turn.secret").write_text("0123456789abcdef\n")
    said = settings_with(ice_urls=(TURN,), ice_secret_file=Path("turn.secret"), ice_relay_only=True)
    servers = servers_of(said, tmp_path)
    assert servers.urls == (TURN,) and servers.secret == b"0123456789abcdef" and servers.relay_only


def test_node_whose_secret_is_missing_or_guessable_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(IceSecretRefused, match="cannot be read"):
        servers_of(settings_with(ice_urls=(TURN,), ice_secret_file=Path("turn.secret")), tmp_path)
    with pytest.raises(IceSecretRefused, match="`ice_secret`"):
        servers_of(settings_with(ice_urls=(TURN,), ice_secret="shared"), tmp_path)
