"""Credentials and presentations by themselves, in one process: ours, their bare signatures, and the naive ways.

The naive ways are the `sd-jwt` package with ES256, which does the same with one classical signature, and our own
functions given keys as JSON each time. All ways take turns in one process, so that a disturbance meets all.

Start at `take_turns`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from jwcrypto.jwk import JWK

from telesphor.bench.figures import middle
from telesphor.bench.limits import count_calls
from telesphor.capabilities.identity.credentials import sd_jwt
from telesphor.capabilities.identity.credentials.model import CredentialClaims, Factor, Vouching
from telesphor.kernel.clock import SystemClock, format_instant
from telesphor.kernel.ids import IdSource
from telesphor.kernel.signing import HybridSuite, SigningKey, VerifyKey

DAY_MS = 86_400_000

ISSUER, SUBJECT, AUDIENCE = "did:web:issuer.example", "did:web:holder.example", "did:web:verifier.example"
FACTORS: Final[Mapping[str, Any]] = {
    "number": "WA-123456",
    "licensed_in": "WA",
    "profession": "physician",
    "specialty": "cardiology",
    "in_good_standing": True,
    "years_licensed": 12,
}
SHOWN = ("licensed_in", "profession")

ISSUE, VERIFY, PRESENTED = "issue", "verify", "verify a presentation"
BARE_SIGN, BARE_VERIFY = "bare sign", "bare verify"
PARSING = "verify a presentation, keys parsed"
NAIVE_ISSUE, NAIVE_VERIFY, NAIVE_PRESENTED = "naive issue", "naive verify", "naive presentation"

SIGNED_BYTES: Final = 6_000
"""What a credential of six factors signs: two JWKs and the digests, in base64url."""

Work = Callable[[], object]


def take_turns(seconds: float, rounds: int) -> dict[str, float]:
    """Calls per second of each way, the middle of so many rounds; for a process of its own."""
    works = {**_our_works(), **_bare_works(), **_naive_works()}
    turns = [{name: count_calls(work, seconds) for name, work in works.items()} for _ in range(rounds)]
    return {name: middle(found[name] for found in turns) for name in works}


def licence(*, issuer: str, subject: str, now_ms: int) -> tuple[CredentialClaims, list[Factor]]:
    """A licence of six factors, good for a day."""
    vouching = Vouching(vouched="issuer", vouched_by=issuer, verified_at=format_instant(now_ms))
    claims = CredentialClaims(
        group="licence",
        issuer=issuer,
        subject=subject,
        issued_ms=now_ms,
        not_before_ms=now_ms,
        expires_ms=now_ms + DAY_MS,
    )
    return claims, [Factor(name=name, value=value, vouching=vouching) for name, value in FACTORS.items()]


def _our_works() -> dict[str, Work]:
    clock = SystemClock()
    ids, now_ms = IdSource(clock), clock.now_ms()
    issuer, holder = SigningKey.generate(HybridSuite.ACTOR), SigningKey.generate(HybridSuite.ACTOR)
    claims, factors = licence(issuer=ISSUER, subject=SUBJECT, now_ms=now_ms)

    def issue() -> bytes:
        return sd_jwt.issue_credential(
            claims, factors, issuer=issuer, holder=holder.public, random=ids.random_bytes
        ).serialized

    credential, nonce, jwks = issue(), ids.nonce(), issuer.public.jwks()
    shown = sd_jwt.present(
        credential, names=SHOWN, holder=holder, nonce=nonce, audience=AUDIENCE, issued_at_ms=now_ms
    )

    def verify_presented(key: VerifyKey) -> object:
        return sd_jwt.verify_presentation(
            shown, issuer=key, nonce=nonce, audience=AUDIENCE, now_ms=now_ms + 1_000
        )

    return {
        ISSUE: issue,
        VERIFY: lambda: sd_jwt.verify_credential(credential, issuer=issuer.public, now_ms=now_ms + 1_000),
        PRESENTED: lambda: verify_presented(issuer.public),
        PARSING: lambda: verify_presented(VerifyKey.from_jwks(jwks)),
    }


def _bare_works() -> dict[str, Work]:
    """Both halves over as many bytes as a credential signs."""
    keys: list[Any] = [Ed25519PrivateKey.generate(), MLDSA65PrivateKey.generate()]
    data = bytes(SIGNED_BYTES)
    signed = [(key.public_key(), key.sign(data)) for key in keys]

    def verify() -> None:
        for public, signature in signed:
            public.verify(signature, data)

    return {BARE_SIGN: lambda: [key.sign(data) for key in keys], BARE_VERIFY: verify}


def _naive_works() -> dict[str, Work]:
    """The `sd-jwt` package with ES256; nothing where it is not installed."""
    if find_spec("sd_jwt") is None:
        return {}
    package = {name: import_module(f"sd_jwt.{name}") for name in ("common", "holder", "issuer", "verifier")}
    keys = [JWK.generate(kty="EC", crv="P-256") for _ in range(2)]
    claim = package["common"].SDObj
    claims = {"iss": ISSUER, "sub": SUBJECT} | {claim(name): value for name, value in FACTORS.items()}

    def issue() -> str:
        made = package["issuer"].SDJWTIssuer(claims, keys[0], keys[1], add_decoy_claims=True)
        return str(made.sd_jwt_issuance)

    holding = package["holder"].SDJWTHolder(issue())
    holding.create_presentation(dict.fromkeys(FACTORS, True))
    whole = str(holding.sd_jwt_presentation)
    nonce = "n" * 22
    holding.create_presentation(dict.fromkeys(SHOWN, True), nonce, AUDIENCE, keys[1])
    shown = str(holding.sd_jwt_presentation)

    def verify(data: str, *bound: str) -> object:
        return package["verifier"].SDJWTVerifier(data, lambda *_: keys[0], *bound).get_verified_payload()

    return {
        NAIVE_ISSUE: issue,
        NAIVE_VERIFY: lambda: verify(whole),
        NAIVE_PRESENTED: lambda: verify(shown, AUDIENCE, nonce),
    }
