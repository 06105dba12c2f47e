"""Sealed objects as bytes: a C2SP chunked ciphertext cut into parts of 4 MiB of plaintext.

What this module guarantees:

- memory is constant: a few parts, whatever the size of the object;
- every read authenticates what it gives out, and takes from the store only the chunks it needs;
- a flipped byte, a part that is cut, lengthened, missing, swapped or of another object is refused by
  an error that names the object and the part;
- one pass of SHA-256 per part: the digest is the RFC 6962 root over the parts' ciphertext.

Start at `seal_stream` and `ObjectReader`; `check_object` compares what is stored with the ledger.
Bytes: `docs/spec/objects.md`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from io import SEEK_CUR, BufferedReader, FileIO
from itertools import count
from os import fstat, pwrite
from stat import S_ISREG
from typing import BinaryIO, Final, NamedTuple, TypeVar

from telesphor.kernel.chunked import (
    CHUNK,
    HEADER,
    SALT,
    SEALED_CHUNK,
    TAG,
    ChunkedRefused,
    KeyCommitmentRefused,
    MessageKeys,
    ciphertext_size,
)
from telesphor.kernel.digest import format_digest
from telesphor.kernel.ids import ObjectId
from telesphor.kernel.merkle import root_of
from telesphor.runtime.blobs import BlobMissing, Blobs
from telesphor.vault.errors import (
    HeaderForged,
    ObjectDamaged,
    ObjectTooLarge,
    PartForged,
    PartMissing,
    PartResized,
)
from telesphor.vault.model import ObjectRow, Stored

PART_CHUNKS: Final = 256
PART_PLAINTEXT: Final = PART_CHUNKS * CHUNK
"""4 MiB: large enough that a request to a store is worth it, small enough to hold several."""

OBJECT_PARTS_MAX: Final = 1 << 18
"""1 TiB; the leaf hashes of the largest object fit in 8 MiB."""

WORKERS: Final = 3
"""Parts worked at once: with one more than the cores of a small machine none of these waits for the store."""

Buffer = bytes | bytearray | memoryview
_T = TypeVar("_T")


class SealedPart(NamedTuple):
    """A part that is in the store: its number, leaf hash, plaintext bytes, and whether it is the last."""

    number: int
    leaf: bytes
    size: int
    final: bool


def part_path(object_id: ObjectId, number: int) -> str:
    """Blob path of a part."""
    return f"objects/{object_id}/{number:08d}"


def context_of(object_id: ObjectId) -> bytes:
    """What an object's ciphertext is bound to."""
    return b"telesphor-object/1 " + object_id.encode("ascii")


def part_count(size: int) -> int:
    """Parts of an object of `size` plaintext bytes; its last chunk is always short, perhaps empty."""
    return size // PART_PLAINTEXT + 1


