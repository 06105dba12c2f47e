"""The two halves of a signature, each a JWS of its own, made and checked by jwcrypto.

Ed25519 by its fully specified name (RFC 9864) and ML-DSA-65 (RFC 9964). INVARIANT: the algorithm is the
caller's, never the document's: a header that names another one is refused before any key is used.

Start at `sign_half` and `verify_half`. Keys are the kernel's pairs; jwcrypto sees them as JWKs.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, Final, Literal

from jwcrypto.common import JWException
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from telesphor.kernel import base64url
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import HybridSuite, SigningKey, SuiteMismatch, VerifyKey

ED25519: Final = "Ed25519"
ML_DSA: Final = "ML-DSA-65"
ALGS: Final = (ED25519, ML_DSA)
"""The order of the halves."""

Half = Literal[0, 1]
"""Index of a half: 0 is Ed25519, 1 is ML-DSA-65."""

HALVES: Final[tuple[Half, Half]] = (0, 1)

PAIRS_REMEMBERED_MAX = 256
"""Public pairs parsed for jwcrypto: issuers and those who present at the moment; about 4 KB each."""


def sign_half(half: Half, *, protected: bytes, payload: bytes, key: SigningKey) -> str:
    """Sign `payload` with one key of the pair and return the signature as base64url.

    Args:
        protected: the header's JSON, which must name the algorithm of this half.

    Raises:
        SuiteMismatch: the pair is not Ed25519 with ML-DSA-65.
    """
    require_suite(key.public)
    token = JWS(payload)
    token.add_signature(_private_jwk(half, key), ALGS[half], protected.decode("ascii"))
    return str(token.serialize(compact=True).rsplit(".", 1)[1])


def verify_half(
    half: Half, *, protected: str, payload: str, signature: str, key: VerifyKey, refusal: TelesphorError
) -> None:
    """Verify one half of a signature, which has one spelling: jwcrypto alone passes over what is no base64url.

    Args:
        protected, payload, signature: the three parts as base64url, as they travelled.
        refusal: what the caller's format refuses this half with; raised when it does not verify.

    Raises:
        SuiteMismatch: the pair is not Ed25519 with ML-DSA-65.
    """
    require_suite(key)
    token = _reading.tokens[half]
    try:
        base64url.decode(signature)
        token.deserialize(f"{protected}.{payload}.{signature}")
        token.verify(_public_jwks(key)[half])
    except (base64url.NotBase64, JWException):
        raise refusal from None


def require_suite(key: VerifyKey) -> None:
    """Let only pairs of Ed25519 with ML-DSA-65 pass; raises `SuiteMismatch`."""
    if key.suite is not HybridSuite.ACTOR:
        raise SuiteMismatch(f"credentials take pairs of `{ML_DSA}`, not of `{key.suite.algs[1]}`")


class _Reading(threading.local):
    """One token of each half for each thread, because a new one copies jwcrypto's whole registry of headers.

    What it is given replaces all that it held before (`JWS.deserialize`), and it takes its half's algorithm only.
    """

    def __init__(self) -> None:
        self.tokens = tuple(map(_token_for, ALGS))


def _token_for(alg: str) -> JWS:
    token = JWS()
    token.allowed_algs = [alg]
    return token


_reading = _Reading()


@lru_cache(maxsize=PAIRS_REMEMBERED_MAX)
def _public_jwks(key: VerifyKey) -> tuple[JWK, JWK]:
    first, second = key.jwks()
    return JWK(**first), JWK(**second)


def _private_jwk(half: Half, key: SigningKey) -> JWK:
    """The private JWK, made for this one signature: it is kept nowhere."""
    public: dict[str, Any] = key.public.jwks()[half]
    if half == 0:
        return JWK(**public, d=base64url.encode(key.ed25519_seed))
    return JWK(**public, priv=base64url.encode(key.mldsa_seed))
