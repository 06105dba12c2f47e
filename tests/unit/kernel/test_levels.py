"""Levels: each is earned by evidence, and every way of having it cheaper is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from telesphor.kernel.card import read_card
from telesphor.kernel.chains.anchor import VerifiedAnchor
from telesphor.kernel.cosignature import Cosignature, Cosigner
from telesphor.kernel.levels import (
    DEFAULT_LEVELS,
    Evidence,
    Judgement,
    LevelPolicy,
    judge_levels,
    parse_levels,
)
from tests.support.cards import (
    ALL,
    LOG,
    LOG_CARD,
    NOTARY,
    THREE,
    TIME,
    Signed,
    anchor,
    card_of,
    cosigner,
    notary,
    signed,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "levels.json").read_text("utf-8"))
POLICY = parse_levels(DEFAULT_LEVELS.encode())
YEAR = 366 * 24 * 60 * 60


def judge(*cosigned: Signed, policy: LevelPolicy = POLICY, **changes: Any) -> Judgement:
    return judge_levels(replace(ALL, cosigned=cosigned, **changes), policy)


def missing(judgement: Judgement) -> str:
    """What the next level lacks."""
    return judgement.steps[judgement.level].missing


def policy_with(old: str, new: str) -> LevelPolicy:
    assert old in DEFAULT_LEVELS
    return parse_levels(DEFAULT_LEVELS.replace(old, new).encode())


# What each level takes.


def test_all_five_levels_are_reached_with_their_times() -> None:
    judgement = judge_levels(ALL, POLICY)
    assert judgement.level == 5
    assert judgement.at_seconds == (TIME, TIME + 3, TIME + 3, TIME + 5, TIME + 3600)
    assert [step.level for step in judgement.steps] == [1, 2, 3, 4, 5]
    assert all(step.met and step.proved and not step.missing for step in judgement.steps)


def test_signed_by_its_log_alone_is_level_1() -> None:
    judgement = judge(anchors=())
    assert (judgement.level, judgement.at_seconds) == (1, (TIME,))
    assert missing(judgement) == "no validator cosigned it, where 3 are asked"
    assert [step.met for step in judgement.steps] == [True, False, False, False, False]
    assert judgement.assumptions == ()


def test_three_validators_of_one_place_are_level_2() -> None:
    judgement = judge(*(signed(name, region="here", cloud="mine") for name in ("alpha", "beta", "gamma")))
    assert judgement.level == 2
    assert missing(judgement) == (
        "the validators are of 1 region, where 2 are asked; the validators are of 1 cloud, where 2 are asked"
    )


def test_diverse_validators_without_notary_are_level_3() -> None:
    judgement = judge(*THREE)
    assert judgement.level == 3
    assert missing(judgement) == "no notary signed it, where 1 is asked"


def test_notary_without_anchor_is_level_4() -> None:
    judgement = judge(*THREE, NOTARY, anchors=())
    assert judgement.level == 4
    assert missing(judgement) == "no public chain dated it, where 1 is asked"


def test_what_was_proved_is_said_in_names() -> None:
    steps = judge_levels(ALL, POLICY).steps
    assert steps[1].proved == (
        "3 validators cosigned it: `alpha.example/witness`, `beta.example/witness`, `gamma.example/witness`"
    )
    assert steps[2].proved == (
        "they are of 3 organisations (`alpha.example`, `beta.example`, `gamma.example`), 2 regions (`region-0`, "
        "`region-1`), 2 clouds (`cloud-0`, `cloud-1`), 1 operator (`shared-operator`)"
    )
    assert "`judge.example/witness` of `judge.example`" in steps[3].proved
    assert steps[4].proved == "dated by block 900000 of bitcoin-mainnet"


# Who counts.


def test_many_cards_of_one_organisation_are_no_diversity() -> None:
    sybils = [signed(f"alpha-{number}", region=f"r{number}", cloud=f"c{number}") for number in range(9)]
    judgement = judge(*sybils, NOTARY)
    assert judgement.level == 2
    assert missing(judgement) == "the validators are of 1 organisation, where 3 are asked"


def test_one_key_under_two_cards_is_not_two_validators() -> None:
    beta_too = signed("beta", organisation="delta.example")
    judgement = judge(THREE[0], THREE[1], beta_too)
    assert judgement.level == 1
    assert "`beta.example/witness` has a key of which two different things are said" in missing(judgement)


@pytest.mark.parametrize("half", [0, 1])
def test_half_a_key_under_two_cards_is_not_two_validators(half: int) -> None:
    seeds = [b"beta".ljust(32), b"beta".rjust(32)]
    seeds[1 - half] = b"fresh".ljust(32)
    shadow = Cosigner("delta.example/witness", *seeds)
    card = card_of("delta", vkeys=shadow.vkeys())
    judgement = judge(*THREE, (card, Cosignature(shadow.keys, TIME + 1)))
    assert judgement.level == 1
    assert "two different things" in missing(judgement)


@pytest.mark.parametrize("half", [0, 1])
def test_half_a_key_under_two_cards_that_say_the_same_is_not_two_validators(half: int) -> None:
    seeds = [b"beta".ljust(32), b"beta".rjust(32)]
    seeds[1 - half] = b"fresh".ljust(32)
    shadow = Cosigner(cosigner("beta").name, *seeds)
    judgement = judge(
        THREE[0], THREE[1], (card_of("beta", vkeys=shadow.vkeys()), Cosignature(shadow.keys, TIME))
    )
    assert judgement.level == 1
    assert missing(judgement).startswith("1 validator cosigned it")


def test_one_key_under_two_names_is_not_two_validators() -> None:
    renamed = Cosigner("delta.example/witness", cosigner("beta").ed25519_seed, cosigner("beta").mldsa44_seed)
    card = card_of("delta", vkeys=renamed.vkeys())
    assert judge(*THREE, (card, Cosignature(renamed.keys, TIME + 1))).level == 1


def test_one_key_as_witness_and_as_notary_is_neither() -> None:
    for organisation in ("alpha.example", "delta.example"):
        judgement = judge(*THREE, notary("alpha", organisation=organisation))
        assert judgement.level == 1
        assert "two different things" in missing(judgement)


def test_renewed_card_that_says_the_same_counts_once() -> None:
    renewed = signed(
        "beta", at=3, issued_at="2026-06-01T00:00:00.000Z", expires_at="2029-01-01T00:00:00.000Z"
    )
    assert judge(THREE[0], THREE[1], renewed).level == 1
    assert judge(*THREE, renewed, NOTARY) == judge_levels(ALL, POLICY)


def test_card_that_was_replaced_before_may_have_said_something_else() -> None:
    before = signed("beta", cloud="old-cloud", expires_at="2026-06-01T00:00:00.000Z")
    assert judge(*THREE, before, NOTARY).level == 5


def test_duplicate_cosignatures_count_once() -> None:
    assert judge(THREE[0], THREE[1], THREE[1], THREE[1]).level == 1
    again = (THREE[1][0], Cosignature(THREE[1][1].keys, TIME + 40))
    assert judge(THREE[0], THREE[1], again).level == 1


@pytest.mark.parametrize(
    "term",
    [
        {"expires_at": "2026-11-01T00:00:00.000Z"},
        {"issued_at": "2026-12-01T00:00:00.000Z"},
    ],
    ids=["expired", "not-yet"],
)
def test_card_that_was_not_in_force_does_not_count(term: dict[str, Any]) -> None:
    judgement = judge(THREE[0], THREE[1], signed("gamma", **term))
    assert judgement.level == 1
    assert "`gamma.example/witness` had no card in force when it signed" in missing(judgement)
    assert judge(*THREE, notary("judge", **term)).level == 3


def test_witness_of_the_logs_own_organisation_does_not_count() -> None:
    judgement = judge(THREE[0], THREE[1], signed("clinic"))
    assert judgement.level == 1
    assert "`clinic.example/witness` is of the log's own organisation" in missing(judgement)


def test_notary_of_the_logs_own_organisation_does_not_count() -> None:
    assert judge(*THREE, notary("clinic")).level == 3


@pytest.mark.parametrize("half", [0, 1])
def test_witness_with_a_key_of_the_log_does_not_count(half: int) -> None:
    seeds = [b"shadow".ljust(32), b"shadow".rjust(32)]
    seeds[half] = (LOG.ed25519_seed, LOG.mldsa44_seed)[half]
    shadow = Cosigner("shadow.example/witness", *seeds)
    card = card_of("shadow", vkeys=shadow.vkeys())
    judgement = judge(THREE[0], THREE[1], (card, Cosignature(shadow.keys, TIME + 1)))
    assert judgement.level == 1
    assert "has a key of the log" in missing(judgement)


def test_nobody_counts_when_the_log_does_not_say_whose_it_is() -> None:
    judgement = judge(*THREE, NOTARY, log=None)
    assert judgement.level == 1
    assert "the log's own card is not here" in missing(judgement)


def test_nobody_counts_when_the_logs_card_was_not_in_force() -> None:
    expired = replace(LOG_CARD, expires_at="2026-11-01T00:00:00.000Z")
    judgement = judge(*THREE, NOTARY, log=expired)
    assert judgement.level == 1
    assert "was not in force" in missing(judgement)


@pytest.mark.parametrize("at", [-301, -TIME, YEAR + 1], ids=["before-the-log", "zero", "far-future"])
def test_cosignature_at_a_time_that_cannot_be_does_not_count(at: int) -> None:
    for_ever = {"issued_at": "1970-01-01T00:00:00.000Z", "expires_at": "1970-02-01T00:00:00.000Z"}
    if at > 0:
        for_ever = {"issued_at": "2027-01-01T00:00:00.000Z", "expires_at": "2030-01-01T00:00:00.000Z"}
    if at == -301:
        for_ever = {}
    judgement = judge(THREE[0], THREE[1], signed("gamma", at=at, **for_ever))
    assert judgement.level == 1
    assert "`gamma.example/witness` states a time" in missing(judgement)
    assert judge(*THREE, notary("judge", at=at, **for_ever)).level == 3


def test_cosignature_beyond_all_time_does_not_count_and_does_not_crash() -> None:
    assert judge(THREE[0], THREE[1], signed("gamma", at=2**63 - 1 - TIME)).level == 1


def test_clocks_may_differ_a_little() -> None:
    judgement = judge(THREE[0], THREE[1], signed("gamma", at=-300), NOTARY)
    assert judgement.level == 5
    assert list(judgement.at_seconds) == sorted(judgement.at_seconds)


def test_log_that_dates_itself_into_the_future_has_no_validators() -> None:
    assert judge(*THREE, NOTARY, log_time_seconds=TIME + 400).level == 1


# The notary.


def test_notary_counts_as_no_validator() -> None:
    assert judge(THREE[0], THREE[1], notary("gamma")).level == 1


def test_notary_of_the_organisation_of_a_needed_validator_does_not_count() -> None:
    judgement = judge(*THREE, notary("beta-2"))
    assert judgement.level == 3
    assert "L3 is not made without its organisation" in missing(judgement)


def test_notary_needs_as_many_validators_beside_its_organisation_as_anyone() -> None:
    two = policy_with("organisations = 3", "organisations = 2")
    assert judge(*THREE, notary("gamma-2"), policy=two).level == 3
    assert judge(*THREE, signed("alpha-2"), notary("gamma-2"), policy=two).level == 5


def test_notary_counts_when_the_others_are_enough_without_its_organisation() -> None:
    assert judge(*THREE, signed("delta"), notary("beta-2"), anchors=()).level == 4


def test_notary_that_signed_before_the_validators_does_not_count() -> None:
    assert judge(*THREE, notary("judge", at=3 - 61)).level == 3
    assert judge(*THREE, notary("judge", at=3 - 60), anchors=()).level == 4


def test_validator_that_comes_later_takes_nothing_from_the_notary() -> None:
    assert judge(*THREE, NOTARY, signed("delta", at=9_000), anchors=()).level == 4


def test_notaries_of_one_organisation_are_one() -> None:
    two = policy_with("[notary]\nat_least = 1", "[notary]\nat_least = 2")
    judgement = judge(*THREE, notary("judge-1"), notary("judge-2"), policy=two)
    assert judgement.level == 3
    assert missing(judgement) == "1 notary signed it, where 2 are asked"
    assert judge(*THREE, notary("judge"), notary("umpire"), policy=two).level == 5


# Anchors.


@pytest.mark.parametrize(
    ("anchors", "lacks"),
    [
        ((), "no public chain dated it, where 1 is asked"),
        ((anchor(confirmations=5),), "`bitcoin-mainnet` shows 5 of 6 confirmations"),
        ((anchor("bitcoin-regtest"),), "`bitcoin-regtest` is not in a chain that the policy names"),
        ((anchor("ethereum-31337"),), "`ethereum-31337` is not in a chain that the policy names"),
    ],
)
def test_anchor_that_the_policy_does_not_ask_for_does_not_count(
    anchors: tuple[VerifiedAnchor, ...], lacks: str
) -> None:
    judgement = judge(*THREE, NOTARY, anchors=anchors)
    assert judgement.level == 4
    assert lacks in missing(judgement)


@pytest.mark.parametrize("network", ["ethereum-1", "ethereum-11155111", "ethereum-1337"])
def test_anchor_in_ethereum_counts_only_with_a_pinned_header(network: str) -> None:
    asked = policy_with('"ethereum-1"', f'"{network}"')
    judgement = judge(*THREE, NOTARY, anchors=(anchor(network, pinned=False),), policy=asked)
    assert judgement.level == 4
    assert missing(judgement) == (
        f"no public chain dated it, where 1 is asked; `{network}` counts only with a header that the policy pins: "
        "that of block `900000`, as known from elsewhere"
    )
    assert not any(network in text for text in judgement.assumptions)
    assert not judgement.steps[4].proved
    assert judge(*THREE, NOTARY, anchors=(anchor(network),), policy=asked).level == 5


def test_anchor_in_ethereum_without_a_pin_is_no_second_chain() -> None:
    two = policy_with("[anchors]\nat_least = 1", "[anchors]\nat_least = 2")
    unpinned = anchor("ethereum-1", pinned=False, proves_time=False)
    assert judge(*THREE, NOTARY, anchors=(anchor(), unpinned), policy=two).level == 4
    assert judge(*THREE, NOTARY, anchors=(anchor(), unpinned, anchor("ethereum-1")), policy=two).level == 5


def test_anchor_in_ethereum_without_a_pin_dates_nothing_earlier() -> None:
    early = anchor("ethereum-1", pinned=False, time_seconds=TIME + 60)
    assert judge(*THREE, NOTARY, anchors=(early, anchor())) == judge_levels(ALL, POLICY)


def test_one_chain_counts_once() -> None:
    two = policy_with("[anchors]\nat_least = 1", "[anchors]\nat_least = 2")
    assert judge(*THREE, NOTARY, anchors=(anchor(), anchor(height=900_001)), policy=two).level == 4
    both = (anchor("ethereum-1", time_seconds=TIME + 60), anchor())
    judgement = judge(*THREE, NOTARY, anchors=both, policy=two)
    assert (judgement.level, judgement.at_seconds[4]) == (5, TIME + 3600)


def test_anchor_alone_is_no_level() -> None:
    judgement = judge()
    assert judgement.level == 1
    assert judgement.steps[4].proved and not judgement.steps[4].met
    assert judgement.steps[4].missing == "L2 comes first, and is not reached"


def test_level_is_never_reached_before_the_one_below_it() -> None:
    judgement = judge(*THREE, NOTARY, anchors=(anchor(time_seconds=TIME - 9_999),))
    assert judgement.at_seconds[4] == judgement.at_seconds[3]


# What the verdict rests on.


def test_without_pins_the_witnesses_are_as_they_say() -> None:
    assumptions = judge_levels(ALL, POLICY).assumptions
    assert "the log's organisation is as the log says itself" in assumptions
    assert any("the policy pins no witness" in text for text in assumptions)


def pinned(*pins: str) -> LevelPolicy:
    return parse_levels((DEFAULT_LEVELS + "".join(f"[[witness]]\n{pin}\n" for pin in pins)).encode())


def by_vkeys(name: str) -> str:
    return f"vkeys = {json.dumps(cosigner(name).vkeys())}"


def test_only_pinned_witnesses_and_notaries_count() -> None:
    judgement = judge_levels(ALL, pinned(by_vkeys("alpha"), by_vkeys("beta"), by_vkeys("judge")))
    assert judgement.level == 1
    assert "`gamma.example/witness` is not one that the policy pins" in missing(judgement)
    three = [by_vkeys(name) for name in ("alpha", "beta", "gamma")]
    assert judge_levels(ALL, pinned(*three)).level == 3
    assert judge_levels(ALL, pinned(*three, by_vkeys("judge"))).level == 5


def test_pinned_card_holds_a_witness_to_what_it_said() -> None:
    cards = [f'card = "{card.id}"' for card, _ in (*THREE, NOTARY)]
    judgement = judge_levels(ALL, pinned(*cards, f'card = "{LOG_CARD.id}"'))
    assert (judgement.level, judgement.assumptions) == (5, ())
    moved = signed("beta", organisation="delta.example")
    assert judge(THREE[0], moved, THREE[2], NOTARY, policy=pinned(*cards)).level == 1


def test_pinned_card_stands_against_another_of_the_same_key() -> None:
    cards = [f'card = "{card.id}"' for card, _ in (*THREE, NOTARY)]
    assert judge(*THREE, NOTARY, signed("beta", cloud="elsewhere"), policy=pinned(*cards)).level == 5


def test_pinned_keys_leave_the_rest_as_the_witnesses_say() -> None:
    names = ("alpha", "beta", "gamma", "judge")
    assumptions = judge_levels(ALL, pinned(*map(by_vkeys, names))).assumptions
    assert any("whose keys alone are pinned" in text for text in assumptions)
    assert not any("pins no witness" in text for text in assumptions)


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize(
    "network", ["bitcoin-regtest", "bitcoin-testnet4", "bitcoin-signet", "ethereum-31337"]
)
def test_chain_that_anyone_can_rewrite_is_said_to_prove_nothing_about_time(
    network: str, pinned: bool
) -> None:
    own = policy_with('"ethereum-1"', f'"{network}"')
    rewritten = anchor(network, proves_time=False, pinned=pinned)
    judgement = judge(*THREE, NOTARY, anchors=(rewritten,), policy=own)
    assert judgement.level == 5
    assert [text for text in judgement.assumptions if network in text] == [
        f"`{network}` can be rewritten for nothing: its anchor proves nothing about time"
    ]


def test_bitcoin_header_that_is_not_pinned_is_said_to_rest_on_its_work() -> None:
    judgement = judge(*THREE, NOTARY, anchors=(anchor(pinned=False),))
    assert judgement.level == 5
    assert judgement.assumptions[-1] == (
        "block `900000` of `bitcoin-mainnet` is in the chain that everybody sees: no header that the policy pins "
        "confirms it, so that it rests on the work that its headers show"
    )


# Vectors.


def evidence_of(vector: dict[str, Any]) -> Evidence:
    cards = {name: read_card(data.encode()) for name, data in VECTORS["cards"].items()}
    cosigned = [
        (cards[name], Cosignature(cards[name].keys, time)) for name, time in vector["cosigned"]
    ]  # fmt: skip
    log = cards[vector["log"]] if vector["log"] else None
    anchors = tuple(VerifiedAnchor(**fields) for fields in vector["anchors"])
    return Evidence(log, vector["log_time_seconds"], tuple(cosigned), anchors)


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_evidence_vector_has_its_level(vector: dict[str, Any]) -> None:
    judgement = judge_levels(evidence_of(vector), parse_levels(vector["policy"].encode()))
    assert judgement.level == vector["level"]
    assert list(judgement.at_seconds) == vector["at_seconds"]
    assert [step.met for step in judgement.steps] == [number <= vector["level"] for number in range(1, 6)]
