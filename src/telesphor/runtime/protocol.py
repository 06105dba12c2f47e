"""HTTP as bytes: bounds on the head of a request, in size and in time, which uvicorn does not set.

Guarantees
- A request line and its headers, or the trailers behind a chunked body, take at most `HEAD_BYTES_MAX` of
  memory before the connection is closed; without this one connection could fill it all.
- A connection that has not brought a whole head within `HEAD_SECONDS` is closed.
- What is no HTTP is refused by a problem document like everything else (RFC 9457).

Start at `BoundedHttp`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.problems import PROBLEM_MEDIA_TYPE, encode_problem, problem_of

HEAD_BYTES_MAX = 64 * 1024
"""Ours have below 1 KiB; proxies add some."""

HEAD_SECONDS = 30.0


class NotHttp(TelesphorError):
    """The bytes are no request."""

    code = "not-http"
    kind = Kind.INVALID


class HeadTooLarge(TelesphorError):
    """The request line and headers, or the trailers, are longer than any that make sense."""

    code = "head-too-large"
    kind = Kind.INVALID


class BoundedHttp(HttpToolsProtocol):
    """One connection. Counts bytes that came without completing a head or bringing a piece of a body."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._advance()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._head_bytes or self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HeadTooLarge(f"the head is larger than `{HEAD_BYTES_MAX}` bytes"))
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_headers_complete(self) -> None:
        self._advance()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._advance()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._advance()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that the bytes are no request, and hang up."""
        self._refuse(NotHttp("the bytes are not an HTTP request"))

    def _advance(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, error: TelesphorError) -> None:
        body = encode_problem(problem_of(error))
        head = (
            f"HTTP/1.1 400 Bad Request\r\ncontent-type: {PROBLEM_MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
