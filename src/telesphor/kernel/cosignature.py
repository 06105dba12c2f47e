"""Cosignatures: what a witness says of a checkpoint, signed twice at one stated time (C2SP tlog-cosignature).

A witness has two keys under one name and adds two lines to the note: a timestamped Ed25519 line (type 0x04)
and an ML-DSA-44 line (type 0x06). What this module guarantees: a cosignature counts when both lines are
there once, both verify over this checkpoint, and both state the same time; one line alone is refused.

Start at `Cosigner.cosign` and `verify_cosignature`. Bytes: `docs/spec/checkpoint.md`. The keys of one
witness are independent of its name in what Ed25519 signs, so one pair must never serve two names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from telesphor.kernel.checkpoint import (
    MLDSA44_TYPE,
    NUMBER_MAX,
    Checkpoint,
    CheckpointRefused,
    CosignatureVerifier,
    cosigned_message,
    cosigned_time,
    parse_checkpoint,
)
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.keypair import ED25519_PUBLIC_BYTES, ED25519_SIGNATURE_BYTES
from telesphor.kernel.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Note,
    NoteSignature,
    NoteSignatureRefused,
    NoteVerifier,
    Vkey,
    VkeyRefused,
    encode_vkey,
    format_note,
    parse_note,
    parse_vkey,
)
from telesphor.kernel.signing import HalfSignature, HybridSuite, SigningKey, VerifyKey

__all__ = [
    "COSIGNATURE_ED25519_TYPE",
    "Cosignature",
    "CosignatureMissing",
    "CosignatureRefused",
    "Cosigner",
    "CosignerKeys",
    "HalfSignature",
    "TimedEd25519Verifier",
    "append_signatures",
    "verify_cosignature",
]

COSIGNATURE_ED25519_TYPE: Final = 0x04

_TIME_BYTES: Final = 8


class CosignatureRefused(TelesphorError):
    """A witness's lines are there, but they do not verify or contradict each other."""

    code = "cosignature-refused"
    kind = Kind.UNAUTHENTICATED


class CosignatureMissing(TelesphorError):
    """The witness has not signed the note at all."""

    code = "cosignature-missing"
    kind = Kind.UNAUTHENTICATED


@dataclass(frozen=True)
class Cosigner:
    """The two signing keys of one witness or notary; their seeds never appear in the `repr`."""

    name: str
    ed25519_seed: bytes = field(repr=False)
    mldsa44_seed: bytes = field(repr=False)
    signing_key: SigningKey = field(init=False, repr=False, compare=False)
    """The same two keys as a pair that signs documents, such as the witness's card."""
    _vkeys: tuple[Vkey, Vkey] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = SigningKey(HybridSuite.WITNESS, self.ed25519_seed, self.mldsa44_seed)
        vkeys = (
            Vkey(self.name, COSIGNATURE_ED25519_TYPE, key.public.ed25519_pub),
            Vkey(self.name, MLDSA44_TYPE, key.public.mldsa_pub),
        )
        object.__setattr__(self, "signing_key", key)
        object.__setattr__(self, "_vkeys", vkeys)

    @staticmethod
    def generate(name: str) -> Cosigner:
        """Fresh keys from the random generator of the cryptographic library."""
        key = SigningKey.generate(HybridSuite.WITNESS)
        return Cosigner(name, key.ed25519_seed, key.mldsa_seed)

    def vkeys(self) -> tuple[str, str]:
        """The two verifier keys as text: Ed25519 (0x04), then ML-DSA-44 (0x06)."""
        return encode_vkey(self._vkeys[0]), encode_vkey(self._vkeys[1])

    @property
    def keys(self) -> CosignerKeys:
        """The public half."""
        return CosignerKeys(self.name, *self._vkeys)

    def cosign(self, checkpoint: Checkpoint, *, time_seconds: int) -> tuple[NoteSignature, NoteSignature]:
        """The two lines, Ed25519 first; both state `time_seconds`, POSIX time, not zero.

        Raises `CheckpointRefused` for a time that cannot be stated.
        """
        messages = (
            _timed_message(checkpoint.body(), time_seconds=time_seconds),
            cosigned_message(checkpoint, cosigner=self.name, time_seconds=time_seconds),
        )
        time = time_seconds.to_bytes(_TIME_BYTES, "big")
        ed25519, mldsa44 = (
            NoteSignature(self.name, vkey.key_id, time + half.sign(message))
            for vkey, half, message in zip(self._vkeys, self.signing_key._halves, messages, strict=True)
        )
        return ed25519, mldsa44


@dataclass(frozen=True)
class TimedEd25519Verifier:
    """Verifies lines of type 0x04: Ed25519 over the time and the text."""

    vkey: Vkey
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wrong_type = self.vkey.signature_type != COSIGNATURE_ED25519_TYPE
        if wrong_type or len(self.vkey.public_key) != ED25519_PUBLIC_BYTES:
            raise VkeyRefused("the verifier key is not an Ed25519 cosigner's key of type 4")
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.vkey.public_key))

    @property
    def name(self) -> str:
        return self.vkey.name

    @property
    def key_id(self) -> int:
        return self.vkey.key_id

    def verify(self, text: bytes, sig: bytes) -> None:
        if len(sig) != _TIME_BYTES + ED25519_SIGNATURE_BYTES:
            raise NoteSignatureRefused(f"the Ed25519 cosignature of `{self.name}` has the wrong size")
        message = _timed_message(text, time_seconds=cosigned_time(sig))
        try:
            self._key.verify(sig[_TIME_BYTES:], message)
        except InvalidSignature:
            raise NoteSignatureRefused(f"the Ed25519 cosignature of `{self.name}` does not verify") from None


