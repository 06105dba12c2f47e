"""The proof of a closed visit as one file: everything a stranger needs to check it offline.

Gathered are the first entry of the ledger, the visit's whole stream, every entry it links, and the key
history of every actor that appears in any of these; with the signed request behind each, and an inclusion
proof for each at one checkpoint. `telesphor.verify` checks what is gathered here.

INVARIANT: what is written depends only on the ledger, the checkpoint and the time of making.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from telesphor.capabilities.identity.model import ACTOR_STREAM
from telesphor.capabilities.visits.entries import VISIT_OBJECT_LINKED, VISIT_OPENED
from telesphor.capabilities.visits.model import VISIT_STREAM, BundleNotReady, VisitMissing
from telesphor.kernel.bundle import BundleEntry, BundleParts, OpenedCommitment, write_bundle
from telesphor.kernel.ids import stream_of
from telesphor.kernel.signing import SigningKey
from telesphor.ledger.entries import EntryReader, EntryUnreadable, RecordedEntry

GENESIS = 0
"""Position of the first entry."""


class Proofs(Protocol):
    """Where inclusion paths come from (RFC 6962, section 2.1.1)."""

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """The path of a position in the tree of `size` leaves."""
        ...


class Checkpointed(Protocol):
    """A signed checkpoint: how many leaves it covers, and the exact note."""

    @property
    def size(self) -> int: ...
    @property
    def note(self) -> bytes: ...


class BundleSource(NamedTuple):
    """What a node makes bundles from, besides its entries.

    Attributes:
        origin: the node's name.
        log_vkeys: the Ed25519 and ML-DSA-44 keys of its checkpoints, as vkey text.
        sign_key: the node's own pair, which signs manifests.
    """

    origin: str
    log_vkeys: tuple[str, str]
    proofs: Proofs
    sign_key: SigningKey


def visit_bundle(
    visit: str,
    *,
    reader: EntryReader,
    checkpoint: Checkpointed,
    source: BundleSource,
    made_at: str,
    opened: Sequence[OpenedCommitment] = (),
) -> bytes:
    """Make the bundle of a visit at one checkpoint.

    Args:
        checkpoint: the one to prove inclusion in; it must cover all that is gathered.
        made_at: the instant of making, as text.
        opened: commitments of gathered entries to show with their values.

    Raises:
        VisitMissing: there is no such visit.
        BundleNotReady: the checkpoint is older than the visit's newest entry.
        LimitExceeded: the bundle would be larger than bundles may be.
    """
    entries = gather_entries(visit, reader)
    newest = entries[-1].position
    if newest >= checkpoint.size:
        raise BundleNotReady(
            f"position `{newest}` is not in a signed checkpoint yet", hint="ask again in a second"
        )
    proofs = source.proofs
    parts = BundleParts(
        made_at=made_at,
        origin=source.origin,
        subject=stream_of(VISIT_STREAM, visit),
        checkpoint=checkpoint.note,
        log_vkeys=source.log_vkeys,
        entries=[_with_proof(entry, proofs=proofs, size=checkpoint.size) for entry in entries],
        evidence=_evidence_of(entries, reader),
        opened=opened,
    )
    return write_bundle(parts, sign=source.sign_key)


def gather_entries(visit: str, reader: EntryReader) -> list[RecordedEntry]:
    """All entries that belong in the visit's bundle, by position; raises `VisitMissing`."""
    stream = reader.stream(stream_of(VISIT_STREAM, visit))
    if not stream:
        raise VisitMissing(f"there is no visit `{visit}`")
    found = {GENESIS: reader.entry(GENESIS)}
    found.update((entry.position, entry) for entry in stream)
    found.update((entry.position, entry) for entry in _linked_entries(stream, reader))
    found.update((entry.position, entry) for entry in _key_histories(found.values(), reader))
    return [found[position] for position in sorted(found)]


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


def _key_histories(entries: Iterable[RecordedEntry], reader: EntryReader) -> Iterable[RecordedEntry]:
    """Every actor's own stream, and those of the actors that registered them, and so on."""
    waiting = [actor for entry in entries for actor in _actors_in(entry)]
    seen: set[str] = set()
    while waiting:
        actor = waiting.pop()
        if actor in seen:
            continue
        seen.add(actor)
        for entry in reader.stream(stream_of(ACTOR_STREAM, actor)):  # the node and its root have none
            waiting.append(entry.actor)
            yield entry


def _actors_in(entry: RecordedEntry) -> list[str]:
    if entry.type == VISIT_OPENED.name:
        return [entry.actor, entry.body.patient, entry.body.clinician, *entry.body.devices]
    return [entry.actor]


def _with_proof(entry: RecordedEntry, *, proofs: Proofs, size: int) -> BundleEntry:
    path = tuple(proofs.inclusion(entry.position, size))
    return BundleEntry(position=entry.position, data=entry.data, path=path)


def _evidence_of(entries: Iterable[RecordedEntry], reader: EntryReader) -> list[bytes]:
    found: dict[str, bytes] = {}
    for entry in entries:
        if entry.evidence is not None and entry.evidence not in found:
            request = reader.request_of(entry)
            if request is not None:
                found[entry.evidence] = request
    return list(found.values())
