"""Uploads: a stream of plaintext becomes durable sealed parts, and can be gone on with after any break.

What this module guarantees:

- one upload of an object at a time; whole parts are kept whatever breaks, and nothing else is;
- a part that is noted is durable, and only a whole upload has a size and a digest;
- the store never keeps two plaintexts under one key and nonce: a part whose bytes reached it before the
  break is taken over as it is, and where that cannot be, the ciphertext begins anew under a new salt;
- an upload whose object is erased meanwhile takes back the part it was writing.

Start at `Uploads.open`.
"""

from __future__ import annotations

import threading
from typing import BinaryIO, Self

from telesphor.kernel.chunked import HEADER, SALT, SEALED_CHUNK, ChunkedRefused, MessageKeys
from telesphor.kernel.clock import Clock
from telesphor.kernel.digest import format_digest
from telesphor.kernel.ids import IdSource, ObjectId
from telesphor.kernel.merkle import CompactRange
from telesphor.runtime.blobs import BlobMissing, Blobs
from telesphor.vault.errors import (
    KeyMissing,
    ObjectErased,
    ObjectMissing,
    UploadBusy,
    UploadComplete,
    UploadExpired,
)
from telesphor.vault.keys import KeyRing, is_abandoned
from telesphor.vault.model import ObjectState, Stored
from telesphor.vault.objects import (
    PART_CHUNKS,
    PART_PLAINTEXT,
    WORKERS,
    Buffer,
    SealedPart,
    context_of,
    hash_part,
    part_path,
    seal_part,
    seal_parts,
)
from telesphor.vault.store import LedgerView, Records

PARTS_NOTED_TOGETHER = 16
"""Parts of a local stream that share one sync of the records."""


