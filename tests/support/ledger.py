"""A ledger in a folder, out of real parts: database, journal, writer, tree; only the time is ours.

`Ledger` opens (and reopens) the parts that a node wires together, without keys files, HTTP or vault.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apsw

from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.clock import ManualClock, format_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.signing import HybridSuite, SigningKey, read_jws, sign_jws
from telesphor.ledger import fsck as fsck_module
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.entries import EntryJournal, EntryReader, RecordedEntry
from telesphor.ledger.fsck import FsckReport, LedgerFiles, fsck
from telesphor.ledger.integrator import Integrator
from telesphor.ledger.receipts import Prover
from telesphor.ledger.replay import check_state
from telesphor.runtime.blobs import Blobs, open_blobs
from telesphor.runtime.capability import Actor, CommandType, Receipt, Registry
from telesphor.runtime.database import open_database
from telesphor.runtime.machine import Evidence, Machine, Request
from tests.support import notes

ORIGIN = "node.example/telesphor"
START_MS = 1_795_348_275_123
ANSWER_SECONDS = 60.0
"""Long enough for a busy machine, short enough to end a test that hangs."""

WAIT_STEP_SECONDS = 0.002
INTERVAL_MS = 10

Command = tuple[CommandType, notes.AddNote]


class SteppingClock(ManualClock):
    """A simulated clock that moves by itself: `step_ms` at each reading, which may be negative."""

    def __init__(self, start_ms: int = START_MS, *, step_ms: int = 1) -> None:
        super().__init__(start_ms)
        self.step_ms = step_ms

    def now_ms(self) -> int:
        self.advance_ms(self.step_ms)
        return super().now_ms()


@cache
def signing_key() -> SigningKey:
    """One pair for all tests: making one takes longer than using it."""
    return SigningKey.generate(HybridSuite.ACTOR)


@cache
def log_signer(origin: str = ORIGIN) -> LogSigner:
    """One log for all tests."""
    return LogSigner.generate(origin)


class Ledger:
    """The parts of one ledger in `folder`; `close` and make another to restart it."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: ManualClock | None = None,
        registry: Callable[[], Registry] = notes.build_registry,
        public: Blobs | None = None,
        **machine_options: Any,
    ) -> None:
        self.folder = folder
        self.path = folder / "ledger.sqlite"
        self.clock = clock or ManualClock(START_MS)
        self.ids = IdSource(self.clock)
        self.build_registry = registry
        self.registry = registry()
        self.public = public or open_blobs(folder / "public")
        self.signer = log_signer()
        self.db = open_database(self.path)
        self.journal = EntryJournal(db=self.db, ids=self.ids)
        for state in self.registry.stores():
            self.db.execute(state.schema)
        self.book = CheckpointBook(folder / "published.sqlite")
        self.machine = Machine(
            db=self.db,
            registry=self.registry,
            journal=self.journal,
            clock=self.clock,
            ids=self.ids,
            **machine_options,
        )
        self.prover = Prover(book=self.book, public=self.public)
        self.actor = Actor(ActorId(self.ids.next()), "person", "")
        self._integrator: Integrator | None = None

    @property
    def integrator(self) -> Integrator:
        """The tree's publisher, made when first asked for; its thread is not started."""
        if self._integrator is None:
            self._integrator = self.open_integrator(interval_ms=INTERVAL_MS)
        return self._integrator

    def open_integrator(self, **options: Any) -> Integrator:
        return Integrator(
            ledger_path=self.path,
            book=self.book,
            public=self.public,
            signer=self.signer,
            clock=self.clock,
            **options,
        )

    def start(self) -> Ledger:
        self.machine.start()
        return self

    def stream(self) -> str:
        """The name of a new notebook."""
        return f"notebook/{self.ids.next()}"

    def request(self, *commands: Command, signed: bool = False) -> Request:
        return Request(self.actor, commands, self.sign() if signed else None)

    def sign(self) -> Evidence:
        """A request's evidence: a real JWS in the form that the node keeps."""
        at_ms = self.clock.now_ms()
        payload = {
            "v": 1,
            "format": "telesphor-request/1",
            "node": ORIGIN,
            "actor": self.actor.id,
            "keys": list(signing_key().public.thumbprints()),
            "at": format_instant(at_ms),
            "nonce": self.ids.nonce(),
            "commands": [{"type": "note.add/1", "body": {}}],
        }
        data = sign_jws(payload, signing_key())
        return Evidence(digest_of(read_jws(data).payload_bytes), at_ms, data)

    def ask(self, command: CommandType, stream: str, text: str = "", *, signed: bool = False) -> Receipt:
        """One command, and its receipt."""
        request = self.request((command, notes.AddNote(stream=stream, text=text)), signed=signed)
        return self.machine.call_blocking(request, timeout_seconds=ANSWER_SECONDS)

    def add(self, stream: str, text: str = "", *, signed: bool = False) -> Receipt:
        return self.ask(notes.ADD, stream, text, signed=signed)

    def add_many(self, count: int, *, streams: int = 5) -> list[Receipt]:
        """`count` entries, over several notebooks, in packed requests."""
        names = [self.stream() for _ in range(streams)]
        receipts = []
        for first in range(0, count, 500):
            commands = tuple(
                (notes.ADD, notes.AddNote(stream=names[i % streams], text=f"note {i}"))
                for i in range(first, min(count, first + 500))
            )
            receipts.append(
                self.machine.call_blocking(self.request(*commands), timeout_seconds=ANSWER_SECONDS)
            )
        return receipts

    def entries(self) -> list[RecordedEntry]:
        reader = EntryReader(self.path, self.registry)
        try:
            return list(reader.entries(first=0, end=reader.size()))
        finally:
            reader.close()

    def files(self) -> LedgerFiles:
        return LedgerFiles(
            ledger=self.path,
            published=self.folder / "published.sqlite",
            public=self.public,
            origin=ORIGIN,
            vkeys=self.signer.vkeys(),
        )

    def check_state(self) -> int:
        """Replay the entries and compare the tables, in this process; returns the rows compared."""
        with TemporaryDirectory() as scratch:
            return check_state(self.path, Path(scratch) / "replica.sqlite", self.registry)

    def walk(self) -> None:
        """Only steps 1 to 3 of `fsck`, which need no process of their own; raises what they find."""
        fsck_module._Pass(self.files(), lambda *_: None).run()

    def check(self) -> FsckReport:
        """Run `fsck`; raises what it finds."""
        return fsck(self.files(), self.build_registry)

    def close(self) -> None:
        self.machine.stop()
        if self._integrator is not None:
            self._integrator.stop()
        self.book.close()
        self.db.close(True)


def change(path: Path, sql: str, *values: object) -> None:
    """Change a closed database behind the node's back."""
    db = apsw.Connection(str(path))
    try:
        db.execute(sql, values)
        assert db.total_changes() > 0, "the fault was not made"
    finally:
        db.close()


def flip(data: bytes, at: int) -> bytes:
    """The same bytes with the lowest bit of one flipped."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def wait_until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Wait for another thread; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(WAIT_STEP_SECONDS)
