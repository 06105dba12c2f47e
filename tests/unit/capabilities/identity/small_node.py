"""A node of identity alone, and of what a test adds: real keys, real SQLite, the real writer; only time is ours."""

from __future__ import annotations

from pathlib import Path

import apsw

from telesphor.capabilities.identity.authenticate import Authenticator, check_signer, read_genesis
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.client.requests import Command, register_command, sign_genesis, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger.entries import EntryJournal, EntryReader, RecordedEntry
from telesphor.runtime.capability import Actor, Body, Capability, CommandType, Receipt, Registry
from telesphor.runtime.database import open_database, open_reader
from telesphor.runtime.machine import Machine, Request

ORIGIN = "node.example/telesphor"
START_MS = 1_795_348_275_123
ANSWER_SECONDS = 60.0


class SmallNode:
    """A node that has its first entry; what extends it may bring capabilities that need its tables (`own`)."""

    def __init__(self, folder: Path, *capabilities: Capability, start_ms: int = START_MS) -> None:
        self.clock = ManualClock(start_ms)
        self.ids = IdSource(self.clock)
        self.path = folder / "ledger.sqlite"
        self.node = Wallet.create(kind="node", ids=self.ids)
        self.db = open_database(self.path)
        self.registry = Registry([IDENTITY, *capabilities, *self.own()])
        self.journal = EntryJournal(db=self.db, ids=self.ids)
        for store in self.registry.stores():
            self.db.execute(store.schema)
        self.machine = Machine(
            db=self.db,
            registry=self.registry,
            journal=self.journal,
            clock=self.clock,
            ids=self.ids,
            guards=[check_signer],
        )
        self.machine.start()
        self.authenticator = Authenticator(
            open_db=self.open_db, registry=self.registry, origin=ORIGIN, clock=self.clock
        )
        self._begin()

    def own(self) -> tuple[Capability, ...]:
        """Capabilities that are made with this node's clock, ids and tables."""
        return ()

    def open_db(self) -> apsw.Connection:
        """A connection that reads."""
        return open_reader(self.path)

    def _begin(self) -> None:
        data = sign_genesis(
            root=ActorId(self.ids.next()),
            root_key=SigningKey.generate(HybridSuite.ROOT),
            node=self.node,
            origin=ORIGIN,
            log_vkeys=LogSigner.generate(ORIGIN).vkeys(),
            clock=self.clock,
            ids=self.ids,
        )
        request = read_genesis(data, registry=self.registry, origin=ORIGIN, clock=self.clock)
        self.machine.call_blocking(request, timeout_seconds=ANSWER_SECONDS)

    def sign(self, wallet: Wallet, *commands: Command) -> bytes:
        """Sign commands as `wallet`, now."""
        return sign_request(wallet, node=ORIGIN, commands=commands, clock=self.clock, ids=self.ids)

    def take(self, data: bytes) -> Receipt:
        """What the edge does with the bytes of a request."""
        request = self.authenticator.authenticate(data)
        return self.machine.call_blocking(request, timeout_seconds=ANSWER_SECONDS)

    def ask(self, wallet: Wallet, *commands: Command) -> Receipt:
        """Sign and take."""
        return self.take(self.sign(wallet, *commands))

    def record_own_word(self, command: CommandType, body: Body) -> Receipt:
        """What the node says by itself."""
        actor = Actor(self.node.actor, "node", self.node.signing_key.public.key_id)
        return self.machine.call_blocking(Request(actor, ((command, body),)), timeout_seconds=ANSWER_SECONDS)

    def enrol(self, kind: str) -> Wallet:
        """A new, registered actor."""
        wallet = Wallet.create(kind=kind, ids=self.ids)
        self.ask(self.node, register_command(wallet, node=ORIGIN))
        return wallet

    def entries(self) -> list[RecordedEntry]:
        """All entries so far."""
        reader = EntryReader(self.path, self.registry)
        found = list(reader.entries(first=0, end=reader.size()))
        reader.db.close()
        return found

    def close(self) -> None:
        """Stop the writer."""
        self.machine.stop()
        self.db.close()
