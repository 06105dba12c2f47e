"""The composition root: the one list of capabilities, and how a node is made, opened and served.

`create_node` makes a folder and the ledger's first entry. `open_node` takes the folder's lock and
wires the parts together: database, journal, writer, integrator, vault, followers, HTTP edge.
Nothing is found by scanning; whoever adds a capability adds it to the two lists here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from telesphor.capabilities.devices.capability import CAPABILITY as DEVICES
from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity.authenticate import (
    Authenticator,
    check_signer,
    open_verifier,
    read_genesis,
)
from telesphor.capabilities.identity.capability import CAPABILITY as IDENTITY
from telesphor.capabilities.visits.capability import RECORDED as VISITS_RECORDED
from telesphor.capabilities.visits.capability import visits_capability
from telesphor.capabilities.visits.proof import BundleSource, visit_bundle
from telesphor.capabilities.visits.routes import routes as visit_routes
from telesphor.client.requests import sign_genesis
from telesphor.client.wallet import Wallet
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import Clock, SystemClock, format_instant
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.sealing import RecipientKey
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger import leaves
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.entries import EntryJournal, EntryReader
from telesphor.ledger.fsck import LedgerFiles
from telesphor.ledger.integrator import Integrator
from telesphor.ledger.receipts import Prover
from telesphor.ledger.routes import routes as ledger_routes
from telesphor.runtime.blobs import open_blobs
from telesphor.runtime.capability import Recorded, Registry
from telesphor.runtime.database import open_database, open_reader
from telesphor.runtime.folder import (
    FolderLock,
    FolderRefused,
    NodeFolder,
    NodeKeys,
    RootKeys,
    load_node_keys,
    save_node_keys,
    save_root_keys,
    write_private,
)
from telesphor.runtime.gate import Gate, attempt, describe, one_by_one
from telesphor.runtime.http import Edge, build_edge
from telesphor.runtime.jobs import Follower, Periodic
from telesphor.runtime.machine import Machine
from telesphor.runtime.requests import Request
from telesphor.runtime.settings import Settings, format_settings, load_settings
from telesphor.runtime.telemetry import Metrics
from telesphor.runtime.verifiers import VerifierProcess
from telesphor.runtime.wal import WalKeeper
from telesphor.vault import service as vault_service
from telesphor.vault.capability import RECORDED as VAULT_RECORDED
from telesphor.vault.capability import capability as vault_capability
from telesphor.vault.entries import OBJECT_ERASED, OBJECT_REWRAPPED
from telesphor.vault.erasure import finish_erasures, sweep
from telesphor.vault.routes import routes as vault_routes
from telesphor.vault.vault import Vault

VERIFY_BATCH_REQUESTS = 32
"""Requests sent to a verifying process at once: about 15 ms of its time."""

VERIFY_PROCESSES_MAX = 4
"""One per core where nothing else is said; beyond four the one writer is what limits."""

VERIFY_THREADS = 2
"""Signatures are verified outside the interpreter's lock: one thread per core of a small machine."""

CHECKPOINT_WAIT_SECONDS = 30.0

SWEEP_SECONDS = 3_600.0

HOLDERS_CHANGED = frozenset({OBJECT_ERASED.name, OBJECT_REWRAPPED.name})
"""Entries after which an object has other key holders, or none."""

STALLED_SECONDS = 10
"""A checkpoint this much older than its newest entry means that integration stands still."""


def build_checking_registry() -> Registry:
    """What a node can record, without what it needs to decide: enough to read and replay a ledger."""
    return Registry((IDENTITY, VAULT_RECORDED, DEVICES, VISITS_RECORDED, leaves.CAPABILITY))


