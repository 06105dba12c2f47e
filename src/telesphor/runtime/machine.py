"""The single writer: commands from any number of callers, decided in order, committed in groups.

Guarantees
- Requests are decided one after another, in the order in which they were queued.
- A request is atomic, and a failing one is rolled back alone; its neighbours do not notice.
- A refusal that is a fact itself (`RecordedRefusal`) is written in the place of what it refuses.
- A receipt is handed out only after its entries are durable; `Decision.after` runs only then.
- The queue is bounded: a full one refuses at once, and says so.
- `stop` refuses new requests, finishes the queued ones, and loses nothing acknowledged.
- A disk that fails while making a batch durable halts the writer: the outcome is unknown, and only
  a restart, which re-reads the disk, can tell it.

The way of a batch is `_run_batch`: decide inside the open transaction, make durable, commit, hand
out. `Journal` (implemented by the ledger) numbers and stores entries; `Durability` is the one
replaceable step in between, where a replicated log takes the batch before the local commit.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Protocol

import apsw

from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.runtime.capability import (
    Body,
    CommandType,
    Committed,
    Decision,
    Receipt,
    ReceiptLine,
    Recorded,
    RecordedRefusal,
    Registry,
)
from telesphor.runtime.database import StorageFailed, StorageFull, storage_errors
from telesphor.runtime.requests import (
    REQUEST_COMMANDS_MAX,
    AnswerLate,
    DecisionFailed,
    Evidence,
    Fenced,
    NodeHalted,
    NodeStopping,
    NothingRecorded,
    Outcome,
    QueueFull,
    Request,
    Slot,
    hand_out,
)
from telesphor.runtime.state import FoldFailed, Journal, WriterState, is_lost
from telesphor.runtime.telemetry import Metrics, log

__all__ = [
    "BATCH_COMMANDS_MAX",
    "BATCH_REQUESTS_MAX",
    "QUEUED_BYTES_MAX",
    "QUEUED_REQUESTS_MAX",
    "REQUEST_COMMANDS_MAX",
    "AnswerLate",
    "DecisionFailed",
    "Durability",
    "Evidence",
    "Fenced",
    "Guard",
    "Journal",
    "LocalDurability",
    "Machine",
    "NodeHalted",
    "NodeStopping",
    "NothingRecorded",
    "QueueFull",
    "Request",
    "WriterState",
]

BATCH_COMMANDS_MAX = 8_192
"""Bounds a batch of packed requests in the same way, and its entries in memory."""

BATCH_REQUESTS_MAX = 1_024
"""Bounds how long the first request of a batch waits for the last (about 30 ms on a slow core)."""

QUEUED_REQUESTS_MAX = 8_192
"""About a third of a second of work; a longer queue would only hide an overload from its callers."""

QUEUED_BYTES_MAX = 256 * 1024 * 1024
"""Evidence held in memory by queued requests."""

COLLECTOR_THRESHOLDS = (50_000, 20, 100)
"""A batch makes thousands of objects without a single cycle. By default the garbage collector walks them
after every 700, and all that the process holds now and then, while the callers wait: a tenth of the speed
and a quarter of the slowest answers. Cycles made elsewhere are found a few megabytes later instead."""


class Durability(Protocol):
    """Where a decided batch becomes durable before the local commit; raises `Fenced` when it may not."""

    def publish(self, batch: Sequence[Recorded]) -> None: ...


class LocalDurability:
    """One machine: SQLite's own commit (WAL, synchronous=FULL) is what makes the batch durable."""

    def publish(self, batch: Sequence[Recorded]) -> None:
        """Do nothing; the commit that follows is the durable step."""


Guard = Callable[[Request, WriterState], None]
"""A cheap invariant checked again inside the writer, such as: is the actor's key still the current one."""


