"""What the writer is asked and what it answers: a request, the evidence behind it, its outcome.

A request is all or nothing. Each way in which it is not taken or not written has its own error here.
Start at `Request`; `machine` decides it, `hand_out` wakes whoever waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import Actor, Body, CommandType, Receipt

REQUEST_COMMANDS_MAX = 1_000
"""A request is decided in one piece: about 30 ms for which everyone else waits."""


class QueueFull(TelesphorError):
    """More requests wait than the writer can finish in reasonable time."""

    code = "queue-full"
    kind = Kind.OVERLOADED


class NodeStopping(TelesphorError):
    """The node is shutting down and takes no new requests."""

    code = "node-stopping"
    kind = Kind.OVERLOADED


class NodeHalted(TelesphorError):
    """The disk failed while a batch was made durable; the node takes no writes until restarted."""

    code = "node-halted"
    kind = Kind.STORAGE


class DecisionFailed(TelesphorError):
    """A decision broke; nothing of the request was written."""

    code = "decision-failed"
    kind = Kind.INTERNAL


class NothingRecorded(TelesphorError):
    """The request's commands made no entry: there would be nothing to give a receipt for."""

    code = "nothing-recorded"
    kind = Kind.INTERNAL


class AnswerLate(TelesphorError):
    """The caller waited as long as it wanted to; the request may still be recorded."""

    code = "answer-late"
    kind = Kind.OVERLOADED


class Fenced(TelesphorError):
    """Another node writes now; this one must follow."""

    code = "fenced"
    kind = Kind.OVERLOADED


class Evidence(NamedTuple):
    """The signed request behind a command: digest of its payload, its own time, its exact bytes."""

    digest: str
    at_ms: int
    data: bytes


class Request(NamedTuple):
    """What enters the queue: who asks, for what (all or nothing), and the signed evidence."""

    actor: Actor
    commands: tuple[tuple[CommandType, Body], ...]
    evidence: Evidence | None = None


class Outcome(msgspec.Struct):
    """What one request came to: a receipt with its late results, or an error."""

    receipt: Receipt | None = None
    afters: tuple[Callable[[Receipt], Any] | None, ...] = ()
    error: Exception | None = None

    def unwrap(self) -> Receipt:
        if self.error is not None:
            raise self.error
        assert self.receipt is not None
        if not self.afters:
            return self.receipt
        results = tuple(
            after(self.receipt) if after else result
            for after, result in zip(self.afters, self.receipt.results, strict=True)
        )
        return Receipt(self.receipt.at, self.receipt.entries, results)

    async def unwrap_aside(self) -> Receipt:
        """The same on an event loop: what follows a commit may touch the disk, so a thread does it."""
        return await asyncio.to_thread(self.unwrap) if self.afters else self.unwrap()


class Waiting(Protocol):
    """Who waits for an outcome: a future of `loop`, or of a thread when `loop` is None."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None: ...
    @property
    def future(self) -> Any: ...


class Slot(NamedTuple):
    """A queued request and who waits for it: a future of `loop`, or of a thread when `loop` is None."""

    request: Request
    loop: asyncio.AbstractEventLoop | None
    future: Any


def hand_out(slots: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
    """Wake every caller: one call per event loop and batch, however many wait there."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Any, Outcome]]] = {}
    for slot, outcome in zip(slots, outcomes, strict=True):
        if slot.loop is None:
            slot.future.set_result(outcome)
        else:
            by_loop.setdefault(slot.loop, []).append((slot.future, outcome))
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, settled)
        except RuntimeError:
            continue  # The caller's loop has closed; the entries are durable all the same.


def _settle(settled: list[tuple[Any, Outcome]]) -> None:
    for future, outcome in settled:
        if not future.done():
            future.set_result(outcome)
