"""What the HTTP figures are measured against: a node served in a process of its own, and empty routes.

Both are companions (`child.Companion`): they send their port, work until their connection ends, and
answer in between who used their processor since they were asked last.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from litestar import post
from litestar.types import Receive, Scope, Send

from telesphor.app import open_node
from telesphor.bench.child import Told
from telesphor.bench.clocks import ThreadTimes
from telesphor.runtime.http import Edge, RawRoute, build_edge, read_body, send_bytes
from telesphor.runtime.serving import listen, make_server
from telesphor.runtime.telemetry import Metrics

RAW_PATH, ROUTE_PATH = "/empty-raw", "/empty-route"


def serve_node(told: Told, path: Path, passphrase: bytes, thing: str = "entry") -> None:
    """Serve a node as `telesphor serve` does: the edge in the main thread. What is counted is called `thing`."""
    with open_node(path, passphrase=passphrase, serving=True) as node:
        serve_edge(told, node.edge(), thing=thing)


def serve_nothing(told: Told) -> None:
    """Serve two routes that read a body and answer: one before Litestar, one through it."""

    async def raw(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(scope, receive)
        await send_bytes(send, b"{}")

    @post(ROUTE_PATH, status_code=200)
    async def route(data: dict[str, Any]) -> dict[str, Any]:
        return {}

    edge = build_edge(
        handlers=[route],
        raw=[RawRoute("POST", RAW_PATH, raw)],
        metrics=Metrics(),
        health=lambda: {"status": "ok"},
    )
    serve_edge(told, edge)


def serve_edge(told: Told, edge: Edge, *, thing: str = "entry") -> None:
    """Serve an HTTP application; what is counted is called `thing`."""
    listener = listen("127.0.0.1", 0)
    server = make_server(edge)
    told.send(listener.getsockname()[1])

    def answer() -> None:
        times = ThreadTimes()
        while (asked := told.receive()) is not None:
            count, seconds = asked
            told.send(times.spent(count, thing, main="edge", seconds=seconds))
            times = ThreadTimes()
        server.end()

    threading.Thread(target=answer, name="bench", daemon=True).start()
    server.run(sockets=[listener])
    listener.close()
