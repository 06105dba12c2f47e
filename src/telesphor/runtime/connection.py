"""One tab's live connection: what may come in, what waits to go out, and how it ends.

Guarantees
- What comes in is a JSON object with a topic, in bounded numbers and bytes; anything else ends the connection.
- What goes out waits in a bounded queue, and nobody waits for a reader.

Capabilities are given a `Connection` by the hub (`live.py`).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
from litestar.types import Send

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import Actor
from telesphor.runtime.sessions import Session
from telesphor.runtime.websocket import FRAME_BYTES_MAX, Allowance

MESSAGES_PER_SECOND: Final = 40.0
MESSAGES_AT_ONCE: Final = 400.0
"""Joining a room of six sends some forty network candidates to each of five."""

BYTES_PER_SECOND: Final = 1024.0 * 1024
BYTES_AT_ONCE: Final = 4 * 1024.0 * 1024

WAITING_MESSAGES_MAX: Final = 512
WAITING_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of what goes out: a phone in a lift for some seconds, or somebody who does not read."""

SEND_SECONDS: Final = 20.0
"""For one message to leave: longer than any network that a call could be held over."""

NORMAL, NOT_TEXT, MISBEHAVED, TRY_LATER = 1000, 1003, 1008, 1013
SESSION_OVER, REPLACED = 4401, 4409

TOPIC: Final = re.compile(r"[a-z0-9][a-z0-9/._-]{0,119}")
_decode: Final = msgspec.json.Decoder().decode

Message = Mapping[str, Any]


class MessageTooLarge(TelesphorError):
    """A message of the node's own is larger than any that clients take."""

    code = "message-too-large"
    kind = Kind.INTERNAL


class Misbehaved(Exception):
    """The connection is closed for it; nobody else sees it."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason


class Loop(Protocol):
    """Who runs things in the event loop; the hub."""

    def in_loop(self, act: Callable[[], None]) -> None:
        """Run `act` in the event loop: now, where this is it, or soon."""


class Connection:
    """One tab's connection. Capabilities get it from the hub."""

    def __init__(self, id: str, session: Session, hub: Loop) -> None:
        self.id = id
        self.session = session
        self.topics: frozenset[str] = frozenset()
        self._hub = hub
        self._waiting: deque[str] = deque()
        self._waiting_bytes = 0
        self._stirred = asyncio.Event()
        self._closed: tuple[int, str] | None = None
        self._ended = asyncio.Event()
        self._messages = Allowance(per_second=MESSAGES_PER_SECOND, at_once=MESSAGES_AT_ONCE)
        self._bytes = Allowance(per_second=BYTES_PER_SECOND, at_once=BYTES_AT_ONCE)

    @property
    def actor(self) -> Actor:
        """Who is connected."""
        return self.session.actor

    def send(self, message: Message) -> None:
        """Tell this connection something. From any thread; never blocks."""
        text = encode_message(message)
        self._hub.in_loop(lambda: self.queue(text))

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """End the connection. From any thread."""
        self._hub.in_loop(lambda: self.end(code, reason))

    def queue(self, text: str) -> None:
        """Have an encoded message sent; in the event loop alone."""
        if self._closed is not None:
            return
        if len(self._waiting) >= WAITING_MESSAGES_MAX or self._waiting_bytes + len(text) > WAITING_BYTES_MAX:
            self.end(TRY_LATER, "too slow")
            return
        self._waiting.append(text)
        self._waiting_bytes += len(text)
        self._stirred.set()

    def end(self, code: int, reason: str) -> None:
        """End the connection; in the event loop alone."""
        self._closed = self._closed or (code, reason)
        self._ended.set()

    async def write(self, send: Send) -> tuple[int, str]:
        """Send what waits, until somebody stops this; returns only when a message could not leave."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            while self._waiting:
                text = self._waiting.popleft()
                self._waiting_bytes -= len(text)
                try:
                    async with asyncio.timeout(SEND_SECONDS):
                        await send({"type": "websocket.send", "text": text, "bytes": None})
                except TimeoutError:
                    return TRY_LATER, "too slow"

    async def wait_end(self) -> tuple[int, str]:
        """Wait until the connection is to end, also while a message waits for somebody who does not read."""
        await self._ended.wait()
        assert self._closed is not None
        return self._closed

    def admit(self, event: Mapping[str, Any], *, now: float) -> dict[str, Any]:
        """Make what came in a message, if it is one and not too much; raises `Misbehaved`."""
        text = event.get("text")
        if text is None:
            raise Misbehaved(NOT_TEXT, "text only")
        if not self._messages.take(1, now=now) or not self._bytes.take(len(text), now=now):
            raise Misbehaved(MISBEHAVED, "too many messages")
        try:
            message = _decode(text)
        except (msgspec.DecodeError, RecursionError):
            raise Misbehaved(MISBEHAVED, "not JSON") from None
        topic = message.get("topic") if isinstance(message, dict) else None
        if not isinstance(topic, str) or TOPIC.fullmatch(topic) is None:
            raise Misbehaved(MISBEHAVED, "no topic")
        return dict(message)


def encode_message(message: Message) -> str:
    """The frame of a message of the node's own; raises `MessageTooLarge`."""
    data = msgspec.json.encode(message)
    if len(data) > FRAME_BYTES_MAX:
        raise MessageTooLarge(f"the message is larger than `{FRAME_BYTES_MAX}` bytes")
    return data.decode()
