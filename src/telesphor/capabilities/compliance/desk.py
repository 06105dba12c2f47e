"""The one way to every page: a watch that lives, a permission that still stands, and an entry that says what was shown.

    with desk.under(actor, watch, scope="log") as under:   # refused, or a snapshot of the ledger to look at
        page = ...
    look = desk.note(under, "search", count=len(page))     # durable before the page leaves the node

INVARIANT: what a page is made of is read under the watch, and it is given out with a `Look` alone. Start at
`WatchDesk.under`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import msgspec

from telesphor.capabilities.access.model import Ask
from telesphor.capabilities.compliance.entries import Filter
from telesphor.capabilities.compliance.index.facets import subject_in
from telesphor.capabilities.compliance.index.index import AuditIndex
from telesphor.capabilities.compliance.model import (
    EntryNotShown,
    Scope,
    WatchRow,
    WatchTooNarrow,
    What,
)
from telesphor.capabilities.compliance.people import Names
from telesphor.capabilities.compliance.service import LOOK, ask_of, require_watch
from telesphor.capabilities.compliance.service import Look as LookWord
from telesphor.capabilities.identity.service import own_id
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import IdSource
from telesphor.ledger.entries import EntryMissing, EntryReader, RecordedEntry
from telesphor.ledger.snapshot import Snapshot
from telesphor.runtime.capability import Actor, Body, CommandType, Receipt, State
from telesphor.runtime.database import storage_errors

CheckAgain = Callable[[Actor, Ask, State], None]
"""Raises `AccessEnded` where an ask that was allowed would not be now."""

_NONE = Filter()


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """The entry that says that this page was shown."""

    position: int
    at: str


class Under(NamedTuple):
    """What a page is made of: the watch it is shown under, and the ledger as it is now."""

    row: WatchRow
    state: State
    reader: EntryReader
    size: int

    def entry(self, position: int) -> RecordedEntry:
        """Return an entry that the watch shows; raises `EntryNotShown`, also where there is none such."""
        try:
            entry = self.reader.entry(position)
        except EntryMissing:
            raise EntryNotShown(f"there is no entry at position `{position}`") from None
        if self.row.subject is not None and subject_in(entry) != self.row.subject:
            raise EntryNotShown(f"there is no entry at position `{position}`", hint=_OWN_LOG)
        return entry


_OWN_LOG = "this watch shows decisions about one person, and looks at that person's log"


class WatchDesk:
    """Watches as views use them. Safe between threads.

    Args:
        open_entries: a reader of committed entries, for one thread.
        record: records the node's own word, durably.
        check_again: looks again at what was allowed.
        names: the directory.
    """

    def __init__(
        self,
        *,
        open_entries: Callable[[], EntryReader],
        record: Callable[[CommandType, Body], Receipt],
        check_again: CheckAgain,
        index: AuditIndex,
        names: Names,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self.names = names
        self.index = index
        self.clock = clock
        self._open_entries = open_entries
        self._record = record
        self._check_again = check_again
        self._ids = ids

    @contextmanager
    def under(self, actor: Actor, watch: str, *, scope: Scope) -> Iterator[Under]:
        """Look at the ledger under a watch of this actor.

        Raises:
            WatchMissing, WatchEnded: the actor has no such watch that lives.
            WatchTooNarrow: it is of another scope.
            AccessEnded: what allowed it has ended since.
        """
        with self.looking() as (reader, state):
            row = require_watch(actor.id, watch, state)
            if row.scope != scope:
                raise WatchTooNarrow(
                    f"the watch is on `{row.scope}`", hint=f"open one of scope `{scope}` by `audit.watch/1`"
                )
            self._check_again(actor, ask_of(row.scope, row.subject, node=own_id(state)), state)
            yield Under(row, state, reader, reader.size())

    @contextmanager
    def looking(self) -> Iterator[tuple[EntryReader, State]]:
        """One snapshot of the ledger, for what needs no watch."""
        with closing(self._open_entries()) as reader, storage_errors(), reader.db:
            yield reader, Snapshot(reader.db, clock=self.clock, ids=self._ids)

    def still_allows(self, actor: Actor, row: WatchRow, state: State) -> None:
        """Raise `AccessEnded` unless what allowed the watch still stands."""
        self._check_again(actor, ask_of(row.scope, row.subject, node=own_id(state)), state)

    def note(
        self,
        under: Under,
        what: What,
        *,
        filter: Filter = _NONE,
        position: int | None = None,
        subject: str | None = None,
        count: int = 0,
    ) -> Look:
        """Record that a page is about to be shown; durable on return.

        Args:
            subject: whose data the page is about, where it is about one person.

        Raises:
            WatchEnded, WatchSpent: it may not be shown any more.
        """
        about = under.row.subject or subject
        word = LookWord(
            watch=under.row.watch,
            what=what,
            filter=filter,
            position=position,
            subject=about,  # type: ignore[arg-type]
            count=count,
        )
        receipt = self._record(LOOK, word)
        return Look(position=receipt.first, at=receipt.at)
