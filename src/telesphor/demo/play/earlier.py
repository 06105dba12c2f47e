"""What happened before: a visit with the colleague that is over and proven, and an emergency that nobody has judged.

Start at `hold_visit` and `open_emergency`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import msgspec

from telesphor.client.node import NodeClient
from telesphor.demo.play.chart import Charted
from telesphor.demo.play.house import House
from telesphor.demo.play.pulse import Device
from telesphor.demo.records import MEDIA_TYPE

MINUTES: Final = 10
READ: Final = 3
READINGS: Final = 2
EMERGENCY_MINUTES: Final = 15
REASON: Final = "unconscious-patient"

NOTE: Final = (
    "Phone call before the video visit. Feels well, sleeps better. Pulse clip handed out and connected.\n"
)
SUMMARY: Final = (
    "We checked that your pulse clip works and looked at your last results. Nothing needs to change before your video "
    "visit. Wear the clip during the visit."
)


async def hold_visit(house: House, patient: str, device: Device, chart: Sequence[Charted]) -> str:
    """Hold and close a visit with the colleague: records read, readings, a note, a summary; returns the visit."""
    reach, colleague = house.reach, house.colleague
    visit, actor = reach.ids.next(), colleague.wallet.actor
    scheduled = {"visit": visit, "patient": patient, "clinician": actor, "devices": [device.actor]}
    await house.organisation.send(
        ("visit.schedule/1", {**scheduled, "starts_at": reach.instant(0), "minutes": MINUTES})
    )
    await colleague.send(("visit.begin/1", {"visit": visit}))
    for one in [item for item in chart if item.granted][:READ]:
        await colleague.read_object(one.object, purpose="treatment", visit=visit)
    for _ in range(READINGS):
        await device.record_now(visit=visit, readers=[actor])
    await _add(colleague, visit, patient, NOTE.encode(), media_type="text/plain", role="note")
    await colleague.send(("visit.end/1", {"visit": visit, "outcome": "completed"}))
    summary = _compose(SUMMARY, at=reach.instant(0))
    await _add(colleague, visit, patient, summary, media_type=MEDIA_TYPE, role="summary")
    await colleague.send(("visit.close/1", {"visit": visit}))
    return visit


async def open_emergency(house: House, chart: Sequence[Charted]) -> None:
    """The doctor on call, who is not in the care team, breaks the glass and reads one record."""
    target = next(item for item in chart if not item.granted)
    challenge = (await house.on_call.send(("break-glass.challenge/1", {}))).results[0]
    asked = {
        "break_glass": house.reach.ids.next(),
        "target": {"kind": "object", "id": target.object},
        "reason": REASON,
        "minutes": EMERGENCY_MINUTES,
        "nonce": challenge["nonce"],
    }
    await house.on_call.send(("break-glass.open/1", asked))
    await house.on_call.read_object(target.object, purpose="emergency")


async def _add(
    client: NodeClient, visit: str, patient: str, data: bytes, *, media_type: str, role: str
) -> None:
    put = await client.put_object(io.BytesIO(data), media_type=media_type, visit=visit, subject=patient)
    await client.send(("visit.add-object/1", {"visit": visit, "object": put.object, "role": role}))


def _compose(text: str, *, at: str) -> bytes:
    """A FHIR R4 Composition of one section (LOINC 34133-9: summary of an episode)."""
    coding = {"system": "http://loinc.org", "code": "34133-9", "display": "Summary of episode note"}
    body = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"coding": [coding]},
        "date": at,
        "author": [{"display": "Dr. Ines Brandt"}],
        "title": "Summary of your visit",
        "section": [
            {
                "title": "What we did",
                "text": {
                    "status": "additional",
                    "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>',
                },
            }
        ],
    }
    return msgspec.json.encode(body)
