"""The facts of break-glass: each emergency on `break-glass/<id>`.

Challenges, refusals, looks at the list, and a patient's own wish stand on `access/<actor who asked>`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.access.breakglass.model import (
    NOTIFIED_MAX,
    CountField,
    EmergencyReason,
    GlassId,
    MinutesField,
    NonceField,
    Reauthentication,
    Target,
    Verdict,
)
from telesphor.capabilities.identity.model import ActorIdField, InstantField
from telesphor.runtime.capability import Body, EntryType

WordField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9./-]*\Z", max_length=64)]


class GlassChallenged(Body, frozen=True, kw_only=True):
    """A person asked for a nonce that its keys are to sign within a minute; an older one is void."""

    nonce: NonceField


class GlassOpened(Body, frozen=True, kw_only=True):
    """The entry's actor may read this until then, in an emergency.

    Attributes:
        subject: whom it is about; where nobody knows that, whoever wrote it.
        until: the first instant at which it is over.
        reauthentication: how the person proved itself anew.
        times: which of its openings within a day this is.
        notified: the subject and the privacy officers, who have an alarm from here on.
    """

    target: Target
    subject: ActorIdField
    reason: EmergencyReason
    minutes: MinutesField
    until: InstantField
    reauthentication: Reauthentication
    times: CountField
    notified: Annotated[tuple[ActorIdField, ...], Meta(max_length=NOTIFIED_MAX + 1)]


class GlassClosed(Body, frozen=True, kw_only=True):
    """The entry's actor ended it before its time."""


class GlassReviewed(Body, frozen=True, kw_only=True):
    """The entry's actor judged it; if it was open still, it is over, and nobody has an alarm of it any more."""

    verdict: Verdict


class GlassAcknowledged(Body, frozen=True, kw_only=True):
    """The entry's actor, whom it is about, or who oversees, has seen that it was opened."""


class GlassForbidden(Body, frozen=True, kw_only=True):
    """The entry's actor wants no emergency access to what is about it, or wants that no more."""

    forbidden: bool


class GlassesListed(Body, frozen=True, kw_only=True):
    """The entry's actor was shown so many emergencies."""

    count: CountField


class GlassRefused(Body, frozen=True, kw_only=True):
    """A command was refused to the entry's actor, with this code."""

    break_glass: GlassId
    command: WordField
    cause: WordField


GLASS_CHALLENGED = EntryType("break-glass.challenged/1", GlassChallenged)
GLASS_OPENED = EntryType("break-glass.opened/1", GlassOpened)
GLASS_CLOSED = EntryType("break-glass.closed/1", GlassClosed)
GLASS_REVIEWED = EntryType("break-glass.reviewed/1", GlassReviewed)
GLASS_ACKNOWLEDGED = EntryType("break-glass.acknowledged/1", GlassAcknowledged)
GLASS_FORBIDDEN = EntryType("break-glass.forbidden/1", GlassForbidden)
GLASSES_LISTED = EntryType("break-glass.listed/1", GlassesListed)
GLASS_REFUSED = EntryType("break-glass.refused/1", GlassRefused)

ENTRIES = (
    GLASS_CHALLENGED,
    GLASS_OPENED,
    GLASS_CLOSED,
    GLASS_REVIEWED,
    GLASS_ACKNOWLEDGED,
    GLASS_FORBIDDEN,
    GLASSES_LISTED,
    GLASS_REFUSED,
)
