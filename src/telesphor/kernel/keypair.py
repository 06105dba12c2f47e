"""The key pairs that sign: Ed25519 with one ML-DSA key, always both.

A suite (`HybridSuite`) names the two algorithms, a `SigningKey` holds the two seeds, a `VerifyKey` the
two public keys with their names. What this module guarantees: a pair of unusable material cannot be
built, public pairs have one spelling as JWKs, and no secret appears in a `repr`.

Start at `SigningKey.generate` and `VerifyKey.from_jwks`; what they sign is in `signing`, which also
gives these names. Bytes: `docs/spec/signatures.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Final, Protocol, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA44PublicKey,
    MLDSA65PrivateKey,
    MLDSA65PublicKey,
    MLDSA87PrivateKey,
    MLDSA87PublicKey,
)

from telesphor.kernel import base64url, canonical
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import Kind, TelesphorError

ED25519: Final = "Ed25519"
SEED_BYTES: Final = 32
ED25519_PUBLIC_BYTES: Final = 32
ED25519_SIGNATURE_BYTES: Final = 64


class KeyRefused(TelesphorError):
    """Key material is of the wrong size, type or spelling."""

    code = "key-refused"
    kind = Kind.INVALID


class PrivateHalf(Protocol):
    """One half of a pair that signs."""

    def sign(self, data: bytes, /) -> bytes: ...


class PublicHalf(Protocol):
    """One half of a pair that verifies; raises `InvalidSignature` of the library."""

    def verify(self, signature: bytes, data: bytes, /) -> None: ...


@dataclass(frozen=True, slots=True)
class _MlDsa:
    """One ML-DSA parameter set: its RFC 9964 name, its sizes (FIPS 204, table 2) and its classes."""

    alg: str
    public_bytes: int
    signature_bytes: int
    private: type[MLDSA44PrivateKey | MLDSA65PrivateKey | MLDSA87PrivateKey]
    public: type[MLDSA44PublicKey | MLDSA65PublicKey | MLDSA87PublicKey]


class HybridSuite(Enum):
    """The three suites; each is Ed25519 with one ML-DSA parameter set."""

    ACTOR = _MlDsa("ML-DSA-65", 1952, 3309, MLDSA65PrivateKey, MLDSA65PublicKey)
    ROOT = _MlDsa("ML-DSA-87", 2592, 4627, MLDSA87PrivateKey, MLDSA87PublicKey)
    # The keys that cosign and sign checkpoints are ML-DSA-44 (tlog-cosignature); they sign their cards too.
    WITNESS = _MlDsa("ML-DSA-44", 1312, 2420, MLDSA44PrivateKey, MLDSA44PublicKey)

    def __repr__(self) -> str:
        return f"HybridSuite.{self.name}"

    @property
    def algs(self) -> tuple[str, str]:
        """The two `alg` names, in the order of the signatures."""
        return (ED25519, self.value.alg)

    @property
    def mldsa_public_bytes(self) -> int:
        """Size of the ML-DSA public key."""
        return self.value.public_bytes

    @property
    def signature_bytes(self) -> tuple[int, int]:
        """Sizes of the two signatures, in their order."""
        return (ED25519_SIGNATURE_BYTES, self.value.signature_bytes)


@dataclass(frozen=True)
class VerifyKey:
    """The public pair of one actor (or of the root).

    Both keys are parsed once, when the pair is built, and kept: verifying thousands of requests of
    one actor parses nothing again. A pair with unusable material cannot be built (`KeyRefused`).
    """

    suite: HybridSuite
    ed25519_pub: bytes
    mldsa_pub: bytes
    _halves: tuple[PublicHalf, PublicHalf] = field(init=False, repr=False, compare=False)
    _jwks: tuple[dict[str, str], dict[str, str]] = field(init=False, repr=False, compare=False)
    _thumbprints: tuple[str, str] = field(init=False, repr=False, compare=False)
    _protected: tuple[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_size("the Ed25519 public key", self.ed25519_pub, ED25519_PUBLIC_BYTES)
        _check_size("the ML-DSA public key", self.mldsa_pub, self.suite.mldsa_public_bytes)
        jwks = (_okp_jwk(self.ed25519_pub), _akp_jwk(self.suite, self.mldsa_pub))
        thumbprints = (_thumbprint(jwks[0]), _thumbprint(jwks[1]))
        algs = self.suite.algs
        object.__setattr__(self, "_halves", self._parse())
        object.__setattr__(self, "_jwks", jwks)
        object.__setattr__(self, "_thumbprints", thumbprints)
        object.__setattr__(self, "_protected", tuple(map(_protected_of, algs, thumbprints)))

    def _parse(self) -> tuple[PublicHalf, PublicHalf]:
        try:
            ed25519 = Ed25519PublicKey.from_public_bytes(self.ed25519_pub)
            mldsa = self.suite.value.public.from_public_bytes(self.mldsa_pub)
        except ValueError as error:
            raise KeyRefused("a public key of the pair is not a valid key") from error
        return cast("PublicHalf", ed25519), cast("PublicHalf", mldsa)

    def __repr__(self) -> str:
        return f"VerifyKey({self.suite.name}, {self.key_id})"

    def jwks(self) -> list[dict[str, str]]:
        """The pair as two JWKs: OKP (RFC 8037) and AKP (RFC 9964), each with its `alg`."""
        return [dict(jwk) for jwk in self._jwks]

    def thumbprints(self) -> tuple[str, str]:
        """Both thumbprints (RFC 7638 with SHA-256; for AKP as RFC 9964 says), base64url."""
        return self._thumbprints

    @property
    def key_id(self) -> Digest:
        """One name for the pair: the digest of the canonical list of its two thumbprints."""
        return digest_of(canonical.encode(list(self._thumbprints)))

    @staticmethod
    def from_jwks(jwks: object) -> VerifyKey:
        """Read a pair from exactly the two JWKs that `jwks` writes; anything else is `KeyRefused`."""
        if not isinstance(jwks, Sequence) or isinstance(jwks, str | bytes) or len(jwks) != 2:
            raise KeyRefused("a pair of keys is a list of exactly two JWKs")
        suite = _suite_of(jwks[1])
        ed25519_pub = _jwk_bytes(jwks[0], {"kty": "OKP", "crv": ED25519, "alg": ED25519}, "x")
        mldsa_pub = _jwk_bytes(jwks[1], {"kty": "AKP", "alg": suite.value.alg}, "pub")
        return VerifyKey(suite, ed25519_pub, mldsa_pub)


@dataclass(frozen=True)
class SigningKey:
    """The private pair: two independent seeds of 32 bytes (RFC 8032; FIPS 204, xi).

    The seeds never appear in the `repr`.
    """

    suite: HybridSuite
    ed25519_seed: bytes = field(repr=False)
    mldsa_seed: bytes = field(repr=False)
    public: VerifyKey = field(init=False, compare=False)
    _halves: tuple[PrivateHalf, PrivateHalf] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_size("the Ed25519 seed", self.ed25519_seed, SEED_BYTES)
        _check_size("the ML-DSA seed", self.mldsa_seed, SEED_BYTES)
        ed25519 = Ed25519PrivateKey.from_private_bytes(self.ed25519_seed)
        mldsa = self.suite.value.private.from_seed_bytes(self.mldsa_seed)
        public = VerifyKey(
            self.suite, ed25519.public_key().public_bytes_raw(), mldsa.public_key().public_bytes_raw()
        )
        object.__setattr__(self, "public", public)
        object.__setattr__(self, "_halves", (ed25519, mldsa))

    @staticmethod
    def generate(suite: HybridSuite) -> SigningKey:
        """A fresh pair from the random generator of the cryptographic library."""
        ed25519_seed = Ed25519PrivateKey.generate().private_bytes_raw()
        return SigningKey(suite, ed25519_seed, suite.value.private.generate().private_bytes_raw())


SUITE_BY_ALG: Final = {suite.value.alg: suite for suite in HybridSuite}


def _check_size(what: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise KeyRefused(f"{what} must be exactly {size} bytes")


def _okp_jwk(public: bytes) -> dict[str, str]:
    return {"alg": ED25519, "crv": ED25519, "kty": "OKP", "x": base64url.encode(public)}


def _akp_jwk(suite: HybridSuite, public: bytes) -> dict[str, str]:
    return {"alg": suite.value.alg, "kty": "AKP", "pub": base64url.encode(public)}


def _thumbprint(jwk: dict[str, str]) -> str:
    # RFC 7638, section 3.2, for OKP (RFC 8037, section 2: no `alg`); RFC 9964 for AKP (with `alg`).
    required = ("crv", "kty", "x") if jwk["kty"] == "OKP" else ("alg", "kty", "pub")
    return base64url.encode(sha256(canonical.encode({name: jwk[name] for name in required})).digest())


def _protected_of(alg: str, kid: str) -> str:
    return base64url.encode(canonical.encode({"alg": alg, "kid": kid}))


def _suite_of(jwk: object) -> HybridSuite:
    alg = jwk.get("alg") if isinstance(jwk, Mapping) else None
    if not isinstance(alg, str) or alg not in SUITE_BY_ALG:
        raise KeyRefused("the second JWK must be an ML-DSA key of a known suite")
    return SUITE_BY_ALG[alg]


def _jwk_bytes(jwk: object, fixed: dict[str, str], member: str) -> bytes:
    if not isinstance(jwk, Mapping) or set(jwk) != {*fixed, member}:
        raise KeyRefused(f"a JWK must have exactly the members `{', '.join(sorted({*fixed, member}))}`")
    if any(jwk[name] != value for name, value in fixed.items()) or not isinstance(jwk[member], str):
        raise KeyRefused(f"a JWK of kind `{fixed['kty']}` must be of `{fixed['alg']}`")
    try:
        return base64url.decode(jwk[member])
    except TelesphorError as error:
        raise KeyRefused(f"the member `{member}` of a JWK is not canonical base64url") from error
