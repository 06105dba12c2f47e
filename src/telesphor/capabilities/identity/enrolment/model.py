"""Values of enrolment: makers, firmware, enrolments and connections, and their bounds."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, NewType

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.model import CARD_CHARS_MAX, JwsSignature
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId
from telesphor.runtime.capability import Body

MakerId = NewType("MakerId", str)
FirmwareId = NewType("FirmwareId", str)

MAKER_STREAM = "maker"
FIRMWARE_STREAM = "firmware"
DEVICE_STREAM = "device"

MODELS_MAX = 64
"""Models of one maker that a hospital has in use."""

COUNTER_MAX = 2**53 - 1
"""The largest integer of an entry: a connection each millisecond for 285,000 years."""

CHALLENGE_SECONDS = 120
"""Long enough to sign on a small processor and send over a poor line."""

CHALLENGES_OPEN_MAX = 4
"""A device that lost three answers may still ask again; one that only asks is refused."""

CHALLENGE_KEPT_SECONDS = 3_600
"""How long a nonce is remembered after its end, so that a late answer is told from a made-up one."""

ENTRIES_REMEMBERED = 1_000
"""Challenges further back on a device's stream are forgotten, and no more refused answers than this are remembered: the
writer looks through them, so one device that does nothing else must not have more of them."""

OFFLINE_DAYS_MAX = 90
"""A season in a drawer. What happened to a device meanwhile nobody knows, so the organisation must look at it."""

CONNECTION_HOURS_MAX = 12
"""A shift, or a night at home; then the device proves itself again."""

_ID = Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36)

MakerIdField = Annotated[MakerId, _ID]
FirmwareIdField = Annotated[FirmwareId, _ID]
DigestField = Annotated[Digest, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
FileHash = NewType("FileHash", str)
"""SHA-256 of a firmware or a certificate: 64 hex digits, without the prefix of a `Digest`. A device says them freely,
and what has the form of a digest would name whatever document of the ledger has it."""
FileHashField = Annotated[FileHash, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
NonceField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{21}[AQgw]$", max_length=22)]
CounterField = Annotated[int, Meta(ge=1, le=COUNTER_MAX)]
MakerNameField = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}[a-z0-9]\Z", max_length=64)]
"""Like a domain that the maker owns."""
ModelField = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}\Z", max_length=64)]
"""As the maker writes it; never anything of the single device."""
ModelsField = Annotated[tuple[ModelField, ...], Meta(min_length=1, max_length=MODELS_MAX)]

RevocationReason = Literal["lost", "stolen", "compromised", "decommissioned", "error"]
COMPROMISING: frozenset[RevocationReason] = frozenset({"lost", "stolen", "compromised"})
"""Reasons after which somebody else may hold the device's keys."""

EnrolmentState = Literal["enrolled", "quarantined", "revoked"]

ConnectCause = Literal[
    "channel-mismatch",
    "channel-missing",
    "counter-not-higher",
    "credential-expired",
    "device-cloned",
    "device-keys-changed",
    "device-not-enrolled",
    "device-offline-too-long",
    "device-quarantined",
    "device-revoked",
    "firmware-refused",
    "maker-distrusted",
    "nonce-expired",
    "nonce-unknown",
    "nonce-used",
    "owner-inactive",
    "wrong-owner",
]
"""Why a connection was refused, as its entry says it: the code of the error."""


class SignedCredential(Body, frozen=True, kw_only=True):
    """A maker's credential as it travels inside a command: a JWS whose payload is `CredentialClaims`."""

    payload: Annotated[str, Meta(max_length=CARD_CHARS_MAX)]
    signatures: Annotated[tuple[JwsSignature, ...], Meta(max_length=8)]


class MakerRow(NamedTuple):
    """A maker, as the organisation that trusts it said last."""

    organisation: ActorId
    name: str
    key_id: Digest
    models: tuple[str, ...]
    trusted: bool


class FirmwareRow(NamedTuple):
    """A firmware of one model of a maker."""

    maker: MakerId
    model: str
    hash: FileHash
    allowed: bool


class ChallengeRow(NamedTuple):
    """A nonce given to a device: until when, at which number of its stream, and whether it was used."""

    ends_ms: int
    n: int
    used: bool


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A device as the ledger says.

    Attributes:
        organisation: who countersigned.
        document: digest of the maker's credential.
        key_id: names the pair that the maker certified.
        serial: the maker's commitment to the serial number.
        ends_ms: the end of the maker's credential.
        tainted: whether somebody else holds the pair, or may.
        counter: the highest that was accepted; 0 before the first.
        seen_ms, seen_n: time and number on the device's stream of the last accepted connection, or of the enrolment.
        firmware, channel: of the last accepted connection since the enrolment or the change of owner, none before; the
            channel only where it was this node's own certificate.
    """

    device: ActorId
    organisation: ActorId
    maker: MakerId
    model: str
    document: Digest
    key_id: Digest
    serial: str
    owner: ActorId
    ends_ms: int
    state: EnrolmentState
    tainted: bool
    counter: int
    seen_ms: int
    seen_n: int
    firmware: FileHash | None
    channel: FileHash | None


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A device's standing connection: what it proved, and when.

    Attributes:
        firmware: hash of what the device says that it runs, which the organisation allows.
        at_ms: when it was accepted.
        channel: hash of this node's certificate, where the device saw it at the other end of its TLS link.
    """

    owner: ActorId
    model: str
    firmware: FileHash
    at_ms: int
    channel: FileHash | None
