"""The proof of a closed visit as one file: everything a stranger needs to check it offline.

A visit's bundle is about the visit's whole stream and every entry it links, with the whole stream of each thing
linked that can be taken back, such as a token. The first entry of the ledger, the key history of every actor that
appears in any of these, requests, proofs and confirmations come with them as with every bundle
(`ledger/bundles.py`), and so does every document that any of the entries names and the node still keeps. A visit
can always be proved: where a bundle has no room for all documents, those furthest from its entries stay behind.
`telesphor.verify` checks what is gathered here, and says which streams must be whole (`follow_links.py`).

INVARIANT: what is written depends only on the ledger, the checkpoint, its confirmations and the time of
making.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from telesphor.capabilities.visits.entries import VISIT_OBJECT_LINKED, VISIT_OPENED
from telesphor.capabilities.visits.life.entries import VISIT_INVITED
from telesphor.capabilities.visits.model import VISIT_STREAM, BundleNotReady, VisitMissing
from telesphor.kernel.bundle import OpenedCommitment
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.ids import Stream, stream_of
from telesphor.ledger.bundles import (
    UNCONFIRMED,
    BundleSource,
    Checkpointed,
    Confirmations,
    assemble_bundle,
    complete_entries,
)
from telesphor.ledger.entries import EntryReader, EntryUnreadable, RecordedEntry
from telesphor.verify.follow_links import streams_behind

__all__ = ["BundleSource", "last_position", "visit_bundle"]

LOOK_BACK_ENTRIES: Final = 8
"""No command makes more entries than these before a link to one of them."""


def visit_bundle(
    visit: str,
    *,
    reader: EntryReader,
    checkpoint: Checkpointed,
    source: BundleSource,
    made_at: str,
    opened: Sequence[OpenedCommitment] = (),
    confirmations: Confirmations = UNCONFIRMED,
) -> bytes:
    """Make the bundle of a visit at one checkpoint.

    Args:
        checkpoint: the one to prove inclusion in, with its cosignatures; it must cover the visit, and key
            histories are shown as far as it reaches.
        made_at: the instant of making, as text.
        opened: commitments of gathered entries to show with their values.
        confirmations: what others said of this checkpoint.

    The stream of something linked is shown as far as the checkpoint reaches, beyond the visit's end.

    Raises:
        VisitMissing: there is no such visit.
        BundleNotReady: the checkpoint is older than the visit's newest entry.
        LimitExceeded: the bundle would be larger than bundles may be.
    """
    stream = _stream_of(visit, reader)
    linked = list(_linked_entries(stream, reader))
    newest = max(entry.position for entry in (*stream, *linked))
    if newest >= checkpoint.size:
        raise BundleNotReady(
            f"position `{newest}` is not in a signed checkpoint yet", hint="ask again in a second"
        )
    about = [*stream, *linked, *_entries_behind(stream, reader, size=checkpoint.size)]
    entries = complete_entries(about, _actors_of(about), reader, size=checkpoint.size)
    return assemble_bundle(
        stream_of(VISIT_STREAM, visit),
        entries,
        reader=reader,
        checkpoint=checkpoint,
        source=source,
        made_at=made_at,
        opened=opened,
        confirmations=confirmations,
        documents_of=entries,
        all_documents=False,
    )


def last_position(visit: str, reader: EntryReader) -> int:
    """Position of the visit's newest entry, which is later than whatever it links; raises `VisitMissing`."""
    return _stream_of(visit, reader)[-1].position


def _stream_of(visit: str, reader: EntryReader) -> list[RecordedEntry]:
    stream = reader.stream(stream_of(VISIT_STREAM, visit))
    if not stream:
        raise VisitMissing(f"there is no visit `{visit}`")
    return stream


def _actors_of(entries: Iterable[RecordedEntry]) -> Iterable[str]:
    return (actor for entry in entries for actor in _actors_in(entry))


def _entries_behind(
    visit: Iterable[RecordedEntry], reader: EntryReader, *, size: int
) -> Iterable[RecordedEntry]:
    """The whole streams that the visit's links need, as far as a tree of `size` leaves reaches."""

    read = cache(reader.stream)

    def first_body(stream: Stream) -> Mapping[str, object]:
        if not read(stream):
            raise EntryUnreadable(f"`{stream}`, which a linked token was delegated from, is missing")
        return parse_entry(read(stream)[0].data).body

    links = ((link.body.role, Stream(link.body.stream)) for link in visit if _is_link(link))
    for stream in streams_behind(links, first_body):
        yield from (entry for entry in read(stream) if entry.position < size)


def _is_link(entry: RecordedEntry) -> bool:
    return entry.type == VISIT_OBJECT_LINKED.name


def _linked_entries(stream: Iterable[RecordedEntry], reader: EntryReader) -> Iterable[RecordedEntry]:
    older: dict[str, set[int]] = {}
    for link in filter(_is_link, stream):
        target = _find_before(link, reader)
        if target is not None:
            yield target
        else:
            older.setdefault(link.body.stream, set()).add(link.body.n)
    for name, numbers in older.items():
        yield from reader.numbered(name, numbers).values()


def _find_before(link: RecordedEntry, reader: EntryReader) -> RecordedEntry | None:
    """What is linked, where it was made by the command that links it: most is, and then no stream is walked."""
    for position in range(link.position - 1, max(link.position - 1 - LOOK_BACK_ENTRIES, -1), -1):
        entry = reader.entry(position)
        if (entry.stream, entry.n) == (link.body.stream, link.body.n):
            return entry
    return None


def _actors_in(entry: RecordedEntry) -> list[str]:
    if entry.type == VISIT_OPENED.name:
        return [entry.actor, entry.body.patient, entry.body.clinician, *entry.body.devices]
    if entry.type == VISIT_INVITED.name:
        return [entry.actor, entry.body.participant]
    return [entry.actor]
