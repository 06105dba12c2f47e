"""How a fact becomes an entry: numbered in its stream, salted, encoded, stored; and how it is read.

`EntryJournal` is the writer's side. It keeps the numbers of the open batch in memory, apart from
those that are committed, so that a rolled-back batch (or one rewound request) leaves no trace.
`EntryReader` is everyone else's side: by position, by range, by stream.

INVARIANT: numbers within a stream have no gap, positions have no gap, and time never goes back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec

from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.document import DOCUMENT_BYTES_MAX
from telesphor.kernel.entry import ENTRY_BYTES_MAX
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.kernel.merkle import leaf_hash
from telesphor.ledger import store
from telesphor.runtime.capability import Actor, Body, Draft, Registry
from telesphor.runtime.database import open_reader
from telesphor.runtime.machine import Evidence

HEADS_CACHED_MAX = 100_000
"""Stream heads remembered between batches: about 20 MB."""

STREAM_ENTRIES_MAX = 100_000
"""The longest stream that is read as one; about half a second."""


class RequestReplayed(TelesphorError):
    """The same signed request was recorded before."""

    code = "request-replayed"
    kind = Kind.CONFLICT


class EntryMissing(TelesphorError):
    """There is no entry at that position."""

    code = "entry-missing"
    kind = Kind.NOT_FOUND


class EntryUnreadable(TelesphorError):
    """A stored entry is not what the journal once wrote."""

    code = "entry-unreadable"
    kind = Kind.CORRUPT


class _Wire(msgspec.Struct, gc=False):
    """The entry as it is encoded; `order="sorted"` makes the bytes canonical."""

    actor: str
    at: str
    body: Any
    evidence: str | None
    id: str
    n: int
    salt: str
    stream: str
    type: str
    v: int = 1


class _WireIn(msgspec.Struct, forbid_unknown_fields=True):
    actor: str
    at: str
    body: msgspec.Raw
    evidence: str | None
    id: str
    n: int
    salt: str
    stream: str
    type: str
    v: int


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(_WireIn).decode


class EntryHead(msgspec.Struct):
    """What `fsck` needs of an entry, without its body."""

    at: str
    evidence: str | None
    n: int
    stream: str
    type: str
    v: int


_decode_head = msgspec.json.Decoder(EntryHead).decode


def parse_head(row: store.EntryRow) -> EntryHead:
    """Read the head of a stored entry; raises `EntryUnreadable`."""
    try:
        return _decode_head(row[2])
    except msgspec.MsgspecError as error:
        raise EntryUnreadable(f"entry `{row[0]}` cannot be read", detail=type(error).__name__) from error


class RecordedEntry(msgspec.Struct, gc=False):
    """An entry with its position and exact bytes (implements `runtime.capability.Recorded`).

    Nothing in it ever refers back to it, so the garbage collector need not walk a batch of thousands.
    """

    position: int
    previous: int
    data: bytes
    body: Any
    actor: str
    at: str
    evidence: str | None
    id: str
    n: int
    stream: str
    type: str

    @property
    def leaf(self) -> bytes:
        """The entry's leaf hash in the tree (RFC 6962, section 2.1), 32 bytes."""
        return leaf_hash(self.data)


_NO_HEAD = (0, store.NO_PREVIOUS)
"""Of a stream that does not exist yet."""

_Mark = tuple[int, int, int, int]
"""How many entries, requests, documents and forgotten documents the open batch had."""


