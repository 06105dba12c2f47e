"""Credentials of one holder as the ledger says, for other capabilities that show them. Start at `credentials_of`."""

from __future__ import annotations

from typing import NamedTuple

import apsw

from telesphor.capabilities.identity.credentials import store
from telesphor.capabilities.identity.credentials.standing import CredentialRow, IssuerRow


class CredentialLine(NamedTuple):
    """A credential that was issued to somebody, and its issuer."""

    credential: CredentialRow
    issuer: IssuerRow


def credentials_of(db: apsw.Connection, subject: str, *, count_max: int) -> list[CredentialLine]:
    """Return the credentials of this node's issuers to an actor, the newest first, whatever became of them."""
    found = (
        (row, store.find_issuer(db, row.issuer)) for row in store.credentials_of(db, subject, limit=count_max)
    )
    return [CredentialLine(row, issuer) for row, issuer in found if issuer is not None]
