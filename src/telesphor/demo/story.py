"""The visit: records are sealed, a patient and a clinician meet, a device measures, the list is closed.

Everything here goes through the node's HTTP edge, as it would from another machine: each actor signs for
itself, and nothing is read that did not leave its entry first.

Start at `play`.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from telesphor.client.node import NodeClient, SealedObject
from telesphor.client.wallet import Wallet
from telesphor.demo.heart import Recording, Window, observe, windows
from telesphor.demo.narration import Narrator, counted, sized
from telesphor.demo.pattern import Pattern
from telesphor.demo.records import MEDIA_TYPE, OTHER_PATIENT, PATIENT, FhirRecord
from telesphor.demo.stage import Cast
from telesphor.kernel.clock import Clock, format_instant
from telesphor.kernel.commitment import KEY_BYTES, commit
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource

SEALING_AT_ONCE: Final = 8
"""Uploads under way together: enough to share the disk's syncs, few enough for two cores."""

READ_KINDS: Final = ("Patient", "Condition", "Consent")
READ_OBSERVATIONS: Final = 3
"""What the clinician looks at: the person, the problems, the consent, and a few findings."""

RECORDING_BYTES: Final = 64 * 1024 * 1024
SOUGHT: Final = range(40 * 1024 * 1024 + 12_345, 40 * 1024 * 1024 + 12_345 + 65_536)
"""A stretch somewhere in the recording, which is read without the rest."""


class ContentDiffers(TelesphorError):
    """What was read is not what was sealed."""

    code = "content-differs"
    kind = Kind.CORRUPT


@dataclass(frozen=True)
class Sealed:
    """A record in the vault."""

    record: FhirRecord
    object: str


@dataclass(frozen=True)
class Reading:
    """A window that the device sealed and recorded: where it stands, and what opens its commitment."""

    window: Window
    object: str
    position: int
    key: bytes


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What happened."""

    visit: str
    sealed: tuple[Sealed, ...]
    read: tuple[Sealed, ...]
    readings: tuple[Reading, ...]
    note: SealedObject
    recording: SealedObject
    closed_position: int

    @property
    def of_other_patient(self) -> Sealed:
        """A record that nobody in the visit may read."""
        return next(sealed for sealed in self.sealed if sealed.record.patient == OTHER_PATIENT)


@dataclass(frozen=True)
class Clients:
    """Each actor's connection to the node, and what they all need."""

    organisation: NodeClient
    patient: NodeClient
    clinician: NodeClient
    device: NodeClient
    clock: Clock
    ids: IdSource


@asynccontextmanager
async def connect(
    base_url: str, cast: Cast, *, origin: str, clock: Clock, ids: IdSource
) -> AsyncIterator[Clients]:
    """Connect everybody."""
    async with AsyncExitStack() as stack:

        async def client(wallet: Wallet) -> NodeClient:
            return await stack.enter_async_context(
                NodeClient(base_url, wallet, origin=origin, clock=clock, ids=ids)
            )

        yield Clients(
            await client(cast.organisation),
            await client(cast.patient),
            await client(cast.clinician),
            await client(cast.device),
            clock,
            ids,
        )


async def register(clients: Clients, node: NodeClient, cast: Cast, narrator: Narrator) -> None:
    """The node registers the organisation, and the organisation everybody else."""
    await node.register(cast.organisation)
    await clients.organisation.register(cast.patient, cast.clinician, cast.device)
    narrator.say("The node registers an organisation; the organisation a patient, a clinician and a device.")
    narrator.say(
        "Each has two signing keys (Ed25519, ML-DSA-65) and a key to seal to (X-Wing), and proved to hold them."
    )


