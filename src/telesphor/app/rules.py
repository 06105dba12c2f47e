"""What decisions of access are told in a node: each source is the capability that knows.

Start at `open_sources`; `find_resource` is what grants are about.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from telesphor.capabilities.access.model import DeviceLink, PresentedFactor, Resource, ResourceKind
from telesphor.capabilities.access.objects import find_object_resource
from telesphor.capabilities.access.sources import Sources
from telesphor.capabilities.access.tokens.capability import RECORDED as TOKENS
from telesphor.capabilities.access.tokens.policies import (
    datasets_holding,
    group_ids_of,
    policies_for,
    roles_of,
)
from telesphor.capabilities.access.tokens.refusals import MembersRefused
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.capabilities.identity.enrolment.service import connection_of, find_enrolment
from telesphor.capabilities.identity.passkeys.service import assurance_of
from telesphor.capabilities.identity.presentations.service import presented_factors
from telesphor.capabilities.visits.service import find_visit_resource
from telesphor.runtime.capability import State

SIGNED_IN_MS: Final = 15 * 60 * 1000
"""How long a sign-in by passkey counts for decisions: as long as a read's ticket."""


def open_sources() -> Sources:
    """The sources of a node that has every capability."""
    return Sources(
        policies_for=policies_for,
        groups_of=group_ids_of,
        roles_of=roles_of,
        datasets_of=datasets_holding,
        factors_of=_factors_of,
        assurance_of=partial(assurance_of, within_ms=SIGNED_IN_MS),
        connection_of=_link_of,
        watched=tuple(one.store for one in (TOKENS, IDENTITY) if one.store is not None),
    )


def find_resource(state: State, kind: ResourceKind, id: str) -> Resource:
    """What a grant is about, as the capability that owns it knows it.

    Raises:
        ObjectMissing, VisitMissing, MembersRefused: there is none such.
    """
    if kind is ResourceKind.OBJECT:
        return find_object_resource(state, id)
    if kind is ResourceKind.VISIT:
        return find_visit_resource(state, id)
    enrolment = find_enrolment(state.db, id) if kind is ResourceKind.DEVICE else None
    if enrolment is None:
        raise MembersRefused(f"there is no {kind} `{id}` that could be granted")
    return Resource(kind=kind, id=id, owner=enrolment.owner)


def _factors_of(state: State, actor: str) -> tuple[PresentedFactor, ...]:
    return tuple(
        PresentedFactor(
            group=shown.group,
            name=shown.name,
            value=shown.value,
            issuer=shown.issuer,
            verified_at=shown.verified_at,
            vouched=shown.vouched,
        )
        for shown in presented_factors(state, actor)
    )


def _link_of(state: State, device: str) -> DeviceLink | None:
    found = connection_of(state, device)
    if found is None:
        return None
    return DeviceLink(
        owner=found.owner,
        model=found.model,
        firmware=found.firmware,
        at_ms=found.at_ms,
        channel=found.channel or "",
    )
