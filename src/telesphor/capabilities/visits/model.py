"""Values of visits: roles of linked entries, bounds, grants, and what can be refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, VisitId

VISIT_ENTRIES_MAX = 10_000
"""A visit of two hours with a reading each second; its bundle stays under the bound of bundles."""

DEVICES_MAX = 32
"""Devices of one visit: more than one patient can wear."""

BUNDLE_TICKET_SECONDS = 900
"""How long after an export its bundle may be fetched; a new export costs one signed command."""

BUILT_ON = "visit.closed/1"
"""Type of the other ledger's entry that a visit may be built on."""

VISIT_STREAM = "visit"
EXPORTS_STREAM = "exports"


class LinkRole(StrEnum):
    """What a linked entry is to the visit."""

    READ = "read"
    NOTE = "note"
    RECORDING = "recording"
    RECORD = "record"
    SUMMARY = "summary"
    READING = "reading"
    PROOF = "proof"
    ACCESS = "access"
    PRESENTATION = "presentation"
    DEVICE = "device"
    TOKEN = "token"  # noqa: S105  a role, not a secret
    GROUP = "group"
    BREAK_GLASS = "break-glass"
    CONTRACT = "contract"
    ENROLMENT = "enrolment"
    REFUSAL = "refusal"


AddedRole = Literal["note", "recording", "record", "summary"]
"""What a participant may add by itself; everything else comes with commands of its own."""


GroundRole = Literal[
    "access",
    "presentation",
    "device",
    "enrolment",
    "token",
    "group",
    "break-glass",
    "contract",
    "refusal",
]
"""What a visit rests on: made elsewhere, and linked by whoever wants it in the visit's proof."""

STREAM_CHARS_MAX = 128
"""Longer than the name of any stream."""


class VisitRow(NamedTuple):
    """A visit as the ledger says; `entries` is the length of its stream, `root` the root over them."""

    visit: VisitId
    patient: ActorId
    clinician: ActorId
    opened_by: ActorId
    state: Literal["open", "closed"]
    entries: int
    root: bytes


class BundleGrant(msgspec.Struct, frozen=True):
    """What a bundle ticket stands for."""

    visit: VisitId
    actor: ActorId


class BundleTicket(msgspec.Struct, frozen=True):
    """Answer to `visit.export/1`: fetch `path` with the ticket as bearer token."""

    visit: str
    ticket: str
    path: str


class VisitExists(TelesphorError):
    """The id was used for a visit before."""

    code = "visit-exists"
    kind = Kind.CONFLICT


class VisitMissing(TelesphorError):
    """There is no such visit."""

    code = "visit-missing"
    kind = Kind.NOT_FOUND


class VisitClosed(TelesphorError):
    """The visit is closed; nothing is added to it ever after."""

    code = "visit-closed"
    kind = Kind.CONFLICT


class VisitNotClosed(TelesphorError):
    """The visit is still open, so there is no complete list to prove."""

    code = "visit-not-closed"
    kind = Kind.CONFLICT


class VisitFull(TelesphorError):
    """The visit has as many entries as a visit may have."""

    code = "visit-full"
    kind = Kind.TOO_LARGE


class NotAParticipant(TelesphorError):
    """The actor has no part in the visit, or not the part that this takes."""

    code = "not-a-participant"
    kind = Kind.FORBIDDEN


class ParticipantRefused(TelesphorError):
    """Somebody named for the visit cannot take that part."""

    code = "participant-refused"
    kind = Kind.INVALID


class ObjectOfAnotherVisit(TelesphorError):
    """The object was written for another visit."""

    code = "object-of-another-visit"
    kind = Kind.CONFLICT


class SummaryRefused(TelesphorError):
    """The object is not what a visit could be summarised in: the patient cannot read it, or it is no document."""

    code = "summary-refused"
    kind = Kind.CONFLICT


class NotAGround(TelesphorError):
    """The entry is not there, does not fit the role, or has nothing to do with this visit."""

    code = "not-a-ground"
    kind = Kind.INVALID


class AlreadyLinked(TelesphorError):
    """The entry is linked to the visit already."""

    code = "already-linked"
    kind = Kind.CONFLICT


class BundleNotReady(TelesphorError):
    """The visit's newest entries are not in a signed checkpoint yet."""

    code = "bundle-not-ready"
    kind = Kind.OVERLOADED
