"""The device streams heart readings: each window sealed, signed for, and committed to.

Start at `stream_readings`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

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
    """Seal one window and record it."""
    key = clients.ids.random_bytes(KEY_BYTES)
    put = await clients.device.put_object(
        io.BytesIO(observe(window, commitment_key=key)),
        media_type=MEDIA_TYPE,
        readers=[cast.clinician.actor],
        visit=visit,
        subject=cast.patient.actor,
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
