"""The benchmark's own capability: small entries on many streams, and one row of state for each.

It asks for what any capability must do (decide, number, encode, store, fold) and nothing else, so the
figures are the writer's and not some use case's. Two commands: `bench.note/1` makes one entry,
`bench.pack/1` a thousand. `PACK_READINGS` makes a thousand entries that a real node knows, to fill one.
"""

from __future__ import annotations

from telesphor.bench.store import STORE
from telesphor.capabilities.devices.entries import READING_RECORDED, ReadingRecorded
from telesphor.capabilities.devices.model import READINGS_STREAM
from telesphor.kernel.commitment import commit
from telesphor.kernel.ids import ObjectId, parse_id, stream_of
from telesphor.runtime.capability import (
    Actor,
    Body,
    Capability,
    CommandType,
    Decision,
    Draft,
    EntryType,
    Registry,
    State,
)

STREAMS = 10_000
"""Patients of a larger practice: the streams fit the writer's cache, as they do in a node."""

PACKED_ENTRIES = 1_000

_SUBJECTS = tuple(ObjectId(parse_id(f"019ab5c2-6a40-7000-8000-{number:012d}")) for number in range(STREAMS))
_STREAM_NAMES = tuple(stream_of("bench", subject) for subject in _SUBJECTS)
_DEVICE_STREAMS = tuple(stream_of(READINGS_STREAM, subject) for subject in _SUBJECTS)
_COMMITMENT = commit(b"[72]", key32=bytes(32))


class Note(Body, frozen=True, kw_only=True):
    """As large as the usual entry: a number and an id."""

    count: int
    object: str


class Pack(Body, frozen=True, kw_only=True):
    """A thousand notes, numbered from `first`."""

    first: int


def note(actor: Actor, command: Note, state: State) -> Decision:
    """One entry."""
    return Decision((Draft("bench.noted/1", _STREAM_NAMES[command.count % STREAMS], command),))


def pack(actor: Actor, command: Pack, state: State) -> Decision:
    """A thousand entries in one decision."""
    numbers = range(command.first, command.first + PACKED_ENTRIES)
    return Decision(
        tuple(
            Draft("bench.noted/1", _STREAM_NAMES[n % STREAMS], Note(count=n, object=_SUBJECTS[0]))
            for n in numbers
        )
    )


def pack_readings(actor: Actor, command: Pack, state: State) -> Decision:
    """A thousand readings of as many devices, of objects that never were."""
    numbers = range(command.first, command.first + PACKED_ENTRIES)
    return Decision(
        tuple(
            Draft(READING_RECORDED.name, _DEVICE_STREAMS[n % STREAMS], _reading(ObjectId(state.new_id())))
            for n in numbers
        )
    )


def _reading(object_id: ObjectId) -> ReadingRecorded:
    return ReadingRecorded(
        object=object_id,
        visit=None,
        kind="heart-rate",
        count=60,
        begin="2026-11-22T11:51:15.123Z",
        end="2026-11-22T11:52:15.123Z",
        commitment=_COMMITMENT,
    )


NOTE = CommandType("bench.note/1", Note, note)
PACK = CommandType("bench.pack/1", Pack, pack)
PACK_READINGS = CommandType("bench.pack-readings/1", Pack, pack_readings)
BENCH = Capability("bench", entries=(EntryType("bench.noted/1", Note),), commands=(NOTE, PACK), store=STORE)


def make_note(number: int) -> Note:
    """The body of a command."""
    return Note(count=number, object=_SUBJECTS[number % STREAMS])


def bench_registry() -> Registry:
    """The bench alone."""
    return Registry([BENCH])
