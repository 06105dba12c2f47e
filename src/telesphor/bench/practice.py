"""A node with people at it, who ask before it is served: what is measured over HTTP needs a history.

Every step is asked for by a signed request of its own, in this process. Start at `open_practice`.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from telesphor.app import Node, create_node, node_wallet, open_node
from telesphor.bench.load import post_bytes
from telesphor.bench.talks import COMMANDS_PATH, ORIGIN, SIGNED_MEDIA_TYPE
from telesphor.client.requests import Command, register_command, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.ids import ObjectId
from telesphor.runtime.capability import Receipt

PASSPHRASE = b"only for the benchmark"

ENROLLED_AT_ONCE = 32
"""A registration has some 15 kB with its card, a request at most 1 MiB."""


class Practice:
    """An open node, and asking it."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def enrol(self, kind: str) -> Wallet:
        """Register a new actor."""
        wallet = Wallet.create(kind=kind, ids=self.node.ids)
        self.ask(node_wallet(self.node.keys), register_command(wallet, node=self.node.settings.origin))
        return wallet

    def enrol_many(self, kind: str, count: int) -> list[Wallet]:
        """Register so many new actors, some tens in each request."""
        wallets = [Wallet.create(kind=kind, ids=self.node.ids) for _ in range(count)]
        registrar, origin = node_wallet(self.node.keys), self.node.settings.origin
        for start in range(0, count, ENROLLED_AT_ONCE):
            some = wallets[start : start + ENROLLED_AT_ONCE]
            self.ask(registrar, *(register_command(wallet, node=origin) for wallet in some))
        return wallets

    def ask(self, wallet: Wallet, *commands: Command) -> Receipt:
        """Ask in one signed request, and wait until it is durable."""
        return asyncio.run(self.node.gate.execute(self.sign(wallet, *commands)))

    def sign(self, wallet: Wallet, *commands: Command) -> bytes:
        """A signed request."""
        node = self.node
        return sign_request(
            wallet, node=node.settings.origin, commands=commands, clock=node.clock, ids=node.ids
        )

    def post(self, wallet: Wallet, *commands: Command) -> bytes:
        """The same as it goes over the wire."""
        return post_bytes(COMMANDS_PATH, self.sign(wallet, *commands), media_type=SIGNED_MEDIA_TYPE)

    def put_record(self, owner: Wallet, data: bytes, *, readers: Sequence[str] = ()) -> ObjectId:
        """Write and seal an object."""
        record = ObjectId(self.node.ids.next())
        body = {
            "object": record,
            "media_type": "application/fhir+json",
            "readers": list(readers),
            "visit": None,
        }
        ticket = self.ask(owner, ("object.write/1", body)).results[0].ticket
        stored = self.node.vault.receive(ticket, io.BytesIO(data))
        self.ask(owner, ("object.seal/1", {"object": record, "size": stored.size, "digest": stored.digest}))
        return record


@contextmanager
def open_practice(path: Path) -> Iterator[Practice]:
    """Make a node in the new folder `path`, and keep it open while the block runs."""
    create_node(path, origin=ORIGIN, passphrase=PASSPHRASE)
    with open_node(path, passphrase=PASSPHRASE) as node:
        yield Practice(node)
