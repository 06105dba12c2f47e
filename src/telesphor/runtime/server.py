"""uvicorn's server, which ends as soon as it is told to: `PromptServer`.

uvicorn looks ten times a second whether it should end. Somebody waits for that: whoever stops a node, and every
command that serves a node for itself, does what it is for, and stops it again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import uvicorn

TICK_SECONDS: Final = 0.1
"""How often uvicorn looks around when nobody calls it; every tenth time it makes a new `date` header."""

TICKS: Final = 864_000
"""It counts them for a day, and begins again."""


class PromptServer(uvicorn.Server):
    """Ends at once when `end` is called, from any thread; at a signal within a tick."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()

    def end(self) -> None:
        """Take no more connections, answer what was asked, and end."""
        self.should_exit = True
        if self._loop is not None:  # Else it has not begun to wait, and sees by itself that it should end.
            with suppress(RuntimeError):  # The loop is closed: it has ended.
                self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        tick = 0
        while not await self.on_tick(tick):
            tick = (tick + 1) % TICKS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), TICK_SECONDS)
