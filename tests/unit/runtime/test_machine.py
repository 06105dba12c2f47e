"""The single writer: order, atomic requests, group commits, refusals, stopping."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from telesphor.kernel.clock import ManualClock
from telesphor.kernel.entry import ENTRY_BYTES_MAX
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.ledger.entries import RequestReplayed
from telesphor.runtime.capability import CommandType, Committed, Decision, Receipt, Recorded
from telesphor.runtime.machine import (
    BATCH_COMMANDS_MAX,
    AnswerLate,
    DecisionFailed,
    Fenced,
    NodeHalted,
    NodeStopping,
    NothingRecorded,
    QueueFull,
    Request,
    WriterState,
)
from telesphor.runtime.requests import Slot
from telesphor.runtime.telemetry import Metrics
from tests.support import notes
from tests.support.ledger import ANSWER_SECONDS, START_MS, Ledger, wait_until


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path)
    yield ledger
    ledger.close()


class Gate:
    """A guard that keeps the writer busy until it is opened, so that a test can fill the queue."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, _request: Request, _state: WriterState) -> None:
        self.entered.set()
        assert self.open.wait(ANSWER_SECONDS)


def gated(tmp_path: Path, gate: Gate, **options: Any) -> Ledger:
    return Ledger(tmp_path, guards=[gate], **options).start()


class Caller(threading.Thread):
    """Asks in a thread of its own and keeps the answer."""

    def __init__(self, ledger: Ledger, request: Request) -> None:
        super().__init__(daemon=True)
        self._ledger, self._request = ledger, request
        self.receipt: Receipt | None = None
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.receipt = self._ledger.machine.call_blocking(self._request, timeout_seconds=ANSWER_SECONDS)
        except TelesphorError as error:
            self.error = error

    def answer(self) -> Receipt:
        self.join(ANSWER_SECONDS)
        assert not self.is_alive(), "the caller hangs"
        if self.error is not None:
            raise self.error
        assert self.receipt is not None
        return self.receipt


def add(ledger: Ledger, stream: str, text: str = "", *, signed: bool = False) -> Request:
    return ledger.request((notes.ADD, notes.AddNote(stream=stream, text=text)), signed=signed)


def settle(ledger: Ledger, requests: Sequence[Request]) -> list[Receipt | BaseException]:
    """Put all requests into one batch: they are queued before the writer starts."""

    async def ask() -> list[Receipt | BaseException]:
        tasks = [asyncio.ensure_future(ledger.machine.call(request)) for request in requests]
        await asyncio.sleep(0)
        ledger.machine.start()
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), ANSWER_SECONDS)

    return asyncio.run(ask())


def test_receipt_names_the_places_of_the_entries(ledger: Ledger) -> None:
    ledger.start()
    first, second = ledger.stream(), ledger.stream()
    assert ledger.add(first).first == 0
    assert ledger.add(second).first == 1
    receipt = ledger.ask(notes.ADD_TWICE, first)
    assert [(line.position, line.stream, line.n) for line in receipt.entries] == [
        (2, first, 1),
        (3, first, 2),
    ]
    written = {entry.position: entry for entry in ledger.entries()}
    for line in receipt.entries:
        entry = written[line.position]
        assert (entry.id, entry.type, entry.stream, entry.n, entry.at) == (
            line.id,
            line.type,
            line.stream,
            line.n,
            receipt.at,
        )


def test_result_of_each_command_is_handed_back_in_order(ledger: Ledger) -> None:
    ledger.start()
    stream = ledger.stream()
    body = notes.AddNote(stream=stream)
    receipt = ledger.machine.call_blocking(ledger.request((notes.ADD, body), (notes.ADD, body)))
    assert [result.notes for result in receipt.results] == [1, 2]


def test_requests_are_decided_in_the_order_they_were_queued(ledger: Ledger) -> None:
    stream = ledger.stream()
    receipts = settle(ledger, [add(ledger, stream, str(i)) for i in range(100)])
    assert [receipt.first for receipt in receipts if isinstance(receipt, Receipt)] == list(range(100))
    assert [entry.body.text for entry in ledger.entries()] == [str(i) for i in range(100)]


def test_later_request_sees_what_an_earlier_one_of_the_same_batch_did(ledger: Ledger) -> None:
    stream = ledger.stream()
    receipts = settle(ledger, [add(ledger, stream) for _ in range(3)])
    assert [receipt.results[0].notes for receipt in receipts if isinstance(receipt, Receipt)] == [1, 2, 3]


