"""Work under names, one piece at a time for each name, several names at once.

A name that can do nothing now is looked at again after a moment, or when somebody says that something changed; others
never wait for it longer than for a free thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from telesphor.runtime.telemetry import log

POLL_SECONDS = 1.0
"""For what becomes due without anybody saying so."""


class Lanes:
    """Threads that advance lanes.

    Args:
        waiting: the lanes that have something to do now.
        advance: does some of it; whether it is worth looking again at once.
    """

    def __init__(
        self,
        name: str,
        *,
        waiting: Callable[[], Iterable[str]],
        advance: Callable[[str], bool],
        threads: int,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.name = name
        self._waiting = waiting
        self._advance = advance
        self._poll_seconds = poll_seconds
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._busy: set[str] = set()
        self._guard = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the threads."""
        self._wake.set()
        self._thread.start()

    def wake(self) -> None:
        """Say that there may be something to do."""
        self._wake.set()

    def stop(self) -> None:
        """Finish what is at hand and end the threads."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._poll_seconds)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                for lane in self._waiting():
                    self._take(lane)
            except Exception as error:  # noqa: BLE001  the next look is the remedy
                log.error("lanes failed", stage=self.name, error=type(error).__name__, exc_info=error)
                self._stopping.wait(self._poll_seconds)

    def _take(self, lane: str) -> None:
        with self._guard:
            if lane in self._busy:
                return
            self._busy.add(lane)
        self._pool.submit(self._work, lane)

    def _work(self, lane: str) -> None:
        again = False
        try:
            again = not self._stopping.is_set() and self._advance(lane)
        except Exception as error:  # noqa: BLE001  one lane's trouble is not another's
            log.error("lane failed", stage=self.name, error=type(error).__name__, exc_info=error)
        finally:
            with self._guard:
                self._busy.discard(lane)
            if again:
                self._wake.set()
