"""A validator that reads what it cosigns: every entry is parsed again, and every stream counted.

Where an agreement lets it, it fetches the entries between the tree that was cosigned last and the new one,
recomputes the leaves up to the signed root, and checks that each entry is valid and has the next number of its
stream. What this module guarantees: with its check in place a witness cosigns only trees whose every entry since
the agreement began it has validated itself, over restarts too. The entries are not kept.

Validated state is kept only up to the tree that was cosigned; what lies beyond waits in memory, because another
submission may still come first. A ledger that is large already is read over several submissions, each of which goes
on where the one before it ended. Start at `Mirror.check`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from telesphor.kernel.entry import EntryRefused, parse_entry
from telesphor.kernel.merkle import CompactRange, leaf_hash
from telesphor.ledger.witness import store
from telesphor.ledger.witness.model import EntriesRefused, WitnessBusy
from telesphor.ledger.witness.witness import Submission
from telesphor.runtime.database import open_database, storage_errors

CACHE_KIB: Final = 8 * 1024

READ_ENTRIES: Final = 256
"""Entries asked for at once: an entry bundle of tlog-tiles, at most 16 MB."""

GAP_ENTRIES_MAX: Final = 262_144
"""Entries validated for one submission: minutes of a busy ledger. The next submission goes on from there."""

CHECK_SECONDS: Final = 120.0
"""For all of them; the log asks again afterwards, and finds the witness where it was."""

STREAMS_MAX: Final = 1_000_000
"""Stream numbers held before a cosignature makes them durable: 150 MB."""


class EntrySource(Protocol):
    """Where the entries of one log are read, by agreement with it."""

    async def entries(self, first: int, end: int) -> list[bytes]:
        """Exact bytes of the entries `first` up to, not including, `end`; may raise anything."""
        ...


@dataclass
class _Validated:
    """A tree whose entries were validated, and the streams that grew since what is kept."""

    tree: CompactRange
    lengths: dict[str, int] = field(default_factory=dict)


class Mirror:
    """Validates the entries behind submissions; the `EntryCheck` of a witness's desk.

    Args:
        path: its own database.
        sources: origin to the source of each log that agreed; other logs pass unread.
    """

    def __init__(self, path: Path, sources: Mapping[str, EntrySource]) -> None:
        self._sources = dict(sources)
        self._db = open_database(path, cache_kib=CACHE_KIB)
        self._lock = threading.Lock()
        store.create_mirror_tables(self._db)
        self._waiting: dict[str, _Validated] = {}
        self._underway: dict[str, _Validated] = {}
        self._turns = {origin: asyncio.Lock() for origin in self._sources}

    async def check(self, submission: Submission) -> None:
        """Validate every entry of the submitted tree that was not validated before.

        Raises:
            EntriesRefused: an entry is not valid, or not what the root was made of; says which position.
            WitnessBusy: the entries cannot be read now.
        """
        origin = submission.request.checkpoint.origin
        source = self._sources.get(origin)
        if source is None:
            return
        try:
            async with asyncio.timeout(CHECK_SECONDS), self._turns[origin]:
                await self._check(origin, source, submission)
        except TimeoutError:
            raise WitnessBusy("the entries were not read in time", hint="ask again") from None

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    async def _check(self, origin: str, source: EntrySource, submission: Submission) -> None:
        known, checkpoint = submission.known, submission.request.checkpoint
        # 1. What was cosigned is validated for good: from memory, or read again after a restart.
        validated = await self._upto(origin, source, size=known.size, root=known.root)
        await asyncio.to_thread(self._keep, origin, validated)
        # 2. What is new is validated, and waits for its cosignature.
        fresh = _Validated(validated.tree.copy())
        self._waiting[origin] = await self._extend(
            origin, source, fresh, size=checkpoint.size, root=checkpoint.root
        )

    async def _upto(self, origin: str, source: EntrySource, *, size: int, root: bytes) -> _Validated:
        waiting = self._waiting.pop(origin, None)
        if waiting is not None and (waiting.tree.size, waiting.tree.root()) == (size, root):
            return waiting
        kept = _Validated(await asyncio.to_thread(self._kept, origin))
        return await self._extend(origin, source, kept, size=size, root=root)

    async def _extend(
        self, origin: str, source: EntrySource, base: _Validated, *, size: int, root: bytes
    ) -> _Validated:
        """`base`, or what an earlier submission had come to from there, grown to the tree of this root."""
        first = base.tree.size
        validated = base if first == size else self._resume(origin, base, size=size)
        try:
            await self._grow(origin, source, validated, size=size)
            if validated.tree.size != size or validated.tree.root() != root:
                raise EntriesRefused(
                    f"the entries `{first}` to `{size - 1}` are not those of the signed root"
                )
        except EntriesRefused:
            self._underway.pop(origin, None)
            raise
        if self._underway.get(origin) is validated:
            del self._underway[origin]
        return validated

    def _resume(self, origin: str, base: _Validated, *, size: int) -> _Validated:
        """From here on, whatever ends this submission but a refusal, the next one goes on where it ended."""
        underway = self._underway.get(origin)
        if underway is None or not base.tree.size <= underway.tree.size <= size:
            underway = self._underway[origin] = base
        return underway

    async def _grow(self, origin: str, source: EntrySource, validated: _Validated, *, size: int) -> None:
        first = validated.tree.size
        while (at := validated.tree.size) < size:
            if at - first >= GAP_ENTRIES_MAX:
                raise WitnessBusy(f"`{size - at}` entries are left to validate", hint="ask again")
            # Up to the end of a bundle, or of the checkpoint's tree: no other partial ones may be fetched.
            end = min(size, at - at % READ_ENTRIES + READ_ENTRIES)
            try:
                entries = await source.entries(at, end)
            except Exception as error:
                raise WitnessBusy("the entries cannot be read", detail=type(error).__name__) from error
            if len(entries) != end - at:
                raise EntriesRefused(f"entry `{at + min(len(entries), end - at)}` is not given")
            # The thread changes nothing: it may outlive a submission that is given up.
            lengths, leaves = await asyncio.to_thread(self._validate, origin, validated, entries)
            validated.lengths.update(lengths)
            validated.tree.extend(leaves)
            if len(validated.lengths) > STREAMS_MAX:
                self._underway.pop(origin, None)
                raise WitnessBusy(f"more than `{STREAMS_MAX}` streams are too many to validate at once")

    def _validate(
        self, origin: str, validated: _Validated, entries: Sequence[bytes]
    ) -> tuple[dict[str, int], list[bytes]]:
        """The lengths of the streams that these entries make longer, and their leaf hashes."""
        lengths: dict[str, int] = {}
        for position, data in enumerate(entries, validated.tree.size):
            try:
                entry = parse_entry(data)
            except EntryRefused as error:
                raise EntriesRefused(f"entry `{position}` is refused: {error.message}") from error
            expected = lengths.get(entry.stream, validated.lengths.get(entry.stream))
            if expected is None:
                with self._lock:
                    expected = store.stream_length(self._db, origin, entry.stream)
            if entry.n != expected:
                raise EntriesRefused(
                    f"entry `{position}` is number `{entry.n}` of its stream, where `{expected}` is next"
                )
            lengths[entry.stream] = expected + 1
        return lengths, [leaf_hash(data) for data in entries]

    def _kept(self, origin: str) -> CompactRange:
        with self._lock, storage_errors():
            data = store.mirrored_tree(self._db, origin)
        return CompactRange() if data is None else CompactRange.decode(data)

    def _keep(self, origin: str, validated: _Validated) -> None:
        with self._lock, storage_errors():
            if validated.lengths:
                store.put_mirrored(self._db, origin, tree=validated.tree.encode(), lengths=validated.lengths)
        validated.lengths.clear()
