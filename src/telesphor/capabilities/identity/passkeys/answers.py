"""Answers of authenticators, verified by `webauthn` (W3C Web Authentication, sections 7.1 and 7.2).

Done before the writer, and remembered: the writer asks again and finds it done. A bad answer is no exception
here but a `Failed`, because that it was refused is a fact that the writer records. Whether the challenge is the
one that waits, and the counter higher than before, only the writer can know.

Start at `verify_attestation` and `verify_assertion`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Final, TypeVar

from msgspec import Struct
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import (
    decode_credential_public_key,
    parse_attestation_object,
    parse_authenticator_data,
    parse_client_data_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    AuthenticatorData,
    RegistrationCredential,
)

from telesphor.capabilities.identity.passkeys.model import ALGORITHMS, ATTESTATIONS, RelyingParty
from telesphor.kernel import base64url

ANSWERS_REMEMBERED_MAX: Final = 512
"""Of each sort; more than come in a second anywhere, and under 25 MB with the longest answers."""

T = TypeVar("T")

CREATE: Final = "webauthn.create"
GET: Final = "webauthn.get"


class Attested(Struct, frozen=True):
    """A new passkey that verified: the challenge it answered, its id, its public key (COSE), its counter."""

    challenge: bytes
    credential: bytes
    public_key: bytes
    algorithm: int
    count: int


class Asserted(Struct, frozen=True):
    """A passkey's signature that verified under the key that came with it."""

    challenge: bytes
    count: int


class Failed(Struct, frozen=True):
    """An answer that did not verify, and why, in a word."""

    cause: str


class _Refused(Exception):
    """Carries the cause out of a check."""


@lru_cache(maxsize=ANSWERS_REMEMBERED_MAX)
def verify_attestation(client_data: str, attestation: str, party: RelyingParty) -> Attested | Failed:
    """Verify the answer to a challenge to register (base64url of `clientDataJSON` and `attestationObject`)."""
    return _caught(lambda: _attest(base64url.decode(client_data), base64url.decode(attestation), party))


@lru_cache(maxsize=ANSWERS_REMEMBERED_MAX)
def verify_assertion(
    credential: str,
    public_key: str,
    client_data: str,
    authenticator_data: str,
    signature: str,
    party: RelyingParty,
) -> Asserted | Failed:
    """Verify the answer to a challenge to sign in, under the public key (COSE) that is given; all in base64url."""
    parts = (credential, public_key, client_data, authenticator_data, signature)
    return _caught(lambda: _assert(*map(base64url.decode, parts), party=party))


def _caught(verify: Callable[[], T]) -> T | Failed:
    try:
        return verify()
    except _Refused as refused:
        return Failed(str(refused))
    except Exception:  # noqa: BLE001  bytes from anywhere go through three parsers that are not ours
        return Failed("answer-malformed")


def _attest(client_data: bytes, attestation: bytes, party: RelyingParty) -> Attested:
    challenge, origin = _check_client_data(client_data, CREATE, party)
    parsed = parse_attestation_object(attestation)
    if parsed.fmt not in ATTESTATIONS:
        raise _Refused("attestation-unknown")
    _check_authenticator(parsed.auth_data, party)
    if parsed.auth_data.attested_credential_data is None:
        raise _Refused("credential-missing")
    raw_id = parsed.auth_data.attested_credential_data.credential_id
    answer = RegistrationCredential(
        id=base64url.encode(raw_id),
        raw_id=raw_id,
        response=AuthenticatorAttestationResponse(
            client_data_json=client_data, attestation_object=attestation
        ),
    )
    found = _verified(
        lambda: verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(value) for value in ALGORITHMS],
        )
    )
    algorithm = int(decode_credential_public_key(found.credential_public_key).alg)
    return Attested(challenge, found.credential_id, found.credential_public_key, algorithm, found.sign_count)


def _assert(
    credential: bytes,
    public_key: bytes,
    client_data: bytes,
    authenticator_data: bytes,
    signature: bytes,
    *,
    party: RelyingParty,
) -> Asserted:
    challenge, origin = _check_client_data(client_data, GET, party)
    _check_authenticator(parse_authenticator_data(authenticator_data), party)
    answer = AuthenticationCredential(
        id=base64url.encode(credential),
        raw_id=credential,
        response=AuthenticatorAssertionResponse(
            client_data_json=client_data, authenticator_data=authenticator_data, signature=signature
        ),
    )
    found = _verified(
        lambda: verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,  # the writer compares it with the last one
            require_user_verification=True,
        )
    )
    return Asserted(challenge, found.new_sign_count)


def _check_client_data(data: bytes, type: str, party: RelyingParty) -> tuple[bytes, str]:
    said = parse_client_data_json(data)
    if said.type != type:
        raise _Refused("purpose-other")
    # In a frame of another site the person could be made to touch the key for something that it does not see.
    if not party.takes(said.origin) or said.cross_origin:
        raise _Refused("origin-other")
    return said.challenge, said.origin


def _check_authenticator(data: AuthenticatorData, party: RelyingParty) -> None:
    if data.rp_id_hash != sha256(party.id.encode()).digest():
        raise _Refused("party-other")
    if not (data.flags.up and data.flags.uv):
        raise _Refused("user-not-verified")


def _verified(verify: Callable[[], T]) -> T:
    try:
        return verify()
    except WebAuthnException:
        raise _Refused("signature-refused") from None
