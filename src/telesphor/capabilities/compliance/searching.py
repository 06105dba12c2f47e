"""The auditor's lists: entries found by person, pseudonym, visit, type, outcome and time; and how much happens when.

Start at `Searches.search`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from telesphor.capabilities.access.model import Action
from telesphor.capabilities.access.uses.model import FilterRefused
from telesphor.capabilities.compliance.desk import Look, Under, WatchDesk
from telesphor.capabilities.compliance.entries import Filter
from telesphor.capabilities.compliance.index.index import HOUR_CHARS
from telesphor.capabilities.compliance.model import PAGE_ROWS, PAGE_ROWS_MAX, WatchTooNarrow
from telesphor.capabilities.compliance.rows import Row, describe_rows
from telesphor.capabilities.compliance.words import words_of
from telesphor.capabilities.identity.service import node_of
from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.ledger.entries import EntryReader, RecordedEntry
from telesphor.runtime.capability import Actor
from telesphor.vault.model import Purpose

HOURS_MAX: Final = 31 * 24
"""Of one answer: a month."""

HOURS_SHOWN: Final = 24
HOUR_MS: Final = 3_600_000

TYPES_MAX: Final = 500
"""More than a node has."""

ROLES_READ_LOG: Final = ("privacy-officer",)
"""Roles whose holders the shipped base lets read the log."""

_HOUR_END: Final = ":00:00.000Z"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, the newest first; `before` asks for the next page, and is None on the last.

    Attributes:
        size: entries of the ledger when it was looked at; `indexed` of them were searched.
    """

    look: Look
    organisation: str
    size: int
    indexed: int
    rows: tuple[Row, ...]
    before: int | None


class HourCount(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in the hour that begins at `at`."""

    at: str
    entries: int
    decisions: int
    denied: int
    emergencies: int


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Hours in which something happened, in order."""

    look: Look
    hours: tuple[HourCount, ...]


class TypeWords(msgspec.Struct, frozen=True, kw_only=True):
    """A type of entries that occurs, and what it means in English."""

    type: str
    words: str


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What can be searched for."""

    types: tuple[TypeWords, ...]
    actions: tuple[str, ...]
    purposes: tuple[str, ...]
    outcomes: tuple[str, ...]
    roles_read_log: tuple[str, ...]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Entries that were found, and where to go on."""

    entries: tuple[RecordedEntry, ...]
    size: int
    indexed: int
    before: int | None


class Searches:
    """The lists of one node."""

    def __init__(self, desk: WatchDesk) -> None:
        self._desk = desk

    def search(self, actor: Actor, watch: str, filter: Filter, *, rows: int = PAGE_ROWS) -> Page:
        """Return a page of entries; one under a person's own watch is about that person alone.

        Raises:
            FilterRefused, InvalidInstant: the time ends before it begins, or is none.
            WatchTooNarrow: somebody else is asked for than the watch is about.
            and what `WatchDesk.under` and `note` raise.
        """
        with self._desk.under(actor, watch, scope="log") as under:
            found = self.find(under, filter, rows=rows)
            shown = describe_rows(found.entries, under.state, names=self._desk.names, named=under.row.named)
            organisation = node_of(under.state.db)[1]
        look = self._desk.note(
            under, "search", filter=filter, subject=filter.subject, count=len(found.entries)
        )
        return Page(
            look=look,
            organisation=organisation,
            size=found.size,
            indexed=found.indexed,
            rows=shown,
            before=found.before,
        )

    def find(self, under: Under, filter: Filter, *, rows: int) -> Found:
        """Return what a filter finds under a watch."""
        if under.row.subject is not None and filter.subject not in (None, under.row.subject):
            raise WatchTooNarrow("the watch is about another person", hint="leave out `subject`")
        begins, ends = _check_time(filter)
        indexed = min(self._desk.index.wait_for(under.size), under.size)
        end = indexed if filter.before is None else min(indexed, filter.before)
        first = 0 if begins is None else first_since(under.reader, begins, size=indexed)
        end = end if ends is None else min(end, first_since(under.reader, ends, size=indexed))
        found = self._desk.index.search(
            _terms(filter, under.row.subject), first=first, end=end, limit=min(rows, PAGE_ROWS_MAX)
        )
        entries = tuple(under.reader.entry(position) for position in found.positions)
        return Found(entries=entries, size=under.size, indexed=indexed, before=found.before)

    def activity(self, actor: Actor, watch: str, *, since: str | None, until: str | None) -> Activity:
        """Return how much happened in each hour; of the whole node alone.

        Raises:
            FilterRefused: more than `HOURS_MAX` are asked for, or none.
            WatchTooNarrow: the watch is about one person.
        """
        with self._desk.under(actor, watch, scope="log") as under:
            if under.row.subject is not None:
                raise WatchTooNarrow("how busy the node is, is not about one person")
            first, end = _hours(since, until, now_ms=under.state.now_ms)
            self._desk.index.wait_for(under.size)
            found = self._desk.index.hours(first=first, end=end, limit=HOURS_MAX)
        hours = tuple(
            HourCount(
                at=hour.hour + _HOUR_END,
                entries=hour.entries,
                decisions=hour.decisions,
                denied=hour.denied,
                emergencies=hour.emergencies,
            )
            for hour in found
        )
        return Activity(look=self._desk.note(under, "activity", count=len(hours)), hours=hours)

    def words(self) -> Words:
        """Return what can be searched for: the types that occur, commonest first, and the fixed words."""
        types = [type for type, _ in self._desk.index.values("type", limit=TYPES_MAX)]
        return Words(
            types=tuple(TypeWords(type=type, words=words_of(type)) for type in types),
            actions=tuple(action.value for action in Action),
            purposes=tuple(purpose.value for purpose in Purpose),
            outcomes=("allow", "deny"),
            roles_read_log=ROLES_READ_LOG,
        )


def first_since(reader: EntryReader, instant: str, *, size: int) -> int:
    """Return the first position, of `size`, whose entry is of this instant or later; time never goes back."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if reader.entry(middle).at >= instant:
            high = middle
        else:
            low = middle + 1
    return low


def _terms(filter: Filter, subject: str | None) -> list[tuple[str, str]]:
    """INVARIANT: of a watch on one person, all that is found stands in that person's own log."""
    wanted = [
        ("person", filter.person),
        ("visit", filter.visit),
        ("type", filter.type),
        ("action", filter.action),
        ("purpose", filter.purpose),
        ("outcome", filter.outcome),
        ("about", filter.subject) if subject is None else ("subject", subject),
    ]
    return [(facet, value) for facet, value in wanted if value is not None]


def _check_time(filter: Filter) -> tuple[str | None, str | None]:
    begins, ends = filter.since, filter.until
    begins_ms = None if begins is None else parse_instant(begins)
    ends_ms = None if ends is None else parse_instant(ends)
    if begins_ms is not None and ends_ms is not None and ends_ms <= begins_ms:
        raise FilterRefused("the time ends before it begins")
    return begins, ends


def _hours(since: str | None, until: str | None, *, now_ms: int) -> tuple[str, str]:
    end_ms = now_ms + HOUR_MS if until is None else parse_instant(until) + HOUR_MS - 1
    begin_ms = end_ms - (HOURS_SHOWN + 1) * HOUR_MS if since is None else parse_instant(since)
    if not 0 < end_ms - begin_ms <= (HOURS_MAX + 1) * HOUR_MS:
        raise FilterRefused(f"ask for at most `{HOURS_MAX}` hours, and at least one")
    first, end = (format_instant(max(0, ms))[:HOUR_CHARS] for ms in (begin_ms, end_ms))
    return first, end
