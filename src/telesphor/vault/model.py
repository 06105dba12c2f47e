"""The words of the vault: states, bounds, what commands ask and answer, and the pure rules.

Nothing here does I/O. Start at `WriteObject` and follow the commands down; errors are in `errors`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec

from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId, ObjectId, Stream, VisitId, stream_of
from telesphor.runtime.capability import Actor, Body
from telesphor.vault.errors import MediaTypeRefused, NotTheOwner

READERS_MAX = 64
"""A care team; each reader costs a key agreement (about 0.2 ms) and 1.2 kB."""

MEDIA_TYPE_CHARS_MAX = 127
"""Longest name that RFC 6838 section 4.2 lets each half have; ours is for both."""

UPLOAD_LIFETIME_SECONDS = 7 * 24 * 3600
"""An upload that is not sealed within a week is taken for abandoned."""

UPLOAD_GRACE_SECONDS = 3600
"""How much later its parts are deleted, so that no seal that was still allowed loses its bytes."""

WRITE_TICKET_SECONDS = 3600
READ_TICKET_SECONDS = 900
"""Long enough to seek through a recording; a new one costs one signed command."""

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")

Id = Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
"""An id on its way in; the service parses it."""


Location = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*\Z", max_length=16)]
"""A code for a place, such as `US-WA` (ISO 3166) or `ward-7`: signed requests are kept, so no address."""


class ObjectState(StrEnum):
    """Where an object is in its life; it only moves forwards."""

    BEGUN = "begun"
    SEALED = "sealed"
    ERASED = "erased"


class Purpose(StrEnum):
    """What patient data may be read for (45 CFR 164.506, 164.510 and 164.524, in plain words)."""

    TREATMENT = "treatment"
    PAYMENT = "payment"
    OPERATIONS = "operations"
    PATIENT_REQUEST = "patient-request"
    EMERGENCY = "emergency"


class ErasureReason(StrEnum):
    """Why an object is destroyed."""

    PATIENT_REQUEST = "patient-request"
    RETENTION = "retention"
    ERROR = "error"
    LEGAL = "legal"


class ObjectRow(NamedTuple):
    """What the ledger says of an object; `digest`, `size` (plaintext bytes) and `parts` once it is sealed.

    `changed` is the position of the last entry that changed who holds keys, `sealed_n` the number of
    `object.sealed` in the object's stream, by which others link to it, and `sealed_position` where that
    entry stands. `subject` is whom it is about.
    """

    object: ObjectId
    owner: ActorId
    media_type: str
    state: ObjectState
    digest: Digest | None
    size: int | None
    parts: int | None
    visit: VisitId | None
    begun_at: str
    changed: int
    sealed_n: int | None = None
    subject: ActorId | None = None
    sealed_position: int | None = None


class WriteObject(Body, frozen=True, kw_only=True):
    """Begin an object under an id of the writer's choice, a fresh UUIDv7.

    `subject` is the person whom it is about, where that is known: the patient, who may then read it and grant it.
    """

    object: Id
    media_type: Annotated[str, msgspec.Meta(max_length=MEDIA_TYPE_CHARS_MAX)]
    readers: Annotated[tuple[Id, ...], msgspec.Meta(max_length=READERS_MAX)]
    visit: Id | None
    subject: Id | None = None


class ResumeObject(Body, frozen=True, kw_only=True):
    """Go on with an upload that was interrupted."""

    object: Id


class SealObject(Body, frozen=True, kw_only=True):
    """Declare an upload finished: what was stored must be of this size (plaintext bytes) and digest."""

    object: Id
    size: Annotated[int, msgspec.Meta(ge=0)]
    digest: Annotated[str, msgspec.Meta(max_length=71)]


class ReadObject(Body, frozen=True, kw_only=True):
    """Read an object, for a stated purpose, within a visit or outside any.

    `location` is where the actor says it is. It is a claim, which rules may ask for.
    """

    object: Id
    purpose: Purpose
    visit: Id | None
    location: Location | None = None


class RewrapObject(Body, frozen=True, kw_only=True):
    """Let exactly these actors read, besides the owner."""

    object: Id
    readers: Annotated[tuple[Id, ...], msgspec.Meta(max_length=READERS_MAX)]


class EraseObject(Body, frozen=True, kw_only=True):
    """Destroy an object's keys and bytes."""

    object: Id
    reason: ErasureReason


class WriteTicket(msgspec.Struct, frozen=True):
    """Answer to `object.write` and `object.resume`: upload with this ticket, in parts of this size."""

    object: str
    ticket: str
    part_bytes: int


class ReadTicket(msgspec.Struct, frozen=True):
    """Answer to `object.read`.

    `wrap` is the data key sealed to the reader's own key (`docs/spec/wraps.md`), under this `role`, so
    that a client may fetch the ciphertext and open it itself.
    """

    object: str
    ticket: str
    size: int
    media_type: str
    digest: str
    role: str
    wrap: str


class WriteGrant(msgspec.Struct, frozen=True):
    """What an upload ticket stands for."""

    object: ObjectId
    actor: ActorId


class ReadGrant(msgspec.Struct, frozen=True):
    """What a download ticket stands for: a read that was allowed, as it was asked for."""

    object: ObjectId
    actor: Actor
    purpose: Purpose
    visit: VisitId | None = None
    location: str | None = None


class Stored(msgspec.Struct, frozen=True):
    """A completed upload: plaintext bytes, digest over the ciphertext's parts, number of parts."""

    size: int
    digest: str
    parts: int


def stream_of_object(object_id: str) -> Stream:
    """The stream of an object; raises `InvalidId`."""
    return stream_of("object", object_id)


def check_media_type(text: str) -> None:
    """Raise `MediaTypeRefused` unless `text` is a bare type and subtype (RFC 6838): it becomes a header."""
    if len(text) > MEDIA_TYPE_CHARS_MAX or _MEDIA_TYPE.fullmatch(text) is None:
        raise MediaTypeRefused(
            "the media type is not a lower-case type and subtype", hint="write it as `application/fhir+json`"
        )


def check_owner(actor: Actor, row: ObjectRow) -> None:
    """Raise `NotTheOwner` unless the actor began the object."""
    if actor.id != row.owner:
        raise NotTheOwner(f"object `{row.object}` is written by another actor")
