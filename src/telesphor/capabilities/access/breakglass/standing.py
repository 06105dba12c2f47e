"""What is open now: the emergency access by which a read is permitted, and how many alarm.

`opened_for` is what decisions of access are told (`Sources.broken_glass`), inside the writer and when a read that
began is looked at again. Start there.
"""

from __future__ import annotations

import apsw

from telesphor.capabilities.access.breakglass import store
from telesphor.capabilities.access.breakglass.model import CLOCK_SLACK_MS, GlassRow
from telesphor.capabilities.access.model import BrokenGlass, Resource, ResourceKind
from telesphor.capabilities.access.subjects import FindResource, subject_of
from telesphor.capabilities.identity.service import find_actor
from telesphor.kernel.clock import Clock
from telesphor.runtime.capability import State

_COVERED = (ResourceKind.OBJECT, ResourceKind.VISIT)
"""Kinds that an emergency can be about: what patients' data stands in."""


def opened_for(
    state: State, actor_id: str, resource: Resource, *, find_resource: FindResource, clock: Clock
) -> BrokenGlass | None:
    """Return the emergency by which an actor may read a resource now, if there is one.

    1. The actor has one open, whose time is not over, by the ledger's time and by the clock.
    2. It was opened for this resource, or for the visit or the patient that this belongs to.
    3. The patient does not forbid it, and the actor's keys were not reported lost.
    """
    row = open_now(state, actor_id, clock=clock)
    if row is None or not _covers(row, resource, state, find_resource):
        return None
    info = find_actor(state.db, actor_id)
    if info is None or info.state != "active" or store.is_forbidden(state.db, row.subject):
        return None
    return BrokenGlass(row.id, row.reason, row.until_ms, row.passkey)


def open_now(state: State, actor_id: str, *, clock: Clock) -> GlassRow | None:
    """Return the emergency that a person has open, whatever it is about.

    INVARIANT: none counts for longer than its minutes, also where the clock is set back, and the ledger's time stands
    still until it is caught up with: then the emergency seems to begin in the future, and is over.
    """
    row = store.open_glass(state.db, actor=actor_id, now_ms=state.now_ms)
    now_ms = clock.now_ms()
    if row is None or now_ms >= row.until_ms or row.opened_ms > now_ms + CLOCK_SLACK_MS:
        return None
    return row


def count_alarms(db: apsw.Connection) -> int:
    """Count emergencies that nobody has reviewed, for whoever watches the node."""
    return store.count_alarming(db)


def count_alarms_of(db: apsw.Connection, actor_id: str) -> int:
    """Count emergencies of which an actor was notified and that nobody has reviewed."""
    return store.count_alarms_of(db, actor_id)


def _covers(row: GlassRow, resource: Resource, state: State, find_resource: FindResource) -> bool:
    if resource.kind not in _COVERED:
        return False
    subject = subject_of(state, resource, find_resource=find_resource)
    if row.target_kind == "record":
        return subject == row.target
    if (subject or resource.owner) != row.subject:
        return False  # Within a visit something may be about somebody else, who was told nothing.
    if row.target_kind == "visit" and resource.visit == row.target:
        return True
    return (resource.kind, resource.id) == (row.target_kind, row.target)