class Node:
    """One open node. Made by `open_node`, which also closes it."""

    def __init__(
        self,
        folder: NodeFolder,
        settings: Settings,
        keys: NodeKeys,
        clock: Clock,
        stack: ExitStack,
        *,
        verify_processes: int,
    ) -> None:
        self._verify_processes = verify_processes
        self.folder = folder
        self.settings = settings
        self.keys = keys
        self.clock = clock
        self.ids = IdSource(clock)
        self.metrics = Metrics()
        db = self._open_ledger(stack)
        self.vault = self._open_vault(stack)
        self.registry = self._build_registry()
        self.machine = Machine(
            db=db,
            registry=self.registry,
            journal=EntryJournal(db=db, ids=self.ids),
            clock=clock,
            ids=self.ids,
            guards=(check_signer,),
            metrics=self.metrics,
            queued_requests_max=settings.queued_requests_max,
        )
        self._open_tree(stack)
        authenticator = Authenticator(
            open_db=partial(open_reader, folder.ledger),
            registry=self.registry,
            origin=settings.origin,
            clock=clock,
        )
        self.authenticate = authenticator.authenticate
        self.gate = self._open_gate(authenticator, stack)

    def _open_gate(self, authenticator: Authenticator, stack: ExitStack) -> Gate:
        """Signatures are verified in threads, or in processes where the settings ask for them."""
        count = self._verify_processes
        if not count:
            gate = Gate([one_by_one(authenticator.authenticate)] * VERIFY_THREADS, self.machine)
            stack.callback(gate.close)
            return gate
        processes = [
            VerifierProcess(open_verifier, self.folder.ledger, self.settings.origin) for _ in range(count)
        ]
        for process in processes:
            stack.callback(process.close)
        authenticators = [partial(_authenticate_in, process, authenticator) for process in processes]
        gate = Gate(authenticators, self.machine, batch_requests=VERIFY_BATCH_REQUESTS)
        stack.callback(gate.close)
        return gate

    def _open_ledger(self, stack: ExitStack) -> apsw.Connection:
        db = open_database(self.folder.ledger)
        stack.callback(db.close)
        stack.callback(WalKeeper(self.folder.ledger, db).stop)
        for store in build_checking_registry().stores():
            db.execute(store.schema)
        return db

    def _open_vault(self, stack: ExitStack) -> Vault:
        vault = Vault(
            blobs=open_blobs(self.folder.vault_url(self.settings)),
            records_path=self.folder.vault_db,
            ledger_path=self.folder.ledger,
            node_id=self.keys.node_id,
            node_key=self.keys.recipient,
            recipients=identity,
            clock=self.clock,
            ids=self.ids,
        )
        stack.callback(vault.close)
        return vault

    def _build_registry(self) -> Registry:
        """The one list of capabilities."""
        visits = visits_capability(
            decide_read=partial(vault_service.decide_read, vault=self.vault), tickets=self.vault.tickets
        )
        return Registry((IDENTITY, vault_capability(self.vault), DEVICES, visits, leaves.CAPABILITY))

    def _open_tree(self, stack: ExitStack) -> None:
        self.public = open_blobs(self.folder.public_url(self.settings))
        self.book = CheckpointBook(self.folder.published)
        stack.callback(self.book.close)
        self.prover = Prover(book=self.book, public=self.public)
        self.integrator = Integrator(
            ledger_path=self.folder.ledger,
            book=self.book,
            public=self.public,
            signer=self.keys.log,
            clock=self.clock,
            metrics=self.metrics,
            interval_ms=self.settings.checkpoint_interval_ms,
        )
        stack.callback(self.integrator.stop)
        self.machine.on_commit(self.integrator.wake)

    def start(self, stack: ExitStack) -> None:
        """Start the threads; the writer is stopped first, so that all it committed is integrated."""
        sweeper = Periodic("vault-sweep", seconds=SWEEP_SECONDS, work=partial(sweep, self.vault))
        sweeper.start()
        stack.callback(sweeper.stop)
        settler = Follower(
            "vault-settle",
            source=self.reader,
            cursors=self.book,
            handle=self._settle,
            types=HOLDERS_CHANGED,
        )
        self.machine.on_commit(settler.wake)
        settler.start()
        stack.callback(settler.stop)
        self.integrator.start()
        self.integrator.wake()
        self.machine.start()
        stack.callback(self.machine.stop)

    def _settle(self, _entry: Recorded) -> None:
        """Destroy or renew an object's keys, should what followed its entry at once have failed."""
        finish_erasures(self.vault)

    def reader(self) -> EntryReader:
        """A reader of committed entries, for one thread."""
        return EntryReader(self.folder.ledger, self.registry)

    def health(self) -> dict[str, Any]:
        """What `/healthz` says: counts and ages, nothing about anyone."""
        checkpoint = self.book.last()
        waiting = self.machine.committed_size - (checkpoint.size if checkpoint else 0)
        age_ms = self.clock.now_ms() - (checkpoint.at_ms if checkpoint else 0)
        stalled = waiting > 0 and age_ms > STALLED_SECONDS * 1000
        self.metrics.queued.set(self.machine.queued)
        return {
            "status": "halted" if self.machine.halted else "stalled" if stalled else "ok",
            "origin": self.settings.origin,
            "entries": self.machine.committed_size,
            "checkpoint": checkpoint.size if checkpoint else 0,
            "queued": self.machine.queued,
        }

    def visit_proof(self, visit: str) -> bytes:
        """The bundle of a visit at the newest checkpoint; blocks until one covers it."""
        self.integrator.wait_for(self.machine.committed_size - 1, timeout_seconds=CHECKPOINT_WAIT_SECONDS)
        with closing(self.reader()) as reader:
            return make_visit_bundle(
                visit, reader=reader, book=self.book, prover=self.prover, keys=self.keys, clock=self.clock
            )

    def edge(self) -> Edge:
        """The HTTP application."""
        handlers = [
            describe(self.gate, self.registry),
            *ledger_routes(public=self.public, book=self.book, prover=self.prover),
            *vault_routes(self.vault),
            *visit_routes(tickets=self.vault.tickets, make_bundle=self.visit_proof),
        ]
        raw = [self.gate.route()]
        if self.settings.writer_route:
            raw.append(leaves.add_route(self.machine, node_id=self.keys.node_id))
        return build_edge(handlers=handlers, raw=raw, metrics=self.metrics, health=self.health)


