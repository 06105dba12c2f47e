"""Values of passkeys: bounds, the challenge, what is asked of browsers, and what can be refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from telesphor.kernel import base64url, canonical
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import RecordedRefusal

CHALLENGE_FORMAT: Final = "telesphor-passkey/1"
DOCUMENT_FORMAT: Final = "telesphor-passkey-document/1"

CHALLENGE_MS: Final = 300_000
"""Time to find the key and touch it; as long as a signed request is good for."""

PASSKEYS_MAX: Final = 16
"""Phones, laptops and security keys of one person; all of them are offered to the browser at once."""

COUNT_MAX: Final = 2**32 - 1
"""A signature counter has four bytes (WebAuthn, section 6.1)."""

ALGORITHMS: Final = (-49, -48, -50, -8, -7, -257)
"""COSE algorithms taken, best first: ML-DSA-65, ML-DSA-44, ML-DSA-87, EdDSA, ES256, RS256 (Windows Hello)."""

ATTESTATIONS: Final = frozenset({"none", "packed"})
"""Nobody's roots are trusted here, so that other statements would only be more to parse."""

ATTESTATION_CHARS_MAX: Final = 24_576
"""An ML-DSA-87 key of 2.6 KB, a self attestation of 4.6 KB and their names, in base64url, and as much again."""

ClientDataField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=4_096)]
AttestationField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=ATTESTATION_CHARS_MAX)]
AuthenticatorDataField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=4_096)]
SignatureField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=8_192)]
CredentialIdField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=1_364)]
"""A credential id has at most 1,023 bytes (WebAuthn, section 4)."""
PublicKeyField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", max_length=4_096)]
DigestField = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
NonceField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{22}$", max_length=22)]
CountField = Annotated[int, Meta(ge=0, le=COUNT_MAX)]
CauseField = Annotated[str, Meta(pattern="^[a-z-]{1,64}$", max_length=64)]

Purpose = Literal["register", "sign-in"]

_LOCAL: Final = re.compile(r"https?://localhost(:[0-9]{1,5})?")
Assurance = Literal["key", "passkey"]


class RelyingParty(Struct, frozen=True):
    """For whom passkeys are made: a domain, and the web origins under it that may ask for them.

    Attributes:
        id: the domain, such as `node.example`; passkeys are bound to it for good.
        origins: such as `https://node.example`, exactly as browsers write them.
    """

    id: str
    origins: tuple[str, ...]

    @staticmethod
    def of(host: str) -> RelyingParty:
        """The party of a node that answers by HTTPS at `host`, with its port where that is not 443."""
        return RelyingParty(host.partition(":")[0], (f"https://{host}",))

    def takes(self, origin: str) -> bool:
        """Whether a browser at this origin may ask for the party's passkeys.

        Of the site `localhost` any port may, also without TLS: browsers take that name for this machine alone
        (W3C Secure Contexts, section 3.1), and whoever serves there reaches the person's browser anyway.
        """
        if origin in self.origins:
            return True
        return self.id == "localhost" and _LOCAL.fullmatch(origin) is not None


class Offered(Struct, frozen=True):
    """One of the person's passkeys, as its browser needs it to ask for it."""

    credential: str
    public_key: str
    transports: tuple[str, ...]


class Challenge(Struct, frozen=True):
    """What a browser is to answer, and with which keys it may: the members of WebAuthn's options."""

    challenge: str
    expires_at: str
    rp: str
    algorithms: tuple[int, ...]
    passkeys: tuple[Offered, ...]


def derive_challenge(*, purpose: str, actor: str, key_id: str, nonce: str) -> bytes:
    """The 32 bytes that an authenticator signs: they name the person's own pair, and are good for one purpose."""
    said = [CHALLENGE_FORMAT, purpose, actor, key_id, nonce]
    return bytes.fromhex(digest_of(canonical.encode(said)).removeprefix("sha256:"))


def digest_of_text(text: str) -> str:
    """Digest of bytes that travel as base64url."""
    return digest_of(base64url.decode(text))


def write_document(**members: Any) -> bytes:
    """What is kept of a passkey beside its entry."""
    return canonical.encode({"format": DOCUMENT_FORMAT, **members})


class PasskeyRefused(RecordedRefusal):
    """The authenticator's answer is not one to this challenge, or does not verify; its cause is on the ledger."""

    code = "passkey-refused"
    kind = Kind.UNAUTHENTICATED


class ChallengeMissing(TelesphorError):
    """No challenge of this purpose waits for an answer."""

    code = "passkey-challenge-missing"
    kind = Kind.CONFLICT


class PasskeyMissing(TelesphorError):
    """The person has no such passkey, or it counts no more."""

    code = "passkey-missing"
    kind = Kind.NOT_FOUND


class PasskeyExists(TelesphorError):
    """The passkey is registered already."""

    code = "passkey-exists"
    kind = Kind.CONFLICT


class PasskeyNeeded(TelesphorError):
    """The person did not sign in lately by a passkey it has."""

    code = "passkey-needed"
    kind = Kind.FORBIDDEN


class TooManyPasskeys(TelesphorError):
    """The person has as many passkeys as one may have."""

    code = "passkeys-too-many"
    kind = Kind.CONFLICT
