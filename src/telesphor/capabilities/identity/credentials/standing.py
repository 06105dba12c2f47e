"""Values of what the ledger says about credentials: who may vouch for what, and what became of each credential.

The fields are checked where bytes become structs, at the edge, once. Errors of the ledger's side are here too;
those of the format are in `refusals.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, NewType

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.credentials.model import GROUPS, URI_CHARS_MAX, Group
from telesphor.capabilities.identity.credentials.status_list import LIST_ENTRIES
from telesphor.capabilities.identity.model import Jwks
from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.kernel.signing import VerifyKey

IssuerId = NewType("IssuerId", str)
CredentialId = NewType("CredentialId", str)
StatusListId = NewType("StatusListId", str)

ISSUER_STREAM = "issuer"
CREDENTIAL_STREAM = "credential"
STATUS_LIST_STREAM = "status-list"

PAIRS_MAX = 4
"""Pairs of one issuer that are trusted at the same time: its own, and those it is rotating from."""

LIFETIME_MS_MAX = 10 * 366 * 24 * 60 * 60 * 1000
"""A credential of ten years: longer than any licence or card is good for."""

_ID = Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z", max_length=36)

IssuerIdField = Annotated[IssuerId, _ID]
CredentialIdField = Annotated[CredentialId, _ID]
StatusListIdField = Annotated[StatusListId, _ID]
DigestField = Annotated[Digest, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z", max_length=71)]
IndexField = Annotated[int, Meta(ge=0, lt=LIST_ENTRIES)]
GroupsField = Annotated[tuple[Group, ...], Meta(min_length=1, max_length=len(GROUPS))]
PairsField = Annotated[tuple[Jwks, ...], Meta(min_length=1, max_length=PAIRS_MAX)]
DidField = Annotated[str, Meta(pattern=r"^did:[a-z0-9]+:[!-~]+\Z", max_length=URI_CHARS_MAX)]
HttpsField = Annotated[str, Meta(pattern=r"^https://[A-Za-z0-9.:_-]+/[!-~]*\Z", max_length=URI_CHARS_MAX)]
"""With a host and a slash after it, so that a prefix of an address cannot end within a host's name."""

Reason = Literal["lost", "compromised", "superseded", "ended", "mistaken", "under-review", "other"]
"""Codes, no free text: a reason in words would be about a person."""

CredentialState = Literal["active", "suspended", "revoked", "expired"]
IssuerState = Literal["trusted", "distrusted"]


class IssuerRow(NamedTuple):
    """An issuer as the ledger says.

    Attributes:
        actor: for an issuer of this node, whose credentials and statuses stand on this ledger; else nothing.
        keys: its pairs, as JSON.
        status_keys: the pair that signs its status lists, as JSON, when that is another one.
        status_uri: where its status lists begin, when it has any.
    """

    issuer: IssuerId
    did: str
    actor: ActorId | None
    groups: tuple[str, ...]
    keys: bytes
    status_keys: bytes | None
    status_uri: str | None
    state: IssuerState


class CredentialRow(NamedTuple):
    """A credential of this node's issuers as the ledger says; times are milliseconds."""

    credential: CredentialId
    digest: Digest
    group: str
    issuer: IssuerId
    subject: ActorId
    status_list: StatusListId
    place: int
    expires_ms: int
    verified_ms: int
    state: CredentialState


class ListRow(NamedTuple):
    """A status list of this node; `changes` counts what was folded into it."""

    status_list: StatusListId
    issuer: IssuerId
    changes: int


class ResolvedIssuer(NamedTuple):
    """Who an issuer is, as this node sees it.

    Attributes:
        name: what to call it: its DID, or the holder's actor id when the holder speaks for itself.
        issuer: its id on this ledger; None when the holder speaks for itself.
        key: the pair that must have signed.
        own: whether its credentials stand on this ledger.
        status_key: the pair that must have signed its status lists.
        status_uri: where its status lists begin.
    """

    name: str
    issuer: IssuerId | None
    key: VerifyKey
    own: bool
    status_key: VerifyKey
    status_uri: str | None

    @property
    def is_holder(self) -> bool:
        """Whether the holder speaks for itself: then nobody vouches for any of its factors."""
        return self.issuer is None


class DepositGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What the ticket of `credential.offer/1` stands for: leave this credential for its holder."""

    credential: CredentialId
    actor: ActorId
    digest: Digest


class OfferTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Where to leave the credential, and the ticket to send with it."""

    credential: CredentialId
    ticket: str
    path: str


class IssuerUnknown(TelesphorError):
    """Nobody of this name is trusted, and it is not the holder either."""

    code = "issuer-unknown"
    kind = Kind.FORBIDDEN


class IssuerDistrusted(TelesphorError):
    """The issuer was trusted once, and is no more."""

    code = "issuer-distrusted"
    kind = Kind.FORBIDDEN


class IssuerKeysUnknown(TelesphorError):
    """The issuer is trusted, but not under these keys."""

    code = "issuer-keys-unknown"
    kind = Kind.FORBIDDEN


class IssuerGroupRefused(TelesphorError):
    """The issuer may not vouch for factors of this group."""

    code = "issuer-group-refused"
    kind = Kind.FORBIDDEN


class IssuerMissing(TelesphorError):
    """No issuer has this id."""

    code = "issuer-missing"
    kind = Kind.NOT_FOUND


class IssuerExists(TelesphorError):
    """The identifier is that of another issuer, or the issuer is another one's."""

    code = "issuer-exists"
    kind = Kind.CONFLICT


class IssuerRefused(TelesphorError):
    """What is said of the issuer does not fit together."""

    code = "issuer-refused"
    kind = Kind.INVALID


class CredentialExists(TelesphorError):
    """The id, the digest or the place in the list belongs to another credential."""

    code = "credential-exists"
    kind = Kind.CONFLICT


class StatusIndexTaken(TelesphorError):
    """The place in the status list belongs to another credential."""

    code = "status-index-taken"
    kind = Kind.CONFLICT


class StatusListExists(TelesphorError):
    """The id belongs to another status list."""

    code = "status-list-exists"
    kind = Kind.CONFLICT


class StatusListMissing(TelesphorError):
    """There is no such status list of this issuer."""

    code = "status-list-missing"
    kind = Kind.NOT_FOUND


class CredentialMissing(TelesphorError):
    """No such credential stands on this ledger."""

    code = "credential-missing"
    kind = Kind.NOT_FOUND


class CredentialStateRefused(TelesphorError):
    """What is asked cannot follow on what became of the credential."""

    code = "credential-state-refused"
    kind = Kind.CONFLICT


class LifetimeRefused(TelesphorError):
    """The credential would end too late, or has ended already; or it was verified in the future."""

    code = "credential-lifetime-refused"
    kind = Kind.INVALID


class DepositRefused(TelesphorError):
    """What was left is not the credential that was announced, or is not for the actor it was announced for."""

    code = "deposit-refused"
    kind = Kind.INVALID


class DepositsFull(TelesphorError):
    """As many credentials wait for their holders as the node keeps."""

    code = "deposits-full"
    kind = Kind.OVERLOADED


class DepositMissing(TelesphorError):
    """No credential waits under this code: never, no more, or it was collected."""

    code = "deposit-missing"
    kind = Kind.GONE


class ProofRefused(TelesphorError):
    """The holder did not prove both its keys for this very request."""

    code = "invalid-proof"
    kind = Kind.UNAUTHENTICATED