class Uploads:
    """The uploads of one node. Safe between threads; everything blocks."""

    def __init__(
        self,
        *,
        blobs: Blobs,
        records: Records,
        ledger: LedgerView,
        keys: KeyRing,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._blobs = blobs
        self._records = records
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self._ids = ids
        self._open: set[ObjectId] = set()
        self._lock = threading.Lock()

    def open(self, object_id: ObjectId) -> Upload:
        """Go on with an object's upload where it stands; close it after use.

        Raises:
            UploadBusy: it is open already.
            UploadComplete, UploadExpired, ObjectErased, ObjectMissing: it takes no bytes.
        """
        with self._lock:
            if object_id in self._open:
                raise UploadBusy(
                    f"object `{object_id}` is being uploaded by another connection", hint="wait for it"
                )
            self._open.add(object_id)
        try:
            return self._resume(object_id)
        except BaseException:
            self._release(object_id)
            raise

    def progress(self, object_id: ObjectId) -> tuple[int, bool]:
        """How many plaintext bytes are kept, and whether they are all."""
        try:
            with self.open(object_id) as upload:
                if upload.stored is None:
                    return upload.offset, False
        except UploadComplete:
            pass
        except UploadBusy:
            return self._records.count_parts(object_id) * PART_PLAINTEXT, False
        row = self._records.upload(object_id)
        if row is None or row.stored is None:
            raise KeyMissing(f"the key of object `{object_id}` is not there")
        return row.stored.size, True

    def _release(self, object_id: ObjectId) -> None:
        with self._lock:
            self._open.discard(object_id)

    def _resume(self, object_id: ObjectId) -> Upload:
        self.check_open(object_id)
        row = self._records.upload(object_id)
        if row is None:
            raise KeyMissing(
                f"the key of object `{object_id}` is not there", hint="resume it to get a new ticket"
            )
        if row.stored is not None:
            raise UploadComplete(f"object `{object_id}` is uploaded completely", hint="seal it")
        self._blobs.drop_unfinished(f"objects/{object_id}")
        upload = Upload(
            self, object_id, self._keys.data_key(object_id), row.salt, self._records.leaves(object_id)
        )
        upload.take_over()
        return upload

    def check_open(self, object_id: ObjectId) -> None:
        """Raise unless the ledger says that the object is being written."""
        row = self._ledger.object(object_id)
        if row is None:
            raise ObjectMissing(f"there is no object `{object_id}`")
        if row.state is ObjectState.ERASED:
            raise ObjectErased(f"object `{object_id}` is erased")
        if row.state is ObjectState.SEALED:
            raise UploadComplete(f"object `{object_id}` is sealed")
        if is_abandoned(row, now_ms=self._clock.now_ms()):
            raise UploadExpired(f"the upload of object `{object_id}` was given up", hint="begin a new object")


class Upload:
    """One open upload: its parts in order, each durable before the next is noted."""

    def __init__(
        self, uploads: Uploads, object_id: ObjectId, key: bytes, salt: bytes, leaves: list[bytes]
    ) -> None:
        self.object_id = object_id
        self.stored: Stored | None = None
        self._uploads = uploads
        self._blobs = uploads._blobs
        self._records = uploads._records
        self._key = key
        self._keys = MessageKeys.derive(key, salt, context_of(object_id))
        self._range = CompactRange()
        self._range.extend(leaves)
        self._working = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def offset(self) -> int:
        """Plaintext bytes that are kept: a multiple of `PART_PLAINTEXT`, until the upload is complete."""
        return self._range.size * PART_PLAINTEXT if self.stored is None else self.stored.size

    def add(self, plaintext: Buffer, *, final: bool) -> None:
        """Seal, store and note the next part; the last one is shorter than the others, perhaps empty.

        Raises:
            StorageFull, StorageFailed: it is not noted; close the upload and open it again to go on.
            ObjectErased, UploadExpired: the object is gone, and so is this part.
        """
        with self._working:
            self._check_usable()
            number = self._range.size
            leaf = self._keep(plaintext, number, final)
            self._note([SealedPart(number, leaf, len(plaintext), final)])

    def add_all(self, source: BinaryIO, *, workers: int = WORKERS) -> Stored:
        """Add all of `source`, parts in parallel, and complete the upload."""
        with self._working:
            self._check_usable()
            waiting: list[SealedPart] = []
            for part in seal_parts(source, self._keep, first=self._range.size, workers=workers):
                waiting.append(part)
                if part.final or len(waiting) == PARTS_NOTED_TOGETHER:
                    self._note(waiting)
                    waiting = []
        assert self.stored is not None
        return self.stored

    def close(self) -> None:
        """Let go of the object, after the part at hand; harmless when repeated."""
        with self._working:
            if not self._closed:
                self._closed = True
                self._uploads._release(self.object_id)

    def take_over(self) -> None:
        """Note parts that reached the store although the break came before they were noted."""
        while self.stored is None:
            found = self._stored_part(self._range.size)
            if found is None:
                break
            self._note([found])
        if self.stored is None and self._parts_behind_gap():
            self._begin_anew()

    def _stored_part(self, number: int) -> SealedPart | None:
        """The part as the store has it, if it is authentic; one that is not is deleted."""
        path = part_path(self.object_id, number)
        header = HEADER if number == 0 else 0
        whole = header + PART_CHUNKS * SEALED_CHUNK
        try:
            sealed = self._blobs.get_range(path, 0, whole + 1)
        except BlobMissing:
            return None
        final = len(sealed) < whole
        try:
            self._keys.check_header(bytes(sealed[:HEADER])) if number == 0 else None
            body = sealed[header:]
            plaintext = self._keys.open_chunks(body, first_chunk=number * PART_CHUNKS, final=final)
        except ChunkedRefused:
            self._blobs.delete(path)
            return None
        return SealedPart(number, hash_part(sealed), len(plaintext), final)

    def _parts_behind_gap(self) -> bool:
        """Whether parallel work left a part in the store behind one that is missing."""
        first = self._range.size + 1
        ahead = range(first, first + PARTS_NOTED_TOGETHER + WORKERS)
        return any(self._blobs.exists(part_path(self.object_id, number)) for number in ahead)

    def _begin_anew(self) -> None:
        salt = self._uploads._ids.random_bytes(SALT)
        for path in list(self._blobs.list(f"objects/{self.object_id}")):
            self._blobs.delete(path)
        with self._records.transaction():
            self._check_taken()
            self._records.drop_parts(self.object_id)
            self._records.begin_upload(self.object_id, salt)
        self._keys = MessageKeys.derive(self._key, salt, context_of(self.object_id))
        self._range = CompactRange()

    def _keep(self, plaintext: Buffer, number: int, final: bool) -> bytes:
        sealed = seal_part(self._keys, plaintext, number=number, final=final)
        self._blobs.put(part_path(self.object_id, number), sealed)
        return hash_part(sealed)

    def _note(self, parts: list[SealedPart]) -> None:
        grown = self._range.copy()
        grown.extend([part.leaf for part in parts])
        last = parts[-1]
        stored = None
        if last.final:
            size = last.number * PART_PLAINTEXT + last.size
            stored = Stored(size, format_digest(grown.root()), grown.size)
        try:
            with self._records.transaction():
                self._check_taken()
                self._records.add_parts(
                    self.object_id, first=self._range.size, leaves=[part.leaf for part in parts]
                )
                if stored is not None:
                    self._records.end_upload(self.object_id, stored)
        except (ObjectErased, UploadExpired):
            for part in parts:
                self._blobs.delete(part_path(self.object_id, part.number))
            raise
        self._range, self.stored = grown, stored

    def _check_taken(self) -> None:
        """Raise unless the records still take parts; asked inside the transaction that adds some."""
        if not self._records.is_open(self.object_id):
            self._uploads.check_open(self.object_id)
            raise UploadExpired(
                f"the upload of object `{self.object_id}` was given up", hint="begin a new object"
            )

    def _check_usable(self) -> None:
        if self._closed or self.stored is not None:
            raise UploadComplete(f"the upload of object `{self.object_id}` takes no more bytes")
