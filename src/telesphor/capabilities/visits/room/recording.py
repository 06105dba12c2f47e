"""Whether a visit may be recorded, whether it is, and when a recording must stop. Reads the tables, writes nothing.

Start at `recording_of`; `stop_where_refused` is what every command asks that changes who is in the room.
"""

from __future__ import annotations

from collections.abc import Collection

import apsw

from telesphor.capabilities.visits.consents.model import Consent
from telesphor.capabilities.visits.consents.store import consents_of
from telesphor.capabilities.visits.life.model import SeatState
from telesphor.capabilities.visits.life.store import seats_of
from telesphor.capabilities.visits.model import VISIT_STREAM
from telesphor.capabilities.visits.room.entries import RECORDING_STOPPED, RecordingStopped
from telesphor.capabilities.visits.room.model import (
    RecordingNotPermitted,
    RecordingRow,
    RecordingView,
    StopReason,
)
from telesphor.capabilities.visits.room.store import running_recording
from telesphor.kernel.ids import ActorId, stream_of
from telesphor.runtime.capability import Draft


def recording_of(db: apsw.Connection, visit: str) -> RecordingView:
    """Return whether a visit may be recorded now, whether it is, and who in the room has not consented."""
    room = [seat.actor for seat in seats_of(db, visit) if seat.state is SeatState.ADMITTED]
    lacking = _without_consent(db, visit, room)
    return RecordingView(
        permitted=bool(room) and not lacking, running=running_recording(db, visit), lacking=lacking
    )


def check_recording(db: apsw.Connection, visit: str) -> None:
    """Let only a visit pass in which everybody in the room consents to be recorded.

    Raises:
        RecordingNotPermitted: nobody is in the room, or not all consent.
    """
    if not recording_of(db, visit).permitted:
        raise RecordingNotPermitted(
            "not everybody in the room consents to the recording", hint="ask those whom the view names"
        )


def stop_where_refused(db: apsw.Connection, visit: str, *, room: Collection[str]) -> tuple[Draft, ...]:
    """The end of a running recording, where it may not go on with these people in the room; or nothing."""
    running = running_recording(db, visit)
    if running is None:
        return ()
    if running.maker not in room:
        return (draft_stop(visit, running, reason="left"),)
    if _without_consent(db, visit, room):
        return (draft_stop(visit, running, reason="consent"),)
    return ()


def stop_running(db: apsw.Connection, visit: str, *, reason: StopReason) -> tuple[Draft, ...]:
    """The end of a recording, if one runs."""
    running = running_recording(db, visit)
    return () if running is None else (draft_stop(visit, running, reason=reason),)


def draft_stop(visit: str, running: RecordingRow, *, reason: StopReason) -> Draft:
    """The entry with which a recording ends."""
    body = RecordingStopped(object=running.object, reason=reason)
    return Draft(RECORDING_STOPPED.name, stream_of(VISIT_STREAM, visit), body)


def _without_consent(db: apsw.Connection, visit: str, room: Collection[str]) -> tuple[ActorId, ...]:
    given = {row.actor for row in consents_of(db, visit) if row.consent is Consent.RECORDING}
    return tuple(ActorId(actor) for actor in sorted(room) if actor not in given)
