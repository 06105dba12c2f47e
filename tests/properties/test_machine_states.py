"""The writer and its journal against a naive model, through any mix of requests, faults and restarts.

The model is three Python values: the texts of each stream, the list of all entries, the set of
requests that were recorded. Whatever is asked in whatever company, the answers and the ledger are
the model's: streams without a gap, receipts that are true, tables that equal a replay.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from telesphor.kernel.entry import ENTRY_BYTES_MAX
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.ledger.entries import EntryReader, RequestReplayed
from telesphor.runtime.capability import CommandType, Receipt
from telesphor.runtime.machine import DecisionFailed, NothingRecorded, QueueFull, Request, WriterState
from tests.support import notes
from tests.support.ledger import ANSWER_SECONDS, START_MS, Ledger, SteppingClock

STREAMS = 4
QUEUE_MAX = 6
TOO_LARGE = "x" * ENTRY_BYTES_MAX

ADDS = {notes.ADD: 1, notes.ADD_TWICE: 2, notes.ADD_LATE: 1, notes.NOTHING: 0}
FAILS: dict[CommandType, type[TelesphorError]] = {
    notes.REFUSE: notes.NoteRefused,
    notes.BREAK: DecisionFailed,
    notes.PANIC: DecisionFailed,
    notes.BREAK_APPLY: DecisionFailed,
    notes.UNKNOWN_TYPE: DecisionFailed,
    notes.NO_DECISION: DecisionFailed,
}


class Step(NamedTuple):
    """One command of a request: what, on which of the streams, and whether its entry is too large."""

    command: CommandType
    stream: int
    large: bool


class Plan(NamedTuple):
    """One request: its commands, and whether it is signed, or the replay of the n-th signed one."""

    steps: tuple[Step, ...]
    signed: bool
    replay: int | None


good = st.sampled_from(sorted(ADDS, key=lambda command: command.name))
any_command = st.sampled_from(sorted([*ADDS, *FAILS], key=lambda command: command.name))
steps = st.builds(
    Step,
    st.one_of(good, good, any_command),
    st.integers(0, STREAMS - 1),
    st.sampled_from([False] * 9 + [True]),
)
plans = st.builds(
    Plan,
    st.lists(steps, min_size=1, max_size=4).map(tuple),
    st.booleans(),
    st.one_of(st.none(), st.none(), st.integers(0, 30)),
)


class Gate:
    """Lets the writer take one batch only when the test has queued all of it."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

    def __call__(self, _request: Request, _state: WriterState) -> None:
        self.entered.set()
        assert self.open.wait(ANSWER_SECONDS)


class MachineAndModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-states-"))
        self.clock = SteppingClock(START_MS)
        self.texts: list[list[str]] = [[] for _ in range(STREAMS)]
        self.positions: list[tuple[int, int]] = []
        self.signed: list[Request] = []
        self.recorded: dict[str, int] = {}
        self.count = 0

    @initialize()
    def open(self) -> None:
        self.gate = Gate()
        self.ledger = Ledger(
            self.folder, clock=self.clock, guards=[self.gate], queued_requests_max=QUEUE_MAX
        ).start()
        if not hasattr(self, "streams"):
            self.streams = [self.ledger.stream() for _ in range(STREAMS)]

    @rule(plan=plans)
    def ask_one(self, plan: Plan) -> None:
        self._ask([plan], queued=False)

    @rule(batch=st.lists(plans, min_size=2, max_size=QUEUE_MAX))
    def ask_many_at_once(self, batch: list[Plan]) -> None:
        self._ask(batch, queued=True)

    @rule(batch=st.lists(plans, min_size=QUEUE_MAX + 1, max_size=QUEUE_MAX + 4))
    def ask_more_than_the_queue_holds(self, batch: list[Plan]) -> None:
        self._ask(batch, queued=True)

    @rule(step_ms=st.sampled_from([-50, 0, 1, 1_000]))
    def let_the_clock_run_otherwise(self, step_ms: int) -> None:
        self.clock.step_ms = step_ms

    @rule()
    def restart(self) -> None:
        self.ledger.close()
        self.open()

    @rule()
    def publish(self) -> None:
        self.ledger.integrator.integrate()

    @invariant()
    def ledger_is_the_model(self) -> None:
        if not hasattr(self, "ledger"):
            return
        entries = self.ledger.entries()
        assert [(self.streams.index(entry.stream), entry.n) for entry in entries] == self.positions
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
        for stream, texts in zip(self.streams, self.texts, strict=True):
            assert [entry.body.text for entry in entries if entry.stream == stream] == texts
            assert [entry.n for entry in entries if entry.stream == stream] == list(range(len(texts)))

    def teardown(self) -> None:
        try:
            if hasattr(self, "ledger"):
                self._check_all()
        finally:
            shutil.rmtree(self.folder)

    def _check_all(self) -> None:
        rows = self.ledger.check_state()
        assert rows == len(self.positions) + sum(1 for texts in self.texts if texts)
        reader = EntryReader(self.ledger.path, self.ledger.registry)
        for stream, texts in zip(self.streams, self.texts, strict=True):
            assert [entry.body.text for entry in reader.stream(stream)] == texts
        reader.close()
        self.ledger.integrator.integrate()
        self.ledger.close()
        self.ledger.walk()

    def _ask(self, batch: Sequence[Plan], *, queued: bool) -> None:
        requests = [self._request(plan) for plan in batch]
        answers = asyncio.run(self._answers(requests, queued=queued))
        taken = QUEUE_MAX if queued else len(batch)
        for request, answer in zip(requests[:taken], answers[:taken], strict=True):
            self._expect(request, answer)
        assert all(isinstance(answer, QueueFull) for answer in answers[taken:])

    async def _answers(self, requests: list[Request], *, queued: bool) -> list[Receipt | BaseException]:
        call = self.ledger.machine.call
        if not queued:
            return await asyncio.gather(*map(call, requests), return_exceptions=True)
        self.gate.entered.clear()
        self.gate.open.clear()
        refused = Request(self.ledger.actor, ((notes.REFUSE, notes.AddNote(stream=self.streams[0])),))
        first = asyncio.ensure_future(call(refused))  # it keeps the writer busy and leaves nothing
        await asyncio.to_thread(self.gate.entered.wait, ANSWER_SECONDS)
        others = [asyncio.ensure_future(call(request)) for request in requests]
        await asyncio.sleep(0)
        self.gate.open.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        return answers[1:]

    def _request(self, plan: Plan) -> Request:
        if plan.replay is not None and self.signed:
            return self.signed[plan.replay % len(self.signed)]
        commands = []
        for step in plan.steps:
            self.count += 1
            text = TOO_LARGE if step.large else f"note {self.count}"
            commands.append((step.command, notes.AddNote(stream=self.streams[step.stream], text=text)))
        request = self.ledger.request(*commands, signed=plan.signed)
        if plan.signed:
            self.signed.append(request)
        return request

    def _expect(self, request: Request, answer: Receipt | BaseException) -> None:
        """What the model answers; and the model after it."""
        error = self._error_of(request)
        if error is not None:
            assert isinstance(answer, error), (error, answer)
            return
        assert isinstance(answer, Receipt), answer
        lines = []
        for command, body in request.commands:
            for _ in range(ADDS[command]):
                stream = self.streams.index(body.stream)  # type: ignore[attr-defined]
                lines.append((len(self.positions), stream, len(self.texts[stream])))
                self.positions.append((stream, len(self.texts[stream])))
                self.texts[stream].append(body.text)  # type: ignore[attr-defined]
        told = [(line.position, self.streams.index(line.stream), line.n) for line in answer.entries]
        assert told == lines
        assert len(answer.results) == len(request.commands)
        if request.evidence is not None:
            self.recorded[request.evidence.digest] = answer.first

    def _error_of(self, request: Request) -> type[TelesphorError] | None:
        if request.evidence is not None and request.evidence.digest in self.recorded:
            return RequestReplayed
        for command, body in request.commands:
            large = body.text == TOO_LARGE  # type: ignore[attr-defined]
            if large and (ADDS.get(command, 0) or command in (notes.BREAK_APPLY, notes.UNKNOWN_TYPE)):
                return LimitExceeded
            if command in FAILS and command is not notes.BREAK_APPLY:
                return FAILS[command]
        if any(command is notes.BREAK_APPLY for command, _ in request.commands):
            return FAILS[notes.BREAK_APPLY]  # The tables are asked last.
        if not sum(ADDS[command] for command, _ in request.commands):
            return NothingRecorded
        return None


TestMachineAndModel = MachineAndModel.TestCase
TestMachineAndModel.settings = settings(
    max_examples=30, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
