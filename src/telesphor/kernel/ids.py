"""Identifiers, nonces and the randomness behind them.

Every id is a UUIDv7 (RFC 9562 section 5.7) in lower-case canonical text: opaque, unguessable enough not to
collide, and in the order of time, so that an index on it grows at its end. An id never carries meaning:
what it identifies is said by its type here and by the stream it stands in (`visit/<id>`).

`IdSource` is the one place that draws randomness for ids, salts, nonces and data keys.

INVARIANT: the ids of one `IdSource` increase strictly, also when the clock stands still or goes back.

Start at `IdSource`.
"""

from __future__ import annotations

import os
import re
import secrets
import struct
import threading
import weakref
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from typing import NewType

from telesphor.kernel.clock import INSTANT_MS_MAX, Clock
from telesphor.kernel.errors import Kind, TelesphorError

EntryId = NewType("EntryId", str)
ActorId = NewType("ActorId", str)
ObjectId = NewType("ObjectId", str)
VisitId = NewType("VisitId", str)
Stream = NewType("Stream", str)
"""`kind/uuid`: the name of the numbered sequence of entries about one thing."""

NONCE_BYTES = 16
"""128 bits: no two of 2^48 nonces collide but with probability 2^-33."""
NONCE_CHARS = 22
"""Length of a nonce or salt as base64url text."""
STREAM_KIND_CHARS_MAX = 32
"""Kinds are words such as `visit`; the bound keeps a stream name below 70 characters."""

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_STREAM_KIND = re.compile(r"[a-z][a-z0-9-]{0,31}")
_STREAM = re.compile(f"({_STREAM_KIND.pattern})/({_ID.pattern})")

_LOW_BITS = 62  # RFC 9562 section 5.7: rand_b
_LOW_END = 1 << _LOW_BITS
_SEED_BITS = 61  # the counter starts with its top bit clear: room to count within a millisecond
_VARIANT = 0b10 << _LOW_BITS
_BLOCK_BYTES = 4096  # one system call serves a thousand ids or 227 nonces
_STEPS = struct.Struct(f">{_BLOCK_BYTES // 4}I")
_NONCE_PLACE = 18  # bytes: a nonce and two zeros, so that each fills 24 characters of one long base64 text
_NONCES = _BLOCK_BYTES // _NONCE_PLACE
_TO_URL = bytes.maketrans(b"+/", b"-_")


class InvalidId(TelesphorError):
    """Text that is not a lower-case UUIDv7, or not a stream name."""

    code = "invalid-id"
    kind = Kind.INVALID


class IdSource:
    """Makes ids, nonces and random bytes; safe to share between threads and across a fork.

    Args:
        clock: where the ids' milliseconds come from.
        random: `n -> n` random bytes. Anything but the default is for tests and simulation.
    """

    def __init__(self, clock: Clock, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._now_ms = clock.now_ms
        self._random = random
        self._last_ms = 0
        self._prefix = ""  # everything before the last 64 bits, as text
        self._low = _LOW_END  # full: the first id starts a new millisecond
        self._lock = threading.Lock()
        self._steps: Iterator[int] = iter(())
        self._nonces: Iterator[str] = iter(())
        self._block = b""
        self._used = 0
        _sources.add(self)

    def next(self) -> str:
        """A new UUIDv7, greater than every one before it."""
        return self.next_many(1)[0]

    def next_many(self, count: int) -> list[str]:
        """So many new UUIDv7, each greater than every one before it.

        In a new millisecond all 74 random bits are drawn anew; within one, a random step of up to 32 bits
        is added to the lower 62 (RFC 9562 section 6.2, method 2). Should they overflow, or the clock stand
        behind, the ids run ahead of it. The clock is read once for all of them.
        """
        made = []
        with self._lock:
            ms = self._now_ms()
            for _ in range(count):
                if ms > self._last_ms:
                    self._begin(ms)
                else:
                    step = next(self._steps, None)
                    self._low += 1 + (self._more_steps() if step is None else step)
                    if self._low >= _LOW_END:
                        self._begin(self._last_ms + 1)
                low = f"{_VARIANT | self._low:x}"
                made.append(f"{self._prefix}{low[:4]}-{low[4:]}")
        return made

    def nonce(self) -> str:
        """16 random bytes as 22 characters of base64url: a nonce or an entry's salt."""
        return self.nonces(1)[0]

    def nonces(self, count: int) -> list[str]:
        """So many of them."""
        with self._lock:
            return [next(self._nonces, None) or self._more_nonces() for _ in range(count)]

    def random_bytes(self, n: int) -> bytes:
        """`n` random bytes straight from the source, for keys: no copy of them stays here."""
        return self._random(n)

    def _begin(self, ms: int) -> None:
        if ms > INSTANT_MS_MAX:
            raise InvalidId("the clock stands beyond the year 9999: no id can be made")
        seed = int.from_bytes(self._take(10), "big")
        self._last_ms = ms
        self._prefix = f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{seed >> 68:03x}-"
        self._low = seed & ((1 << _SEED_BITS) - 1)

    def _more_steps(self) -> int:
        self._steps = iter(_STEPS.unpack(self._random(_BLOCK_BYTES)))
        return next(self._steps)

    def _more_nonces(self) -> str:
        block = bytearray(self._random(_NONCES * _NONCE_PLACE))
        block[NONCE_BYTES::_NONCE_PLACE] = block[NONCE_BYTES + 1 :: _NONCE_PLACE] = bytes(_NONCES)
        text = b2a_base64(block, newline=False).translate(_TO_URL).decode("ascii")
        self._nonces = iter([text[start : start + NONCE_CHARS] for start in range(0, len(text), 24)])
        return next(self._nonces)

    def _take(self, n: int) -> bytes:
        start = self._used
        end = start + n
        if end > len(self._block):
            self._block = self._random(_BLOCK_BYTES)
            start, end = 0, n
        self._used = end
        return self._block[start:end]

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()
        self._steps = iter(())
        self._nonces = iter(())
        self._block = b""
        self._used = 0


def parse_id(text: object) -> str:
    """The same text, when it is a lower-case canonical UUIDv7.

    Raises:
        InvalidId: anything else, upper case and other UUID versions among it.
    """
    if not isinstance(text, str) or _ID.fullmatch(text) is None:
        raise InvalidId("the id is not a lower-case UUIDv7")
    return text


def stream_of(kind: str, subject: str) -> Stream:
    """The stream name of the thing of this kind and id, such as `visit/0192...`.

    Raises:
        InvalidId: a kind that is not a short lower-case word, or not an id.
    """
    stream = f"{kind}/{subject}"
    if _STREAM.fullmatch(stream) is None:
        if _STREAM_KIND.fullmatch(kind) is None:
            raise InvalidId("the stream's kind is not a short lower-case word")
        raise InvalidId("the id is not a lower-case UUIDv7")
    return Stream(stream)


def parse_stream(text: object) -> tuple[str, str]:
    """The kind and the id of a stream name.

    Raises:
        InvalidId: not of the form `kind/uuid`.
    """
    match = _STREAM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidId("the stream does not have the form `kind/uuid`")
    return match[1], match[2]


# A forked child must not repeat its parent's ids and nonces: it throws away the block they would come from.
_sources: weakref.WeakSet[IdSource] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for source in list(_sources):
        source._start_afresh()


if hasattr(os, "register_at_fork"):  # Windows, where the verifier runs too, has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
