"""The facts of a visit's life, all on `visit/<id>`. None has anything of a patient but opaque ids.

Where an entry names nobody, it is about whoever made it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.identity.model import ActorIdField, InstantField
from telesphor.capabilities.visits.life.model import (
    DeviceCheck,
    IdentifierKind,
    InvitedRole,
    MinutesField,
    NetworkCheck,
    Outcome,
)
from telesphor.runtime.capability import Body, EntryType

IDENTIFIERS_MIN = 2
IDENTIFIERS_MAX = 4
"""Two identifiers are what patient-safety rules ask for; more than four nobody asks."""

IdentifiersField = Annotated[
    tuple[IdentifierKind, ...], Meta(min_length=IDENTIFIERS_MIN, max_length=IDENTIFIERS_MAX)
]


class VisitScheduled(Body, frozen=True, kw_only=True):
    """When the visit is to be, and how long; the last of these holds."""

    starts_at: InstantField
    minutes: MinutesField


class VisitInvited(Body, frozen=True, kw_only=True):
    """Somebody has a seat, with a role; `invitation` is the link they were sent, if any."""

    participant: ActorIdField
    role: InvitedRole
    invitation: ActorIdField | None


class VisitCheckedIn(Body, frozen=True, kw_only=True):
    """How the devices and the network of whoever checked in did."""

    camera: DeviceCheck
    microphone: DeviceCheck
    speaker: DeviceCheck
    network: NetworkCheck


class VisitWaiting(Body, frozen=True, kw_only=True):
    """Somebody took a place in the queue: that of this entry's position on the ledger."""


class VisitBegun(Body, frozen=True, kw_only=True):
    """The visit's clinician entered the room; the first of these begins the visit."""


class VisitAdmitted(Body, frozen=True, kw_only=True):
    """A participant was let into the room."""

    participant: ActorIdField


class VisitReturned(Body, frozen=True, kw_only=True):
    """A participant was sent back to the lobby, and waits again."""

    participant: ActorIdField


class VisitRemoved(Body, frozen=True, kw_only=True):
    """A participant was removed, and has no part in the visit until invited again."""

    participant: ActorIdField


class VisitLeft(Body, frozen=True, kw_only=True):
    """Somebody left the room, or the queue."""


class VisitEndedBody(Body, frozen=True, kw_only=True):
    """Nobody is in the room any more, nor will be. What is written up later still comes before the closing."""

    outcome: Outcome


class IdentityPresented(Body, frozen=True, kw_only=True):
    """A participant showed who it is by factors; the presentation is linked beside this."""

    presentation: ActorIdField


class IdentityConfirmed(Body, frozen=True, kw_only=True):
    """A clinician asked a participant for identifiers of these kinds, and they were right."""

    participant: ActorIdField
    identifiers: IdentifiersField


VISIT_SCHEDULED = EntryType("visit.scheduled/1", VisitScheduled)
VISIT_INVITED = EntryType("visit.invited/1", VisitInvited)
VISIT_CHECKED_IN = EntryType("visit.checked-in/1", VisitCheckedIn)
VISIT_WAITING = EntryType("visit.waiting/1", VisitWaiting)
VISIT_BEGUN = EntryType("visit.begun/1", VisitBegun)
VISIT_ADMITTED = EntryType("visit.admitted/1", VisitAdmitted)
VISIT_RETURNED = EntryType("visit.returned/1", VisitReturned)
VISIT_REMOVED = EntryType("visit.removed/1", VisitRemoved)
VISIT_LEFT = EntryType("visit.left/1", VisitLeft)
VISIT_ENDED = EntryType("visit.ended/1", VisitEndedBody)
IDENTITY_PRESENTED = EntryType("visit.identity-presented/1", IdentityPresented)
IDENTITY_CONFIRMED = EntryType("visit.identity-confirmed/1", IdentityConfirmed)

ENTRIES = (
    VISIT_SCHEDULED,
    VISIT_INVITED,
    VISIT_CHECKED_IN,
    VISIT_WAITING,
    VISIT_BEGUN,
    VISIT_ADMITTED,
    VISIT_RETURNED,
    VISIT_REMOVED,
    VISIT_LEFT,
    VISIT_ENDED,
    IDENTITY_PRESENTED,
    IDENTITY_CONFIRMED,
)
