"""All SQL of credentials: issuers, status lists, and the credentials of this node's issuers.

INVARIANT: a place in a list belongs to one credential for good, also after it expired: whoever holds an old copy
of either must never read another's status.
"""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import msgspec

from telesphor.capabilities.identity.credentials.entries import (
    CREDENTIAL_EXPIRED,
    CREDENTIAL_ISSUED,
    CREDENTIAL_REINSTATED,
    CREDENTIAL_REVERIFIED,
    CREDENTIAL_REVOKED,
    CREDENTIAL_SUSPENDED,
    ISSUER_DISTRUSTED,
    ISSUER_TRUSTED,
    STATUS_LIST_OPENED,
    CredentialIssued,
    IssuerTrusted,
)
from telesphor.capabilities.identity.credentials.standing import CredentialRow, IssuerRow, ListRow
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS credential_issuers(
    issuer TEXT PRIMARY KEY,
    did TEXT NOT NULL,
    actor TEXT,
    groups TEXT NOT NULL,
    keys BLOB NOT NULL,
    status_keys BLOB,
    status_uri TEXT,
    state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS credential_issuers_did ON credential_issuers(did);
CREATE TABLE IF NOT EXISTS status_lists(
    list TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    changes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS credentials(
    credential TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    list TEXT NOT NULL,
    place INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    verified_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    UNIQUE(list, place)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS credentials_of ON credentials(subject, credential);
CREATE INDEX IF NOT EXISTS credentials_due ON credentials(expires_ms) WHERE state IN ('active', 'suspended');
CREATE INDEX IF NOT EXISTS credentials_marked ON credentials(list, place) WHERE state IN ('suspended', 'revoked');
"""

TABLES = ("credential_issuers", "status_lists", "credentials")

_STATES = {
    CREDENTIAL_SUSPENDED.name: "suspended",
    CREDENTIAL_REINSTATED.name: "active",
    CREDENTIAL_REVOKED.name: "revoked",
    CREDENTIAL_EXPIRED.name: "expired",
}
_ISSUER = "SELECT issuer, did, actor, groups, keys, status_keys, status_uri, state FROM credential_issuers"
_CREDENTIAL = (
    "SELECT credential, digest, kind, issuer, subject, list, place, expires_ms, verified_ms, state"
    " FROM credentials"
)


def find_issuer(db: apsw.Connection, issuer: str) -> IssuerRow | None:
    """Return an issuer by its id, trusted or not."""
    return _issuer(db.execute(f"{_ISSUER} WHERE issuer = ?", (issuer,)).fetchone())


def issuer_of_did(db: apsw.Connection, did: str) -> IssuerRow | None:
    """Return the issuer of this identifier: the one that is trusted, before any that is not."""
    sql = f"{_ISSUER} WHERE did = ? ORDER BY state = 'trusted' DESC, issuer LIMIT 1"
    return _issuer(db.execute(sql, (did,)).fetchone())


def find_list(db: apsw.Connection, status_list: str) -> ListRow | None:
    """Return a status list of this node."""
    row = db.execute(
        "SELECT list, issuer, changes FROM status_lists WHERE list = ?", (status_list,)
    ).fetchone()
    return None if row is None else ListRow(*row)


def marked_places(db: apsw.Connection, status_list: str) -> Iterator[tuple[int, str]]:
    """The places of a list whose credentials are suspended or revoked, with which of the two."""
    sql = "SELECT place, state FROM credentials WHERE list = ? AND state IN ('suspended', 'revoked')"
    yield from db.execute(sql, (status_list,))


def find_credential(db: apsw.Connection, credential: str) -> CredentialRow | None:
    """Return a credential by its id."""
    return _credential(db.execute(f"{_CREDENTIAL} WHERE credential = ?", (credential,)).fetchone())


def credential_of_digest(db: apsw.Connection, digest: str) -> CredentialRow | None:
    """Return a credential by the digest of its payload."""
    return _credential(db.execute(f"{_CREDENTIAL} WHERE digest = ?", (digest,)).fetchone())


def credentials_of(db: apsw.Connection, subject: str, *, limit: int) -> list[CredentialRow]:
    """Return the credentials that were issued to an actor, the newest first, whatever became of them."""
    rows = db.execute(f"{_CREDENTIAL} WHERE subject = ? ORDER BY credential DESC LIMIT ?", (subject, limit))
    return [CredentialRow(*row) for row in rows]


def has_place(db: apsw.Connection, status_list: str, place: int) -> bool:
    """Whether a place in a list belongs to a credential."""
    sql = "SELECT 1 FROM credentials WHERE list = ? AND place = ?"
    return db.execute(sql, (status_list, place)).fetchone() is not None


def due_credentials(db: apsw.Connection, *, now_ms: int, limit: int) -> list[str]:
    """Ids of credentials that have ended and are not said to have, oldest end first."""
    sql = (
        "SELECT credential FROM credentials WHERE state IN ('active', 'suspended') AND expires_ms <= ?"
        " ORDER BY expires_ms LIMIT ?"
    )
    return [row[0] for row in db.execute(sql, (now_ms, limit))]


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of credentials into the tables."""
    name = parse_stream(entry.stream)[1]
    if entry.type == ISSUER_TRUSTED.name:
        _trust(db, name, entry.body)
    elif entry.type == ISSUER_DISTRUSTED.name:
        db.execute("UPDATE credential_issuers SET state = 'distrusted' WHERE issuer = ?", (name,))
    elif entry.type == STATUS_LIST_OPENED.name:
        db.execute("INSERT INTO status_lists VALUES(?, ?, 0)", (name, entry.body.issuer))
    elif entry.type == CREDENTIAL_ISSUED.name:
        _issue(db, name, entry.body)
    elif entry.type == CREDENTIAL_REVERIFIED.name:
        values = (parse_instant(entry.body.verified), name)
        db.execute("UPDATE credentials SET verified_ms = ? WHERE credential = ?", values)
    elif entry.type in _STATES:
        db.execute("UPDATE credentials SET state = ? WHERE credential = ?", (_STATES[entry.type], name))
        db.execute(
            "UPDATE status_lists SET changes = changes + 1"
            " WHERE list = (SELECT list FROM credentials WHERE credential = ?)",
            (name,),
        )


def _trust(db: apsw.Connection, issuer: str, body: IssuerTrusted) -> None:
    row = (
        issuer,
        body.did,
        body.actor,
        ",".join(sorted(body.groups)),
        _json(body.keys),
        None if body.status_keys is None else _json(body.status_keys),
        body.status_uri,
    )
    db.execute("INSERT OR REPLACE INTO credential_issuers VALUES(?, ?, ?, ?, ?, ?, ?, 'trusted')", row)


def _issue(db: apsw.Connection, credential: str, body: CredentialIssued) -> None:
    times = (parse_instant(body.expires), parse_instant(body.verified))
    row = (credential, body.digest, body.group, body.issuer, body.subject, body.list, body.index, *times)
    db.execute("INSERT INTO credentials VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, 'active')", row)


def _issuer(row: tuple[object, ...] | None) -> IssuerRow | None:
    if row is None:
        return None
    issuer, did, actor, groups, *rest = row
    return IssuerRow(issuer, did, actor, tuple(str(groups).split(",")), *rest)  # type: ignore[arg-type]  # of the table


def _credential(row: tuple[object, ...] | None) -> CredentialRow | None:
    return None if row is None else CredentialRow(*row)  # type: ignore[arg-type]  # the columns of the table


def _json(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")


STORE = Store(SCHEMA, TABLES, apply)
