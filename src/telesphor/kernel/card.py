"""Cards: what a witness, a notary or a log says of itself, signed by the very keys it signs checkpoints with.

A card names who runs the keys and where: organisation, region, cloud, operator. What this module
guarantees: a `Card` that was read is signed by both of the keys it names, has one spelling, and is in force
for a bounded time. What it does not: that the words are true. Whoever trusts them pins the card.

Start at `sign_card` and `read_card`. Bytes: `docs/spec/witness-cards.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from telesphor.kernel import canonical
from telesphor.kernel.checkpoint import LogSigner, log_verifiers
from telesphor.kernel.clock import InvalidInstant, parse_instant
from telesphor.kernel.cosignature import Cosigner, CosignerKeys
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.note import encode_vkey, parse_vkey
from telesphor.kernel.signing import (
    HalfSignature,
    HybridSuite,
    SigningKey,
    VerifyKey,
    payload_digest,
    read_jws,
    sign_jws,
    verify_jws,
)

__all__ = [
    "CARD_BYTES_MAX",
    "CARD_DAYS_MAX",
    "Card",
    "CardRefused",
    "HalfSignature",
    "Role",
    "card_id",
    "read_card",
    "sign_card",
]

CARD_BYTES_MAX: Final = 16 * 1024
"""Two vkeys and two signatures in base64 are 8 KB."""
CARD_DAYS_MAX: Final = 1830
"""Five years: what a card says of a place or an operator must be said again now and then."""

_VERSION: Final = 1
_FORMAT: Final = "telesphor-witness-card/1"
_DAY_MS: Final = 24 * 60 * 60 * 1000
_WORDS: Final = ("organisation", "region", "cloud", "operator")
_WORD: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_MEMBERS: Final = frozenset(
    {"v", "format", "role", "name", *_WORDS, "vkeys", "keys", "issued_at", "expires_at"}
)


class CardRefused(TelesphorError):
    """The bytes are not a card, or not one that its own keys have signed."""

    code = "witness-card-refused"
    kind = Kind.UNAUTHENTICATED


class Role(StrEnum):
    """What the keys of a card sign."""

    WITNESS = "witness"
    NOTARY = "notary"
    LOG = "log"


@dataclass(frozen=True, kw_only=True)
class Card:
    """What the holder of a pair of keys says of itself.

    Attributes:
        role: what the keys sign.
        name: the name in both vkeys; for a log, its origin.
        organisation: who answers for the keys, such as `north.example`; so are the other words spelled.
        region: where the keys are.
        cloud: on whose machines.
        operator: who runs them.
        vkeys: Ed25519, then ML-DSA-44 (types 0x04 and 0x06; for a log 0x01 and 0x06).
        issued_at: instant from which the card is in force.
        expires_at: instant at which it is no longer, at most five years later.

    Raises:
        CardRefused: a field does not hold what it must.
    """

    role: Role
    name: str
    organisation: str
    region: str
    cloud: str
    operator: str
    vkeys: tuple[str, str]
    issued_at: str
    expires_at: str
    verify_key: VerifyKey = field(init=False, repr=False, compare=False)
    """The same two keys as a pair that verifies documents."""
    _keys: CosignerKeys | None = field(init=False, repr=False, compare=False)
    _term_ms: tuple[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", _role_of(self.role))
        for word in _WORDS:
            _check_word(word, getattr(self, word))
        verify_key, keys = _read_keys(self.role, self.name, self.vkeys)
        object.__setattr__(self, "verify_key", verify_key)
        object.__setattr__(self, "_keys", keys)
        object.__setattr__(self, "_term_ms", _term(self.issued_at, self.expires_at))

    @property
    def keys(self) -> CosignerKeys:
        """The keys that cosign. Raises `CardRefused` for the card of a log, whose keys do not."""
        if self._keys is None:
            raise CardRefused("the keys of a log's card sign its own checkpoints only")
        return self._keys

    @property
    def id(self) -> Digest:
        """The digest of what is signed; `card_id` finds the same in the signed bytes."""
        return digest_of(canonical.encode(_payload(self)))

    @property
    def claims(self) -> tuple[str, ...]:
        """All that it says but its term: a card that renews another says the same."""
        return (self.role, *(getattr(self, word) for word in _WORDS), *self.vkeys)

    def is_in_force(self, *, time_seconds: int) -> bool:
        """Whether the card speaks for a signature of that POSIX time.

        Signatures state whole seconds: the second in which the card was issued is in its term.
        """
        issued_ms, expires_ms = self._term_ms
        return issued_ms // 1000 <= time_seconds and time_seconds * 1000 < expires_ms


def sign_card(card: Card, key: Cosigner | LogSigner) -> bytes:
    """The card as a signed document (JWS). Raises `CardRefused` unless `key` holds the card's own keys."""
    if key.vkeys() != card.vkeys:
        raise CardRefused("a card is signed by the keys that it names")
    return sign_jws(_payload(card), _signing_key(key))


