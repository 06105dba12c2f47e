"""The demonstration's policy of levels: as strict as the shipped one about people, and only its chains are toys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telesphor.demo.anvil import ANVIL_NETWORK
from telesphor.demo.bcoin import BCOIN_NETWORK
from telesphor.demo.levels import DEMO_LEVELS
from telesphor.kernel.level_policy import DEFAULT_LEVELS, AnchorRule, parse_levels
from telesphor.kernel.levels import judge_levels
from tests.support.cards import ALL, anchor

DEMO, SHIPPED = parse_levels(DEMO_LEVELS.encode()), parse_levels(DEFAULT_LEVELS.encode())


def test_it_asks_as_much_of_witnesses_and_notaries_as_the_shipped_policy() -> None:
    assert replace(SHIPPED, anchors=DEMO.anchors, digest=DEMO.digest) == DEMO


def test_its_chains_are_those_of_the_demonstration() -> None:
    assert DEMO.anchors == AnchorRule(at_least=1, networks=(BCOIN_NETWORK, ANVIL_NETWORK), confirmations=2)


@pytest.mark.parametrize("network", [BCOIN_NETWORK, ANVIL_NETWORK])
def test_chain_of_the_demonstration_makes_l5_here_and_not_under_the_shipped_policy(network: str) -> None:
    toy = anchor(network, confirmations=2, pinned=False, proves_time=False)
    evidence = replace(ALL, anchors=(toy,))
    demonstrated = judge_levels(evidence, DEMO)
    assert demonstrated.level == 5
    assert any(f"`{network}`" in text and "nothing about time" in text for text in demonstrated.assumptions)
    shipped = judge_levels(replace(evidence, anchors=(replace(toy, confirmations=2016),)), SHIPPED)
    assert shipped.level == 4
    assert f"`{network}` is not in a chain that the policy names" in shipped.steps[4].missing
