"""What the compliance monitor flagged or held back, by codes of its rules and never what was written.

Start at `FindingPages`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from telesphor.capabilities.compliance.desk import Look, WatchDesk
from telesphor.capabilities.compliance.entries import Filter
from telesphor.capabilities.compliance.model import PAGE_ROWS_MAX, WatchTooNarrow
from telesphor.capabilities.compliance.people import Person, find_people
from telesphor.capabilities.messages.flagged import list_flagged
from telesphor.runtime.capability import Actor

_NEWEST: Final = 2**53 - 1
"""Behind every position of a ledger."""


class FindingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a message that was flagged or held, by whom it was sent, and what became of it."""

    thread: str
    message: str
    version: int
    at: str
    sender: Person
    verdict: str
    codes: tuple[str, ...]
    state: str


class FindingsPage(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first; `before` asks for the next page, and is nothing on the last."""

    look: Look
    findings: tuple[FindingLine, ...]
    before: int | None


class FindingPages:
    """The monitor's findings of one node. Safe between threads."""

    def __init__(self, desk: WatchDesk) -> None:
        self._desk = desk

    def findings(self, actor: Actor, watch: str, *, before: int | None, rows: int) -> FindingsPage:
        """Return a page; staff among the senders are named, patients are ids.

        Raises:
            WatchMissing, WatchEnded, AccessEnded, WatchSpent
            WatchTooNarrow: the watch is not on the whole log.
        """
        count = min(rows, PAGE_ROWS_MAX)
        with self._desk.under(actor, watch, scope="log") as under:
            if under.row.subject is not None:
                raise WatchTooNarrow(
                    "the watch is about one person",
                    hint="what the monitor found is seen under one on the whole log",
                )
            at = _NEWEST if before is None else before
            found = list_flagged(under.state.db, before=at, count_max=count)
            senders = [one.sender for one in found]
            people = find_people(senders, under.state, names=self._desk.names, named="staff")
        look = self._desk.note(under, "findings", filter=Filter(before=before), count=len(found))
        lines = tuple(
            FindingLine(
                thread=one.thread,
                message=one.message,
                version=one.version,
                at=one.at,
                sender=people[one.sender],
                verdict=one.verdict,
                codes=one.codes,
                state=one.state,
            )
            for one in found
        )
        return FindingsPage(
            look=look, findings=lines, before=found[-1].position if len(found) == count else None
        )
