"""What the writer works on: the journal it records in, and the state that decisions see.

Entries are folded into the tables late: when somebody looks at these (`WriterState.db`), and at the end of the batch
at the latest. SQLite gives the interpreter's lock away for each statement, and a run of entries of one type often
fits into a few (`Store.together`). What looks, whoever looks, finds all of them folded.

What decisions remember of a capability's tables (`WriterState.memory_of`) is exact: all of it was read
inside the open batch, and it is forgotten as soon as an entry is recorded that changes those tables, whenever
anything is rolled back, and at the start of each batch. Nobody else writes in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol

import apsw

from telesphor.kernel.ids import IdSource
from telesphor.runtime.capability import Actor, Apply, Draft, Recorded, Registry, Store
from telesphor.runtime.requests import Evidence

REMEMBERED_MAX = 10_000
"""What decisions remember of one capability's tables within a batch: a few megabytes."""


class Journal(Protocol):
    """Numbers and stores entries. One batch at a time, from the writer's thread only."""

    def begin(self, at_ms: int, *, commands: int) -> None: ...
    def look_up(self, evidence: Sequence[Evidence], streams: Sequence[str]) -> None:
        """Read ahead, for a whole batch in few statements, what `admit` and `next_n` would read one by one."""

    def admit(self, actor: Actor, evidence: Evidence) -> None:
        """Note the request's evidence; raises when it was seen before."""

    def record(self, drafts: Sequence[Draft], actor: str, evidence: str | None) -> Sequence[Recorded]: ...
    def mark(self) -> Any: ...
    def rewind(self, mark: Any) -> None: ...
    def flush(self) -> Sequence[Recorded]: ...
    def committed(self) -> None: ...
    def rolled_back(self) -> None: ...
    def keep(self, documents: Sequence[bytes]) -> None:
        """Keep documents with the open batch; raises when one is too large."""

    def forget(self, digests: Sequence[str]) -> None:
        """Destroy kept documents with the open batch."""

    def document(self, digest: str) -> bytes | None: ...
    def next_n(self, stream: str) -> int: ...
    @property
    def at(self) -> str: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def size(self) -> int: ...


class FoldFailed(Exception):
    """The tables refuse what some entry says; its cause is what refused. The batch cannot be committed."""


class WriterState:
    """What decisions see: the tables inside the open transaction, the batch's time, fresh ids."""

    __slots__ = ("_db", "_failed", "_ids", "_journal", "_memories", "_memories_of", "_registry", "_waiting")

    def __init__(self, db: apsw.Connection, journal: Journal, ids: IdSource, registry: Registry) -> None:
        self._db = db
        self._journal = journal
        self._ids = ids
        self._registry = registry
        self._memories: dict[tuple[Store, ...], dict[str, Any]] = {}
        self._memories_of: dict[Apply | None, list[tuple[Store, ...]]] = {}
        self._waiting: list[Recorded] = []
        self._failed = False

    @property
    def db(self) -> apsw.Connection:
        """The tables, with all that was recorded; raises `FoldFailed`."""
        if self._waiting or self._failed:
            self.catch_up()
        return self._db

    @property
    def now_ms(self) -> int:
        return self._journal.at_ms

    def new_id(self) -> str:
        return self._ids.next()

    def new_nonce(self) -> str:
        return self._ids.nonce()

    def document(self, digest: str) -> bytes | None:
        return self._journal.document(digest)

    def next_n(self, stream: str) -> int:
        return self._journal.next_n(stream)

    def memory_of(self, *stores: Store) -> dict[str, Any]:
        memory = self._memories.get(stores)
        if memory is None or len(memory) >= REMEMBERED_MAX:
            memory = self._memories[stores] = {}
            for store in stores:
                self._memories_of.setdefault(store.apply, []).append(stores)
        return memory

    def take(self, entries: Sequence[Recorded]) -> None:
        """These were recorded: whoever looks at the tables from now on finds them there.

        Raises:
            KeyError: one is of a type of no capability; none of them was taken.
        """
        for apply in [self._registry.appliers[entry.type] for entry in entries]:
            for stores in self._memories_of.pop(apply, ()):
                self._memories.pop(stores, None)
        self._waiting += entries

    def catch_up(self) -> None:
        """Fold what waits.

        Raises:
            FoldFailed: the tables refuse an entry; again and again until `start_over`, whoever looked away.
            apsw.FullError, apsw.IOError: the disk does.
        """
        if self._failed:
            raise FoldFailed
        waiting, self._waiting = self._waiting, []
        try:
            fold(self._db, self._registry, waiting)
        except BaseException as error:  # extensions written in Rust panic past `Exception`
            self._failed = True
            if is_lost(self._db, error):
                raise
            raise FoldFailed from error

    def start_over(self) -> None:
        """A batch begins, or tables went back to what they were: nothing waits, and nothing is remembered."""
        self._memories.clear()
        self._memories_of.clear()
        self._waiting = []
        self._failed = False


def fold(db: apsw.Connection, registry: Registry, entries: Iterable[Recorded]) -> None:
    """Fold entries into the tables in their order, runs of one type together where their store knows how."""
    for kind, run in groupby(entries, key=attrgetter("type")):
        apply, together = registry.appliers[kind], registry.together.get(kind)
        if together is not None:
            together(db, list(run))
        elif apply is not None:
            for entry in run:
                apply(db, entry)


def is_lost(db: apsw.Connection, error: BaseException) -> bool:
    """Whether the whole batch is gone: of a disk that fails, SQLite may have rolled all of it back already."""
    return isinstance(error, apsw.FullError | apsw.IOError) or not db.in_transaction
