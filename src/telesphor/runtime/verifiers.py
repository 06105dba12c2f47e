"""Child processes that verify signatures, so that the interpreter's lock is left to the writer and the edge.

Half of a request's cost is its two signatures, and most of the rest of its verification is Python. A
child does all of it for a batch at a time and sends back what it found. It holds no secret and no
write access; when its parent ends, however it ends, the pipe closes and so does the child.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from telesphor.kernel.errors import Kind, TelesphorError

END_SECONDS = 5.0
"""How long a child may take to notice that its pipe is closed."""

Make = Callable[..., Callable[[Sequence[bytes]], Sequence[Any]]]
"""Importable; called in the child, it makes the function that verifies requests there: of each it says what it found,
or gives its error as a value."""


class VerifierLost(TelesphorError):
    """The child that verified this request has died; nothing of the request was taken."""

    code = "verifier-lost"
    kind = Kind.OVERLOADED


class VerifierProcess:
    """One child process; its owner is one thread.

    Args:
        make: makes the child's verifying function from `arguments`, all of which can be pickled.
    """

    def __init__(self, make: Make, *arguments: Any) -> None:
        self._make = make
        self._arguments = arguments
        self._lock = threading.Lock()
        self._start()

    def verify(self, batch: Sequence[bytes]) -> Sequence[Any]:
        """What the child's function returned for each request, or the error it raised.

        Raises:
            VerifierLost: the child has died; the next call has a new one.
        """
        with self._lock:
            try:
                self._pipe.send(list(batch))
                found: Sequence[Any] = self._pipe.recv()
            except (EOFError, OSError) as error:
                from telesphor.runtime.telemetry import log  # late: children have no use for it

                log.error("verifier lost", error=type(error).__name__)
                self._end()
                self._start()
                raise VerifierLost("the request could not be verified", hint="ask again") from error
        return found

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(there, self._make, self._arguments), name="telesphor-verifier", daemon=True
        )
        self._process.start()
        there.close()

    def _end(self) -> None:
        self._pipe.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()


def _serve(pipe: Connection, make: Make, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes the pipe.
    verify = make(*arguments)
    while True:
        try:
            pipe.send(verify(pipe.recv()))
        except (EOFError, OSError):
            return
