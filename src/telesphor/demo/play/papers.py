"""Who the patient is, on paper: the clinic issues an identity credential, and leaves it at the node to be accepted.

Start at `offer_identity`.
"""

from __future__ import annotations

from telesphor.demo.factors import CREDENTIAL_DAYS, identity_factors
from telesphor.demo.play.house import GROUP, House
from telesphor.demo.records import FhirRecord


async def offer_identity(house: House, patient: str, person: FhirRecord) -> None:
    """Issue what the record says of who the patient is, and leave it for them to accept in their browser.

    Raises:
        ClientRefused, NodeUnreachable
    """
    clinic, issuer, now_ms = house.organisation, house.issuer, house.reach.clock.now_ms()
    noted = await clinic.issue(
        await clinic.public_actor(patient),
        GROUP,
        identity_factors(person, by=issuer.did, now_ms=now_ms),
        issuer=issuer,
        actor=patient,
        days=CREDENTIAL_DAYS,
        verified_ms=now_ms,
    )
    await clinic.leave(noted)