def read_card(data: bytes, *, limit: int = CARD_BYTES_MAX) -> Card:
    """Read a signed card, and verify both signatures under the keys that it names.

    1. The document is canonical and has both signatures (`HalfSignature` names the missing one).
    2. Its payload has exactly the members of a card, in this version. 3. Each holds what it must.
    4. Both signatures verify. Steps 2 to 4 raise `CardRefused`, a document that is too large
    `LimitExceeded`.
    """
    try:
        jws = read_jws(data, limit=limit)
        card = _card_of(jws.payload)
        verify_jws(jws, card.verify_key)
    except (CardRefused, HalfSignature, LimitExceeded):
        raise
    except TelesphorError as error:
        raise CardRefused(f"the card is refused: {error.message}", hint=error.hint) from error
    return card


def card_id(data: bytes) -> Digest:
    """The digest of the payload of a signed card: its name in pins. Verifies nothing."""
    return payload_digest(data, limit=CARD_BYTES_MAX)


def _payload(card: Card) -> dict[str, object]:
    return {
        "v": _VERSION,
        "format": _FORMAT,
        "role": str(card.role),
        "name": card.name,
        **{word: getattr(card, word) for word in _WORDS},
        "vkeys": list(card.vkeys),
        "keys": list(card.verify_key.thumbprints()),
        "issued_at": card.issued_at,
        "expires_at": card.expires_at,
    }


def _card_of(payload: Mapping[str, object]) -> Card:
    if set(payload) != _MEMBERS:
        raise CardRefused("the card does not have exactly the members of a card")
    if type(payload["v"]) is not int or payload["v"] != _VERSION or payload["format"] != _FORMAT:
        raise CardRefused(f"the card is not of the format `{_FORMAT}`")
    vkeys = payload["vkeys"]
    if not isinstance(vkeys, list) or len(vkeys) != 2:
        raise CardRefused("a card names exactly two keys")
    texts = {name: _text(payload[name], name) for name in _MEMBERS - {"v", "format", "vkeys", "keys"}}
    role = _role_of(texts.pop("role"))
    return Card(role=role, vkeys=(_text(vkeys[0], "vkeys"), _text(vkeys[1], "vkeys")), **texts)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise CardRefused(f"the card's `{name}` is not text")
    return value


def _role_of(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise CardRefused("the card's `role` is none of `witness`, `notary` and `log`") from None


def _check_word(name: str, value: object) -> None:
    if not isinstance(value, str) or _WORD.fullmatch(value) is None:
        raise CardRefused(
            f"the card's `{name}` is not a name of at most 64 characters",
            hint="use lower-case letters, digits, dots and hyphens, as in `north.example`",
        )


def _read_keys(role: Role, name: str, vkeys: tuple[str, str]) -> tuple[VerifyKey, CosignerKeys | None]:
    if not name.isprintable():
        # Names are shown to people in verdicts; a note's name may hold marks that turn text around.
        raise CardRefused("the card's `name` holds characters that cannot be shown")
    keys: CosignerKeys | None = None
    try:
        if role is Role.LOG:
            log_verifiers(name, vkeys)
            ed25519, mldsa44 = map(parse_vkey, vkeys)
        else:
            keys = CosignerKeys.from_vkeys(vkeys)
            ed25519, mldsa44 = keys.ed25519, keys.mldsa44
        pair = VerifyKey(HybridSuite.WITNESS, ed25519.public_key, mldsa44.public_key)
    except TelesphorError as error:
        raise CardRefused(f"the keys of the card are refused: {error.message}", hint=error.hint) from error
    if (encode_vkey(ed25519), encode_vkey(mldsa44)) != vkeys or ed25519.name != name:
        raise CardRefused("the keys of the card are not Ed25519 and then ML-DSA-44 under its name")
    return pair, keys


def _term(issued_at: str, expires_at: str) -> tuple[int, int]:
    try:
        issued_ms, expires_ms = parse_instant(issued_at), parse_instant(expires_at)
    except InvalidInstant as error:
        raise CardRefused(f"the term of the card is refused: {error.message}", hint=error.hint) from error
    if not 0 < expires_ms - issued_ms <= CARD_DAYS_MAX * _DAY_MS:
        raise CardRefused(f"a card is in force for some time and at most {CARD_DAYS_MAX} days")
    return issued_ms, expires_ms


def _signing_key(key: Cosigner | LogSigner) -> SigningKey:
    if isinstance(key, Cosigner):
        return key.signing_key
    return SigningKey(HybridSuite.WITNESS, key.ed25519_seed, key.mldsa44_seed)
