"""OpenTimestamps files: which operations lead from a digest to what a chain or a calendar attests.

A detached timestamp is read into flat paths: each is a row of operations, and the attestation at its end.
What this module guarantees: a path is accepted only with operations that keep a commitment binding (append,
prepend, SHA-256), every byte of the file is accounted for, and every size is bounded before it is used.
What a path proves is not judged here; that is `bitcoin.py`. Start at `parse_timestamp_file`.

Format: the serialisation of python-opentimestamps 0.4 (file version 1); `docs/spec/anchors.md`. The other
operations that exist there (SHA-1, RIPEMD-160, Keccak-256, reverse, hexlify) are refused: no calendar for
Bitcoin answers with them, and the first is no longer binding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Final

from telesphor.kernel.chains.anchor import (
    ANCHOR_DIGEST_BYTES,
    PAIR_PREFIX,
    AnchorMalformed,
    AnchorOfAnotherDigest,
    AnchorTooLarge,
    PathStep,
)

FILE_MAGIC: Final = bytes.fromhex("004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294")
FILE_VERSION: Final = 1

APPEND: Final = 0xF0
PREPEND: Final = 0xF1
SHA256: Final = 0x08
_FORK: Final = 0xFF
_ATTESTATION: Final = 0x00

BITCOIN_TAG: Final = bytes.fromhex("0588960d73d71901")
PENDING_TAG: Final = bytes.fromhex("83dfe30d2ef90c8e")
TAG_BYTES: Final = 8

FILE_BYTES_MAX: Final = 64 * 1024
"""Several calendars' proofs together have about 5 KiB, and our own transaction's 2 KiB."""
MESSAGE_BYTES_MAX: Final = 4096
"""Of an argument and of every result on the way: the bound of python-opentimestamps."""
PAYLOAD_BYTES_MAX: Final = 8192
"""Of an attestation: the bound of python-opentimestamps."""
STEPS_MAX: Final = 256
"""Operations of one path: the recursion limit of python-opentimestamps."""
PATHS_MAX: Final = 64
"""Attestations in one file; a dozen calendars give two each."""
OPERATIONS_MAX: Final = 4096
"""Operations of all paths together."""
URI_BYTES_MAX: Final = 1000
"""Of a pending attestation: the bound of python-opentimestamps."""
HEIGHT_MAX: Final = 2**31 - 1

_URI_CHARS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/:")
_VARUINT_BYTES_MAX: Final = 5  # enough for every size and height that is bounded here


@dataclass(frozen=True, order=True, slots=True)
class Operation:
    """One step of a path. `argument` is empty for SHA-256 and 1 to 4,096 bytes for the others."""

    code: int
    argument: bytes = b""

    def __post_init__(self) -> None:
        if self.code == SHA256:
            if self.argument:
                raise AnchorMalformed("SHA-256 has no argument")
        elif self.code not in (APPEND, PREPEND):
            raise AnchorMalformed(
                f"the timestamp uses operation `0x{self.code:02x}`, which is not accepted",
                hint="accepted are append, prepend and SHA-256",
            )
        elif not 1 <= len(self.argument) <= MESSAGE_BYTES_MAX:
            raise AnchorMalformed(f"an argument has between 1 and {MESSAGE_BYTES_MAX} bytes")

    def apply(self, message: bytes) -> bytes:
        """The result of this step. Raises `AnchorTooLarge`."""
        if self.code == SHA256:
            return sha256(message).digest()
        if len(message) + len(self.argument) > MESSAGE_BYTES_MAX:
            raise AnchorTooLarge(f"a message on the way has more than {MESSAGE_BYTES_MAX} bytes")
        return message + self.argument if self.code == APPEND else self.argument + message


@dataclass(frozen=True, order=True, slots=True)
class Attestation:
    """What is said of the message at the end of a path: a tag of 8 bytes and its payload."""

    tag: bytes
    payload: bytes

    def __post_init__(self) -> None:
        if len(self.tag) != TAG_BYTES:
            raise AnchorMalformed(f"the tag of an attestation has {TAG_BYTES} bytes")
        if len(self.payload) > PAYLOAD_BYTES_MAX:
            raise AnchorTooLarge(f"an attestation has at most {PAYLOAD_BYTES_MAX} bytes")
        self.height()
        self.calendar()

    def height(self) -> int | None:
        """Of a Bitcoin attestation: the block whose merkle root the message is said to be; else None."""
        if self.tag != BITCOIN_TAG:
            return None
        reader = _Reader(self.payload)
        height = reader.number(HEIGHT_MAX, "the height of a Bitcoin attestation")
        reader.end("a Bitcoin attestation")
        return height

    def calendar(self) -> str | None:
        """Of a pending attestation: the URI of the calendar to ask; else None."""
        if self.tag != PENDING_TAG:
            return None
        reader = _Reader(self.payload)
        uri = reader.sized(URI_BYTES_MAX, "the URI of a calendar")
        reader.end("a pending attestation")
        if not uri or not _URI_CHARS.issuperset(uri):
            raise AnchorMalformed("the URI of a calendar has characters that are not accepted")
        return uri.decode("ascii")


@dataclass(frozen=True, slots=True)
class TimestampPath:
    """From the digest to one attestation."""

    operations: tuple[Operation, ...]
    attestation: Attestation

    def message(self, digest: bytes) -> bytes:
        """What the path makes of `digest`: the message that is attested. Raises `AnchorTooLarge`."""
        for operation in self.operations:
            digest = operation.apply(digest)
        return digest


def parse_timestamp_file(data: bytes, *, digest: bytes) -> tuple[TimestampPath, ...]:
    """Read a detached `.ots` file that must be of the SHA-256 `digest`.

    Raises:
        AnchorTooLarge, AnchorMalformed: the file is too large, or not of the accepted form.
        AnchorOfAnotherDigest: it is of another digest.
    """
    if len(data) > FILE_BYTES_MAX:
        raise AnchorTooLarge(f"a timestamp file has at most {FILE_BYTES_MAX} bytes")
    reader = _Reader(data)
    if reader.take(len(FILE_MAGIC), "the head of the file") != FILE_MAGIC:
        raise AnchorMalformed("the file is not an OpenTimestamps proof")
    if reader.number(255, "the version of the file") != FILE_VERSION:
        raise AnchorMalformed(f"the timestamp file is not of version {FILE_VERSION}")
    if reader.take(1, "the hash of the file") != bytes([SHA256]):
        raise AnchorMalformed("the timestamp file is not over a SHA-256 digest")
    if reader.take(ANCHOR_DIGEST_BYTES, "the digest of the file") != digest:
        raise AnchorOfAnotherDigest("the timestamp is of another digest than the one asked about")
    return _read_paths(reader)


def parse_timestamp(data: bytes) -> tuple[TimestampPath, ...]:
    """Read a bare timestamp, as calendars answer. Raises as `parse_timestamp_file`."""
    if len(data) > FILE_BYTES_MAX:
        raise AnchorTooLarge(f"a timestamp has at most {FILE_BYTES_MAX} bytes")
    return _read_paths(_Reader(data))


def format_timestamp_file(paths: Iterable[TimestampPath], *, digest: bytes) -> bytes:
    """The `.ots` file of these paths, in the one order python-opentimestamps writes too.

    Raises:
        AnchorMalformed, AnchorTooLarge: no path, or more than the bounds allow.
    """
    if len(digest) != ANCHOR_DIGEST_BYTES:
        raise AnchorMalformed(f"a timestamp is over a digest of {ANCHOR_DIGEST_BYTES} bytes")
    head = FILE_MAGIC + bytes([FILE_VERSION, SHA256]) + digest
    data = head + format_timestamp(paths)
    parse_timestamp_file(data, digest=digest)
    return data


def format_timestamp(paths: Iterable[TimestampPath]) -> bytes:
    """The bare timestamp of these paths, sorted, with what they have in common written once."""
    unique = sorted(set(paths), key=lambda path: (path.operations, path.attestation))
    if not unique:
        raise AnchorMalformed("a timestamp has at least one attestation")
    out = bytearray()
    # What is still to be written: paths that agree up to `depth`, and whether something follows them.
    stack: list[tuple[Sequence[TimestampPath], int, bool]] = [(unique, 0, False)]
    while stack:
        node, depth, followed = stack.pop()
        if followed:
            out.append(_FORK)
        if depth:
            out += _format_operation(node[0].operations[depth - 1])
        ended = sorted(path.attestation for path in node if len(path.operations) == depth)
        going = [path for path in node if len(path.operations) > depth]
        for attestation in ended[:-1]:
            out += bytes([_FORK]) + _format_attestation(attestation)
        if ended:
            out += (bytes([_FORK]) if going else b"") + _format_attestation(ended[-1])
        branches = [list(same) for _, same in groupby(going, key=lambda path, at=depth: path.operations[at])]  # type: ignore[misc]
        stack += [
            (branch, depth + 1, index + 1 < len(branches))
            for index, branch in reversed([*enumerate(branches)])
        ]
    return bytes(out)


def bitcoin_attestation(height: int) -> Attestation:
    """The attestation that a message is the merkle root of the block at `height`."""
    if not 0 <= height <= HEIGHT_MAX:
        raise AnchorMalformed("the height of a Bitcoin attestation is out of range")
    return Attestation(BITCOIN_TAG, _format_number(height))


def pending_attestation(uri: str) -> Attestation:
    """The attestation that the calendar at `uri` has promised to go on."""
    encoded = uri.encode("utf-8")
    return Attestation(PENDING_TAG, _format_number(len(encoded)) + encoded)


def operations_of_path(path: Sequence[PathStep]) -> tuple[Operation, ...]:
    """The same steps as `anchor.follow_path` takes from a digest to its aggregated root."""
    operations: list[Operation] = []
    for step in path:
        if step.side == "left":
            operations += [Operation(PREPEND, PAIR_PREFIX + step.hash), Operation(SHA256)]
        else:
            operations += [Operation(PREPEND, PAIR_PREFIX), Operation(APPEND, step.hash), Operation(SHA256)]
    return tuple(operations)


def _read_paths(reader: _Reader) -> tuple[TimestampPath, ...]:
    """Read a timestamp without recursion: a fork remembers how far the path had come."""
    paths: list[TimestampPath] = []
    forks: list[tuple[Operation, ...]] = []
    operations: list[Operation] = []
    read = 0
    while True:
        code = reader.byte("an operation")
        if code == _FORK:
            # Each fork ends in an attestation of its own, and the path at hand in one more.
            if len(paths) + len(forks) + 2 > PATHS_MAX:
                raise AnchorTooLarge(f"a timestamp has at most {PATHS_MAX} attestations")
            forks.append(tuple(operations))
            code = reader.byte("an operation")
        if code != _ATTESTATION:
            read += 1
            if len(operations) >= STEPS_MAX or read > OPERATIONS_MAX:
                raise AnchorTooLarge(f"a path has at most {STEPS_MAX} operations, a file {OPERATIONS_MAX}")
            operations.append(_read_operation(code, reader))
            continue
        paths.append(TimestampPath(tuple(operations), _read_attestation(reader)))
        if not forks:
            reader.end("the timestamp")
            return tuple(paths)
        operations = list(forks.pop())


def _read_operation(code: int, reader: _Reader) -> Operation:
    if code in (APPEND, PREPEND):
        return Operation(code, reader.sized(MESSAGE_BYTES_MAX, "an argument"))
    return Operation(code)


def _read_attestation(reader: _Reader) -> Attestation:
    tag = reader.take(TAG_BYTES, "the tag of an attestation")
    return Attestation(tag, reader.sized(PAYLOAD_BYTES_MAX, "an attestation"))


def _format_operation(operation: Operation) -> bytes:
    if operation.code == SHA256:
        return bytes([SHA256])
    return bytes([operation.code]) + _format_number(len(operation.argument)) + operation.argument


def _format_attestation(attestation: Attestation) -> bytes:
    return (
        bytes([_ATTESTATION])
        + attestation.tag
        + _format_number(len(attestation.payload))
        + attestation.payload
    )


def _format_number(value: int) -> bytes:
    """Seven bits to a byte, the lowest first; the top bit says that more follow."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class _Reader:
    """A cursor over bytes that never reads past their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int, what: str) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise AnchorMalformed(f"the timestamp ends within {what}")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def byte(self, what: str) -> int:
        return self.take(1, what)[0]

    def number(self, largest: int, what: str) -> int:
        """A varuint in its shortest form, so that a file has one spelling of each number."""
        value = 0
        for place in range(_VARUINT_BYTES_MAX):
            byte = self.byte(what)
            value |= (byte & 0x7F) << (7 * place)
            if not byte & 0x80:
                if place and not byte:
                    raise AnchorMalformed(f"{what} is not written in its shortest form")
                break
        else:
            raise AnchorTooLarge(f"{what} is larger than `{largest}`")
        if value > largest:
            raise AnchorTooLarge(f"{what} is larger than `{largest}`")
        return value

    def sized(self, largest: int, what: str) -> bytes:
        return self.take(self.number(largest, what), what)

    def end(self, what: str) -> None:
        if self._at != len(self._data):
            raise AnchorMalformed(f"there are bytes after the end of {what}")
