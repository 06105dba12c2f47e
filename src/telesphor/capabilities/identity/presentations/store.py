"""All SQL of presentations: each request with what became of it, and the nonces that were used."""

from __future__ import annotations

import apsw

from telesphor.capabilities.identity.presentations.entries import (
    PRESENTED,
    REFUSED,
    REQUESTED,
    WITHDRAWN,
    Presented,
    Requested,
)
from telesphor.capabilities.identity.presentations.model import AcceptedRow, AskedRow, PresentationRow
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId, parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS presentations(
    presentation TEXT PRIMARY KEY,
    verifier TEXT NOT NULL,
    holder TEXT NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    refusals INTEGER NOT NULL,
    presenter TEXT NOT NULL,
    vp TEXT NOT NULL,
    factors TEXT NOT NULL,
    relied_until_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS presentations_shown ON presentations(presenter, relied_until_ms)
    WHERE state = 'presented';
CREATE INDEX IF NOT EXISTS presentations_asked ON presentations(holder, expires_ms)
    WHERE state = 'requested' AND holder <> '';
CREATE TABLE IF NOT EXISTS presentation_nonces(
    nonce TEXT PRIMARY KEY
) WITHOUT ROWID;
"""

TABLES = ("presentations", "presentation_nonces")


def find_presentation(db: apsw.Connection, presentation: str) -> PresentationRow | None:
    """Return a presentation, if it was requested."""
    sql = (
        "SELECT verifier, holder, request, state, expires_ms, refusals, presenter, vp, factors, relied_until_ms"
        " FROM presentations WHERE presentation = ?"
    )
    row = db.execute(sql, (presentation,)).fetchone()
    if row is None:
        return None
    verifier, holder, request, *rest = row
    return PresentationRow(ActorId(verifier), holder, Digest(request), *rest)


def nonce_is_used(db: apsw.Connection, nonce: str) -> bool:
    """Whether a nonce, by its digest, stood in a request before."""
    sql = "SELECT 1 FROM presentation_nonces WHERE nonce = ?"
    return db.execute(sql, (nonce,)).fetchone() is not None


def accepted_of(db: apsw.Connection, actor: str, *, after_ms: int, limit: int) -> tuple[AcceptedRow, ...]:
    """Return what an actor has shown that is relied on after `after_ms`, what lasts longest first."""
    sql = (
        "SELECT factors, relied_until_ms FROM presentations WHERE presenter = ? AND state = 'presented'"
        " AND relied_until_ms > ? ORDER BY relied_until_ms DESC, presentation LIMIT ?"
    )
    return tuple(AcceptedRow(*row) for row in db.execute(sql, (actor, after_ms, limit)))


def asked_of(db: apsw.Connection, holder: str, *, after_ms: int, limit: int) -> list[AskedRow]:
    """Return the open requests by others that name an actor and end after `after_ms`, the first to end first."""
    sql = (
        "SELECT presentation, verifier, expires_ms FROM presentations WHERE holder = ? AND holder <> ''"
        " AND state = 'requested' AND expires_ms > ? AND verifier <> holder ORDER BY expires_ms, presentation LIMIT ?"
    )
    return [AskedRow(*row) for row in db.execute(sql, (holder, after_ms, limit))]


def count_asked(db: apsw.Connection, holder: str, verifier: str, *, after_ms: int) -> int:
    """Count the open requests of one verifier that name an actor and end after `after_ms`."""
    sql = (
        "SELECT count(*) FROM presentations WHERE holder = ? AND holder <> '' AND state = 'requested'"
        " AND expires_ms > ? AND verifier = ?"
    )
    ((count,),) = db.execute(sql, (holder, after_ms, verifier))
    return int(count)


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of presentations into the tables."""
    presentation = parse_stream(entry.stream)[1]
    if entry.type == REQUESTED.name:
        _add_request(db, presentation, entry.actor, entry.body)
    elif entry.type == PRESENTED.name:
        _present(db, presentation, entry.actor, entry.body)
    elif entry.type == REFUSED.name:
        db.execute("UPDATE presentations SET refusals = refusals + 1 WHERE presentation = ?", (presentation,))
    elif entry.type == WITHDRAWN.name:
        db.execute("UPDATE presentations SET state = 'withdrawn' WHERE presentation = ?", (presentation,))


def _add_request(db: apsw.Connection, presentation: str, verifier: str, body: Requested) -> None:
    row = (presentation, verifier, body.holder or "", body.request, parse_instant(body.expires_at))
    db.execute("INSERT INTO presentations VALUES(?, ?, ?, ?, 'requested', ?, 0, '', '', '', 0)", row)
    db.execute("INSERT INTO presentation_nonces VALUES(?)", (body.nonce,))


def _present(db: apsw.Connection, presentation: str, presenter: str, body: Presented) -> None:
    sql = (
        "UPDATE presentations SET state = 'presented', presenter = ?, vp = ?, factors = ?, relied_until_ms = ?"
        " WHERE presentation = ?"
    )
    until_ms = parse_instant(body.expires_at)
    db.execute(sql, (presenter, body.vp, body.factors, until_ms, presentation))


STORE = Store(SCHEMA, TABLES, apply)
