"""Hybrid SD-JWT VC: issue a credential, verify it, show parts of it, verify what is shown.

The form is RFC 9901 in JWS JSON with two signatures, Ed25519 and ML-DSA-65, over one payload that names both keys.
What these functions guarantee: nothing is returned unless both halves verify under one pair, every disclosure is
one that the issuer signed, and (of a presentation) both halves of the holder's pair signed exactly these
disclosures for this nonce and audience, just now.

Status is not looked at here: see `status_list.py` and `service.py`. Bytes: `docs/spec/credentials.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from telesphor.capabilities.identity.credentials.compact import compact_of
from telesphor.capabilities.identity.credentials.disclosures import (
    Hidden,
    hide_factors,
    match_disclosures,
    read_disclosure,
)
from telesphor.capabilities.identity.credentials.halves import HALVES, require_suite, sign_half, verify_half
from telesphor.capabilities.identity.credentials.key_binding import bind_key, sd_jwt_of, verify_key_binding
from telesphor.capabilities.identity.credentials.model import (
    LIMITS,
    Credential,
    CredentialClaims,
    CredentialHead,
    Factor,
    IssuedCredential,
    Limits,
    PresentedCredential,
)
from telesphor.capabilities.identity.credentials.refusals import (
    CredentialExpired,
    CredentialKeysMismatch,
    CredentialMalformed,
    CredentialNotYetValid,
    CredentialSignatureRefused,
    FactorMissing,
    FactorsRefused,
    HolderMismatch,
    KeyBindingUnexpected,
)
from telesphor.capabilities.identity.credentials.serialization import (
    SD_ALG,
    Document,
    Payload,
    Signed,
    header_of,
    read_document,
    type_of,
    write_document,
)
from telesphor.kernel import base64url, canonical
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import SigningKey, VerifyKey


def issue_credential(
    claims: CredentialClaims,
    factors: Sequence[Factor],
    *,
    issuer: SigningKey,
    holder: VerifyKey,
    random: Callable[[int], bytes],
) -> IssuedCredential:
    """Issue a credential of one group with these factors, each its own disclosure, decoys among them.

    Args:
        random: `n -> n` random bytes, for salts and decoys.

    Raises:
        FactorsRefused, FactorNameRefused: what is claimed is out of bounds.
        SuiteMismatch: a pair is not Ed25519 with ML-DSA-65.
    """
    require_suite(holder)
    hidden = hide_factors(factors, random=random)
    payload = canonical.encode(_payload_of(claims, hidden, issuer=issuer.public, holder=holder))
    text = base64url.encode(payload)
    _check_payload(payload)
    signatures = [_sign(half, payload, issuer) for half in HALVES]
    serialized = write_document(text, signatures, disclosures=hidden.disclosures)
    document = read_document(serialized, bytes_max=LIMITS.bytes_max)
    return IssuedCredential(serialized, compact_of(document), digest_of(payload))


def read_head(data: bytes, *, limits: Limits = LIMITS) -> CredentialHead:
    """What a credential, or a presentation, says of itself, unverified: who to ask for the issuer's keys.

    Raises:
        CredentialRefused: any of its subclasses that a malformed document is refused with.
    """
    document = read_document(data, bytes_max=limits.bytes_max)
    payload = document.payload
    status = payload.status.status_list if payload.status else None
    return CredentialHead(
        payload.iss,
        payload.keys,
        payload.group,  # type: ignore[arg-type]  # read_document lets known groups pass only
        digest_of(document.payload_bytes),
        status,
    )


def verify_credential(data: bytes, *, issuer: VerifyKey, now_ms: int, limits: Limits = LIMITS) -> Credential:
    """Verify a credential as its holder got it, or with fewer disclosures; never a presentation.

    1. It is well formed (`read_document`) and carries no key binding.
    2. It names the issuer's two keys, and both signatures verify.
    3. It has begun, and has not ended.
    4. Each disclosure is one that the issuer signed, once (`match_disclosures`).

    Raises:
        CredentialRefused: one subclass for each fault (`refusals.py`).
    """
    document = read_document(data, bytes_max=limits.bytes_max)
    if document.key_bindings != (None, None):
        raise KeyBindingUnexpected("this is a presentation of a credential, not the credential")
    return _verify(document, issuer=issuer, now_ms=now_ms, limits=limits)


def present(
    data: bytes,
    *,
    names: Sequence[str],
    holder: SigningKey,
    nonce: str,
    audience: str,
    issued_at_ms: int,
    limits: Limits = LIMITS,
) -> bytes:
    """Show exactly the named factors of a credential to one audience, in answer to one nonce.

    The issuer's signatures are not verified again; the holder did that when it took the credential.

    Raises:
        FactorMissing: the credential has no such factor, or it is named twice.
        HolderMismatch: the credential was issued to other keys.
        KeyBindingUnexpected: this is a presentation already.
        KeyBindingMalformed: the nonce or the audience is out of bounds.
        CredentialRefused: the document is malformed.
    """
    document = read_document(data, bytes_max=limits.bytes_max)
    if document.key_bindings != (None, None):
        raise KeyBindingUnexpected("a presentation cannot be presented again")
    if holder_of(document) != holder.public:
        raise HolderMismatch("the credential was not issued to these keys")
    shown = choose_disclosures(document, names)
    sd_jwt = sd_jwt_of(document.jwt(0), shown)
    bindings = bind_key(sd_jwt, holder=holder, nonce=nonce, audience=audience, issued_at_ms=issued_at_ms)
    return write_document(
        document.payload_text, document.signatures, disclosures=shown, key_bindings=bindings
    )


def verify_presentation(
    data: bytes, *, issuer: VerifyKey, nonce: str, audience: str, now_ms: int, limits: Limits = LIMITS
) -> PresentedCredential:
    """Verify what a holder shows.

    1. The credential in it verifies (`verify_credential`, steps 1 to 4).
    2. Both halves of the pair it was issued to bind it to this nonce, this audience and these disclosures, just
       now (`verify_key_binding`).

    Raises:
        CredentialRefused: one subclass for each fault (`refusals.py`).
    """
    document = read_document(data, bytes_max=limits.bytes_max)
    credential = _verify(document, issuer=issuer, now_ms=now_ms, limits=limits)
    binding = verify_key_binding(
        document, holder=credential.holder, nonce=nonce, audience=audience, now_ms=now_ms, limits=limits
    )
    return PresentedCredential(
        credential=credential,
        nonce=binding.nonce,
        audience=binding.aud,
        presented_ms=binding.iat * 1000,
        digest=digest_of(data),
    )


def choose_disclosures(document: Document, names: Sequence[str]) -> tuple[str, ...]:
    """The disclosures of exactly these factors, in the order of the credential; raises `FactorMissing`."""
    by_name = {read_disclosure(text).name: text for text in document.disclosures}
    if len(set(names)) != len(names) or not set(names) <= set(by_name):
        raise FactorMissing("a factor that should be shown is not in the credential, or is named twice")
    wanted = {by_name[name] for name in names}
    return tuple(text for text in document.disclosures if text in wanted)


def holder_of(document: Document) -> VerifyKey:
    """The pair that a credential was issued to; raises `CredentialMalformed` when it is none."""
    cnf = document.payload.cnf
    try:
        key = VerifyKey.from_jwks([msgspec.to_builtins(cnf.ed25519), msgspec.to_builtins(cnf.jwk)])
        require_suite(key)
    except TelesphorError as error:
        raise CredentialMalformed("the credential does not name a pair of keys of its holder") from error
    return key


def _payload_of(
    claims: CredentialClaims, hidden: Hidden, *, issuer: VerifyKey, holder: VerifyKey
) -> dict[str, object]:
    ed25519, ml_dsa = holder.jwks()
    payload: dict[str, object] = {
        "_sd": list(hidden.digests),
        "_sd_alg": SD_ALG,
        "cnf": {"ed25519": ed25519, "jwk": ml_dsa},
        "exp": claims.expires_ms // 1000,
        "group": claims.group,
        "iat": claims.issued_ms // 1000,
        "iss": claims.issuer,
        "keys": list(issuer.thumbprints()),
        "nbf": claims.not_before_ms // 1000,
        "vct": type_of(claims.group),
        "vouching": {"by": msgspec.to_builtins(hidden.vouchings), "of": list(hidden.vouched_as)},
    }
    if claims.subject is not None:
        payload["sub"] = claims.subject
    if claims.status is not None:
        payload["status"] = {"status_list": msgspec.to_builtins(claims.status)}
    return payload


def _check_payload(payload: bytes) -> None:
    """What could not be read again is not signed."""
    try:
        read = msgspec.convert(canonical.decode(payload, limit=len(payload)), Payload, strict=True)
    except msgspec.ValidationError:
        raise FactorsRefused("a claim of the credential is out of bounds") from None
    if not read.nbf < read.exp:
        raise FactorsRefused("the credential would end before it begins")


def _sign(half: int, payload: bytes, issuer: SigningKey) -> Signed:
    index = HALVES[half]
    protected = header_of(index, issuer.public.thumbprints())
    signature = sign_half(index, protected=protected, payload=payload, key=issuer)
    return Signed(base64url.encode(protected), signature)


def _verify(document: Document, *, issuer: VerifyKey, now_ms: int, limits: Limits) -> Credential:
    payload = document.payload
    if payload.keys != issuer.thumbprints():
        raise CredentialKeysMismatch("the credential is by other keys than its issuer's")
    for half in HALVES:
        protected, signature = document.signatures[half]
        verify_half(
            half,
            protected=protected,
            payload=document.payload_text,
            signature=signature,
            key=issuer,
            refusal=CredentialSignatureRefused("a signature of the issuer does not verify"),
        )
    _check_times(payload, now_ms=now_ms, limits=limits)
    factors = match_disclosures(
        document.disclosures,
        digests=payload.sd,
        vouchings=payload.vouching.by,
        vouched_as=payload.vouching.of,
    )
    return _credential_of(document, factors)


def _check_times(payload: Payload, *, now_ms: int, limits: Limits) -> None:
    if now_ms >= payload.exp * 1000:
        raise CredentialExpired("the credential has expired", hint="ask its issuer for a new one")
    if max(payload.nbf, payload.iat) * 1000 > now_ms + limits.clock_skew_ms:
        raise CredentialNotYetValid("the credential has not begun yet")


def _credential_of(document: Document, factors: tuple[Factor, ...]) -> Credential:
    payload = document.payload
    return Credential(
        group=payload.group,  # type: ignore[arg-type]  # read_document lets known groups pass only
        issuer=payload.iss,
        subject=payload.sub or None,
        factors=factors,
        holder=holder_of(document),
        issued_ms=payload.iat * 1000,
        not_before_ms=payload.nbf * 1000,
        expires_ms=payload.exp * 1000,
        status=payload.status.status_list if payload.status else None,
        digest=digest_of(document.payload_bytes),
    )
