"""All SQL of a visit's life: how far each visit is, and who has which seat."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import apsw

from telesphor.capabilities.visits.entries import VISIT_CLOSED, VISIT_OBJECT_LINKED, VISIT_OPENED
from telesphor.capabilities.visits.life.entries import (
    IDENTITY_CONFIRMED,
    IDENTITY_PRESENTED,
    VISIT_ADMITTED,
    VISIT_BEGUN,
    VISIT_CHECKED_IN,
    VISIT_ENDED,
    VISIT_INVITED,
    VISIT_LEFT,
    VISIT_REMOVED,
    VISIT_RETURNED,
    VISIT_SCHEDULED,
    VISIT_WAITING,
)
from telesphor.capabilities.visits.life.model import (
    SEATS_EVER_MAX,
    Checks,
    LifeRow,
    Outcome,
    Phase,
    SeatRole,
    SeatRow,
    SeatState,
)
from telesphor.capabilities.visits.model import VISIT_STREAM
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.ids import ActorId, VisitId, parse_stream
from telesphor.runtime.capability import Recorded
from telesphor.runtime.rows import InsertRows

SCHEMA = """
CREATE TABLE IF NOT EXISTS visit_lives(
    visit TEXT PRIMARY KEY,
    patient TEXT NOT NULL,
    clinician TEXT NOT NULL,
    phase TEXT NOT NULL,
    outcome TEXT,
    starts_ms INTEGER,
    minutes INTEGER,
    opened_at TEXT NOT NULL,
    led INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    arranged INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS visit_lives_due ON visit_lives(clinician, due_ms)
    WHERE phase IN ('opened', 'scheduled', 'underway');
CREATE TABLE IF NOT EXISTS visit_seats(
    visit TEXT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    since_at TEXT NOT NULL,
    steps INTEGER NOT NULL,
    camera TEXT,
    microphone TEXT,
    speaker TEXT,
    network TEXT,
    identity TEXT,
    presentation TEXT,
    PRIMARY KEY(visit, actor)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS visit_seats_of ON visit_seats(actor, visit);
CREATE INDEX IF NOT EXISTS visit_seats_showing ON visit_seats(presentation) WHERE presentation IS NOT NULL;
CREATE INDEX IF NOT EXISTS visit_seats_waiting ON visit_seats(since) WHERE state = 'waiting';
"""

TABLES = ("visit_lives", "visit_seats")

_LIFE = "visit, patient, clinician, phase, outcome, starts_ms, minutes, opened_at, led"
_CHECKS = "camera, microphone, speaker, network"
_SEAT = f"visit, actor, role, state, since, since_at, steps, {_CHECKS}, identity, presentation"
_NEW_SEAT = "(?, ?, ?, 'expected', ?, ?, 0, NULL, NULL, NULL, NULL, NULL, NULL)"
_PATIENT, _CLINICIAN = SeatRole.PATIENT.value, SeatRole.CLINICIAN.value
_INSERT_LIVES = InsertRows(
    "INSERT INTO visit_lives", columns=6, row="(?, ?, ?, 'opened', NULL, NULL, NULL, ?, 0, ?, ?)"
)
_INSERT_SEATS = InsertRows("INSERT INTO visit_seats", columns=5, row=_NEW_SEAT)
_LIVING = "('opened', 'scheduled', 'underway')"

# The state to which an entry moves the seat of its actor, or of the participant that it names.
_OWN_STATE = {
    VISIT_WAITING.name: SeatState.WAITING,
    VISIT_BEGUN.name: SeatState.ADMITTED,
    VISIT_LEFT.name: SeatState.LEFT,
}
_NAMED_STATE = {
    VISIT_ADMITTED.name: SeatState.ADMITTED,
    VISIT_RETURNED.name: SeatState.WAITING,
    VISIT_REMOVED.name: SeatState.REMOVED,
}


def find_life(db: apsw.Connection, visit: str) -> LifeRow | None:
    """Return how far a visit is, if there is one."""
    row = db.execute(f"SELECT {_LIFE} FROM visit_lives WHERE visit = ?", (visit,)).fetchone()  # noqa: S608
    return None if row is None else _life(row)


def find_seat(db: apsw.Connection, *, visit: str, actor: str) -> SeatRow | None:
    """Return the seat of one participant, also when it was removed."""
    sql = f"SELECT {_SEAT} FROM visit_seats WHERE visit = ? AND actor = ?"  # noqa: S608
    row = db.execute(sql, (visit, actor)).fetchone()
    return None if row is None else _seat(row)


def seats_of(db: apsw.Connection, visit: str) -> tuple[SeatRow, ...]:
    """Return all seats of a visit by actor id, removed ones among them."""
    sql = f"SELECT {_SEAT} FROM visit_seats WHERE visit = ? ORDER BY actor LIMIT ?"  # noqa: S608
    return tuple(_seat(row) for row in db.execute(sql, (visit, SEATS_EVER_MAX)))


def has_seat(db: apsw.Connection, actor: str) -> bool:
    """Return whether an actor, registered or not, has a seat in any visit, or had."""
    return db.execute("SELECT 1 FROM visit_seats WHERE actor = ? LIMIT 1", (actor,)).fetchone() is not None


def visits_showing(db: apsw.Connection, presentation: str, *, limit: int) -> tuple[VisitId, ...]:
    """Return the visits in which somebody showed who it is by this presentation, and by no later one."""
    sql = "SELECT visit FROM visit_seats WHERE presentation = ? ORDER BY visit DESC LIMIT ?"
    return tuple(VisitId(visit) for (visit,) in db.execute(sql, (presentation, limit)))


def waiting_for(
    db: apsw.Connection, clinician: str, *, after_at: str, limit: int
) -> list[tuple[VisitId, ActorId]]:
    """Return the visits whose patients wait for a clinician since this instant or later, in the order of the queue."""
    sql = f"""
        SELECT visit_seats.visit, visit_seats.actor FROM visit_lives JOIN visit_seats
        ON visit_seats.visit = visit_lives.visit AND visit_seats.actor = visit_lives.patient
        WHERE visit_lives.clinician = ? AND visit_lives.phase IN {_LIVING}
        AND visit_seats.state = 'waiting' AND visit_seats.since_at >= ?
        ORDER BY visit_seats.since LIMIT ?
    """  # noqa: S608  a constant
    rows: list[Any] = db.execute(sql, (clinician, after_at, limit)).fetchall()
    return [(VisitId(visit), ActorId(actor)) for visit, actor in rows]


def due_for(db: apsw.Connection, clinician: str, *, from_ms: int, until_ms: int, limit: int) -> list[LifeRow]:
    """Return the visits of a clinician that are neither ended nor closed and are due in a span of time, in order."""
    sql = f"""
        SELECT {_LIFE} FROM visit_lives WHERE clinician = ? AND phase IN {_LIVING}
        AND due_ms >= ? AND due_ms < ? ORDER BY due_ms, visit LIMIT ?
    """  # noqa: S608  constants
    return [_life(row) for row in db.execute(sql, (clinician, from_ms, until_ms, limit))]


def upcoming_of(db: apsw.Connection, actor: str, *, limit: int) -> list[LifeRow]:
    """Return the visits in which an actor has a seat and that are neither ended nor closed, the soonest first."""
    sql = f"""
        SELECT {_joined()} FROM visit_seats JOIN visit_lives ON visit_lives.visit = visit_seats.visit
        WHERE visit_seats.actor = ? AND visit_seats.state <> 'removed' AND visit_lives.phase IN {_LIVING}
        ORDER BY due_ms, visit_lives.visit LIMIT ?
    """  # noqa: S608  constants
    return [_life(row) for row in db.execute(sql, (actor, limit))]


def past_of(db: apsw.Connection, actor: str, *, before: str | None, limit: int) -> list[LifeRow]:
    """Return the visits of an actor that have ended or are closed, by falling id, below `before`."""
    sql = f"""
        SELECT {_joined()} FROM visit_seats JOIN visit_lives ON visit_lives.visit = visit_seats.visit
        WHERE visit_seats.actor = ? AND visit_seats.visit < ? AND visit_seats.state <> 'removed'
        AND visit_lives.phase NOT IN {_LIVING} ORDER BY visit_seats.visit DESC LIMIT ?
    """  # noqa: S608  constants
    return [_life(row) for row in db.execute(sql, (actor, before or "g", limit))]


def sharing_a_visit(db: apsw.Connection, actor: str, others: Sequence[str]) -> set[str]:
    """Return those of these actors whom the actor knows from a visit in which it has a seat that stands.

    INVARIANT: whoever was only put on a seat is a stranger still, unless somebody else arranged the visit: otherwise
    one would learn a name by opening a visit with an id. Who took a step in it is known.
    """
    places = ", ".join("?" * len(others))
    sql = f"""
        SELECT DISTINCT theirs.actor FROM visit_seats AS theirs JOIN visit_seats AS mine
        ON mine.visit = theirs.visit AND mine.actor = ? AND mine.state <> 'removed'
        JOIN visit_lives ON visit_lives.visit = theirs.visit
        WHERE theirs.actor IN ({places}) AND (theirs.steps > 0 OR theirs.actor = visit_lives.clinician
            OR (visit_lives.arranged = 1 AND theirs.actor = visit_lives.patient))
    """  # noqa: S608  question marks
    return {row[0] for row in db.execute(sql, (actor, *others))}


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of a visit's stream into the tables; most of other nouns change nothing here."""
    kind, visit = parse_stream(entry.stream)
    if kind != VISIT_STREAM:
        return
    if entry.type == VISIT_OPENED.name:
        open_lives(db, [(visit, entry)])
    elif entry.type == VISIT_CLOSED.name:
        db.execute("UPDATE visit_lives SET phase = ? WHERE visit = ?", (Phase.CLOSED.value, visit))
        _clear_room(db, entry, visit)
    elif entry.type != VISIT_OBJECT_LINKED.name:
        _count(db, entry, visit)
        _step(db, entry, visit)


def open_lives(db: apsw.Connection, opened: Sequence[tuple[str, Recorded]]) -> None:
    """Fold entries that open visits, each with the visit's id: a life, and the seats of patient and clinician."""
    lives, seats = [], []
    instants = {at: parse_instant(at) for at in {entry.at for _, entry in opened}}
    for visit, entry in opened:
        body, at, position = entry.body, entry.at, entry.position
        arranged = int(entry.actor != body.clinician)
        lives.append((visit, body.patient, body.clinician, at, instants[at], arranged))
        seats.append((visit, body.patient, _PATIENT, position, at))
        seats.append((visit, body.clinician, _CLINICIAN, position, at))
    _INSERT_LIVES(db, lives)
    _INSERT_SEATS(db, seats)


def _step(db: apsw.Connection, entry: Recorded, visit: str) -> None:
    if entry.type in _OWN_STATE:
        _put_state(db, entry, visit, actor=entry.actor, state=_OWN_STATE[entry.type])
    elif entry.type in _NAMED_STATE:
        _put_state(db, entry, visit, actor=entry.body.participant, state=_NAMED_STATE[entry.type])
    elif entry.type == VISIT_CHECKED_IN.name:
        _check_in(db, entry, visit)
    elif entry.type == VISIT_INVITED.name:
        _seat_somebody(db, entry, visit, actor=entry.body.participant, role=SeatRole(entry.body.role))
    elif entry.type == VISIT_SCHEDULED.name:
        starts_ms = parse_instant(entry.body.starts_at)
        sql = """
            UPDATE visit_lives SET phase = 'scheduled', starts_ms = ?, minutes = ?, due_ms = ?, led = 1
            WHERE visit = ?
        """
        db.execute(sql, (starts_ms, entry.body.minutes, starts_ms, visit))
    elif entry.type == VISIT_ENDED.name:
        sql = "UPDATE visit_lives SET phase = 'ended', outcome = ?, led = 1 WHERE visit = ?"
        db.execute(sql, (entry.body.outcome, visit))
        _clear_room(db, entry, visit)
    elif entry.type == IDENTITY_PRESENTED.name:
        sql = "UPDATE visit_seats SET identity = 'presented', presentation = ? WHERE visit = ? AND actor = ?"
        db.execute(sql, (entry.body.presentation, visit, entry.actor))
    elif entry.type == IDENTITY_CONFIRMED.name:
        sql = "UPDATE visit_seats SET identity = 'confirmed' WHERE visit = ? AND actor = ?"
        db.execute(sql, (visit, entry.body.participant))
    if entry.type == VISIT_BEGUN.name:
        db.execute("UPDATE visit_lives SET phase = 'underway', led = 1 WHERE visit = ?", (visit,))


def _seat_somebody(db: apsw.Connection, entry: Recorded, visit: str, *, actor: str, role: SeatRole) -> None:
    """A new seat, or that of a removed participant anew; the patient's, who is invited by a link, stays as it is."""
    sql = f"""
        INSERT INTO visit_seats VALUES{_NEW_SEAT}
        ON CONFLICT(visit, actor) DO UPDATE SET
            role = excluded.role, state = 'expected', since = excluded.since, since_at = excluded.since_at,
            camera = NULL, microphone = NULL, speaker = NULL, network = NULL, identity = NULL,
            presentation = NULL
        WHERE visit_seats.state = 'removed'
    """
    db.execute(sql, (visit, actor, role.value, entry.position, entry.at))


def _put_state(db: apsw.Connection, entry: Recorded, visit: str, *, actor: str, state: SeatState) -> None:
    sql = "UPDATE visit_seats SET state = ?, since = ?, since_at = ? WHERE visit = ? AND actor = ?"
    db.execute(sql, (state.value, entry.position, entry.at, visit, actor))


def _check_in(db: apsw.Connection, entry: Recorded, visit: str) -> None:
    """Whoever waits already keeps its place, and only the results are new."""
    body = entry.body
    sql = """
        UPDATE visit_seats SET camera = ?, microphone = ?, speaker = ?, network = ?
        WHERE visit = ? AND actor = ?
    """
    db.execute(sql, (body.camera, body.microphone, body.speaker, body.network, visit, entry.actor))
    sql = """
        UPDATE visit_seats SET state = 'checked-in', since = ?, since_at = ?
        WHERE visit = ? AND actor = ? AND state <> 'waiting'
    """
    db.execute(sql, (entry.position, entry.at, visit, entry.actor))


def _clear_room(db: apsw.Connection, entry: Recorded, visit: str) -> None:
    sql = """
        UPDATE visit_seats SET state = 'left', since = ?, since_at = ?
        WHERE visit = ? AND state IN ('checked-in', 'waiting', 'admitted')
    """
    db.execute(sql, (entry.position, entry.at, visit))


def _count(db: apsw.Connection, entry: Recorded, visit: str) -> None:
    sql = "UPDATE visit_seats SET steps = steps + 1 WHERE visit = ? AND actor = ?"
    db.execute(sql, (visit, entry.actor))


def _joined() -> str:
    return ", ".join(f"visit_lives.{name}" for name in _LIFE.split(", "))


def _life(row: Any) -> LifeRow:
    visit, patient, clinician, phase, outcome, starts_ms, minutes, opened_at, led = row
    return LifeRow(
        visit=VisitId(visit),
        patient=ActorId(patient),
        clinician=ActorId(clinician),
        phase=Phase(phase),
        outcome=None if outcome is None else Outcome(outcome),
        starts_ms=starts_ms,
        minutes=minutes,
        opened_at=opened_at,
        led=bool(led),
    )


def _seat(row: Collection[Any]) -> SeatRow:
    visit, actor, role, state, since, since_at, steps, camera, microphone, speaker, network, *shown = row
    identity, presentation = shown
    checks = None if camera is None else Checks(camera, microphone, speaker, network)
    return SeatRow(
        visit=VisitId(visit),
        actor=ActorId(actor),
        role=SeatRole(role),
        state=SeatState(state),
        since=since,
        since_at=since_at,
        steps=steps,
        checks=checks,
        identity=identity,
        presentation=presentation,
    )
