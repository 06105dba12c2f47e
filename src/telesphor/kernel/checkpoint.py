"""Checkpoints: the signed tree head of a ledger (C2SP tlog-checkpoint), signed twice by its log.

A checkpoint is a signed note of three lines: origin, size, root. The log signs it with an Ed25519
line (type 0x01) and an ML-DSA-44 line (type 0x06, a tlog-cosignature, which also states the time).
What this module guarantees: `open_checkpoint` returns only what both lines of the log verify, for
the one origin that was asked for. Start at `LogSigner.sign` and `open_checkpoint`.

Bytes: `docs/spec/checkpoint.md`. Extension lines are refused: ML-DSA lines do not sign them, so
they would be signed by one half only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from telesphor.kernel import base64url
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.note import (
    ED25519_TYPE,
    Ed25519Verifier,
    Note,
    NoteRefused,
    NoteSignature,
    NoteSignatureRefused,
    NoteVerifier,
    Vkey,
    VkeyRefused,
    encode_vkey,
    format_note,
    open_note,
    parse_vkey,
)
from telesphor.kernel.signing import HalfSignature, KeyRefused

__all__ = [
    "Checkpoint",
    "CheckpointRefused",
    "CosignatureVerifier",
    "HalfSignature",
    "LogSigner",
    "SignedCheckpoint",
    "cosigned_message",
    "log_verifiers",
    "open_checkpoint",
    "parse_checkpoint",
]

MLDSA44_TYPE: Final = 0x06
MLDSA44_PUBLIC_BYTES: Final = 1312
MLDSA44_SIGNATURE_BYTES: Final = 2420
SEED_BYTES: Final = 32
ROOT_BYTES: Final = 32
# An origin is written into a field with one length byte (tlog-cosignature).
ORIGIN_BYTES_MAX: Final = 255
# tlog-cosignature bounds times by 2^63; the same bound keeps sizes within a signed 64-bit column.
NUMBER_MAX: Final = 2**63 - 1

_LABEL: Final = b"subtree/v1\n\x00"
_TIME_BYTES: Final = 8


class CheckpointRefused(TelesphorError):
    """The checkpoint is malformed, of another log, or not one to be believed."""

    code = "checkpoint-refused"
    kind = Kind.UNAUTHENTICATED


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: whose tree, how many leaves, and its RFC 6962 root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        _check_origin(self.origin)
        if not 0 <= self.size <= NUMBER_MAX:
            raise CheckpointRefused("the size of a tree must be between 0 and 2^63 - 1")
        if len(self.root) != ROOT_BYTES:
            raise CheckpointRefused(f"the root of a tree must be {ROOT_BYTES} bytes")

    def body(self) -> bytes:
        """The text of the note: three lines, each ended by a newline."""
        return f"{self.origin}\n{self.size}\n{base64url.std_encode(self.root)}\n".encode()


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose two log lines have been verified.

    Attributes:
        checkpoint: the tree head.
        time_seconds: POSIX time that the log states in its ML-DSA-44 line.
        note: the exact bytes, with all signature lines, those of witnesses too.
    """

    checkpoint: Checkpoint
    time_seconds: int
    note: bytes


def parse_checkpoint(text: bytes | str) -> Checkpoint:
    """Read the text of a checkpoint's note strictly. Raises `CheckpointRefused`."""
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError:
        raise CheckpointRefused("the checkpoint is not UTF-8") from None
    lines = decoded.split("\n")
    if len(lines) != 4 or lines[3]:
        raise CheckpointRefused("a checkpoint has exactly three lines: origin, size and root")
    if not _DECIMAL.fullmatch(lines[1]):
        raise CheckpointRefused("the size of the checkpoint is not a canonical decimal number")
    try:
        root = base64url.std_decode(lines[2])
    except base64url.NotBase64 as error:
        raise CheckpointRefused("the root of the checkpoint is not canonical base64") from error
    return Checkpoint(lines[0], int(lines[1]), root)


_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_NOT_IN_ORIGINS: Final = re.compile(r"[\s+\x00-\x1f\ud800-\udfff]")  # `\s` is every space of Unicode


