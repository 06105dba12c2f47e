"""The visit, chapter by chapter: who one is, what is granted, what is read and refused, measured and written.

Everything here goes through the node's HTTP edge, as it would from another machine: each actor signs for
itself, and nothing is read that did not leave its entry first. What the visit rests on is linked to it, so that all of
it is in the visit's proof.

Start at `play`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from telesphor.client.node import NodeClient, SealedObject
from telesphor.demo.attacks import Attack
from telesphor.demo.clients import Clients
from telesphor.demo.emergency import break_glass
from telesphor.demo.enrolment import Enrolled, connect_clone, enrol_device
from telesphor.demo.errors import ContentDiffers
from telesphor.demo.factors import Shown, show_factors
from telesphor.demo.grants import Grant, grant_records, read_record, refuse_outsider, revoke_grant
from telesphor.demo.heart import Recording
from telesphor.demo.narration import Narrator, sized
from telesphor.demo.pattern import Pattern
from telesphor.demo.reactions import agree_to_record, wait_for_alarm, watch_devices
from telesphor.demo.readings import Reading, record_window, stream_readings
from telesphor.demo.records import OTHER_PATIENT, PATIENT, FhirRecord
from telesphor.demo.sealing import Sealed, seal_records
from telesphor.demo.stage import Cast

RECORDING_BYTES: Final = 64 * 1024 * 1024
SOUGHT: Final = range(40 * 1024 * 1024 + 12_345, 40 * 1024 * 1024 + 12_345 + 65_536)
"""A stretch somewhere in the recording, which is read without the rest."""


@dataclass(frozen=True)
class Begun:
    """What stands before the visit is opened, and the one attempt that was refused by then."""

    shown: Shown
    enrolled: Enrolled
    sealed: tuple[Sealed, ...]
    grant: Grant
    wider: Attack


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What happened.

    Attributes:
        refused: the attempts within the visit that were refused, most of them linked to it.
    """

    visit: str
    shown: Shown
    grant: Grant
    sealed: tuple[Sealed, ...]
    read: tuple[Sealed, ...]
    readings: tuple[Reading, ...]
    note: SealedObject
    recording: SealedObject
    refused: tuple[Attack, ...]
    closed_position: int

    @property
    def of_other_patient(self) -> Sealed:
        """A record that nobody in the visit may read."""
        return next(sealed for sealed in self.sealed if sealed.record.patient == OTHER_PATIENT)


async def register(clients: Clients, node: NodeClient, cast: Cast, narrator: Narrator) -> None:
    """The node registers the organisation, and the organisation everybody else."""
    await node.register(cast.organisation)
    await clients.organisation.register(
        cast.patient, cast.clinician, cast.colleague, cast.officer, cast.device
    )
    narrator.say(
        "The node registers an organisation; the organisation a patient, two clinicians, a privacy officer and a "
        "device."
    )
    narrator.say(
        "Each has two signing keys (Ed25519, ML-DSA-65) and a key to seal to (X-Wing), and proved to hold them."
    )


