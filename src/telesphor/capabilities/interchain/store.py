"""All SQL of interchain: proofs with what became of them, and the facts of those that were accepted."""

from __future__ import annotations

import apsw

from telesphor.capabilities.interchain.entries import (
    PROOF_ACCEPTED,
    PROOF_SUBMITTED,
    ProofAccepted,
)
from telesphor.capabilities.interchain.model import Fact, FactRow, Head, ProofId, ProofRow, ProvenFacts
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId, parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS interchain_proofs(
    proof TEXT PRIMARY KEY,
    actor TEXT NOT NULL,
    bundle TEXT NOT NULL,
    size INTEGER NOT NULL,
    asked TEXT NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS interchain_accepted(
    proof TEXT PRIMARY KEY,
    n INTEGER NOT NULL,
    origin TEXT NOT NULL,
    subject TEXT NOT NULL,
    level TEXT NOT NULL,
    policy TEXT NOT NULL,
    head_size INTEGER NOT NULL,
    head_root TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS interchain_heads ON interchain_accepted(origin, head_size, head_root);
CREATE TABLE IF NOT EXISTS interchain_facts(
    proof TEXT NOT NULL,
    position INTEGER NOT NULL,
    origin TEXT NOT NULL,
    type TEXT NOT NULL,
    stream TEXT NOT NULL,
    n INTEGER NOT NULL,
    leaf TEXT NOT NULL,
    PRIMARY KEY(proof, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS interchain_leaves ON interchain_facts(origin, position, leaf);
"""

TABLES = ("interchain_proofs", "interchain_accepted", "interchain_facts")


def find_proof(db: apsw.Connection, proof: str) -> ProofRow | None:
    """Return a proof, if it was submitted."""
    sql = "SELECT actor, bundle, size, asked, state, cause FROM interchain_proofs WHERE proof = ?"
    row = db.execute(sql, (proof,)).fetchone()
    if row is None:
        return None
    actor, bundle, size, asked, state, cause = row
    facts = tuple(map(int, asked.split(",")))
    return ProofRow(ActorId(actor), Digest(bundle), size, facts, state, cause)


def find_proven(db: apsw.Connection, proof: str) -> ProvenFacts | None:
    """Return all that an accepted proof gives, if it was accepted."""
    sql = (
        "SELECT origin, subject, level, policy, head_size, head_root FROM interchain_accepted WHERE proof = ?"
    )
    row = db.execute(sql, (proof,)).fetchone()
    if row is None:
        return None
    origin, subject, level, policy, size, root = row
    sql = "SELECT position, type, stream, n, leaf FROM interchain_facts WHERE proof = ? ORDER BY position"
    return ProvenFacts(
        origin=origin,
        subject=subject,
        level=level,
        policy=Digest(policy),
        head=Head(size=size, root=Digest(root)),
        facts=tuple(_fact(*fact) for fact in db.execute(sql, (proof,))),
    )


def find_fact(db: apsw.Connection, *, proof: str, position: int) -> FactRow | None:
    """Return one fact of an accepted proof, if there is one."""
    sql = (
        "SELECT a.n, a.origin, a.level, f.position, f.type, f.stream, f.n, f.leaf"
        " FROM interchain_facts AS f JOIN interchain_accepted AS a USING (proof) WHERE proof = ? AND position = ?"
    )
    row = db.execute(sql, (proof, position)).fetchone()
    if row is None:
        return None
    number, origin, level, *fact = row
    return FactRow(proof=ProofId(proof), n=number, origin=origin, level=level, fact=_fact(*fact))


def contradicts(db: apsw.Connection, said: ProofAccepted) -> bool:
    """Whether an accepted proof of the same ledger shows another tree of that size, or another entry there."""
    head = "SELECT 1 FROM interchain_accepted WHERE origin = ? AND head_size = ? AND head_root <> ? LIMIT 1"
    if db.execute(head, (said.origin, said.head.size, said.head.root)).fetchone() is not None:
        return True
    leaf = "SELECT 1 FROM interchain_facts WHERE origin = ? AND position = ? AND leaf <> ? LIMIT 1"
    rows = ((said.origin, fact.position, fact.leaf) for fact in said.facts)
    return any(db.execute(leaf, row).fetchone() is not None for row in rows)


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of interchain into the tables."""
    proof = parse_stream(entry.stream)[1]
    if entry.type == PROOF_SUBMITTED.name:
        asked = ",".join(map(str, entry.body.facts))
        row = (proof, entry.actor, entry.body.bundle, entry.body.size, asked)
        # Said again, it is the same: only the one who said it first may, and in the same words.
        db.execute("INSERT OR IGNORE INTO interchain_proofs VALUES(?, ?, ?, ?, ?, 'submitted', '')", row)
    elif entry.type == PROOF_ACCEPTED.name:
        db.execute("UPDATE interchain_proofs SET state = 'accepted' WHERE proof = ?", (proof,))
        _accept(db, proof, entry.n, entry.body)
    else:
        sql = "UPDATE interchain_proofs SET state = 'refused', cause = ? WHERE proof = ?"
        db.execute(sql, (entry.body.cause, proof))


def _accept(db: apsw.Connection, proof: str, n: int, body: ProofAccepted) -> None:
    head = (body.head.size, body.head.root)
    row = (proof, n, body.origin, body.subject, body.level, body.policy, *head)
    db.execute("INSERT INTO interchain_accepted VALUES(?, ?, ?, ?, ?, ?, ?, ?)", row)
    for fact in body.facts:
        values = (proof, fact.position, body.origin, fact.type, fact.stream, fact.n, fact.leaf)
        db.execute("INSERT INTO interchain_facts VALUES(?, ?, ?, ?, ?, ?, ?)", values)


def _fact(position: int, type: str, stream: str, n: int, leaf: str) -> Fact:
    return Fact(position=position, type=type, stream=stream, n=n, leaf=Digest(leaf))


STORE = Store(SCHEMA, TABLES, apply)
