"""A server that is told to end does so at once, whenever it is told; and it believes connections, not headers."""

from __future__ import annotations

import threading
import urllib.request

import pytest
from litestar.types import Receive, Scope, Send

from telesphor.runtime import server as server_module
from telesphor.runtime.http import RawRoute, build_edge, send_bytes
from telesphor.runtime.server import PromptServer
from telesphor.runtime.serving import listen, make_server, serving, url_of
from telesphor.runtime.telemetry import Metrics

END_SECONDS = 20.0


@pytest.fixture(autouse=True)
def no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks around once an hour, so that only being told ends it."""
    monkeypatch.setattr(server_module, "TICK_SECONDS", 3_600.0)


def made() -> PromptServer:
    return make_server(
        build_edge(handlers=[], raw=[], metrics=Metrics(), health=lambda: {"status": "ok"}),
    )


def test_server_that_answers_ends_when_it_is_told() -> None:
    server, listener = made(), listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    with urllib.request.urlopen(f"{url_of(listener)}/healthz", timeout=END_SECONDS) as answer:
        assert answer.status == 200
    server.end()
    thread.join(END_SECONDS)
    assert not thread.is_alive()


def test_server_that_was_told_before_it_began_ends_as_well() -> None:
    server = made()
    server.end()
    thread = threading.Thread(target=server.run, args=([listen("127.0.0.1", 0)],), daemon=True)
    thread.start()
    thread.join(END_SECONDS)
    assert not thread.is_alive()
    server.end()  # Once more is once too often, and does no harm.


def test_block_that_is_served_ends_its_server() -> None:
    edge = build_edge(handlers=[], raw=[], metrics=Metrics(), health=lambda: {"status": "ok"})
    before = threading.active_count()
    with serving(edge) as url:
        assert url.startswith("http://127.0.0.1:")
    assert threading.active_count() == before


def test_what_a_caller_says_of_its_address_and_link_is_not_believed() -> None:
    """Not even on this machine, where uvicorn would take whoever calls for a proxy."""
    seen: list[tuple[str, str]] = []

    async def look(scope: Scope, _receive: Receive, send: Send) -> None:
        client = scope["client"]
        assert client is not None
        seen.append((client[0], scope["scheme"]))
        await send_bytes(send, b"{}")

    edge = build_edge(
        handlers=[], raw=[RawRoute("GET", "/look", look)], metrics=Metrics(), health=lambda: {"status": "ok"}
    )
    with serving(edge) as url:
        headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        with urllib.request.urlopen(
            urllib.request.Request(f"{url}/look", headers=headers), timeout=END_SECONDS
        ) as answer:
            assert answer.status == 200
    assert seen == [("127.0.0.1", "http")]
