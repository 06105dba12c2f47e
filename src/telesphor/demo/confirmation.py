"""How others confirm the visit: watched over the node's own status page, until it is as far as it can come.

The page (`GET /v1/network`) is public and says for each block when it reached each level. What it says is the
node's word; what a reader believes is in the bundle, and judged there.

Start at `wait_for_confirmation`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from telesphor.client.http import Http
from telesphor.demo.narration import Narrator, counted
from telesphor.demo.network import DemoNetwork
from telesphor.kernel.clock import parse_instant
from telesphor.ledger.network.status import AnchorStatus, BlockStatus, NetworkStatus

WAIT_SECONDS_MAX: Final = 60.0
"""It takes a few seconds; when it does not come at all, the run goes on and says so."""

POLL_SECONDS: Final = 0.1
BLOCKS_ASKED: Final = 50
NOTARISED: Final = 4
SETTLED: Final = "final"
"""The phase of an anchor with as many blocks on top as the node waits for."""


@dataclass(frozen=True)
class Reached:
    """A level, and how many milliseconds after the signing of the checkpoint the node had it."""

    level: int
    after_ms: int


@dataclass(frozen=True)
class Cost:
    """What one anchor cost, and how many entries it dates; amounts are text, in the currency of the network."""

    network: str
    after_ms: int
    amount: str
    gas: int | None
    entries: int
    per_entry: str


@dataclass(frozen=True)
class Confirmation:
    """The checkpoint that confirms the visit best, as the node tells it; `size` is 0 when none does."""

    size: int = 0
    signed_at: str = ""
    cosigned_by: tuple[str, ...] = ()
    reached: tuple[Reached, ...] = ()
    anchors: tuple[Cost, ...] = ()

    @property
    def level(self) -> int:
        """The highest level reached."""
        return max((step.level for step in self.reached), default=0)


async def wait_for_confirmation(
    url: str, position: int, network: DemoNetwork, narrator: Narrator
) -> Confirmation:
    """Wait until a checkpoint that holds `position` is as far confirmed as it can be here, and tell of it."""
    networks = set(network.chains.networks)

    def notarised(status: NetworkStatus) -> Confirmation:
        return find_confirmation(status, position, level=NOTARISED, networks=set())

    def dated(status: NetworkStatus) -> Confirmation:
        return find_confirmation(status, position, level=network.goal, networks=networks)

    async with Http(url) as http:
        found = await _until(http, notarised)
        narrator.say(_tell_witnesses(found))
        if networks:
            # Where the anchors do not come, what was cosigned is still something.
            settled = await _until(http, dated)
            found = settled if settled.size else found
    for cost in found.anchors:
        narrator.say(_tell_cost(cost))
    if found.size:
        narrator.say(f"Times from the signing of checkpoint {found.size}: {tell_times(found)}.")
    return found


def find_confirmation(
    status: NetworkStatus, position: int, *, level: int, networks: set[str]
) -> Confirmation:
    """The oldest block that holds `position`, has reached `level` and is settled in all of `networks`; else none."""
    for block in reversed(status.blocks):
        anchors = [found for found in status.anchors if found.size == block.size and found.phase == SETTLED]
        enough = networks <= {anchor.network for anchor in anchors}
        if block.size > position and block.level >= level and enough:
            return _describe(block, anchors)
    return Confirmation()


def tell_times(found: Confirmation) -> str:
    """Such as `L2 0.03 s, L3 0.04 s, L4 0.09 s, L5 2.1 s`."""
    return ", ".join(f"L{step.level} {_seconds(step.after_ms)}" for step in found.reached if step.level > 1)


def tell_anchors(found: Confirmation) -> str:
    """Such as `bitcoin-regtest 0.00000426 test BTC; ethereum-31337 0.00004 test ETH, 22,280 gas`."""
    return "; ".join(f"{cost.network} {_tell_price(cost)}" for cost in found.anchors)


async def _until(http: Http, judge: Callable[[NetworkStatus], Confirmation]) -> Confirmation:
    """Ask until there is a checkpoint as it is wanted; an empty confirmation when none comes in time."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        answer = await http.fetch("GET", f"/v1/network?blocks={BLOCKS_ASKED}")
        found = judge(msgspec.json.decode(answer, type=NetworkStatus))
        if found.size:
            return found
        await asyncio.sleep(POLL_SECONDS)
    return Confirmation()


def _describe(block: BlockStatus, anchors: Sequence[AnchorStatus]) -> Confirmation:
    signed_ms = parse_instant(block.signed_at)
    costs = sorted((_cost(anchor, signed_ms) for anchor in anchors), key=lambda cost: cost.after_ms)
    reached = sorted((int(name.removeprefix("L")), wait) for name, wait in block.ms_to_level.items())
    return Confirmation(
        size=block.size,
        signed_at=block.signed_at,
        cosigned_by=block.cosigned_by,
        reached=tuple(Reached(level, after_ms) for level, after_ms in reached),
        anchors=tuple(costs),
    )


def _cost(anchor: AnchorStatus, signed_ms: int) -> Cost:
    done_ms = parse_instant(anchor.done_at or anchor.begun_at)
    return Cost(
        network=anchor.network,
        after_ms=done_ms - signed_ms,
        amount=anchor.cost or "",
        gas=anchor.gas,
        entries=anchor.entries_covered,
        per_entry=anchor.cost_per_entry or "",
    )


def _tell_witnesses(found: Confirmation) -> str:
    if not found.size:
        return "No checkpoint that holds the visit was cosigned in time."
    names = ", ".join(name.rpartition("+")[0] for name in found.cosigned_by)
    return (
        f"Checkpoint {found.size} holds the visit. Each of these verified that the ledger only grew since it last "
        f"looked, and signed with Ed25519 and ML-DSA-44: {names}."
    )


def _tell_cost(cost: Cost) -> str:
    return (
        f"{cost.network} dates it, {_seconds(cost.after_ms)} after it was signed, for {_tell_price(cost)} in money "
        f"that is worth nothing: one transaction for the {counted(cost.entries, 'entry', 'entries')} since its last."
    )


def _tell_price(cost: Cost) -> str:
    gas = f", {cost.gas:,} gas" if cost.gas else ""
    return f"{cost.amount}{gas} ({cost.per_entry} an entry)" if cost.per_entry else f"{cost.amount}{gas}"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.2f} s"
