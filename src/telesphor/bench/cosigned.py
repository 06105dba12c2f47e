"""A node under a steady load, whose ledger five processes of other organisations cosign over HTTP.

The load is made in the node's own process, one command after another at even intervals, as from many callers
who do not know of each other. What is timed is what a caller waits for: from an entry's receipt to a
checkpoint that holds it and has reached a level. Start at `time_levels`.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import uvloop

from telesphor.app import Node, open_node
from telesphor.bench.child import MeasurementFailed
from telesphor.bench.clocks import ThreadTimes
from telesphor.demo.chains import Chains
from telesphor.ledger.leaves import ADD_LEAF, AddLeaf
from telesphor.ledger.witness.book import BLOCKS_SHOWN_MAX, BlockProgress
from telesphor.runtime.capability import Actor
from telesphor.runtime.requests import Request

ENTRIES_PER_SECOND = 1_000
LEAF_CHARS = 134
"""100 bytes in base64url: an entry of about 400 bytes."""

SIGNED, NOTARISED = 1, 4
SETTLE_SECONDS = 30.0
"""So long the last entry may take to L4; a second is usual."""


class Committed(NamedTuple):
    """An entry's position, and the time of its receipt."""

    position: int
    at_ms: int


class Waits(NamedTuple):
    """How long the entries of one load waited, in seconds, shortest first; and what else the load was.

    Attributes:
        signed: until the ledger itself had signed a checkpoint that holds the entry (L1).
        notarised: until witnesses and a notary had cosigned it (L4).
        rate: entries per second, as they came to be.
        blocks: checkpoints that reached L4 meanwhile.
    """

    signed: list[float]
    notarised: list[float]
    rate: float
    blocks: int
    spent: str


def no_chains(_stack: ExitStack) -> Chains:
    """Only the witnesses are wanted."""
    return Chains(None, None, ())


def time_levels(path: Path, passphrase: bytes, seconds: float) -> Waits:
    """Serve a load on the node in `path`, whose settings name witnesses; for a process of its own."""
    with open_node(path, passphrase=passphrase, serving=True, networked=True) as node:
        assert node.network is not None, "the settings name a network"
        _add(node, seconds=1.0)  # the first round introduces everybody to each other
        times, started = ThreadTimes(), time.perf_counter()
        committed = _add(node, seconds=seconds)
        elapsed = time.perf_counter() - started
        spent = times.spent(len(committed), "entry", main="callers")
        node.network.wait_for(committed[-1].position, timeout_seconds=SETTLE_SECONDS)
        blocks = node.network.books.cosignatures.recent(BLOCKS_SHOWN_MAX)
    first = committed[0].position
    return Waits(
        signed=waits_for(SIGNED, committed, blocks),
        notarised=waits_for(NOTARISED, committed, blocks),
        rate=len(committed) / elapsed,
        blocks=sum(block.size > first and NOTARISED in block.reached_ms for block in blocks),
        spent=spent,
    )


def waits_for(level: int, committed: Sequence[Committed], blocks: Sequence[BlockProgress]) -> list[float]:
    """Seconds from each entry's receipt until a checkpoint that holds it had the level, shortest first.

    Raises:
        MeasurementFailed: an entry never got there.
    """
    reached = sorted((block.size, block.reached_ms[level]) for block in blocks if level in block.reached_ms)
    # A later checkpoint that came through sooner holds the entry as well.
    for n in range(len(reached) - 1, 0, -1):
        reached[n - 1] = (reached[n - 1][0], min(reached[n - 1][1], reached[n][1]))
    sizes = [size for size, _ in reached]
    waits = []
    for position, at_ms in committed:
        block = bisect_right(sizes, position)
        if block == len(reached):
            raise MeasurementFailed(f"an entry did not reach L{level} in `{SETTLE_SECONDS:.0f}` seconds")
        waits.append((reached[block][1] - at_ms) / 1_000)
    return sorted(waits)


def _add(node: Node, *, seconds: float) -> list[Committed]:
    return uvloop.run(_add_evenly(node, seconds))


async def _add_evenly(node: Node, seconds: float) -> list[Committed]:
    """One leaf in every millisecond; those of a moment that was slept through come together."""
    request = Request(Actor(node.keys.node_id, "node", ""), ((ADD_LEAF, AddLeaf(data="A" * LEAF_CHARS)),))

    async def add() -> Committed:
        receipt = await node.machine.call(request)
        return Committed(receipt.first, node.clock.now_ms())

    started = time.perf_counter()
    asked = []
    for number in range(max(1, int(seconds * ENTRIES_PER_SECOND))):
        early = started + number / ENTRIES_PER_SECOND - time.perf_counter()
        if early > 0:
            await asyncio.sleep(early)
        asked.append(asyncio.create_task(add()))
    return sorted(await asyncio.gather(*asked))
