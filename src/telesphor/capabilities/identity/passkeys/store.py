"""All SQL of passkeys: those that each person has, and the challenges that wait for an answer."""

from __future__ import annotations

from typing import NamedTuple

import apsw

from telesphor.capabilities.identity.passkeys.entries import (
    PASSKEY_CHALLENGED,
    PASSKEY_REFUSED,
    PASSKEY_REGISTERED,
    PASSKEY_REMOVED,
    PASSKEY_SIGNED_IN,
)
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS passkeys(
    credential TEXT PRIMARY KEY,
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    document TEXT NOT NULL,
    counter INTEGER NOT NULL,
    position INTEGER NOT NULL,
    registered_ms INTEGER NOT NULL,
    signed_position INTEGER,
    signed_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS passkeys_of ON passkeys(actor);
CREATE TABLE IF NOT EXISTS passkey_challenges(
    actor TEXT NOT NULL,
    purpose TEXT NOT NULL,
    nonce TEXT NOT NULL,
    asked_ms INTEGER NOT NULL,
    PRIMARY KEY(actor, purpose)
) WITHOUT ROWID;
"""

TABLES = ("passkeys", "passkey_challenges")


_PASSKEYS_OF = """
SELECT credential, actor, key, document, counter, position, registered_ms, signed_ms FROM passkeys
WHERE actor = ? AND position > ? ORDER BY position
"""
_PASSKEY = """
SELECT credential, actor, key, document, counter, position, registered_ms, signed_ms FROM passkeys
WHERE credential = ?
"""


class PasskeyRow(NamedTuple):
    """A passkey, where and when it was registered, and when its person last signed in with it."""

    credential: str
    actor: str
    key: str
    document: str
    counter: int
    position: int
    registered_ms: int
    signed_ms: int | None


class ChallengeRow(NamedTuple):
    """A challenge that waits for its answer."""

    nonce: str
    asked_ms: int


def passkey_rows(db: apsw.Connection, actor: str, *, after: int) -> list[PasskeyRow]:
    """Return the passkeys that a person registered after a position, oldest first."""
    return [PasskeyRow(*row) for row in db.execute(_PASSKEYS_OF, (actor, after))]


def count_passkeys(db: apsw.Connection, actor: str) -> int:
    """Return how many passkeys an actor has."""
    return int(db.execute("SELECT count(*) FROM passkeys WHERE actor = ?", (actor,)).get)


def passkey_row(db: apsw.Connection, credential: str) -> PasskeyRow | None:
    """Return a passkey by the digest of its id, whoever has it."""
    row = db.execute(_PASSKEY, (credential,)).fetchone()
    return None if row is None else PasskeyRow(*row)


def challenge_row(db: apsw.Connection, *, actor: str, purpose: str) -> ChallengeRow | None:
    """Return the challenge of this purpose that waits for a person's answer."""
    sql = "SELECT nonce, asked_ms FROM passkey_challenges WHERE actor = ? AND purpose = ?"
    row = db.execute(sql, (actor, purpose)).fetchone()
    return None if row is None else ChallengeRow(*row)


def last_sign_in(db: apsw.Connection, actor: str, *, registered_after: int, signed_after: int) -> int | None:
    """Return when, in milliseconds, a person signed in last, with passkeys and at positions after these."""
    row = db.execute(
        "SELECT max(signed_ms) FROM passkeys WHERE actor = ? AND position > ? AND signed_position > ?",
        (actor, registered_after, signed_after),
    ).fetchone()
    return None if row is None else row[0]


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of passkeys into the tables."""
    actor, body = parse_stream(entry.stream)[1], entry.body
    if entry.type == PASSKEY_CHALLENGED.name:
        row = (actor, body.purpose, body.nonce, parse_instant(entry.at))
        db.execute("INSERT OR REPLACE INTO passkey_challenges VALUES(?, ?, ?, ?)", row)
    elif entry.type == PASSKEY_REGISTERED.name:
        _answer(db, actor, "register")
        made = (body.credential, actor, body.key, body.document, body.count)
        place = (entry.position, parse_instant(entry.at))
        db.execute("INSERT OR REPLACE INTO passkeys VALUES(?, ?, ?, ?, ?, ?, ?, NULL, NULL)", made + place)
    elif entry.type == PASSKEY_SIGNED_IN.name:
        _answer(db, actor, "sign-in")
        db.execute(
            "UPDATE passkeys SET counter = ?, signed_position = ?, signed_ms = ? WHERE credential = ?",
            (body.count, entry.position, parse_instant(entry.at), body.credential),
        )
    elif entry.type == PASSKEY_REFUSED.name:
        _answer(db, actor, body.purpose)
    elif entry.type == PASSKEY_REMOVED.name:
        db.execute("DELETE FROM passkeys WHERE credential = ?", (body.credential,))


def _answer(db: apsw.Connection, actor: str, purpose: str) -> None:
    db.execute("DELETE FROM passkey_challenges WHERE actor = ? AND purpose = ?", (actor, purpose))


STORE = Store(SCHEMA, TABLES, apply)
