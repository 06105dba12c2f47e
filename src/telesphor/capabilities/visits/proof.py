"""The proof of a closed visit as one file: everything a stranger needs to check it offline.

A visit's bundle is about the visit's whole stream and every entry it links. The first entry of the ledger,
the key history of every actor that appears in any of these, requests, proofs and confirmations come with
them as with every bundle (`ledger/bundles.py`). `telesphor.verify` checks what is gathered here.

INVARIANT: what is written depends only on the ledger, the checkpoint, its confirmations and the time of
making.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from telesphor.capabilities.visits.entries import VISIT_OBJECT_LINKED, VISIT_OPENED
from telesphor.capabilities.visits.model import VISIT_STREAM, BundleNotReady, VisitMissing
from telesphor.kernel.bundle import OpenedCommitment
from telesphor.kernel.ids import stream_of
from telesphor.ledger.bundles import (
    UNCONFIRMED,
    BundleSource,
    Checkpointed,
    Confirmations,
    assemble_bundle,
    complete_entries,
)
from telesphor.ledger.entries import EntryReader, EntryUnreadable, RecordedEntry

__all__ = ["BundleSource", "last_position", "visit_bundle"]


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

    Raises:
        VisitMissing: there is no such visit.
        BundleNotReady: the checkpoint is older than the visit's newest entry.
        LimitExceeded: the bundle would be larger than bundles may be.
    """
    about = _entries_about(visit, reader)
    newest = max(entry.position for entry in about)
    if newest >= checkpoint.size:
        raise BundleNotReady(
            f"position `{newest}` is not in a signed checkpoint yet", hint="ask again in a second"
        )
    return assemble_bundle(
        stream_of(VISIT_STREAM, visit),
        complete_entries(about, _actors_of(about), reader, size=checkpoint.size),
        reader=reader,
        checkpoint=checkpoint,
        source=source,
        made_at=made_at,
        opened=opened,
        confirmations=confirmations,
    )


def last_position(visit: str, reader: EntryReader) -> int:
    """Position of the visit's newest entry, which is later than whatever it links; raises `VisitMissing`."""
    return _stream_of(visit, reader)[-1].position


def _entries_about(visit: str, reader: EntryReader) -> list[RecordedEntry]:
    """The visit's own stream and what it links to; none of it is later than the closing."""
    stream = _stream_of(visit, reader)
    return [*stream, *_linked_entries(stream, reader)]


def _stream_of(visit: str, reader: EntryReader) -> list[RecordedEntry]:
    stream = reader.stream(stream_of(VISIT_STREAM, visit))
    if not stream:
        raise VisitMissing(f"there is no visit `{visit}`")
    return stream


def _actors_of(entries: Iterable[RecordedEntry]) -> Iterable[str]:
    return (actor for entry in entries for actor in _actors_in(entry))


def _linked_entries(stream: Iterable[RecordedEntry], reader: EntryReader) -> Iterable[RecordedEntry]:
    streams: dict[str, list[RecordedEntry]] = {}
    for link in stream:
        if link.type != VISIT_OBJECT_LINKED.name:
            continue
        # Reads and readings are made just before their link; only objects are linked later.
        before = reader.entry(link.position - 1)
        if (before.stream, before.n) == (link.body.stream, link.body.n):
            yield before
            continue
        name = link.body.stream
        if name not in streams:
            streams[name] = reader.stream(name)
        if link.body.n >= len(streams[name]):
            raise EntryUnreadable(f"entry `{link.body.n}` of `{name}` is linked and missing")
        yield streams[name][link.body.n]


def _actors_in(entry: RecordedEntry) -> list[str]:
    if entry.type == VISIT_OPENED.name:
        return [entry.actor, entry.body.patient, entry.body.clinician, *entry.body.devices]
    return [entry.actor]
