"""Credentials for tests: an issuer, a holder, factors of a licence, and documents taken apart to be changed.

Keys come from fixed seeds, so that a failure can be seen twice. Start at `issued`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from telesphor.capabilities.identity.credentials.model import (
    CredentialClaims,
    Factor,
    IssuedCredential,
    StatusReference,
    Vouching,
)
from telesphor.capabilities.identity.credentials.sd_jwt import issue_credential, present
from telesphor.kernel import base64url, canonical
from telesphor.kernel.signing import HybridSuite, SigningKey

NOW_MS = 1_795_348_275_123
DAY_MS = 86_400_000
NONCE = "n-0S6_WzA2Mj4f5"
AUDIENCE = "did:web:clinic.example"
ISSUER_ID = "did:web:board.example"


def pair(number: int) -> SigningKey:
    return SigningKey(HybridSuite.ACTOR, bytes([number]) * 32, bytes([number + 100]) * 32)


ISSUER, HOLDER, OTHER = pair(1), pair(2), pair(3)
CHECKED = Vouching(vouched="issuer", vouched_by=ISSUER_ID, verified_at="2026-11-01T08:00:00.000Z")
SAID = Vouching(
    vouched="self", vouched_by="did:web:clinician.example", verified_at="2026-11-20T08:00:00.000Z"
)

FACTORS = (
    Factor(name="licensed_in", value="WA", vouching=CHECKED),
    Factor(name="over_18", value=True, vouching=CHECKED),
    Factor(name="years_in_practice", value=12, vouching=CHECKED),
    Factor(name="preferred_name", value="Zoë", vouching=SAID),
)


def claims(**changes: Any) -> CredentialClaims:
    values: dict[str, Any] = {
        "group": "licence",
        "issuer": ISSUER_ID,
        "issued_ms": NOW_MS,
        "not_before_ms": NOW_MS,
        "expires_ms": NOW_MS + 30 * DAY_MS,
        "subject": "urn:uuid:01930000-0000-7000-8000-000000000001",
        "status": StatusReference(idx=7, uri="https://clinic.example/v1/status-lists/1"),
    }
    return CredentialClaims(**values | changes)


def issued(
    *factors: Factor,
    issuer: SigningKey = ISSUER,
    holder: SigningKey = HOLDER,
    random: Callable[[int], bytes] = os.urandom,
    **changes: Any,
) -> IssuedCredential:
    return issue_credential(
        claims(**changes), factors or FACTORS, issuer=issuer, holder=holder.public, random=random
    )


def shown(data: bytes, *names: str, **changes: Any) -> bytes:
    values: dict[str, Any] = {
        "holder": HOLDER,
        "nonce": NONCE,
        "audience": AUDIENCE,
        "issued_at_ms": NOW_MS,
    }
    return present(data, names=names, **values | changes)


def taken_apart(data: bytes) -> Any:
    """The JSON of a document, to be changed and written again by `canonical.encode`."""
    return json.loads(data)


def claims_of(token: str) -> Any:
    """The payload of a compact JWT."""
    return json.loads(base64url.decode(token.split(".")[1]))


def signed_again(payload: dict[str, Any], *, issuer: SigningKey = ISSUER, disclosures: list[str]) -> bytes:
    """A document over any payload, with good signatures: what a dishonest issuer could make."""
    from telesphor.capabilities.identity.credentials.halves import HALVES, sign_half
    from telesphor.capabilities.identity.credentials.serialization import header_of

    content = canonical.encode(payload)
    parts: list[dict[str, Any]] = []
    for half in HALVES:
        protected = header_of(half, issuer.public.thumbprints())
        signature = sign_half(half, protected=protected, payload=content, key=issuer)
        parts.append({"protected": base64url.encode(protected), "signature": signature})
    parts[0]["header"] = {"disclosures": disclosures}
    return canonical.encode({"payload": base64url.encode(content), "signatures": parts})
