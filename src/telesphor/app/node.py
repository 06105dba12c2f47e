"""An open node: every part of it wired together, and what runs while it is open.

`open_node` takes the folder's lock and wires database, journal, writer, integrator, vault, followers, network and
HTTP edge. What decides, and the list of capabilities, is in `desks.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from telesphor.app.auditing import describe_node
from telesphor.app.channels import Channels
from telesphor.app.desks import Desks
from telesphor.app.mirroring import Mirroring, open_mirror
from telesphor.app.proving import make_visit_bundle, plain_standing
from telesphor.app.registry import build_checking_registry
from telesphor.capabilities.compliance.opening import Served
from telesphor.capabilities.identity.authenticate import (
    Authenticator,
    check_signer,
    open_verifier,
)
from telesphor.capabilities.messages.exporting import export_thread
from telesphor.capabilities.messages.exporting import last_position as last_position_of_thread
from telesphor.capabilities.messages.model import ExportGrant
from telesphor.capabilities.visits.routes import routes as visit_routes
from telesphor.kernel.clock import Clock, SystemClock, format_instant
from telesphor.kernel.ids import IdSource
from telesphor.ledger.bundles import BundleSource
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.entries import EntryJournal, EntryReader
from telesphor.ledger.folding import open_state
from telesphor.ledger.growth import GrowerProcess
from telesphor.ledger.integrator import Integrator
from telesphor.ledger.network.network import Network, open_network, open_witness_desk
from telesphor.ledger.network.routes import routes as network_routes
from telesphor.ledger.network.standing import Standing
from telesphor.ledger.receipts import Prover
from telesphor.ledger.routes import add_route
from telesphor.ledger.routes import routes as ledger_routes
from telesphor.ledger.witness.routes import WitnessDesk, witness_handlers, witness_routes
from telesphor.runtime.attempts import attempt
from telesphor.runtime.blobs import open_blobs
from telesphor.runtime.capability import Recorded
from telesphor.runtime.database import open_database, open_reader
from telesphor.runtime.folder import (
    FolderLock,
    FolderRefused,
    NodeFolder,
    NodeKeys,
    load_node_keys,
)
from telesphor.runtime.gate import Gate, describe, one_by_one
from telesphor.runtime.http import Edge, RawRoute, build_edge
from telesphor.runtime.jobs import Follower, Periodic
from telesphor.runtime.machine import Machine
from telesphor.runtime.network import load_network
from telesphor.runtime.requests import Request
from telesphor.runtime.settings import Settings, load_settings
from telesphor.runtime.telemetry import Metrics, log
from telesphor.runtime.tls.routes import routes as channel_routes
from telesphor.runtime.verifiers import VerifierProcess
from telesphor.runtime.wal import WalKeeper
from telesphor.runtime.web import WebApp
from telesphor.vault.entries import OBJECT_ERASED, OBJECT_REWRAPPED
from telesphor.vault.erasure import finish_erasures, sweep

VERIFY_BATCH_REQUESTS = 32
"""Requests sent to a verifying process at once: about 15 ms of its time."""

VERIFY_PROCESSES_MAX = 4
"""One per core where nothing else is said; beyond four the one writer is what limits."""

VERIFY_THREADS = 2
"""Signatures are verified outside the interpreter's lock: one thread per core of a small machine."""

CHECKPOINT_WAIT_SECONDS = 30.0

COSIGNED_WAIT_SECONDS = 5.0
"""Witnesses answer within a second; whoever asks for a proof does not wait for one that is down."""

SWEEP_SECONDS = 3_600.0

CURSOR_SECONDS = 0.25
"""What followers have told to people, or looked at again, may be told again after a crash: so much of it."""

HOLDERS_CHANGED = frozenset({OBJECT_ERASED.name, OBJECT_REWRAPPED.name})
"""Entries after which an object has other key holders, or none."""

