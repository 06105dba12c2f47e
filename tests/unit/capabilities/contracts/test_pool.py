"""The pool against a worker that lies, and at its end. What a run may not do is in `test_bombs`."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from multiprocessing import active_children, get_context
from multiprocessing.connection import Connection

import pytest

from telesphor.capabilities.contracts import pool as pool_module
from telesphor.capabilities.contracts.model import Cause, Job, Limits, WorkersBusy
from telesphor.capabilities.contracts.pool import ANSWER_BYTES_MAX, WorkerPool

JOB = Job(
    source="def handle(state, trigger):\n    return {}, []\n", state="{}", trigger="{}", limits=Limits()
)

LIES = {
    "no-json": b"rubbish",
    "nothing": b"",
    "no-text": b'{"state":"\xff"}',
    "pickle": b"\x80\x04\x95\x0f\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94",
    "another-form": b'{"state":1}',
    "unknown-cause": b'{"cause":"holiday"}',
    "deep": b'{"x":' + b"[" * 100_000,
    "too-long": b'{"state":"' + b"x" * (ANSWER_BYTES_MAX + 1) + b'"}',
}


def send(there: Connection, data: bytes) -> None:
    with suppress(OSError):  # who does not listen to the end
        there.send_bytes(data)


@pytest.mark.parametrize("name", LIES)
def test_answer_that_cannot_be_read_is_a_crash_and_no_more(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another end of the pipe stands in for a worker that a contract has taken over."""
    monkeypatch.setattr("telesphor.capabilities.contracts.pool.END_SECONDS", 0.1)
    pool = WorkerPool(1)
    pool.start()
    (worker,) = pool._all
    assert pool.run(JOB).cause is None
    here, there = get_context("spawn").Pipe()
    real = worker._pipe
    monkeypatch.setattr(worker, "_pipe", here)
    sending = threading.Thread(target=send, args=(there, LIES[name]))
    sending.start()
    assert pool.run(JOB).cause == Cause.CRASHED
    real.close()
    sending.join()
    assert pool.run(JOB).cause is None  # by the worker that took its place
    pool.close()


def test_worker_that_stops_in_the_middle_of_its_answer_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telesphor.capabilities.contracts.pool.MESSAGE_SECONDS", 1)
    pool = WorkerPool(1)
    pool.start()
    (worker,) = pool._all
    assert pool.run(JOB).cause is None
    here, there = get_context("spawn").Pipe()
    pool_module._bound_waits(here)
    monkeypatch.setattr(worker, "_pipe", here)
    os.write(there.fileno(), (1_000).to_bytes(4, "big") + b'{"state"')
    assert pool.run(JOB).cause == Cause.TIME
    assert pool.run(JOB).cause is None
    pool.close()


def test_closed_pool_takes_nothing() -> None:
    pool = WorkerPool(1)
    pool.close()
    with pytest.raises(WorkersBusy):
        pool.run(JOB)


def test_pool_that_is_closed_during_a_run_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telesphor.capabilities.contracts.pool.END_SECONDS", 0.1)
    before = set(active_children())
    pool = WorkerPool(1)
    pool.start()
    (worker,) = pool._all
    assert pool.run(JOB).cause is None
    real = worker._pipe
    here, there = get_context("spawn").Pipe()
    monkeypatch.setattr(worker, "_pipe", here)  # whose worker never answers
    answers: list[Cause | None] = []
    running = threading.Thread(target=lambda: answers.append(pool.run(JOB).cause))
    running.start()
    assert there.poll(10)  # the run has begun
    pool.close()
    there.close()
    running.join(10)
    real.close()
    assert answers == [Cause.CRASHED]
    assert set(active_children()) == before


def test_worker_is_replaced_after_its_share_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telesphor.capabilities.contracts.pool.RUNS_MAX", 2)
    pool = WorkerPool(1)
    pool.start()
    first = pool._all[0]._process.pid
    assert [pool.run(JOB).cause for _ in range(5)] == [None] * 5
    assert pool._all[0]._process.pid != first
    pool.close()
