"""The facts of access: what was decided, what stands decided, and which policies are in force.

Decisions stand on `access/<actor who asked>`, policies on `policy/<who set them>`. All of it is opaque ids and
fixed words; policy ids are chosen by the organisation and stand on the ledger, so they name no person.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.access.model import (
    REASONS_RECORDED_MAX,
    Action,
    DigestField,
    Outcome,
    ReasonField,
    ResourceText,
)
from telesphor.capabilities.access.policies import Slot
from telesphor.capabilities.identity.model import ActorIdField
from telesphor.runtime.capability import Body, EntryType
from telesphor.vault.model import Purpose

IdField = Annotated[str, Meta(pattern=r"^[0-9a-f-]{36}\Z", max_length=36)]
Reasons = Annotated[tuple[ReasonField, ...], Meta(max_length=REASONS_RECORDED_MAX)]


class AccessDecided(Body, frozen=True, kw_only=True):
    """The actor asked, and this was the answer; written before anything is released.

    `subject` is whom the resource is about and `visit` the one it belongs to, as far as the node knew;
    `break_glass` the emergency access that was open for it.
    """

    decision: ActorIdField
    outcome: Outcome
    action: Action
    resource: ResourceText
    subject: IdField | None
    visit: IdField | None
    purpose: Purpose | None
    break_glass: IdField | None
    reasons: Reasons
    receipt: DigestField


class AccessStanding(Body, frozen=True, kw_only=True):
    """The actor may do this for as long as what was looked at stays as it is; `inputs` is its digest."""

    decision: ActorIdField
    action: Action
    resource: ResourceText
    inputs: DigestField
    reasons: Reasons
    receipt: DigestField


class PolicyChanged(Body, frozen=True, kw_only=True):
    """From the next entry on these policies hold; none where `policies` is null."""

    slot: Slot
    policies: DigestField | None
    policy_schema: DigestField
    ids: Annotated[tuple[ReasonField, ...], Meta(max_length=256)]


class PolicyShown(Body, frozen=True, kw_only=True):
    """The entry's actor was shown which policies are in force, and the text of this slot."""

    slot: Slot
    of: IdField | None


ACCESS_DECIDED = EntryType("access.decided/1", AccessDecided)
ACCESS_STANDING = EntryType("access.standing/1", AccessStanding)
POLICY_CHANGED = EntryType("policy.changed/1", PolicyChanged)
POLICY_SHOWN = EntryType("policy.shown/1", PolicyShown)

ENTRIES = (ACCESS_DECIDED, ACCESS_STANDING, POLICY_CHANGED, POLICY_SHOWN)
