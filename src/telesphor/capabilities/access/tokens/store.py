"""All SQL of tokens, groups and datasets. Whether a token lives is not stored: it follows, in `standing`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from telesphor.capabilities.access.tokens.entries import (
    DATASET_DEFINED,
    DATASET_EXTENDED,
    GROUP_ADDED,
    GROUP_DISBANDED,
    GROUP_FORMED,
    GROUP_REMOVED,
    TOKEN_ACCEPTED,
    TOKEN_DELEGATED,
    TOKEN_MINTED,
    TOKEN_OFFERED,
    TOKEN_RENOUNCED,
    TOKEN_REVOKED,
    TOKEN_TRANSFERRED,
)
from telesphor.capabilities.access.tokens.model import (
    DatasetId,
    DatasetRow,
    GroupId,
    GroupKind,
    GroupRow,
    TokenId,
    TokenRow,
)
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId, parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS access_tokens(
    token TEXT PRIMARY KEY,
    grantor TEXT NOT NULL,
    recipient_kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    holder TEXT,
    holding INTEGER NOT NULL,
    offered_to TEXT,
    dataset TEXT,
    version INTEGER NOT NULL,
    role TEXT,
    actions TEXT NOT NULL,
    purposes TEXT NOT NULL,
    not_before TEXT NOT NULL,
    not_after TEXT NOT NULL,
    revocable INTEGER NOT NULL,
    transferable INTEGER NOT NULL,
    delegation_depth INTEGER NOT NULL,
    parent TEXT,
    parent_holding INTEGER NOT NULL,
    terms TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS access_tokens_held ON access_tokens(dataset, holder) WHERE state = 'held';
CREATE INDEX IF NOT EXISTS access_tokens_of_dataset ON access_tokens(dataset, not_after);
CREATE INDEX IF NOT EXISTS access_tokens_of_holder ON access_tokens(holder, token);
CREATE INDEX IF NOT EXISTS access_tokens_of_grantor ON access_tokens(grantor, token);
CREATE INDEX IF NOT EXISTS access_tokens_offered ON access_tokens(recipient, token) WHERE state = 'offered';
CREATE INDEX IF NOT EXISTS access_tokens_passed_on ON access_tokens(offered_to, token) WHERE offered_to IS NOT NULL;
CREATE INDEX IF NOT EXISTS access_tokens_of_parent ON access_tokens(parent, token) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS access_tokens_of_role ON access_tokens(role, holder) WHERE role IS NOT NULL;
CREATE TABLE IF NOT EXISTS access_token_history(
    token TEXT NOT NULL,
    n INTEGER NOT NULL,
    at TEXT NOT NULL,
    type TEXT NOT NULL,
    actor TEXT NOT NULL,
    other TEXT,
    PRIMARY KEY(token, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_groups(
    group_id TEXT PRIMARY KEY,
    keeper TEXT NOT NULL,
    kind TEXT NOT NULL,
    role TEXT,
    state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS access_groups_of_role ON access_groups(role) WHERE role IS NOT NULL;
CREATE TABLE IF NOT EXISTS access_group_members(
    actor TEXT NOT NULL,
    group_id TEXT NOT NULL,
    PRIMARY KEY(actor, group_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS access_group_members_of ON access_group_members(group_id, actor);
CREATE TABLE IF NOT EXISTS access_datasets(
    dataset TEXT PRIMARY KEY,
    definer TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_dataset_members(
    ref TEXT NOT NULL,
    dataset TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY(ref, dataset)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS access_dataset_members_of ON access_dataset_members(dataset, version, ref);
"""

TABLES = (
    "access_tokens",
    "access_token_history",
    "access_groups",
    "access_group_members",
    "access_datasets",
    "access_dataset_members",
)

HistoryRow = tuple[int, str, str, str, str | None]
"""Number, instant, entry type, actor, and whom else it names."""

_COLUMNS = (
    "t.token, t.grantor, t.recipient_kind, t.recipient, t.state, t.holder, t.holding, t.offered_to, t.dataset,"
    " t.version, t.role, t.actions, t.purposes, t.not_before, t.not_after, t.revocable, t.transferable,"
    " t.delegation_depth, t.parent, t.parent_holding, t.terms"
)


