"""What the pages of auditors and administrators are told about one node. Start at `describe_node`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from telesphor.capabilities.compliance.administration.contracts import Waiting
from telesphor.capabilities.compliance.administration.health import NodeParts
from telesphor.capabilities.compliance.blocks import LedgerBlocks
from telesphor.capabilities.compliance.index.index import INDEX_FILE
from telesphor.capabilities.compliance.opening import Served
from telesphor.capabilities.contracts.effects.connectors import Connector, FolderConnector
from telesphor.capabilities.contracts.runner.queue import ReactionQueue
from telesphor.capabilities.contracts.runner.runtime import REACTIONS_FILE
from telesphor.ledger.bundles import BundleSource
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.network.network import Network
from telesphor.ledger.network.standing import Standing
from telesphor.ledger.network.status import BlockStatus
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.settings import Settings

ANCHORS_ASKED: Final = 10
"""Blocks that are looked at to tell of peers and anchors."""


def describe_node(
    folder: NodeFolder,
    settings: Settings,
    *,
    book: CheckpointBook,
    network: Network | None,
    standing: Callable[[int], Standing],
    source: BundleSource,
    queue: ReactionQueue,
    connectors: Mapping[str, Connector],
    health: Callable[[], Mapping[str, object]],
    sessions: Callable[[], int],
) -> Served:
    """Put together what the pages ask of an open node.

    Args:
        standing: the checkpoint at which a position is proven best; it waits for one.
        health: what `/healthz` says.
        sessions: how many are signed in.
    """
    parts = NodeParts(
        health=health,
        checkpoint=book.last,
        network=lambda: None if network is None else network.status(ANCHORS_ASKED),
        storage=_places(folder, settings),
        sessions=sessions,
        queue_max=settings.queued_requests_max,
    )
    return Served(
        blocks=LedgerBlocks(origin=settings.origin, book=book, status=_status(network)),
        standing=standing,
        source=lambda: source,
        parts=parts,
        waiting=lambda: Waiting(*queue.counts(), queue.waiting_sends()),
        connectors={name: _kind(one) for name, one in connectors.items()},
    )


def _status(network: Network | None) -> Callable[[int], Sequence[BlockStatus]] | None:
    return None if network is None else lambda count: network.status(count).blocks


def _places(folder: NodeFolder, settings: Settings) -> dict[str, Path | None]:
    """By what is kept there; None for what is kept at another service."""
    return {
        "ledger": folder.ledger,
        "checkpoints": folder.published,
        "tiles": None if settings.public_url else Path(folder.public_url(settings)),
        "vault": None if settings.vault_url else Path(folder.vault_url(settings)),
        "keys of objects": folder.vault_db,
        "search index": folder.path / INDEX_FILE,
        "queue of contracts": folder.path / REACTIONS_FILE,
    }


def _kind(connector: Connector) -> str:
    return "folder" if isinstance(connector, FolderConnector) else "webhook"
