"""Running the HTTP edge: in the foreground until a signal, or in a thread while a block runs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.http import Edge
from telesphor.runtime.protocol import BoundedHttp

BACKLOG = 2_048
"""Connections that may wait for the first answer; a fleet of devices reconnects at once."""

KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 20
"""How long a stop waits for answers that are under way."""

START_SECONDS = 20.0


class AddressRefused(TelesphorError):
    """The address cannot be listened on."""

    code = "address-refused"
    kind = Kind.CONFLICT


def make_server(edge: Edge) -> uvicorn.Server:
    """A server for `edge`; `listen` gives it its socket."""
    config = uvicorn.Config(
        edge,
        loop="uvloop",
        http=BoundedHttp,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; raises `AddressRefused`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(
            BACKLOG
        )  # From here on whoever was told the address may connect, and waits for the server.
    except OSError as error:
        listener.close()
        raise AddressRefused(
            f"`{host}:{port}` cannot be listened on",
            hint="name another with `--port`, or stop what listens there",
            detail=str(error),
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL under which the socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def serving(edge: Edge, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve `edge` from a thread while the block runs; yields its base URL.

    Raises:
        AddressRefused: nothing listens there after `START_SECONDS`.
    """
    listener = listen(host, port)
    server = make_server(edge)
    thread = threading.Thread(target=server.run, args=([listener],), name="edge", daemon=True)
    thread.start()
    try:
        pause = threading.Event()
        for _ in range(int(START_SECONDS / 0.01)):
            if server.started or not thread.is_alive():
                break
            pause.wait(0.01)
        if not server.started:
            raise AddressRefused(f"`{host}:{port}` is not served")
        yield url_of(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
