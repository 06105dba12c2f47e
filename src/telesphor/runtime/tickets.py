"""Short-lived bearer tickets: what a durable entry allowed, for as long as the bytes take to move.

A signed command is decided once and leaves its entry; the transfer that follows may be many HTTP
requests. The command's answer is a ticket, and the ticket stands for exactly its grant.

Guarantees
- A ticket is 32 random bytes; only its SHA-256 is kept, in memory, so nothing that leaks from here can
  be presented, and a restart ends all tickets.
- Looking one up compares hashes, never the token itself, so time tells nothing about it.
- Tickets expire, and how many there are is bounded.

A ticket says what was allowed when it was issued. INVARIANT: whoever redeems one asks the state again
whether it still is. Start at `Tickets`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple, TypeVar

import msgspec

from telesphor.kernel import base64url
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import Kind, TelesphorError

TICKET_BYTES = 32
TICKET_CHARS = 43
"""32 bytes as base64url without padding."""

TICKETS_MAX = 100_000
"""About 50 MB; at 15 minutes each this is 110 transfers begun per second."""

LIFETIME_SECONDS_MAX = 24 * 3600
"""No transfer is worth a longer-lived secret: it can ask again."""

Grant = TypeVar("Grant", bound=msgspec.Struct)


_BEARER = re.compile(rf"[Bb]earer ([A-Za-z0-9_-]{{{TICKET_CHARS}}})")


class TicketRefused(TelesphorError):
    """No such ticket: never issued, expired, from before a restart, or for something else."""

    code = "ticket-refused"
    kind = Kind.UNAUTHENTICATED


class TicketsFull(TelesphorError):
    """As many tickets are open as the node keeps."""

    code = "tickets-full"
    kind = Kind.OVERLOADED


class _Held(NamedTuple):
    grant: msgspec.Struct
    expires_ms: int


class Tickets:
    """The open tickets of one process. Safe between threads.

    Args:
        random: `n -> n` random bytes.
        tickets_max: how many are kept at once.
    """

    def __init__(
        self, *, clock: Clock, random: Callable[[int], bytes], tickets_max: int = TICKETS_MAX
    ) -> None:
        self._clock = clock
        self._random = random
        self._max = tickets_max
        self._held: dict[bytes, _Held] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def issue(self, grant: msgspec.Struct, *, lifetime_seconds: int) -> str:
        """A new ticket for `grant`, as 43 characters of base64url.

        Raises:
            TicketsFull: too many are open, even after the expired ones were dropped.
        """
        if not 0 < lifetime_seconds <= LIFETIME_SECONDS_MAX:
            raise ValueError(f"a ticket lives between 1 and {LIFETIME_SECONDS_MAX} seconds")
        token = base64url.encode(self._random(TICKET_BYTES))
        now_ms = self._clock.now_ms()
        with self._lock:
            if len(self._held) >= self._max:
                self._drop_expired(now_ms)
            if len(self._held) >= self._max:
                raise TicketsFull("too many transfers are open", hint="ask again in a minute")
            self._held[_hash(token)] = _Held(grant, now_ms + lifetime_seconds * 1000)
        return token

    def redeem(self, token: str, kind: type[Grant]) -> Grant:
        """The grant behind a ticket; a ticket may be redeemed again until it expires.

        Raises:
            TicketRefused: whatever is wrong with it; the message does not say what.
        """
        with self._lock:
            held = self._held.get(_hash(token))
            if held is not None and self._clock.now_ms() >= held.expires_ms:
                del self._held[_hash(token)]
                held = None
        if held is None or not isinstance(held.grant, kind):
            raise TicketRefused(
                "the ticket is not valid",
                hint="tickets are short-lived: sign the command again for a new one",
            )
        return held.grant

    def take(self, token: str, kind: type[Grant]) -> Grant:
        """The grant behind a ticket that is good for one use; raises `TicketRefused` as `redeem`."""
        grant = self.redeem(token, kind)
        with self._lock:
            taken = self._held.pop(_hash(token), None)
        if taken is None:  # Somebody else was faster.
            raise TicketRefused("the ticket is not valid", hint="it was used: sign the command again")
        return grant

    def _drop_expired(self, now_ms: int) -> None:
        self._held = {key: held for key, held in self._held.items() if held.expires_ms > now_ms}


def bearer_ticket(authorization: str | None, *, command: str) -> str:
    """The ticket in an `Authorization` header (RFC 6750, section 2.1).

    Args:
        command: the signed command that gives such tickets, for the hint.

    Raises:
        TicketRefused: there is none.
    """
    match = _BEARER.fullmatch(authorization or "")
    if match is None:
        raise TicketRefused(
            "the request carries no ticket",
            hint=f"send `Authorization: Bearer` and the ticket of {command}",
        )
    return match[1]


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
