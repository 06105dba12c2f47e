"""Sealing to a recipient: HPKE with X-Wing, so that a recorded ciphertext outlives quantum computers.

`seal` and `unseal` are HPKE base mode (RFC 9180) with X-Wing (ML-KEM-768 with X25519), HKDF-SHA256
and AES-256-GCM, for one small secret and one recipient: a data key. An envelope (`seal_envelope`,
`open_envelope`) is one message sealed to several named recipients. What this module guarantees:

- what is sealed opens only for the purpose, object, recipient and role it was sealed for;
- every recipient of an envelope reads the same message: the message key is committed to
  (`chunked`), so no sender can show a monitor one text and a reader another;
- nobody can be added to or taken from the list of an envelope's recipients.

HPKE authenticates no sender: whoever needs to know who wrote signs the request around it.
Bytes: `docs/spec/sealing.md`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import shake_256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from telesphor.kernel import base64url, canonical, chunked
from telesphor.kernel.digest import Digest, digest_of, parse_digest
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError

SEED_BYTES: Final = 32
MLKEM_PUBLIC_BYTES: Final = 1184
PUBLIC_BYTES: Final = MLKEM_PUBLIC_BYTES + 32
ENC_BYTES: Final = 1088 + 32
SEAL_OVERHEAD: Final = ENC_BYTES + 16

SEAL_FORMAT: Final = "telesphor-seal/1"
ENVELOPE_FORMAT: Final = "telesphor-envelope/1"
# A sealed secret is a key or a short text; larger things are envelopes or objects.
SEAL_BYTES_MAX: Final = 64 * 1024
# A message, not a file: files are objects of the vault.
ENVELOPE_PLAINTEXT_MAX: Final = 1024 * 1024
# A care team with its monitors; each recipient costs 1.6 kB and a key agreement.
RECIPIENTS_MAX: Final = 256
# Purpose, object and role are names and ids.
NAME_CHARS_MAX: Final = 200
ENVELOPE_BYTES_MAX: Final = 3 * 1024 * 1024

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_CONTENT_KEY_BYTES: Final = 32


class SealRefused(TelesphorError):
    """What was sealed does not open: altered, or for another key, purpose, object or role."""

    code = "seal-refused"
    kind = Kind.CORRUPT


class NotARecipient(SealRefused):
    """It was not sealed to this key."""

    code = "not-a-recipient"
    kind = Kind.FORBIDDEN


class RecipientKeyRefused(TelesphorError):
    """The bytes are not an X-Wing key."""

    code = "recipient-key-refused"
    kind = Kind.INVALID


@dataclass(frozen=True)
class RecipientPublic:
    """An X-Wing public key: 1,216 bytes, the ML-KEM-768 key and then the X25519 key.

    Parsed once, when it is built; `RecipientKeyRefused` when it is none.
    """

    public_bytes: bytes = field(repr=False)
    _key: MLKEM768X25519PublicKey = field(init=False, repr=False, compare=False)
    _thumbprint: Digest = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.public_bytes) != PUBLIC_BYTES:
            raise RecipientKeyRefused(f"a recipient's public key must be exactly {PUBLIC_BYTES} bytes")
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(self.public_bytes[:MLKEM_PUBLIC_BYTES])
            x25519 = X25519PublicKey.from_public_bytes(self.public_bytes[MLKEM_PUBLIC_BYTES:])
        except ValueError as error:
            raise RecipientKeyRefused("the recipient's public key is not a valid key") from error
        object.__setattr__(self, "_key", MLKEM768X25519PublicKey(mlkem, x25519))
        object.__setattr__(self, "_thumbprint", digest_of(self.public_bytes))

    def thumbprint(self) -> Digest:
        """The digest of the public bytes: the name of the key."""
        return self._thumbprint


@dataclass(frozen=True)
class RecipientKey:
    """An X-Wing private key: a seed of 32 bytes that never appears in the `repr`.

    SHAKE256(seed, 96) gives the ML-KEM-768 seed (64 bytes, FIPS 203: d || z) and the X25519 secret
    (32 bytes), as X-Wing's key expansion says.
    """

    seed: bytes = field(repr=False)
    public: RecipientPublic = field(init=False, compare=False)
    _key: MLKEM768X25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise RecipientKeyRefused(f"a recipient's seed must be exactly {SEED_BYTES} bytes")
        expanded = shake_256(self.seed).digest(96)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        object.__setattr__(self, "public", RecipientPublic(public))
        object.__setattr__(self, "_key", MLKEM768X25519PrivateKey(mlkem, x25519))

    @staticmethod
    def generate() -> RecipientKey:
        """A fresh key from the operating system's randomness."""
        return RecipientKey(secrets.token_bytes(SEED_BYTES))

    def thumbprint(self) -> Digest:
        """The name of the key, the same as that of its public half."""
        return self.public.thumbprint()


