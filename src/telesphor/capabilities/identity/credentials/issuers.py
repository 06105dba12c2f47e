"""What other parts ask about issuers and credentials: who vouches here, and does it still hold.

1. `resolve_issuer`: whose keys must have signed a credential, and what its word is worth.
2. `vouched_factors`: what the credential then says; a holder's own word is nobody else's, whatever it claims.
3. `require_registered`, `require_status`, `require_trusted`: does it hold, now. Asked inside the writer, and again
   whenever factors are used.
"""

from __future__ import annotations

from functools import lru_cache

import apsw
import msgspec

from telesphor.capabilities.identity.credentials import store
from telesphor.capabilities.identity.credentials.model import (
    Credential,
    CredentialHead,
    Factor,
    Vouching,
)
from telesphor.capabilities.identity.credentials.refusals import (
    CredentialExpired,
    CredentialRevoked,
    CredentialSuspended,
    HolderMismatch,
    StatusListMismatch,
    StatusMissing,
)
from telesphor.capabilities.identity.credentials.standing import (
    CredentialMissing,
    CredentialRow,
    IssuerDistrusted,
    IssuerGroupRefused,
    IssuerKeysUnknown,
    IssuerRow,
    IssuerUnknown,
    ResolvedIssuer,
)
from telesphor.capabilities.identity.credentials.status_list import StatusList, check_status
from telesphor.capabilities.identity.model import Jwks, read_jwks
from telesphor.capabilities.identity.service import active_actor, verify_key_of
from telesphor.kernel.clock import format_instant
from telesphor.kernel.signing import VerifyKey

KEYS_REMEMBERED_MAX = 256
"""Parsed lists of pairs: a node trusts a few dozen issuers."""


def resolve_issuer(db: apsw.Connection, head: CredentialHead, *, holder: str) -> ResolvedIssuer:
    """Say who issued a credential, before anything in it is verified.

    1. An issuer of that name that is trusted, under one of its pairs, for this group.
    2. The holder itself, under its present pair, when no issuer ever had that name.

    Args:
        holder: the actor that presents it.

    Raises:
        IssuerUnknown, IssuerDistrusted, IssuerKeysUnknown, IssuerGroupRefused: its word counts for nothing here.
        ActorMissing, ActorSuspended, ActorRetired: the holder does not act.
    """
    row = store.issuer_of_did(db, head.issuer)
    if row is not None:
        return _trusted_issuer(row, head)
    info = active_actor(db, holder)
    key = verify_key_of(db, actor_id=holder, key_id=info.key_id)
    if head.keys != key.thumbprints():
        raise IssuerUnknown("no issuer of that name is trusted", hint="an organisation has to trust it first")
    return ResolvedIssuer(holder, None, key, own=False, status_key=key, status_uri=None)


def vouched_factors(credential: Credential, issuer: ResolvedIssuer) -> tuple[Factor, ...]:
    """The factors with who really vouches for them.

    INVARIANT: of a credential that the holder made for itself no factor is vouched for by an issuer.
    """
    if not issuer.is_holder:
        return credential.factors
    at = format_instant(credential.issued_ms)
    vouching = Vouching(vouched="self", vouched_by=issuer.name, verified_at=at)
    return tuple(
        Factor(name=factor.name, value=factor.value, vouching=vouching) for factor in credential.factors
    )


def require_trusted(db: apsw.Connection, issuer: str, *, group: str) -> IssuerRow:
    """Let only an issuer pass that is trusted for this group now.

    Raises:
        IssuerUnknown, IssuerDistrusted, IssuerGroupRefused
    """
    row = store.find_issuer(db, issuer)
    if row is None:
        raise IssuerUnknown("no issuer of that id is trusted")
    _check_issuer(row, group)
    return row


def require_registered(
    db: apsw.Connection, digest: str, *, holder: str, now_ms: int, group: str | None = None
) -> CredentialRow:
    """Let only a credential of this node's issuers pass that was issued to this actor and holds now.

    Args:
        group: what the credential says it is of, where the caller has it at hand.

    Raises:
        CredentialMissing: its issuer never noted it here, so it is forged or was made behind the ledger's back; or
            it noted it as one of another group.
        HolderMismatch: it was issued to another actor.
        CredentialRevoked, CredentialSuspended, CredentialExpired: it does not hold.
        IssuerUnknown, IssuerDistrusted, IssuerGroupRefused: its issuer is trusted no more.
    """
    row = store.credential_of_digest(db, digest)
    if row is None or group not in (None, row.group):
        raise CredentialMissing("no such credential was issued here")
    if row.subject != holder:
        raise HolderMismatch("the credential was issued to another actor")
    if row.state == "revoked":
        raise CredentialRevoked("the credential was revoked by its issuer")
    if row.state == "suspended":
        raise CredentialSuspended("the credential is suspended by its issuer")
    if row.state == "expired" or row.expires_ms <= now_ms:
        raise CredentialExpired("the credential has expired", hint="ask its issuer for a new one")
    require_trusted(db, row.issuer, group=row.group)
    return row


def require_status(
    credential: Credential, issuer: ResolvedIssuer, data: bytes | None, *, now_ms: int
) -> StatusList | None:
    """Let only a credential of another node's issuer pass whose whole, fresh status list says that it holds.

    Args:
        data: the list that the credential names, fetched; None when there is none.

    Returns:
        The list, to be looked at again before it expires; None for what a holder says of itself, and for a
        credential without a status of an issuer that keeps no lists: those end by their date alone.

    Raises:
        StatusMissing: the credential names a list, or its issuer keeps lists, and none is here.
        StatusListMismatch: the credential names a list that is not one of its issuer's.
        StatusRefused: one subclass for each fault of the list, and for what it says.
    """
    if issuer.is_holder:
        return None
    if credential.status is None:
        if issuer.status_uri is not None:
            raise StatusMissing("the credential has no status, which its issuer's credentials must have")
        return None
    if issuer.status_uri is None or not credential.status.uri.startswith(issuer.status_uri):
        raise StatusListMismatch("the status list of the credential is not one of its issuer's")
    if data is None:
        raise StatusMissing(
            "the status list of the credential is not there", hint="fetch it, and send it along"
        )
    return check_status(data, reference=credential.status, issuer=issuer.status_key, now_ms=now_ms)


def _trusted_issuer(row: IssuerRow, head: CredentialHead) -> ResolvedIssuer:
    _check_issuer(row, head.group)
    for key in _pairs(row.keys):
        if key.thumbprints() == head.keys:
            status_key = key if row.status_keys is None else _pair(row.status_keys)
            own = row.actor is not None
            return ResolvedIssuer(row.did, row.issuer, key, own, status_key, row.status_uri)
    raise IssuerKeysUnknown(
        "the issuer is not trusted under these keys", hint="an organisation has to say so"
    )


def _check_issuer(row: IssuerRow, group: str) -> None:
    if row.state != "trusted":
        raise IssuerDistrusted("the issuer is trusted no more")
    if group not in row.groups:
        raise IssuerGroupRefused(f"the issuer may not vouch for the group `{group}`")


@lru_cache(maxsize=KEYS_REMEMBERED_MAX)
def _pairs(data: bytes) -> tuple[VerifyKey, ...]:
    return tuple(map(read_jwks, msgspec.json.decode(data, type=tuple[Jwks, ...])))


@lru_cache(maxsize=KEYS_REMEMBERED_MAX)
def _pair(data: bytes) -> VerifyKey:
    return read_jwks(msgspec.json.decode(data, type=Jwks))
