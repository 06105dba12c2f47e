"""The log as it happens, shown to those who hold a live watch.

A follower collects what was committed; some times a second each living watch is sent the rows it shows. What is too
much for a frame is counted, not sent: it is found by a search. Each time it is looked whether the watch lives and
what allowed it still stands; when not, its holder is told, once. That somebody watches is itself an entry
(`audit.watch-opened/1` with `live`); what is sent leaves none, for it would be sent again.

Start at `LiveLog`.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from telesphor.capabilities.access.model import AccessEnded
from telesphor.capabilities.compliance import store
from telesphor.capabilities.compliance.desk import WatchDesk
from telesphor.capabilities.compliance.entries import WATCH_OPENED
from telesphor.capabilities.compliance.index.facets import subject_in
from telesphor.capabilities.compliance.model import Named, WatchRow
from telesphor.capabilities.compliance.rows import Row, describe_rows
from telesphor.capabilities.identity.model import ActorMissing, ActorRetired, ActorSuspended
from telesphor.capabilities.identity.service import active_actor
from telesphor.kernel.clock import format_instant
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.capability import Actor, OnCommit, Recorded, State
from telesphor.runtime.jobs import Follower, Periodic

TOPIC: Final = "audit"

FRAME_ROWS_MAX: Final = 50
FRAME_BYTES_MAX: Final = 48 * 1024
"""Below what a frame of the live connection may be, with room for what goes around it."""

FLUSH_SECONDS: Final = 0.5
"""Twice a second is live to a reader."""

COLLECTED_MAX: Final = 500
"""Entries held between two looks: ten frames; of more, the newest are kept and the rest is counted."""

WATCHES_SERVED_MAX: Final = 2_000
"""Those on the whole log first; a frame for each of the others is rare."""

_BACK: Final = (AccessEnded, ActorMissing, ActorRetired, ActorSuspended)


class Publish(Protocol):
    """How connected people are told (`runtime.live.Hub.publish`)."""

    def __call__(self, actors: Iterable[str], message: Mapping[str, Any]) -> None: ...


class _Cursor:
    """Where the follower is, in memory alone: what happened before it began is for searches."""

    def __init__(self, position: int) -> None:
        self._position = position

    def cursor(self, _follower: str) -> int:
        return self._position

    def move_cursor(self, _follower: str, position: int) -> None:
        self._position = position


class _News:
    """What was collected for one look, described once for all who see the same.

    Args:
        left_out: how many entries more there were.
        describe: makes rows of entries, with these names.
    """

    def __init__(
        self,
        collected: Sequence[Recorded],
        left_out: int,
        describe: Callable[[Sequence[Recorded], Named], tuple[Row, ...]],
    ) -> None:
        self.left_out = left_out
        self._all = collected
        self._describe = describe
        self._about: dict[str, list[Recorded]] = defaultdict(list)
        self._rows: dict[tuple[str | None, Named], tuple[Row, ...]] = {}
        for entry in collected:
            subject = subject_in(entry)
            if subject is not None:
                self._about[subject].append(entry)

    def about(self, subject: str | None) -> Sequence[Recorded]:
        """Return what is in somebody's own log; all of it for None."""
        return self._all if subject is None else self._about.get(subject, ())

    def rows(self, watch: WatchRow) -> tuple[Row, ...]:
        """Return the newest of what a watch shows, as many as a frame takes."""
        key = (watch.subject, watch.named)
        if key not in self._rows:
            self._rows[key] = self._describe(self.about(watch.subject)[-FRAME_ROWS_MAX:], watch.named)
        return self._rows[key]


