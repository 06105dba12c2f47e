"""Values of identity: the fields that all commands share, actor kinds, cards, and what can be refused.

The field types are checked where bytes become structs, at the edge, once. A `Card` is an actor's own
signature over its id, kind and keys for one node: the proof that whoever registers the keys holds them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, ObjectId, VisitId
from telesphor.kernel.sealing import PUBLIC_BYTES
from telesphor.kernel.signing import VerifyKey
from telesphor.runtime.capability import Actor, Body

# The length beside the pattern closes the one hole of `$`: a line feed at the end.
_ID = Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36)

ActorIdField = Annotated[ActorId, _ID]
ObjectIdField = Annotated[ObjectId, _ID]
VisitIdField = Annotated[VisitId, _ID]
InstantField = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$", max_length=24)
]
CommitmentField = Annotated[str, Meta(pattern="^hmac-sha256:[0-9a-f]{64}$", max_length=76)]
ThumbprintField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{43}$", max_length=43)]

KEM_CHARS = (PUBLIC_BYTES * 4 + 2) // 3
"""An X-Wing public key as base64url without padding."""

KemField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", min_length=KEM_CHARS, max_length=KEM_CHARS)]

JWK_CHARS_MAX = 3_500
"""The larger ML-DSA public key (2,592 bytes) as base64url, with a little room."""

CARD_CHARS_MAX = 16_384
"""A card's payload holds one signing pair and one KEM key: under 6 KB, and a third more as base64url."""

NODE_STREAM = "node"
ACTOR_STREAM = "actor"


class ActorKind(StrEnum):
    """What sort of actor it is. Nodes and roots are made by the first entry only."""

    PERSON = "person"
    SYSTEM = "system"
    DEVICE = "device"
    ORGANISATION = "organisation"
    NODE = "node"
    ROOT = "root"


RegistrableKind = Literal["person", "system", "device", "organisation"]

PauseReason = Literal["away", "left", "incident"]
"""Why an actor is kept from acting for a while: it is away, has left, or something happened that is looked into."""

LossReason = Literal["lost", "stolen", "disclosed"]
"""What happened to keys that are in force no more: nobody has them, or somebody else may."""


class OkpJwk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The Ed25519 half (RFC 8037)."""

    alg: Literal["Ed25519"]
    crv: Literal["Ed25519"]
    kty: Literal["OKP"]
    x: Annotated[str, Meta(max_length=JWK_CHARS_MAX)]


class AkpJwk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The ML-DSA half (RFC 9964): ML-DSA-65 for actors, ML-DSA-87 for the root."""

    alg: Literal["ML-DSA-65", "ML-DSA-87"]
    kty: Literal["AKP"]
    pub: Annotated[str, Meta(max_length=JWK_CHARS_MAX)]


Jwks = tuple[OkpJwk, AkpJwk]
"""A signing pair as it stands on the ledger."""


class JwsSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One signature of a JWS (RFC 7515, section 7.2.1)."""

    protected: Annotated[str, Meta(max_length=1_024)]
    signature: Annotated[str, Meta(max_length=8_192)]


class Card(Body, frozen=True, kw_only=True):
    """A self-signed card, as it travels inside a command: a JWS whose payload is `CardClaims`."""

    payload: Annotated[str, Meta(max_length=CARD_CHARS_MAX)]
    signatures: Annotated[tuple[JwsSignature, ...], Meta(max_length=8)]


class CardClaims(Body, frozen=True, kw_only=True):
    """What a card says: these keys are mine, under this id and kind, at this node."""

    format: Literal["telesphor-card/1"]
    id: ActorIdField
    kind: RegistrableKind
    keys: tuple[ThumbprintField, ThumbprintField]
    jwks: Jwks
    kem: KemField
    node: Annotated[str, Meta(max_length=255)]


class RootIdentity(Body, frozen=True, kw_only=True):
    """The root as the first entry names it."""

    id: ActorIdField
    keys: Jwks


class NodeIdentity(Body, frozen=True, kw_only=True):
    """The node as the first entry names it."""

    id: ActorIdField
    keys: Jwks
    kem: KemField


class EndsKeys(Body, frozen=True, kw_only=True):
    """Base of the commands after which somebody's present keys are in force no more."""

    def ends_keys_of(self, signer: str) -> bool:
        """Whether the keys that end are `signer`'s: its request can then have no further command."""
        raise NotImplementedError


class ActorInfo(msgspec.Struct, frozen=True):
    """An actor as others see it: its kind, whether it acts, and the pair it signs with, or did last."""

    id: ActorId
    kind: str
    key_id: str
    state: Literal["active", "paused", "suspended", "retired"]


def read_jwks(jwks: Jwks) -> VerifyKey:
    """Make a pair of public keys usable; raises `KeyRefused` (kernel) when it is none."""
    return VerifyKey.from_jwks([msgspec.to_builtins(jwk) for jwk in jwks])


def require_kind(actor: Actor, *kinds: ActorKind) -> None:
    """Let only actors of these kinds pass; raises `NotPermitted`."""
    if actor.kind not in kinds:
        raise NotPermitted(
            f"an actor of kind `{actor.kind}` may not do this",
            hint=f"it takes one of kind {', '.join(f'`{kind}`' for kind in kinds)}",
        )


class NotPermitted(TelesphorError):
    """The actor may not do this."""

    code = "not-permitted"
    kind = Kind.FORBIDDEN


class ActorExists(TelesphorError):
    """The id belongs to an actor already, the node and the root among them."""

    code = "actor-exists"
    kind = Kind.CONFLICT


class ActorMissing(TelesphorError):
    """A command names an actor that is not registered."""

    code = "actor-missing"
    kind = Kind.NOT_FOUND


class ActorRetired(TelesphorError):
    """The actor acts no more."""

    code = "actor-retired"
    kind = Kind.FORBIDDEN


class ActorSuspended(TelesphorError):
    """The actor's keys were reported lost: none is in force until it is recovered."""

    code = "actor-suspended"
    kind = Kind.FORBIDDEN


class ActorPaused(ActorSuspended):
    """The actor is kept from acting by whoever runs the node; its keys are as they were."""

    code = "actor-paused"
    kind = Kind.FORBIDDEN


class KeyUsed(TelesphorError):
    """One of the keys is, or once was, an actor's."""

    code = "key-used"
    kind = Kind.CONFLICT


class SuiteRefused(TelesphorError):
    """The keys are not of the suite that this sort of actor signs with."""

    code = "suite-refused"
    kind = Kind.INVALID


class CardRefused(TelesphorError):
    """The card is not a card, or its signatures do not verify under the keys it names."""

    code = "card-refused"
    kind = Kind.INVALID


class CardForAnotherNode(TelesphorError):
    """The card was signed for another node."""

    code = "card-for-another-node"
    kind = Kind.INVALID


class CardMismatch(TelesphorError):
    """The card does not say what the command says."""

    code = "card-mismatch"
    kind = Kind.INVALID


class NodeExists(TelesphorError):
    """The node is made by the first entry, and once."""

    code = "node-exists"
    kind = Kind.CONFLICT


class NodeMissing(TelesphorError):
    """The ledger has no first entry yet, so there is no node to act at."""

    code = "node-missing"
    kind = Kind.CONFLICT
