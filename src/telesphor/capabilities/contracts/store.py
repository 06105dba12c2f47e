"""All SQL of contracts: the contracts, the state of each key, the calls, and what every trigger came to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import apsw

from telesphor.capabilities.contracts.entries import (
    CONTRACT_CALLED,
    CONTRACT_DEPLOYED,
    CONTRACT_EXECUTED,
    CONTRACT_FAILED,
    CONTRACT_PAUSED,
    CONTRACT_RESUMED,
    CONTRACT_RETIRED,
    CONTRACT_UPGRADED,
)
from telesphor.capabilities.contracts.model import CallId, ContractId, ContractRow, RunRow
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId, parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS contracts(
    contract TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    manifest TEXT NOT NULL,
    source TEXT NOT NULL,
    deployed_by TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS contract_names ON contracts(name);
CREATE TABLE IF NOT EXISTS contract_versions(
    contract TEXT NOT NULL,
    position INTEGER NOT NULL,
    at TEXT NOT NULL,
    manifest TEXT NOT NULL,
    PRIMARY KEY(contract, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contract_states(
    contract TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY(contract, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contract_calls(
    call TEXT PRIMARY KEY,
    contract TEXT NOT NULL,
    actor TEXT NOT NULL,
    name TEXT NOT NULL,
    input TEXT NOT NULL,
    position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS contract_runs(
    contract TEXT NOT NULL,
    trigger_name TEXT NOT NULL,
    position INTEGER NOT NULL,
    cause TEXT NOT NULL,
    output TEXT NOT NULL,
    PRIMARY KEY(contract, trigger_name)
) WITHOUT ROWID;
"""

TABLES = ("contracts", "contract_versions", "contract_states", "contract_calls", "contract_runs")

_SELECT = "SELECT contract, name, version, state, manifest, source, deployed_by FROM contracts"


class CallRow(NamedTuple):
    """A call that was made."""

    call: CallId
    contract: ContractId
    actor: ActorId
    name: str
    input: Digest
    position: int


class VersionRow(NamedTuple):
    """A manifest, and the entry from which on it was in force."""

    contract: ContractId
    position: int
    at: str
    manifest: Digest


def find_contract(db: apsw.Connection, contract: str) -> ContractRow | None:
    """Return a contract, retired or not, if it was deployed."""
    row = db.execute(_SELECT + " WHERE contract = ?", (contract,)).fetchone()
    return None if row is None else _contract(row)


def contracts(db: apsw.Connection, *, limit: int) -> list[ContractRow]:
    """Return contracts in the order of their ids, which is that of their making."""
    rows = db.execute(_SELECT + " ORDER BY contract LIMIT ?", (limit,))
    return [_contract(row) for row in rows]


def name_used(db: apsw.Connection, name: str) -> bool:
    """Whether a contract that is not retired has this name."""
    sql = "SELECT 1 FROM contracts WHERE name = ? AND state <> 'retired' LIMIT 1"
    return db.execute(sql, (name,)).fetchone() is not None


def versions(db: apsw.Connection) -> list[VersionRow]:
    """Every manifest of the contracts that are not retired, in the order in which they came into force."""
    sql = (
        "SELECT v.contract, v.position, v.at, v.manifest FROM contract_versions AS v JOIN contracts AS c"
        " ON c.contract = v.contract WHERE c.state <> 'retired' ORDER BY v.position"
    )
    return [VersionRow(*row) for row in db.execute(sql)]


def state_of(db: apsw.Connection, *, contract: str, key: str) -> str:
    """Return the digest of the state of one key; empty before there is any."""
    sql = "SELECT state FROM contract_states WHERE contract = ? AND key = ?"
    row = db.execute(sql, (contract, key)).fetchone()
    return "" if row is None else str(row[0])


def find_run(db: apsw.Connection, *, contract: str, trigger: str) -> RunRow | None:
    """Return what a trigger came to, if it was run."""
    sql = "SELECT position, cause, output FROM contract_runs WHERE contract = ? AND trigger_name = ?"
    row = db.execute(sql, (contract, trigger)).fetchone()
    return None if row is None else RunRow(*row)