def sealed_part_size(size: int, number: int) -> int:
    """Bytes in the store of part `number` of an object of `size` plaintext bytes."""
    header = HEADER if number == 0 else 0
    if number < part_count(size) - 1:
        return header + PART_CHUNKS * SEALED_CHUNK
    rest = size % PART_PLAINTEXT
    return header + rest + TAG * (rest // CHUNK + 1)


class Span(NamedTuple):
    """Bytes `start` up to `end` of one part, counted from the part's beginning."""

    number: int
    start: int
    end: int


def plain_spans(start: int, end: int) -> Iterator[Span]:
    """The parts that hold plaintext bytes `start` up to `end`."""
    for number in range(start // PART_PLAINTEXT, -(-end // PART_PLAINTEXT)):
        base = number * PART_PLAINTEXT
        yield Span(number, max(start - base, 0), min(end - base, PART_PLAINTEXT))


def sealed_spans(start: int, end: int) -> Iterator[Span]:
    """The parts that hold ciphertext bytes `start` up to `end`; part 0 is longer by the header."""
    whole = PART_CHUNKS * SEALED_CHUNK
    for number in range(max(start - HEADER, 0) // whole, max(-(-(end - HEADER) // whole), 1)):
        base = number * whole + (HEADER if number else 0)
        longest = whole if number else whole + HEADER
        yield Span(number, max(start - base, 0), min(end - base, longest))


def hash_part(sealed: Buffer) -> bytes:
    """Leaf hash of a part (RFC 6962 section 2.1), without copying it."""
    hasher = sha256(b"\x00")
    hasher.update(sealed)
    return hasher.digest()


def digest_of_parts(leaves: Sequence[bytes]) -> str:
    """An object's digest, from its parts' leaf hashes."""
    return format_digest(root_of(leaves))


def seal_part(keys: MessageKeys, plaintext: Buffer, *, number: int, final: bool) -> memoryview:
    """Seal one part; all but the last are of `PART_PLAINTEXT` bytes, and the last is shorter.

    The result is this thread's own buffer, good until its next part: a fresh one for each part would
    cost as much in page faults as half of the encryption.
    """
    if number >= OBJECT_PARTS_MAX:
        raise ObjectTooLarge(f"an object has at most `{OBJECT_PARTS_MAX * PART_PLAINTEXT}` bytes")
    assert (len(plaintext) < PART_PLAINTEXT) if final else (len(plaintext) == PART_PLAINTEXT)
    start = HEADER if number == 0 else 0
    size = len(plaintext) + TAG * (len(plaintext) // CHUNK + final)
    sealed = _scratch.sealed[: start + size]
    sealed[:start] = keys.header()[:start]
    keys.seal_into(memoryview(plaintext), sealed[start:], number * PART_CHUNKS)
    return sealed


class _Scratch(threading.local):
    """Room for one sealed part per thread, and for one byte that should not be there."""

    def __init__(self) -> None:
        self.sealed = memoryview(bytearray(HEADER + PART_CHUNKS * SEALED_CHUNK + 1))


_scratch = _Scratch()


def seal_parts(
    source: BinaryIO, keep: Callable[[Buffer, int, bool], bytes], *, first: int = 0, workers: int = WORKERS
) -> Iterator[SealedPart]:
    """Read `source` to its end and hand each part to `keep` in worker threads; yields them in order.

    Args:
        keep: `(plaintext, number, final) -> leaf hash`; returns once the part is in the store.
        first: number of the first part.
    """

    # A buffer is read into again only after its part was yielded: `_in_order` begins one call more than workers.
    buffers = [memoryview(bytearray(PART_PLAINTEXT)) for _ in range(workers + 2)]

    def parts() -> Iterator[Callable[[], SealedPart]]:
        for number in count(first):
            plaintext = _read_part(source, buffers[number % len(buffers)])
            final = len(plaintext) < PART_PLAINTEXT
            yield partial(_keep_part, keep, plaintext, number, final)
            if final:
                return

    return _in_order(parts(), workers)


def seal_stream(
    source: BinaryIO,
    *,
    blobs: Blobs,
    object_id: ObjectId,
    key: bytes,
    salt: bytes,
    durable: bool = True,
    workers: int = WORKERS,
) -> Stored:
    """Seal all of `source` into `blobs`; memory stays below 40 MiB.

    Raises:
        StorageFull, StorageFailed: some parts may be in the store.
    """
    keys = MessageKeys.derive(key, salt, context_of(object_id))

    def keep(plaintext: Buffer, number: int, final: bool) -> bytes:
        sealed = seal_part(keys, plaintext, number=number, final=final)
        leaf = hash_part(sealed)
        blobs.put(part_path(object_id, number), sealed, durable=durable)
        return leaf

    leaves: list[bytes] = []
    size = 0
    for part in seal_parts(source, keep, workers=workers):
        leaves.append(part.leaf)
        size += part.size
    return Stored(size, digest_of_parts(leaves), len(leaves))


def open_stream(reader: ObjectReader, target: BinaryIO, *, workers: int = WORKERS) -> int:
    """Write all of an object to `target` and return its size; memory stays below 40 MiB.

    It is complete only when this returns: after an error the caller throws away what was written.
    """
    # A buffer is opened into again only after its part was written: `_in_order` begins one call more than workers.
    buffers = [memoryview(bytearray(PART_PLAINTEXT)) for _ in range(min(workers + 2, reader.parts))]
    if _takes_any_order(target):
        _open_into_file(reader, target.fileno(), buffers, target.tell(), workers)
        target.seek(reader.size, SEEK_CUR)
        return reader.size
    reads = (
        partial(reader.read_part_into, number, buffers[number % len(buffers)])
        for number in range(reader.parts)
    )
    for plaintext in _in_order(reads, workers):
        target.write(plaintext)
    return reader.size


def _takes_any_order(target: BinaryIO) -> bool:
    """Whether it is a plain file without a buffer of its own, so that each part can be written where it belongs."""
    if (
        not isinstance(target, FileIO) or "a" in target.mode
    ):  # what is appended ends up in the order of writing
        return False
    return S_ISREG(fstat(target.fileno()).st_mode)


def _open_into_file(
    reader: ObjectReader, target: int, buffers: list[memoryview], start: int, workers: int
) -> None:
    # The first write to fresh pages costs more than the decryption, so the parts are written in parallel too.
    def write(number: int) -> None:
        left = reader.read_part_into(number, buffers[number % len(buffers)])
        place = start + number * PART_PLAINTEXT
        while left:
            count = pwrite(target, left, place)
            left, place = left[count:], place + count

    for _ in _in_order((partial(write, number) for number in range(reader.parts)), workers):
        pass


class ObjectReader:
    """Random access to a sealed object.

    Building one checks the header and the size of the last part. Safe to share between threads.

    Args:
        size: plaintext bytes, from the ledger.
        key: the object's data key.
    """

    def __init__(self, blobs: Blobs, *, object_id: ObjectId, size: int, key: bytes) -> None:
        self._blobs = blobs
        self._object = object_id
        self.size = size
        self.parts = part_count(size)
        header = bytes(self._fetch(0, 0, HEADER))
        self._keys = MessageKeys.derive(key, header[:SALT], context_of(object_id))
        try:
            self._keys.check_header(header)
        except KeyCommitmentRefused as error:
            raise HeaderForged(f"the header of object `{object_id}`, in part 0, is not authentic") from error
        self._check_size_of(self.parts - 1)

    def read_part(self, number: int) -> memoryview:
        """The plaintext of one part."""
        return self.read_part_into(number, memoryview(bytearray(PART_PLAINTEXT)))

    def read_part_into(self, number: int, target: memoryview) -> memoryview:
        """The plaintext of one part, in the beginning of `target`, which has room for a whole part."""
        final = number == self.parts - 1
        expected = sealed_part_size(self.size, number)
        # One byte more is asked for than there should be, so that one request tells a lengthened part too.
        sealed = _scratch.sealed[: expected + 1]
        if self._read_blob_into(number, sealed) != expected:
            raise self._resized(number)
        sealed = sealed[:expected]
        plaintext = target[: self.size - number * PART_PLAINTEXT if final else PART_PLAINTEXT]
        body = sealed[HEADER:] if number == 0 else sealed
        try:
            self._keys.open_into(body, plaintext, number * PART_CHUNKS)
        except ChunkedRefused as error:
            raise self._forged(number, error) from error
        return plaintext

    @property
    def sealed_size(self) -> int:
        """Bytes of the whole ciphertext, header included."""
        return ciphertext_size(self.size)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Plaintext from `start` up to, not including, `end`, in pieces of at most one part."""
        for span in plain_spans(start, end):
            yield self.read_within(*span)

    def read_within(self, number: int, start: int, end: int) -> bytes:
        """Plaintext of one part from `start` up to `end`, both counted from the part's beginning."""
        if end - start == PART_PLAINTEXT:
            return bytes(self.read_part(number))
        first, last = start // CHUNK, max(end - 1, 0) // CHUNK
        final = number == self.parts - 1 and last == self.size % PART_PLAINTEXT // CHUNK
        header = HEADER if number == 0 else 0
        stop = sealed_part_size(self.size, number) if final else header + (last + 1) * SEALED_CHUNK
        sealed = self._fetch(number, header + first * SEALED_CHUNK, stop)
        opened = self._open(sealed, number=number, first=first, final=final)
        return bytes(memoryview(opened)[start - first * CHUNK : end - first * CHUNK])

    def read_sealed(self, number: int, start: int, end: int) -> bytes:
        """The exact bytes of one part as they are stored, for clients that open them themselves."""
        return bytes(self._fetch(number, start, end))

    def _open(self, sealed: Buffer, *, number: int, first: int, final: bool) -> bytearray:
        try:
            return self._keys.open_chunks(sealed, first_chunk=number * PART_CHUNKS + first, final=final)
        except ChunkedRefused as error:
            raise self._forged(number, error) from error

    def _forged(self, number: int, error: ChunkedRefused) -> PartForged:
        return PartForged(f"part {number} of object `{self._object}` is not authentic: {error.message}")

    def _check_size_of(self, number: int) -> None:
        try:
            found = self._blobs.size(part_path(self._object, number))
        except BlobMissing as error:
            raise _missing(self._object, number) from error
        if found != sealed_part_size(self.size, number):
            raise self._resized(number)

    def _fetch(self, number: int, start: int, end: int) -> memoryview:
        data = self._read_blob(number, start, end)
        if len(data) != end - start:
            raise self._resized(number)
        return data

    def _read_blob_into(self, number: int, target: memoryview) -> int:
        try:
            return self._blobs.read_into(part_path(self._object, number), target)
        except BlobMissing as error:
            raise _missing(self._object, number) from error

    def _read_blob(self, number: int, start: int, end: int) -> memoryview:
        try:
            return self._blobs.get_range(part_path(self._object, number), start, end)
        except BlobMissing as error:
            raise _missing(self._object, number) from error

    def _resized(self, number: int) -> PartResized:
        return PartResized(
            f"part {number} of object `{self._object}` does not have the size it was sealed with"
        )


def check_object(blobs: Blobs, row: ObjectRow, leaves: Sequence[bytes]) -> None:
    """Recompute a sealed object's digest from its bytes and compare it with the ledger's.

    Needs no key. Raises the first of `PartMissing`, `PartResized`, `PartForged` in the order of the
    parts, or `ObjectDamaged` where the altered part cannot be named.

    Args:
        row: what the ledger says of it.
        leaves: leaf hashes as they were recorded; they are believed only as far as they give the
            ledger's digest, and then name the part that is wrong.
    """
    assert row.size is not None
    known = digest_of_parts(leaves) == row.digest
    found: list[bytes] = []
    for number in range(part_count(row.size)):
        leaf = _hash_stored(blobs, row, number)
        if known and leaf != leaves[number]:
            raise PartForged(f"part {number} of object `{row.object}` is not what was sealed")
        found.append(leaf)
    if digest_of_parts(found) != row.digest:
        raise ObjectDamaged(f"the parts of object `{row.object}` do not give the digest on the ledger")


def _hash_stored(blobs: Blobs, row: ObjectRow, number: int) -> bytes:
    assert row.size is not None
    expected = sealed_part_size(row.size, number)
    try:
        sealed = blobs.get_range(part_path(row.object, number), 0, expected + 1)
    except BlobMissing as error:
        raise _missing(row.object, number) from error
    if len(sealed) != expected:
        raise PartResized(f"part {number} of object `{row.object}` does not have the size it was sealed with")
    return hash_part(sealed)


def _missing(object_id: ObjectId, number: int) -> PartMissing:
    return PartMissing(f"part {number} of object `{object_id}` is not in the store")


def _keep_part(
    keep: Callable[[Buffer, int, bool], bytes], plaintext: Buffer, number: int, final: bool
) -> SealedPart:
    return SealedPart(number, keep(plaintext, number, final), len(plaintext), final)


def _read_part(source: BinaryIO, buffer: memoryview) -> memoryview:
    """One part's plaintext, less only at the end of the stream: pipes give less than asked at a time."""
    filled = 0
    while filled < len(buffer):
        taken = _read_into(source, buffer[filled:])
        if not taken:
            break
        filled += taken
    return buffer[:filled]


def _read_into(source: BinaryIO, target: memoryview) -> int:
    if isinstance(source, FileIO | BufferedReader):
        return source.readinto(target) or 0  # spares a copy
    piece = source.read(len(target))
    target[: len(piece)] = piece
    return len(piece)


def _in_order(calls: Iterator[Callable[[], _T]], workers: int) -> Iterator[_T]:
    """Results of the calls, in order, with at most one more begun than there are workers."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="vault-part")
    begun: deque[Future[_T]] = deque()
    try:
        for call in calls:
            begun.append(pool.submit(call))
            if len(begun) > workers:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
