"""Cards, cosignatures and anchors for tests of levels: as they would be after their verification."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from telesphor.kernel.card import Card, Role
from telesphor.kernel.chains.anchor import VerifiedAnchor
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.cosignature import Cosignature, Cosigner, CosignerKeys
from telesphor.kernel.level_evidence import Evidence

ORIGIN = "ledger.clinic.example/2026"
TIME = 1_795_348_275
LOG = LogSigner(ORIGIN, bytes([1]) * 32, bytes([2]) * 32)

Signed = tuple[Card, Cosignature]


@cache
def cosigner(name: str) -> Cosigner:
    return Cosigner(f"{name}.example/witness", name.encode().ljust(32), name.encode().rjust(32))


def card_of(who: str, **changes: Any) -> Card:
    """A card with the organisation `who`, in a region and cloud that follow from its first letter."""
    fields: dict[str, Any] = {
        "role": Role.WITNESS,
        "name": cosigner(who).name,
        "organisation": f"{who.split('-')[0]}.example",
        "region": f"region-{'abcdefghijklmnopqrstuvwxyz'.index(who[0]) % 2}",
        "cloud": f"cloud-{'abcdefghijklmnopqrstuvwxyz'.index(who[0]) % 2}",
        "operator": "shared-operator",
        "vkeys": cosigner(who).vkeys(),
        "issued_at": "2026-01-01T00:00:00.000Z",
        "expires_at": "2028-01-01T00:00:00.000Z",
    }
    return Card(**fields | changes)


LOG_CARD = card_of(
    "clinic", role=Role.LOG, name=ORIGIN, organisation="clinic.example", vkeys=LOG.vkeys(), region="region-9"
)


def signed(name: str, *, at: int = 1, **changes: Any) -> Signed:
    card = card_of(name, **changes)
    return card, Cosignature(CosignerKeys.from_vkeys(card.vkeys), TIME + at)


def notary(name: str, *, at: int = 5, **changes: Any) -> Signed:
    return signed(name, at=at, role=Role.NOTARY, **changes)


def anchor(network: str = "bitcoin-mainnet", **changes: Any) -> VerifiedAnchor:
    whole = VerifiedAnchor(
        network=network,
        height=900_000,
        time_seconds=TIME + 3600,
        confirmations=6,
        proves_time=True,
        pinned=True,
        sentence=f"dated by block 900000 of {network}",
    )
    return replace(whole, **changes)


THREE = (signed("alpha", at=1), signed("beta", at=3), signed("gamma", at=2))
NOTARY = notary("judge")
ALL = Evidence(LOG_CARD, TIME, (*THREE, NOTARY), (anchor(),))