class EntryJournal:
    """The writer's journal (implements `runtime.machine.Journal`)."""

    def __init__(self, *, db: apsw.Connection, ids: IdSource) -> None:
        store.create_ledger_tables(db)
        self._db = db
        self._ids = ids
        self._size = store.count_positions(db)
        self._heads: dict[str, tuple[int, int]] = {}
        self._pending: dict[str, tuple[int, int]] = {}
        self._recorded: list[RecordedEntry] = []
        self._requests: list[store.RequestRow] = []
        self._digests: dict[str, int] = {}
        self._looked_up: dict[str, int | None] = {}
        self._documents: dict[str, bytes] = {}
        self._forgotten: list[str] = []
        self._block = 1
        self._drawn: Iterator[tuple[str, str]] = iter(())
        self.at_ms = self._last_instant()
        self.at = format_instant(self.at_ms)

    @property
    def size(self) -> int:
        """Number of committed entries."""
        return self._size

    def begin(self, at_ms: int, *, commands: int) -> None:
        """Open a batch at `at_ms`, or at the last batch's time if the clock went back.

        Args:
            commands: how many will be decided; most make one entry, and ids are cheaper by the block.
        """
        if at_ms > self.at_ms:
            self.at = format_instant(at_ms)
            self.at_ms = at_ms
        self._block = commands
        self._drawn = iter(())  # What is left is older than the ids that were made since.

    def look_up(self, evidence: Sequence[Evidence], streams: Sequence[str]) -> None:
        """Read ahead, for a whole batch in few statements, what `admit` and `next_n` would read one by one."""
        found = store.find_requests(self._db, [(one.at_ms, one.digest) for one in evidence])
        self._looked_up = {one.digest: found.get((one.at_ms, one.digest)) for one in evidence}
        unknown = [stream for stream in streams if stream not in self._heads]
        heads = store.stream_heads(self._db, unknown)
        self._heads.update((stream, heads.get(stream, _NO_HEAD)) for stream in unknown)

    def admit(self, actor: Actor, evidence: Evidence) -> None:
        """Note a request's evidence.

        Raises:
            RequestReplayed: the same payload is on the ledger, or earlier in this batch.
        """
        first = self._digests.get(evidence.digest)
        if first is None:
            first = self._find_request(evidence)
        if first is not None:
            raise RequestReplayed(
                f"this request was recorded before, at position `{first}`",
                hint="if you did not get its receipt, ask for it by that position; sign a new request to ask again",
            )
        position = self._size + len(self._recorded)
        self._digests[evidence.digest] = position
        self._requests.append((position, evidence.at_ms, evidence.digest, evidence.data))

    def next_n(self, stream: str) -> int:
        """Return the number of the stream's next entry."""
        return (self._pending.get(stream) or self._committed_head(stream))[0]

    def record(self, drafts: Sequence[Draft], actor: str, evidence: str | None) -> list[RecordedEntry]:
        """Number, salt and encode a decision's entries, in order, into the open batch.

        Raises:
            LimitExceeded: an encoded entry is larger than `ENTRY_BYTES_MAX`; those before it were recorded.
        """
        at, pending, recorded = self.at, self._pending, self._recorded
        before = len(recorded)
        position = self._size + before
        for kind, stream, body in drafts:
            n, previous = pending.get(stream) or self._committed_head(stream)
            entry_id, salt = next(self._drawn, None) or self._draw(len(drafts))
            data = _encode(_Wire(actor, at, body, evidence, entry_id, n, salt, stream, kind))
            if len(data) > ENTRY_BYTES_MAX:
                raise LimitExceeded(f"an entry of `{len(data)}` bytes is larger than `{ENTRY_BYTES_MAX}`")
            recorded.append(
                RecordedEntry(position, previous, data, body, actor, at, evidence, entry_id, n, stream, kind)
            )
            pending[stream] = (n + 1, position)
            position += 1
        return recorded[before:]

    def keep(self, documents: Sequence[bytes]) -> None:
        """Keep documents with the open batch, under their digests.

        Raises:
            LimitExceeded: one is larger than `DOCUMENT_BYTES_MAX`.
        """
        for data in documents:
            if len(data) > DOCUMENT_BYTES_MAX:
                raise LimitExceeded(
                    f"a document of `{len(data)}` bytes is larger than `{DOCUMENT_BYTES_MAX}`"
                )
            self._documents.setdefault(digest_of(data), data)

    def document(self, digest: str) -> bytes | None:
        """Return a document of the open batch, or one that was kept before.

        Raises:
            EntryUnreadable: what is kept has another digest.
        """
        if digest in self._forgotten:
            return None
        data = self._documents.get(digest)
        return checked_document(store.document_of(self._db, digest), digest) if data is None else data

    def forget(self, digests: Sequence[str]) -> None:
        """Destroy kept documents with the open batch; nobody reads them from here on."""
        self._forgotten += digests

    def mark(self) -> _Mark:
        """Remember where the open batch stands."""
        return len(self._recorded), len(self._requests), len(self._documents), len(self._forgotten)

    def rewind(self, mark: _Mark) -> None:
        """Forget all that was recorded since `mark`."""
        recorded, requests, documents, forgotten = mark
        for entry in reversed(self._recorded[recorded:]):
            if entry.previous < self._size:  # It was its stream's first in this batch.
                del self._pending[entry.stream]
            else:
                self._pending[entry.stream] = (entry.n, entry.previous)
        for request in self._requests[requests:]:
            del self._digests[request[2]]
        del self._recorded[recorded:]
        del self._requests[requests:]
        for digest in list(self._documents)[documents:]:
            del self._documents[digest]
        del self._forgotten[forgotten:]

    def flush(self) -> Sequence[RecordedEntry]:
        """Write the batch into the open transaction and return it."""
        if self._recorded:
            rows = [(entry.position, entry.previous, entry.data) for entry in self._recorded]
            store.insert_entries(self._db, rows)
            store.put_streams(self._db, [(name, *head) for name, head in self._pending.items()])
            if self._requests:
                store.insert_requests(self._db, self._requests)
            if self._documents:
                store.keep_documents(self._db, list(self._documents.items()))
            if self._forgotten:
                store.forget_documents(self._db, self._forgotten)
        return self._recorded

    def committed(self) -> None:
        """The batch is durable: its numbers become the ledger's."""
        self._size += len(self._recorded)
        if len(self._heads) + len(self._pending) > HEADS_CACHED_MAX:
            self._heads = {}
        self._heads.update(self._pending)
        self._clear()

    def rolled_back(self) -> None:
        """The batch is gone: so are its numbers."""
        self._clear()

    def _clear(self) -> None:
        self._pending = {}
        self._recorded = []
        self._requests = []
        self._digests = {}
        self._looked_up = {}
        self._documents = {}
        self._forgotten = []

    def _draw(self, count: int) -> tuple[str, str]:
        """Draw ids and salts for at least `count` entries; returns the first."""
        count = max(count, self._block)
        self._drawn = zip(self._ids.next_many(count), self._ids.nonces(count), strict=True)
        return next(self._drawn)

    def _find_request(self, evidence: Evidence) -> int | None:
        if evidence.digest in self._looked_up:
            return self._looked_up[evidence.digest]
        return store.find_request(self._db, at_ms=evidence.at_ms, digest=evidence.digest)

    def _committed_head(self, stream: str) -> tuple[int, int]:
        head = self._heads.get(stream)
        if head is None:
            head = store.stream_head(self._db, stream) or _NO_HEAD
            self._heads[stream] = head
        return head

    def _last_instant(self) -> int:
        row = store.entry_row(self._db, self._size - 1) if self._size else None
        return 0 if row is None else parse_instant(parse_head(row).at)


