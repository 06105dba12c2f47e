"""C2SP signed notes: a text and the signature lines under it.

`parse_note` reads the shape, `open_note` also verifies: signatures of unknown keys are ignored,
a known key whose signature fails condemns the whole note, and at least one known key must have
signed. A verifier key travels as one line of text, a vkey. What this module guarantees: there is
one reading of each note (strict base64, no control characters, bounded size and count).

Source: c2sp.org/signed-note. Bytes: `docs/spec/checkpoint.md`. What our notes say is in `checkpoint`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from telesphor.kernel import base64url
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError

# Room for a hundred post-quantum signatures (ML-DSA-87: 6.2 kB in base64) and a text.
NOTE_BYTES_MAX: Final = 1024 * 1024
# The specification asks for at least 16; a log has its own two and those of its witnesses.
SIGNATURES_MAX: Final = 100
# A name is written into a field with one length byte (tlog-cosignature).
NAME_BYTES_MAX: Final = 255
KEY_ID_BYTES: Final = 4

ED25519_TYPE: Final = 0x01

_PREFIX: Final = "— "
_VKEY_CHARS_MAX: Final = 8192
# A verification meets each of a dozen keys some five times; the longest of keys are 10 KB with their text.
_VKEYS_KEPT_MAX: Final = 64
_CONTROLS: Final = bytes({*range(0x20)} - {0x0A})  # all below a space but the newline
_NOT_IN_NAMES: Final = re.compile(r"[\s+\x00-\x1f\ud800-\udfff]")  # `\s` is every space of Unicode


class NoteRefused(TelesphorError):
    """A note that must not be believed."""

    code = "note-refused"
    kind = Kind.UNAUTHENTICATED


class NoteMalformed(NoteRefused):
    """The bytes are not a signed note."""

    code = "note-malformed"
    kind = Kind.INVALID


class NoteUnsigned(NoteRefused):
    """No key that is known has signed the note."""

    code = "note-unsigned"


class NoteSignatureRefused(NoteRefused):
    """A signature of a known key does not verify."""

    code = "note-signature-refused"


class VkeyRefused(TelesphorError):
    """The text is not a verifier key."""

    code = "vkey-refused"
    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who signed (name and key id, a 32-bit number) and the signature bytes."""

    name: str
    key_id: int
    signature: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not 0 <= self.key_id < 2**32 or not self.signature:
            raise NoteMalformed("a signature has a key id of 32 bits and at least one byte")


@dataclass(frozen=True, slots=True)
class Note:
    """The text, with its last newline, and the signature lines in their order; nothing is verified."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


class NoteVerifier(Protocol):
    """A key that is known: it verifies the signatures that bear its name and key id."""

    @property
    def name(self) -> str: ...

    @property
    def key_id(self) -> int: ...

    def verify(self, text: bytes, sig: bytes) -> None:
        """Raise `NoteSignatureRefused` unless `sig` is this key's signature of the note's text."""
        ...


@dataclass(frozen=True, slots=True)
class Vkey:
    """A verifier key: name, signature type and public key; the key id follows from them."""

    name: str
    signature_type: int
    public_key: bytes = field(repr=False)
    key_id: int = field(init=False, compare=False)
    """The first four bytes of SHA-256(name || newline || type || public key)."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not 0 < self.signature_type < 0xFF or not self.public_key:
            raise VkeyRefused("a verifier key has a signature type and a public key")
        named = self.name.encode() + b"\n" + bytes([self.signature_type]) + self.public_key
        key_id = int.from_bytes(sha256(named).digest()[:KEY_ID_BYTES], "big")
        object.__setattr__(self, "key_id", key_id)


@dataclass(frozen=True)
class Ed25519Verifier:
    """Verifies lines of type 0x01: Ed25519 over the text (RFC 8032)."""

    vkey: Vkey
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.vkey.signature_type != ED25519_TYPE or len(self.vkey.public_key) != 32:
            raise VkeyRefused("the verifier key is not an Ed25519 key of type 1")
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.vkey.public_key))

    @property
    def name(self) -> str:
        return self.vkey.name

    @property
    def key_id(self) -> int:
        return self.vkey.key_id

    def verify(self, text: bytes, sig: bytes) -> None:
        try:
            self._key.verify(sig, text)
        except InvalidSignature:
            raise NoteSignatureRefused(f"the Ed25519 signature of `{self.name}` does not verify") from None


def parse_note(data: bytes) -> Note:
    """Read the shape of a signed note; verifies nothing. Raises `LimitExceeded`, `NoteMalformed`."""
    if len(data) > NOTE_BYTES_MAX:
        raise LimitExceeded(f"the note is {len(data)} bytes; at most {NOTE_BYTES_MAX} are read")
    decoded = _decode_text(data)
    # The text is separated from the signatures by the last empty line.
    head, separator, tail = decoded.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise NoteMalformed("the note has no signature lines after an empty line")
    return Note((head + "\n").encode(), _parse_lines(tail))


def format_note(note: Note) -> bytes:
    """The bytes of a note; `parse_note` reads them back to the same value."""
    if not note.text.endswith(b"\n"):
        raise NoteMalformed("the text of a note must end in a newline")
    if not note.signatures:
        raise NoteMalformed("a note has at least one signature")
    return note.text + b"\n" + format_signatures(note.signatures)