@dataclass(frozen=True, slots=True)
class SealInfo:
    """What a sealed secret is bound to; HPKE's `info`, as it has no associated data here.

    Attributes:
        purpose: what it is sealed for, such as `object-key`.
        object: the id of what it belongs to.
        recipient: thumbprint of the recipient's public key.
        role: what the recipient is there, such as `reader` or `node`.
    """

    purpose: str
    object: str
    recipient: Digest
    role: str

    def __post_init__(self) -> None:
        for name, value in (("purpose", self.purpose), ("object", self.object), ("role", self.role)):
            _check_name(name, value)
        parse_digest(self.recipient)

    def encode(self) -> bytes:
        """The canonical bytes that go into the key schedule."""
        return canonical.encode(
            {
                "format": SEAL_FORMAT,
                "object": self.object,
                "purpose": self.purpose,
                "recipient": self.recipient,
                "role": self.role,
            }
        )


@dataclass(frozen=True, slots=True)
class EnvelopeHeader:
    """What an envelope shows without being opened.

    Attributes:
        purpose, object: what it was sealed for.
        recipients: thumbprint and role of each, in their order.
    """

    purpose: str
    object: str
    recipients: tuple[tuple[Digest, str], ...]


def seal(plaintext: bytes, *, recipient: RecipientPublic, info: SealInfo) -> bytes:
    """Seal a small secret to one recipient: the encapsulated key and then the ciphertext.

    The result is 1,136 bytes longer than `plaintext`. Raises `NotARecipient` when `info` names
    another key than `recipient`.
    """
    if len(plaintext) > SEAL_BYTES_MAX:
        raise LimitExceeded(f"at most {SEAL_BYTES_MAX} bytes are sealed at once, not {len(plaintext)}")
    _check_recipient(info, recipient)
    try:
        return _SUITE.encrypt(plaintext, recipient._key, info.encode())
    except ValueError as error:
        # An X25519 key of small order agrees on nothing secret (RFC 7748, section 6.1).
        raise RecipientKeyRefused("the recipient's public key cannot be sealed to") from error


def unseal(sealed: bytes, *, key: RecipientKey, info: SealInfo) -> bytes:
    """Open what `seal` made; `SealRefused` when anything of it or of `info` is not the same."""
    if not SEAL_OVERHEAD <= len(sealed) <= SEAL_BYTES_MAX + SEAL_OVERHEAD:
        raise SealRefused(f"nothing that is sealed is {len(sealed)} bytes long")
    _check_recipient(info, key.public)
    try:
        return _SUITE.decrypt(sealed, key._key, info.encode())
    except (InvalidTag, ValueError):
        raise SealRefused(
            "what is sealed does not open", hint="check the key, the purpose, the object and the role"
        ) from None


def seal_envelope(
    plaintext: bytes,
    *,
    recipients: Sequence[tuple[RecipientPublic, str]],
    purpose: str,
    object: str,
) -> bytes:
    """Seal one message to several recipients, each with a role; returns canonical JSON.

    A fresh message key is sealed to each of them, and the message is chunk-encrypted under it with
    the whole list as context, so that the list cannot change and the key is committed to.
    """
    if len(plaintext) > ENVELOPE_PLAINTEXT_MAX:
        raise LimitExceeded(f"an envelope holds at most {ENVELOPE_PLAINTEXT_MAX} bytes")
    _check_recipients([public.thumbprint() for public, _ in recipients])
    content_key = secrets.token_bytes(_CONTENT_KEY_BYTES)
    wraps: list[dict[str, str]] = []
    for public, role in recipients:
        info = SealInfo(purpose, object, public.thumbprint(), role)
        sealed = base64url.encode(seal(content_key, recipient=public, info=info))
        wraps.append({"recipient": info.recipient, "role": role, "sealed": sealed})
    header = {"format": ENVELOPE_FORMAT, "object": object, "purpose": purpose, "recipients": wraps, "v": 1}
    ciphertext = _encrypt(plaintext, content_key, _context(header))
    return canonical.encode({**header, "ciphertext": base64url.encode(ciphertext)})


def open_envelope(
    data: bytes,
    *,
    key: RecipientKey,
    purpose: str,
    object: str,
) -> bytes:
    """Open an envelope with the key of one of its recipients.

    Raises `NotARecipient` when it is not for this key and `SealRefused` for everything else: another
    purpose or object, a changed list, a wrap or a message that is not authentic.
    """
    envelope = _read_envelope(data)
    if envelope["purpose"] != purpose or envelope["object"] != object:
        raise SealRefused("the envelope was sealed for another purpose or object")
    wrap = _wrap_of(envelope["recipients"], key.thumbprint())
    info = SealInfo(purpose, object, key.thumbprint(), wrap["role"])
    content_key = unseal(_decode(wrap["sealed"]), key=key, info=info)
    if len(content_key) != _CONTENT_KEY_BYTES:
        raise SealRefused("the key of the envelope has the wrong size")
    return _decrypt(_decode(envelope["ciphertext"]), content_key, _context(envelope))


