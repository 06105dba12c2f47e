"""A small application behind TLS listeners, in a thread: what e2e tests of channels knock at."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import uvicorn

from telesphor.runtime.protocol import BoundedHttp
from telesphor.runtime.serving import listen
from telesphor.runtime.tls.context import TlsContext
from telesphor.runtime.tls.listening import SecureListener, SecureServer, channel_of

PIECE = bytes(256 * 1024)
START_SECONDS = 60.0


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """`GET /channel`, `GET /bytes/N`, `POST /count`."""
    _, name, *rest = scope["path"].split("/")
    if name == "bytes":
        await _send_bytes(send, int(rest[0]))
        return
    body = msgspec.json.encode(channel_of(scope))
    if name == "count":
        body = json.dumps({"count": await _count(receive)}).encode()
    fields = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def _send_bytes(send: Any, size: int) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", str(size).encode())],
        }
    )
    for start in range(0, size, len(PIECE)):
        piece = PIECE[: size - start]
        await send({"type": "http.response.body", "body": piece, "more_body": start + len(piece) < size})


async def _count(receive: Any) -> int:
    count = 0
    while True:
        message = await receive()
        count += len(message.get("body", b""))
        if not message.get("more_body", False):
            return count


@contextmanager
def secure_app(*contexts: TlsContext, loop: str = "uvloop") -> Iterator[Sequence[int]]:
    """Serve `answer` with each context on a port of its own while the block runs; yields the ports."""
    sockets = [listen("127.0.0.1", 0) for _ in contexts]
    config = uvicorn.Config(
        answer, loop=loop, http=BoundedHttp, ws="none", lifespan="off", log_config=None, access_log=False,
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    pairs = zip(sockets, contexts, strict=True)
    server = SecureServer(config, [SecureListener(socket, context) for socket, context in pairs])
    thread = threading.Thread(target=server.run, args=([],), name="secure-app", daemon=True)
    thread.start()
    try:
        ends = time.monotonic() + START_SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < ends:
            time.sleep(0.005)
        assert server.started
        yield [socket.getsockname()[1] for socket in sockets]
    finally:
        server.end()
        thread.join()
