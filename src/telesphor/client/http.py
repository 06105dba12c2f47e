"""One node over HTTP (aiohttp): bounded answers, problems as `ClientRefused`, broken lines as `NodeUnreachable`.

Start at `Http`. What is asked, and in which order, is the matter of `node` and `transfers`.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
import msgspec

from telesphor.client.errors import AnswerRefused, ClientRefused, LinkRefused, NodeUnreachable
from telesphor.runtime.tls.errors import ChannelBroken, refusal_in

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 120.0
"""Longer than a node takes to make the largest bundle."""

PROBLEM_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""A receipt of a thousand commands with a ticket and a wrap each is under 3 MB."""

PIECE_BYTES = 256 * 1024

Body = bytes | AsyncIterator[bytes] | None


class _Problem(msgspec.Struct):
    code: str
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Dialling:
    """How a node at an `https://` address is dialled.

    Attributes:
        context: what is asked of it; None is the standard library's own, without anything quantum-safe.
        name: what its certificate must be for; empty where that is the address itself.
    """

    context: ssl.SSLContext | None = None
    name: str = ""


PLAIN = Dialling()


class Http:
    """A connection pool to one node; use it as an asynchronous context."""

    def __init__(self, base_url: str, tls: Dialling = PLAIN) -> None:
        self._base_url = base_url.rstrip("/")
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=IDLE_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def open(
        self, method: str, path: str, *, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and hand out the answer, whose body is not read yet.

        Raises:
            ClientRefused: the node refused.
            NodeUnreachable: no answer, or none to its end.
            LinkRefused: the link itself is refused, by one side or the other.
        """
        if self._session is None:
            raise RuntimeError("the client is used outside its `async with`")
        try:
            async with self._session.request(
                method,
                self._base_url + path,
                data=body,
                headers=headers,
                allow_redirects=False,
                ssl=self._tls.context or True,
                server_hostname=self._tls.name or None,
            ) as response:
                if response.status >= 300:
                    raise await _refusal(response)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _check_link(error)
            raise NodeUnreachable(
                "the node does not answer, or the connection broke", detail=type(error).__name__
            ) from error

    async def fetch(
        self,
        method: str,
        path: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        limit: int = ANSWER_BYTES_MAX,
    ) -> bytes:
        """Send a request and read its whole answer; raises `AnswerRefused` beyond `limit` bytes."""
        async with self.open(method, path, body=body, headers=headers) as response:
            return await read_bounded(response, limit=limit)


def _check_link(error: Exception) -> None:
    """Tell a link that is refused from a node that is away."""
    refusal = refusal_in(error)
    if refusal is not None and not isinstance(refusal, ChannelBroken):
        raise LinkRefused(
            f"the link to the node is refused: {refusal.message}",
            hint=refusal.hint,
            detail=f"{refusal.code}: {refusal.detail}",
        ) from error


async def read_bounded(response: aiohttp.ClientResponse, *, limit: int) -> bytes:
    """The body, if it has at most `limit` bytes; raises `AnswerRefused`."""
    parts = bytearray()
    async for piece in response.content.iter_chunked(PIECE_BYTES):
        parts += piece
        if len(parts) > limit:
            raise AnswerRefused(f"the node's answer is larger than `{limit}` bytes")
    return bytes(parts)


async def _refusal(response: aiohttp.ClientResponse) -> ClientRefused:
    data = await read_bounded(response, limit=PROBLEM_BYTES_MAX)
    try:
        problem = msgspec.json.decode(data, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem(code=f"http-{response.status}")
    message = problem.detail or f"the node answered with status `{response.status}`"
    return ClientRefused(message, code=problem.code, status=response.status, hint=problem.hint)
