"""`GET /v1/channel` behind the real edge, plain and over TLS; listeners beside one another."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.request
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from telesphor.runtime.http import Edge, build_edge
from telesphor.runtime.serving import listen, make_server, serving
from telesphor.runtime.telemetry import Metrics
from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.context import TlsContext, client_context, server_context
from telesphor.runtime.tls.listening import SCOPE_NAME, SecureListener, channel_of
from telesphor.runtime.tls.policy import BROWSERS, NODES
from telesphor.runtime.tls.routes import routes
from tests.support.certificates import Organisation


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    made = Organisation.make(tmp_path_factory.mktemp("clinic"))
    made.issue()
    return made


def edge(book: ChannelBook | None = None) -> Edge:
    metrics = Metrics()
    if book is not None:
        metrics.registry.register(book)
    return build_edge(handlers=routes(), raw=[], metrics=metrics, health=lambda: {"status": "ok"})


def fetch(url: str, context: TlsContext) -> bytes:
    async def get() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(url, ssl=context) as answer:
            assert answer.status == 200
            return await answer.read()

    return asyncio.run(get())


def plain(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.loads(answer.read())


def test_caller_is_told_how_its_own_connection_is_protected(clinic: Organisation) -> None:
    identity = clinic.issue()
    book = ChannelBook()
    context = server_context(identity, NODES, clinic.trust, book=book)
    dial = client_context(identity, NODES, clinic.trust)
    with serving(edge(book), tls=context) as url:
        place = url.replace("127.0.0.1", "localhost")
        assert url.startswith("https://")
        said = json.loads(fetch(f"{place}/v1/channel", dial))
        metrics = fetch(f"{place}/metrics", dial).decode()
    assert said["secure"] is said["quantum_safe"] is True
    assert said["channel"]["group"] == "X25519MLKEM768"
    assert said["channel"]["peer_organisation"] == "clinic.example"
    assert 'telesphor_tls_channels_total{group="X25519MLKEM768"' in metrics


def test_caller_in_the_clear_is_told_so() -> None:
    with serving(edge()) as url:
        assert url.startswith("http://")
        assert plain(f"{url}/v1/channel") == {"secure": False, "quantum_safe": False}


def test_one_server_listens_plainly_for_nodes_and_for_browsers(clinic: Organisation) -> None:
    identity = clinic.issue()
    sockets = [listen("127.0.0.1", 0) for _ in range(3)]
    ports = [socket.getsockname()[1] for socket in sockets]
    server = make_server(
        edge(),
        tls=[
            SecureListener(sockets[1], server_context(identity, NODES, clinic.trust)),
            SecureListener(sockets[2], server_context(identity, BROWSERS)),
        ],
    )
    thread = threading.Thread(target=server.run, args=([sockets[0]],), daemon=True)
    thread.start()
    try:
        assert plain(f"http://127.0.0.1:{ports[0]}/v1/channel")["secure"] is False
        dial = client_context(identity, NODES, clinic.trust)
        assert b'"peer":"localhost"' in fetch(f"https://localhost:{ports[1]}/v1/channel", dial)
        said = json.loads(
            fetch(f"https://localhost:{ports[2]}/v1/channel", client_context(None, BROWSERS, clinic.trust))
        )
        assert said["channel"]["peer"] == ""
    finally:
        server.end()
        thread.join()
    for port in ports:
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_request_in_the_clear_cannot_say_that_it_has_a_channel() -> None:
    assert channel_of({}) is None
    assert channel_of({SCOPE_NAME: {"peer_organisation": "forged"}}) is None


def test_plain_protocol_is_the_one_it_was(tmp_path: Path) -> None:
    from telesphor.runtime.protocol import BoundedHttp

    assert make_server(edge()).config.http is BoundedHttp
    assert type(make_server(edge())).__name__ == "PromptServer"