def test_after_runs_once_the_entries_are_durable_and_replaces_the_result(ledger: Ledger) -> None:
    ledger.start()
    receipt = ledger.ask(notes.ADD_LATE, ledger.stream())
    assert receipt.results == ("late 0",)
    body = notes.AddNote(stream=ledger.stream())
    both = ledger.machine.call_blocking(ledger.request((notes.ADD, body), (notes.ADD_LATE, body)))
    assert both.results == (notes.NoteCount(notes=1), "late 1")


def test_all_commands_of_a_request_are_rolled_back_when_the_last_refuses(ledger: Ledger) -> None:
    ledger.start()
    stream = ledger.stream()
    body = notes.AddNote(stream=stream)
    with pytest.raises(notes.NoteRefused):
        ledger.machine.call_blocking(
            ledger.request((notes.ADD, body), (notes.ADD, body), (notes.REFUSE, body))
        )
    assert ledger.entries() == []
    assert ledger.add(stream).results[0].notes == 1


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (notes.REFUSE, notes.NoteRefused),
        (notes.BREAK, DecisionFailed),
        (notes.PANIC, DecisionFailed),
        (notes.NOTHING, NothingRecorded),
        (notes.BREAK_APPLY, DecisionFailed),
        (notes.UNKNOWN_TYPE, DecisionFailed),
        (notes.NO_DECISION, DecisionFailed),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("behind", [0, 1], ids=["alone", "behind-another-command"])
def test_failing_request_leaves_its_neighbours_alone(
    ledger: Ledger, command: CommandType, error: type[TelesphorError], behind: int
) -> None:
    stream = ledger.stream()
    body = notes.AddNote(stream=stream, text="bad")
    first = () if command is notes.NOTHING else ((notes.ADD, body),) * behind
    bad = ledger.request(*first, (command, body), signed=True)
    before, refused, after = settle(
        ledger, [add(ledger, stream, "before"), bad, add(ledger, stream, "after")]
    )
    assert isinstance(before, Receipt) and before.first == 0
    assert isinstance(after, Receipt) and after.first == 1
    assert isinstance(refused, error)
    assert [entry.body.text for entry in ledger.entries()] == ["before", "after"]
    assert [entry.n for entry in ledger.entries()] == [0, 1]
    assert ledger.check_state() == 3


def test_broken_decision_says_nothing_of_its_cause(ledger: Ledger) -> None:
    ledger.start()
    with pytest.raises(DecisionFailed) as raised:
        ledger.ask(notes.BREAK, ledger.stream())
    assert "secret" not in str(raised.value) + raised.value.detail + raised.value.hint


def test_request_without_commands_is_refused(ledger: Ledger) -> None:
    ledger.start()
    with pytest.raises(TelesphorError):
        ledger.machine.call_blocking(ledger.request(signed=True), timeout_seconds=ANSWER_SECONDS)
    assert ledger.add(ledger.stream(), signed=True).first == 0


def test_request_that_makes_no_entry_does_not_take_the_place_of_the_next(ledger: Ledger) -> None:
    stream = ledger.stream()
    body = notes.AddNote(stream=stream)
    nothing = [ledger.request((notes.NOTHING, body), signed=True) for _ in range(2)]
    answers = settle(ledger, [*nothing, add(ledger, stream, signed=True)])
    assert [type(answer) for answer in answers] == [NothingRecorded, NothingRecorded, Receipt]


def test_entry_that_is_too_large_is_refused_without_running_the_batch_again(ledger: Ledger) -> None:
    decided = []

    def decide(actor: object, command: notes.AddNote, state: object) -> Decision:
        decided.append(command.text)
        return notes.ADD.decide(ledger.actor, command, ledger.machine._state)

    counted = CommandType("note.add/1", notes.AddNote, decide)
    stream = ledger.stream()
    texts = ["before", "x" * ENTRY_BYTES_MAX, "after"]
    requests = [ledger.request((counted, notes.AddNote(stream=stream, text=text))) for text in texts]
    answers = settle(ledger, requests)
    assert [type(answer) for answer in answers] == [Receipt, LimitExceeded, Receipt]
    assert decided == texts
    assert [entry.body.text for entry in ledger.entries()] == ["before", "after"]


def test_replayed_request_is_refused_in_the_same_batch_and_later(ledger: Ledger) -> None:
    request = add(ledger, ledger.stream(), signed=True)
    answers = settle(ledger, [request, request])
    assert [type(answer) for answer in answers] == [Receipt, RequestReplayed]
    with pytest.raises(RequestReplayed):
        ledger.machine.call_blocking(request)
    assert len(ledger.entries()) == 1


