"""Addresses that can be probed; what a probe finds is tested on live servers in `tests/e2e`."""

from __future__ import annotations

import socket

import pytest

from telesphor.runtime.tls.probe import ProbeFailed, parse_address, probe


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("clinic.example", "clinic.example", 443),
        ("clinic.example:8421", "clinic.example", 8421),
        ("https://clinic.example/", "clinic.example", 443),
        ("10.0.0.5:1", "10.0.0.5", 1),
        ("[::1]", "::1", 443),
        ("[::1]:8421", "::1", 8421),
    ],
)
def test_address_is_host_and_port(text: str, host: str, port: int) -> None:
    assert parse_address(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["", ":443", "a:b", "a:0x1", "a:65536", "a:-1", "user@host", "a/b", "[::1", "http://a", "a?b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ProbeFailed):
        parse_address(text)


def test_closed_port_is_said_to_be_closed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(ProbeFailed) as caught:
            probe("127.0.0.1", free.getsockname()[1])
    assert "refused" in caught.value.hint


@pytest.mark.parametrize("host", ["a" * 300, "bad..name", "\u0131" * 80])
def test_name_that_cannot_be_looked_up_is_refused(host: str) -> None:
    with pytest.raises(ProbeFailed):
        probe(host, 443, timeout_seconds=1)
