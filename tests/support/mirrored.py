"""A node that lets one actor mirror its ledger, over real HTTP; and what a dishonest one writes into it.

`make_mirrored` makes the folder, `serve_mirrored` serves it, `append_behind` writes entries that the writer
would never make, as the journal stores them: the tree over them is consistent all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from telesphor.app import Node, open_node
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url
from telesphor.kernel.clock import Clock
from telesphor.ledger import store
from telesphor.ledger.leaves import ADD_LEAF, AddLeaf
from telesphor.runtime.capability import Actor
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.requests import Request
from telesphor.runtime.serving import serving
from tests.torture.folders import PASSPHRASE, SYSTEM, make_folder

NETWORK = """\
organisation = "clinic.example"
region = "eu-west"
cloud = "own"
operator = "clinic.example"

[[mirror]]
actor = "{actor}"
"""


def make_mirrored(folder: Path, *, actor: str = SYSTEM) -> dict[str, Wallet]:
    """A node whose ledger `actor` may mirror; returns the wallets of its actors."""
    wallets = make_folder(folder)
    (folder / "network.toml").write_text(NETWORK.format(actor=actor))
    return wallets


@contextmanager
def serve_mirrored(
    folder: Path, *, clock: Clock | None = None, port: int = 0, leaves: int = 0
) -> Iterator[tuple[Node, str]]:
    """Serve the node, with so many leaves more, all of them under a checkpoint."""
    with open_node(folder, passphrase=PASSPHRASE, clock=clock) as node:
        add_leaves(node, leaves)
        with serving(node.edge(), port=port) as url:
            yield node, url


def add_leaves(node: Node, count: int, *, size: int = 20) -> None:
    """Entries of so many bytes and more on one stream; returns once a checkpoint covers the whole ledger."""
    actor = Actor(node.keys.node_id, "node", "")
    for first in range(0, count, 500):
        data = [base64url.encode(b"%d" % i + bytes(size - 20)) for i in range(first, min(count, first + 500))]
        commands = tuple((ADD_LEAF, AddLeaf(data=text)) for text in data)
        node.machine.call_blocking(Request(actor, commands), timeout_seconds=30)
    assert node.integrator.wait_for(node.machine.committed_size - 1, timeout_seconds=30)


def append_behind(folder: Path, entries: Sequence[bytes]) -> int:
    """Write entries to the ledger of a node that does not run; returns the position of the first."""
    db = apsw.Connection(str(NodeFolder(folder).ledger))
    try:
        first = store.count_positions(db)
        for position, data in enumerate(entries, first):
            stream: str = json.loads(data)["stream"]
            head = store.stream_head(db, stream)
            store.insert_entries(db, [(position, head[1] if head else store.NO_PREVIOUS, data)])
            store.put_streams(db, [(stream, json.loads(data)["n"] + 1, position)])
        return first
    finally:
        db.close()


def last_leaf(folder: Path) -> dict[str, Any]:
    """The members of the newest leaf, from which others are made."""
    db = apsw.Connection(str(NodeFolder(folder).ledger))
    try:
        rows = store.entry_rows(db, first=0, end=store.count_positions(db))
        found = [json.loads(data) for _, _, data in rows if b'"leaf.added/1"' in data]
        return dict(found[-1])
    finally:
        db.close()


def encode_like(members: dict[str, Any], **changed: Any) -> bytes:
    """An entry of these members as canonical JSON (they are ASCII)."""
    return json.dumps(members | changed, sort_keys=True, separators=(",", ":")).encode()
