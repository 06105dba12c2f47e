"""All SQL of visits as lists of entries. `peaks` is the compact Merkle range over the visit's entries so far, kept by
the fold, so that closing a visit of any length costs the same.

Each entry on a visit's stream is counted here, of whatever noun it is; what it says is folded by that noun's store.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from telesphor.capabilities.visits.entries import VISIT_CLOSED, VISIT_OBJECT_LINKED, VISIT_OPENED
from telesphor.capabilities.visits.model import VISIT_STREAM, VisitRow
from telesphor.kernel.ids import ActorId, VisitId, parse_stream
from telesphor.kernel.merkle import CompactRange
from telesphor.runtime.capability import Recorded
from telesphor.runtime.rows import InsertRows

SCHEMA = """
CREATE TABLE IF NOT EXISTS visits(
    visit TEXT PRIMARY KEY,
    patient TEXT NOT NULL,
    clinician TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    state TEXT NOT NULL,
    entries INTEGER NOT NULL,
    peaks BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS visit_devices(
    visit TEXT NOT NULL,
    device TEXT NOT NULL,
    PRIMARY KEY(visit, device)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS visit_links(
    visit TEXT NOT NULL,
    stream TEXT NOT NULL,
    n INTEGER NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY(visit, stream, n)
) WITHOUT ROWID;
"""

OBJECTS_SHOWN_MAX = 200
"""Objects of one visit that a view shows: more than anybody writes in two hours."""

_INSERT_VISITS = InsertRows("INSERT INTO visits", columns=5, row="(?, ?, ?, ?, 'open', 1, ?)")
_INSERT_DEVICES = InsertRows("INSERT INTO visit_devices", columns=2)

TABLES = ("visits", "visit_devices", "visit_links")


def find_visit(db: apsw.Connection, visit: str) -> VisitRow | None:
    """Return a visit as the ledger says, if there is one."""
    sql = "SELECT patient, clinician, opened_by, state, entries, peaks FROM visits WHERE visit = ?"
    row = db.execute(sql, (visit,)).fetchone()
    if row is None:
        return None
    patient, clinician, opened_by, state, entries, peaks = row
    return VisitRow(
        visit=VisitId(visit),
        patient=ActorId(patient),
        clinician=ActorId(clinician),
        opened_by=ActorId(opened_by),
        state="closed" if state == "closed" else "open",
        entries=entries,
        root=CompactRange.decode(peaks).root(),
    )


def has_device(db: apsw.Connection, *, visit: str, device: str) -> bool:
    """Whether the device was registered for the visit."""
    sql = "SELECT 1 FROM visit_devices WHERE visit = ? AND device = ?"
    return db.execute(sql, (visit, device)).fetchone() is not None


def has_link(db: apsw.Connection, *, visit: str, stream: str, n: int) -> bool:
    """Whether the entry is linked to the visit already."""
    sql = "SELECT 1 FROM visit_links WHERE visit = ? AND stream = ? AND n = ?"
    return db.execute(sql, (visit, stream, n)).fetchone() is not None


def linked_objects(db: apsw.Connection, visit: str) -> tuple[tuple[str, str], ...]:
    """Return the ids of objects that were written in a visit, each with its role, the newest first."""
    sql = """
        SELECT stream, role FROM visit_links WHERE visit = ?
        AND role IN ('note', 'recording', 'record', 'summary') ORDER BY stream DESC LIMIT ?
    """
    return tuple(
        (parse_stream(stream)[1], role) for stream, role in db.execute(sql, (visit, OBJECTS_SHOWN_MAX))
    )


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Count one entry of a visit's stream; others change nothing here."""
    kind, visit = parse_stream(entry.stream)
    if kind != VISIT_STREAM:
        return
    if entry.type == VISIT_OPENED.name:
        open_visits(db, [(visit, entry)])
        return
    if entry.type == VISIT_OBJECT_LINKED.name:
        link = (visit, entry.body.stream, entry.body.n, str(entry.body.role))
        db.execute("INSERT INTO visit_links VALUES(?, ?, ?, ?)", link)
    _advance(db, entry, visit=visit, state="closed" if entry.type == VISIT_CLOSED.name else "open")


def open_visits(db: apsw.Connection, opened: Sequence[tuple[str, Recorded]]) -> None:
    """Fold entries that open visits, each with the visit's id."""
    visits, devices = [], []
    for visit, entry in opened:
        body = entry.body
        peaks = CompactRange(1, [entry.leaf]).encode()
        visits.append((visit, body.patient, body.clinician, entry.actor, peaks))
        devices += [(visit, device) for device in body.devices]
    _INSERT_VISITS(db, visits)
    _INSERT_DEVICES(db, devices)


def _advance(db: apsw.Connection, entry: Recorded, *, visit: str, state: str) -> None:
    row = db.execute("SELECT peaks FROM visits WHERE visit = ?", (visit,)).fetchone()
    assert row is not None, "a visit's stream begins by opening it"
    peaks = CompactRange.decode(row[0])
    peaks.append(entry.leaf)
    sql = "UPDATE visits SET state = ?, entries = ?, peaks = ? WHERE visit = ?"
    db.execute(sql, (state, peaks.size, peaks.encode(), visit))
