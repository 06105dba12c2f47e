"""The small network around the node: its neighbours, the public chains that run here, and its settings.

Everything is on loopback, on ports of the system's choosing, and ends with the demonstration.

Start at `set_network`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from telesphor.demo.anvil import ANVIL_NETWORK
from telesphor.demo.bcoin import BCOIN_NETWORK
from telesphor.demo.chains import Chains, start_chains
from telesphor.demo.levels import DEMO_LEVELS
from telesphor.demo.narration import Narrator
from telesphor.demo.neighbours import (
    Running,
    introduce,
    prepare_neighbours,
    run_neighbours,
    wait_for_neighbours,
)
from telesphor.demo.stage import Stage
from telesphor.kernel import base64url
from telesphor.kernel.card import Role, read_card
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import IdSource
from telesphor.kernel.keyfile import seal_keyfile
from telesphor.kernel.level_policy import LevelPolicy, parse_levels
from telesphor.ledger.anchors.ethereum.key import EthereumKey
from telesphor.ledger.network.cards import own_card
from telesphor.runtime.folder import load_node_keys, write_private
from telesphor.runtime.network import NETWORK_FILE, NetworkSettings

ORGANISATION: Final = {
    "organisation": "clinic.example",
    "region": "eu-west",
    "cloud": "own",
    "operator": "clinic.example",
}
CONFIRMATIONS: Final = 2
LEVELS_FILE: Final = "levels.toml"

ANCHOR_SECONDS: Final = 1.5
"""A node of the real world anchors once an hour; nobody wants to watch that."""

LOOK_SECONDS: Final = 0.2
ANCHORED: Final = 5
WEI: Final = 10**18
"""One coin of the Ethereum network."""


@dataclass(frozen=True)
class DemoNetwork:
    """Who cosigns and what dates the node's ledger."""

    neighbours: tuple[Running, ...]
    chains: Chains
    policy: LevelPolicy

    @property
    def goal(self) -> int:
        """The level that can be reached here: L5, or L4 where too few chains run."""
        permitted = set(self.policy.anchors.networks) & set(self.chains.networks)
        return ANCHORED if len(permitted) >= self.policy.anchors.at_least else ANCHORED - 1


def set_network(
    stage: Stage,
    *,
    clock: Clock,
    ids: IdSource,
    stack: ExitStack,
    start: Callable[[ExitStack], Chains] = start_chains,
) -> DemoNetwork:
    """Start neighbours and chains, and tell the node of them; all ends when `stack` is closed.

    Args:
        start: starts the chains, or says that there are none.

    Raises:
        NeighbourSilent: a witness did not start.
    """
    levels = DEMO_LEVELS.encode()
    write_private(stage.levels, levels)
    write_private(stage.node.path / LEVELS_FILE, levels)
    folder = stage.neighbours
    prepare_neighbours(folder, clock=clock, ids=ids)
    introduce(
        folder,
        log_vkeys=stage.node.log_vkeys.read_bytes(),
        log_card=_make_log_card(stage, clock),
        levels=levels,
    )
    processes = run_neighbours(folder, stack)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start, stack)
        neighbours = wait_for_neighbours(folder, processes)
        chains = starting.result()
    _write_settings(stage, neighbours, chains)
    return DemoNetwork(neighbours, chains, parse_levels(levels))


def _make_log_card(stage: Stage, clock: Clock) -> bytes:
    """The card by which others know whose ledger it is; the node will find it as if it had made it."""
    keys = load_node_keys(stage.node.node_key, passphrase=stage.passphrase)
    settings = NetworkSettings.model_validate(ORGANISATION)
    return own_card(stage.node.log_card, role=Role.LOG, key=keys.log, settings=settings, clock=clock)


def _write_settings(stage: Stage, neighbours: tuple[Running, ...], chains: Chains) -> None:
    cards = stage.node.path / "cards"
    cards.mkdir(mode=0o700)
    tables: list[tuple[str, dict[str, Any]]] = []
    for running in neighbours:
        write_private(cards / f"{running.neighbour.label}.json", running.card)
        tables.append(("[[witness]]", {"url": running.url, "card": f"cards/{running.neighbour.label}.json"}))
    tables += _bitcoin_table(chains) + _ethereum_table(stage, chains)
    first = {
        **ORGANISATION,
        "levels": LEVELS_FILE,
        "anchor_minutes": ANCHOR_SECONDS / 60,
        "look_seconds": LOOK_SECONDS,
    }
    parts = [_lines(first), *(f"\n{head}\n{_lines(values)}" for head, values in tables)]
    write_private(stage.node.path / NETWORK_FILE, "".join(parts).encode())


def _bitcoin_table(chains: Chains) -> list[tuple[str, dict[str, Any]]]:
    if chains.bitcoin is None:
        return []
    values = {
        "network": BCOIN_NETWORK,
        "node_url": chains.bitcoin.node_url,
        "wallet_url": chains.bitcoin.wallet_url,
        "credential_file": str(chains.bitcoin.credential_file),
        "confirmations": CONFIRMATIONS,
    }
    return [("[bitcoin]", values)]


def _ethereum_table(stage: Stage, chains: Chains) -> list[tuple[str, dict[str, Any]]]:
    """With a new account, which is given some money."""
    if chains.ethereum is None:
        return []
    key = EthereumKey.generate()
    secret = {"ethereum": base64url.encode(key.secret)}
    file = stage.node.node_key.with_name("ethereum.key")
    write_private(file, seal_keyfile(secret, passphrase=stage.passphrase))
    chains.ethereum.give("0x" + key.address.hex(), wei=WEI)
    values = {
        "network": ANVIL_NETWORK,
        "node_url": chains.ethereum.url,
        "key_file": str(file.relative_to(stage.node.path)),
        "confirmations": CONFIRMATIONS,
    }
    return [("[ethereum]", values)]


def _lines(values: dict[str, Any]) -> str:
    """TOML's texts and numbers are those of JSON."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def tell_network(network: DemoNetwork, narrator: Narrator) -> None:
    """Who is there, and what is not."""
    for running in network.neighbours:
        card = read_card(running.card)
        narrator.say(f"{card.role:<8}  {card.name:<22}  {card.region:<8}  {card.cloud}")
    narrator.say(
        "Each is a process of its own with its own keys and memory. It is handed tree heads, proofs that the tree "
        "only grew, and signatures; never an entry. The organisations are made up, and all of it is on this machine."
    )
    if network.chains.networks:
        narrator.say(f"Public chains, as real nodes run here: {', '.join(network.chains.networks)}.")
    for missing in network.chains.missing:
        narrator.say(f"Not here: {missing}.")
    if network.goal < ANCHORED:
        narrator.say("Without a chain nothing dates the ledger, and the proof will reach L4.")
