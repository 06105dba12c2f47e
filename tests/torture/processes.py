"""Node processes that are killed: real ones, forked ready-made so that a start costs no imports.

`Child` runs one function of `children` in a process of its own and collects the lines that it writes.
`kill` is SIGKILL: the process gets no chance to finish anything. Start at `Child`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from typing import Any

START_SECONDS = 60.0
"""A start takes half a second; a machine that is busy with other tests may need longer."""

END_SECONDS = 60.0


def ready_made() -> ForkServerContext:
    """The context whose children are born with everything imported."""
    # The server imports by this, because pytest puts our folders on the path of its own process only.
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.torture.children"])
    return context


class Child:
    """One process; what it says is a line of JSON each, and counts only when it arrived whole.

    Args:
        work: a function of `children`; its first argument is where it writes.
        daemon: ends with the tests at the latest; must be False for what starts processes itself.
    """

    def __init__(self, work: Callable[..., None], *arguments: object, daemon: bool = True) -> None:
        context = ready_made()
        receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=work, args=(sender, *arguments), daemon=daemon)
        self._process.start()
        sender.close()
        assert self._process.pid is not None
        self.pid: int = self._process.pid
        self.said: list[dict[str, Any]] = []
        self._heard = threading.Condition()
        self._over = False
        self._receiver = receiver
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def wait_for(self, word: str, *, timeout_seconds: float = START_SECONDS) -> dict[str, Any]:
        """The first line that has the member `word`; fails when the process ends without it."""
        with self._heard:
            self._heard.wait_for(lambda: self._over or self._find(word) is not None, timeout_seconds)
            found = self._find(word)
        if found is None:
            state = f"exit {self._process.exitcode}" if self._over else "still running"
            raise AssertionError(f"the child never said `{word}` ({state}); it said {self.said[-3:]}")
        return found

    def kill(self) -> list[dict[str, Any]]:
        """End it with SIGKILL and return all that it said before."""
        os.kill(self.pid, signal.SIGKILL)
        return self.end()

    def end(self) -> list[dict[str, Any]]:
        """Wait until it has ended and return all that it said."""
        self._process.join(END_SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
            raise AssertionError("the child did not end")
        self._thread.join()
        return self.said

    @property
    def exitcode(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._process.exitcode

    def _find(self, word: str) -> dict[str, Any] | None:
        return next((line for line in self.said if word in line), None)

    def _listen(self) -> None:
        with os.fdopen(os.dup(self._receiver.fileno()), "rb") as lines:
            self._receiver.close()
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # The kill came while it was speaking.
                with self._heard:
                    self.said.append(json.loads(line))
                    self._heard.notify_all()
        with self._heard:
            self._over = True
            self._heard.notify_all()