def read_header(data: bytes) -> EnvelopeHeader:
    """What an envelope says of itself, for whoever keeps it and cannot open it.

    INVARIANT: it opens for these recipients or for nobody: the list belongs to what the message is bound to. Whether
    each `sealed` opens only its recipient can tell.

    Raises:
        LimitExceeded, SealRefused: it is no envelope; what does not open for anybody may still pass.
    """
    envelope = _read_envelope(data)
    for wrap in envelope["recipients"]:
        if len(_decode(wrap["sealed"])) != _CONTENT_KEY_BYTES + SEAL_OVERHEAD:
            raise SealRefused("a key of the envelope is not sealed as keys are")
    try:
        chunked.plaintext_size(len(_decode(envelope["ciphertext"])))
    except chunked.ChunkedRefused as error:
        raise SealRefused("the message of the envelope has no possible size") from error
    named = tuple((parse_recipient(wrap["recipient"]), wrap["role"]) for wrap in envelope["recipients"])
    return EnvelopeHeader(envelope["purpose"], envelope["object"], named)


def parse_recipient(text: str) -> Digest:
    """The thumbprint of a recipient's key, as a digest; raises `SealRefused`."""
    try:
        parse_digest(text)
    except TelesphorError as error:
        raise SealRefused("a recipient of the envelope is not named by a key's digest") from error
    return Digest(text)


def _encrypt(plaintext: bytes, content_key: bytes, context: bytes) -> bytes:
    keys = chunked.MessageKeys.derive(content_key, secrets.token_bytes(chunked.SALT), context)
    return keys.header() + keys.seal_chunks(plaintext, first_chunk=0, final=True)


def _decrypt(ciphertext: bytes, content_key: bytes, context: bytes) -> bytes:
    try:
        chunked.plaintext_size(len(ciphertext))
        header = ciphertext[: chunked.HEADER]
        keys = chunked.MessageKeys.derive(content_key, header[: chunked.SALT], context)
        keys.check_header(header)
        return bytes(keys.open_chunks(ciphertext[chunked.HEADER :], first_chunk=0, final=True))
    except chunked.ChunkedRefused as error:
        raise SealRefused(f"the message of the envelope is not authentic: {error.message}") from error


def _context(header: Mapping[str, Any]) -> bytes:
    """What the message is bound to: everything of the envelope but the wraps and the message."""
    named = [{"recipient": wrap["recipient"], "role": wrap["role"]} for wrap in header["recipients"]]
    bound = {name: header[name] for name in ("format", "object", "purpose", "v")}
    return canonical.encode({**bound, "recipients": named})


_ENVELOPE_MEMBERS: Final = {"ciphertext", "format", "object", "purpose", "recipients", "v"}
_WRAP_MEMBERS: Final = {"recipient", "role", "sealed"}


def _read_envelope(data: bytes) -> dict[str, Any]:
    try:
        envelope = canonical.decode(data, limit=ENVELOPE_BYTES_MAX)
    except LimitExceeded:
        raise
    except TelesphorError as error:
        raise SealRefused(f"the envelope is not canonical JSON: {error.message}") from error
    if not isinstance(envelope, dict) or set(envelope) != _ENVELOPE_MEMBERS:
        raise SealRefused("an envelope must have exactly its own members")
    if envelope["format"] != ENVELOPE_FORMAT or type(envelope["v"]) is not int or envelope["v"] != 1:
        raise SealRefused(f"an envelope must be of the format `{ENVELOPE_FORMAT}`")
    wraps = envelope["recipients"]
    if not isinstance(wraps, list) or not all(_is_wrap(wrap) for wrap in wraps):
        raise SealRefused("the recipients of the envelope are not a list of wraps")
    _check_recipients([wrap["recipient"] for wrap in wraps])
    return envelope


def _is_wrap(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == _WRAP_MEMBERS
        and all(isinstance(member, str) for member in value.values())
    )


def _wrap_of(wraps: list[dict[str, str]], thumbprint: Digest) -> dict[str, str]:
    for wrap in wraps:
        if wrap["recipient"] == thumbprint:
            return wrap
    raise NotARecipient("the envelope was not sealed to this key")


def _check_recipients(thumbprints: Sequence[str]) -> None:
    if not 1 <= len(thumbprints) <= RECIPIENTS_MAX:
        raise SealRefused(f"an envelope has between 1 and {RECIPIENTS_MAX} recipients")
    if len(set(thumbprints)) != len(thumbprints):
        raise SealRefused("a recipient is named twice in the envelope")


def _check_recipient(info: SealInfo, public: RecipientPublic) -> None:
    if info.recipient != public.thumbprint():
        raise NotARecipient("it is sealed to another key than this one")


def _check_name(name: str, value: str) -> None:
    if not 1 <= len(value) <= NAME_CHARS_MAX:
        raise SealRefused(f"the {name} must be a text of 1 to {NAME_CHARS_MAX} characters")


def _decode(text: object) -> bytes:
    try:
        return base64url.decode(text) if isinstance(text, str) else b""
    except TelesphorError as error:
        raise SealRefused("a part of the envelope is not canonical base64url") from error