def find_token(db: apsw.Connection, token: str) -> TokenRow | None:
    """Return a token, whatever has become of it."""
    row = db.execute(f"SELECT {_COLUMNS} FROM access_tokens AS t WHERE token = ?", (token,)).fetchone()  # noqa: S608
    return None if row is None else _token(row)


def tokens_covering(
    db: apsw.Connection, *, refs: Sequence[str], holders: Sequence[str], now: str
) -> list[TokenRow]:
    """Held tokens of these holders whose window is open and whose dataset had one of these members when minted."""
    sql = (
        f"SELECT DISTINCT {_COLUMNS} FROM access_dataset_members AS m"  # noqa: S608
        " CROSS JOIN access_tokens AS t ON t.dataset = m.dataset AND m.version <= t.version"
        f" WHERE m.ref IN ({_marks(refs)}) AND t.holder IN ({_marks(holders)}) AND t.state = 'held'"
        " AND t.not_before <= ? AND t.not_after > ? ORDER BY t.token DESC"
    )
    return [_token(row) for row in db.execute(sql, (*refs, *holders, now, now))]


def tokens_for(db: apsw.Connection, *, ref: str, now: str) -> list[TokenRow]:
    """Held tokens, of anybody, whose window is open and whose dataset had this member when minted."""
    sql = (
        f"SELECT DISTINCT {_COLUMNS} FROM access_dataset_members AS m"  # noqa: S608
        " CROSS JOIN access_tokens AS t ON t.dataset = m.dataset AND m.version <= t.version"
        " WHERE m.ref = ? AND t.state = 'held' AND t.not_before <= ? AND t.not_after > ?"
    )
    return [_token(row) for row in db.execute(sql, (ref, now, now))]


def tokens_held_of(db: apsw.Connection, *, dataset: str, not_before: str, not_after: str) -> list[TokenRow]:
    """Held tokens of a dataset, and of others with the same members, whose windows overlap this one."""
    sql = (
        f"SELECT DISTINCT {_COLUMNS} FROM access_dataset_members AS mine"  # noqa: S608
        " CROSS JOIN access_dataset_members AS m ON m.ref = mine.ref"
        " CROSS JOIN access_tokens AS t ON t.dataset = m.dataset"
        " WHERE mine.dataset = ? AND t.state = 'held' AND t.not_before < ? AND t.not_after > ?"
    )
    return [_token(row) for row in db.execute(sql, (dataset, not_after, not_before))]


def role_tokens_of(db: apsw.Connection, *, holder: str, now: str) -> list[TokenRow]:
    """Held role tokens of an actor whose window is open."""
    sql = (
        f"SELECT {_COLUMNS} FROM access_tokens AS t WHERE t.holder = ? AND t.role IS NOT NULL"  # noqa: S608
        " AND t.state = 'held' AND t.not_before <= ? AND t.not_after > ? ORDER BY t.token"
    )
    return [_token(row) for row in db.execute(sql, (holder, now, now))]


def role_candidates(db: apsw.Connection, *, role: str, now: str, count_max: int) -> list[str]:
    """Actors that have a role by a group, or hold a token of it whose window is open; whether it lives is not asked."""
    sql = (
        "SELECT m.actor FROM access_groups AS g CROSS JOIN access_group_members AS m ON m.group_id = g.group_id"
        " WHERE g.role = ? AND g.state = 'formed' UNION SELECT t.holder FROM access_tokens AS t WHERE t.role = ?"
        " AND t.state = 'held' AND t.not_before <= ? AND t.not_after > ? ORDER BY 1 LIMIT ?"
    )
    return [str(actor) for (actor,) in db.execute(sql, (role, role, now, now, count_max))]


