"""Judging bundles in a child process: a stranger's file takes neither the node's memory nor its time.

A bundle of 64 MiB costs seconds of Python and several times its size. So a node that serves has each judged
by a child of its own, which is bounded in memory, runs after everything else, and is ended when it takes too
long. The child is handed no secret and no database. When its parent ends, so does its time.

Start at `JudgingProcess`.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from telesphor.capabilities.interchain.model import JudgingFailed, ProvenFacts
from telesphor.capabilities.interchain.partners import Partner, prove_facts

JUDGE_SECONDS = 90.0
"""Twice what the bundle of the longest visit may take (20,000 entries at 2 ms), and less than clients wait."""

JUDGE_MEMORY_BYTES = 2 * 1024**3
"""Address space, most of it never touched: libraries, the bundle, and its files as values."""

NICENESS = 10
"""Whoever opens a visit now comes before a proof of another one."""


class JudgingProcess:
    """Starts a child for each bundle; one bundle at a time.

    Args:
        seconds: after which a child is ended.
        memory_bytes: of address space that a child has.
    """

    def __init__(
        self,
        partners: Mapping[str, Partner],
        *,
        seconds: float = JUDGE_SECONDS,
        memory_bytes: int = JUDGE_MEMORY_BYTES,
    ) -> None:
        self._partners = dict(partners)
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._child: SpawnProcess | None = None
        self._closed = False

    def prove(self, data: bytes, positions: tuple[int, ...]) -> ProvenFacts:
        """As `prove_facts`.

        Raises:
            ProofRefused: as there.
            JudgingFailed: the child took too long, or too much memory, or broke.
        """
        with self._lock:
            if self._closed:
                raise _failed("the node is stopping")
            return self._ask(data, positions)

    def close(self) -> None:
        """End the child, if there is one; nothing it found is recorded."""
        self._closed = True
        child = self._child
        if child is not None:
            child.kill()

    def _ask(self, data: bytes, positions: tuple[int, ...]) -> ProvenFacts:
        context = get_context("spawn")
        pipe, there = context.Pipe()
        limits = (self._memory_bytes, self._seconds)
        child = context.Process(target=_serve, args=(there, *limits), name="telesphor-judge", daemon=True)
        child.start()
        self._child = child
        if self._closed:  # It was closed between the first look and the start.
            child.kill()
        # A child that hangs would hold the pipe in either direction; its end breaks the pipe.
        timer = threading.Timer(self._seconds, child.kill)
        timer.start()
        try:
            there.close()
            pipe.send((data, positions, self._partners))
            found: ProvenFacts | Exception = pipe.recv()
        except (EOFError, OSError) as error:
            from telesphor.runtime.telemetry import log  # late: children have no use for it

            log.warning("judge lost", error=type(error).__name__)
            raise _failed("the process that judges it was ended") from error
        finally:
            timer.cancel()
            pipe.close()
            child.kill()
            child.join()
            self._child = None
        if isinstance(found, Exception):
            raise found
        return found


def _serve(pipe: Connection, memory_bytes: int, seconds: float) -> None:
    """What the child does: one bundle, and the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its child.
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    # Should the parent be gone, nobody else would end it.
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
    try:
        data, positions, partners = pipe.recv()
        pipe.send(_answer(data, positions, partners))
    except (EOFError, OSError, MemoryError):
        return


def _answer(
    data: bytes, positions: tuple[int, ...], partners: Mapping[str, Partner]
) -> ProvenFacts | Exception:
    try:
        return prove_facts(data, positions, partners=partners)
    except Exception as error:  # noqa: BLE001  whatever it is, it belongs to the caller
        return error


def _failed(detail: str) -> JudgingFailed:
    return JudgingFailed("this node could not judge the bundle", hint="send it again later", detail=detail)