class LiveLog:
    """Shows the log as it happens.

    Args:
        size: how many entries there are now; those after them are shown.
        types: of all entries that the node records.
    """

    def __init__(
        self,
        desk: WatchDesk,
        *,
        open_entries: Callable[[], EntryReader],
        publish: Publish,
        size: int,
        types: frozenset[str],
    ) -> None:
        self._desk = desk
        self._publish = publish
        self._types = types
        self._lock = threading.Lock()
        self._collected: list[Recorded] = []
        self._left_out = 0
        self._served: dict[str, WatchRow] = {}
        self._refused: set[str] = set()
        self._looked = False
        self._opened = False
        self.follower = Follower(
            "audit-live",
            source=open_entries,
            cursors=_Cursor(size),
            handle=self.collect,
            types=self._wanted,
        )

    def start(self, on_commit: OnCommit, stack: ExitStack) -> None:
        """Follow the log and show it, until `stack` closes."""
        on_commit(self.follower.wake)
        self.follower.start()
        stack.callback(self.follower.stop)
        flushing = Periodic("audit-live", seconds=FLUSH_SECONDS, work=self.flush)
        flushing.start()
        stack.callback(flushing.stop)

    def _wanted(self) -> frozenset[str]:
        """While nobody watches, entries are passed by unread until somebody begins to."""
        return self._types if self._served or self._opened else frozenset({WATCH_OPENED.name})

    def collect(self, entry: Recorded) -> None:
        """Take one entry to be shown with the next look."""
        with self._lock:
            self._opened = self._opened or entry.type == WATCH_OPENED.name
            self._collected.append(entry)
            if len(self._collected) > COLLECTED_MAX:
                del self._collected[0]
                self._left_out += 1

    def flush(self) -> None:
        """Send each living watch what it shows of what was collected; tell those that are over."""
        with self._lock:
            collected, left_out = self._collected, self._left_out
            self._collected, self._left_out = [], 0
        if not collected and not self._served and self._looked:
            return
        self._looked = True  # Once also without any entry: a watch may have been opened before the node was.
        with self._desk.looking() as (_, state):
            now = format_instant(state.now_ms)
            living = store.live_watches(state.db, now=now, limit=WATCHES_SERVED_MAX)
            self._end_those_over({row.watch for row in living}, state, now=now)
            news = _News(collected, left_out, partial(self._describe, state))
            for row in living:
                self._serve(row, news, state)
        with self._lock:
            self._opened = any(entry.type == WATCH_OPENED.name for entry in self._collected)

    def _describe(self, state: State, entries: Sequence[Recorded], named: Named) -> tuple[Row, ...]:
        return describe_rows(entries, state, names=self._desk.names, named=named)

    def _end_those_over(self, living: set[str], state: State, *, now: str) -> None:
        for watch in [watch for watch in self._served if watch not in living]:
            found = store.find_watch(state.db, watch)
            if found is None or found.ended or found.until <= now:
                self._end(self._served[watch], "ended" if found is not None and found.ended else "expired")

    def _serve(self, row: WatchRow, news: _News, state: State) -> None:
        shown = news.about(row.subject)
        is_new = row.watch not in self._served
        self._served[row.watch] = row
        if not shown and not is_new:
            return
        try:
            info = active_actor(state.db, row.actor)
            self._desk.still_allows(Actor(info.id, info.kind, info.key_id), row, state)
        except _BACK:
            self._refuse(row)
            return
        if shown:
            rows = news.rows(row)
            self._send(row, rows, len(shown) - len(rows) + (news.left_out if row.subject is None else 0))

    def _send(self, row: WatchRow, rows: Sequence[Row], skipped: int) -> None:
        texts: list[bytes] = []
        room = FRAME_BYTES_MAX
        for one in reversed(rows):  # The newest first, while there is room.
            text = msgspec.json.encode(one)
            room -= len(text)
            if room < 0:
                break
            texts.append(text)
        kept = [msgspec.json.decode(text) for text in reversed(texts)]
        message = {
            "topic": TOPIC,
            "watch": row.watch,
            "rows": kept,
            "skipped": skipped + len(rows) - len(kept),
        }
        self._publish([row.actor], message)

    def _refuse(self, row: WatchRow) -> None:
        """What allowed it has ended: told once, and again only should it come back and end anew."""
        if row.watch not in self._refused:
            self._refused.add(row.watch)
            self._publish([row.actor], {"topic": TOPIC, "watch": row.watch, "ended": "access-ended"})

    def _end(self, row: WatchRow, why: str) -> None:
        del self._served[row.watch]
        self._refused.discard(row.watch)
        self._publish([row.actor], {"topic": TOPIC, "watch": row.watch, "ended": why})
