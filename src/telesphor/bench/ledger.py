"""A writer as it runs in a node: database, journal, log keeper, integrator; with the bench's capability.

Only the HTTP edge and the vault are missing, so what is measured here is the way of a command from the
queue to the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from telesphor.bench.capability import bench_registry
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.entries import EntryJournal
from telesphor.ledger.growth import GrowerProcess
from telesphor.ledger.integrator import Integrator
from telesphor.runtime.blobs import open_blobs
from telesphor.runtime.capability import Actor
from telesphor.runtime.database import open_database
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.machine import Machine
from telesphor.runtime.wal import WalKeeper

ORIGIN = "bench.example/ledger"
CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ledger:
    """An open ledger that takes commands."""

    machine: Machine
    integrator: Integrator
    actor: Actor

    def wait_for_checkpoint(self) -> None:
        """Wait until everything committed is in a signed checkpoint."""
        self.integrator.wait_for(self.machine.committed_size - 1, timeout_seconds=CHECKPOINT_SECONDS)


@contextmanager
def open_ledger(path: Path, signer: LogSigner) -> Iterator[Ledger]:
    """Open or make the ledger in a folder; it takes the commands of the bench while the block runs."""
    folder = NodeFolder(path)
    clock = SystemClock()
    ids = IdSource(clock)
    registry = bench_registry()
    with ExitStack() as stack:
        db = open_database(folder.ledger)
        stack.callback(db.close)
        stack.callback(WalKeeper(folder.ledger, db).stop)
        for state in registry.stores():
            db.execute(state.schema)
        book = CheckpointBook(folder.published)
        stack.callback(book.close)
        machine = Machine(
            db=db, registry=registry, journal=EntryJournal(db=db, ids=ids), clock=clock, ids=ids
        )
        grower = GrowerProcess(ledger_path=folder.ledger, public=path / "public")
        stack.callback(grower.close)
        integrator = Integrator(
            ledger_path=folder.ledger,
            book=book,
            public=open_blobs(path / "public"),
            signer=signer,
            clock=clock,
            grow=grower.grow,
        )
        stack.callback(integrator.stop)
        machine.on_commit(integrator.wake)
        integrator.start()
        machine.start()
        stack.callback(machine.stop)
        yield Ledger(machine, integrator, Actor(ActorId(ids.next()), "system", ""))
