"""All SQL of invitations."""

from __future__ import annotations

from typing import Any, Final

import apsw
import msgspec

from telesphor.capabilities.identity.invitations.entries import (
    INVITATION_ACCEPTED,
    INVITATION_MADE,
    INVITATION_REDEEMED,
    INVITATION_REFUSED,
    INVITATION_WITHDRAWN,
)
from telesphor.capabilities.identity.invitations.model import TRIES_MAX, InvitationRow
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS invitations(
    invitation TEXT PRIMARY KEY,
    inviter TEXT NOT NULL,
    actor TEXT NOT NULL,
    code TEXT NOT NULL,
    passcode TEXT,
    visit TEXT,
    groups TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    state TEXT NOT NULL,
    wrong INTEGER NOT NULL,
    taken_by TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS invitations_for ON invitations(actor, inviter);
"""

TABLES: Final = ("invitations",)

_ROW: Final = """
SELECT invitation, inviter, actor, code, passcode, visit, groups, expires_at, state, wrong, taken_by
FROM invitations WHERE invitation = ?
"""
_OPEN: Final = """
SELECT invitation, inviter, actor, code, passcode, visit, groups, expires_at, state, wrong, taken_by
FROM invitations WHERE state = 'open' AND visit IS NULL AND expires_at > ? AND invitation > ?
ORDER BY invitation LIMIT ?
"""


def find_invitation(db: apsw.Connection, invitation: str) -> InvitationRow | None:
    """Return an invitation, whatever became of it."""
    row = db.execute(_ROW, (invitation,)).fetchone()
    return None if row is None else _read(row)


def open_invitations(db: apsw.Connection, *, now: str, after: str, count_max: int) -> list[InvitationRow]:
    """Return invitations to no visit that can still be used, by id from behind `after`."""
    return [_read(row) for row in db.execute(_OPEN, (now, after, count_max))]


def inviters_of(db: apsw.Connection, *, actor: str, now: str) -> set[str]:
    """Return who has an invitation for an actor out."""
    sql = "SELECT DISTINCT inviter FROM invitations WHERE actor = ? AND state = 'open' AND expires_at > ?"
    return {inviter for (inviter,) in db.execute(sql, (actor, now))}


def was_invited(db: apsw.Connection, *, actor: str, besides: str) -> bool:
    """Return whether anybody but `besides` ever invited an actor, whatever became of it."""
    sql = "SELECT 1 FROM invitations WHERE actor = ? AND inviter <> ? LIMIT 1"
    return db.execute(sql, (actor, besides)).fetchone() is not None


def inviter_of(db: apsw.Connection, *, actor: str) -> str | None:
    """Return by whose invitation an actor got its keys; None where it was registered without one."""
    sql = "SELECT inviter FROM invitations WHERE actor = ? AND state = 'redeemed'"
    row = db.execute(sql, (actor,)).fetchone()
    return None if row is None else str(row[0])


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of invitations into the table."""
    invitation, body = parse_stream(entry.stream)[1], entry.body
    if entry.type == INVITATION_MADE.name:
        groups = msgspec.json.encode(body.groups or ()).decode()
        terms = (body.actor, body.code, body.passcode, body.visit, groups, body.expires_at)
        db.execute(
            "INSERT INTO invitations VALUES(?, ?, ?, ?, ?, ?, ?, ?, 'open', 0, NULL)",
            (invitation, entry.actor, *terms),
        )
    elif entry.type == INVITATION_REFUSED.name:
        sql = """
        UPDATE invitations SET wrong = wrong + 1, state = CASE WHEN wrong + 1 >= ? THEN 'locked' ELSE state END
        WHERE invitation = ?
        """
        db.execute(sql, (TRIES_MAX, invitation))
    elif entry.type == INVITATION_REDEEMED.name:
        _take(db, invitation, "redeemed", body.member)
    elif entry.type == INVITATION_ACCEPTED.name:
        _take(db, invitation, "accepted", body.member)
    elif entry.type == INVITATION_WITHDRAWN.name:
        db.execute("UPDATE invitations SET state = 'withdrawn' WHERE invitation = ?", (invitation,))


def _read(row: tuple[Any, ...]) -> InvitationRow:
    groups = msgspec.json.decode(row[6], type=tuple[str, ...])
    return InvitationRow._make((*row[:6], groups, *row[7:]))


def _take(db: apsw.Connection, invitation: str, state: str, member: str) -> None:
    sql = "UPDATE invitations SET state = ?, taken_by = ? WHERE invitation = ?"
    db.execute(sql, (state, member, invitation))


STORE: Final = Store(SCHEMA, TABLES, apply)
