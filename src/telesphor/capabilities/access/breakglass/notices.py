"""Notices of emergencies: the patient and the privacy officers are told at once, and later, until they have seen it.

Whoever is connected hears that there is one within a moment of the entry (`GlassNews`); whoever is not finds it on the
next page it opens (`GlassNotices`). A patient keeps a notice until it says that it has seen it, which is an entry; an
officer until somebody else has judged it.

What goes over the live connection names the emergency alone: what it is about is asked for in a session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Literal

import msgspec

from telesphor.capabilities.access.breakglass import store
from telesphor.capabilities.access.breakglass.entries import (
    GLASS_ACKNOWLEDGED,
    GLASS_CLOSED,
    GLASS_OPENED,
    GLASS_REVIEWED,
)
from telesphor.capabilities.access.breakglass.model import NOTIFIED_MAX, OFFICER, GlassRow
from telesphor.capabilities.access.breakglass.service import glass_of, is_overseer
from telesphor.capabilities.access.store import count_reads_under
from telesphor.capabilities.access.tokens.policies import holders_of_role
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Actor, Recorded, State

FOLLOWER: Final = "break-glass-news"
TOPIC: Final = "emergency"
NOTICES_MAX: Final = 20
"""Of one page; older ones follow once newer ones are seen."""

_EVENTS: Final = {
    GLASS_OPENED.name: "opened",
    GLASS_CLOSED.name: "closed",
    GLASS_REVIEWED.name: "reviewed",
    GLASS_ACKNOWLEDGED.name: "acknowledged",
}
FOLLOWED: Final = frozenset(_EVENTS)
"""Types of the entries that somebody is told of."""

Reading = Callable[[], AbstractContextManager[State]]
NamesOf = Callable[[Iterable[str]], Mapping[str, str]]
Publish = Callable[[Iterable[str], Mapping[str, Any]], None]


class GlassNotice(msgspec.Struct, frozen=True, kw_only=True):
    """An emergency of which the reader is notified.

    Attributes:
        about: `you`, or `patient` for an officer, who is not told here which.
        who: the actor that opened it; `name` is None where it has none.
        target: `object`, `visit` or `record`.
        state: `open`, `ended` or `reviewed`.
        times: which of that person's openings within a day it was.
        reads: how many things were read by it so far.
    """

    break_glass: str
    about: Literal["you", "patient"]
    who: str
    name: str | None
    target: str
    reason: str
    state: str
    opened_at: str
    ended_at: str
    times: int
    reads: int
    verdict: str | None


class GlassNoticePage(msgspec.Struct, frozen=True, kw_only=True):
    """Notices, the newest first, and how many there are in all."""

    notices: tuple[GlassNotice, ...]
    count: int


class GlassNotices:
    """What somebody has not seen or judged yet.

    Args:
        reading: the committed state of now.
        names_of: names for what shows them to nobody who may not know them: whoever opens a record in an emergency is
            named to its patient and to officers.
    """

    def __init__(self, *, reading: Reading, names_of: NamesOf) -> None:
        self._reading = reading
        self._names_of = names_of

    def page(self, reader: Actor) -> GlassNoticePage:
        """The notices of a reader."""
        with self._reading() as state:
            overseer = is_overseer(state, reader)
            rows, count = store.noticed(state.db, reader.id, overseer=overseer, count_max=NOTICES_MAX)
            names = self._names_of({row.actor for row in rows})
            notices = tuple(_notice(row, reader, names, state) for row in rows)
        return GlassNoticePage(notices=notices, count=count)


class GlassNews:
    """Tells those who are connected."""

    def __init__(self, *, reading: Reading, publish: Publish) -> None:
        self._reading = reading
        self._publish = publish

    def handle(self, entry: Recorded) -> None:
        """Tell of an entry of the types `FOLLOWED`: its patient, the officers, and whoever opened it."""
        id = parse_stream(entry.stream)[1]
        with self._reading() as state:
            row = store.find_glass(state.db, id)
            officers = holders_of_role(state, OFFICER, count_max=NOTIFIED_MAX)
        if row is None:  # The table is behind the entry nowhere: both are of one commit.
            return
        told = {row.subject, row.actor, *officers, *getattr(entry.body, "notified", ())}
        self._publish(sorted(told), {"topic": TOPIC, "event": _EVENTS[entry.type], "break_glass": id})


def _notice(row: GlassRow, reader: Actor, names: Mapping[str, str], state: State) -> GlassNotice:
    reads, _ = count_reads_under(state.db, row.id)
    return GlassNotice(
        break_glass=row.id,
        about="you" if row.subject == reader.id else "patient",
        who=row.actor,
        name=names.get(row.actor),
        target=row.target_kind,
        reason=row.reason,
        state=glass_of(row, now_ms=state.now_ms),
        opened_at=format_instant(row.opened_ms),
        ended_at=format_instant(row.until_ms if row.closed_ms is None else row.closed_ms),
        times=row.times,
        reads=reads,
        verdict=row.verdict,
    )
