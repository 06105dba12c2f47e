"""The use case of devices: a device records readings it has sealed.

Readings taken during a visit are recorded through `visits`, which makes the same entry by
`draft_reading` and links it to the visit in the same request.
"""

from __future__ import annotations

import msgspec

from telesphor.capabilities.access.model import Action
from telesphor.capabilities.access.service import permit_in_house
from telesphor.capabilities.access.sources import NOTHING, Sources
from telesphor.capabilities.devices import store
from telesphor.capabilities.devices.entries import READING_RECORDED, ReadingRecorded
from telesphor.capabilities.devices.model import (
    AHEAD_MS_MAX,
    READINGS_STREAM,
    CountField,
    DeviceNotConnected,
    ReadingExists,
    ReadingKind,
    ReadingSpanRefused,
)
from telesphor.capabilities.identity.enrolment.service import connection_of, find_enrolment
from telesphor.capabilities.identity.model import (
    ActorKind,
    CommitmentField,
    InstantField,
    ObjectIdField,
    require_kind,
)
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.ids import VisitId, stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State
from telesphor.vault.errors import ObjectErased, ObjectMissing, ObjectNotSealed
from telesphor.vault.model import ObjectRow, ObjectState, check_owner
from telesphor.vault.store import find_object


class RecordReading(Body, frozen=True, kw_only=True):
    """Record the values in a sealed object of the asking device, taken outside any visit.

    `commitment` is to the values' canonical bytes, under a key that is kept with them.
    """

    object: ObjectIdField
    kind: ReadingKind
    count: CountField
    begin: InstantField = msgspec.field(name="from")
    end: InstantField = msgspec.field(name="to")
    commitment: CommitmentField


def record_reading(
    actor: Actor, command: RecordReading, state: State, *, sources: Sources = NOTHING
) -> Decision:
    """Record readings outside any visit.

    Raises:
        AccessDenied: the rules do not allow the actor to record; and as `draft_reading`.
    """
    allowed = permit_in_house(actor, Action.RECORD, state, sources=sources)
    draft = draft_reading(actor, command, state, visit=None)
    return Decision((draft, *allowed.drafts), documents=allowed.documents)


def draft_reading(actor: Actor, command: RecordReading, state: State, *, visit: VisitId | None) -> Draft:
    """The entry of a device's readings.

    Raises:
        NotPermitted: the actor is no device.
        DeviceNotConnected: it is enrolled, and has no standing connection.
        ObjectMissing, ObjectNotSealed, ObjectErased, NotTheOwner: as `own_sealed_object`.
        ReadingExists: the object was recorded before.
        ReadingSpanRefused, InvalidInstant: the times are not a span of the past.
    """
    require_kind(actor, ActorKind.DEVICE)
    _check_standing(actor, state)
    own_sealed_object(actor, command.object, state)
    if store.has_readings(state.db, command.object):
        raise ReadingExists(f"object `{command.object}` was recorded before")
    _check_span(command, now_ms=state.now_ms)
    body = ReadingRecorded(
        object=command.object,
        visit=visit,
        kind=command.kind,
        count=command.count,
        begin=command.begin,
        end=command.end,
        commitment=command.commitment,
    )
    return Draft(READING_RECORDED.name, stream_of(READINGS_STREAM, actor.id), body)


def own_sealed_object(actor: Actor, object_id: str, state: State) -> ObjectRow:
    """What the ledger says of a sealed object that the actor itself wrote.

    Raises:
        ObjectMissing, NotTheOwner, ObjectErased, ObjectNotSealed: it is not such an object.
    """
    row = find_object(state.db, object_id)
    if row is None:
        raise ObjectMissing(f"there is no object `{object_id}`")
    check_owner(actor, row)
    if row.state is ObjectState.ERASED:
        raise ObjectErased(f"object `{object_id}` is erased")
    if row.state is not ObjectState.SEALED:
        raise ObjectNotSealed(
            f"object `{object_id}` is not sealed yet", hint="finish its upload and seal it first"
        )
    return row


def _check_standing(actor: Actor, state: State) -> None:
    """A device that was enrolled records only while it stands.

    One that never was is an actor with keys and no more; an organisation that wants none of these forbids them to
    record, by a rule.
    """
    if find_enrolment(state.db, actor.id) is not None and connection_of(state, actor.id) is None:
        raise DeviceNotConnected(
            "the device has no standing connection", hint="connect it; if it was revoked, enrol it anew"
        )


def _check_span(command: RecordReading, *, now_ms: int) -> None:
    begin_ms, end_ms = parse_instant(command.begin), parse_instant(command.end)
    if end_ms < begin_ms:
        raise ReadingSpanRefused("the readings end before they begin")
    if end_ms > now_ms + AHEAD_MS_MAX:
        raise ReadingSpanRefused("the readings end in the future", hint="set the device's clock")
