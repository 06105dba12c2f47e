"""The fact of devices: readings were recorded. The entry's actor and its stream name the device."""

from __future__ import annotations

import msgspec

from telesphor.capabilities.devices.model import CountField, ReadingKind
from telesphor.capabilities.identity.model import CommitmentField, InstantField, ObjectIdField, VisitIdField
from telesphor.runtime.capability import Body, EntryType


class ReadingRecorded(Body, frozen=True, kw_only=True):
    """So many values of one kind, measured from one instant to another, are sealed in the object."""

    object: ObjectIdField
    visit: VisitIdField | None
    kind: ReadingKind
    count: CountField
    begin: InstantField = msgspec.field(name="from")
    end: InstantField = msgspec.field(name="to")
    commitment: CommitmentField


READING_RECORDED = EntryType("reading.recorded/1", ReadingRecorded)

ENTRIES = (READING_RECORDED,)
