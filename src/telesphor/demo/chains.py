"""The public chains of the demonstration: a Bitcoin and an Ethereum node, each on a network of its own.

They are real nodes (npm's `bcoin` and `anvil`) and prove nothing about time: whoever runs them writes their
blocks, and here that is this program. What is not installed, or does not run on this machine, is named in
`missing`, and the demonstration goes on without it.

Start at `start_chains`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, TypeVar

from telesphor.demo.anvil import ANVIL_NETWORK, Anvil, AnvilUnavailable, start_anvil
from telesphor.demo.bcoin import BCOIN_NETWORK, Bcoin, BcoinUnavailable, start_bcoin

Node = TypeVar("Node", Bcoin, Anvil)

COINS: Final = 2
"""Of 50 each; an anchor costs a few hundred millionths of one."""

BLOCKS_ON_TOP: Final = 1
"""The demonstration's policy asks for two blocks: the one that holds an anchor, and one on top of it."""

MINE_SECONDS: Final = 0.2
"""How soon a waiting transaction gets its block: a public chain would take seconds, or ten minutes."""

STOP_SECONDS_MAX: Final = 15.0


@dataclass(frozen=True)
class Chains:
    """What runs here, and in plain words what does not."""

    bitcoin: Bcoin | None
    ethereum: Anvil | None
    missing: tuple[str, ...]

    @property
    def networks(self) -> tuple[str, ...]:
        """The names of the networks that run."""
        running = ((self.bitcoin, BCOIN_NETWORK), (self.ethereum, ANVIL_NETWORK))
        return tuple(network for node, network in running if node is not None)


def start_chains(stack: ExitStack) -> Chains:
    """Start what is there, with money in the Bitcoin wallet and a miner; all ends when `stack` is closed."""
    missing: list[str] = []
    bitcoin = _try(start_bcoin, stack, missing)
    ethereum = _try(start_anvil, stack, missing)
    if bitcoin is not None:
        bitcoin.fund(COINS)
    chains = Chains(bitcoin, ethereum, tuple(missing))
    miner = Miner(chains)
    miner.start()
    stack.callback(miner.stop)
    return chains


class Miner:
    """Makes blocks when there is something for a block to hold, so that an idle network stays as it is."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains
        self._height = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="miner", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, before the nodes do."""
        self._ended.set()
        self._thread.join(STOP_SECONDS_MAX)

    def mine_once(self) -> None:
        """A block for what waits, and one more on top of it."""
        bitcoin, ethereum = self._chains.bitcoin, self._chains.ethereum
        if bitcoin is not None and bitcoin.pool():
            bitcoin.mine(1 + BLOCKS_ON_TOP)
        if ethereum is not None:
            # It makes the first block by itself, as each transaction comes in; here comes what goes on top. The
            # height is read once, so that a block that comes meanwhile is seen at the next look.
            height = int(ethereum.call("eth_blockNumber"), 16)
            if height > self._height:
                ethereum.mine(BLOCKS_ON_TOP)
                self._height = height + BLOCKS_ON_TOP

    def _run(self) -> None:
        while not self._ended.wait(MINE_SECONDS):
            try:
                self.mine_once()
            except Exception:  # noqa: BLE001, S112  a node that is busy, or gone: the wait for its blocks will tell
                continue


def _try(start: Callable[[], Node], stack: ExitStack, missing: list[str]) -> Node | None:
    try:
        node = start()
    except (BcoinUnavailable, AnvilUnavailable, OSError) as error:
        missing.append(str(error))
        return None
    stack.callback(node.stop)
    return node