def test_request_that_was_refused_may_be_sent_again(ledger: Ledger) -> None:
    ledger.start()
    body = notes.AddNote(stream=ledger.stream())
    evidence = ledger.sign()
    with pytest.raises(notes.NoteRefused):
        ledger.machine.call_blocking(Request(ledger.actor, ((notes.REFUSE, body),), evidence))
    assert ledger.machine.call_blocking(Request(ledger.actor, ((notes.ADD, body),), evidence)).first == 0


def test_guard_refuses_before_the_decision(tmp_path: Path) -> None:
    def guard(request: Request, state: WriterState) -> None:
        assert state.now_ms == START_MS
        if request.commands[0][1].text == "no":  # type: ignore[attr-defined]
            raise notes.NoteRefused("no")

    ledger = Ledger(tmp_path, guards=[guard]).start()
    with pytest.raises(notes.NoteRefused):
        ledger.add(ledger.stream(), "no")
    assert ledger.add(ledger.stream(), "yes").first == 0
    ledger.close()


def test_full_queue_refuses_at_once_and_takes_again_later(tmp_path: Path) -> None:
    gate, metrics = Gate(), Metrics()
    ledger = gated(tmp_path, gate, queued_requests_max=3, metrics=metrics)
    stream = ledger.stream()
    callers = [Caller(ledger, add(ledger, stream))]
    assert gate.entered.wait(ANSWER_SECONDS)
    for waiting in range(1, 4):
        callers.append(Caller(ledger, add(ledger, stream)))
        wait_until(lambda: ledger.machine.queued == waiting)  # noqa: B023  waited for at once
    with pytest.raises(QueueFull, match="`3` requests wait already"):
        ledger.machine.call_blocking(add(ledger, stream))
    gate.open.set()
    assert sorted(caller.answer().first for caller in callers) == [0, 1, 2, 3]
    assert ledger.add(stream).first == 4
    assert metrics.registry.get_sample_value("telesphor_requests_refused_full_total") == 1
    ledger.close()


def test_stop_finishes_a_full_queue_and_refuses_what_comes_later(tmp_path: Path) -> None:
    gate = Gate()
    ledger = gated(tmp_path, gate, queued_requests_max=8)
    stream = ledger.stream()
    callers = [Caller(ledger, add(ledger, stream))]
    assert gate.entered.wait(ANSWER_SECONDS)
    callers += [Caller(ledger, add(ledger, stream)) for _ in range(8)]
    wait_until(lambda: ledger.machine.queued == 8)
    stopper = threading.Thread(target=ledger.machine.stop)
    stopper.start()
    wait_until(lambda: ledger.machine._stopping)
    with pytest.raises(NodeStopping):
        ledger.machine.call_blocking(add(ledger, stream))
    gate.open.set()
    stopper.join(ANSWER_SECONDS)
    assert sorted(caller.answer().first for caller in callers) == list(range(9))
    assert len(ledger.entries()) == 9
    ledger.close()


def test_stop_answers_everyone_however_the_race_goes(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path).start()
    stream = ledger.stream()
    answered: list[int] = []

    def ask() -> None:
        while True:
            try:
                answered.append(ledger.add(stream).first)
            except NodeStopping:
                return

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 50)
    ledger.machine.stop()
    for thread in threads:
        thread.join(ANSWER_SECONDS)
        assert not thread.is_alive(), "a caller was never answered"
    assert sorted(answered) == list(range(len(ledger.entries())))
    ledger.close()


