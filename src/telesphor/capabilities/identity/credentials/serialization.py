"""The bytes of a credential: JWS JSON, General serialization (RFC 9901, section 8), in one canonical form.

Two signatures over one payload, Ed25519 and then ML-DSA-65; the first signature's unprotected header holds the
disclosures and, in a presentation, the two key bindings. What this module guarantees: a document has exactly one
spelling, and its headers name exactly the algorithms and keys that must verify.

Nothing here verifies a signature. Start at `read_document` and `write_document`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from telesphor.capabilities.identity.credentials.disclosures import DISCLOSURE_CHARS_MAX
from telesphor.capabilities.identity.credentials.halves import ALGS
from telesphor.capabilities.identity.credentials.model import (
    CREDENTIAL_BYTES_MAX,
    DIGESTS_MAX,
    VOUCHINGS_MAX,
    Group,
    Seconds,
    StatusReference,
    Uri,
    Vouching,
)
from telesphor.capabilities.identity.credentials.refusals import (
    CredentialAlgorithmRefused,
    CredentialHalfMissing,
    CredentialHashRefused,
    CredentialHeaderRefused,
    CredentialMalformed,
    CredentialTooLarge,
    CredentialTypeUnknown,
)
from telesphor.capabilities.identity.model import AkpJwk, OkpJwk, ThumbprintField
from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import TelesphorError

TYP = "dc+sd-jwt"
"""The media type of an SD-JWT VC in its header (draft-ietf-oauth-sd-jwt-vc, section 2.2.1)."""

SD_ALG = "sha-256"

_Text = Annotated[str, Meta(max_length=CREDENTIAL_BYTES_MAX)]
_Digest = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z", max_length=43)]
_Index = Annotated[int, Meta(ge=0, lt=VOUCHINGS_MAX)]


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The holder's pair (RFC 7800): `jwk` is what an ML-DSA verifier off the shelf looks for."""

    jwk: AkpJwk
    ed25519: OkpJwk


class VouchingTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who vouches for what: for each digest of `_sd`, in its place, an index into `by`."""

    by: Annotated[tuple[Vouching, ...], Meta(min_length=1, max_length=VOUCHINGS_MAX)]
    of: Annotated[tuple[_Index, ...], Meta(max_length=DIGESTS_MAX)]


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the issuer signs."""

    vct: Annotated[str, Meta(max_length=128)]
    group: str
    iss: Uri
    iat: Seconds
    nbf: Seconds
    exp: Seconds
    cnf: Confirmation
    keys: tuple[ThumbprintField, ThumbprintField]
    vouching: VouchingTable
    sd: Annotated[tuple[_Digest, ...], Meta(min_length=1, max_length=DIGESTS_MAX)] = msgspec.field(name="_sd")
    sd_alg: Annotated[str, Meta(max_length=32)] = msgspec.field(name="_sd_alg")
    sub: Uri | UnsetType = UNSET
    status: StatusClaim | UnsetType = UNSET


class StatusClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `status` claim of a credential (Token Status List, section 6)."""

    status_list: StatusReference


class Signed(NamedTuple):
    """One signature, as it travels: header and signature in base64url."""

    protected: str
    signature: str


class Document(NamedTuple):
    """A credential or presentation that is well formed. Its payload is a claim until both halves verify.

    Attributes:
        payload_text: base64url of the payload, as it travels.
        key_bindings: of a presentation, the key binding JWTs by ML-DSA-65 and by Ed25519.
    """

    payload: Payload
    payload_text: str
    payload_bytes: bytes
    signatures: tuple[Signed, Signed]
    disclosures: tuple[str, ...]
    key_bindings: tuple[str | None, str | None]

    def jwt(self, half: Literal[0, 1]) -> str:
        """The issuer-signed JWT of one half, in compact form."""
        protected, signature = self.signatures[half]
        return f"{protected}.{self.payload_text}.{signature}"


class _Unprotected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    disclosures: Annotated[
        tuple[Annotated[str, Meta(max_length=DISCLOSURE_CHARS_MAX)], ...], Meta(max_length=DIGESTS_MAX)
    ]
    kb_jwt: _Text | None = None
    kb_jwt_ed25519: _Text | None = None


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    protected: _Text
    signature: _Text
    header: _Unprotected | None = None


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: _Text
    signatures: Annotated[tuple[_Signature, ...], Meta(max_length=8)]


def type_of(group: str) -> str:
    """The `vct` of a group's credentials; the number at its end is the version of the format."""
    return f"urn:telesphor:credential:{group}:1"


def header_of(half: Literal[0, 1], keys: Sequence[str], *, typ: str = TYP) -> bytes:
    """The one protected header that a half may have, as canonical JSON."""
    return canonical.encode({"alg": ALGS[half], "kid": keys[half], "typ": typ})


