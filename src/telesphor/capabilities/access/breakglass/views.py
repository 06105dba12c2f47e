"""The list of emergencies: patients see those about them, persons their own, officers and organisations all of them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telesphor.capabilities.access.breakglass import store
from telesphor.capabilities.access.breakglass.entries import GLASSES_LISTED, GlassesListed
from telesphor.capabilities.access.breakglass.model import PAGE_ROWS_MAX, GlassRow
from telesphor.capabilities.access.breakglass.service import glass_of, is_overseer
from telesphor.capabilities.access.model import ACCESS_STREAM
from telesphor.capabilities.access.store import count_reads_under
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State


class ListGlasses(Body, frozen=True, kw_only=True):
    """Ask for a page of emergencies, the newest first, from below the position `before`: alarming, or all."""

    which: Literal["alarms", "all"] = "alarms"
    before: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 2**53 - 1


class GlassLine(msgspec.Struct, frozen=True, kw_only=True):
    """One emergency.

    Attributes:
        state: `open`, `ended` or `reviewed`; the first two alarm.
        ended_at: when it is over, or was.
        times: which of the person's openings within a day it was: the higher, the louder.
        reads, denied: reads that were allowed while it was open for them, and that were denied all the same.
    """

    break_glass: str
    position: int
    state: str
    actor: str
    subject: str
    target: str
    reason: str
    reauthentication: str
    opened_at: str
    ended_at: str
    times: int
    reads: int
    denied: int
    reviewer: str | None
    verdict: str | None


class GlassPage(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `break-glass.list/1`; `before` asks for the next page, and is None on the last."""

    glasses: tuple[GlassLine, ...]
    before: int | None


def list_glasses(actor: Actor, command: ListGlasses, state: State) -> Decision:
    """Show a page of emergencies that the actor has to do with, and note it."""
    rows = store.glasses(
        state.db,
        of=None if is_overseer(state, actor) else actor.id,
        alarming=command.which == "alarms",
        before=command.before,
        count_max=PAGE_ROWS_MAX,
    )
    page = GlassPage(
        glasses=tuple(_line(row, state) for row in rows),
        before=rows[-1].position if len(rows) == PAGE_ROWS_MAX else None,
    )
    draft = Draft(GLASSES_LISTED.name, stream_of(ACCESS_STREAM, actor.id), GlassesListed(count=len(rows)))
    return Decision((draft,), page)


def _line(row: GlassRow, state: State) -> GlassLine:
    reads, denied = count_reads_under(state.db, row.id)
    return GlassLine(
        break_glass=row.id,
        position=row.position,
        state=glass_of(row, now_ms=state.now_ms),
        actor=row.actor,
        subject=row.subject,
        target=f"{row.target_kind}/{row.target}",
        reason=row.reason,
        reauthentication="passkey" if row.passkey else "key",
        opened_at=format_instant(row.opened_ms),
        ended_at=format_instant(row.until_ms if row.closed_ms is None else row.closed_ms),
        times=row.times,
        reads=reads,
        denied=denied,
        reviewer=row.reviewer,
        verdict=row.verdict,
    )
