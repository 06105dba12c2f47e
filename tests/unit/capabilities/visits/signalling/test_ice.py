"""Names for TURN servers: they end, they are one's own, and the secret stays."""

from __future__ import annotations

import base64
import hashlib
import hmac

from telesphor.capabilities.visits.signalling.ice import TURN_SECONDS, IceServers

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
