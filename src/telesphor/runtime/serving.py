"""Running the HTTP edge: in the foreground until a signal, or in a thread while a block runs.

Plain sockets and TLS listeners lead to the same edge: `make_server` takes what speaks TLS, `run` what does not.
Contexts for listeners come from `runtime/tls`.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import uvicorn

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.http import Edge
from telesphor.runtime.protocol import BoundedHttp
from telesphor.runtime.server import PromptServer
from telesphor.runtime.tls.listening import SecureListener, SecureServer
from telesphor.runtime.websocket import FRAME_BYTES_MAX, PING_SECONDS, PONG_SECONDS, BoundedWebSocket

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


IN_THE_CLEAR: Final = "in the clear"
FOR_NODES: Final = "for nodes: TLS 1.3, X25519MLKEM768 only, ML-DSA certificates on both sides"


@dataclass(frozen=True)
class Listener:
    """One open socket.

    Attributes:
        context: how TLS is spoken there; None in the clear.
        speaks: what, in plain words.
    """

    socket: socket.socket
    context: ssl.SSLContext | None
    speaks: str

    @property
    def url(self) -> str:
        return url_of(self.socket, secure=self.context is not None)

    @property
    def exposed(self) -> bool:
        """Whether other machines reach what is said here in the clear."""
        return self.context is None and not is_loopback(self.socket.getsockname()[0])


@dataclass(frozen=True)
class Listeners:
    """All of one node's; the first is the one that commands on this machine take."""

    every: tuple[Listener, ...]

    @property
    def address(self) -> str:
        return self.every[0].url

    @property
    def plain(self) -> list[socket.socket]:
        return [listener.socket for listener in self.every if listener.context is None]

    @property
    def secure(self) -> list[SecureListener]:
        return [SecureListener(one.socket, one.context) for one in self.every if one.context is not None]


def make_server(edge: Edge, *, tls: Sequence[SecureListener] = ()) -> PromptServer:
    """A server for `edge`; `listen` gives it its sockets.

    Args:
        tls: listeners that speak TLS. The plain ones are given to the server's `run`, which may be none.
    """
    config = uvicorn.Config(
        edge,
        loop="uvloop",
        http=BoundedHttp,
        ws=BoundedWebSocket,
        ws_max_size=FRAME_BYTES_MAX,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
        ws_per_message_deflate=False,  # Messages are short, and each connection would hold a compressor's memory.
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # A caller is who the connection comes from, whatever it says of itself.
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return SecureServer(config, tls) if tls else PromptServer(config)


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
            hint="name another port, or stop what listens there",
            detail=str(error),
        ) from error
    return listener


def url_of(listener: socket.socket, *, secure: bool = False) -> str:
    """The base URL under which the socket is reached; `secure` where it speaks TLS."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host: a name other than `localhost` may lead anywhere."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def serving(
    edge: Edge, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve `edge` from a thread while the block runs; yields its base URL, of TLS where a context is given.

    Raises:
        AddressRefused: nothing listens there after `START_SECONDS`.
    """
    listener = listen(host, port)
    server = make_server(edge, tls=[SecureListener(listener, tls)] if tls else ())
    plain = [] if tls else [listener]
    thread = threading.Thread(target=server.run, args=(plain,), name="edge", daemon=True)
    thread.start()
    try:
        pause = threading.Event()
        for _ in range(int(START_SECONDS / 0.01)):
            if server.started or not thread.is_alive():
                break
            pause.wait(0.01)
        if not server.started:
            raise AddressRefused(f"`{host}:{port}` is not served")
        yield url_of(listener, secure=tls is not None)
    finally:
        server.end()
        thread.join()
        listener.close()