STALLED_SECONDS = 10
"""A checkpoint this much older than its newest entry means that integration stands still."""


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
        passphrase: bytes,
        verify_processes: int,
        serving: bool,
        networked: bool,
    ) -> None:
        self._verify_processes = verify_processes
        self._serving = serving
        self._networked = networked
        self.folder = folder
        self.settings = settings
        self.keys = keys
        self.clock = clock
        self.ids = IdSource(clock)
        self.metrics = Metrics()
        self.channels = Channels(folder.path, settings, clock)
        self.metrics.registry.register(self.channels.book)
        db = self._open_ledger(stack)
        self.desks = Desks(
            folder,
            settings,
            keys,
            call=lambda request: self.machine.call_blocking(request),
            authenticate=lambda data: self.authenticate(data),
            open_entries=self.reader,
            aside=serving,
            clock=clock,
            ids=self.ids,
            stack=stack,
        )
        self.vault = self.desks.vault
        self.registry = self.desks.registry()
        self.metrics.registry.register(self.desks.reactions)
        self.metrics.alarms.set_function(self.desks.count_alarms)
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
        self._open_network(stack, passphrase)
        open_db = partial(open_reader, folder.ledger)
        authenticator = Authenticator(
            open_db=open_db, registry=self.registry, origin=settings.origin, clock=clock
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
        folded = open_state(db, self.folder.ledger, build_checking_registry())
        if folded is not None:
            log.info("state tables made anew, by another version", entries=folded)
        return db

    def _open_tree(self, stack: ExitStack) -> None:
        self.public = open_blobs(self.folder.public_url(self.settings))
        self.book = CheckpointBook(self.folder.published)
        stack.callback(self.book.close)
        self.prover = Prover(book=self.book, public=self.public)
        grow = None
        if self._serving:
            grower = GrowerProcess(
                ledger_path=self.folder.ledger, public=self.folder.public_url(self.settings)
            )
            stack.callback(grower.close)
            grow = grower.grow
        self.integrator = Integrator(
            ledger_path=self.folder.ledger,
            book=self.book,
            public=self.public,
            signer=self.keys.log,
            clock=self.clock,
            metrics=self.metrics,
            interval_ms=self.settings.checkpoint_interval_ms,
            grow=grow,
        )
        stack.callback(self.integrator.stop)
        self.machine.on_commit(self.integrator.wake)

    def _open_network(self, stack: ExitStack, passphrase: bytes) -> None:
        """Who cosigns and dates this ledger, and whose ledgers it cosigns; nothing where no settings say so."""
        self.network: Network | None = None
        self.witness: WitnessDesk | None = None
        self.mirror: Mirroring | None = None
        settings = load_network(self.folder.path)
        if settings is None:
            return
        self.network = open_network(
            self.folder,
            settings,
            keys=self.keys,
            passphrase=passphrase,
            checkpoints=self.book,
            prover=self.prover,
            clock=self.clock,
            random=self.ids.random_bytes,
            contexts=self.channels.dial if self._networked else lambda _: None,
        )
        stack.callback(self.network.stop)
        if settings.log:
            self.mirror = open_mirror(
                self.folder, settings, channels=self.channels, passphrase=passphrase, stack=stack
            )
            self.witness = open_witness_desk(
                self.folder,
                settings,
                keys=self.keys,
                clock=self.clock,
                mirror=None if self.mirror is None else self.mirror.check,
            )
            stack.callback(self.witness.close)

    def start(self, stack: ExitStack) -> None:
        """Start the threads; the writer is stopped first, so that all it committed is integrated."""
        sweeper = Periodic("vault-sweep", seconds=SWEEP_SECONDS, work=partial(sweep, self.vault))
        sweeper.start()
        stack.callback(sweeper.stop)
        self._follow("vault-settle", self._settle, HOLDERS_CHANGED, stack)
        for name, types, handle in self.desks.followers():
            self._follow(name, handle, types, stack)
        if self.network is not None and self._networked:
            self.network.start()
        self.integrator.start()
        self.integrator.wake()
        self.machine.start()
        stack.callback(self.machine.stop)
        self.desks.start(self.machine.on_commit, stack)
        self.desks.compliance.start(
            self.machine.on_commit,
            stack,
            publish=self.desks.browsers.hub.publish,
            types=frozenset(self.registry.entry_types),
        )

    def _follow(
        self, name: str, handle: Callable[[Recorded], None], types: frozenset[str], stack: ExitStack
    ) -> None:
        follower = Follower(
            name,
            source=self.reader,
            cursors=self.book,
            handle=handle,
            types=types,
            keep_seconds=CURSOR_SECONDS,
        )
        self.machine.on_commit(follower.wake)
        follower.start()
        stack.callback(follower.stop)

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
            "alarms": self.desks.count_alarms(),
        }

    def visit_proof(self, visit: str) -> bytes:
        """The bundle of a visit at the best checkpoint there is; blocks until one covers it."""
        self.integrator.wait_for(self.machine.committed_size - 1, timeout_seconds=CHECKPOINT_WAIT_SECONDS)
        with closing(self.reader()) as reader:
            return make_visit_bundle(
                visit,
                reader=reader,
                standing=self._standing,
                prover=self.prover,
                keys=self.keys,
                clock=self.clock,
            )

    def thread_export(self, grant: ExportGrant) -> bytes:
        """The export of a thread, proven at the best checkpoint there is; blocks until one covers it."""
        self.integrator.wait_for(self.machine.committed_size - 1, timeout_seconds=CHECKPOINT_WAIT_SECONDS)
        with closing(self.reader()) as reader:
            found = self._standing(last_position_of_thread(grant.thread, reader))
            return export_thread(
                grant,
                id=self.ids.next(),
                reader=reader,
                checkpoint=found,
                source=self._source(),
                made_at=format_instant(self.clock.now_ms()),
                shelf=self.desks.messages.shelf,
                confirmations=found.confirmations,
            )

    def _source(self) -> BundleSource:
        """What bundles of this node are made with."""
        return BundleSource(self.keys.log.origin, self.keys.log.vkeys(), self.prover, self.keys.signing)

    def _describe(self) -> Served:
        """What the pages of auditors and administrators are told."""
        return describe_node(
            self.folder,
            self.settings,
            book=self.book,
            network=self.network,
            standing=self._proven,
            source=self._source(),
            queue=self.desks.reactions.queue,
            connectors=self.desks.connectors,
            health=self.health,
            sessions=lambda: len(self.desks.browsers.sessions),
        )

    def _proven(self, position: int) -> Standing:
        """Where a position is proven best; blocks until a checkpoint covers it."""
        self.integrator.wait_for(position, timeout_seconds=CHECKPOINT_WAIT_SECONDS)
        return self._standing(position)

    def _standing(self, position: int) -> Standing:
        """Where `position` is proven best: what witnesses are about to cosign is waited for."""
        if self.network is None:
            return plain_standing(position, book=self.book)
        if self._networked:
            self.network.wait_for(position, timeout_seconds=COSIGNED_WAIT_SECONDS)
        return self.network.standing(position)

    def edge(self, *, more: Sequence[RawRoute] = ()) -> Edge:
        """The HTTP application.

        Args:
            more: routes that only this process has, such as a demonstration's.
        """
        handlers = [
            describe(self.gate, self.registry),
            *channel_routes(),
            *ledger_routes(
                public=self.public, book=self.book, prover=self.prover, mirrors=self.desks.mirrors
            ),
            *self.desks.routes(),
            *visit_routes(tickets=self.vault.tickets, make_bundle=self.visit_proof),
            *self.desks.messages.routes(
                sessions=self.desks.browsers.sessions, make_export=self.thread_export
            ),
            *self.desks.compliance.routes(self._describe(), self.desks.browsers.sessions),
        ]
        raw = [self.gate.route(), *more]
        if self.network is not None:
            handlers += network_routes(self.network)
        if self.witness is not None:
            handlers += witness_handlers(self.witness)
            raw += witness_routes(self.witness)
        if self.settings.writer_route:
            raw.append(add_route(self.machine, node_id=self.keys.node_id))
        closing_down = self.desks.browsers.at_end()
        if self.mirror is not None:
            closing_down.append(self.mirror.close_sources)
        return build_edge(
            handlers=handlers,
            raw=raw,
            metrics=self.metrics,
            health=self.health,
            at_end=closing_down,
            sockets=self.desks.browsers.sockets(),
            web=WebApp(),
        )


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
    networked: bool | None = None,
    making: bool = False,
) -> Iterator[Node]:
    """Open the node in the folder `path` for this process alone; closes it after the block.

    Args:
        serving: whether it will take requests for long, so that child processes are worth their start.
        networked: whether witnesses and public chains are asked meanwhile; when it serves, if nothing is said.
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
        node = Node(
            folder,
            settings,
            keys,
            clock or SystemClock(),
            stack,
            passphrase=passphrase,
            verify_processes=processes,
            serving=serving,
            networked=serving if networked is None else networked,
        )
        if not making and not node.machine.committed_size:
            raise FolderRefused(
                f"the node in `{path}` was not made completely",
                hint="delete the folder and make the node again",
            )
        node.start(stack)
        yield node