def roles_named(db: apsw.Connection, *, count_max: int) -> list[str]:
    """Return the names of roles that a group or a held token gives, in order."""
    sql = (
        "SELECT role FROM access_groups WHERE role IS NOT NULL AND state = 'formed'"
        " UNION SELECT role FROM access_tokens WHERE role IS NOT NULL AND state = 'held' ORDER BY 1 LIMIT ?"
    )
    return [str(role) for (role,) in db.execute(sql, (count_max,))]


def role_groups(db: apsw.Connection, *, count_max: int) -> list[GroupRow]:
    """Return the groups of roles that are not disbanded, by role."""
    sql = (
        "SELECT group_id, keeper, kind, role, state FROM access_groups"
        " WHERE role IS NOT NULL AND state = 'formed' ORDER BY role, group_id LIMIT ?"
    )
    return [_group(*row) for row in db.execute(sql, (count_max,))]


def count_roles(db: apsw.Connection, holder: str, *, now: str) -> int:
    """Return how many role tokens an actor holds that have not expired."""
    sql = (
        "SELECT count(*) FROM access_tokens"
        " WHERE holder = ? AND role IS NOT NULL AND state = 'held' AND not_after > ?"
    )
    return _count(db, sql, (holder, now))


def tokens_of(
    db: apsw.Connection, *, which: str, actors: Sequence[str], after: str, count_max: int
) -> list[TokenRow]:
    """Tokens that are held, were granted, or are offered, by id from behind `after`."""
    marks = _marks(actors)
    where = {
        "held": f"t.state = 'held' AND t.holder IN ({marks})",
        "granted": f"t.grantor IN ({marks})",
        "offered": f"((t.state = 'offered' AND t.recipient IN ({marks})) OR t.offered_to IN ({marks}))",
    }[which]
    sql = f"SELECT {_COLUMNS} FROM access_tokens AS t WHERE {where} AND t.token > ? ORDER BY t.token LIMIT ?"  # noqa: S608
    values = (*actors, *(actors if which == "offered" else ()), after, count_max)
    return [_token(row) for row in db.execute(sql, values)]


def children_of(db: apsw.Connection, token: str, *, count_max: int) -> list[str]:
    """Ids of the tokens that were delegated from one, newest first."""
    sql = "SELECT token FROM access_tokens WHERE parent = ? ORDER BY token DESC LIMIT ?"
    return [str(child) for (child,) in db.execute(sql, (token, count_max))]


def history_of(db: apsw.Connection, token: str, *, after: int, count_max: int) -> list[HistoryRow]:
    """What happened to a token, from behind the number `after`."""
    sql = "SELECT n, at, type, actor, other FROM access_token_history WHERE token = ? AND n > ? ORDER BY n LIMIT ?"
    return [
        (n, at, type, actor, other)
        for n, at, type, actor, other in db.execute(sql, (token, after, count_max))
    ]


def find_group(db: apsw.Connection, group: str) -> GroupRow | None:
    """Return a group, disbanded or not."""
    row = db.execute(
        "SELECT keeper, kind, role, state FROM access_groups WHERE group_id = ?", (group,)
    ).fetchone()
    if row is None:
        return None
    keeper, kind, role, state = row
    return GroupRow(GroupId(group), ActorId(keeper), GroupKind(kind), role, state)


def groups_of(db: apsw.Connection, actor: str) -> list[GroupRow]:
    """Groups to which an actor belongs and that are not disbanded."""
    sql = (
        "SELECT g.group_id, g.keeper, g.kind, g.role, g.state FROM access_group_members AS m"
        " CROSS JOIN access_groups AS g ON g.group_id = m.group_id"
        " WHERE m.actor = ? AND g.state = 'formed' ORDER BY g.group_id"
    )
    return [_group(*row) for row in db.execute(sql, (actor,))]


def _group(group: str, keeper: str, kind: str, role: str | None, state: Any) -> GroupRow:
    return GroupRow(GroupId(group), ActorId(keeper), GroupKind(kind), role, state)


def members_of_group(db: apsw.Connection, group: str) -> list[str]:
    """Who belongs to a group."""
    sql = "SELECT actor FROM access_group_members WHERE group_id = ? ORDER BY actor"
    return [str(actor) for (actor,) in db.execute(sql, (group,))]


