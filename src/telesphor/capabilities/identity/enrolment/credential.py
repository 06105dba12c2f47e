"""A maker's credential for one device: this pair is in a device of this model, with this serial number.

What an IDevID certificate (IEEE 802.1AR) says, as a JWS with two signatures (`docs/spec/enrolment.md`). The maker
signs it once, in the factory; it names no hospital and no owner. What this module guarantees: whatever
`verify_credential` returns is in its one canonical form and signed by both halves of the pair that it brings along.
Whether that pair is a maker's whom anybody trusts is for `service` to say.

Pure. Start at `make_credential` and `verify_credential`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, NamedTuple

import msgspec

from telesphor.capabilities.identity.enrolment.errors import CredentialRefused
from telesphor.capabilities.identity.enrolment.model import MakerNameField, ModelField, SignedCredential
from telesphor.capabilities.identity.model import (
    CommitmentField,
    InstantField,
    Jwks,
    ThumbprintField,
    read_jwks,
)
from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import HybridSuite, SigningKey, VerifyKey, read_jws, sign_jws, verify_jws
from telesphor.runtime.capability import Body

FORMAT: Final = "telesphor-device-credential/1"

CREDENTIAL_BYTES_MAX = 32 * 1024
"""One is about 16 KB: two pairs of 2.8 KB each and a few words, a third more as base64url, and 4.8 KB of signatures."""

CREDENTIALS_REMEMBERED_MAX = 256
"""More than a full request of enrolments, at 60 each; under 10 MB."""


class CredentialClaims(Body, frozen=True, kw_only=True):
    """What a maker says of one device.

    Attributes:
        keys: thumbprints of the maker's pair, which signs; `maker_jwks` is the pair itself.
        serial: commitment to the serial number, whose key the maker hands over with the device.
        device_keys: thumbprints of the device's pair; `device_jwks` is the pair itself.
    """

    format: Literal["telesphor-device-credential/1"]
    keys: tuple[ThumbprintField, ThumbprintField]
    maker: MakerNameField
    maker_jwks: Jwks
    model: ModelField
    serial: CommitmentField
    device_keys: tuple[ThumbprintField, ThumbprintField]
    device_jwks: Jwks
    not_before: InstantField
    not_after: InstantField


class VerifiedCredential(NamedTuple):
    """A credential whose two signatures verify under the pair that it brings along.

    Attributes:
        data: its canonical bytes; `digest` is theirs.
        begins_ms, ends_ms: its validity, both ends included.
    """

    claims: CredentialClaims
    maker: VerifyKey
    device: VerifyKey
    data: bytes
    digest: Digest
    begins_ms: int
    ends_ms: int


def make_credential(
    *,
    maker: str,
    key: SigningKey,
    model: str,
    serial: str,
    device: VerifyKey,
    begins_ms: int,
    ends_ms: int,
) -> bytes:
    """Sign a credential; returns its canonical bytes.

    Args:
        key: the maker's pair.
        serial: a commitment, never the number itself.

    Raises:
        CredentialRefused: what it would say is not what a credential may say.
    """
    payload = {
        "format": FORMAT,
        "keys": list(key.public.thumbprints()),
        "maker": maker,
        "maker_jwks": key.public.jwks(),
        "model": model,
        "serial": serial,
        "device_keys": list(device.thumbprints()),
        "device_jwks": device.jwks(),
        "not_before": format_instant(begins_ms),
        "not_after": format_instant(ends_ms),
    }
    data = sign_jws(payload, key)
    verify_credential(data)
    return data


def parse_credential(data: bytes) -> SignedCredential:
    """Make a credential's bytes what a command carries; raises `CredentialRefused`. Nothing is verified yet."""
    if len(data) > CREDENTIAL_BYTES_MAX:
        raise CredentialRefused(f"a maker's credential has at most `{CREDENTIAL_BYTES_MAX}` bytes")
    try:
        return msgspec.json.decode(data, type=SignedCredential)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CredentialRefused("the file is no maker's credential") from error


def encode_credential(credential: SignedCredential) -> bytes:
    """The canonical bytes of a credential as a command carries it."""
    return msgspec.json.encode(credential, order="sorted")


@lru_cache(maxsize=CREDENTIALS_REMEMBERED_MAX)
def verify_credential(data: bytes) -> VerifiedCredential:
    """Verify a credential under the pair that it brings along; the same bytes are verified once.

    1. It is a canonical JWS of at most `CREDENTIAL_BYTES_MAX` bytes, with two signatures.
    2. Its payload has exactly the claims of a credential, of the version known here.
    3. The pair it names signed it, both halves.
    4. The device's pair is of the actors' suite, is named by both thumbprints, and shares no key with the maker's.
    5. It does not end before it begins.

    Raises:
        CredentialRefused: it is not so.
    """
    try:
        jws = read_jws(data, limit=CREDENTIAL_BYTES_MAX)
        claims = msgspec.convert(jws.payload, CredentialClaims, strict=True)
        maker = read_jwks(claims.maker_jwks)
        verify_jws(jws, maker)
        device = _read_device(claims, maker)
        begins_ms, ends_ms = parse_instant(claims.not_before), parse_instant(claims.not_after)
    except CredentialRefused:
        raise
    except TelesphorError as error:
        raise CredentialRefused(
            f"the maker's credential is refused: {error.message}", hint=error.hint
        ) from error
    except msgspec.ValidationError as error:
        raise CredentialRefused("the maker's credential does not have exactly the claims of one") from error
    if ends_ms < begins_ms:
        raise CredentialRefused("the maker's credential ends before it begins")
    return VerifiedCredential(claims, maker, device, data, digest_of(data), begins_ms, ends_ms)


def _read_device(claims: CredentialClaims, maker: VerifyKey) -> VerifyKey:
    device = read_jwks(claims.device_jwks)
    if device.suite is not HybridSuite.ACTOR:
        raise CredentialRefused("the device's pair is not of the suite of actors")
    if device.thumbprints() != claims.device_keys:
        raise CredentialRefused("the maker's credential names other keys for the device than it holds")
    if set(device.thumbprints()) & set(maker.thumbprints()):
        raise CredentialRefused("the maker and the device share a key")
    return device
