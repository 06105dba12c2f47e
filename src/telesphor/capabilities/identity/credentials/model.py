"""Values of credentials: factors, who vouches for them, what a credential claims, what verification returns.

What the ledger knows of credentials and issuers is in `standing.py`. All are frozen, and their bounds are checked
where bytes become values. Times are milliseconds inside; the format has whole seconds (JWT NumericDate).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from telesphor.kernel.digest import Digest
from telesphor.kernel.signing import VerifyKey

Group = Literal["identity", "licence", "insurance", "employment", "device"]
GROUPS: tuple[Group, ...] = ("identity", "licence", "insurance", "employment", "device")

FACTORS_MAX = 48
"""Factors of one group: no licence or identity document has as many fields."""

DIGESTS_MAX = 64
"""Factors and decoys together: the next multiple of `DECOY_STEP` above `FACTORS_MAX`, with room for others'."""

DECOY_STEP = 8
"""Decoys fill up to a multiple of this, one at least: the number of factors is known to within seven."""

VOUCHINGS_MAX = 16
"""Different ways in which the factors of one credential are vouched for."""

VALUE_CHARS_MAX = 512
"""A factor is a granular statement, such as a name, a state or a number; not a document."""

NAME_CHARS_MAX = 64
URI_CHARS_MAX = 255

CREDENTIAL_BYTES_MAX = 128 * 1024
"""Two public pairs, two signatures and 64 disclosures of the largest size come to under 100 KB."""

KEY_BINDING_AGE_MS = 10 * 60 * 1000
"""A presentation is made when it is asked for; ten minutes leave time to read what will be shown."""

CLOCK_SKEW_MS = 60 * 1000
"""How far another machine's clock may run ahead. The end of a credential gets no such allowance."""

FactorName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\Z", max_length=NAME_CHARS_MAX)]
FactorText = Annotated[str, Meta(max_length=VALUE_CHARS_MAX)]
FactorValue = bool | Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)] | FactorText
Uri = Annotated[str, Meta(pattern=r"^[!-~]+\Z", max_length=URI_CHARS_MAX)]
Seconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]
"""NumericDate up to the end of the year 9999."""

InstantText = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\Z", max_length=24)
]
Vouched = Literal["issuer", "self"]

STATUS_INDEX_MAX = 2**20 - 1


class Vouching(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who stands for a factor, and when it was last verified.

    Attributes:
        vouched: `issuer` when somebody checked it, `self` when the holder says so and nobody checked.
        vouched_by: the identifier of whoever checked it (the issuer itself, or the source it relied on), or
            of the holder.
        verified_at: an instant.
    """

    vouched: Vouched
    vouched_by: Uri
    verified_at: InstantText


class StatusReference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the status of a credential stands: a place in a Token Status List."""

    idx: Annotated[int, Meta(ge=0, le=STATUS_INDEX_MAX)]
    uri: Uri


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """One granular statement: `over_18` is true, `licensed_in` is `WA`."""

    name: FactorName
    value: FactorValue
    vouching: Vouching

    def __repr__(self) -> str:
        return "Factor(...)"  # A factor is a person's; it has no business in a log.

    @property
    def text(self) -> str:
        """The value as text: `true`, `false`, a decimal number, or the text itself."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialClaims:
    """What is claimed beside the factors.

    Attributes:
        issuer: its identifier, usually a `did:web`.
        subject: an opaque identifier of the holder, or nothing.
        issued_ms, not_before_ms, expires_ms: rounded down to whole seconds in the credential.
    """

    group: Group
    issuer: str
    issued_ms: int
    not_before_ms: int
    expires_ms: int
    subject: str | None = None
    status: StatusReference | None = None


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A fresh credential, as it is handed to its holder and to nobody else.

    Attributes:
        serialized: the hybrid form (JWS JSON, both signatures), with all disclosures.
        compact: the same payload under the ML-DSA-65 signature alone, for verifiers off the shelf.
        digest: of the payload's bytes; the one name of the credential on the ledger.
    """

    serialized: bytes
    compact: str
    digest: Digest

    def __repr__(self) -> str:
        return f"IssuedCredential({self.digest})"


@dataclass(frozen=True, slots=True)
class CredentialHead:
    """What a credential says of itself before anything is verified: enough to look its issuer up."""

    issuer: str
    keys: tuple[str, str]
    group: Group
    digest: Digest
    status: StatusReference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A verified credential: only what was disclosed is in `factors`, in the order of their names.

    Attributes:
        holder: the pair that it was issued to, and that must bind any presentation of it.
        digest: of the payload; the same for every presentation of this credential.
    """

    group: Group
    issuer: str
    subject: str | None
    factors: tuple[Factor, ...]
    holder: VerifyKey
    issued_ms: int
    not_before_ms: int
    expires_ms: int
    status: StatusReference | None
    digest: Digest

    def __repr__(self) -> str:
        return f"Credential({self.group}, {self.digest})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedCredential:
    """A verified presentation: the credential with the factors shown, bound by its holder.

    Attributes:
        presented_ms: when the holder signed it, by its own clock.
        digest: of the presentation's bytes.
    """

    credential: Credential
    nonce: str = field(repr=False)
    audience: str
    presented_ms: int
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is read, and how far clocks may differ."""

    bytes_max: int = CREDENTIAL_BYTES_MAX
    key_binding_age_ms: int = KEY_BINDING_AGE_MS
    clock_skew_ms: int = CLOCK_SKEW_MS


LIMITS = Limits()