def parse_signatures(data: bytes) -> tuple[NoteSignature, ...]:
    """Read signature lines that travel without their note, as a witness answers (tlog-witness).

    Raises `LimitExceeded`, `NoteMalformed`.
    """
    if len(data) > NOTE_BYTES_MAX:
        raise LimitExceeded(f"the signature lines are {len(data)} bytes; at most {NOTE_BYTES_MAX} are read")
    decoded = _decode_text(data)
    if not decoded.endswith("\n"):
        raise NoteMalformed("signature lines end in a newline")
    return _parse_lines(decoded)


def format_signatures(signatures: Sequence[NoteSignature]) -> bytes:
    """The bytes of signature lines; `parse_signatures` reads them back."""
    return b"".join(map(_format_line, signatures))


def open_note(data: bytes, verifiers: Sequence[NoteVerifier]) -> tuple[Note, tuple[NoteVerifier, ...]]:
    """Read a note and verify it under the known keys; returns it with the keys that have signed.

    1. Parse. 2. Ignore signatures of unknown keys. 3. Refuse the note when a signature of a known
    key fails (`NoteSignatureRefused`). 4. Refuse it when no known key has signed (`NoteUnsigned`).
    """
    note = parse_note(data)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    if len(known) != len(verifiers):
        raise VkeyRefused("two of the known keys have the same name and key id")
    verified: list[NoteVerifier] = []
    for line in note.signatures:
        verifier = known.get((line.name, line.key_id))
        if verifier is None:
            continue
        verifier.verify(note.text, line.signature)
        if verifier not in verified:
            verified.append(verifier)
    if not verified:
        raise NoteUnsigned("no known key has signed the note")
    return note, tuple(verified)


def encode_vkey(vkey: Vkey) -> str:
    """The text form: name, `+`, eight hex digits of key id, `+`, base64 of type and public key."""
    encoded = base64url.std_encode(bytes([vkey.signature_type]) + vkey.public_key)
    return f"{vkey.name}+{vkey.key_id:08x}+{encoded}"


def parse_vkey(text: str) -> Vkey:
    """Read the text form strictly; the key id must be the one that follows from the key."""
    if len(text) > _VKEY_CHARS_MAX:
        raise LimitExceeded(f"a verifier key has at most {_VKEY_CHARS_MAX} characters")
    return _parse_vkey(text)


@lru_cache(maxsize=_VKEYS_KEPT_MAX)
def _parse_vkey(text: str) -> Vkey:
    # Neither a name nor a key id may hold a plus sign, but base64 may.
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise VkeyRefused("a verifier key is a name, a key id and a key, joined by `+`")
    try:
        encoded = base64url.std_decode(parts[2])
        vkey = Vkey(parts[0], encoded[0] if encoded else 0, encoded[1:])
    except (NoteMalformed, base64url.NotBase64) as error:
        raise VkeyRefused(f"not a verifier key: {error.message}") from error
    if parts[1] != f"{vkey.key_id:08x}":
        raise VkeyRefused("the key id of the verifier key does not follow from its name and key")
    return vkey


def _decode_text(data: bytes) -> str:
    try:
        decoded = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NoteMalformed("the note is not UTF-8") from None
    # In UTF-8 these bytes are never a part of another character.
    if len(data.translate(None, _CONTROLS)) != len(data):
        raise NoteMalformed("the note holds a control character")
    return decoded


def _parse_lines(tail: str) -> tuple[NoteSignature, ...]:
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise LimitExceeded(f"the note has {len(lines)} signatures; at most {SIGNATURES_MAX} are read")
    return tuple(map(_parse_line, lines))


def _parse_line(line: str) -> NoteSignature:
    if not line.startswith(_PREFIX):
        raise NoteMalformed("a signature line must begin with an em dash and a space")
    name, space, encoded = line[len(_PREFIX) :].partition(" ")
    if not space:
        raise NoteMalformed("a signature line must have a name and a signature")
    try:
        signature = base64url.std_decode(encoded)
    except base64url.NotBase64 as error:
        raise NoteMalformed("a signature line is not canonical base64") from error
    if len(signature) <= KEY_ID_BYTES:
        raise NoteMalformed("a signature line is too short to hold a key id and a signature")
    key_id = int.from_bytes(signature[:KEY_ID_BYTES], "big")
    return NoteSignature(name, key_id, signature[KEY_ID_BYTES:])


def _format_line(line: NoteSignature) -> bytes:
    encoded = base64url.std_encode(line.key_id.to_bytes(KEY_ID_BYTES, "big") + line.signature)
    return f"{_PREFIX}{line.name} {encoded}\n".encode()


def _check_name(name: str) -> None:
    if not name or len(name.encode("utf-8", "surrogatepass")) > NAME_BYTES_MAX:
        raise NoteMalformed(f"a key name has between 1 and {NAME_BYTES_MAX} bytes")
    if _NOT_IN_NAMES.search(name):
        raise NoteMalformed("a key name holds no spaces, no `+` and no control characters")
