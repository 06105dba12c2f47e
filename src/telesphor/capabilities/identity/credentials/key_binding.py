"""Key binding: the holder signs, with both keys, which disclosures it shows to whom and in answer to what.

Two key binding JWTs (RFC 9901, section 4.3) over the same claims: `kb_jwt` by ML-DSA-65, which an ML-DSA verifier
off the shelf checks under `cnf.jwk`, and `kb_jwt_ed25519` by the other half. Both name both keys, so that neither
can be set beside another pair's.

Start at `bind_key` and `verify_key_binding`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.credentials.halves import sign_half, verify_half
from telesphor.capabilities.identity.credentials.model import Limits, Seconds
from telesphor.capabilities.identity.credentials.refusals import (
    AudienceMismatch,
    KeyBindingMalformed,
    KeyBindingMissing,
    KeyBindingRefused,
    KeyBindingStale,
    NonceMismatch,
    SdHashMismatch,
)
from telesphor.capabilities.identity.credentials.serialization import Document, header_of
from telesphor.capabilities.identity.model import ThumbprintField
from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import SigningKey, VerifyKey

TYP = "kb+jwt"

KEY_BINDING_CHARS_MAX = 8 * 1024
"""An ML-DSA-65 signature is 4,412 characters; the claims are below 1 KB."""

NONCE_CHARS_MAX = 128
AUDIENCE_CHARS_MAX = 255

_ML_DSA_HALF: Literal[1] = 1
_ED25519_HALF: Literal[0] = 0


class KeyBindingClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the holder signs."""

    aud: Annotated[str, Meta(min_length=1, max_length=AUDIENCE_CHARS_MAX)]
    iat: Seconds
    keys: tuple[ThumbprintField, ThumbprintField]
    nonce: Annotated[str, Meta(min_length=1, max_length=NONCE_CHARS_MAX)]
    sd_hash: Annotated[str, Meta(max_length=43)]


def bind_key(
    sd_jwt: str, *, holder: SigningKey, nonce: str, audience: str, issued_at_ms: int
) -> tuple[str, str]:
    """Sign for one presentation; returns the key binding JWTs by ML-DSA-65 and by Ed25519.

    Args:
        sd_jwt: the compact form that is shown (`sd_jwt_of`).

    Raises:
        KeyBindingMalformed: a nonce or an audience out of bounds.
    """
    claims = canonical.encode(
        {
            "aud": audience,
            "iat": issued_at_ms // 1000,
            "keys": list(holder.public.thumbprints()),
            "nonce": nonce,
            "sd_hash": sd_hash_of(sd_jwt),
        }
    )
    _read_claims(claims)
    return _sign(_ML_DSA_HALF, claims, holder), _sign(_ED25519_HALF, claims, holder)


def sd_jwt_of(document_jwt: str, disclosures: tuple[str, ...]) -> str:
    """The compact SD-JWT, up to and with its last tilde (RFC 9901, section 4)."""
    return "".join(f"{part}~" for part in (document_jwt, *disclosures))


def sd_hash_of(sd_jwt: str) -> str:
    """The digest that binds a key binding to what is shown (RFC 9901, section 4.3.1)."""
    return base64url.encode(sha256(sd_jwt.encode("ascii")).digest())


def verify_key_binding(
    document: Document, *, holder: VerifyKey, nonce: str, audience: str, now_ms: int, limits: Limits
) -> KeyBindingClaims:
    """Verify both key bindings of a presentation.

    1. Both are there, are JWTs in their one form, and say the same.
    2. Their headers and claims name the holder's two keys, and both signatures verify.
    3. They were made for this verifier, and 4. for this request.
    5. They were made for these disclosures, and 6. just now.

    Raises:
        KeyBindingMissing, KeyBindingMalformed, KeyBindingRefused, AudienceMismatch, NonceMismatch,
        SdHashMismatch, KeyBindingStale
    """
    ml_dsa, ed25519 = document.key_bindings
    if ml_dsa is None or ed25519 is None:
        raise KeyBindingMissing("the presentation lacks a key binding by the holder's two keys")
    payload = _same_payload(ml_dsa, ed25519)
    claims = _read_claims(_decode(payload))
    if claims.keys != holder.thumbprints():
        raise KeyBindingRefused("the key binding is by other keys than the credential was issued to")
    _verify(_ML_DSA_HALF, ml_dsa, holder)
    _verify(_ED25519_HALF, ed25519, holder)
    if claims.aud != audience:
        raise AudienceMismatch("the presentation is meant for another verifier")
    if claims.nonce != nonce:
        raise NonceMismatch("the presentation answers another request")
    # With several signatures the first one's form is hashed (RFC 9901, section 8.1); the payload in it names both keys.
    if claims.sd_hash != sd_hash_of(sd_jwt_of(document.jwt(0), document.disclosures)):
        raise SdHashMismatch("the holder signed for another credential or for other disclosures")
    if not -limits.clock_skew_ms <= now_ms - claims.iat * 1000 <= limits.key_binding_age_ms:
        raise KeyBindingStale("the presentation was signed too long ago, or in the future")
    return claims


def _sign(half: Literal[0, 1], claims: bytes, holder: SigningKey) -> str:
    protected = header_of(half, holder.public.thumbprints(), typ=TYP)
    signature = sign_half(half, protected=protected, payload=claims, key=holder)
    return f"{base64url.encode(protected)}.{base64url.encode(claims)}.{signature}"


def _same_payload(ml_dsa: str, ed25519: str) -> str:
    parts = [text.split(".") for text in (ml_dsa, ed25519)]
    if any(len(text) > KEY_BINDING_CHARS_MAX for text in (ml_dsa, ed25519)) or any(
        len(part) != 3 for part in parts
    ):
        raise KeyBindingMalformed("a key binding is not a JWT of its one form")
    if parts[0][1] != parts[1][1]:
        raise KeyBindingMalformed("the two key bindings do not say the same")
    return parts[0][1]


def _read_claims(data: bytes) -> KeyBindingClaims:
    try:
        return msgspec.convert(
            canonical.decode(data, limit=KEY_BINDING_CHARS_MAX), KeyBindingClaims, strict=True
        )
    except (TelesphorError, msgspec.ValidationError):
        raise KeyBindingMalformed("a key binding does not have exactly the claims of one") from None


def _verify(half: Literal[0, 1], token: str, holder: VerifyKey) -> None:
    protected, payload, signature = token.split(".")
    if _decode(protected) != header_of(half, holder.thumbprints(), typ=TYP):
        raise KeyBindingRefused("the header of a key binding does not name the holder's key")
    refusal = KeyBindingRefused("a key binding does not verify under the holder's key")
    verify_half(half, protected=protected, payload=payload, signature=signature, key=holder, refusal=refusal)


def _decode(text: str) -> bytes:
    try:
        return base64url.decode(text)
    except TelesphorError as error:
        raise KeyBindingMalformed("a key binding is not canonical base64url") from error
