"""A ledger that publishes checkpoints, and a small network of real witnesses on loopback that cosign them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from telesphor.kernel.card import Role, read_card
from telesphor.kernel.levels import LevelPolicy, parse_levels
from telesphor.ledger.checkpoints import CheckpointBook, PublishedCheckpoint
from telesphor.ledger.witness.book import CosignatureBook
from telesphor.ledger.witness.client import WitnessPeer
from telesphor.ledger.witness.collector import Collector
from telesphor.ledger.witness.notary import NotaryCheck
from telesphor.ledger.witness.witness import Witness
from tests.support.witnesses import NOW_SECONDS, ORIGIN, Tree, clock, make_card, make_witness

PLACES = ("north", "south", "east")
NOTARY = "notary.example/n1"
POLICY = parse_levels(b"""
format = "telesphor-levels/1"
validators = 2
[diversity]
organisations = 2
regions = 2
clouds = 2
operators = 1
[notary]
at_least = 1
[anchors]
at_least = 1
networks = ["bitcoin-mainnet"]
confirmations = 6
""")


class Published:
    """A ledger's checkpoints over a tree in memory; `publish` signs the next."""

    def __init__(self, folder: Path, *, clock_seconds: int = NOW_SECONDS) -> None:
        self.path = folder / "published.sqlite"
        self.tree = Tree(200)
        self.checkpoints = CheckpointBook(self.path)
        self.book = CosignatureBook(self.path)
        self.card = read_card(make_card(ORIGIN, role=Role.LOG, place="clinic"))
        self.clock = clock(clock_seconds)

    def publish(self, size: int) -> None:
        now_ms = self.clock.now_ms()
        note = self.tree.note(size, time_seconds=now_ms // 1000)
        self.checkpoints.add(PublishedCheckpoint(size, now_ms, note))

    def collector(
        self,
        peers: Sequence[WitnessPeer],
        notaries: Sequence[WitnessPeer] = (),
        *,
        policy: LevelPolicy = POLICY,
        **options: Any,
    ) -> Collector:
        return Collector(
            peers=peers,
            notaries=notaries,
            book=self.book,
            newest=self.checkpoints.last,
            consistency=self.tree.proof,
            clock=self.clock,
            policy=policy,
            log_card=self.card,
            **options,
        )

    def close(self) -> None:
        self.book.close()
        self.checkpoints.close()


def witness_name(place: str) -> str:
    return f"{place}.example/witness"


def make_notary(folder: Path, *, policy: LevelPolicy = POLICY, places: Sequence[str] = PLACES) -> Witness:
    """A notary that knows the witnesses of these places, and the ledger."""
    cards = [read_card(make_card(witness_name(place), place=place)) for place in places]
    cards.append(read_card(make_card(ORIGIN, role=Role.LOG, place="clinic")))
    check = NotaryCheck(policy, cards, organisation="notary.example", clock=clock())
    return make_witness(folder, name=NOTARY, check=check)


@asynccontextmanager
async def gathering(collector: Collector) -> AsyncIterator[None]:
    """Run the collector while the block runs."""
    task = asyncio.create_task(collector.run())
    try:
        yield
        assert not task.done(), "the collector ended by itself"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    """Wait on the event loop; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)
