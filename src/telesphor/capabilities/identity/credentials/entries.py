"""The facts about credentials: who is trusted to vouch for what, and what became of each credential.

INVARIANT: no entry holds a factor's name or value. A credential is its digest here, salted by its disclosures.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from telesphor.capabilities.identity.credentials.model import Group
from telesphor.capabilities.identity.credentials.standing import (
    DidField,
    DigestField,
    GroupsField,
    HttpsField,
    IndexField,
    IssuerIdField,
    PairsField,
    Reason,
    StatusListIdField,
)
from telesphor.capabilities.identity.model import ActorIdField, InstantField, Jwks
from telesphor.runtime.capability import Body, EntryType


class IssuerTrusted(Body, frozen=True, kw_only=True):
    """The issuer may vouch for these groups, under these pairs; said again, it replaces what was said."""

    did: DidField
    actor: ActorIdField | None
    groups: GroupsField
    keys: PairsField
    status_keys: Jwks | None
    status_uri: HttpsField | None


class IssuerDistrustedBody(Body, frozen=True, kw_only=True):
    """The issuer vouches for nothing any more."""

    reason: Reason


class StatusListOpened(Body, frozen=True, kw_only=True):
    """The issuer has a status list at this node."""

    issuer: IssuerIdField


class CredentialIssued(Body, frozen=True, kw_only=True):
    """The issuer gave this credential to that actor, with a place in a status list."""

    digest: DigestField
    group: Group
    issuer: IssuerIdField
    subject: ActorIdField
    list: StatusListIdField
    index: IndexField
    expires: InstantField
    verified: InstantField


class CredentialReverified(Body, frozen=True, kw_only=True):
    """The issuer verified the factors of the credential again, at that time."""

    verified: InstantField


class CredentialChanged(Body, frozen=True, kw_only=True):
    """The credential was suspended, reinstated or revoked."""

    reason: Reason


class CredentialEvent(Body, frozen=True, kw_only=True):
    """What happened is said by the entry's type alone."""


class CredentialCollected(Body, frozen=True, kw_only=True):
    """The holder proved both its keys, and the node handed it the credential that was left for it."""

    forms: Annotated[tuple[Literal["hybrid", "compact"], ...], Meta(min_length=1, max_length=2)]


ISSUER_TRUSTED = EntryType("issuer.trusted/1", IssuerTrusted)
ISSUER_DISTRUSTED = EntryType("issuer.distrusted/1", IssuerDistrustedBody)
STATUS_LIST_OPENED = EntryType("status-list.opened/1", StatusListOpened)
CREDENTIAL_ISSUED = EntryType("credential.issued/1", CredentialIssued)
CREDENTIAL_REVERIFIED = EntryType("credential.reverified/1", CredentialReverified)
CREDENTIAL_SUSPENDED = EntryType("credential.suspended/1", CredentialChanged)
CREDENTIAL_REINSTATED = EntryType("credential.reinstated/1", CredentialChanged)
CREDENTIAL_REVOKED = EntryType("credential.revoked/1", CredentialChanged)
CREDENTIAL_EXPIRED = EntryType("credential.expired/1", CredentialEvent)
CREDENTIAL_OFFERED = EntryType("credential.offered/1", CredentialEvent)
CREDENTIAL_COLLECTED = EntryType("credential.collected/1", CredentialCollected)

ENTRIES = (
    ISSUER_TRUSTED,
    ISSUER_DISTRUSTED,
    STATUS_LIST_OPENED,
    CREDENTIAL_ISSUED,
    CREDENTIAL_REVERIFIED,
    CREDENTIAL_SUSPENDED,
    CREDENTIAL_REINSTATED,
    CREDENTIAL_REVOKED,
    CREDENTIAL_EXPIRED,
    CREDENTIAL_OFFERED,
    CREDENTIAL_COLLECTED,
)
