"""A credential and a presentation for tests, and ways to change them. Start at `verified`, `accepted`, `changed`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from telesphor.capabilities.identity.credentials.key_binding import bind_key, sd_jwt_of
from telesphor.capabilities.identity.credentials.model import (
    CREDENTIAL_BYTES_MAX,
    Credential,
    PresentedCredential,
)
from telesphor.capabilities.identity.credentials.sd_jwt import (
    verify_credential,
    verify_presentation,
)
from telesphor.capabilities.identity.credentials.serialization import (
    Signed,
    read_document,
    write_document,
)
from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import SigningKey
from tests.support.credentials import (
    AUDIENCE,
    HOLDER,
    ISSUER,
    NONCE,
    NOW_MS,
    issued,
    shown,
    signed_again,
    taken_apart,
)

CREDENTIAL = issued()
DATA = CREDENTIAL.serialized
SHOWN = ("over_18", "licensed_in")
PRESENTED = shown(DATA, *SHOWN)


def verified(data: bytes = DATA, **changes: Any) -> Credential:
    values: dict[str, Any] = {"issuer": ISSUER.public, "now_ms": NOW_MS}
    return verify_credential(data, **values | changes)


def accepted(data: bytes = PRESENTED, **changes: Any) -> PresentedCredential:
    values: dict[str, Any] = {"issuer": ISSUER.public, "nonce": NONCE, "audience": AUDIENCE, "now_ms": NOW_MS}
    return verify_presentation(data, **values | changes)


def code_of(call: Callable[[], object]) -> str:
    """The code of the refusal; its message quotes nothing that was disclosed."""
    with pytest.raises(TelesphorError) as caught:
        call()
    for secret in ("Zoë", "WA", "licensed_in", NONCE):
        assert secret not in caught.value.message + caught.value.hint + caught.value.detail
    return caught.value.code


def changed(change: Callable[[Any], None], data: bytes = DATA) -> bytes:
    document = taken_apart(data)
    change(document)
    return canonical.encode(document)


def header_text(**members: str) -> str:
    return base64url.encode(canonical.encode(members))


def payload_of(data: bytes = DATA) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(base64url.decode(taken_apart(data)["payload"]))
    return payload


def disclosures_of(data: bytes = DATA) -> list[str]:
    found: list[str] = taken_apart(data)["signatures"][0]["header"]["disclosures"]
    return found


def resigned(**changes: Any) -> bytes:
    """The credential with other claims, signed well: what a careless or dishonest issuer makes."""
    payload = payload_of() | changes
    return signed_again({k: v for k, v in payload.items() if v is not None}, disclosures=disclosures_of())


def with_disclosures(texts: list[str], data: bytes = DATA) -> bytes:
    return changed(lambda d: d["signatures"][0]["header"].update(disclosures=texts), data)


def bound(
    holder: SigningKey = HOLDER,
    *,
    names: tuple[str, ...] = SHOWN,
    half: int | None = None,
    disclosures: bool = True,
    **changes: Any,
) -> bytes:
    """The presentation under a key binding of another making; with `half`, only that half of it."""
    document = read_document(shown(DATA, *names), bytes_max=CREDENTIAL_BYTES_MAX)
    values: dict[str, Any] = {
        "holder": holder,
        "nonce": NONCE,
        "audience": AUDIENCE,
        "issued_at_ms": NOW_MS,
    } | changes
    sd_jwt = sd_jwt_of(document.jwt(0), document.disclosures if disclosures else ())
    bindings = list(bind_key(sd_jwt, **values))
    if half is not None:
        kept = document.key_bindings[1 - half]
        assert kept is not None
        bindings[1 - half] = kept
    signatures = [Signed(*signed) for signed in document.signatures]
    return write_document(
        document.payload_text,
        signatures,
        disclosures=document.disclosures,
        key_bindings=(bindings[0], bindings[1]),
    )
