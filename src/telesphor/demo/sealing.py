"""The records go into the vault, byte for byte.

What is about the patient says so, and lists no clinician among its readers: who else may read it, the patient grants.

Start at `seal_records`.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telesphor.demo.clients import Clients
from telesphor.demo.narration import Narrator, counted, sized
from telesphor.demo.records import MEDIA_TYPE, OTHER_PATIENT, PATIENT, FhirRecord
from telesphor.demo.stage import Cast

SEALING_AT_ONCE: Final = 8
"""Uploads under way together: enough to share the disk's syncs, few enough for two cores."""

OWN_KINDS: Final = ("Patient", "Consent")
"""What the patient seals itself: who it is, and what it allows."""


@dataclass(frozen=True)
class Sealed:
    """A record in the vault."""

    record: FhirRecord
    object: str


async def seal_records(
    clients: Clients, cast: Cast, records: Sequence[FhirRecord], narrator: Narrator
) -> tuple[Sealed, ...]:
    """Seal each record: by the patient what says who it is and what it allows, else by the clinic."""
    gate = asyncio.Semaphore(SEALING_AT_ONCE)
    done = 0
    with narrator.bar("sealing", len(records)) as advance:

        async def seal(record: FhirRecord) -> Sealed:
            nonlocal done
            about_patient = record.patient == PATIENT
            own = about_patient and record.kind in OWN_KINDS
            owner = clients.patient if own else clients.organisation
            async with gate:
                put = await owner.put_object(
                    io.BytesIO(record.data),
                    media_type=MEDIA_TYPE,
                    readers=[cast.clinician.actor] if record.patient is None else [],
                    subject=cast.patient.actor if about_patient else None,
                )
            done += 1
            advance(done)
            return Sealed(record, put.object)

        sealed = tuple(await asyncio.gather(*map(seal, records)))
    kinds = sorted({record.kind for record in records})
    size = sum(len(record.data) for record in records)
    narrator.say(f"{counted(len(records), 'official FHIR R4 example')}, {sized(size)}: {', '.join(kinds)}.")
    others = sum(record.patient == OTHER_PATIENT for record in records)
    narrator.say(
        f"Each is sealed under a key of its own. {len(of_patient(sealed))} are about the patient, and list no "
        f"clinician as a reader; {others} are another patient's. The ledger has digests, and nothing of what they say."
    )
    return sealed


def of_patient(sealed: Sequence[Sealed]) -> tuple[Sealed, ...]:
    """Those that are about the patient of the visit."""
    return tuple(item for item in sealed if item.record.patient == PATIENT)
