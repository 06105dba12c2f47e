"""Listeners that speak TLS, beside the plain one of the same server.

`SecureServer` is the server with more sockets: each has a context of its own, so that nodes
and browsers meet different rules, and all lead to the same application. A connection that has not
finished its handshake, or that does not answer a goodbye, is dropped in seconds. What was agreed stands in
the request's scope, where `channel_of` finds it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import uvicorn

from telesphor.runtime.protocol import BoundedHttp
from telesphor.runtime.server import PromptServer
from telesphor.runtime.tls.book import Channel

HANDSHAKE_SECONDS = 10.0
"""Two or three round trips, also over a satellite; who is slower holds a connection for nothing."""

GOODBYE_SECONDS = 5.0
"""How long the other side's close_notify is waited for; some never send it."""

BACKLOG = 2_048
SCOPE_NAME = "telesphor.channel"


@dataclass(frozen=True)
class SecureListener:
    """An open listening socket and the context that its connections must keep to."""

    socket: socket.socket
    context: ssl.SSLContext


class SecureHttp(BoundedHttp):
    """One connection over TLS; its requests carry the channel."""

    _channel: Channel | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._channel = getattr(transport.get_extra_info("ssl_object"), "channel", None)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)[SCOPE_NAME] = self._channel


class SecureServer(PromptServer):
    """A server that listens also where TLS is spoken."""

    def __init__(self, config: uvicorn.Config, secure: Sequence[SecureListener]) -> None:
        super().__init__(config)
        self._secure = tuple(secure)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on the plain sockets, if any, then on the others."""
        await super().startup(sockets=sockets or [])
        loop = asyncio.get_running_loop()
        for listener in self._secure:
            server = await loop.create_server(
                self._answer,
                sock=listener.socket,
                ssl=listener.context,
                backlog=BACKLOG,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=GOODBYE_SECONDS,
            )
            self.servers.append(server)

    def _answer(self) -> SecureHttp:
        return SecureHttp(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def channel_of(scope: Mapping[str, Any]) -> Channel | None:
    """The TLS channel that a request came by; None when it came in the clear.

    Whoever needs a node of a certain organisation asks `channel.peer_organisation`, which is empty unless
    the other side's certificate was checked.
    """
    found = scope.get(SCOPE_NAME)
    return found if isinstance(found, Channel) else None
