"""A thread with an event loop of its own, in which work goes on until it is stopped. Start at `LoopThread`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from telesphor.runtime.telemetry import log

Work = Callable[[], Coroutine[Any, Any, None]]


class LoopThread:
    """Runs coroutines that never end.

    Args:
        work: each is called once, in the thread; with none there is no thread.
    """

    def __init__(self, name: str, work: Sequence[Work]) -> None:
        self._name = name
        self._work = tuple(work)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; once."""
        if self._work:
            self._thread.start()
            self._begun.wait()

    def stop(self) -> None:
        """Cancel the work and wait until it has ended; harmless when it never began, or ended by itself."""
        if self._loop is None or self._main is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._main.cancel)
        except RuntimeError:
            pass  # It ended by itself, and its loop is closed.
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._all())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001  whoever started it goes on
            log.error(f"{self._name} ended", error=type(error).__name__, exc_info=error)
        finally:
            self._begun.set()

    async def _all(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        self._begun.set()
        async with asyncio.TaskGroup() as tasks:
            for work in self._work:
                tasks.create_task(work())