def write_document(
    payload_text: str,
    signatures: Sequence[Signed],
    *,
    disclosures: Sequence[str],
    key_bindings: tuple[str, str] | None = None,
) -> bytes:
    """The canonical bytes of a credential, or of a presentation when there are key bindings."""
    header: dict[str, Any] = {"disclosures": list(disclosures)}
    if key_bindings is not None:
        header |= {"kb_jwt": key_bindings[0], "kb_jwt_ed25519": key_bindings[1]}
    parts: list[dict[str, Any]] = [signed._asdict() for signed in signatures]
    parts[0]["header"] = header
    return canonical.encode({"payload": payload_text, "signatures": parts})


def read_document(data: bytes, *, bytes_max: int) -> Document:
    """Parse a credential or a presentation strictly, using no key.

    1. It is not too large, and canonical JSON of this very form.
    2. It has two signatures, Ed25519 and then ML-DSA-65, whose headers name the keys that the payload names.
    3. Its payload is canonical, with exactly the claims of a credential.
    4. Its type is that of its group in a known version, and its hash is SHA-256.

    Raises:
        CredentialTooLarge, CredentialMalformed, CredentialHalfMissing, CredentialAlgorithmRefused,
        CredentialHeaderRefused, CredentialTypeUnknown, CredentialHashRefused
    """
    if len(data) > bytes_max:
        raise CredentialTooLarge(f"a credential of `{len(data)}` bytes is larger than `{bytes_max}`")
    form = _read(data, _Form, "the credential")
    payload_bytes = _decode(form.payload)
    signatures = _read_signatures(form.signatures)
    payload = _read(payload_bytes, Payload, "the payload of the credential")
    _check_headers(signatures, payload)
    _check_type(payload)
    header = form.signatures[0].header
    if header is None:
        raise CredentialMalformed("the first signature has no header with the disclosures")
    bindings = (header.kb_jwt, header.kb_jwt_ed25519)
    return Document(payload, form.payload, payload_bytes, signatures, header.disclosures, bindings)


def _read(data: bytes, kind: type[Any], what: str) -> Any:
    try:
        return msgspec.convert(canonical.decode(data, limit=len(data)), kind, strict=True)
    except TelesphorError as error:
        raise CredentialMalformed(f"{what} is not canonical JSON") from error
    except msgspec.ValidationError:
        raise CredentialMalformed(f"{what} does not have exactly the members it must have") from None


def _decode(text: str) -> bytes:
    try:
        return base64url.decode(text)
    except TelesphorError as error:
        raise CredentialMalformed("a part of the credential is not canonical base64url") from error


def _read_signatures(parts: Sequence[_Signature]) -> tuple[Signed, Signed]:
    algs = [_alg_of(part.protected) for part in parts]
    for alg in algs:
        # Told before the halves are counted: a signature by anything else is an attempt, not an omission.
        if alg not in ALGS:
            raise CredentialAlgorithmRefused("a signature is by an algorithm that signs no credentials")
    for alg in ALGS:
        if alg not in algs:
            raise CredentialHalfMissing(f"the {alg} signature of the issuer is missing")
    if tuple(algs) != ALGS or parts[1].header is not None:
        raise CredentialMalformed("a credential has one Ed25519 and then one ML-DSA-65 signature, no more")
    first, second = (Signed(part.protected, part.signature) for part in parts)
    for signed in (first, second):
        _decode(signed.signature)
    return first, second


def _alg_of(protected: str) -> object:
    try:
        header = canonical.decode(_decode(protected), limit=1_024)
    except TelesphorError as error:
        raise CredentialHeaderRefused("a protected header is not canonical JSON") from error
    return header.get("alg") if isinstance(header, dict) else None


def _check_headers(signatures: tuple[Signed, Signed], payload: Payload) -> None:
    for half, signed in enumerate(signatures):
        if _decode(signed.protected) != header_of(half, payload.keys):  # type: ignore[arg-type]  # 0 or 1
            raise CredentialHeaderRefused("a protected header is not exactly `alg`, `kid` and `typ`")


def _check_type(payload: Payload) -> None:
    if payload.group not in Group.__args__ or payload.vct != type_of(payload.group):  # type: ignore[attr-defined]
        raise CredentialTypeUnknown("the type of the credential is not one that is known here")
    if payload.sd_alg != SD_ALG:
        raise CredentialHashRefused(f"the disclosures are not hashed by `{SD_ALG}`")
    if len(payload.vouching.of) != len(payload.sd) or max(payload.vouching.of) >= len(payload.vouching.by):
        raise CredentialMalformed("the credential does not say of each digest who vouches for it")
