"""The index of one node: filled by a follower of the committed log, asked by views. Start at `AuditIndex`.

Entries and the place up to which they were taken in become durable together, so that none is counted twice and
none is left out, whatever the process dies of.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

import apsw

from telesphor.capabilities.access.breakglass.entries import GLASS_OPENED
from telesphor.capabilities.access.entries import ACCESS_DECIDED
from telesphor.capabilities.compliance.index import store
from telesphor.capabilities.compliance.index.facets import Facet, describe_entry, things_of
from telesphor.capabilities.compliance.index.store import Found, Hour
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.capability import Recorded
from telesphor.runtime.database import (
    DatabaseRefused,
    open_database,
    open_reader,
    storage_errors,
    transaction,
)
from telesphor.runtime.jobs import READ_ENTRIES, Follower
from telesphor.runtime.telemetry import log

INDEX_FILE: Final = "audit-index.sqlite"
FOLLOWER: Final = "audit-index"

CACHE_KIB: Final = 16 * 1024
"""The upper levels of the postings of a ledger of millions."""

SCANNED_MAX: Final = 100_000
"""Positions of the rarest term looked at for one page: a tenth of a second."""

TERMS_REMEMBERED_MAX: Final = 50_000
"""Numbers of terms kept in memory while the index is filled: about 10 MB."""

CATCH_UP_SECONDS: Final = 1.0
"""How long a search waits for what was committed before it was asked; then it says how far it looked."""

REST_TIMES: Final = 19
"""How many times as long as it works the index rests, while no search waits for it: a twentieth of a core, so that
whoever is busy on the ledger is not slowed down by what nobody asks for now."""

REST_SECONDS_MIN: Final = 0.1
"""How long it rests at least: what was committed meanwhile is written in one piece."""

REST_SECONDS_MAX: Final = 0.2

WAITING_MAX: Final = 4 * READ_ENTRIES
"""Entries that are held while they cannot be written, because the disk is full."""

HOUR_CHARS: Final = len("2026-11-22T11")


class IndexBehind(TelesphorError):
    """More entries wait to be indexed than are held in memory."""

    code = "index-behind"
    kind = Kind.STORAGE


class AuditIndex:
    """The search index; also the cursors of its follower (`runtime.jobs.Cursors`). Safe between threads.

    Args:
        path: of its database, which is made when it is missing, and made again when it cannot be read.
        open_entries: a reader of committed entries, for one thread.
    """

    def __init__(self, path: Path, *, open_entries: Callable[[], EntryReader]) -> None:
        self._path = path
        self._db = _open(path)
        self._lock = threading.Lock()
        self._moved = threading.Condition()
        self._waiting: dict[int, Recorded] = {}
        self._wanted = 0
        self._hurried = False
        self._terms: dict[tuple[str, str], int] = {}
        self._check_ledger(open_entries)
        self.indexed = store.progress(self._db)[0]
        self.follower = Follower(FOLLOWER, source=open_entries, cursors=self, handle=self.take)

    def take(self, entry: Recorded) -> None:
        """Take an entry to be written with the next move of the cursor; one that was taken before changes nothing."""
        if len(self._waiting) >= WAITING_MAX:
            raise IndexBehind("the search index cannot be written", hint="free some space")
        if entry.position >= self.indexed:
            self._waiting[entry.position] = entry

    def cursor(self, _follower: str) -> int:
        """How many entries were taken in."""
        return self.indexed

    def move_cursor(self, _follower: str, position: int) -> None:
        """Write what was taken up to `position`, and that it was, at once."""
        taken = [self._waiting[at] for at in range(self.indexed, position)]
        begun = perf_counter()
        if taken:
            with self._lock, storage_errors():
                self._write(taken, position)
            self._waiting.clear()
        rest_seconds = max(REST_SECONDS_MIN, min(REST_SECONDS_MAX, REST_TIMES * (perf_counter() - begun)))
        with self._moved:
            self.indexed = position
            self._moved.notify_all()
            if taken:
                self._moved.wait_for(lambda: self._hurried or self._wanted > position, timeout=rest_seconds)

    def wait_for(self, size: int, *, timeout_seconds: float = CATCH_UP_SECONDS) -> int:
        """Wait until so many entries were taken in, or the time is over; returns how many were."""
        with self._moved:
            self._wanted = max(self._wanted, size)
            self._moved.notify_all()
            self._moved.wait_for(lambda: self.indexed >= size, timeout=timeout_seconds)
            return self.indexed

    def search(self, terms: Iterable[tuple[str, str]], *, first: int, end: int, limit: int) -> Found:
        """Return positions from `first` up to, not including, `end` at which all of these stand, the newest first.

        Where nothing is named, every position stands.
        """
        wanted = tuple(terms)
        if not wanted:
            lowest = max(first, end - limit)
            return Found(list(range(end - 1, lowest - 1, -1)), lowest if first < lowest else None)
        with self._reading() as db:
            found = store.find_terms(db, wanted)
            if found is None:
                return Found([], None)
            return store.search(db, found, first=first, end=end, limit=limit, scanned_max=SCANNED_MAX)

    def count(self, facet: str, value: str) -> int:
        """How many entries have this value."""
        with self._reading() as db:
            found = store.find_terms(db, ((facet, value),))
        return 0 if found is None else found[0].places

    def hours(self, *, first: str, end: str, limit: int) -> list[Hour]:
        """What happened in each hour from `first` up to, not including, `end` (`2026-11-22T11`)."""
        with self._reading() as db:
            return store.hours_between(db, first=first, end=end, limit=limit)

    def values(self, facet: str, *, limit: int) -> list[tuple[str, int]]:
        """The values of a facet, the commonest first, with how often each stands."""
        with self._reading() as db:
            return store.values_of(db, facet, limit=limit)

    def stop(self) -> None:
        """End the follower, whether it rests or works."""
        with self._moved:
            self._hurried = True
            self._moved.notify_all()
        self.follower.stop()

    def close(self) -> None:
        """Close the database; after the follower has stopped."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        """A connection of one's own: a search never waits for what is written."""
        with closing(open_reader(self._path)) as db, storage_errors(), db:
            yield db

    def _check_ledger(self, open_entries: Callable[[], EntryReader]) -> None:
        """An index of another ledger, or of one that was longer, is emptied."""
        position, last = store.progress(self._db)
        if not position:
            return
        with closing(open_entries()) as entries:
            try:
                same = entries.entry(position - 1).id == last
            except TelesphorError:
                same = False
        if not same:
            log.warning("search index emptied", follower=FOLLOWER)
            with transaction(self._db):
                store.clear(self._db)

    def _write(self, taken: Sequence[Recorded], position: int) -> None:
        try:
            with transaction(self._db):
                facets = self._describe(taken)
                counts = Counter(term for found in facets for term in found)
                begun = self._number(counts)
                rows = [
                    (self._terms[term], entry.position)
                    for entry, found in zip(taken, facets, strict=True)
                    for term in found
                ]
                store.put_postings(
                    self._db,
                    rows,
                    begun=[(number, *term, counts[term]) for term, number in begun.items()],
                    counts=[(more, self._terms[term]) for term, more in counts.items() if term not in begun],
                )
                store.put_hours(self._db, _hours(taken))
                store.put_progress(self._db, position, taken[-1].id)
        except BaseException:
            self._terms.clear()  # Numbers that were given in what was rolled back.
            raise

    def _describe(self, taken: Sequence[Recorded]) -> list[tuple[Facet, ...]]:
        """The facets of each entry, with what was learnt before it."""
        known = store.learnt(
            self._db, list(dict.fromkeys(thing for entry in taken for thing in things_of(entry)))
        )
        found = []
        news: dict[str, str] = {}
        for entry in taken:
            facets = describe_entry(entry, known.get)
            found.append(facets.terms)
            if facets.learnt is not None and facets.learnt[0] not in known:
                thing, subject = facets.learnt
                known[thing] = news[thing] = subject
        store.learn(self._db, list(news.items()))
        return found

    def _number(self, terms: Iterable[Facet]) -> dict[Facet, int]:
        """Have all of these terms numbered; returns those that were never seen before."""
        if len(self._terms) >= TERMS_REMEMBERED_MAX:
            self._terms.clear()
        wanted = list(terms)
        self._terms.update(store.numbers_of(self._db, [term for term in wanted if term not in self._terms]))
        last = store.last_number(self._db)
        begun = {
            term: last + n
            for n, term in enumerate((one for one in wanted if one not in self._terms), start=1)
        }
        self._terms.update(begun)
        return begun


def _open(path: Path) -> apsw.Connection:
    try:
        db = open_database(path, cache_kib=CACHE_KIB)
    except DatabaseRefused:
        log.warning("search index made again", follower=FOLLOWER)
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        db = open_database(path, cache_kib=CACHE_KIB)
    store.create_tables(db)
    return db


def _hours(taken: Sequence[Recorded]) -> list[Hour]:
    tally: dict[str, Counter[str]] = {}
    for entry in taken:
        counts = tally.setdefault(entry.at[:HOUR_CHARS], Counter())
        counts["entries"] += 1
        if entry.type == ACCESS_DECIDED.name:
            counts["decisions"] += 1
            counts["denied"] += entry.body.outcome == "deny"
        counts["emergencies"] += entry.type == GLASS_OPENED.name
    return [_hour(hour, counts) for hour, counts in tally.items()]


def _hour(hour: str, counts: Mapping[str, int]) -> Hour:
    names = ("entries", "decisions", "denied", "emergencies")
    return Hour(hour, *(counts.get(name, 0) for name in names))
