"""The facts of visits: opened, linked, closed on `visit/<id>`; exported on `exports/<visit id>`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.identity.model import ActorIdField
from telesphor.capabilities.visits.model import DEVICES_MAX, LinkRole
from telesphor.runtime.capability import Body, EntryType


class VisitOpened(Body, frozen=True, kw_only=True):
    """A visit begins between a patient and a clinician; these devices may record for it."""

    patient: ActorIdField
    clinician: ActorIdField
    devices: Annotated[tuple[ActorIdField, ...], Meta(max_length=DEVICES_MAX)]


class ObjectLinked(Body, frozen=True, kw_only=True):
    """Number `n` of another stream belongs to the visit, in this role."""

    stream: str
    n: Annotated[int, Meta(ge=0)]
    role: LinkRole


class VisitClosedBody(Body, frozen=True, kw_only=True):
    """The visit ends: so many entries stand before this one on its stream, with this root.

    `root` is the RFC 6962 root over their leaf hashes in order, as `sha256:` and 64 hex digits.
    """

    count: Annotated[int, Meta(ge=1)]
    root: str


class VisitExported(Body, frozen=True, kw_only=True):
    """The actor was given a proof bundle of the closed visit, whose stream has so many entries."""

    entries: Annotated[int, Meta(ge=1)]


VISIT_OPENED = EntryType("visit.opened/1", VisitOpened)
VISIT_OBJECT_LINKED = EntryType("visit.object-linked/1", ObjectLinked)
VISIT_CLOSED = EntryType("visit.closed/1", VisitClosedBody)
VISIT_EXPORTED = EntryType("visit.exported/1", VisitExported)

ENTRIES = (VISIT_OPENED, VISIT_OBJECT_LINKED, VISIT_CLOSED, VISIT_EXPORTED)
