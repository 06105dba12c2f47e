"""A node's folder for reading and proving, also beside a process that serves it. Start at `open_for_proofs`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from telesphor.app.registry import build_checking_registry
from telesphor.capabilities.visits.proof import BundleSource, last_position, visit_bundle
from telesphor.kernel.card import read_card
from telesphor.kernel.clock import Clock, format_instant
from telesphor.ledger.anchors.book import AnchorBook
from telesphor.ledger.bundles import UNCONFIRMED
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.entries import EntryReader
from telesphor.ledger.fsck import LedgerFiles
from telesphor.ledger.network.judging import Judge
from telesphor.ledger.network.peers import read_levels
from telesphor.ledger.network.standing import Books, Standing, best_standing
from telesphor.ledger.receipts import Prover
from telesphor.ledger.witness.book import CosignatureBook
from telesphor.runtime.blobs import open_blobs
from telesphor.runtime.folder import (
    NodeFolder,
    NodeKeys,
)
from telesphor.runtime.network import load_network
from telesphor.runtime.settings import Settings, load_settings


class Proofs(NamedTuple):
    """What proofs are made from: entries, signed checkpoints, tiles, and where an entry is proven best."""

    reader: EntryReader
    book: CheckpointBook
    prover: Prover
    standing: Callable[[int], Standing]


@contextmanager
def open_for_proofs(path: Path) -> Iterator[Proofs]:
    """Open a node's folder for reading and proving, beside a process that may be serving it.

    Raises:
        SettingsRefused: there is no node there, or a setting is wrong.
    """
    settings = load_settings(path)
    folder = NodeFolder(path)
    with closing(EntryReader(folder.ledger, build_checking_registry())) as reader, open_books(path) as books:
        prover = Prover(book=books.checkpoints, public=open_blobs(folder.public_url(settings)))
        yield Proofs(reader, books.checkpoints, prover, partial(_standing, folder=folder, books=books))


def _standing(position: int, *, folder: NodeFolder, books: Books) -> Standing:
    network = load_network(folder.path)
    if network is None or not folder.log_card.is_file():  # It has not yet been opened with a network.
        return plain_standing(position, book=books.checkpoints)
    levels, policy = read_levels(folder, network)
    log_card = folder.log_card.read_bytes()
    card = read_card(log_card)
    judge = Judge(card.name, card.vkeys, policy)
    return best_standing(position, books=books, log_card=log_card, levels=levels, judge=judge)


def plain_standing(position: int, *, book: CheckpointBook) -> Standing:
    """The newest checkpoint, of a node that stands alone; raises `CheckpointMissing` when it holds no `position`."""
    book.covering(position)
    newest = book.newest()
    return Standing(newest.size, newest.note, UNCONFIRMED)


def make_visit_bundle(
    visit: str,
    *,
    reader: EntryReader,
    standing: Callable[[int], Standing],
    prover: Prover,
    keys: NodeKeys,
    clock: Clock,
) -> bytes:
    """The bundle of a visit at the checkpoint where it is proven best.

    Raises:
        VisitMissing, BundleNotReady, CheckpointMissing: there is nothing to prove yet.
    """
    found = standing(last_position(visit, reader))
    return visit_bundle(
        visit,
        reader=reader,
        checkpoint=found,
        source=BundleSource(keys.log.origin, keys.log.vkeys(), prover, keys.signing),
        made_at=format_instant(clock.now_ms()),
        confirmations=found.confirmations,
    )


@contextmanager
def open_books(path: Path) -> Iterator[Books]:
    """Open what a node and others said of its checkpoints, beside a process that may be serving it."""
    published = NodeFolder(path).published
    load_settings(path)
    with (
        closing(CheckpointBook(published)) as checkpoints,
        closing(CosignatureBook(published)) as cosignatures,
        closing(AnchorBook(published)) as anchors,
    ):
        yield Books(checkpoints, cosignatures, anchors)


def ledger_files(folder: NodeFolder, settings: Settings) -> LedgerFiles:
    """Where `fsck` finds a ledger, and the keys its checkpoints must bear."""
    ed25519, mldsa44 = folder.log_vkeys.read_text(encoding="utf-8").split()
    return LedgerFiles(
        ledger=folder.ledger,
        published=folder.published,
        public=open_blobs(folder.public_url(settings)),
        origin=settings.origin,
        vkeys=(ed25519, mldsa44),
    )
