"""Disclosures: a salt, a factor's name and its value; the issuer signs only their digests.

`[salt, name, value]` as canonical JSON in base64url, digested by SHA-256 over that text (RFC 9901, sections 4.2
and 4.3). What this module guarantees: one spelling for each disclosure, names that are no claims of the
credential itself, and decoys that cannot be told from digests.

Start at `hide_factors` (the issuer) and `match_disclosures` (everyone else).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec

from telesphor.capabilities.identity.credentials.model import (
    DECOY_STEP,
    FACTORS_MAX,
    VALUE_CHARS_MAX,
    VOUCHINGS_MAX,
    Factor,
    FactorName,
    FactorValue,
    Vouching,
)
from telesphor.capabilities.identity.credentials.refusals import (
    CredentialTooLarge,
    DigestRepeated,
    DisclosureMalformed,
    DisclosureRepeated,
    DisclosureUnmatched,
    FactorNameRefused,
    FactorsRefused,
)
from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import TelesphorError

SALT_BYTES = 16
"""128 bits, as RFC 9901, section 9.3 recommends: nobody tries them all for a guessed value."""

SALT_CHARS_MIN = 22
"""16 bytes as base64url. A shorter salt would let a hidden value be guessed from its digest."""

DECOY_BYTES = 32

DISCLOSURE_CHARS_MAX = 6 * VALUE_CHARS_MAX * 4 // 3 + 512
"""The largest value with each character escaped (`\\u0000`), a name and a salt, in base64url."""

RESERVED_NAMES = frozenset(
    {"_sd", "_sd_alg", "aka_vcts", "aud", "cnf", "exp", "group", "iat", "iss", "jti", "keys", "nbf", "nonce"}
    | {"status", "sub", "vct", "vouching"}
)
"""Claims of the credential itself: a disclosure that could say one of these could change what was signed."""


class Hidden(NamedTuple):
    """Factors as the issuer signs them.

    Attributes:
        digests: of factors and decoys, sorted, so that their order says nothing.
        vouchings: the different ways of vouching.
        vouched_as: for each digest, the index of its vouching.
        disclosures: for the holder, in the order of the factors.
    """

    digests: tuple[str, ...]
    vouchings: tuple[Vouching, ...]
    vouched_as: tuple[int, ...]
    disclosures: tuple[str, ...]


class Disclosed(NamedTuple):
    """A disclosure that was read: its name and value, and the digest that it must be found under."""

    digest: str
    name: str
    value: FactorValue


class _Shape(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    salt: str
    name: str
    value: FactorValue


class _Named(msgspec.Struct, frozen=True):
    name: FactorName


def hide_factors(factors: Sequence[Factor], *, random: Callable[[int], bytes]) -> Hidden:
    """Salt each factor, add decoys, and sort the digests.

    Raises:
        FactorsRefused: none, too many, one name twice, too many ways of vouching, or a value out of bounds.
        FactorNameRefused: a name that no factor may have.
    """
    _check_factors(factors)
    vouchings = tuple(dict.fromkeys(factor.vouching for factor in factors))
    if len(vouchings) > VOUCHINGS_MAX:
        raise FactorsRefused(f"the factors are vouched for in more than `{VOUCHINGS_MAX}` ways")
    disclosures = tuple(_write_disclosure(factor, random(SALT_BYTES)) for factor in factors)
    places = [
        (disclosure_digest(text), vouchings.index(factor.vouching))
        for text, factor in zip(disclosures, factors, strict=True)
    ]
    # Decoys take the ways of vouching in turn, so that no way is known to be of so many factors.
    for number in range(_decoys_for(len(factors))):
        decoy = base64url.encode(sha256(random(DECOY_BYTES)).digest())
        places.append((decoy, number % len(vouchings)))
    places.sort()
    return Hidden(
        tuple(digest for digest, _ in places), vouchings, tuple(at for _, at in places), disclosures
    )


def disclosure_digest(text: str) -> str:
    """The digest of a disclosure, over its text as it travels (RFC 9901, section 4.2.3)."""
    return base64url.encode(sha256(text.encode("ascii")).digest())


def read_disclosure(text: str) -> Disclosed:
    """Parse one disclosure strictly.

    Raises:
        DisclosureMalformed: not a salt, a name and a plain value in canonical JSON and base64url.
        FactorNameRefused: a name that no factor may have.
    """
    if len(text) > DISCLOSURE_CHARS_MAX:
        raise DisclosureMalformed("a disclosure is larger than a factor can be")
    try:
        value = canonical.decode(base64url.decode(text), limit=DISCLOSURE_CHARS_MAX)
        shape = msgspec.convert(value, _Shape, strict=True)
    except (TelesphorError, msgspec.ValidationError):
        # What is wrong inside is not said: it would quote what was disclosed.
        raise DisclosureMalformed("a disclosure is not a salt, a name and a plain value") from None
    if len(shape.salt) < SALT_CHARS_MIN:
        raise DisclosureMalformed("the salt of a disclosure is too short")
    check_name(shape.name)
    return Disclosed(disclosure_digest(text), shape.name, shape.value)


def match_disclosures(
    texts: Sequence[str], *, digests: Sequence[str], vouchings: Sequence[Vouching], vouched_as: Sequence[int]
) -> tuple[Factor, ...]:
    """The factors that these disclosures show, in the order of their names.

    Raises:
        DigestRepeated: the issuer signed a digest twice.
        DisclosureMalformed, FactorNameRefused: as `read_disclosure`.
        DisclosureUnmatched: one is not among those that the issuer signed.
        DisclosureRepeated: one stands there twice, or two have one name.
        CredentialTooLarge: more than a credential can have.
    """
    places = dict(zip(digests, vouched_as, strict=True))
    if len(places) != len(digests):
        raise DigestRepeated("the credential has the same digest twice")
    if len(texts) > FACTORS_MAX:
        raise CredentialTooLarge(f"a credential has at most `{FACTORS_MAX}` disclosures")
    factors: dict[str, Factor] = {}
    for read in map(read_disclosure, texts):
        # A repetition is told before a mismatch: the second of two equal ones matches as well as the first.
        if read.name in factors:
            raise DisclosureRepeated("a disclosure, or the name in it, stands there twice")
        at = places.get(read.digest)
        if at is None:
            raise DisclosureUnmatched("a disclosure is not one that the issuer signed")
        factors[read.name] = Factor(name=read.name, value=read.value, vouching=vouchings[at])
    return tuple(factors[name] for name in sorted(factors))


def check_name(name: str) -> None:
    """Refuse a name that is no short lower-case word, or that of a claim of the credential itself."""
    try:
        msgspec.convert({"name": name}, _Named)
    except msgspec.ValidationError:
        raise FactorNameRefused("a factor's name is not a short lower-case word") from None
    if name in RESERVED_NAMES:
        raise FactorNameRefused("a factor has the name of a claim of the credential itself")


def _check_factors(factors: Sequence[Factor]) -> None:
    if not 1 <= len(factors) <= FACTORS_MAX:
        raise FactorsRefused(f"a credential has 1 to `{FACTORS_MAX}` factors, not `{len(factors)}`")
    if len({factor.name for factor in factors}) != len(factors):
        raise FactorsRefused("a factor stands there twice")
    for factor in factors:
        check_name(factor.name)
        try:
            msgspec.convert(msgspec.to_builtins(factor), Factor, strict=True)
        except msgspec.ValidationError:
            raise FactorsRefused("a factor's value or its vouching is out of bounds") from None


def _write_disclosure(factor: Factor, salt: bytes) -> str:
    return base64url.encode(canonical.encode([base64url.encode(salt), factor.name, factor.value]))


def _decoys_for(factors: int) -> int:
    return DECOY_STEP - factors % DECOY_STEP