@dataclass(frozen=True)
class CosignerKeys:
    """The public keys of one witness: its name, its Ed25519 key (0x04) and its ML-DSA-44 key (0x06)."""

    name: str
    ed25519: Vkey
    mldsa44: Vkey
    _verifiers: tuple[NoteVerifier, NoteVerifier] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if {self.ed25519.name, self.mldsa44.name} != {self.name}:
            raise VkeyRefused("the two keys of a witness must bear its name")
        verifiers = TimedEd25519Verifier(self.ed25519), CosignatureVerifier(self.mldsa44)
        object.__setattr__(self, "_verifiers", verifiers)

    @staticmethod
    def from_vkeys(vkeys: Sequence[str]) -> CosignerKeys:
        """Read the two vkeys, in either order. Raises `VkeyRefused` unless they are one of each type."""
        if isinstance(vkeys, str) or len(vkeys) != 2:
            raise VkeyRefused("a witness has exactly two keys: one Ed25519 and one ML-DSA-44")
        ed25519, mldsa44 = sorted(map(parse_vkey, vkeys), key=lambda vkey: vkey.signature_type)
        return CosignerKeys(ed25519.name, ed25519, mldsa44)

    def vkeys(self) -> tuple[str, str]:
        """Both as text: Ed25519, then ML-DSA-44."""
        return encode_vkey(self.ed25519), encode_vkey(self.mldsa44)

    @property
    def verify_key(self) -> VerifyKey:
        """The same two keys as a pair that verifies documents."""
        return VerifyKey(HybridSuite.WITNESS, self.ed25519.public_key, self.mldsa44.public_key)


@dataclass(frozen=True)
class Cosignature:
    """A cosignature whose two lines have been verified; `time_seconds` is the POSIX time both state."""

    keys: CosignerKeys
    time_seconds: int


def verify_cosignature(note: Note, keys: CosignerKeys) -> Cosignature:
    """Verify the two lines that the witness `keys` has under a checkpoint.

    1. At least one of its lines is there (`CosignatureMissing`), and 2. so is the other (`HalfSignature`).
    3. Neither is there twice. 4. The text is a checkpoint. 5. The Ed25519 line verifies, and 6. the
    ML-DSA-44 line verifies. 7. Both state the same time. Steps 3 to 7 raise `CosignatureRefused`.
    """
    lines = _lines_of(note, keys)
    try:
        parse_checkpoint(note.text)
        for verifier, line in zip(keys._verifiers, lines, strict=True):
            verifier.verify(note.text, line.signature)
    except (CheckpointRefused, NoteSignatureRefused) as error:
        raise CosignatureRefused(f"the cosignature of `{keys.name}` is refused: {error.message}") from error
    ed25519_time, mldsa44_time = (cosigned_time(line.signature) for line in lines)
    if ed25519_time != mldsa44_time:
        # Each half alone could be moved to another time; only what both say is said.
        raise CosignatureRefused(f"the two lines of `{keys.name}` state two times")
    return Cosignature(keys, ed25519_time)


def append_signatures(note: bytes, lines: Sequence[NoteSignature]) -> bytes:
    """The note with more lines under those that it has; nothing is verified.

    The new lines come in the order of their names, the shorter first, in whatever order they are given.
    Raises `CosignatureRefused` for a second line of one key, and `LimitExceeded` beyond a note's bounds.
    """
    parsed = parse_note(note)
    added = sorted(lines, key=lambda line: (line.name, len(line.signature), line.key_id))
    joined = (*parsed.signatures, *added)
    if len(joined) > SIGNATURES_MAX:
        raise LimitExceeded(
            f"the note would have {len(joined)} signatures; at most {SIGNATURES_MAX} are read"
        )
    present = {(line.name, line.key_id) for line in parsed.signatures}
    for line in added:
        if (line.name, line.key_id) in present:
            raise CosignatureRefused("the note already has a line of one of these keys")
        present.add((line.name, line.key_id))
    written = format_note(Note(parsed.text, joined))
    if len(written) > NOTE_BYTES_MAX:
        raise LimitExceeded(f"the note would be {len(written)} bytes; at most {NOTE_BYTES_MAX} are read")
    return written


def _timed_message(text: bytes, *, time_seconds: int) -> bytes:
    """What an Ed25519 cosigner signs: a header line, a line with the time, and the whole text."""
    if not 0 < time_seconds <= NUMBER_MAX:
        raise CheckpointRefused("a cosigned checkpoint must state its time in seconds")
    return f"cosignature/v1\ntime {time_seconds}\n".encode("ascii") + text


def _lines_of(note: Note, keys: CosignerKeys) -> tuple[NoteSignature, NoteSignature]:
    found = [_lines_under(note, verifier) for verifier in keys._verifiers]
    if not any(found):
        raise CosignatureMissing(f"the witness `{keys.name}` has not signed the checkpoint")
    for kind, lines in zip(("Ed25519", "ML-DSA-44"), found, strict=True):
        if not lines:
            raise HalfSignature(f"the {kind} line of the witness `{keys.name}` is missing")
    for lines in found:
        if len(lines) != 1:
            # Two lines of one key could state two times: there would be two readings.
            raise CosignatureRefused(f"a key of `{keys.name}` has signed the checkpoint more than once")
    return found[0][0], found[1][0]


def _lines_under(note: Note, verifier: NoteVerifier) -> list[NoteSignature]:
    named = (verifier.name, verifier.key_id)
    return [line for line in note.signatures if (line.name, line.key_id) == named]
