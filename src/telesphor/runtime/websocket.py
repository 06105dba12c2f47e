"""WebSockets as bytes (RFC 6455): the bounds that uvicorn's protocol does not set.

Guarantees
- A message has at most `FRAME_BYTES_MAX` bytes in at most `FRAGMENTS_MAX` fragments: empty ones would otherwise
  cost memory without end.
- Pings come at a bounded rate, and from somebody who reads the answers.
- A connection that was ended is gone `GOODBYE_SECONDS` later, whether the other side reads or not.

What is said over a connection is bounded in `live.py`. Start at `BoundedWebSocket`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from websockets.frames import Frame

FRAME_BYTES_MAX: Final = 64 * 1024
"""Session descriptions of six people's video have below 30 KiB."""

FRAGMENTS_MAX: Final = 64
"""No browser sends a message of this size in more than a few."""

PING_SECONDS: Final = 20.0
PONG_SECONDS: Final = 20.0
"""A phone that lost its network is noticed within forty seconds."""

PINGS_PER_SECOND: Final = 2.0
PINGS_AT_ONCE: Final = 20.0
"""Browsers send none of themselves; other clients one every few seconds."""

GOODBYE_SECONDS: Final = 5.0

POLICY_VIOLATION: Final = 1008
TOO_LARGE: Final = 1009


class Allowance:
    """So much at once, and so much more with each second (a token bucket)."""

    def __init__(self, *, per_second: float, at_once: float) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._left = at_once
        self._at = 0.0

    def take(self, amount: float, *, now: float) -> bool:
        """Take `amount` at the time `now`, in seconds of any clock that does not go back; False when it is too much."""
        self._left = min(self._at_once, self._left + max(0.0, now - self._at) * self._per_second)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.close_timeout = GOODBYE_SECONDS
        self._pings = Allowance(per_second=PINGS_PER_SECOND, at_once=PINGS_AT_ONCE)
        self._goodbye: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._goodbye is not None:
            self._goodbye.cancel()
        super().connection_lost(exc)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS_MAX:
            self._fail(TOO_LARGE, "too many fragments")
        elif not self.close_sent:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if not self._pings.take(1, now=self.loop.time()):
            self._fail(POLICY_VIOLATION, "too many pings")
        elif not self.writable.is_set():  # Answers that nobody reads would pile up.
            self.transport.abort()
        else:
            super().handle_ping()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._abort_later()

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()  # A reader that is too slow is told so without waiting until it has read.
        await super().send(message)

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self._abort_later()

    def shutdown(self) -> None:
        super().shutdown()
        self._abort_later()

    def _fail(self, code: int, reason: str) -> None:
        if self.close_sent:
            return
        self.conn.fail(code, reason)
        self.handle_parser_exception()
        self._abort_later()

    def _abort_later(self) -> None:
        """What is still to be sent is sent in this time, or not at all."""
        if self._goodbye is None and not self.disconnected:
            self._goodbye = self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)