def count_runs(db: apsw.Connection, contract: str, *, count_max: int) -> tuple[int, int]:
    """Return how many triggers of a contract were run, and how many of these failed; of at most so many."""
    sql = (
        "SELECT count(*), count(*) FILTER (WHERE cause <> '')"
        " FROM (SELECT cause FROM contract_runs WHERE contract = ? LIMIT ?)"
    )
    ((runs, failed),) = db.execute(sql, (contract, count_max))
    return int(runs), int(failed)


def find_call(db: apsw.Connection, call: str) -> CallRow | None:
    """Return a call, if it was made."""
    sql = "SELECT call, contract, actor, name, input, position FROM contract_calls WHERE call = ?"
    row = db.execute(sql, (call,)).fetchone()
    return None if row is None else CallRow(*row)


def open_calls(db: apsw.Connection, *, limit: int) -> Iterator[CallRow]:
    """The calls that were not run yet, oldest first: what a crash left behind."""
    sql = (
        "SELECT c.call, c.contract, c.actor, c.name, c.input, c.position FROM contract_calls AS c"
        " LEFT JOIN contract_runs AS r ON r.contract = c.contract AND r.trigger_name = 'call:' || c.call"
        " WHERE r.position IS NULL ORDER BY c.position LIMIT ?"
    )
    return (CallRow(*row) for row in db.execute(sql, (limit,)))


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of contracts into the tables."""
    contract, body = parse_stream(entry.stream)[1], entry.body
    if entry.type == CONTRACT_DEPLOYED.name:
        row = (contract, body.name, body.version, body.manifest, body.source, entry.actor)
        db.execute("INSERT INTO contracts VALUES(?, ?, ?, 'deployed', ?, ?, ?)", row)
        _apply_version(db, contract, entry)
    elif entry.type == CONTRACT_UPGRADED.name:
        sql = "UPDATE contracts SET version = ?, manifest = ?, source = ? WHERE contract = ?"
        db.execute(sql, (body.version, body.manifest, body.source, contract))
        _apply_version(db, contract, entry)
    elif entry.type in _STATES:
        db.execute("UPDATE contracts SET state = ? WHERE contract = ?", (_STATES[entry.type], contract))
    elif entry.type == CONTRACT_CALLED.name:
        call = (body.call, contract, entry.actor, body.name, body.input, entry.position)
        # Said again it is the same: only the one who said it first may, and in the same words.
        db.execute("INSERT OR IGNORE INTO contract_calls VALUES(?, ?, ?, ?, ?, ?)", call)
    else:
        _apply_run(db, contract, entry)


def _apply_version(db: apsw.Connection, contract: str, entry: Recorded) -> None:
    row = (contract, entry.position, entry.at, entry.body.manifest)
    db.execute("INSERT INTO contract_versions VALUES(?, ?, ?, ?)", row)


def _apply_run(db: apsw.Connection, contract: str, entry: Recorded) -> None:
    body = entry.body
    failed = entry.type == CONTRACT_FAILED.name
    cause, output = (body.cause.value, body.failure) if failed else ("", body.output)
    row = (contract, body.trigger, entry.position, cause, output)
    db.execute("INSERT INTO contract_runs VALUES(?, ?, ?, ?, ?)", row)
    if entry.type == CONTRACT_EXECUTED.name and body.after:
        sql = (
            "INSERT INTO contract_states VALUES(?, ?, ?)"
            " ON CONFLICT(contract, key) DO UPDATE SET state = excluded.state"
        )
        db.execute(sql, (contract, body.key, body.after))


def _contract(row: tuple[object, ...]) -> ContractRow:
    return ContractRow(*row)  # type: ignore[arg-type]


_STATES = {
    CONTRACT_PAUSED.name: "paused",
    CONTRACT_RESUMED.name: "deployed",
    CONTRACT_RETIRED.name: "retired",
}

STORE = Store(SCHEMA, TABLES, apply)
