"""Fuzz targets of credentials: what a stranger sends as a credential, a presentation, a list or a proof.

Whatever reads without error must have been written by its writer, byte for byte. Signatures are checked too: nothing
that was mutated may verify, unless it is what was signed.
"""

from __future__ import annotations

import json
from functools import cache

from telesphor.capabilities.identity.credentials.disclosures import read_disclosure
from telesphor.capabilities.identity.credentials.routes import _ask_of, _code_of
from telesphor.capabilities.identity.credentials.sd_jwt import verify_credential, verify_presentation
from telesphor.capabilities.identity.credentials.serialization import read_document, write_document
from telesphor.capabilities.identity.credentials.status_list import (
    pack_statuses,
    read_status_list,
    sign_status_list,
)
from telesphor.capabilities.identity.credentials.wallet_proof import make_proof, nonce_of, verify_proof
from telesphor.kernel import base64url, canonical
from tests.fuzz.target import Target
from tests.support.credentials import AUDIENCE, HOLDER, ISSUER, ISSUER_ID, NONCE, NOW_MS, issued, shown

URI = "https://clinic.example/v1/status-lists/1"


@cache
def credentials() -> list[bytes]:
    return [issued().serialized]


@cache
def presentations() -> list[bytes]:
    return [shown(credentials()[0], "over_18", "licensed_in")]


@cache
def disclosures() -> list[bytes]:
    texts = read_document(credentials()[0], bytes_max=10**6).disclosures
    return [base64url.decode(text) for text in texts]


@cache
def status_lists() -> list[bytes]:
    return [
        sign_status_list(
            pack_statuses({}), uri=URI, issuer=ISSUER_ID, key=ISSUER, issued_at_ms=NOW_MS
        ).serialized
    ]


@cache
def proofs() -> list[bytes]:
    return ["\n".join(make_proof(HOLDER, nonce=NONCE, audience=AUDIENCE, issued_at_ms=NOW_MS)).encode()]


def take_credential(data: bytes) -> None:
    document = read_document(data, bytes_max=128 * 1024)
    bindings = document.key_bindings
    ml_dsa, ed25519 = bindings
    both = None if ml_dsa is None or ed25519 is None else (ml_dsa, ed25519)
    written = write_document(
        document.payload_text, document.signatures, disclosures=document.disclosures, key_bindings=both
    )
    # A document with one half of a key binding reads, and is refused by its own name later.
    assert written == data or (bindings != (None, None) and both is None)
    verify_credential(data, issuer=ISSUER.public, now_ms=NOW_MS)


def take_presentation(data: bytes) -> None:
    verify_presentation(data, issuer=ISSUER.public, nonce=NONCE, audience=AUDIENCE, now_ms=NOW_MS)
    assert data in presentations(), "something else than what was presented verifies"


def take_disclosure(data: bytes) -> None:
    read = read_disclosure(base64url.encode(data))
    assert canonical.encode([*json.loads(data)[:1], read.name, read.value]) == data


def take_status_list(data: bytes) -> None:
    read_status_list(data, uri=URI, issuer=ISSUER.public, now_ms=NOW_MS)
    assert data in status_lists(), "something else than the signed list verifies"


def take_proof(data: bytes) -> None:
    try:
        parts = tuple(data.decode("ascii").split("\n"))
    except UnicodeDecodeError:
        return
    nonce = nonce_of(parts)
    verify_proof(parts, holder=HOLDER.public, nonce=nonce, audience=AUDIENCE, now_ms=NOW_MS)
    assert data in proofs(), "something else than the proof verifies"


def take_form(data: bytes) -> None:
    _code_of(data)


def form_seeds() -> list[bytes]:
    grant = b"urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Apre-authorized_code"
    return [b"grant_type=" + grant + b"&pre-authorized_code=" + b"A" * 43]


def take_ask(data: bytes) -> None:
    _ask_of(data)


def ask_seeds() -> list[bytes]:
    return [b'{"credential_configuration_id":"licence-hybrid","proofs":{"jwt":["a.b.c","a.b.c"]}}']


TARGETS = {
    "credential": Target(take_credential, credentials),
    "presentation": Target(take_presentation, presentations),
    "disclosure": Target(take_disclosure, disclosures),
    "status-list": Target(take_status_list, status_lists),
    "wallet-proof": Target(take_proof, proofs),
    "token-request": Target(take_form, form_seeds),
    "credential-request": Target(take_ask, ask_seeds),
}
