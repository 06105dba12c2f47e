"""A visit as its views show it. Pure: what was read goes in, the picture for one reader comes out.

Start at `draw_visit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from telesphor.capabilities.visits.consents.model import Consent, ConsentRow, TextShown
from telesphor.capabilities.visits.life.model import (
    CLINICAL,
    LIVING,
    THIRD_PARTIES,
    Checks,
    LifeRow,
    Phase,
    SeatRole,
    SeatRow,
    SeatState,
)
from telesphor.capabilities.visits.room.model import EpochRow, RecordingView
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import VisitId

BAD_CHECKS: Final = frozenset({"refused", "missing", "failed"})
"""Outcomes of a device test with which nobody is seen or heard; untested, they may well be."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A consent that stands."""

    text: str
    language: str
    at: str


class ConsentsShown(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's consents, each apart."""

    visit: Given | None = None
    recording: Given | None = None
    sharing: Given | None = None


class ChecksShown(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody's devices and network did."""

    camera: str
    microphone: str
    speaker: str
    network: str


class SeatView(msgspec.Struct, frozen=True, kw_only=True):
    """One participant; `since` is the instant of the last change of state.

    `presentation` is by which it showed who it is, for itself and for those who may read it: `presentation.read/1`.
    """

    actor: str
    name: str | None
    role: str
    state: str
    since: str
    checks: ChecksShown | None
    identity: Literal["presented", "confirmed"] | None
    presentation: str | None
    consents: ConsentsShown


class RoomView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is in the room, and the newest key that was noted.

    `epoch_needed`: the reader is in the room, and no key of its own is noted for exactly those who are.
    """

    epoch: int
    epoch_needed: bool
    key_maker: str | None
    participants: tuple[str, ...]


class RecordingShown(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the visit may be recorded, and is; `lacking` are those in the room who have not consented."""

    permitted: bool
    running: bool
    object: str | None
    started_at: str | None
    lacking: tuple[str, ...]


class ObjectShown(msgspec.Struct, frozen=True, kw_only=True):
    """Something that belongs to the visit."""

    object: str
    role: str


class VisitView(msgspec.Struct, frozen=True, kw_only=True):
    """One visit as one reader sees it; `position` is 1 for the next in the queue, and nothing for who does not wait.

    `missing` says what is lacking before the patient is, or should be, let in.
    """

    visit: str
    phase: str
    outcome: str | None
    starts_at: str | None
    minutes: int | None
    opened_at: str
    seats: tuple[SeatView, ...]
    mine: SeatView | None
    position: int | None
    ahead: int | None
    missing: tuple[str, ...]
    room: RoomView
    recording: RecordingShown
    summary: str | None
    objects: tuple[ObjectShown, ...]
    entries: int


class VisitList(msgspec.Struct, frozen=True, kw_only=True):
    """Visits of one person; `now` is the node's time, by which a browser corrects its own."""

    now: str
    visits: tuple[VisitView, ...]
    next: str | None


class VisitShown(msgspec.Struct, frozen=True, kw_only=True):
    """One visit."""

    now: str
    visit: VisitView


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """Who waits for a clinician, in order, and what is due today."""

    now: str
    waiting: tuple[VisitView, ...]
    today: tuple[VisitView, ...]


class ConsentTexts(msgspec.Struct, frozen=True, kw_only=True):
    """What people are shown before they consent."""

    texts: tuple[TextShown, ...]


class Parts(NamedTuple):
    """What was read of one visit; `queue` are the visits whose patients wait for the same clinician, in order."""

    life: LifeRow
    seats: Sequence[SeatRow]
    consents: Sequence[ConsentRow]
    epochs: Sequence[EpochRow]
    recording: RecordingView
    objects: Sequence[tuple[str, str]]
    names: Mapping[str, str]
    queue: Sequence[VisitId]
    entries: int


def draw_visit(parts: Parts, *, reader: str) -> VisitView:
    """The picture of a visit for one reader.

    An interpreter or a caregiver sees of others who they are, where they are, and whether they may be recorded.
    """
    life = parts.life
    own = next((seat for seat in parts.seats if seat.actor == reader), None)
    beside = own is not None and own.role in THIRD_PARTIES
    clinical = own is not None and own.role in CLINICAL and own.state is not SeatState.REMOVED
    seats = tuple(
        _draw_seat(
            seat,
            parts,
            plain=beside and seat is not own,
            shown=seat is own or (clinical and life.phase in LIVING),
        )
        for seat in parts.seats
    )
    position = parts.queue.index(life.visit) + 1 if life.visit in parts.queue else None
    objects = () if beside else tuple(ObjectShown(object=name, role=role) for name, role in parts.objects)
    return VisitView(
        visit=life.visit,
        phase=life.phase.value,
        outcome=None if life.outcome is None else life.outcome.value,
        starts_at=None if life.starts_ms is None else format_instant(life.starts_ms),
        minutes=life.minutes,
        opened_at=life.opened_at,
        seats=seats,
        mine=next((seat for seat in seats if seat.actor == reader), None),
        position=position,
        ahead=None if position is None else position - 1,
        missing=() if beside else tuple(_missing(parts)),
        room=_draw_room(parts, reader),
        recording=_draw_recording(parts.recording),
        summary=next((one.object for one in objects if one.role == "summary"), None),
        objects=objects,
        entries=parts.entries,
    )


def _draw_seat(seat: SeatRow, parts: Parts, *, plain: bool, shown: bool) -> SeatView:
    given = {
        row.consent.value: Given(text=row.text, language=row.language, at=row.at)
        for row in parts.consents
        if row.actor == seat.actor and not (plain and row.consent is Consent.VISIT)
    }
    return SeatView(
        actor=seat.actor,
        name=parts.names.get(seat.actor),
        role=seat.role.value,
        state=seat.state.value,
        since=seat.since_at,
        checks=None if plain or seat.checks is None else _draw_checks(seat.checks),
        identity=None if plain else seat.identity,
        presentation=seat.presentation if shown else None,
        consents=ConsentsShown(**given),
    )


def _draw_checks(checks: Checks) -> ChecksShown:
    return ChecksShown(
        camera=checks.camera,
        microphone=checks.microphone,
        speaker=checks.speaker,
        network=checks.network,
    )


def _draw_room(parts: Parts, reader: str) -> RoomView:
    room = tuple(sorted(seat.actor for seat in parts.seats if seat.state is SeatState.ADMITTED))
    own = next((row for row in parts.epochs if row.maker == reader), None)
    return RoomView(
        epoch=max((row.epoch for row in parts.epochs), default=0),
        epoch_needed=reader in room and (own is None or own.participants != room),
        key_maker=room[0] if room else None,
        participants=room,
    )


def _draw_recording(recording: RecordingView) -> RecordingShown:
    running = recording.running
    return RecordingShown(
        permitted=recording.permitted,
        running=running is not None,
        object=None if running is None else running.object,
        started_at=None if running is None else running.started_at,
        lacking=recording.lacking,
    )


def _missing(parts: Parts) -> Iterator[str]:
    """What is lacking before the patient is let in, as codes; nothing once it does not matter any more."""
    patient = next((seat for seat in parts.seats if seat.role is SeatRole.PATIENT), None)
    if patient is None or parts.life.phase not in LIVING | {Phase.UNDERWAY}:
        return
    if patient.checks is None or patient.state in (SeatState.EXPECTED, SeatState.LEFT):
        yield "check-in"
    given = {row.consent for row in parts.consents if row.actor == patient.actor}
    if Consent.VISIT not in given:
        yield "consent-visit"
    if patient.identity is None:
        yield "identity"
    third = any(seat.role in THIRD_PARTIES and seat.state is not SeatState.REMOVED for seat in parts.seats)
    if third and Consent.SHARING not in given:
        yield "consent-sharing"
    if patient.checks is not None:
        yield from (name for name in ("camera", "microphone") if getattr(patient.checks, name) in BAD_CHECKS)