def test_stop_without_start_refuses_what_was_queued(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    caller = Caller(ledger, add(ledger, ledger.stream()))
    wait_until(lambda: ledger.machine.queued == 1)
    ledger.close()
    with pytest.raises(NodeStopping):
        caller.answer()


def test_request_that_slips_in_behind_the_end_is_refused(ledger: Ledger) -> None:
    ledger.start()
    ledger.machine.stop()
    ledger.machine._stopping = False  # as a caller saw it that checked just before
    with pytest.raises(NodeStopping):
        ledger.machine.call_blocking(add(ledger, ledger.stream()), timeout_seconds=ANSWER_SECONDS)


def test_caller_that_does_not_wait_long_enough_is_told_that_the_outcome_is_open(tmp_path: Path) -> None:
    gate = Gate()
    ledger = gated(tmp_path, gate)
    request = add(ledger, ledger.stream(), signed=True)
    with pytest.raises(AnswerLate, match=r"`0.01` seconds; the request may still be recorded"):
        ledger.machine.call_blocking(request, timeout_seconds=0.01)
    gate.open.set()
    with pytest.raises(RequestReplayed):  # the hint is true: it was recorded once
        ledger.machine.call_blocking(request, timeout_seconds=ANSWER_SECONDS)
    ledger.close()


def test_cancelled_caller_does_not_disturb_the_writer(tmp_path: Path) -> None:
    gate = Gate()
    ledger = gated(tmp_path, gate)
    stream = ledger.stream()

    async def ask() -> int:
        task = asyncio.ensure_future(ledger.machine.call(add(ledger, stream)))
        await asyncio.to_thread(gate.entered.wait, ANSWER_SECONDS)
        task.cancel()
        gate.open.set()
        return (await ledger.machine.call(add(ledger, stream))).first

    assert asyncio.run(ask()) == 1
    ledger.close()


def test_caller_whose_event_loop_closed_does_not_disturb_the_writer(tmp_path: Path) -> None:
    gate = Gate()
    ledger = gated(tmp_path, gate)
    stream = ledger.stream()
    loop = asyncio.new_event_loop()
    task = loop.create_task(ledger.machine.call(add(ledger, stream)))
    loop.run_until_complete(asyncio.sleep(0))
    assert gate.entered.wait(ANSWER_SECONDS)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    gate.open.set()
    assert ledger.add(stream).first == 1
    ledger.close()


def test_many_callers_of_two_event_loops_and_of_threads_are_all_answered(ledger: Ledger) -> None:
    ledger.start()
    stream = ledger.stream()
    positions: list[int] = []

    def loop() -> None:
        async def ask() -> list[Receipt]:
            return await asyncio.gather(*(ledger.machine.call(add(ledger, stream)) for _ in range(100)))

        positions.extend(receipt.first for receipt in asyncio.run(ask()))

    loops = [threading.Thread(target=loop) for _ in range(2)]
    for thread in loops:
        thread.start()
    positions += [ledger.add(stream).first for _ in range(20)]
    for thread in loops:
        thread.join(ANSWER_SECONDS)
    assert sorted(positions) == list(range(220))


def test_batch_of_packed_requests_is_bounded_by_its_commands(ledger: Ledger) -> None:
    body = notes.AddNote(stream=ledger.stream())
    packed = ledger.request(*[(notes.ADD, body)] * (BATCH_COMMANDS_MAX // 2 + 1))
    ledger.machine._queue.extend(_slots(packed, 3))
    assert len(ledger.machine._take()) == 2
    assert len(ledger.machine._take()) == 1


def _slots(request: Request, count: int) -> list[Slot]:
    return [Slot(request, None, None)] * count


def test_listener_is_called_after_the_entries_can_be_read(ledger: Ledger) -> None:
    seen: list[int] = []
    ledger.machine.on_commit(lambda _: seen.append(len(ledger.entries())))
    ledger.start()
    ledger.add(ledger.stream())
    wait_until(lambda: seen == [1])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_writer_that_dies_refuses_instead_of_keeping_its_callers_waiting(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)

    def broken(_: Committed) -> None:
        raise SystemExit  # a listener that breaks its promise ends the thread, silently

    ledger.machine.on_commit(broken)
    ledger.start()
    stream = ledger.stream()
    assert ledger.add(stream).first == 0
    ledger.machine._thread.join(ANSWER_SECONDS)
    assert ledger.machine.halted
    with pytest.raises(NodeHalted):
        ledger.add(stream)
    ledger.close()


class FencedLog:
    """A replicated log that accepts `accepts` batches, then belongs to another writer."""

    def __init__(self, accepts: int) -> None:
        self.accepts = accepts
        self.batches: list[list[int]] = []

    def publish(self, batch: Sequence[Recorded]) -> None:
        if len(self.batches) == self.accepts:
            raise Fenced("another node writes")
        self.batches.append([entry.position for entry in batch])


def test_fenced_batch_is_rolled_back_with_its_numbers(tmp_path: Path) -> None:
    log = FencedLog(accepts=1)
    ledger = Ledger(tmp_path, durability=log).start()
    stream = ledger.stream()
    assert ledger.add(stream).first == 0
    with pytest.raises(Fenced):
        ledger.add(stream)
    log.accepts = 2
    receipt = ledger.add(stream)
    assert (receipt.first, receipt.entries[0].n, receipt.results[0].notes) == (1, 1, 2)
    assert log.batches == [[0], [1]]
    ledger.close()


def test_time_of_entries_never_goes_back(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    ledger = Ledger(tmp_path, clock=clock).start()
    stream = ledger.stream()
    times = []
    for step_ms in (0, 1_000, -5_000, 1_000, 10_000):
        clock.advance_ms(step_ms)
        times.append(ledger.add(stream).at)
    ledger.close()
    clock.advance_ms(-60_000)
    ledger = Ledger(tmp_path, clock=clock).start()
    times.append(ledger.add(stream).at)
    ledger.close()
    assert times == sorted(times)
    assert times[1] == times[2] == times[3]
    assert times[4] == times[5]
