"""All SQL of the room: the newest key of each participant of a visit, and its recordings."""

from __future__ import annotations

import apsw

from telesphor.capabilities.visits.life.model import SEATS_EVER_MAX
from telesphor.capabilities.visits.room.entries import EPOCH_OPENED, RECORDING_STARTED, RECORDING_STOPPED
from telesphor.capabilities.visits.room.model import EpochRow, RecordingRow
from telesphor.kernel.ids import ActorId, ObjectId, parse_stream
from telesphor.runtime.capability import Recorded

SCHEMA = """
CREATE TABLE IF NOT EXISTS visit_epochs(
    visit TEXT NOT NULL,
    maker TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    participants TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY(visit, maker)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS visit_recordings(
    visit TEXT NOT NULL,
    object TEXT NOT NULL,
    maker TEXT NOT NULL,
    started_at TEXT NOT NULL,
    stopped_at TEXT,
    PRIMARY KEY(visit, object)
) WITHOUT ROWID;
"""

TABLES = ("visit_epochs", "visit_recordings")


def epochs_of(db: apsw.Connection, visit: str) -> tuple[EpochRow, ...]:
    """Return the newest key of each participant who has made one, the newest of all first."""
    sql = "SELECT epoch, participants, maker FROM visit_epochs WHERE visit = ? ORDER BY position DESC LIMIT ?"
    return tuple(
        EpochRow(epoch, tuple(ActorId(actor) for actor in participants.split()), ActorId(maker))
        for epoch, participants, maker in db.execute(sql, (visit, SEATS_EVER_MAX))
    )


def last_epoch_of(db: apsw.Connection, *, visit: str, maker: str) -> int:
    """Return the number of a participant's last key; 0 where it has made none."""
    sql = "SELECT epoch FROM visit_epochs WHERE visit = ? AND maker = ?"
    row = db.execute(sql, (visit, maker)).fetchone()
    return 0 if row is None else int(row[0])


def running_recording(db: apsw.Connection, visit: str) -> RecordingRow | None:
    """Return the recording that runs, if one does."""
    sql = "SELECT object, maker, started_at FROM visit_recordings WHERE visit = ? AND stopped_at IS NULL"
    row = db.execute(sql, (visit,)).fetchone()
    return None if row is None else RecordingRow(ObjectId(row[0]), ActorId(row[1]), row[2], None)


def find_recording(db: apsw.Connection, *, visit: str, object: str) -> RecordingRow | None:
    """Return what the visit was recorded into, if it was this object."""
    sql = "SELECT maker, started_at, stopped_at FROM visit_recordings WHERE visit = ? AND object = ?"
    row = db.execute(sql, (visit, object)).fetchone()
    return None if row is None else RecordingRow(ObjectId(object), ActorId(row[0]), row[1], row[2])


def count_recordings(db: apsw.Connection, visit: str) -> int:
    """Return how many recordings a visit has."""
    sql = "SELECT count(*) FROM visit_recordings WHERE visit = ?"
    row = db.execute(sql, (visit,)).fetchone()
    return 0 if row is None else int(row[0])


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of the room into the tables; others change nothing here."""
    body, visit = entry.body, parse_stream(entry.stream)[1]
    if entry.type == EPOCH_OPENED.name:
        row = (visit, entry.actor, body.epoch, " ".join(body.participants), entry.position)
        db.execute("INSERT OR REPLACE INTO visit_epochs VALUES(?, ?, ?, ?, ?)", row)
    elif entry.type == RECORDING_STARTED.name:
        begun = (visit, body.object, entry.actor, entry.at)
        db.execute("INSERT INTO visit_recordings VALUES(?, ?, ?, ?, NULL)", begun)
    elif entry.type == RECORDING_STOPPED.name:
        sql = "UPDATE visit_recordings SET stopped_at = ? WHERE visit = ? AND object = ?"
        db.execute(sql, (entry.at, visit, body.object))