async def play(
    clients: Clients,
    cast: Cast,
    records: Sequence[FhirRecord],
    recordings: Sequence[Recording],
    narrator: Narrator,
) -> Visit:
    """Play the whole visit up to its closing, chapter by chapter."""
    with narrator.chapter("Seal the records in the vault"):
        sealed = await seal_records(clients, cast, records, narrator)
    visit = clients.ids.next()
    with narrator.chapter("Open a visit; the clinician reads a part of the record"):
        await open_visit(clients, cast, visit)
        read = await read_record(clients, visit, sealed, narrator)
    with narrator.chapter("The device streams heart readings"):
        readings = await stream_readings(clients, cast, visit, recordings, narrator)
    with narrator.chapter("The clinician writes a note, adds a recording, closes the visit"):
        note = await write_note(clients, cast, visit, readings)
        recording = await add_recording(clients, cast, visit, narrator)
        closed = await clients.clinician.send(("visit.close/1", {"visit": visit}))
        narrator.say(
            f"Entry {closed.first} closes the visit and commits to the complete list of its entries."
        )
    return Visit(
        visit=visit,
        sealed=sealed,
        read=read,
        readings=readings,
        note=note,
        recording=recording,
        closed_position=closed.first,
    )


async def take_proof(clients: Clients, visit: Visit, narrator: Narrator) -> bytes:
    """The patient takes the visit's bundle, with what others have said of the ledger by now."""
    bundle = await clients.patient.export_bundle(visit.visit)
    narrator.say(f"The patient took the bundle over HTTP: {sized(len(bundle))}.")
    return bundle


async def seal_records(
    clients: Clients, cast: Cast, records: Sequence[FhirRecord], narrator: Narrator
) -> tuple[Sealed, ...]:
    """Seal each record byte for byte: by the patient what says who it is and what it allows, else by the clinic."""
    gate = asyncio.Semaphore(SEALING_AT_ONCE)
    done = 0
    with narrator.bar("sealing", len(records)) as advance:

        async def seal(record: FhirRecord) -> Sealed:
            nonlocal done
            own = record.patient == PATIENT and record.kind in ("Patient", "Consent")
            owner = clients.patient if own else clients.organisation
            others = [] if record.patient == OTHER_PATIENT else [cast.patient.actor, cast.clinician.actor]
            readers = [actor for actor in others if actor != owner.wallet.actor]
            async with gate:
                put = await owner.put_object(io.BytesIO(record.data), media_type=MEDIA_TYPE, readers=readers)
            done += 1
            advance(done)
            return Sealed(record, put.object)

        sealed = await asyncio.gather(*map(seal, records))
    kinds = sorted({record.kind for record in records})
    size = sum(len(record.data) for record in records)
    narrator.say(f"{counted(len(records), 'official FHIR R4 example')}, {sized(size)}: {', '.join(kinds)}.")
    others = sum(record.patient == OTHER_PATIENT for record in records)
    narrator.say(
        f"Each is sealed under a key of its own, wrapped for the patient and the clinician; {others}, another "
        "patient's, for neither. The ledger has their digests, and nothing of what they say."
    )
    return tuple(sealed)


async def open_visit(clients: Clients, cast: Cast, visit: str) -> None:
    """The organisation opens the visit."""
    body = {
        "visit": visit,
        "patient": cast.patient.actor,
        "clinician": cast.clinician.actor,
        "devices": [cast.device.actor],
    }
    await clients.organisation.send(("visit.open/1", body))


async def read_record(
    clients: Clients, visit: str, sealed: Sequence[Sealed], narrator: Narrator
) -> tuple[Sealed, ...]:
    """The clinician reads a part of the patient's record, within the visit; checks each byte.

    Raises:
        ContentDiffers: a record is not the file that was sealed.
    """
    own = [item for item in sealed if item.record.patient == PATIENT]
    chosen = [item for item in own if item.record.kind in READ_KINDS]
    chosen += [item for item in own if item.record.kind == "Observation"][:READ_OBSERVATIONS]
    for item in chosen:
        content = await clients.clinician.read_object(item.object, purpose="treatment", visit=visit)
        if content != item.record.data:
            raise ContentDiffers(f"object `{item.object}` is not the file that was sealed")
    narrator.say(
        f"{counted(len(chosen), 'record')} read for treatment, each equal to its file byte for byte."
    )
    narrator.say(
        "Each read was an entry, durable and linked to the visit, before the first byte left the node."
    )
    return tuple(chosen)


