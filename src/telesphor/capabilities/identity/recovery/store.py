"""All SQL of recovery: how each actor is to be recovered, what is under way, and who approved it.

A row of `recoveries` says what was begun, not that it still holds: `service.find_recovery` asks identity
whether the actor got other keys since.
"""

from __future__ import annotations

from typing import NamedTuple

import apsw
import msgspec

from telesphor.capabilities.identity.model import Jwks, read_jwks
from telesphor.capabilities.identity.recovery.entries import (
    RECOVERY_APPROVED,
    RECOVERY_BEGUN,
    RECOVERY_CANCELLED,
    RECOVERY_SET,
    RecoveryBegun,
    RecoverySet,
)
from telesphor.capabilities.identity.recovery.model import PairField
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS recovery_settings(
    actor TEXT PRIMARY KEY,
    threshold INTEGER NOT NULL,
    recovery TEXT NOT NULL,
    wait_seconds INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recovery_guardians(
    actor TEXT NOT NULL,
    guardian TEXT NOT NULL,
    PRIMARY KEY(actor, guardian)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recoveries(
    actor TEXT NOT NULL,
    keys TEXT NOT NULL,
    beginner TEXT NOT NULL,
    jwks TEXT NOT NULL,
    kem TEXT NOT NULL,
    stated INTEGER NOT NULL,
    position INTEGER NOT NULL,
    begun_ms INTEGER NOT NULL,
    PRIMARY KEY(actor, keys),
    UNIQUE(actor, beginner)
);
CREATE TABLE IF NOT EXISTS recovery_approvals(
    actor TEXT NOT NULL,
    keys TEXT NOT NULL,
    guardian TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY(actor, keys, guardian)
) WITHOUT ROWID;
"""

TABLES = ("recovery_settings", "recovery_guardians", "recoveries", "recovery_approvals")


class SettingsRow(NamedTuple):
    """How an actor is to be recovered; `recovery` is the pair as JSON, `null` when there is none."""

    threshold: int
    recovery: str
    wait_seconds: int


class RecoveryRow(NamedTuple):
    """A recovery as it was begun."""

    jwks: str
    kem: str
    stated: bool
    position: int
    begun_ms: int


def settings_of(db: apsw.Connection, actor: str) -> SettingsRow | None:
    """Return how an actor is to be recovered, if it ever said."""
    sql = "SELECT threshold, recovery, wait_seconds FROM recovery_settings WHERE actor = ?"
    row = db.execute(sql, (actor,)).fetchone()
    return None if row is None else SettingsRow(*row)


def guardians_of(db: apsw.Connection, actor: str) -> tuple[str, ...]:
    """Return the actor's guardians, by id."""
    sql = "SELECT guardian FROM recovery_guardians WHERE actor = ? ORDER BY guardian"
    return tuple(row[0] for row in db.execute(sql, (actor,)))


def is_guardian(db: apsw.Connection, *, actor: str, guardian: str) -> bool:
    """Whether the one is among the guardians of the other."""
    sql = "SELECT 1 FROM recovery_guardians WHERE actor = ? AND guardian = ?"
    return db.execute(sql, (actor, guardian)).fetchone() is not None


def recovery_row(db: apsw.Connection, *, actor: str, keys: PairField) -> RecoveryRow | None:
    """Return the recovery of an actor to this pair, if one was begun."""
    sql = "SELECT jwks, kem, stated, position, begun_ms FROM recoveries WHERE actor = ? AND keys = ?"
    row = db.execute(sql, (actor, _name(keys))).fetchone()
    return None if row is None else RecoveryRow(row[0], row[1], bool(row[2]), row[3], row[4])


def recovery_names(db: apsw.Connection, actor: str) -> list[PairField]:
    """Return the pairs of all recoveries of an actor that were begun, oldest first."""
    sql = "SELECT keys FROM recoveries WHERE actor = ? ORDER BY position"
    return [_pair(row[0]) for row in db.execute(sql, (actor,))]


def approvals_of(db: apsw.Connection, *, actor: str, keys: PairField) -> list[tuple[str, int]]:
    """Return which guardians approved this pair, and at which positions."""
    sql = "SELECT guardian, position FROM recovery_approvals WHERE actor = ? AND keys = ? ORDER BY guardian"
    return list(db.execute(sql, (actor, _name(keys))))


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of recovery into the tables."""
    actor = parse_stream(entry.stream)[1]
    if entry.type == RECOVERY_SET.name:
        _forget(db, actor)
        _set(db, actor, entry.body)
    elif entry.type == RECOVERY_BEGUN.name:
        _begin(db, entry, actor, entry.body)
    elif entry.type == RECOVERY_APPROVED.name:
        _approve(db, entry, actor, _name(entry.body.keys))
    elif entry.type == RECOVERY_CANCELLED.name:
        _forget(db, actor)


def _set(db: apsw.Connection, actor: str, body: RecoverySet) -> None:
    recovery = msgspec.json.encode(body.recovery, order="sorted").decode()
    row = (actor, body.threshold, recovery, body.wait_seconds)
    db.execute("INSERT OR REPLACE INTO recovery_settings VALUES(?, ?, ?, ?)", row)
    db.execute("DELETE FROM recovery_guardians WHERE actor = ?", (actor,))
    guardians = [(actor, guardian) for guardian in body.guardians]
    db.executemany("INSERT INTO recovery_guardians VALUES(?, ?)", guardians)


def _begin(db: apsw.Connection, entry: Recorded, actor: str, body: RecoveryBegun) -> None:
    keys = _name(read_jwks(body.keys).thumbprints())
    # Whoever begins another one gives up the one before, so that nobody can pile them up.
    given_up = "SELECT keys FROM recoveries WHERE actor = ? AND beginner = ?"
    for (old,) in list(db.execute(given_up, (actor, entry.actor))):
        db.execute("DELETE FROM recovery_approvals WHERE actor = ? AND keys = ?", (actor, old))
    db.execute("DELETE FROM recovery_approvals WHERE actor = ? AND keys = ?", (actor, keys))
    jwks = msgspec.json.encode(body.keys, order="sorted").decode()
    row = (actor, keys, entry.actor, jwks, body.kem, body.stated, entry.position, parse_instant(entry.at))
    db.execute("INSERT OR REPLACE INTO recoveries VALUES(?, ?, ?, ?, ?, ?, ?, ?)", row)
    if not body.stated:
        _approve(db, entry, actor, keys)


def _approve(db: apsw.Connection, entry: Recorded, actor: str, keys: str) -> None:
    row = (actor, keys, entry.actor, entry.position)
    db.execute("INSERT OR REPLACE INTO recovery_approvals VALUES(?, ?, ?, ?)", row)


def _forget(db: apsw.Connection, actor: str) -> None:
    db.execute("DELETE FROM recoveries WHERE actor = ?", (actor,))
    db.execute("DELETE FROM recovery_approvals WHERE actor = ?", (actor,))


def _name(keys: PairField) -> str:
    return " ".join(keys)  # thumbprints are base64url: no space is in them


def _pair(name: str) -> PairField:
    first, second = name.split(" ")
    return first, second


def jwks_from(text: str) -> Jwks | None:
    """Read a pair as the tables hold it."""
    jwks: Jwks | None = msgspec.json.decode(text, type=Jwks | None)
    return jwks


STORE = Store(SCHEMA, TABLES, apply)
