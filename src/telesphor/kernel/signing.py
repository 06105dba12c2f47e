"""Hybrid signatures of actors and of the root: Ed25519 and ML-DSA together, or not at all.

A signed document is a JWS in the General JSON serialization (RFC 7515, section 7.2.1) with exactly
two signatures over one payload: first Ed25519 (RFC 8037, named as in RFC 9864), then ML-DSA
(FIPS 204, named as in RFC 9964). What this module guarantees:

- nothing verifies unless both halves verify, under both keys of one pair (`VerifyKey`);
- the payload names both keys (`"keys"`), so no half can be moved under another pair;
- there is one spelling: the document, its headers and its payload are canonical bytes, and
  anything else (white space, another order, another member) is refused before any key is used.

Start at `sign_jws` and `verify_jws`; `sign_detached` and `verify_detached` are the same for content
that travels beside its signatures (RFC 7515, appendix F). The keys are in `keypair`. Bytes:
`docs/spec/signatures.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature

from telesphor.kernel import base64url, canonical
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.keypair import (
    ED25519,
    SUITE_BY_ALG,
    HybridSuite,
    KeyRefused,
    PublicHalf,
    SigningKey,
    VerifyKey,
)

__all__ = [
    "HalfSignature",
    "HeaderRefused",
    "HybridSuite",
    "JwsMalformed",
    "JwsSignature",
    "KeyRefused",
    "KeysNotBound",
    "SignatureRefused",
    "SigningKey",
    "SuiteMismatch",
    "UnverifiedJws",
    "VerifyKey",
    "payload_digest",
    "read_jws",
    "sign_detached",
    "sign_jws",
    "verify_detached",
    "verify_jws",
]

# Room for a request of 1,000 commands with bodies of 10 kB each, far more than they have; the edge
# usually passes a much lower limit of its own.
JWS_BYTES_MAX: Final = 16 * 1024 * 1024

# One signature object is below 6,400 bytes (ML-DSA-87: 4,627 bytes); a document without its payload
# holds two of them.
DETACHED_BYTES_MAX: Final = 16 * 1024


class SignatureRefused(TelesphorError):
    """A signature does not verify, or the document is not one that may be verified at all."""

    code = "signature-refused"
    kind = Kind.UNAUTHENTICATED


class HalfSignature(SignatureRefused):
    """One of the two signatures is missing; the message names which."""

    code = "half-signature"


class JwsMalformed(SignatureRefused):
    """The bytes are not the one canonical form of a two-signature JWS."""

    code = "jws-malformed"
    kind = Kind.INVALID


class HeaderRefused(SignatureRefused):
    """A protected header is not exactly `{"alg","kid"}` with the values that the key demands."""

    code = "jws-header-refused"


class SuiteMismatch(SignatureRefused):
    """The document is signed under another suite than that of the key."""

    code = "suite-mismatch"


class KeysNotBound(SignatureRefused):
    """The payload does not name exactly the two keys that sign it."""

    code = "keys-not-bound"


@dataclass(frozen=True, slots=True)
class JwsSignature:
    """One signature of a JWS as it was read: nothing of it is verified yet."""

    alg: str
    kid: str
    protected: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """A JWS that is well formed. Its payload is a claim until `verify_jws` has returned it."""

    payload_bytes: bytes
    payload: dict[str, Any]
    payload_text: str = field(repr=False)
    signatures: tuple[JwsSignature, ...] = field(repr=False)


def sign_jws(payload: Mapping[str, object], key: SigningKey) -> bytes:
    """Sign `payload` with both keys of the pair and return the JWS as canonical JSON.

    Adds nothing to the payload. Raises `KeysNotBound` unless `payload["keys"]` is the list of the
    two thumbprints of `key`, and `NotCanonical` when the payload has no canonical form.
    """
    _check_bound(payload, key.public)
    payload_text = base64url.encode(canonical.encode(dict(payload)))
    parts = ",".join(_signature_parts(payload_text, key))
    return f'{{"payload":"{payload_text}","signatures":[{parts}]}}'.encode("ascii")


def read_jws(data: bytes, *, limit: int = JWS_BYTES_MAX) -> UnverifiedJws:
    """Parse a JWS strictly, without using any key.

    Raises `LimitExceeded`, `JwsMalformed`, `HeaderRefused`, or `HalfSignature` when one of the two
    signatures is not there.
    """
    _check_limit(data, limit)
    head, found, rest = _text_of(data).partition(_SIGNATURES)
    if not found or not head.startswith(_PAYLOAD):
        raise _diagnose(data, ("payload", "signatures"))
    payload_text = head[len(_PAYLOAD) :]
    payload_bytes = _decode_part(payload_text, "payload")
    signatures = _read_signatures(rest, data, ("payload", "signatures"))
    payload = _read_object(payload_bytes, limit)
    return UnverifiedJws(payload_bytes, payload, payload_text, signatures)


def verify_jws(jws: UnverifiedJws | bytes, key: VerifyKey, *, limit: int = JWS_BYTES_MAX) -> dict[str, Any]:
    """Verify both signatures of a JWS under the pair `key` and return its payload.

    1. The document is canonical and has two signatures (`read_jws`).
    2. Its algorithms are those of the key's suite, in order.
    3. Its headers name the two keys of the pair.
    4. Its payload names the two keys of the pair.
    5. The Ed25519 signature verifies, and 6. the ML-DSA signature verifies.
    """
    unverified = jws if isinstance(jws, UnverifiedJws) else read_jws(jws, limit=limit)
    _verify_parts(unverified.payload_text, unverified.signatures, unverified.payload, key)
    return unverified.payload


def sign_detached(content: bytes, key: SigningKey) -> bytes:
    """Sign content that travels beside its signatures (RFC 7515, appendix F).

    `content` is a canonical JSON object whose `"keys"` are the thumbprints of `key`.
    """
    _check_bound(_read_object(content, JWS_BYTES_MAX), key.public)
    parts = ",".join(_signature_parts(base64url.encode(content), key))
    return f'{{"signatures":[{parts}]}}'.encode("ascii")


def verify_detached(content: bytes, jws: bytes, key: VerifyKey) -> dict[str, Any]:
    """Verify the detached signatures `jws` over `content`; steps and errors as in `verify_jws`.

    Returns the content, parsed.
    """
    _check_limit(jws, DETACHED_BYTES_MAX)
    text = _text_of(jws)
    if not text.startswith(_DETACHED):
        raise _diagnose(jws, ("signatures",))
    signatures = _read_signatures(text[len(_DETACHED) :], jws, ("signatures",))
    payload = _read_object(content, JWS_BYTES_MAX)
    _verify_parts(base64url.encode(content), signatures, payload, key)
    return payload


def payload_digest(data: bytes, *, limit: int = JWS_BYTES_MAX) -> Digest:
    """The digest of the decoded payload bytes of a JWS: the evidence of an entry, the replay key.

    It does not change when the same payload is signed again (ML-DSA signatures are hedged).
    """
    return digest_of(read_jws(data, limit=limit).payload_bytes)


# The document has one form only, so it is cut at its fixed marks instead of being parsed as JSON:
# what is left between the marks must be canonical base64url, which holds none of them.
_PAYLOAD: Final = '{"payload":"'
_SIGNATURES: Final = '","signatures":['
_DETACHED: Final = '{"signatures":['
_END: Final = "]}"
_PROTECTED: Final = '"protected":"'
_SIGNATURE: Final = '","signature":"'
# More than two are refused in any case; the bound only keeps the telling why cheap.
_PARTS_MAX: Final = 8
_HEADER: Final = re.compile(rb'\{"alg":"([A-Za-z0-9-]{1,32})","kid":"([A-Za-z0-9_-]{43})"\}')


def _signature_parts(payload_text: str, key: SigningKey) -> list[str]:
    parts = []
    for half, protected in zip(key._halves, key.public._protected, strict=True):
        signature = base64url.encode(half.sign(f"{protected}.{payload_text}".encode("ascii")))
        parts.append(f'{{"protected":"{protected}","signature":"{signature}"}}')
    return parts


def _text_of(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise JwsMalformed("the signed document is not ASCII") from None


def _read_signatures(rest: str, data: bytes, members: tuple[str, ...]) -> tuple[JwsSignature, ...]:
    """Read what follows the opening bracket of the list, to the end of the document."""
    if rest == _END:
        raise HalfSignature("the Ed25519 signature and the ML-DSA signature are missing")
    if not rest.startswith("{") or not rest.endswith("}" + _END):
        raise _diagnose(data, members)
    signatures = []
    for part in rest[1:-3].split("},{", _PARTS_MAX):
        protected, found, signature = part.partition(_SIGNATURE)
        if not found or not protected.startswith(_PROTECTED) or not signature.endswith('"'):
            raise _diagnose(data, members)
        signatures.append(_read_signature(protected[len(_PROTECTED) :], signature[:-1]))
    _check_both_halves([part.alg for part in signatures])
    return tuple(signatures)


def _read_signature(protected: str, signature: str) -> JwsSignature:
    header = _HEADER.fullmatch(_decode_part(protected, "protected header"))
    if header is None:
        raise HeaderRefused(
            "a protected header of the signature is not exactly `alg` and `kid` in canonical form"
        )
    alg, kid = header[1].decode("ascii"), header[2].decode("ascii")
    return JwsSignature(alg, kid, protected, _decode_part(signature, "signature"))


def _check_both_halves(algs: list[str]) -> None:
    unknown = [alg for alg in algs if alg != ED25519 and alg not in SUITE_BY_ALG]
    if unknown:
        raise HeaderRefused(f"the algorithm `{unknown[0]}` is not one that signs here")
    if ED25519 not in algs:
        raise HalfSignature("the Ed25519 signature is missing")
    if all(alg == ED25519 for alg in algs):
        raise HalfSignature("the ML-DSA signature is missing")
    if len(algs) != 2 or algs[0] != ED25519:
        raise JwsMalformed("a signed document has one Ed25519 and then one ML-DSA signature, no more")


def _verify_parts(
    payload_text: str, signatures: tuple[JwsSignature, ...], payload: dict[str, Any], key: VerifyKey
) -> None:
    if tuple(part.alg for part in signatures) != key.suite.algs:
        raise SuiteMismatch(f"signed with `{signatures[1].alg}`, but the key is `{key.suite.value.alg}`")
    for part, protected in zip(signatures, key._protected, strict=True):
        if part.protected != protected:
            raise HeaderRefused(f"the `kid` of the {part.alg} signature does not name the key")
    _check_bound(payload, key)
    for part, half, size in zip(signatures, key._halves, key.suite.signature_bytes, strict=True):
        _verify_half(part, half, f"{part.protected}.{payload_text}".encode("ascii"), size)


def _verify_half(part: JwsSignature, half: PublicHalf, signed: bytes, size: int) -> None:
    if len(part.signature) != size:
        raise SignatureRefused(f"the {part.alg} signature is {len(part.signature)} bytes, not {size}")
    try:
        half.verify(part.signature, signed)
    except InvalidSignature:
        raise SignatureRefused(f"the {part.alg} signature does not verify") from None


def _check_bound(payload: Mapping[str, object], key: VerifyKey) -> None:
    """INVARIANT: what is signed names both keys, so that neither half means anything alone."""
    if payload.get("keys") != list(key.thumbprints()):
        raise KeysNotBound(
            "the payload does not name exactly the two keys that sign it",
            hint="set `keys` to the two thumbprints of the pair, Ed25519 first",
        )


def _read_object(data: bytes, limit: int) -> dict[str, Any]:
    try:
        value = canonical.decode(data, limit=limit)
    except LimitExceeded:
        raise
    except TelesphorError as error:
        raise JwsMalformed(f"the payload is not canonical: {error.message}") from error
    if not isinstance(value, dict):
        raise JwsMalformed("the payload is not a JSON object")
    return value


def _decode_part(text: str, what: str) -> bytes:
    try:
        return base64url.decode(text)
    except TelesphorError as error:
        raise JwsMalformed(f"the {what} is not canonical base64url") from error


def _check_limit(data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise LimitExceeded(f"the signed document is {len(data)} bytes; at most {limit} are read")


def _diagnose(data: bytes, members: tuple[str, ...]) -> SignatureRefused:
    """Say why a document is not in its one form; only reached when it is refused anyway."""
    try:
        value = canonical.decode(data, limit=len(data))
    except TelesphorError as error:
        return JwsMalformed(f"the signed document is not canonical JSON: {error.message}")
    if not isinstance(value, dict) or tuple(sorted(value)) != members:
        return JwsMalformed(f"the signed document must have exactly the members `{', '.join(members)}`")
    return JwsMalformed("a signature must have exactly the members `protected`, `signature` in base64url")