def is_member(db: apsw.Connection, *, group: str, actor: str) -> bool:
    """Whether an actor belongs to a group."""
    sql = "SELECT 1 FROM access_group_members WHERE actor = ? AND group_id = ?"
    return db.execute(sql, (actor, group)).fetchone() is not None


def count_members(db: apsw.Connection, group: str) -> int:
    """Return how many actors belong to a group."""
    return _count(db, "SELECT count(*) FROM access_group_members WHERE group_id = ?", (group,))


def count_groups(db: apsw.Connection, actor: str) -> int:
    """Return to how many groups an actor belongs."""
    return _count(db, "SELECT count(*) FROM access_group_members WHERE actor = ?", (actor,))


def find_dataset(db: apsw.Connection, dataset: str) -> DatasetRow | None:
    """Return a dataset, dissolved or not."""
    sql = "SELECT definer, version, state FROM access_datasets WHERE dataset = ?"
    row = db.execute(sql, (dataset,)).fetchone()
    return None if row is None else DatasetRow(DatasetId(dataset), ActorId(row[0]), row[1], row[2])


def has_open_token(db: apsw.Connection, dataset: str, *, now: str) -> bool:
    """Whether a token on a dataset is offered or held, and not expired."""
    sql = "SELECT 1 FROM access_tokens WHERE dataset = ? AND state IN ('offered', 'held') AND not_after > ? LIMIT 1"
    return db.execute(sql, (dataset, now)).fetchone() is not None


def members_of(db: apsw.Connection, dataset: str, *, version: int) -> frozenset[str]:
    """References of a dataset's members, as of one version."""
    sql = "SELECT ref FROM access_dataset_members WHERE dataset = ? AND version <= ?"
    return frozenset(str(ref) for (ref,) in db.execute(sql, (dataset, version)))


def datasets_of(db: apsw.Connection, ref: str) -> list[str]:
    """All datasets that hold a member."""
    sql = "SELECT dataset FROM access_dataset_members WHERE ref = ? ORDER BY dataset"
    return [str(dataset) for (dataset,) in db.execute(sql, (ref,))]