@dataclass(frozen=True)
class LogSigner:
    """The two signing keys of one log; their seeds never appear in the `repr`."""

    origin: str
    ed25519_seed: bytes = field(repr=False)
    mldsa44_seed: bytes = field(repr=False)
    _ed25519: Ed25519PrivateKey = field(init=False, repr=False, compare=False)
    _mldsa44: MLDSA44PrivateKey = field(init=False, repr=False, compare=False)
    _vkeys: tuple[Vkey, Vkey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_origin(self.origin)
        for seed in (self.ed25519_seed, self.mldsa44_seed):
            if len(seed) != SEED_BYTES:
                raise KeyRefused(f"a seed of the log must be exactly {SEED_BYTES} bytes")
        ed25519 = Ed25519PrivateKey.from_private_bytes(self.ed25519_seed)
        mldsa44 = MLDSA44PrivateKey.from_seed_bytes(self.mldsa44_seed)
        vkeys = (
            Vkey(self.origin, ED25519_TYPE, ed25519.public_key().public_bytes_raw()),
            Vkey(self.origin, MLDSA44_TYPE, mldsa44.public_key().public_bytes_raw()),
        )
        object.__setattr__(self, "_ed25519", ed25519)
        object.__setattr__(self, "_mldsa44", mldsa44)
        object.__setattr__(self, "_vkeys", vkeys)

    @staticmethod
    def generate(origin: str) -> LogSigner:
        """Fresh keys from the random generator of the cryptographic library."""
        return LogSigner(
            origin,
            Ed25519PrivateKey.generate().private_bytes_raw(),
            MLDSA44PrivateKey.generate().private_bytes_raw(),
        )

    def vkeys(self) -> tuple[str, str]:
        """The two verifier keys of the log as text: Ed25519, then ML-DSA-44."""
        return encode_vkey(self._vkeys[0]), encode_vkey(self._vkeys[1])

    def sign(self, checkpoint: Checkpoint, *, time_seconds: int) -> bytes:
        """The signed note, with both lines. `time_seconds` is POSIX time, not zero.

        Raises `CheckpointRefused` when the checkpoint is of another origin.
        """
        if checkpoint.origin != self.origin:
            raise CheckpointRefused("the log signs checkpoints of its own origin only")
        text = checkpoint.body()
        signatures = (self._ed25519.sign(text), self._cosign(checkpoint, time_seconds))
        lines = tuple(
            NoteSignature(vkey.name, vkey.key_id, signature)
            for vkey, signature in zip(self._vkeys, signatures, strict=True)
        )
        return format_note(Note(text, lines))

    def _cosign(self, checkpoint: Checkpoint, time_seconds: int) -> bytes:
        message = cosigned_message(checkpoint, cosigner=self.origin, time_seconds=time_seconds)
        return time_seconds.to_bytes(_TIME_BYTES, "big") + self._mldsa44.sign(message)


@dataclass(frozen=True)
class CosignatureVerifier:
    """Verifies lines of type 0x06: ML-DSA-44 over the cosigned message, time included.

    It serves the log's own line and the lines of witnesses alike.
    """

    vkey: Vkey
    _key: MLDSA44PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.vkey.signature_type != MLDSA44_TYPE or len(self.vkey.public_key) != MLDSA44_PUBLIC_BYTES:
            raise VkeyRefused("the verifier key is not an ML-DSA-44 key of type 6")
        object.__setattr__(self, "_key", MLDSA44PublicKey.from_public_bytes(self.vkey.public_key))

    @property
    def name(self) -> str:
        return self.vkey.name

    @property
    def key_id(self) -> int:
        return self.vkey.key_id

    def verify(self, text: bytes, sig: bytes) -> None:
        if len(sig) != _TIME_BYTES + MLDSA44_SIGNATURE_BYTES:
            raise NoteSignatureRefused(f"the ML-DSA-44 signature of `{self.name}` has the wrong size")
        checkpoint = parse_checkpoint(text)
        message = cosigned_message(checkpoint, cosigner=self.name, time_seconds=cosigned_time(sig))
        try:
            self._key.verify(sig[_TIME_BYTES:], message)
        except InvalidSignature:
            raise NoteSignatureRefused(f"the ML-DSA-44 signature of `{self.name}` does not verify") from None


def cosigned_time(signature: bytes) -> int:
    """The POSIX time, in seconds, at the head of a timestamped signature."""
    return int.from_bytes(signature[:_TIME_BYTES], "big")


def cosigned_message(checkpoint: Checkpoint, *, cosigner: str, time_seconds: int) -> bytes:
    """The `cosigned_message` that an ML-DSA-44 cosigner signs (tlog-cosignature), from leaf zero."""
    if not 0 < time_seconds <= NUMBER_MAX:
        raise CheckpointRefused("a cosigned checkpoint must state its time in seconds")
    origin, name = checkpoint.origin.encode(), cosigner.encode()
    return b"".join(
        (
            _LABEL,
            bytes([len(name)]) + name,
            time_seconds.to_bytes(8, "big"),
            bytes([len(origin)]) + origin,
            bytes(8),  # start: a checkpoint is the subtree from leaf zero
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def open_checkpoint(data: bytes, *, origin: str, vkeys: Sequence[str]) -> SignedCheckpoint:
    """Verify a signed checkpoint under both keys of the log `origin`.

    1. The two keys are an Ed25519 and an ML-DSA-44 key, both named `origin`.
    2. The note is well formed, and every line of a known key verifies (`open_note`).
    3. Both keys have signed, each once; else `HalfSignature` names the missing line.
    4. The text is a checkpoint of `origin`.

    Raises `CheckpointRefused` or `HalfSignature`.
    """
    verifiers = log_verifiers(origin, vkeys)
    try:
        note, verified = open_note(data, verifiers)
    except NoteRefused as error:
        raise CheckpointRefused(f"the checkpoint is refused: {error.message}") from error
    lines = [_line_of(note, verifier, verified) for verifier in verifiers]
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise CheckpointRefused("the checkpoint is of another log than the one asked for")
    return SignedCheckpoint(checkpoint, cosigned_time(lines[1].signature), bytes(data))


def log_verifiers(origin: str, vkeys: Sequence[str]) -> tuple[NoteVerifier, NoteVerifier]:
    """What verifies the two lines of a log: Ed25519 (0x01), then ML-DSA-44. Raises `VkeyRefused`."""
    parsed = sorted(map(parse_vkey, vkeys), key=lambda vkey: vkey.signature_type)
    if [vkey.signature_type for vkey in parsed] != [ED25519_TYPE, MLDSA44_TYPE]:
        raise VkeyRefused("a log has exactly two keys: one Ed25519 and one ML-DSA-44")
    if any(vkey.name != origin for vkey in parsed):
        raise VkeyRefused("the keys of a log must bear its origin as their name")
    return Ed25519Verifier(parsed[0]), CosignatureVerifier(parsed[1])


def _line_of(note: Note, verifier: NoteVerifier, verified: tuple[NoteVerifier, ...]) -> NoteSignature:
    if verifier not in verified:
        kind = "Ed25519" if isinstance(verifier, Ed25519Verifier) else "ML-DSA-44"
        raise HalfSignature(f"the {kind} line of the log is missing from the checkpoint")
    lines = [line for line in note.signatures if (line.name, line.key_id) == (verifier.name, verifier.key_id)]
    if len(lines) != 1:
        # Two lines of one key could state two times: there would be two readings.
        raise CheckpointRefused("a key of the log has signed the checkpoint more than once")
    return lines[0]


def _check_origin(origin: str) -> None:
    if not origin or len(origin.encode("utf-8", "surrogatepass")) > ORIGIN_BYTES_MAX:
        raise CheckpointRefused(f"an origin has between 1 and {ORIGIN_BYTES_MAX} bytes")
    if _NOT_IN_ORIGINS.search(origin):
        raise CheckpointRefused("an origin holds no spaces, no `+` and no control characters")
