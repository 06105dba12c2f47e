"""The facts of the room, on `visit/<id>`."""

from __future__ import annotations

from telesphor.capabilities.identity.model import ObjectIdField
from telesphor.capabilities.visits.room.model import EnvelopesField, EpochField, MembersField, StopReason
from telesphor.runtime.capability import Body, EntryType


class EpochOpened(Body, frozen=True, kw_only=True):
    """Whoever made the entry sends under a new key, made for exactly these participants and sealed to each.

    `envelopes` is the SHA-256 of the envelopes as they were handed out; the node has seen neither key nor envelope.
    """

    epoch: EpochField
    participants: MembersField
    envelopes: EnvelopesField


class RecordingStarted(Body, frozen=True, kw_only=True):
    """Everybody in the room consented, and whoever made the entry records into this object."""

    object: ObjectIdField


class RecordingStopped(Body, frozen=True, kw_only=True):
    """Nothing is recorded from this entry on."""

    object: ObjectIdField
    reason: StopReason


EPOCH_OPENED = EntryType("visit.epoch-opened/1", EpochOpened)
RECORDING_STARTED = EntryType("visit.recording-started/1", RecordingStarted)
RECORDING_STOPPED = EntryType("visit.recording-stopped/1", RecordingStopped)

ENTRIES = (EPOCH_OPENED, RECORDING_STARTED, RECORDING_STOPPED)