def count_datasets(db: apsw.Connection, ref: str, *, definer: str) -> tuple[int, int]:
    """Return how many datasets hold a member: of everybody, and of this definer."""
    everybody = _count(db, "SELECT count(*) FROM access_dataset_members WHERE ref = ?", (ref,))
    sql = (
        "SELECT count(*) FROM access_dataset_members AS m CROSS JOIN access_datasets AS d ON d.dataset = m.dataset"
        " WHERE m.ref = ? AND d.definer = ?"
    )
    return everybody, _count(db, sql, (ref, definer))


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry into the tables; what was looked at or refused changes nothing."""
    kind, id = parse_stream(entry.stream)
    if kind == "token":
        _apply_token(db, entry, id)
    elif kind == "group":
        _apply_group(db, entry, id)
    elif kind == "dataset":
        _apply_dataset(db, entry, id)


def _apply_token(db: apsw.Connection, entry: Recorded, token: str) -> None:
    body = entry.body
    other: str | None = None
    if entry.type in (TOKEN_MINTED.name, TOKEN_DELEGATED.name):
        _add_token(db, token, body)
        other = body.recipient.id
    elif entry.type in (TOKEN_ACCEPTED.name, TOKEN_TRANSFERRED.name):
        sql = "UPDATE access_tokens SET state = 'held', holder = ?, holding = ?, offered_to = NULL WHERE token = ?"
        db.execute(sql, (body.holder, entry.n, token))
        other = body.holder
    elif entry.type == TOKEN_OFFERED.name:
        db.execute("UPDATE access_tokens SET offered_to = ? WHERE token = ?", (body.to, token))
        other = body.to
    else:
        state = {TOKEN_REVOKED.name: "revoked", TOKEN_RENOUNCED.name: "renounced"}[entry.type]
        db.execute("UPDATE access_tokens SET state = ?, offered_to = NULL WHERE token = ?", (state, token))
    row = (token, entry.n, entry.at, entry.type, entry.actor, other)
    db.execute("INSERT INTO access_token_history VALUES(?, ?, ?, ?, ?, ?)", row)


def _add_token(db: apsw.Connection, token: str, body: Any) -> None:
    version = -1 if body.dataset_version is None else body.dataset_version
    holding = -1 if body.parent_holding is None else body.parent_holding
    row = (
        token, body.grantor, body.recipient.kind, body.recipient.id, "offered", None, -1, None, body.dataset,
        version, body.role, _words(body.actions), _words(body.purposes), body.not_before, body.not_after,
        body.revocable, body.transferable, body.delegation_depth, body.parent, holding, body.policy_hash,
    )  # fmt: skip
    db.execute(f"INSERT INTO access_tokens VALUES({_marks(row)})", row)


def _apply_group(db: apsw.Connection, entry: Recorded, group: str) -> None:
    if entry.type == GROUP_FORMED.name:
        row = (group, entry.actor, str(entry.body.kind), entry.body.role)
        db.execute("INSERT INTO access_groups VALUES(?, ?, ?, ?, 'formed')", row)
    elif entry.type == GROUP_ADDED.name:
        db.execute("INSERT INTO access_group_members VALUES(?, ?)", (entry.body.member, group))
    elif entry.type == GROUP_REMOVED.name:
        sql = "DELETE FROM access_group_members WHERE actor = ? AND group_id = ?"
        db.execute(sql, (entry.body.member, group))
    elif entry.type == GROUP_DISBANDED.name:
        db.execute("UPDATE access_groups SET state = 'disbanded' WHERE group_id = ?", (group,))
        # Nobody belongs to what is no more, and it counts for nobody's bound.
        db.execute("DELETE FROM access_group_members WHERE group_id = ?", (group,))


def _apply_dataset(db: apsw.Connection, entry: Recorded, dataset: str) -> None:
    if entry.type == DATASET_DEFINED.name:
        db.execute("INSERT INTO access_datasets VALUES(?, ?, ?, 'defined')", (dataset, entry.actor, entry.n))
    elif entry.type == DATASET_EXTENDED.name:
        db.execute("UPDATE access_datasets SET version = ? WHERE dataset = ?", (entry.n, dataset))
    else:
        db.execute("UPDATE access_datasets SET state = 'dissolved' WHERE dataset = ?", (dataset,))
        db.execute("DELETE FROM access_dataset_members WHERE dataset = ?", (dataset,))
        return
    rows = [(member.ref, dataset, entry.n) for member in entry.body.members]
    db.executemany("INSERT INTO access_dataset_members VALUES(?, ?, ?)", rows)


def _token(row: Sequence[Any]) -> TokenRow:
    (
        token, grantor, recipient_kind, recipient, state, holder, holding, offered_to, dataset, version, role,
        actions, purposes, not_before, not_after, revocable, transferable, depth, parent, parent_holding, terms,
    ) = row  # fmt: skip
    return TokenRow(
        token=TokenId(token),
        grantor=ActorId(grantor),
        recipient_kind=recipient_kind,
        recipient=recipient,
        state=state,
        holder=holder,
        holding=holding,
        offered_to=None if offered_to is None else ActorId(offered_to),
        dataset=None if dataset is None else DatasetId(dataset),
        version=version,
        role=role,
        actions=frozenset(actions.split()),
        purposes=frozenset(purposes.split()),
        not_before=not_before,
        not_after=not_after,
        revocable=bool(revocable),
        transferable=bool(transferable),
        delegation_depth=depth,
        parent=None if parent is None else TokenId(parent),
        parent_holding=parent_holding,
        terms=Digest(terms),
    )


def _words(values: Sequence[str]) -> str:
    return " ".join(map(str, values))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _count(db: apsw.Connection, sql: str, values: tuple[str, ...]) -> int:
    row = db.execute(sql, values).fetchone()
    return 0 if row is None else int(row[0])


STORE = Store(SCHEMA, TABLES, apply)
