"""Names for TURN servers: they end, they are one's own, and the secret stays."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from telesphor.capabilities.visits.signalling.ice import (
    SECRET_BYTES_MAX,
    TURN_SECONDS,
    IceSecretRefused,
    IceServers,
    check_secret,
    read_secret,
)

ACTOR = "0198c000-0000-7000-8000-000000000101"


def test_no_servers_are_told_where_none_are_set() -> None:
    assert IceServers().told_to(ACTOR, now_s=1) == []


def test_a_relay_without_a_secret_is_not_told() -> None:
    assert IceServers(("turn:turn.example",)).told_to(ACTOR, now_s=1) == []


def test_the_name_ends_and_the_credential_is_what_coturn_computes() -> None:
    (turn,) = IceServers(("turns:turn.example",), b"shared").told_to(ACTOR, now_s=1_000)
    ends, _, name = turn["username"].partition(":")
    assert int(ends) == 1_000 + TURN_SECONDS
    expected = hmac.new(b"shared", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(expected).decode()
    assert ACTOR not in turn["username"] and len(name) == 16


def test_the_secret_is_in_no_answer_and_no_repr() -> None:
    servers = IceServers(("turn:turn.example",), b"shared")
    assert "shared" not in repr(servers) + repr(servers.told_to(ACTOR, now_s=1))


def test_secret_is_what_its_file_holds_without_the_line_s_end(tmp_path: Path) -> None:
    (tmp_path / "turn").write_bytes(b"0123456789abcdef\r\n")
    assert read_secret(tmp_path / "turn") == b"0123456789abcdef"


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (b"", "16 to 256 characters"),
        (b"too-short\n", "16 to 256 characters"),
        (b"x" * (SECRET_BYTES_MAX + 1), "16 to 256 characters"),
        (b"x" * 5_000_000, "16 to 256 characters"),
        (b"two lines, of which\none is a second", "one line"),
        ("ein-Geheimnis-für-zwei".encode(), "one line"),
    ],
    ids=["empty", "short", "long", "another file", "two lines", "not ascii"],
)
def test_file_that_holds_no_good_secret_is_refused_without_telling_it(
    tmp_path: Path, held: bytes, said: str
) -> None:
    (tmp_path / "turn").write_bytes(held)
    with pytest.raises(IceSecretRefused, match=said) as raised:
        read_secret(tmp_path / "turn")
    assert "openssl rand" in raised.value.hint
    assert not held.strip() or held.strip().decode() not in f"{raised.value!r} {raised.value}"


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IceSecretRefused, match="cannot be read"):
        read_secret(tmp_path / "turn")


def test_short_secret_of_the_settings_is_refused_by_the_setting_s_name() -> None:
    with pytest.raises(IceSecretRefused, match="`ice_secret`"):
        check_secret(b"shared", place="ice_secret")
