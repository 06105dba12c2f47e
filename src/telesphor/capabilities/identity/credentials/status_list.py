"""Token Status Lists: whether each of many credentials still holds, in one signed list that is fetched whole.

draft-ietf-oauth-status-list: so many bits for each credential, from the lowest bit of the first byte upwards,
compressed with zlib, in a token of type `statuslist+jwt`. Ours is signed twice like a credential, in JWS JSON; the
compact form under ML-DSA-65 alone is cut out of it. What this module guarantees: a status is good only if a whole,
fresh list of a possible size, by both keys of whoever must sign it, says `valid` in that very place.

Start at `sign_status_list` and `check_status`. Bytes: `docs/spec/credentials.md`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from telesphor.capabilities.identity.credentials.halves import ALGS, HALVES, sign_half, verify_half
from telesphor.capabilities.identity.credentials.model import (
    CLOCK_SKEW_MS,
    STATUS_INDEX_MAX,
    Seconds,
    StatusReference,
    Uri,
)
from telesphor.capabilities.identity.credentials.refusals import (
    CredentialRevoked,
    CredentialSuspended,
    StatusIndexOutOfRange,
    StatusListMalformed,
    StatusListMismatch,
    StatusListSignatureRefused,
    StatusListSize,
    StatusListStale,
    StatusUnknown,
)
from telesphor.capabilities.identity.credentials.serialization import header_of
from telesphor.capabilities.identity.model import ThumbprintField
from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import SigningKey, VerifyKey

TYP = "statuslist+jwt"

LIST_ENTRIES = 65_536
"""Places of a list of ours: a credential hides among as many others as there are, and the list stays at 16 KiB."""

LIST_BITS: Literal[2] = 2
"""Valid, revoked, suspended."""

LIST_ENTRIES_MIN = 1_024
"""A shorter list would say by its very address whose credential is looked up."""

LIST_BYTES_MAX = (STATUS_INDEX_MAX + 1) * LIST_BITS // 8
"""The largest list of others that is inflated: 256 KiB."""

TOKEN_BYTES_MAX = 512 * 1024
"""A list that does not compress, in base64url twice over, and two signatures."""

LIFETIME_MS = 15 * 60 * 1000
"""A list of ours is good for this long: whoever cannot reach the node for longer must refuse."""

TTL_SECONDS = 60
"""How long a copy of our list should be used before it is fetched again."""

AGE_MS_MAX = 24 * 60 * 60 * 1000
"""However long a list says it is good for: a day-old status is no status."""

ZLIB_LEVEL = 9


class Status(IntEnum):
    """What a place says (section 7.1 of the draft)."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bits: Literal[1, 2]
    lst: Annotated[str, Meta(max_length=TOKEN_BYTES_MAX)]
    aggregation_uri: Uri | UnsetType = UNSET


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    iss: Uri
    sub: Uri
    iat: Seconds
    exp: Seconds
    ttl: Annotated[int, Meta(ge=1, le=AGE_MS_MAX // 1000)]
    keys: tuple[ThumbprintField, ThumbprintField]
    status_list: _List


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    protected: Annotated[str, Meta(max_length=1_024)]
    signature: Annotated[str, Meta(max_length=8_192)]


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: Annotated[str, Meta(max_length=TOKEN_BYTES_MAX)]
    signatures: Annotated[tuple[_Signature, ...], Meta(max_length=8)]


class SignedStatusList(NamedTuple):
    """A list to hand out: both signatures in JWS JSON, and the ML-DSA-65 one alone in compact form."""

    serialized: bytes
    compact: str
    expires_ms: int


class StatusList(NamedTuple):
    """A verified list.

    Attributes:
        statuses: packed, `bits` for each place.
        expires_ms: until when it may be used.
        refresh_ms: from when a fresh one should be fetched.
    """

    uri: str
    bits: int
    statuses: bytes
    expires_ms: int
    refresh_ms: int

    def status_at(self, index: int) -> int:
        """What the list says in this place; raises `StatusIndexOutOfRange`."""
        per_byte = 8 // self.bits
        at, place = divmod(index, per_byte)
        if index < 0 or at >= len(self.statuses):
            raise StatusIndexOutOfRange("the status list does not reach as far as the credential's place")
        return self.statuses[at] >> (place * self.bits) & ((1 << self.bits) - 1)


def pack_statuses(statuses: Mapping[int, Status], *, entries: int = LIST_ENTRIES) -> bytes:
    """A packed list of two bits each in which all places but these are valid.

    Raises:
        StatusIndexOutOfRange: a place beyond the list.
    """
    packed = bytearray(entries * LIST_BITS // 8)
    for index, status in statuses.items():
        if not 0 <= index < entries:
            raise StatusIndexOutOfRange("a place stands beyond the end of the status list")
        at, place = divmod(index, 8 // LIST_BITS)
        packed[at] |= status << (place * LIST_BITS)
    return bytes(packed)


def sign_status_list(
    packed: bytes, *, uri: str, issuer: str, key: SigningKey, issued_at_ms: int
) -> SignedStatusList:
    """Sign a packed list as of now, good for `LIFETIME_MS`.

    Args:
        uri: where the list is fetched; credentials name it.
        issuer: the identifier of whoever signs.
    """
    expires_ms = issued_at_ms // 1000 * 1000 + LIFETIME_MS
    keys = key.public.thumbprints()
    payload = canonical.encode(
        {
            "exp": expires_ms // 1000,
            "iat": issued_at_ms // 1000,
            "iss": issuer,
            "keys": list(keys),
            "status_list": {"bits": LIST_BITS, "lst": base64url.encode(zlib.compress(packed, ZLIB_LEVEL))},
            "sub": uri,
            "ttl": TTL_SECONDS,
        }
    )
    text = base64url.encode(payload)
    parts = []
    for half in HALVES:
        protected = header_of(half, keys, typ=TYP)
        signature = sign_half(half, protected=protected, payload=payload, key=key)
        parts.append({"protected": base64url.encode(protected), "signature": signature})
    compact = f"{parts[1]['protected']}.{text}.{parts[1]['signature']}"
    return SignedStatusList(canonical.encode({"payload": text, "signatures": parts}), compact, expires_ms)


def read_status_list(data: bytes, *, uri: str, issuer: VerifyKey, now_ms: int) -> StatusList:
    """Verify a whole list.

    1. It is not too large, canonical, and has exactly the claims of a list.
    2. It names the two keys of `issuer`, and both signatures verify.
    3. It is the list at this address.
    4. It is fresh: begun, not ended, at most a day old.
    5. It inflates to a size that a list may have, with nothing after it.

    Raises:
        StatusRefused: one subclass for each fault.
    """
    payload = _verify_token(data, issuer)
    if payload.sub != uri:
        raise StatusListMismatch("the status list is another one than the credential names")
    if (
        not payload.iat * 1000 - CLOCK_SKEW_MS
        <= now_ms
        < min(payload.exp * 1000, payload.iat * 1000 + AGE_MS_MAX)
    ):
        raise StatusListStale("the status list is too old, or from the future", hint="fetch it again")
    statuses = _inflate(payload.status_list.lst)
    if len(statuses) * 8 < LIST_ENTRIES_MIN * payload.status_list.bits:
        raise StatusListSize(f"the status list has fewer than `{LIST_ENTRIES_MIN}` places")
    expires_ms = min(payload.exp * 1000, payload.iat * 1000 + AGE_MS_MAX)
    refresh_ms = min(payload.iat * 1000 + payload.ttl * 1000, expires_ms)
    return StatusList(uri, payload.status_list.bits, statuses, expires_ms, refresh_ms)


def check_status(data: bytes, *, reference: StatusReference, issuer: VerifyKey, now_ms: int) -> StatusList:
    """Verify a whole list, and that it says `valid` in the credential's place.

    Raises:
        CredentialRevoked, CredentialSuspended, StatusUnknown: what the list says.
        StatusRefused: one subclass for each fault of the list (`read_status_list`).
    """
    found = read_status_list(data, uri=reference.uri, issuer=issuer, now_ms=now_ms)
    require_valid(found.status_at(reference.idx))
    return found


def require_valid(status: int) -> None:
    """Let only a valid status pass."""
    if status == Status.REVOKED:
        raise CredentialRevoked("the credential was revoked by its issuer")
    if status == Status.SUSPENDED:
        raise CredentialSuspended("the credential is suspended by its issuer")
    if status != Status.VALID:
        raise StatusUnknown("the status list gives a status that is not known here")


def _verify_token(data: bytes, issuer: VerifyKey) -> _Payload:
    if len(data) > TOKEN_BYTES_MAX:
        raise StatusListSize(f"a status list of `{len(data)}` bytes is larger than `{TOKEN_BYTES_MAX}`")
    form: _Form = _read(data, _Form)
    payload: _Payload = _read(_decode(form.payload), _Payload)
    if len(form.signatures) != len(ALGS):
        raise StatusListSignatureRefused("a status list has one Ed25519 and one ML-DSA-65 signature")
    if payload.keys != issuer.thumbprints():
        raise StatusListSignatureRefused("the status list is by other keys than it must be")
    for half in HALVES:
        signed = form.signatures[half]
        if _decode(signed.protected) != header_of(half, payload.keys, typ=TYP):
            raise StatusListSignatureRefused(
                "a header of the status list does not name its key and algorithm"
            )
        parts = {"protected": signed.protected, "payload": form.payload, "signature": signed.signature}
        refusal = StatusListSignatureRefused("a signature of the status list does not verify")
        verify_half(half, key=issuer, refusal=refusal, **parts)
    return payload


def _read(data: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.convert(canonical.decode(data, limit=TOKEN_BYTES_MAX), kind, strict=True)
    except (TelesphorError, msgspec.ValidationError):
        raise StatusListMalformed(
            "the status list is not canonical, or does not have exactly its claims"
        ) from None


def _decode(text: str) -> bytes:
    try:
        return base64url.decode(text)
    except TelesphorError as error:
        raise StatusListMalformed("a part of the status list is not canonical base64url") from error


def _inflate(text: str) -> bytes:
    """Inflate at most what a list may have: a few bytes of zlib can stand for gigabytes."""
    inflater = zlib.decompressobj()
    try:
        statuses = inflater.decompress(_decode(text), LIST_BYTES_MAX + 1)
    except zlib.error as error:
        raise StatusListMalformed("the status list is not zlib") from error
    if len(statuses) > LIST_BYTES_MAX:
        raise StatusListSize(f"the status list inflates to more than `{LIST_BYTES_MAX}` bytes")
    if not inflater.eof or inflater.unused_data:
        raise StatusListMalformed("the status list ends too early, or has bytes after its end")
    return statuses