class Machine:
    """The single writer of one node.

    Args:
        db: the writer's connection; no one else writes through it.
        journal: numbers and stores entries.
        guards: run for each request before it is decided.
    """

    def __init__(
        self,
        *,
        db: apsw.Connection,
        registry: Registry,
        journal: Journal,
        clock: Clock,
        ids: IdSource,
        guards: Iterable[Guard] = (),
        durability: Durability | None = None,
        metrics: Metrics | None = None,
        queued_requests_max: int = QUEUED_REQUESTS_MAX,
    ) -> None:
        self._db = db
        self._journal = journal
        self._clock = clock
        self._guards = tuple(guards)
        self._durability = durability or LocalDurability()
        self._metrics = metrics or Metrics()
        self._queued_max = queued_requests_max
        self._state = WriterState(db, journal, ids, registry)
        self._queue: deque[Slot] = deque()
        self._queued_bytes = 0
        self._bytes_lock = threading.Lock()
        self._wake = threading.Event()
        self._idle = False
        self._stopping = False
        self._halted = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._listeners: list[Callable[[Committed], None]] = []

    @property
    def halted(self) -> bool:
        """Whether the disk failed and the writer stopped itself."""
        return self._halted

    @property
    def queued(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    @property
    def committed_size(self) -> int:
        """How many entries are durable."""
        return self._journal.size

    def on_commit(self, listener: Callable[[Committed], None]) -> None:
        """Call `listener` (quick, never raising, from the writer's thread) after each batch that recorded something."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Start the writer's thread; the process's garbage collector is set for it."""
        gc.set_threshold(*COLLECTOR_THRESHOLDS)
        self._thread.start()

    async def call(self, request: Request) -> Receipt:
        """Queue `request` and wait until its entries are durable.

        Raises:
            QueueFull, NodeStopping, NodeHalted: it was not taken.
            StorageFull: it was taken and not written.
            TelesphorError: what the decision refused.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self.submit(request, loop=loop, future=future)
        return await (await future).unwrap_aside()

    def submit(
        self, request: Request, *, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Outcome]
    ) -> None:
        """Queue `request` from any thread; `future` of `loop` gets its outcome.

        Raises:
            QueueFull, NodeStopping, NodeHalted: it was not taken, and the future is left alone.
        """
        self._enqueue(Slot(request, loop, future))

    def call_blocking(self, request: Request, *, timeout_seconds: float | None = None) -> Receipt:
        """The same for callers in threads of their own; raises `AnswerLate` after the timeout."""
        future: Future[Outcome] = Future()
        self._enqueue(Slot(request, None, future))
        try:
            outcome = future.result(timeout_seconds)
        except TimeoutError:
            raise AnswerLate(
                f"no answer came within `{timeout_seconds}` seconds; the request may still be recorded",
                hint="send the same signed request again: it is recorded once at the most",
            ) from None
        return outcome.unwrap()

    def stop(self) -> None:
        """Refuse new requests, finish the queued ones, end the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._end()

    def _enqueue(self, slot: Slot) -> None:
        if self._halted:
            raise NodeHalted(
                "the disk failed; the node takes no writes", hint="check the disk, then restart the node"
            )
        if self._stopping:
            raise NodeStopping("the node is stopping", hint="ask again when it is back")
        if len(self._queue) >= self._queued_max or self._queued_bytes > QUEUED_BYTES_MAX:
            self._metrics.refused_full.inc()
            raise QueueFull(f"`{len(self._queue)}` requests wait already", hint="ask again in a second")
        evidence = slot.request.evidence
        if evidence is not None:
            with self._bytes_lock:
                self._queued_bytes += len(evidence.data)
        self._queue.append(slot)
        if self._idle:
            self._wake.set()
        if self._ended:  # It ended between the checks above and here, and saw nothing of this request.
            self._refuse_all()

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._halted = self._halted or not self._stopping
            self._end()

    def _end(self) -> None:
        """Say that nothing more is taken, and refuse what came too late."""
        self._ended = True
        self._refuse_all()

    def _work(self) -> None:
        while True:
            if not self._queue:
                if self._stopping:
                    return
                self._sleep()
                continue
            slots = self._take()
            committed = None
            try:
                outcomes, committed = self._run_batch(slots)
            except BaseException as error:  # noqa: BLE001  the writer must outlive whatever a batch does to it
                outcomes = [Outcome(error=self._batch_error(error))] * len(slots)
            hand_out(slots, outcomes)
            if committed is not None:
                for listener in self._listeners:
                    listener(committed)
            if self._halted:
                return

    def _sleep(self) -> None:
        self._idle = True
        if not self._queue and not self._stopping:
            self._wake.wait()
        self._idle = False
        self._wake.clear()

    def _take(self) -> list[Slot]:
        pop = self._queue.popleft
        slots: list[Slot] = []
        commands = 0
        for _ in range(min(len(self._queue), BATCH_REQUESTS_MAX)):
            slots.append(pop())
            commands += len(slots[-1].request.commands)
            if commands >= BATCH_COMMANDS_MAX:
                break
        freed = sum(len(slot.request.evidence.data) for slot in slots if slot.request.evidence is not None)
        if freed:
            with self._bytes_lock:
                self._queued_bytes -= freed
        return slots

    def _run_batch(self, slots: Sequence[Slot]) -> tuple[list[Outcome], Committed | None]:
        """Decide all, each entry folded late; where the tables refuse one, once more, each request by itself."""
        requests = [slot.request for slot in slots]
        try:
            return self._attempt(requests, self._run_request)
        except FoldFailed:
            return self._attempt(requests, self._run_alone)

    def _attempt(
        self, requests: Sequence[Request], run: Callable[[Request], Outcome]
    ) -> tuple[list[Outcome], Committed | None]:
        """Decide all, make durable, commit. On any escape nothing of the batch remains."""
        with storage_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._state.start_over()
                self._journal.begin(self._clock.now_ms(), commands=sum(len(one.commands) for one in requests))
                self._journal.look_up(
                    [one.evidence for one in requests if one.evidence is not None],
                    [
                        command.stream(body)
                        for one in requests
                        for command, body in one.commands
                        if command.stream is not None
                    ],
                )
                outcomes = [run(request) for request in requests]
                self._state.catch_up()
                batch = self._journal.flush()
                if batch:
                    self._durability.publish(batch)
                self._commit()
            except BaseException:
                self._roll_back()
                raise
        self._journal.committed()
        self._metrics.batch(requests=len(requests), entries=len(batch))
        return outcomes, _committed(batch)

    def _commit(self) -> None:
        try:
            self._db.execute("COMMIT")
        except apsw.IOError:
            # An fsync that failed leaves the disk's state unknown, and asking again would lie
            # (the kernel forgets the error): only a restart that re-reads the disk can tell.
            self._halted = True
            raise

    def _roll_back(self) -> None:
        self._journal.rolled_back()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _run_request(self, request: Request) -> Outcome:
        if len(request.commands) > 1:
            self._state.catch_up()  # What went before stays when this one goes.
            return self._run_under_savepoint(request)
        mark = self._journal.mark()
        try:
            self._admit(request)
            command, body = request.commands[0]
            decision = command.decide(request.actor, body, self._state)
            recorded = self._record(decision, request)
            if not recorded:
                raise _nothing_recorded()
            self._state.take(recorded)
        except FoldFailed:
            raise
        except BaseException as error:  # noqa: BLE001  extensions written in Rust panic past `Exception`
            self._raise_if_lost(error)
            self._journal.rewind(mark)
            return self._refuse(request, error)
        receipt = Receipt(self._journal.at, tuple(map(_line, recorded)), (decision.result,))
        return Outcome(receipt, (decision.after,) if decision.after else ())

    def _run_alone(self, request: Request) -> Outcome:
        """The same with the tables brought up to date at its end, so that what they refuse is this request's."""
        return self._run_under_savepoint(request, fold=True)

    def _run_under_savepoint(self, request: Request, *, fold: bool = False) -> Outcome:
        mark = self._journal.mark()
        self._db.execute("SAVEPOINT request")
        try:
            self._admit(request)
            lines: list[ReceiptLine] = []
            decisions = []
            for command, body in request.commands:
                decision = command.decide(request.actor, body, self._state)
                recorded = self._record(decision, request)
                self._state.take(recorded)
                lines += map(_line, recorded)
                decisions.append(decision)
            if not lines:
                raise _nothing_recorded()
            if fold:
                self._state.catch_up()
        except BaseException as error:
            if isinstance(error, FoldFailed) and not fold:
                raise
            self._raise_if_lost(error)
            self._db.execute("ROLLBACK TO request")
            self._db.execute("RELEASE request")
            self._state.start_over()
            self._journal.rewind(mark)
            return self._refuse(request, error)
        self._db.execute("RELEASE request")
        receipt = Receipt(self._journal.at, tuple(lines), tuple(decision.result for decision in decisions))
        afters = tuple(decision.after for decision in decisions)
        return Outcome(receipt, afters if any(afters) else ())

    def _refuse(self, request: Request, error: BaseException) -> Outcome:
        """Refuse a request of which nothing remains; if the refusal is a fact itself, write that."""
        if not isinstance(error, RecordedRefusal):
            return Outcome(error=_refusal(error))
        decision = Decision(error.drafts, documents=error.documents)
        command = CommandType("refusal/1", Body, lambda *_: decision)
        self._state.catch_up()
        written = self._run_under_savepoint(request._replace(commands=((command, Body()),)), fold=True)
        return Outcome(error=written.error or error)

    def _raise_if_lost(self, error: BaseException) -> None:
        if is_lost(self._db, error):
            raise error

    def _admit(self, request: Request) -> None:
        if request.evidence is not None:
            self._journal.admit(request.actor, request.evidence)
        for guard in self._guards:
            guard(request, self._state)

    def _record(self, decision: Decision, request: Request) -> Sequence[Recorded]:
        """Number and encode a decision's entries; the tables are untouched when this refuses."""
        if decision.documents:
            self._journal.keep(decision.documents)
        if decision.forgets:
            self._journal.forget(decision.forgets)
        evidence = request.evidence.digest if request.evidence is not None else None
        return self._journal.record(decision.drafts, request.actor.id, evidence)

    def _batch_error(self, error: BaseException) -> Exception:
        if self._halted:
            log.error("writer halted", error=type(error).__name__)
            return NodeHalted(
                "the disk failed; whether this was written is known after a restart",
                hint="restart the node, then ask for the receipt",
            )
        if isinstance(error, StorageFull | StorageFailed | Fenced):
            log.warning("batch not written", code=error.code, detail=error.detail)
            return error
        return _refusal(error)

    def _refuse_all(self) -> None:
        slots = []
        while True:
            try:  # Callers that come too late do this too, at the same time.
                slots.append(self._queue.popleft())
            except IndexError:
                break
        error = (
            NodeHalted("the disk failed; this was not written", hint="check the disk, then restart the node")
            if self._halted
            else NodeStopping("the node is stopping; this was not written", hint="ask again when it is back")
        )
        hand_out(slots, [Outcome(error=error)] * len(slots))


def _committed(batch: Sequence[Recorded]) -> Committed | None:
    if not batch:
        return None
    types = frozenset(entry.type for entry in batch)
    return Committed(batch[0].position, batch, types, sum(len(entry.data) for entry in batch))


def _line(entry: Recorded) -> ReceiptLine:
    return ReceiptLine(entry.position, entry.id, entry.type, entry.stream, entry.n)


def _nothing_recorded() -> NothingRecorded:
    return NothingRecorded("the request makes no entry, so it was not taken")


def _refusal(error: BaseException) -> Exception:
    """Pass our own refusals on; hide what broke behind one that names nothing."""
    if isinstance(error, TelesphorError):
        return error
    broken = error.__cause__ if isinstance(error, FoldFailed) and error.__cause__ else error
    log.error("decision failed", error=type(broken).__name__, exc_info=broken)
    return DecisionFailed("the node could not decide this request", detail=type(broken).__name__)
