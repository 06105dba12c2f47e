"""Values of recovery: its bounds, the statement that a recovery pair signs, and what can be refused."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from telesphor.capabilities.identity.model import (
    CARD_CHARS_MAX,
    ActorIdField,
    Jwks,
    JwsSignature,
    KemField,
    ThumbprintField,
)
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import Body

GUARDIANS_MAX = 16
"""More people than anybody can call on one day, and a set that fits one entry many times over."""

THRESHOLD_MIN = 2
"""No single guardian may be able to take over who trusted it."""

WAIT_SECONDS_MAX = 30 * 86_400
"""Nobody should be without keys for longer than a month because of a number chosen years ago."""

WAIT_SECONDS_DEFAULT = 3 * 86_400
"""What clients propose: a weekend in which a message about it is read."""

RECOVERY_MS_MAX = 60 * 86_400_000
"""A recovery that was begun and not finished by then is over; twice the longest waiting time."""

STATEMENT_BYTES_MAX = 32 * 1024
"""A statement is about 12 KB: one pair, one KEM key and two signatures, in base64url."""

GuardiansField = Annotated[tuple[ActorIdField, ...], Meta(max_length=GUARDIANS_MAX)]
ThresholdField = Annotated[int, Meta(ge=0, le=GUARDIANS_MAX)]
WaitField = Annotated[int, Meta(ge=0, le=WAIT_SECONDS_MAX)]
PairField = tuple[ThumbprintField, ThumbprintField]


class Statement(Body, frozen=True, kw_only=True):
    """A recovery pair's own word, as it travels inside a command: a JWS whose payload is `StatementClaims`."""

    payload: Annotated[str, Meta(max_length=CARD_CHARS_MAX)]
    signatures: Annotated[tuple[JwsSignature, ...], Meta(max_length=8)]


class StatementClaims(Body, frozen=True, kw_only=True):
    """What it says: at this node, give this actor these keys.

    `keys` and `jwks` are the recovery pair, `new` the thumbprints of the pair to come, `kem` its KEM key.
    """

    format: Literal["telesphor-recovery/1"]
    id: ActorIdField
    keys: PairField
    jwks: Jwks
    new: PairField
    kem: KemField
    node: Annotated[str, Meta(max_length=255)]


class GuardiansRefused(TelesphorError):
    """The guardians, their threshold or the waiting time do not make a recovery."""

    code = "guardians-refused"
    kind = Kind.INVALID


class NotAGuardian(TelesphorError):
    """The actor is not among those who may do this for the other."""

    code = "not-a-guardian"
    kind = Kind.FORBIDDEN


class RecoveryNotSet(TelesphorError):
    """The actor never said how it is to be recovered."""

    code = "recovery-not-set"
    kind = Kind.CONFLICT


class RecoveryMissing(TelesphorError):
    """No recovery of this actor to these keys is under way."""

    code = "recovery-missing"
    kind = Kind.NOT_FOUND


class RecoveryExists(TelesphorError):
    """This recovery is under way already, or this guardian has approved it already."""

    code = "recovery-exists"
    kind = Kind.CONFLICT


class RecoveryTooEarly(TelesphorError):
    """The waiting time that the actor chose is not over."""

    code = "recovery-too-early"
    kind = Kind.CONFLICT


class RecoveryNotApproved(TelesphorError):
    """Fewer guardians than needed have approved these keys."""

    code = "recovery-not-approved"
    kind = Kind.FORBIDDEN


class StatementRefused(TelesphorError):
    """It is no statement of the actor's recovery pair about these keys at this node."""

    code = "recovery-statement-refused"
    kind = Kind.INVALID