async def stream_readings(
    clients: Clients, cast: Cast, visit: str, recordings: Sequence[Recording], narrator: Narrator
) -> tuple[Reading, ...]:
    """The device seals each window of its recordings, and records it with a commitment to its values."""
    now_ms = clients.clock.now_ms()
    chosen = [window for recording in recordings for window in windows(recording, end_ms=now_ms)]
    readings: list[Reading] = []
    with narrator.bar("streaming", len(chosen)) as advance:
        for window in chosen:
            readings.append(await record_window(clients, cast, visit, window))
            advance(len(readings))
    samples = sum(len(window.samples) for window in chosen)
    rates = [window.beats_per_minute for window in chosen if window.beats_per_minute is not None]
    silent = len(chosen) - len(rates)
    narrator.say(
        f"{counted(len(chosen), 'window')} of real pulse waveforms (heartpy), {samples:,} samples. Each is a FHIR "
        "Observation that the device sealed and signed for; the ledger has a commitment that only its key opens."
    )
    if rates:
        narrator.say(f"{min(rates)} to {max(rates)} beats per minute where the signal allowed to count.")
    narrator.say(f"In {counted(silent, 'window')} it did not, and their Observations say so.")
    return tuple(readings)


async def record_window(clients: Clients, cast: Cast, visit: str, window: Window) -> Reading:
    """Seal one window and record it."""
    key = clients.ids.random_bytes(KEY_BYTES)
    put = await clients.device.put_object(
        io.BytesIO(observe(window, commitment_key=key)),
        media_type=MEDIA_TYPE,
        readers=[cast.patient.actor, cast.clinician.actor],
        visit=visit,
    )
    body = {
        "visit": visit,
        "object": put.object,
        "kind": "heart-rate",
        "count": len(window.samples),
        "from": format_instant(window.begin_ms),
        "to": format_instant(window.end_ms),
        "commitment": commit(window.committed_value(), key32=key),
    }
    receipt = await clients.device.send(("visit.record-reading/1", body))
    return Reading(window, put.object, receipt.first, key)


async def write_note(clients: Clients, cast: Cast, visit: str, readings: Sequence[Reading]) -> SealedObject:
    """The clinician writes what was seen, and links it."""
    rates = [str(reading.window.beats_per_minute or "not countable") for reading in readings]
    text = f"Pulse per minute by the patient's own device, in windows of ten seconds: {', '.join(rates)}.\n"
    put = await clients.clinician.put_object(
        io.BytesIO(text.encode()), media_type="text/plain", readers=[cast.patient.actor], visit=visit
    )
    await _add(clients, visit, put, "note")
    return put


async def add_recording(clients: Clients, cast: Cast, visit: str, narrator: Narrator) -> SealedObject:
    """Upload 64 MiB in a stream, link them, and read a stretch of the middle back.

    Raises:
        ContentDiffers: the stretch is not what was uploaded.
    """
    pattern = Pattern(RECORDING_BYTES)
    with narrator.bar("uploading", RECORDING_BYTES) as advance:
        put = await clients.clinician.put_object(
            io.BufferedReader(pattern),
            media_type="application/octet-stream",
            readers=[cast.patient.actor],
            visit=visit,
            progress=advance,
        )
    await _add(clients, visit, put, "recording")
    stretch = await clients.clinician.read_object(
        put.object, purpose="treatment", visit=visit, start=SOUGHT.start, end=SOUGHT.stop
    )
    if stretch != pattern.between(SOUGHT.start, SOUGHT.stop):
        raise ContentDiffers("a stretch of the recording is not what was uploaded")
    narrator.say(
        f"A note; and a recording of {sized(put.size)} (a test pattern), streamed in constant memory."
    )
    narrator.say(f"{sized(len(SOUGHT))} from its middle read back by a range request, without the rest.")
    return put


async def _add(clients: Clients, visit: str, put: SealedObject, role: str) -> None:
    body = {"visit": visit, "object": put.object, "role": role}
    await clients.clinician.send(("visit.add-object/1", body))
