"""The patient's record: official FHIR examples, sealed by the clinic about whoever plays the patient.

The care team is granted most of it by one token, which the patient sees and can ask to have taken back; consents are
left out, so that there is something that only an emergency opens. Start at `seal_chart`.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from telesphor.demo.play.house import CARE_TEAM, House
from telesphor.demo.records import MEDIA_TYPE, PATIENT, FhirRecord

AT_ONCE: Final = 4
"""Uploads under way together, beside somebody who joins a call."""

WITHHELD: Final = ("Consent",)
GRANT_MS: Final = 30 * 86_400_000
SLACK_MS: Final = 60_000
"""A grant begins a minute ago, so that it works at a node whose clock is a little behind."""


class Charted(NamedTuple):
    """A record in the vault, and whether the care team may read it."""

    record: FhirRecord
    object: str
    granted: bool


def own_records(records: Sequence[FhirRecord]) -> tuple[FhirRecord, ...]:
    """Those that are about the patient who is played."""
    return tuple(record for record in records if record.patient == PATIENT)


async def seal_chart(house: House, patient: str, records: Sequence[FhirRecord]) -> tuple[Charted, ...]:
    """Seal the record of a patient who has keys by now."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def seal(record: FhirRecord) -> Charted:
        async with gate:
            put = await house.organisation.put_object(
                io.BytesIO(record.data), media_type=MEDIA_TYPE, subject=patient
            )
        return Charted(record, put.object, record.kind not in WITHHELD)

    return tuple(await asyncio.gather(*map(seal, records)))


async def grant_to_team(house: House, objects: Sequence[str]) -> None:
    """Let the care team read these, for treatment and for a month."""
    reach = house.reach
    dataset, token = reach.ids.next(), reach.ids.next()
    terms: dict[str, Any] = {
        "token": token,
        "dataset": dataset,
        "role": None,
        "recipient": {"kind": "group", "id": house.groups[CARE_TEAM]},
        "actions": ["read"],
        "purposes": ["treatment"],
        "not_before": reach.instant(-SLACK_MS),
        "not_after": reach.instant(GRANT_MS),
        "required_factors": [],
        "rule": "",
        "revocable": True,
        "transferable": False,
        "delegation_depth": 0,
    }
    members = [{"kind": "object", "id": id} for id in sorted(objects)]
    await house.organisation.send(
        ("dataset.define/1", {"dataset": dataset, "members": members}), ("token.mint/1", terms)
    )
