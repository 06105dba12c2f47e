"""What every bundle of this ledger holds besides what it is about: key histories, requests, proofs, confirmations.

Whoever makes a bundle says which entries it is about. To them come the first entry of the ledger and the
key history of every actor that made one of them, whole as of the checkpoint, then the signed request behind
each, an inclusion proof for each at that checkpoint, and what others said of it: witnesses' cards and
anchors. The checkpoint may be older than the newest there is; what is later is not in the bundle. Documents that
entries name come along where the caller says whose, nearest first; one that was forgotten is absent.
`telesphor.verify` checks what is gathered here.

INVARIANT: what is written depends only on the ledger, the checkpoint, its confirmations and the time of
making.

Start at `assemble_bundle`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from telesphor.kernel.archive import FILES_MAX
from telesphor.kernel.bundle import (
    BUNDLE_BYTES_MAX,
    BundleEntry,
    BundleParts,
    OpenedCommitment,
    Subject,
    write_bundle,
)
from telesphor.kernel.card import read_card
from telesphor.kernel.document import DOCUMENTS_MAX, digests_in, follow_documents
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import LimitExceeded
from telesphor.kernel.ids import stream_of
from telesphor.kernel.note import parse_note, parse_vkey
from telesphor.kernel.signing import SigningKey
from telesphor.ledger.entries import EntryReader, RecordedEntry

GENESIS = 0
"""Position of the first entry."""

FILE_OVERHEAD_BYTES = 512
"""What a file costs besides its content: two headers with its name, its line in the manifest."""

FIXED_FILES = 8
"""The files that every bundle has: manifest and its signature, page for people, checkpoint, keys; and some to spare."""

FIXED_BYTES = 1_280 * 1024
"""What these take at most: a checkpoint of 1 MiB, and the rest by their bounds."""

ACTOR_STREAM = "actor"
"""Kind of the streams that say who holds which keys."""


class Proofs(Protocol):
    """Where inclusion paths come from (RFC 6962, section 2.1.1)."""

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """The path of a position in the tree of `size` leaves."""
        ...


class Checkpointed(Protocol):
    """A signed checkpoint: how many leaves it covers, and the exact note with all its signature lines."""

    @property
    def size(self) -> int: ...
    @property
    def note(self) -> bytes: ...


class Confirmations(NamedTuple):
    """What others than the node said of one checkpoint, and the policy that the node aims at.

    Attributes:
        cards: witnesses' signed cards, and the log's own, by the key id of their ML-DSA-44 verifier key;
            those of keys that did not sign the checkpoint are left out by themselves.
        anchors: proofs of public chains by file name, such as `bitcoin-mainnet.ots`.
        levels: the node's own policy of assurance levels, as TOML.
    """

    cards: Mapping[int, bytes] = {}
    anchors: Mapping[str, bytes] = {}
    levels: bytes | None = None


UNCONFIRMED = Confirmations()
"""Nobody but the node has said anything of the checkpoint."""


class Room(NamedTuple):
    """How many files, and bytes with what an archive adds to each, still fit into a bundle."""

    files: int
    size: int


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


def assemble_bundle(
    subject: Subject,
    entries: Sequence[RecordedEntry],
    *,
    reader: EntryReader,
    checkpoint: Checkpointed,
    source: BundleSource,
    made_at: str,
    opened: Sequence[OpenedCommitment] = (),
    confirmations: Confirmations = UNCONFIRMED,
    documents_of: Iterable[RecordedEntry] = (),
    all_documents: bool = True,
) -> bytes:
    """Make the bundle of these entries, which are by rising position, at a checkpoint that covers them.

    Args:
        documents_of: those among the entries whose documents come along.
        all_documents: whether to refuse when there is no room for all of them; otherwise the furthest are left out.

    Raises:
        ProofRefused: the checkpoint does not cover them.
        LimitExceeded: the bundle would be larger than bundles may be.
    """
    parts = BundleParts(
        made_at=made_at,
        origin=source.origin,
        subject=subject,
        checkpoint=checkpoint.note,
        log_vkeys=source.log_vkeys,
        entries=[_with_proof(entry, proofs=source.proofs, size=checkpoint.size) for entry in entries],
        evidence=_evidence_of(entries, reader),
        opened=opened,
        cards=choose_cards(confirmations.cards, checkpoint.note),
        anchors=confirmations.anchors,
        levels=confirmations.levels,
    )
    documents = gather_documents(documents_of, reader, room=room_beside(parts), refuse=all_documents)
    return write_bundle(replace(parts, documents=documents), sign=source.sign_key)


def complete_entries(
    entries: Iterable[RecordedEntry], actors: Iterable[str], reader: EntryReader, *, size: int
) -> list[RecordedEntry]:
    """These entries with the first of the ledger and the key histories of `actors`, by rising position.

    Args:
        size: of the checkpoint's tree: key histories are taken as far as it reaches.
    """
    found = {GENESIS: reader.entry(GENESIS)}
    found.update((entry.position, entry) for entry in entries)
    found.update((entry.position, entry) for entry in _key_histories(actors, reader, size))
    return [found[position] for position in sorted(found)]


def gather_documents(
    entries: Iterable[RecordedEntry], reader: EntryReader, *, room: Room, refuse: bool
) -> list[bytes]:
    """The documents that these entries name and that the node still keeps, with all that these name in turn.

    Raises:
        LimitExceeded: they do not fit, and `refuse` is set.
    """
    named = {digest for entry in entries for digest in digests_in(parse_entry(entry.data).body)}
    found: list[bytes] = []
    size = 0
    for _, data in follow_documents(named, reader.document):
        size += len(data) + FILE_OVERHEAD_BYTES
        if size > room.size or len(found) == room.files:
            if refuse:
                raise LimitExceeded(
                    "the bundle has no room for all documents", hint="choose fewer entries at once"
                )
            break  # What was found so far is named by entries, or by what was found before it.
        found.append(data)
    return found


def choose_cards(cards: Mapping[int, bytes], note: bytes) -> dict[int, bytes]:
    """Those cards whose keys signed the note; a verifier refuses a card of anyone who did not."""
    signed = {line.key_id for line in parse_note(note).signatures}
    return {key_id: card for key_id, card in cards.items() if key_id in signed}


def index_cards(cards: Iterable[bytes]) -> dict[int, bytes]:
    """Signed cards by the key id of their ML-DSA-44 verifier key, as `Confirmations` has them.

    Raises:
        CardRefused, HalfSignature: one is not a card.
    """
    return {parse_vkey(read_card(card).vkeys[1]).key_id: card for card in cards}


def _key_histories(actors: Iterable[str], reader: EntryReader, size: int) -> Iterable[RecordedEntry]:
    """Every actor's own stream, and those of the actors that registered them, and so on."""
    waiting = list(actors)
    seen: set[str] = set()
    while waiting:
        actor = waiting.pop()
        if actor in seen:
            continue
        seen.add(actor)
        for entry in reader.stream(stream_of(ACTOR_STREAM, actor)):  # the node and its root have none
            if entry.position < size:
                waiting.append(entry.actor)
                yield entry


def room_beside(parts: BundleParts) -> Room:
    """What parts without documents leave free, a little less than it is."""
    files = [entry.data for entry in parts.entries] + [b"".join(entry.path) * 2 for entry in parts.entries]
    files += [*parts.evidence, *parts.cards.values(), *parts.anchors.values(), parts.levels or b""]
    files += [one.value * 2 for one in parts.opened]
    used = sum(map(len, files)) + FILE_OVERHEAD_BYTES * len(files) + FIXED_BYTES
    count = min(DOCUMENTS_MAX, FILES_MAX - FIXED_FILES - len(files))
    return Room(max(count, 0), max(BUNDLE_BYTES_MAX - used, 0))


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
