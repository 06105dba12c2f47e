"""All SQL of identity: the node, the actors, their pairs over time, and every key ever seen.

`key_halves` holds each single key (both thumbprints of a pair, the KEM key's digest) with the actor
that first used it. INVARIANT: rows of `actor_keys` and `key_halves` are never deleted.
"""

from __future__ import annotations

from typing import NamedTuple

import apsw
import msgspec

from telesphor.capabilities.identity.entries import (
    ACTOR_KEY_ROTATED,
    ACTOR_PAUSED,
    ACTOR_RECOVERED,
    ACTOR_REGISTERED,
    ACTOR_RESUMED,
    ACTOR_RETIRED,
    ACTOR_SUSPENDED,
    NODE_CREATED,
    NodeCreated,
)
from telesphor.capabilities.identity.model import ActorKind, Jwks, read_jwks
from telesphor.kernel import base64url
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS node(
    id TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    root TEXT NOT NULL,
    log TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS actors(
    actor TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    key_id TEXT NOT NULL,
    state TEXT NOT NULL,
    registered_at TEXT NOT NULL,
    lost INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS actor_keys(
    actor TEXT NOT NULL,
    key_id TEXT NOT NULL,
    jwks TEXT NOT NULL,
    kem BLOB,
    since INTEGER NOT NULL,
    since_at TEXT NOT NULL,
    until INTEGER,
    until_at TEXT,
    PRIMARY KEY(actor, key_id)
);
CREATE TABLE IF NOT EXISTS key_halves(
    half TEXT PRIMARY KEY,
    actor TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS actor_pauses(
    actor TEXT PRIMARY KEY,
    paused_by TEXT NOT NULL
) WITHOUT ROWID;
"""

TABLES = ("node", "actors", "actor_keys", "key_halves", "actor_pauses")

_ACTOR = """
SELECT kind, key_id, CASE WHEN state = 'active' AND paused_by IS NOT NULL THEN 'paused' ELSE state END
FROM actors LEFT JOIN actor_pauses USING(actor) WHERE actor = ?
"""
_ACTORS = """
SELECT actor, kind, key_id, CASE WHEN state = 'active' AND paused_by IS NOT NULL THEN 'paused' ELSE state END,
    registered_at
FROM actors LEFT JOIN actor_pauses USING(actor) WHERE actor > ? AND (? IS NULL OR kind = ?) ORDER BY actor LIMIT ?
"""

_LAST_KEYS = """
SELECT key_id, jwks, kem, since, since_at, until, until_at FROM actor_keys
WHERE actor = ? ORDER BY since DESC LIMIT 1
"""
_KEYS_AT = """
SELECT key_id, jwks, kem, since, since_at, until, until_at FROM actor_keys
WHERE actor = ? AND since_at <= ? ORDER BY since DESC LIMIT 1
"""
_KEYS_AFTER = """
SELECT key_id, jwks, kem, since, since_at, until, until_at FROM actor_keys
WHERE actor = ? AND since > ? ORDER BY since LIMIT ?
"""

ActorRow = tuple[str, str, str]
"""Kind, current key id, state."""


class KeyRow(NamedTuple):
    """A pair of an actor, its JWKs as JSON, and where and when the entries stand that brought and ended it."""

    key_id: str
    jwks: str
    kem: bytes | None
    since: int
    since_at: str
    until: int | None
    until_at: str | None


def node_row(db: apsw.Connection) -> tuple[str, str] | None:
    """Return the node's actor id and origin, once there is a first entry."""
    return db.execute("SELECT id, origin FROM node").fetchone()


def actor_row(db: apsw.Connection, actor: str) -> ActorRow | None:
    """Return kind, current key and state of an actor, if it is registered."""
    return db.execute(_ACTOR, (actor,)).fetchone()


def pause_row(db: apsw.Connection, actor: str) -> str | None:
    """Return who paused an actor, if it is paused."""
    row = db.execute("SELECT paused_by FROM actor_pauses WHERE actor = ?", (actor,)).fetchone()
    return None if row is None else str(row[0])


def lost_at(db: apsw.Connection, actor: str) -> int | None:
    """Return the position at which the actor's keys were last said to be lost; None if they never were."""
    row = db.execute("SELECT lost FROM actors WHERE actor = ?", (actor,)).fetchone()
    return None if row is None else row[0]


def last_key_row(db: apsw.Connection, actor: str) -> KeyRow | None:
    """Return the pair that an actor has now, or had last, if it was ever registered."""
    row = db.execute(_LAST_KEYS, (actor,)).fetchone()
    return None if row is None else KeyRow(*row)


def key_row_at(db: apsw.Connection, actor: str, *, at: str) -> KeyRow | None:
    """Return the pair that was brought last at that instant (text of an entry's `at`) or before."""
    row = db.execute(_KEYS_AT, (actor, at)).fetchone()
    return None if row is None else KeyRow(*row)


def key_rows(db: apsw.Connection, actor: str, *, after: int, limit: int) -> list[KeyRow]:
    """Return pairs that an actor has or had, oldest first, from the first that was brought after a position."""
    return [KeyRow(*row) for row in db.execute(_KEYS_AFTER, (actor, after, limit))]


def jwks_of(db: apsw.Connection, *, actor: str, key_id: str) -> str:
    """Return one pair, as JSON text, of an actor that is known to have it."""
    sql = "SELECT jwks FROM actor_keys WHERE actor = ? AND key_id = ?"
    row = db.execute(sql, (actor, key_id)).fetchone()
    assert row is not None, "apply writes the pair with its actor"
    return str(row[0])


def kem_of(db: apsw.Connection, *, actor: str, key_id: str) -> bytes | None:
    """Return the KEM public key that goes with one pair of an actor; None for the root."""
    row = db.execute("SELECT kem FROM actor_keys WHERE actor = ? AND key_id = ?", (actor, key_id)).fetchone()
    return None if row is None else row[0]


def owner_of_half(db: apsw.Connection, half: str) -> str | None:
    """Return the actor that first used a single key, if any did."""
    row = db.execute("SELECT actor FROM key_halves WHERE half = ?", (half,)).fetchone()
    return None if row is None else row[0]


def count_actors(db: apsw.Connection) -> int:
    """Return how many actors were ever registered, the node and the root among them."""
    row = db.execute("SELECT count(*) FROM actors").fetchone()
    return 0 if row is None else int(row[0])


def actor_rows(db: apsw.Connection, *, kind: str | None, after: str, limit: int) -> list[tuple[str, ...]]:
    """Return id, kind, key, state and instant of registration of actors, by id from behind `after`."""
    return [tuple(map(str, row)) for row in db.execute(_ACTORS, (after, kind, kind, limit))]


def kem_half(kem: bytes) -> str:
    """Name of a KEM key among the key halves."""
    return digest_of(kem)


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of identity into the tables."""
    if entry.type == ACTOR_REGISTERED.name:
        actor = parse_stream(entry.stream)[1]
        _add_actor(db, entry, actor=actor, kind=entry.body.kind, keys=entry.body.keys, kem=entry.body.kem)
    elif entry.type == ACTOR_KEY_ROTATED.name:
        _rotate(db, entry, actor=parse_stream(entry.stream)[1])
    elif entry.type == ACTOR_SUSPENDED.name:
        _suspend(db, entry, actor=parse_stream(entry.stream)[1])
    elif entry.type == ACTOR_RECOVERED.name:
        _recover(db, entry, actor=parse_stream(entry.stream)[1])
    elif entry.type == ACTOR_PAUSED.name:
        db.execute("INSERT INTO actor_pauses VALUES(?, ?)", (entry.body.actor, entry.actor))
    elif entry.type == ACTOR_RESUMED.name:
        db.execute("DELETE FROM actor_pauses WHERE actor = ?", (entry.body.actor,))
    elif entry.type == ACTOR_RETIRED.name:
        actor = parse_stream(entry.stream)[1]
        db.execute("UPDATE actors SET state = 'retired' WHERE actor = ?", (actor,))
        _end_keys(db, entry, actor=actor)
    elif entry.type == NODE_CREATED.name:
        _create_node(db, entry, entry.body)


def _create_node(db: apsw.Connection, entry: Recorded, body: NodeCreated) -> None:
    log = msgspec.json.encode(body.log).decode()
    db.execute("INSERT INTO node VALUES(?, ?, ?, ?)", (body.node.id, body.origin, body.root.id, log))
    _add_actor(db, entry, actor=body.root.id, kind=ActorKind.ROOT, keys=body.root.keys, kem=None)
    _add_actor(db, entry, actor=body.node.id, kind=ActorKind.NODE, keys=body.node.keys, kem=body.node.kem)


def _add_actor(
    db: apsw.Connection, entry: Recorded, *, actor: str, kind: str, keys: Jwks, kem: str | None
) -> None:
    key_id = _add_keys(db, entry, actor=actor, keys=keys, kem=kem)
    db.execute("INSERT INTO actors VALUES(?, ?, ?, 'active', ?, NULL)", (actor, str(kind), key_id, entry.at))


def _rotate(db: apsw.Connection, entry: Recorded, *, actor: str) -> None:
    _end_keys(db, entry, actor=actor)
    key_id = _add_keys(db, entry, actor=actor, keys=entry.body.keys, kem=entry.body.kem)
    db.execute("UPDATE actors SET key_id = ? WHERE actor = ?", (key_id, actor))


def _suspend(db: apsw.Connection, entry: Recorded, *, actor: str) -> None:
    _end_keys(db, entry, actor=actor)
    db.execute("UPDATE actors SET state = 'suspended', lost = ? WHERE actor = ?", (entry.position, actor))


def _recover(db: apsw.Connection, entry: Recorded, *, actor: str) -> None:
    _rotate(db, entry, actor=actor)
    db.execute("UPDATE actors SET state = 'active', lost = ? WHERE actor = ?", (entry.position, actor))


def _end_keys(db: apsw.Connection, entry: Recorded, *, actor: str) -> None:
    sql = "UPDATE actor_keys SET until = ?, until_at = ? WHERE actor = ? AND until IS NULL"
    db.execute(sql, (entry.position, entry.at, actor))


def _add_keys(db: apsw.Connection, entry: Recorded, *, actor: str, keys: Jwks, kem: str | None) -> str:
    pair = read_jwks(keys)
    kem_bytes = None if kem is None else base64url.decode(kem)
    jwks = msgspec.json.encode(keys, order="sorted").decode()
    row = (actor, pair.key_id, jwks, kem_bytes, entry.position, entry.at)
    db.execute("INSERT INTO actor_keys VALUES(?, ?, ?, ?, ?, ?, NULL, NULL)", row)
    halves = [*pair.thumbprints(), *([] if kem_bytes is None else [kem_half(kem_bytes)])]
    # A KEM key may stay when its actor rotates: the row is there then, and the actor the same.
    db.executemany("INSERT OR IGNORE INTO key_halves VALUES(?, ?)", [(half, actor) for half in halves])
    return pair.key_id


STORE = Store(SCHEMA, TABLES, apply)