async def play(
    clients: Clients,
    cast: Cast,
    records: Sequence[FhirRecord],
    recordings: Sequence[Recording],
    folder: Path,
    narrator: Narrator,
) -> Visit:
    """Play the whole visit up to its closing, chapter by chapter.

    Args:
        folder: where the device keeps its counter and its firmware.
    """
    begun = await prepare(clients, cast, records, folder, narrator)
    visit, grant = clients.ids.next(), begun.grant
    with narrator.chapter("Open a visit; the clinician reads what was granted"):
        await open_visit(clients, cast, visit, begun, narrator)
        read = await read_record(clients, visit, grant, narrator)
    with narrator.chapter("Who was granted nothing reads nothing"):
        denied = await refuse_outsider(clients, visit, begun.sealed, grant, narrator)
    with narrator.chapter("Somebody breaks the glass"):
        broken = await break_glass(clients, cast, visit, grant, narrator)
    with narrator.chapter("The device streams heart readings; a copy of it connects"):
        readings = await stream_readings(clients, cast, visit, recordings, narrator)
        again = partial(record_window, clients, cast, visit, readings[-1].window)
        watching = await watch_devices(clients)
        cloned, places = await connect_clone(clients, cast, begun.enrolled, again, narrator)
        await clients.link(visit, places)
        await wait_for_alarm(clients, visit, watching, narrator)
    with narrator.chapter("The clinician writes a note; two people agree, and the visit is recorded"):
        note = await write_note(clients, cast, visit, readings)
        await agree_to_record(clients, visit, narrator)
        recording = await add_recording(clients, cast, visit, narrator)
    with narrator.chapter("The patient takes the grant back; the visit is closed"):
        revoked = await revoke_grant(clients, cast, visit, grant, narrator)
        closed_position = await close_visit(clients, visit, narrator)
    return Visit(
        visit=visit,
        shown=begun.shown,
        grant=grant,
        sealed=begun.sealed,
        read=read,
        readings=readings,
        note=note,
        recording=recording,
        refused=(begun.wider, *denied, *broken, *cloned, *revoked),
        closed_position=closed_position,
    )


async def prepare(
    clients: Clients, cast: Cast, records: Sequence[FhirRecord], folder: Path, narrator: Narrator
) -> Begun:
    """What stands before anybody meets: factors, the device, the records, the grant."""
    person = next(record for record in records if (record.kind, record.patient) == ("Patient", PATIENT))
    with narrator.chapter("Show who one is, factor by factor"):
        shown = await show_factors(clients, cast, person, narrator)
    with narrator.chapter("Enrol the device"):
        enrolled = await enrol_device(clients, cast, folder, narrator)
    with narrator.chapter("Seal the records in the vault"):
        sealed = await seal_records(clients, cast, records, narrator)
    with narrator.chapter("The patient grants the clinician a part of the record"):
        grant, wider = await grant_records(clients, cast, sealed, narrator)
    return Begun(shown, enrolled, sealed, grant, wider)


async def take_proof(clients: Clients, visit: Visit, narrator: Narrator) -> bytes:
    """The patient takes the visit's bundle, with what others have said of the ledger by now."""
    bundle = await clients.patient.export_bundle(visit.visit)
    narrator.say(f"The patient took the bundle over HTTP: {sized(len(bundle))}.")
    return bundle


async def open_visit(clients: Clients, cast: Cast, visit: str, begun: Begun, narrator: Narrator) -> None:
    """The organisation opens the visit, and links what it rests on."""
    body = {
        "visit": visit,
        "patient": cast.patient.actor,
        "clinician": cast.clinician.actor,
        "devices": [cast.device.actor],
    }
    await clients.organisation.send(("visit.open/1", body))
    await clients.link(visit, [*begun.shown.places, *begun.enrolled.places, *begun.grant.places])
    narrator.say(
        "The clinic opens the visit, and links what it rests on: both presentations, the device's enrolment and "
        "connection, the grant."
    )


async def close_visit(clients: Clients, visit: str, narrator: Narrator) -> int:
    """The clinician closes the visit; returns the position of the entry that does."""
    closed = await clients.clinician.send(("visit.close/1", {"visit": visit}))
    position = next(line.position for line in closed.entries if line.type == "visit.closed/1")
    narrator.say(f"Entry {position} closes the visit and commits to the complete list of its entries.")
    return position


async def write_note(clients: Clients, cast: Cast, visit: str, readings: Sequence[Reading]) -> SealedObject:
    """The clinician writes what was seen, and links it."""
    rates = [str(reading.window.beats_per_minute or "not countable") for reading in readings]
    text = f"Pulse per minute by the patient's own device, in windows of ten seconds: {', '.join(rates)}.\n"
    put = await clients.clinician.put_object(
        io.BytesIO(text.encode()), media_type="text/plain", visit=visit, subject=cast.patient.actor
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
            visit=visit,
            subject=cast.patient.actor,
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
