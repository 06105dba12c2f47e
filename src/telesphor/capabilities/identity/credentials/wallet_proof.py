"""The proof by which a wallet collects its credential: both its keys sign a nonce of the node, just now.

Two JWTs in the manner of OpenID4VCI (section on the `jwt` proof type): `openid4vci-proof+jwt`, with the public key
in the header, over `aud`, `iat` and `nonce`. Ours takes two, one by each key of the pair, over the same claims.

Start at `make_proof` (the wallet) and `verify_proof` (the node).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.credentials.halves import ALGS, HALVES, sign_half, verify_half
from telesphor.capabilities.identity.credentials.model import CLOCK_SKEW_MS, Seconds
from telesphor.capabilities.identity.credentials.standing import ProofRefused
from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import SigningKey, VerifyKey

TYP = "openid4vci-proof+jwt"

PROOF_CHARS_MAX = 16 * 1024
"""An ML-DSA-65 key and signature in base64url, twice over in the header."""

PROOF_AGE_MS = 5 * 60 * 1000
"""A wallet signs and sends at once."""


class ProofClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the wallet signs."""

    aud: Annotated[str, Meta(min_length=1, max_length=255)]
    iat: Seconds
    nonce: Annotated[str, Meta(min_length=1, max_length=128)]


def make_proof(holder: SigningKey, *, nonce: str, audience: str, issued_at_ms: int) -> tuple[str, str]:
    """Sign a proof for one request; returns the JWTs by Ed25519 and by ML-DSA-65."""
    claims = canonical.encode({"aud": audience, "iat": issued_at_ms // 1000, "nonce": nonce})
    first, second = (_sign(half, claims, holder) for half in HALVES)
    return first, second


def verify_proof(proofs: Sequence[str], *, holder: VerifyKey, nonce: str, audience: str, now_ms: int) -> None:
    """Verify that both keys of the pair signed for this very request.

    1. There are two, by Ed25519 and by ML-DSA-65, over the same claims.
    2. Their headers hold exactly these keys, and both signatures verify.
    3. They are for this node and this nonce, and were made just now.

    Raises:
        ProofRefused: it is not so.
    """
    if len(proofs) != len(ALGS) or any(len(text) > PROOF_CHARS_MAX for text in proofs):
        raise ProofRefused("a proof has two JWTs, one by each key of the holder")
    parts = [text.split(".") for text in proofs]
    if any(len(part) != 3 for part in parts) or parts[0][1] != parts[1][1]:
        raise ProofRefused("the two JWTs of a proof do not say the same")
    claims = _read_claims(parts[0][1])
    for half in HALVES:
        _verify(half, parts[half], holder)
    if claims.aud != audience or claims.nonce != nonce:
        raise ProofRefused("the proof was made for another request", hint="ask for a fresh `c_nonce`")
    if not -CLOCK_SKEW_MS <= now_ms - claims.iat * 1000 <= PROOF_AGE_MS:
        raise ProofRefused("the proof was made too long ago, or in the future")


def nonce_of(proofs: Sequence[str]) -> str:
    """The nonce that a proof says it is for, unverified: to be looked up before `verify_proof`.

    Raises:
        ProofRefused: it says none.
    """
    if not proofs or len(proofs[0]) > PROOF_CHARS_MAX or proofs[0].count(".") != 2:
        raise ProofRefused("a proof has two JWTs, one by each key of the holder")
    return _read_claims(proofs[0].split(".")[1]).nonce


def _sign(half: Literal[0, 1], claims: bytes, holder: SigningKey) -> str:
    protected = _header(half, holder.public)
    signature = sign_half(half, protected=protected, payload=claims, key=holder)
    return f"{base64url.encode(protected)}.{base64url.encode(claims)}.{signature}"


def _header(half: Literal[0, 1], key: VerifyKey) -> bytes:
    return canonical.encode({"alg": ALGS[half], "jwk": key.jwks()[half], "typ": TYP})


def _read_claims(text: str) -> ProofClaims:
    try:
        value = canonical.decode(base64url.decode(text), limit=PROOF_CHARS_MAX)
        return msgspec.convert(value, ProofClaims, strict=True)
    except (TelesphorError, msgspec.ValidationError):
        raise ProofRefused("a proof does not have exactly the claims of one") from None


def _verify(half: Literal[0, 1], parts: Sequence[str], holder: VerifyKey) -> None:
    protected, payload, signature = parts
    try:
        header = base64url.decode(protected)
    except TelesphorError:
        raise ProofRefused("a proof is not canonical base64url") from None
    if header != _header(half, holder):
        raise ProofRefused("a proof is by another key than the holder's")
    refusal = ProofRefused("a proof does not verify")
    verify_half(half, protected=protected, payload=payload, signature=signature, key=holder, refusal=refusal)
