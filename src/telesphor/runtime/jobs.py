"""Work beside the writer: followers of the committed log, and jobs that run every so often.

A follower reads the committed log in order and hands each entry to its function. Its cursor moves
only after the function returned, so a crash loses no entry and may repeat some: the function must
be harmless when repeated. A follower that fails waits, longer each time, and goes on at the same
entry; the writer and the other followers never wait for it. Who keeps up takes what the writer has
just committed from memory, and is not woken for types that it does not follow.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from time import monotonic, perf_counter
from typing import Protocol

from telesphor.runtime.capability import Committed, Recorded
from telesphor.runtime.hearing import Hearing
from telesphor.runtime.telemetry import log

READ_ENTRIES = 256
"""Entries handled before the cursor is kept: what a crash repeats at the most, and at most 16 MB."""

PASSED_ENTRIES_MAX = 65_536
"""Entries passed by unhandled before the cursor is kept all the same: half a second of reading after a crash."""

REST_TIMES = 9
"""How many times as long as it worked a follower rests, once it has caught up: whoever is busy on the ledger is not
slowed down by a dozen that wake for each of its commits."""

REST_SECONDS_MAX = 0.02
"""How much later than at once an entry is handled on a busy ledger."""

RETRY_SECONDS_MIN = 0.1
RETRY_SECONDS_MAX = 30.0


class Source(Protocol):
    """The committed log."""

    def size(self) -> int: ...
    def entries(self, *, first: int, end: int) -> Iterable[Recorded]: ...
    def entries_of(self, types: Iterable[str], *, first: int, end: int) -> Iterable[Recorded]: ...


class Cursors(Protocol):
    """Where followers keep their positions."""

    def cursor(self, follower: str) -> int: ...
    def move_cursor(self, follower: str, position: int) -> None: ...


class Follower:
    """Runs `handle` for every committed entry, in order, in a thread of its own.

    Args:
        name: stable, because the cursor is kept under it.
        source: called once in the follower's thread, so that it may open a connection there.
        types: only entries of these types are handled, and the others are passed by unread; None for all. A
            function is asked before each reading, and its answer is as new as what is read.
        keep_seconds: how long the cursor may stay behind what was handled, where to repeat that is harmless and
            costs nothing: keeping it is a sync of the disk.
    """

    def __init__(
        self,
        name: str,
        *,
        source: Callable[[], Source],
        cursors: Cursors,
        handle: Callable[[Recorded], None],
        types: frozenset[str] | Callable[[], frozenset[str]] | None = None,
        keep_seconds: float = 0.0,
    ) -> None:
        self.name = name
        self._types = types
        self._passed = 0
        self._kept: int | None = None
        self._kept_at = float("-inf")
        self._unkept = 0
        self._keep_seconds = keep_seconds
        self._open_source = source
        self._cursors = cursors
        self._handle = handle
        self._hearing = Hearing()
        self._wake = threading.Event()
        self._wake.set()
        self._stopping = threading.Event()
        self._retry_seconds = RETRY_SECONDS_MIN
        self._thread = threading.Thread(target=self._run, name=f"follower-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread; it first catches up."""
        self._thread.start()

    def wake(self, committed: Committed) -> None:
        """Say what was committed."""
        wanted = self._types is None or callable(self._types) or not committed.types.isdisjoint(self._types)
        if self._hearing.hear(committed, wanted=wanted) >= PASSED_ENTRIES_MAX or wanted:
            self._wake.set()

    def stop(self) -> None:
        """Finish the entry at hand and end the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        source = None
        while not self._stopping.is_set():
            self._wake.wait(self._keep_seconds if self._unkept else None)
            self._wake.clear()
            begun = perf_counter()
            try:
                source = source or self._open_source()
                while not self._stopping.is_set() and self.advance(source):
                    self._retry_seconds = RETRY_SECONDS_MIN
                self._keep(self._passed)
                self._stopping.wait(min(REST_TIMES * (perf_counter() - begun), REST_SECONDS_MAX))
            except Exception as error:  # noqa: BLE001  one bad entry must not end the follower for good
                log.error("follower failed", follower=self.name, error=type(error).__name__, exc_info=error)
                self._stopping.wait(self._retry_seconds)
                self._retry_seconds = min(self._retry_seconds * 2, RETRY_SECONDS_MAX)
                self._wake.set()
        self._keep_at_end()

    def _keep_at_end(self) -> None:
        try:
            self._keep(self._passed, now=True)
        except Exception as error:  # noqa: BLE001  what was handled is handled again at the next start
            log.error("follower failed", follower=self.name, error=type(error).__name__, exc_info=error)

    def advance(self, source: Source) -> bool:
        """Handle the next entries and keep the cursor; False when there were none."""
        if self._kept is None:
            self._kept = self._passed = self._cursors.cursor(self.name)
        first = self._passed
        if first == self._hearing.end:
            return False
        # Read first, then handle: a slow handler must not hold a snapshot that keeps the log from restarting.
        end, entries = self._heard(first) or self._read(source, first)
        if first >= end:
            return False
        done = first
        try:
            for entry in entries:
                self._handle(entry)
                done = entry.position + 1
                if self._stopping.is_set():
                    return True
            done = end if self._types is not None else done
        finally:
            self._unkept += sum(1 for entry in entries if entry.position < done)
            self._keep(done)
        return done > first

    def _heard(self, first: int) -> tuple[int, list[Recorded]] | None:
        """The next entries out of memory, and the position behind them; None where they are not there."""
        found = self._hearing.recall(first, entries_max=READ_ENTRIES)
        if found is None:
            return None
        types = self._wanted() if found[1] else None
        return found[0], [entry for entry in found[1] if types is None or entry.type in types]

    def _read(self, source: Source, first: int) -> tuple[int, list[Recorded]]:
        """The same out of the log."""
        end = min(source.size(), first + READ_ENTRIES)
        if first >= end:
            return end, []
        types = self._wanted()
        if types is None:
            return end, list(source.entries(first=first, end=end))
        return end, list(source.entries_of(types, first=first, end=end)) if types else []

    def _wanted(self) -> frozenset[str] | None:
        return self._types() if callable(self._types) else self._types

    def _keep(self, done: int, *, now: bool = False) -> None:
        """Keep the cursor where that is due; entries only passed by are not worth a sync of the disk each time."""
        self._passed = done
        kept = self._kept or 0
        now = now or self._unkept >= READ_ENTRIES or monotonic() >= self._kept_at + self._keep_seconds
        if done > kept and ((self._unkept and now) or done - kept >= PASSED_ENTRIES_MAX):
            self._cursors.move_cursor(self.name, done)
            self._kept, self._kept_at, self._unkept = done, monotonic(), 0


class Periodic:
    """Runs `work` at once and then every `seconds`, in a thread of its own; a failure is logged and retried."""

    def __init__(self, name: str, *, seconds: float, work: Callable[[], None]) -> None:
        self.name = name
        self._seconds = seconds
        self._work = work
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"job-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the run at hand and end the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._work()
            except Exception as error:  # noqa: BLE001  the next run is the remedy
                log.error("job failed", stage=self.name, error=type(error).__name__, exc_info=error)
            self._stopping.wait(self._seconds)
