"""Logs and witnesses for tests: a log in memory that can be made dishonest, and a real witness over a file.

`Tree` is a log whose every past tree can be signed and proven; `fork` makes another log under the same keys.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from telesphor.kernel.card import Card, Role, sign_card
from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.clock import Clock, ManualClock
from telesphor.kernel.cosignature import Cosigner, verify_cosignature
from telesphor.kernel.merkle import MemoryReader, consistency_path, leaf_hash, root_at
from telesphor.kernel.note import parse_note
from telesphor.ledger.witness.client import WitnessPeer
from telesphor.ledger.witness.model import format_request
from telesphor.ledger.witness.routes import WitnessDesk, witness_handlers, witness_routes
from telesphor.ledger.witness.store import WitnessStore
from telesphor.ledger.witness.witness import SubmissionCheck, Witness
from telesphor.runtime.http import build_edge
from telesphor.runtime.serving import serving
from telesphor.runtime.telemetry import Metrics

ORIGIN = "clinic.example/ledger"
NAME = "witness.example/w1"
NOW_SECONDS = 1_795_348_275
CARD = b"a card"
ISSUED_AT, EXPIRES_AT = "2026-01-01T00:00:00.000Z", "2027-12-31T00:00:00.000Z"


def log_signer(origin: str = ORIGIN) -> LogSigner:
    """One log of each origin for all tests."""
    return _log_signer(origin)


def cosigner(name: str = NAME) -> Cosigner:
    """One witness of each name for all tests."""
    return _cosigner(name)


_log_signer = cache(LogSigner.generate)
_cosigner = cache(Cosigner.generate)


class Tree:
    """A log in memory: `size` leaves, each of which names its history, so that two histories differ."""

    def __init__(self, size: int = 0, *, origin: str = ORIGIN, history: str = "a") -> None:
        self.signer = log_signer(origin)
        self._leaves: list[bytes] = []
        self._reader = MemoryReader([])
        self.grow(size, history=history)

    def grow(self, count: int, *, history: str = "a") -> None:
        first = len(self._leaves)
        self._leaves += [leaf_hash(f"{history} {first + i}".encode()) for i in range(count)]
        self._reader = MemoryReader(self._leaves)

    @property
    def size(self) -> int:
        return len(self._leaves)

    def fork(self, at: int, *, history: str = "b") -> Tree:
        """The same log with another history from leaf `at` on, as long as this one."""
        other = Tree(origin=self.signer.origin)
        other._leaves = self._leaves[:at]
        other.grow(self.size - at, history=history)
        return other

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        at = self.size if size is None else size
        return Checkpoint(self.signer.origin, at, root_at(at, self._reader))

    def note(self, size: int | None = None, *, time_seconds: int = NOW_SECONDS) -> bytes:
        return self.signer.sign(self.checkpoint(size), time_seconds=time_seconds)

    def proof(self, old_size: int, size: int | None = None) -> list[bytes]:
        return consistency_path(old_size, self.size if size is None else size, self._reader)

    def request(self, old_size: int, size: int | None = None, *, time_seconds: int = NOW_SECONDS) -> bytes:
        """An honest submission."""
        note = self.note(size, time_seconds=time_seconds)
        return format_request(old_size=old_size, proof=self.proof(old_size, size), note=note)


def clock(seconds: int = NOW_SECONDS) -> ManualClock:
    return ManualClock(seconds * 1000)


def make_witness(
    folder: Path,
    *,
    time: Clock | None = None,
    origins: Sequence[str] = (ORIGIN,),
    check: SubmissionCheck | None = None,
    name: str = NAME,
) -> Witness:
    """A witness whose memory is in `folder`; make another there to restart it."""
    return Witness(
        cosigner=cosigner(name),
        card=CARD,
        logs={origin: log_signer(origin).vkeys() for origin in origins},
        store=WitnessStore(folder / "witness.sqlite", new=True),
        clock=time or clock(),
        check=check,
    )


def cosigned_at(note: bytes, lines: bytes, *, name: str = NAME) -> int:
    """Verify an answer over the note that was sent; returns its time in seconds."""
    return verify_cosignature(parse_note(note + lines), cosigner(name).keys).time_seconds


def make_card(name: str = NAME, *, role: Role = Role.WITNESS, place: str = "north") -> bytes:
    """The signed card of a witness, a notary or a log; the place names organisation, region and cloud."""
    key = log_signer(name) if role is Role.LOG else cosigner(name)
    card = Card(
        role=role,
        name=name,
        organisation=f"{place}.example",
        region=place,
        cloud=f"{place}-cloud",
        operator=f"{place}.example",
        vkeys=key.vkeys(),
        issued_at=ISSUED_AT,
        expires_at=EXPIRES_AT,
    )
    return sign_card(card, key)


@contextmanager
def serving_witness(witness: Witness, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve the witness on loopback while the block runs; yields its submission prefix."""
    desk = WitnessDesk(witness)
    edge = build_edge(
        handlers=witness_handlers(desk, prefix=""),
        raw=witness_routes(desk, prefix=""),
        metrics=Metrics(),
        health=lambda: {"status": "ok"},
    )
    with serving(edge, tls=tls) as url:
        yield url
    desk.close()


def close_together(served: Iterable[ExitStack]) -> None:
    """Take several servers down at the same time: each takes a fifth of a second to end in order."""
    stacks = [*served]
    with ThreadPoolExecutor(max(1, len(stacks))) as pool:
        for ended in [pool.submit(stack.close) for stack in stacks]:
            ended.result()


def peer_at(url: str, name: str = NAME, *, role: Role = Role.WITNESS, place: str = "north") -> WitnessPeer:
    return WitnessPeer.of(url, make_card(name, role=role, place=place))