def _authenticate_in(
    process: VerifierProcess, authenticator: Authenticator, batch: Sequence[bytes]
) -> list[Request | Exception]:
    """The signatures in the child, the commands here."""
    return [
        signed if isinstance(signed, Exception) else attempt(authenticator.read, data, signed)
        for data, signed in zip(batch, process.verify(batch), strict=True)
    ]


@contextmanager
def open_node(
    path: Path,
    *,
    passphrase: bytes,
    clock: Clock | None = None,
    serving: bool = False,
    making: bool = False,
) -> Iterator[Node]:
    """Open the node in the folder `path` for this process alone; closes it after the block.

    Args:
        serving: whether it will take requests for long, so that child processes are worth their start.
        making: whether the ledger may still lack its first entry, because the caller writes it now.

    Raises:
        FolderRefused: the node was never made completely.
        SettingsRefused, FolderInUse, WrongPassphrase, DatabaseRefused, TreeInconsistent: it cannot be opened.
    """
    settings = load_settings(path)
    folder = NodeFolder(path)
    with ExitStack() as stack:
        stack.callback(FolderLock(folder).release)
        keys = load_node_keys(folder.node_key, passphrase=passphrase)
        processes = settings.verify_processes
        if processes is None:
            processes = min(os.cpu_count() or 1, VERIFY_PROCESSES_MAX) if serving else 0
        node = Node(folder, settings, keys, clock or SystemClock(), stack, verify_processes=processes)
        if not making and not node.machine.committed_size:
            raise FolderRefused(
                f"the node in `{path}` was not made completely",
                hint="delete the folder and make the node again",
            )
        node.start(stack)
        yield node


def make_visit_bundle(
    visit: str, *, reader: EntryReader, book: CheckpointBook, prover: Prover, keys: NodeKeys, clock: Clock
) -> bytes:
    """The bundle of a visit at the newest checkpoint.

    Raises:
        VisitMissing, BundleNotReady, CheckpointMissing: there is nothing to prove yet.
    """
    source = BundleSource(keys.log.origin, keys.log.vkeys(), prover, keys.signing)
    made_at = format_instant(clock.now_ms())
    return visit_bundle(visit, reader=reader, checkpoint=book.newest(), source=source, made_at=made_at)


@contextmanager
def open_for_proofs(path: Path) -> Iterator[tuple[EntryReader, CheckpointBook, Prover]]:
    """Open a node's folder for reading and proving, beside a process that may be serving it."""
    settings = load_settings(path)
    folder = NodeFolder(path)
    with ExitStack() as stack:
        reader = EntryReader(folder.ledger, build_checking_registry())
        stack.callback(reader.close)
        book = CheckpointBook(folder.published)
        stack.callback(book.close)
        yield reader, book, Prover(book=book, public=open_blobs(folder.public_url(settings)))


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


def node_wallet(keys: NodeKeys) -> Wallet:
    """The node as an actor that signs."""
    return Wallet(keys.node_id, "node", keys.signing, keys.recipient)


def create_node(
    path: Path,
    *,
    origin: str,
    passphrase: bytes,
    settings: dict[str, Any] | None = None,
    clock: Clock | None = None,
) -> NodeFolder:
    """Make a node in the empty folder `path`: keys, settings, and the first entry, signed by its root.

    Raises:
        FolderRefused: the folder holds something already, or cannot be written.
    """
    clock = clock or SystemClock()
    ids = IdSource(clock)
    folder = NodeFolder(path)
    folder.create()
    keys = NodeKeys(
        node_id=ActorId(ids.next()),
        log=LogSigner.generate(origin),
        signing=SigningKey.generate(HybridSuite.ACTOR),
        recipient=RecipientKey.generate(),
    )
    root = RootKeys(root_id=ActorId(ids.next()), signing=SigningKey.generate(HybridSuite.ROOT))
    save_node_keys(folder.node_key, keys, passphrase=passphrase)
    save_root_keys(folder.root_key, root, passphrase=passphrase)
    write_private(folder.log_vkeys, "".join(f"{vkey}\n" for vkey in keys.log.vkeys()).encode())
    write_private(folder.settings, format_settings({"origin": origin, **(settings or {})}).encode())
    with open_node(path, passphrase=passphrase, clock=clock, making=True) as node:
        genesis = sign_genesis(
            root=root.root_id,
            root_key=root.signing,
            node=node_wallet(keys),
            origin=origin,
            log_vkeys=keys.log.vkeys(),
            clock=clock,
            ids=ids,
        )
        request = read_genesis(genesis, registry=node.registry, origin=origin, clock=clock)
        receipt = node.machine.call_blocking(request)
        node.integrator.wait_for(receipt.first, timeout_seconds=CHECKPOINT_WAIT_SECONDS)
    return folder
