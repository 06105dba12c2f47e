"""Workers started before they are needed; a crash kills one of them, and another takes its place.

A worker is a process of its own (`worker.serve`). The pool hands it one job at a time over a pipe, waits as long as
a run may take, and reads what comes back as bounded JSON. A worker that dies, or takes too long, is ended, and
what it was doing becomes an `Answer` with the cause seen from here.

Nothing that a worker sends is trusted beyond its form. A run that broke out of Starlark, which nobody is known to
do, would still stand in a confined process: it could lie about the answers that this worker gives until it is
replaced, and repeating those runs shows it.

Start at `WorkerPool.run`.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import struct
import threading
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import msgspec

from telesphor.capabilities.contracts.model import (
    OUTPUT_BYTES_MAX,
    REPEATABLE,
    STATE_BYTES_MAX,
    Answer,
    Cause,
    Job,
    WorkersBusy,
)
from telesphor.capabilities.contracts.worker import serve
from telesphor.runtime.telemetry import log

WORKERS = 2
"""One that runs, one that is ready while the other is replaced; each holds about 40 MB."""

RUN_SECONDS = 10.0
"""Twice the processor time of a run, for a machine that is busy."""

START_SECONDS = 30.0

MESSAGE_SECONDS = 5
"""For the rest of a message that has begun."""

END_SECONDS = 5.0
"""How long a worker whose pipe is closed may take to be gone."""

WAIT_SECONDS = 60.0
"""For a free worker; longer would only hide an overload."""

RUNS_MAX = 2_000
"""Runs after which a worker is replaced, so that memory that Starlark left in pieces is whole again."""

ANSWER_BYTES_MAX = 8 * (STATE_BYTES_MAX + OUTPUT_BYTES_MAX)
"""An answer is JSON within JSON: a character may be written with six."""

LAST_WORDS_BYTES = 4_096


class WorkerPool:
    """So many workers, started together: by `start`, or with the first run. Safe between threads.

    A node that serves starts them before it is asked; a command that opens a node for a moment never does.

    Args:
        workers: how many runs go on at the same time.
        seconds: after which a run is ended.
    """

    def __init__(self, workers: int = WORKERS, *, seconds: float = RUN_SECONDS) -> None:
        self._seconds = seconds
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._count = workers
        self._starting = threading.Lock()
        self._all: tuple[_Worker, ...] = ()

    def start(self) -> None:
        """Start the workers, unless they run or the pool is closed."""
        with self._starting:
            if self._all or self._closed.is_set():
                return
            self._all = tuple(_Worker() for _ in range(self._count))
            for worker in self._all:
                self._idle.put(worker)

    @property
    def confinement(self) -> str:
        """What holds the workers: `seccomp`, or `limits` alone."""
        self.start()
        return self._all[0].confinement()

    def run(self, job: Job) -> Answer:
        """Have a worker run a job; whatever the job does, this returns.

        Raises:
            WorkersBusy: no worker was free in time, or the pool is closed.
        """
        self.start()
        try:
            worker = self._idle.get(timeout=0 if self._closed.is_set() else WAIT_SECONDS)
        except queue.Empty:
            raise WorkersBusy("all workers are busy", hint="ask again in a moment") from None
        try:
            if self._closed.is_set():
                raise WorkersBusy("the node is stopping")
            return worker.run(job, self._seconds)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End all workers; a run at hand comes to nothing."""
        self._closed.set()
        with self._starting:
            for worker in self._all:
                worker.end()


class _Worker:
    """One place in the pool, and the process that fills it."""

    def __init__(self) -> None:
        self._runs = 0
        self._held = ""
        self._changing = threading.Lock()
        self._ended = False
        self._start()

    def confinement(self) -> str:
        self._await_start()
        return self._held

    def run(self, job: Job, seconds: float) -> Answer:
        if self._runs >= RUNS_MAX:
            self._replace()
        self._await_start()
        self._runs += 1
        answer = self._ask(job, seconds)
        if answer.cause is not None and answer.cause not in REPEATABLE:
            # What struck may have left it in pieces; and how much it had spent is not known exactly.
            self._replace()
            answer = msgspec.structs.replace(answer, gas=0, printed=())
        return answer

    def end(self) -> None:
        """End it for good; a run at hand finds that it was struck, and starts no other in its place."""
        with self._changing:
            self._ended = True
            self._stop()

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._errors.close()

    def _ask(self, job: Job, seconds: float) -> Answer:
        try:
            self._pipe.send_bytes(msgspec.json.encode(job))
            if not self._pipe.poll(seconds):
                return Answer(cause=Cause.TIME, message=f"longer than {seconds:g} seconds")
            return msgspec.json.decode(self._pipe.recv_bytes(ANSWER_BYTES_MAX), type=Answer)
        except BlockingIOError:
            return Answer(cause=Cause.TIME, message="the worker stopped in the middle of its answer")
        except (EOFError, OSError):
            return self._post_mortem()
        except (ValueError, RecursionError):  # not JSON, not of this form, or not even text
            return Answer(cause=Cause.CRASHED, message="the worker's answer cannot be read")

    def _post_mortem(self) -> Answer:
        """What a worker died of, as far as can be seen from outside."""
        self._process.join(END_SECONDS)
        code = self._process.exitcode
        words = self._last_words()
        if b"memory allocation of" in words or b"out of memory" in words or b"MemoryError" in words:
            return Answer(cause=Cause.MEMORY, message="more memory than the manifest allows")
        if code == -signal.SIGXCPU:
            return Answer(cause=Cause.TIME, message="more processor time than a run may take")
        log.warning("contract worker lost", status=str(code))
        return Answer(cause=Cause.CRASHED, message="the run ended its worker")

    def _last_words(self) -> bytes:
        words = b""
        try:
            while len(words) < LAST_WORDS_BYTES and self._errors.poll(0):
                found = os.read(self._errors.fileno(), LAST_WORDS_BYTES)
                if not found:
                    break
                words += found
        except OSError:
            pass
        return words

    def _replace(self) -> None:
        with self._changing:
            self._stop()
            if not self._ended:
                self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, there = context.Pipe()
        self._errors, errors = context.Pipe(duplex=False)
        self._runs, self._held = 0, ""
        self._process: SpawnProcess = context.Process(
            target=serve, args=(there, errors), name="telesphor-contract", daemon=True
        )
        self._process.start()
        _bound_waits(self._pipe)
        there.close()
        errors.close()

    def _await_start(self) -> None:
        """A worker says what confines it once it is ready; one that cannot start is replaced once, then given up."""
        if self._held:
            return
        for again in (True, False):
            try:
                if self._pipe.poll(START_SECONDS):
                    self._held = self._pipe.recv_bytes(64).decode("ascii")
                    return
            except (EOFError, OSError):
                log.error("contract worker did not start")
            if again:
                self._replace()
        raise WorkersBusy("no worker could be started", hint="the operator's log says why")


def _bound_waits(pipe: Connection) -> None:
    """Let no read or write of this end wait for ever: a worker may stop in the middle of a message."""
    with socket.socket(fileno=os.dup(pipe.fileno())) as end:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            end.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", MESSAGE_SECONDS, 0))
