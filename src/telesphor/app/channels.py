"""How a node is reached, and how it reaches others: its listeners, its contexts, and one book of all its channels.

A node that has no TLS settings listens in the clear and dials in the clear, which is for one machine, or behind a
proxy. Start at `Channels.open_listeners` and `Channels.dial`.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from telesphor.kernel.clock import Clock
from telesphor.ledger.witness.client import WitnessPeer
from telesphor.runtime.network import NETWORK_FILE
from telesphor.runtime.serving import (
    FOR_NODES,
    IN_THE_CLEAR,
    Listener,
    Listeners,
    is_loopback,
    listen,
)
from telesphor.runtime.settings import Settings, SettingsRefused
from telesphor.runtime.telemetry import log
from telesphor.runtime.tls.book import ChannelBook
from telesphor.runtime.tls.context import server_context
from telesphor.runtime.tls.identity import TlsIdentity
from telesphor.runtime.tls.link import NodeLink
from telesphor.runtime.tls.policy import BROWSERS, QUANTUM_ONLY


class Channels:
    """The channels of one node.

    Args:
        folder: the node's, to which paths in its settings are relative.
    """

    def __init__(self, folder: Path, settings: Settings, clock: Clock) -> None:
        self.book = ChannelBook(clock)
        self._folder = folder
        self._settings = settings
        self._link = NodeLink.of(
            folder, identity=settings.tls_identity, trust=settings.tls_trust, book=self.book
        )

    def dial(self, peer: WitnessPeer) -> ssl.SSLContext | None:
        """How a witness is dialled: as the organisation that its card names; raises as `dial_node`."""
        return self.dial_node(peer.url, organisation=peer.card.organisation)

    def dial_node(self, url: str, *, organisation: str) -> ssl.SSLContext | None:
        """How a node or witness of this organisation is dialled; None in the clear.

        Raises:
            SettingsRefused: its address is `https://`, and this node has nothing to show.
            TlsFileRefused: a file is wrong, or no trusted root is of that organisation.
            PolicyRefused: no organisation is named, and several are trusted.
        """
        if urlsplit(url).scheme != "https":
            if not is_loopback(urlsplit(url).hostname or ""):
                log.warning("a node on another machine is asked in the clear", url=url)
            return None
        if self._link is None:
            raise SettingsRefused(
                f"`{NETWORK_FILE}`: `{url}` wants TLS, and this node has no certificate to show",
                hint="set `tls_identity` and `tls_trust`; `telesphor tls node` makes the first",
            )
        return self._link.dialling(organisation)

    @contextmanager
    def open_listeners(self, *, host: str = "", port: int | None = None) -> Iterator[Listeners]:
        """Listen where the settings say while the block runs.

        Args:
            host, port: instead of those of the plain listener.

        Raises:
            AddressRefused, TlsFileRefused.
            SettingsRefused: another plain address is named, but `plain` is false.
        """
        if (host or port is not None) and not self._settings.plain:
            raise SettingsRefused("`plain` is false, so there is no plain listener to move", hint=_MOVE)
        with ExitStack() as stack:
            every = []
            for listener in self._open(host, port):
                stack.callback(listener.socket.close)
                every.append(listener)
            yield Listeners(tuple(every))

    def _open(self, host: str, port: int | None) -> Iterator[Listener]:
        settings = self._settings
        if settings.plain:
            place = listen(host or settings.host, settings.port if port is None else port)
            yield Listener(place, None, IN_THE_CLEAR)
        if self._link is not None:
            context: ssl.SSLContext = self._link.listening()
            yield Listener(listen(settings.tls_host, settings.tls_port), context, FOR_NODES)
        if settings.tls_browser_certificate is not None:
            context = self._browser_context(settings.tls_browser_certificate)
            speaks = _BROWSERS if settings.tls_browser_classical else _QUANTUM_ONLY
            yield Listener(listen(settings.tls_browser_host, settings.tls_browser_port), context, speaks)

    def _browser_context(self, certificate: Path) -> ssl.SSLContext:
        key = self._settings.tls_browser_key
        identity = TlsIdentity(self._folder / certificate, None if key is None else self._folder / key)
        policy = BROWSERS if self._settings.tls_browser_classical else QUANTUM_ONLY
        return server_context(identity, policy, book=self.book)


_BROWSERS = "for browsers: TLS 1.3, X25519MLKEM768, or X25519 with those that have nothing better"
_QUANTUM_ONLY = "for browsers: TLS 1.3, X25519MLKEM768 only"
_MOVE = "the others are set by `tls_port` and `tls_browser_port`"