def checked_document(data: bytes | None, digest: str) -> bytes | None:
    """The same bytes, or None; raises `EntryUnreadable` when they have another digest."""
    if data is not None and digest_of(data) != digest:
        raise EntryUnreadable(f"the document `{digest}` is not what was kept")
    return data


class EntryReader:
    """Reads committed entries; open one per thread.

    Args:
        path: the ledger's database.
        registry: knows the body's shape of each entry type.
    """

    def __init__(self, path: Path, registry: Registry) -> None:
        self.db = open_reader(path)
        self._bodies = registry.bodies

    def close(self) -> None:
        """Close the connection, whatever still reads from it."""
        self.db.close(True)

    def size(self) -> int:
        """Number of committed entries."""
        return store.count_positions(self.db)

    def entry(self, position: int) -> RecordedEntry:
        """Return the entry at `position`; raises `EntryMissing`."""
        row = store.entry_row(self.db, position)
        if row is None:
            raise EntryMissing(f"there is no entry at position `{position}`")
        return self.parse(row)

    def entries(self, *, first: int, end: int) -> Iterator[RecordedEntry]:
        """Entries of positions `first` up to, not including, `end`."""
        return map(self.parse, store.entry_rows(self.db, first=first, end=end))

    def entries_of(self, types: Iterable[str], *, first: int, end: int) -> Iterator[RecordedEntry]:
        """Those among them that are of one of these types; the others are not parsed."""
        found = store.joined_entries(self.db, first=first, end=end)
        if found is None:
            yield from (entry for entry in self.entries(first=first, end=end) if entry.type in types)
            return
        # The type is the last but one member of every entry, in canonical order before `v`.
        endings = tuple(f'"type":"{name}","v":1}}'.encode() for name in types)
        wanted = [offset for offset, data in enumerate(found) if data.endswith(endings)]
        previous = store.joined_previous(self.db, first=first, end=end) if wanted else []
        for offset in wanted:
            yield self.parse((first + offset, previous[offset], found[offset]))

    def stream(self, stream: str) -> list[RecordedEntry]:
        """All entries of a stream in order; empty when there is none.

        Raises:
            LimitExceeded: it has more than `STREAM_ENTRIES_MAX` entries.
            EntryUnreadable: an entry on the way is not the one of that number in this stream.
        """
        length, _ = store.stream_head(self.db, stream) or (0, store.NO_PREVIOUS)
        if length > STREAM_ENTRIES_MAX:
            raise LimitExceeded(f"stream `{stream}` has `{length}` entries, more than `{STREAM_ENTRIES_MAX}`")
        return list(self.numbered(stream, range(length)).values())

    def numbered(self, stream: str, numbers: Collection[int]) -> dict[int, RecordedEntry]:
        """These numbers of a stream, rising; it is walked from its end down to the least of them.

        Raises:
            EntryMissing: it is shorter than a number says.
            EntryUnreadable: an entry on the way is not the one of that number in this stream.
        """
        if not numbers:
            return {}
        length, position = store.stream_head(self.db, stream) or (0, store.NO_PREVIOUS)
        if max(numbers) >= length:
            raise EntryMissing(f"stream `{stream}` has no entry `{max(numbers)}`")
        found: dict[int, RecordedEntry] = {}
        for n in reversed(range(min(numbers), length)):
            row = store.entry_row(self.db, position)
            head = parse_head(row) if row else None
            if row is None or head is None or (head.stream, head.n) != (stream, n):
                raise EntryUnreadable(f"entry `{position}` is not number `{n}` of stream `{stream}`")
            if n in numbers:
                found[n] = self.parse(row)
            position = row[1]
        return dict(reversed(found.items()))

    def request_of(self, entry: RecordedEntry) -> bytes | None:
        """Return the signed request that caused `entry`, if it has evidence.

        Raises:
            EntryUnreadable: the evidence the entry names is not kept.
        """
        if entry.evidence is None:
            return None
        row = store.request_of(self.db, entry.position)
        if row is None or row[2] != entry.evidence:
            raise EntryUnreadable(f"the request behind entry `{entry.position}` is missing")
        return row[3]

    def document(self, digest: str) -> bytes | None:
        """Return a kept document by its digest; None when there is none such, or it was forgotten.

        Raises:
            EntryUnreadable: what is kept has another digest.
        """
        return checked_document(store.document_of(self.db, digest), digest)

    def parse(self, row: store.EntryRow) -> RecordedEntry:
        """Make a stored row an entry with a typed body; raises `EntryUnreadable`."""
        position, previous, data = row
        try:
            wire = _decode(data)
            body: Body = self._bodies[wire.type].decode(wire.body)
        except (msgspec.MsgspecError, KeyError) as error:
            raise EntryUnreadable(
                f"entry `{position}` cannot be read", detail=type(error).__name__
            ) from error
        return RecordedEntry(
            position,
            previous,
            data,
            body,
            wire.actor,
            wire.at,
            wire.evidence,
            wire.id,
            wire.n,
            wire.stream,
            wire.type,
        )
