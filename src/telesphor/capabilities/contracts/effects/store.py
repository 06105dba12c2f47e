"""All SQL of effects: what became of each, which entries they brought about, and which triggers were skipped."""

from __future__ import annotations

import apsw

from telesphor.capabilities.contracts.effects.entries import (
    EFFECT_DEAD,
    EFFECT_DONE,
    EFFECT_REFUSED,
    EFFECT_RETRIED,
    TRIGGER_SKIPPED,
)
from telesphor.capabilities.contracts.effects.model import CauseRow, EffectRow, EffectState
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS effects(
    execution INTEGER NOT NULL,
    number INTEGER NOT NULL,
    contract TEXT NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL,
    depth INTEGER NOT NULL,
    root INTEGER NOT NULL,
    PRIMARY KEY(execution, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS effects_dead ON effects(execution, number) WHERE state = 'dead';
CREATE TABLE IF NOT EXISTS effect_causes(
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    root INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS effect_chains(root INTEGER PRIMARY KEY, effects INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS trigger_skips(
    contract TEXT NOT NULL,
    trigger_name TEXT NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY(contract, trigger_name)
) WITHOUT ROWID;
"""

TABLES = ("effects", "effect_causes", "effect_chains", "trigger_skips")

_SELECT = "SELECT execution, number, contract, state, code, depth, root FROM effects"

_STATES: dict[str, EffectState] = {
    EFFECT_DONE.name: "done",
    EFFECT_REFUSED.name: "refused",
    EFFECT_DEAD.name: "dead",
}


def find_effect(db: apsw.Connection, *, execution: int, index: int) -> EffectRow | None:
    """Return what became of an effect; None while nothing did."""
    row = db.execute(_SELECT + " WHERE execution = ? AND number = ?", (execution, index)).fetchone()
    return None if row is None else EffectRow(*row)


def dead_effects(db: apsw.Connection, *, limit: int) -> list[EffectRow]:
    """Return dead letters, oldest first."""
    sql = _SELECT + " WHERE state = 'dead' ORDER BY execution, number LIMIT ?"
    return [EffectRow(*row) for row in db.execute(sql, (limit,))]


def count_dead(db: apsw.Connection) -> int:
    """Return how many dead letters there are."""
    return int(db.execute("SELECT count(*) FROM effects WHERE state = 'dead'").get)


def cause_of(db: apsw.Connection, position: int) -> CauseRow | None:
    """Return what brought an entry about, if it was an effect."""
    sql = "SELECT last, depth, root FROM effect_causes WHERE first <= ? ORDER BY first DESC LIMIT 1"
    row = db.execute(sql, (position,)).fetchone()
    return None if row is None or row[0] < position else CauseRow(row[1], row[2])


def count_chain(db: apsw.Connection, root: int) -> int:
    """Return how many effects a chain has brought about."""
    row = db.execute("SELECT effects FROM effect_chains WHERE root = ?", (root,)).fetchone()
    return 0 if row is None else int(row[0])


def find_skip(db: apsw.Connection, *, contract: str, trigger: str) -> str | None:
    """Return why a trigger was skipped, if it was."""
    sql = "SELECT cause FROM trigger_skips WHERE contract = ? AND trigger_name = ?"
    row = db.execute(sql, (contract, trigger)).fetchone()
    return None if row is None else str(row[0])


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of effects into the tables."""
    contract, body = parse_stream(entry.stream)[1], entry.body
    if entry.type == TRIGGER_SKIPPED.name:
        row = (contract, body.trigger, body.cause)
        db.execute("INSERT INTO trigger_skips VALUES(?, ?, ?)", row)
    elif entry.type == EFFECT_RETRIED.name:
        sql = "UPDATE effects SET state = 'retrying' WHERE execution = ? AND number = ?"
        db.execute(sql, (body.execution, body.index))
    else:
        _settle(db, contract, entry)


def _settle(db: apsw.Connection, contract: str, entry: Recorded) -> None:
    body = entry.body
    code = "" if entry.type == EFFECT_DONE.name else body.code
    made = 0 if entry.type == EFFECT_DEAD.name else body.made
    sql = (
        "INSERT INTO effects VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(execution, number)"
        " DO UPDATE SET state = excluded.state, code = excluded.code"
    )
    row = (body.execution, body.index, contract, _STATES[entry.type], code, body.depth, body.root)
    db.execute(sql, row)
    # INVARIANT: the entries of one request stand beside each other, and this one stands last.
    causes = (entry.position - made, entry.position, body.depth, body.root)
    db.execute("INSERT INTO effect_causes VALUES(?, ?, ?, ?)", causes)
    sql = "INSERT INTO effect_chains VALUES(?, 1) ON CONFLICT(root) DO UPDATE SET effects = effects + 1"
    db.execute(sql, (body.root,))


STORE = Store(SCHEMA, TABLES, apply)
