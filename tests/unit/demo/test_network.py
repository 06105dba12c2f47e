"""The small network of the demonstration: what it aims at, and what would count as having got there."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import pytest

from telesphor.demo.anvil import Anvil
from telesphor.demo.bcoin import Bcoin
from telesphor.demo.chains import Chains
from telesphor.demo.confirmation import Confirmation, find_confirmation, tell_times
from telesphor.demo.levels import DEMO_LEVELS
from telesphor.demo.neighbours import NEIGHBOURS, NeighbourSilent, wait_for_neighbours
from telesphor.demo.network import CONFIRMATIONS, ORGANISATION, DemoNetwork
from telesphor.kernel.card import Role
from telesphor.kernel.level_policy import DEFAULT_LEVELS, parse_levels
from telesphor.ledger.network.status import AnchorStatus, BlockStatus, NetworkStatus

POLICY = parse_levels(DEMO_LEVELS.encode())
NODE: Any = cast(Any, object())
BITCOIN, ETHEREUM = "bitcoin-regtest", "ethereum-31337"
SIGNED_AT = "2026-01-02T03:04:05.000Z"


def block(size: int, level: int = 4) -> BlockStatus:
    waits = {f"L{reached}": 10 * (reached - 1) for reached in range(1, level + 1)}
    return BlockStatus(
        size=size,
        signed_at=SIGNED_AT,
        level=level,
        missing="",
        cosigned_by=(),
        anchored_in=(),
        ms_to_level=waits,
    )


def anchor(size: int, network: str, *, phase: str = "final", second: int = 7) -> AnchorStatus:
    return AnchorStatus(
        size=size,
        network=network,
        phase=phase,
        says="",
        cost="0.1 test BTC",
        gas=None,
        entries_covered=10,
        cost_per_entry="0.01 test BTC",
        begun_at=SIGNED_AT,
        done_at=f"2026-01-02T03:04:{second:02}.000Z" if phase == "final" else None,
    )


def find(*anchors: AnchorStatus, blocks: tuple[BlockStatus, ...], level: int) -> Confirmation:
    """What confirms position 9."""
    status = NetworkStatus(
        origin="o",
        organisation="clinic.example",
        card_expires_at=SIGNED_AT,
        blocks=blocks,
        peers=(),
        anchors=anchors,
    )
    return find_confirmation(status, 9, level=level, networks={anchor.network for anchor in anchors})


@pytest.mark.parametrize(
    ("chains", "goal"),
    [
        (Chains(cast(Bcoin, NODE), cast(Anvil, NODE), ()), 5),
        (Chains(None, cast(Anvil, NODE), ("no bcoin",)), 5),
        (Chains(None, None, ("no bcoin", "no anvil")), 4),
    ],
    ids=["both chains", "one chain", "no chain"],
)
def test_goal_is_as_high_as_the_chains_allow(chains: Chains, goal: int) -> None:
    assert DemoNetwork((), chains, POLICY).goal == goal


def test_neighbour_that_does_not_start_is_named(tmp_path: Path) -> None:
    ended = [get_context("spawn").Process(target=print) for _ in NEIGHBOURS]
    with pytest.raises(NeighbourSilent) as refused:
        wait_for_neighbours(tmp_path, ended)
    assert NEIGHBOURS[0].name in refused.value.message
    assert "north.log" in refused.value.hint


def test_neighbours_are_diverse_enough_for_the_policy_that_ships() -> None:
    shipped = parse_levels(DEFAULT_LEVELS.encode())
    witnesses = [neighbour for neighbour in NEIGHBOURS if neighbour.role is Role.WITNESS]
    notaries = [neighbour for neighbour in NEIGHBOURS if neighbour.role is Role.NOTARY]
    assert len(witnesses) == 4
    assert len({witness.organisation for witness in witnesses}) == shipped.diversity.organisations == 3
    assert len({witness.region for witness in witnesses}) >= shipped.diversity.regions
    assert len({witness.cloud for witness in witnesses}) >= shipped.diversity.clouds
    organisations = {witness.organisation for witness in witnesses} | {ORGANISATION["organisation"]}
    assert not {notary.organisation for notary in notaries} & organisations


def test_node_waits_for_as_many_blocks_as_the_policy_asks() -> None:
    assert POLICY.anchors.confirmations == CONFIRMATIONS


def test_block_that_is_settled_in_all_chains_confirms() -> None:
    found = find(
        anchor(10, BITCOIN, second=9),
        anchor(10, ETHEREUM, second=7),
        blocks=(block(20), block(10, 5)),
        level=5,
    )
    assert (found.size, found.level) == (10, 5)
    assert [(cost.network, cost.after_ms) for cost in found.anchors] == [(ETHEREUM, 2000), (BITCOIN, 4000)]
    assert tell_times(found) == "L2 0.01 s, L3 0.02 s, L4 0.03 s, L5 0.04 s"


@pytest.mark.parametrize(
    "anchors",
    [
        (anchor(10, BITCOIN), anchor(20, ETHEREUM)),
        (anchor(10, BITCOIN), anchor(10, ETHEREUM, phase="confirmed")),
        (anchor(5, BITCOIN), anchor(5, ETHEREUM)),
    ],
    ids=["two blocks, one chain each", "one not settled", "a block before the entry"],
)
def test_less_does_not_confirm(anchors: tuple[AnchorStatus, ...]) -> None:
    assert find(*anchors, blocks=(block(20, 5), block(10, 5), block(5, 5)), level=5).size == 0


def test_block_that_is_dated_and_not_notarised_does_not_confirm() -> None:
    assert find(anchor(10, BITCOIN), blocks=(block(20, 4), block(10, 3)), level=5).size == 0


def test_without_chains_the_oldest_notarised_block_confirms() -> None:
    found = find(blocks=(block(30), block(20), block(10, 3)), level=4)
    assert (found.size, found.level) == (20, 4)
