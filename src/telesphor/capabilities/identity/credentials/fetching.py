"""Fetching the status lists of other issuers: whole, bounded, and not again before they should be.

A list is asked for as everyone asks for it, without a cookie or a word about whose status matters. What this module
guarantees: only addresses under one that the issuer was trusted with, over TLS, are asked; nothing is followed
elsewhere; and what comes back is used only after its signatures and times were checked.

Start at `StatusFetcher.fetch`; whoever needs a status does this before the writer.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import Final

import aiohttp

from telesphor.capabilities.identity.credentials.refusals import (
    StatusListMismatch,
    StatusListSize,
    StatusMissing,
)
from telesphor.capabilities.identity.credentials.standing import ResolvedIssuer
from telesphor.capabilities.identity.credentials.status_list import (
    TOKEN_BYTES_MAX,
    StatusList,
    read_status_list,
)
from telesphor.kernel.clock import Clock

FETCH_SECONDS: Final = 5.0
"""A presentation waits for this; whoever does not answer is unreachable, and that means no."""

LISTS_KEPT_MAX: Final = 64
"""Lists in memory, half a megabyte each at the most."""

FETCHED_AT_ONCE: Final = 8

# Nothing that a client or a server in between could read as another address: no escapes, no query.
_TAIL: Final = re.compile(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")

ACCEPT: Final = "application/jose+json"


class StatusFetcher:
    """Fetches and keeps the lists that a node needs. For one event loop.

    Args:
        context: the TLS context for dialling; None for the system's.
        plain: whether `http://` is asked too: for tests on one machine only.
    """

    def __init__(self, *, clock: Clock, context: ssl.SSLContext | None = None, plain: bool = False) -> None:
        self._clock = clock
        self._context = context
        self._schemes = ("https://", "http://") if plain else ("https://",)
        self._places = asyncio.Semaphore(FETCHED_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None
        self._kept: dict[str, tuple[StatusList, bytes]] = {}

    async def fetch(self, uri: str, issuer: ResolvedIssuer) -> bytes:
        """The whole list at this address, fresh and verified.

        A kept list is used until its own time to refresh; then it is fetched again, and when that fails it is
        used as long as it is good.

        Raises:
            StatusListMismatch: the address is not one of the issuer's.
            StatusMissing: nobody answers, and no good list is kept.
            StatusRefused: what came is not a good list of this issuer; one subclass for each fault.
        """
        if issuer.status_uri is None or not uri.startswith(issuer.status_uri):
            raise StatusListMismatch("the status list is not one of the issuer's")
        tail = uri.removeprefix(issuer.status_uri)
        if not uri.startswith(self._schemes) or _TAIL.fullmatch(tail) is None or ".." in tail:
            raise StatusListMismatch("the address of the status list is not one that is asked")
        now_ms = self._clock.now_ms()
        kept = self._kept.get(uri)
        if kept is not None and now_ms < kept[0].refresh_ms:
            return kept[1]
        try:
            data = await self._ask(uri)
        except StatusMissing:
            if kept is not None and now_ms < kept[0].expires_ms:
                return kept[1]
            raise
        read = await asyncio.to_thread(
            read_status_list, data, uri=uri, issuer=issuer.status_key, now_ms=now_ms
        )
        self._keep(uri, read, data)
        return data

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, uri: str) -> bytes:
        try:
            async with self._places, self._open().get(uri, allow_redirects=False) as reply:
                if reply.status != 200:
                    raise StatusMissing(f"the status list is answered with status `{reply.status}`")
                return await _read(reply)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            # The error's text may hold what a stranger wrote; its type says enough.
            raise StatusMissing("the status list cannot be reached", detail=type(error).__name__) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=FETCH_SECONDS),
                connector=aiohttp.TCPConnector(ssl=self._context or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"accept": ACCEPT},
                trust_env=False,
            )
        return self._session

    def _keep(self, uri: str, read: StatusList, data: bytes) -> None:
        if uri not in self._kept and len(self._kept) >= LISTS_KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[uri] = (read, data)


async def _read(reply: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in reply.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > TOKEN_BYTES_MAX:
            raise StatusListSize(f"a status list has at most `{TOKEN_BYTES_MAX}` bytes")
    return bytes(body)
