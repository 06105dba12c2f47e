"""The device streams heart readings: each window sealed, signed for, and committed to.

Start at `stream_readings`; `record_reading` is one of them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from telesphor.client.node import NodeClient
from telesphor.demo.clients import Clients
from telesphor.demo.heart import Recording, Window, observe, windows
from telesphor.demo.narration import Narrator, counted
from telesphor.demo.records import MEDIA_TYPE
from telesphor.demo.stage import Cast
from telesphor.kernel.clock import format_instant
from telesphor.kernel.commitment import KEY_BYTES, commit


@dataclass(frozen=True)
class Reading:
    """A window that the device sealed and recorded: where it stands, and what opens its commitment."""

    window: Window
    object: str
    position: int
    key: bytes


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
    """Seal one window and record it in a visit."""
    return await record_reading(
        clients.device,
        window,
        patient=cast.patient.actor,
        readers=[cast.clinician.actor],
        visit=visit,
        key=clients.ids.random_bytes(KEY_BYTES),
    )


async def record_reading(
    device: NodeClient,
    window: Window,
    *,
    patient: str,
    readers: Sequence[str],
    visit: str | None,
    key: bytes,
) -> Reading:
    """Seal one window and record it, in a visit or outside of any.

    Args:
        readers: who may read it besides the patient.
        key: of the commitment to its values.
    """
    put = await device.put_object(
        io.BytesIO(observe(window, commitment_key=key)),
        media_type=MEDIA_TYPE,
        readers=readers,
        visit=visit,
        subject=patient,
    )
    body = {
        "object": put.object,
        "kind": "heart-rate",
        "count": len(window.samples),
        "from": format_instant(window.begin_ms),
        "to": format_instant(window.end_ms),
        "commitment": commit(window.committed_value(), key32=key),
    }
    if visit is None:
        receipt = await device.send(("reading.record/1", body))
    else:
        receipt = await device.send(("visit.record-reading/1", {**body, "visit": visit}))
    return Reading(window, put.object, receipt.first, key)
