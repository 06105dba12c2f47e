"""What was committed last, kept in memory for a follower of the log as long as it is little.

A batch is told to all followers as the writer has it, already parsed and shared between them; who keeps up needs
neither the disk nor a second look at each entry's bytes. Who falls behind reads the log.

Start at `Hearing`: the writer's thread tells (`hear`), the follower's recalls.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from telesphor.runtime.capability import Committed, Recorded

HEARD_ENTRIES_MAX: Final = 16_384
"""Entries kept for whoever is slow: about 20 MB, once for all followers."""

HEARD_BYTES_MAX: Final = 16 * 1024 * 1024
"""The same in bytes of the log; entries are small, but need not be."""

NOTHING_HEARD: Final = -1


class _Heard(NamedTuple):
    first: int
    end: int
    entries: Sequence[Recorded]
    """Empty where nothing of it is wanted."""
    bytes: int


class Hearing:
    """The end of the log as one follower was told of it. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: deque[_Heard] = deque()
        self._entries = 0
        self._bytes = 0
        self._end = NOTHING_HEARD

    @property
    def end(self) -> int:
        """Position behind all that was told; `NOTHING_HEARD` before anything was."""
        return self._end

    def hear(self, committed: Committed, *, wanted: bool) -> int:
        """Take the next batch, or only that there was one.

        Returns:
            How many entries were passed by since one was wanted; 0 of a batch that is.
        """
        told = _Heard(
            committed.first,
            committed.end,
            committed.entries if wanted else (),
            committed.bytes if wanted else 0,
        )
        with self._lock:
            if not wanted and self._batches and not self._batches[-1].entries:
                told = told._replace(first=self._batches.pop().first)
            self._batches.append(told)
            self._end = told.end
            self._entries += len(told.entries)
            self._bytes += told.bytes
            while self._entries > HEARD_ENTRIES_MAX or self._bytes > HEARD_BYTES_MAX:
                self._forget()
        return 0 if wanted else told.end - told.first

    def recall(self, first: int, *, entries_max: int) -> tuple[int, Sequence[Recorded]] | None:
        """Up to so many entries from position `first` on, and the position behind them.

        None where `first` is not in memory, so that the log must be read. Of a part of which nothing is wanted there
        are no entries, however long it is. What lies before `first` is forgotten.
        """
        with self._lock:
            while self._batches and self._batches[0].end <= first:
                self._forget()
            if not self._batches or first < self._batches[0].first:
                return None
            batch = self._batches[0]
        if not batch.entries:
            return batch.end, ()
        end = min(batch.end, first + entries_max)
        return end, batch.entries[first - batch.first : end - batch.first]

    def _forget(self) -> None:
        batch = self._batches.popleft()
        self._entries -= len(batch.entries)
        self._bytes -= batch.bytes
