"""Answers that came in and wait for their signed command: verified, bounded, in memory, for some minutes.

What is lost with a restart is sent again. Safe between threads. Start at `WaitingAnswers`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from telesphor.capabilities.identity.presentations.model import (
    PresentationId,
    ResponseMissing,
    ResponsesFull,
)
from telesphor.capabilities.identity.presentations.response import Shown
from telesphor.kernel.clock import Clock
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import TelesphorError

WAITING_MS = 300_000
"""As long as a signed request may take: the command that names the answer follows at once."""

WAITING_MAX = 512
"""Two a second, all of them late."""

WAITING_BYTES_MAX = 64 * 1024 * 1024

WAITING_OF_ONE_MAX = 4
"""Of one request, or bound by one pair: an answer and its repetitions; the oldest goes."""


class Waiting(NamedTuple):
    """An answer as it came, or nothing of one that is refused; and what verifying it showed, or why it is refused."""

    data: bytes
    outcome: Shown | TelesphorError
    until_ms: int


_Key = tuple[PresentationId, Digest]


class WaitingAnswers:
    """The answers of one process that wait.

    What does not verify takes no room from what does: its bytes are not kept, and it gives way first. What does
    verify is bound by somebody's keys, who holds a few places at the most.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[_Key, Waiting] = {}  # in the order in which they came
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def keep(self, presentation: PresentationId, data: bytes, outcome: Shown | TelesphorError) -> Digest:
        """Hold an answer and return its digest; raises `ResponsesFull` when too many wait."""
        digest = digest_of(data)
        now_ms = self._clock.now_ms()
        kept = data if isinstance(outcome, Shown) else b""
        with self._lock:
            self._drop([key for key, held in self._held.items() if held.until_ms <= now_ms])
            self._drop([(presentation, digest)])
            self._make_room(presentation, outcome)
            if len(self._held) >= WAITING_MAX or self._bytes + len(kept) > WAITING_BYTES_MAX:
                raise ResponsesFull(
                    "too many answers wait for their commands", hint="send it again in a minute"
                )
            self._held[presentation, digest] = Waiting(kept, outcome, now_ms + WAITING_MS)
            self._bytes += len(kept)
        return digest

    def find(self, presentation: PresentationId, digest: Digest) -> Waiting:
        """Return an answer that waits; raises `ResponseMissing`."""
        with self._lock:
            held = self._held.get((presentation, digest))
        if held is None or held.until_ms <= self._clock.now_ms():
            raise ResponseMissing(
                "the answer that this names is not here", hint="send it, then the command that names it"
            )
        return held

    def forget(self, presentation: PresentationId) -> None:
        """Drop all answers to a request that is answered."""
        with self._lock:
            self._drop([key for key in self._held if key[0] == presentation])

    def _make_room(self, presentation: PresentationId, outcome: Shown | TelesphorError) -> None:
        """The oldest of the same sort, of the same request or by the same keys, goes; then the oldest refused one."""
        good = isinstance(outcome, Shown)
        same = [
            key
            for key, held in self._held.items()
            if isinstance(held.outcome, Shown) == good
            and (key[0] == presentation or (good and _keys_of(held.outcome) == _keys_of(outcome)))
        ]
        if len(same) >= WAITING_OF_ONE_MAX:
            self._drop(same[:1])
        if len(self._held) >= WAITING_MAX:
            refused = (key for key, held in self._held.items() if not isinstance(held.outcome, Shown))
            self._drop(list(islice(refused, 1)))

    def _drop(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            held = self._held.pop(key, None)
            if held is not None:
                self._bytes -= len(held.data)


def _keys_of(outcome: Shown | TelesphorError) -> str | None:
    return outcome.keys if isinstance(outcome, Shown) else None
