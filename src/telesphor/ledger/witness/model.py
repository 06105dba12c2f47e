"""The request and the refusals of C2SP tlog-witness: text to values, values to text, nothing decided.

`parse_request` reads the body of `add-checkpoint` strictly, `format_request` writes it; they are inverse. Each
refusal carries the status that the specification gives it. What is verified, and in which order, is in
`witness`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from telesphor.kernel import base64url
from telesphor.kernel.checkpoint import NUMBER_MAX, Checkpoint, parse_checkpoint
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.merkle import HASH_BYTES
from telesphor.kernel.note import Note, parse_note

PROOF_LINES_MAX: Final = 63
"""tlog-witness: a consistency proof between trees of 64-bit sizes is never longer."""

REQUEST_BYTES_MAX: Final = 384 * 1024
"""A hundred ML-DSA-44 lines with the longest of names (3.5 kB each), as a notary is sent them, and the proof."""

SIZE_MEDIA_TYPE: Final = "text/x.tlog.size"
TEXT_MEDIA_TYPE: Final = "text/plain; charset=utf-8"

_OLD: Final = re.compile(rb"old (0|[1-9][0-9]{0,18})")


class WitnessRefusal(TelesphorError):
    """The witness does not cosign.

    Attributes:
        status: the HTTP status that tlog-witness gives it.
    """

    code = "witness-refused"
    kind = Kind.INVALID
    status: ClassVar[int] = 400

    @property
    def body(self) -> bytes:
        """What the log is answered."""
        return self.message.encode() + b"\n"

    @property
    def media_type(self) -> str:
        return TEXT_MEDIA_TYPE


class RequestMalformed(WitnessRefusal):
    """The body is not a request, or its old size is larger than its tree."""

    code = "witness-request-malformed"
    kind = Kind.INVALID
    status = 400


class LogUnknown(WitnessRefusal):
    """The witness does not know a log of this origin."""

    code = "witness-log-unknown"
    kind = Kind.NOT_FOUND
    status = 404


class LogSignatureRefused(WitnessRefusal):
    """A key of the log has not signed, or what it signed is not to be cosigned."""

    code = "witness-signature-refused"
    kind = Kind.FORBIDDEN
    status = 403


class LogTimeRefused(WitnessRefusal):
    """The log states a time before that of its last checkpoint, or one that has not come yet."""

    code = "witness-time-refused"
    kind = Kind.FORBIDDEN
    status = 403


class SubmissionRefused(WitnessRefusal):
    """This witness asks for more than consistency, and it is not there."""

    code = "witness-submission-refused"
    kind = Kind.FORBIDDEN
    status = 403


class SizeConflict(WitnessRefusal):
    """The log does not go on from the tree that the witness cosigned last; the answer is its size."""

    code = "witness-size-conflict"
    kind = Kind.CONFLICT
    status = 409

    def __init__(self, size: int) -> None:
        super().__init__(f"the latest cosigned tree has `{size}` leaves")
        self.size = size

    @property
    def body(self) -> bytes:
        return b"%d\n" % self.size

    @property
    def media_type(self) -> str:
        return SIZE_MEDIA_TYPE


class RootConflict(WitnessRefusal):
    """Another tree of the same size was cosigned: the log shows two histories."""

    code = "witness-root-conflict"
    kind = Kind.CONFLICT
    status = 409


class ProofRefused(WitnessRefusal):
    """The proof does not show that the tree only grew."""

    code = "witness-proof-refused"
    kind = Kind.INVALID
    status = 422


class EntriesRefused(WitnessRefusal):
    """The entries behind the tree are not those of its root, or not valid; the message says which position."""

    code = "witness-entries-refused"
    kind = Kind.INVALID
    status = 422


class WitnessBusy(WitnessRefusal):
    """More submissions wait than can be answered in reasonable time."""

    code = "witness-busy"
    kind = Kind.OVERLOADED
    status = 503


class WitnessClockBack(WitnessRefusal):
    """The witness's clock was set back behind its last cosignature; it does not sign a time that is wrong."""

    code = "witness-clock-back"
    kind = Kind.OVERLOADED
    status = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a log submits: where the proof begins, the proof, and the signed checkpoint.

    Attributes:
        old_size: leaves of the tree that the witness cosigned last.
        proof: hashes of RFC 6962, section 2.1.2, 32 bytes each.
        checkpoint: what the note says; nothing is verified.
        note: the signed checkpoint in its parts, `note_bytes` as it came.
    """

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: Note
    note_bytes: bytes


def parse_request(body: bytes) -> Request:
    """Read the body of `add-checkpoint`; raises `RequestMalformed`."""
    if len(body) > REQUEST_BYTES_MAX:
        raise RequestMalformed(f"a request has at most `{REQUEST_BYTES_MAX}` bytes")
    # The first empty line ends the proof: a checkpoint begins with its origin, which is never empty.
    head, separator, note_bytes = body.partition(b"\n\n")
    if not separator:
        raise RequestMalformed("the request has no empty line between the proof and the checkpoint")
    lines = head.split(b"\n", PROOF_LINES_MAX + 1)
    if len(lines) > PROOF_LINES_MAX + 1:
        raise RequestMalformed(f"a proof has at most `{PROOF_LINES_MAX}` lines")
    old_size = _parse_old(lines[0])
    proof = tuple(map(_parse_hash, lines[1:]))
    try:
        note = parse_note(note_bytes)
        checkpoint = parse_checkpoint(note.text)
    except TelesphorError as error:
        raise RequestMalformed(f"the checkpoint is refused: {error.message}") from error
    return Request(
        old_size=old_size, proof=proof, checkpoint=checkpoint, note=note, note_bytes=bytes(note_bytes)
    )


def format_request(*, old_size: int, proof: tuple[bytes, ...] | list[bytes], note: bytes) -> bytes:
    """The body that `parse_request` reads."""
    lines = [f"old {old_size}", *map(base64url.std_encode, proof)]
    return "\n".join(lines).encode("ascii") + b"\n\n" + note


def parse_size(body: bytes) -> int:
    """The size in a conflict's answer (`text/x.tlog.size`); raises `RequestMalformed`."""
    if _SIZE.fullmatch(body) is None or int(body) > NUMBER_MAX:
        raise RequestMalformed("the size is not a decimal number and a newline")
    return int(body)


_SIZE: Final = re.compile(rb"(?:0|[1-9][0-9]{0,18})\n")


def _parse_old(line: bytes) -> int:
    found = _OLD.fullmatch(line)
    if found is None or int(found[1]) > NUMBER_MAX:
        raise RequestMalformed("the first line is not `old`, a space and a decimal number")
    return int(found[1])


def _parse_hash(line: bytes) -> bytes:
    try:
        value = base64url.std_decode(line.decode("ascii"))
    except (UnicodeDecodeError, base64url.NotBase64):
        raise RequestMalformed("a line of the proof is not canonical base64") from None
    if len(value) != HASH_BYTES:
        raise RequestMalformed(f"a line of the proof is not a hash of `{HASH_BYTES}` bytes")
    return value
