"""Levels against a naive model, and the laws they keep: more evidence never lowers, order changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import chain, combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from telesphor.kernel.card import Card, Role
from telesphor.kernel.chains.anchor import VerifiedAnchor
from telesphor.kernel.checkpoint import LogSigner
from telesphor.kernel.cosignature import Cosignature, Cosigner, CosignerKeys
from telesphor.kernel.digest import digest_of
from telesphor.kernel.level_evidence import Evidence
from telesphor.kernel.level_policy import DEFAULT_LEVELS, AnchorRule, Diversity, LevelPolicy, parse_levels
from telesphor.kernel.levels import judge_levels
from tests.support.cards import ALL

TIME = 1_795_348_275
TERMS = (
    ("2026-01-01T00:00:00.000Z", "2028-01-01T00:00:00.000Z"),
    ("2026-02-01T00:00:00.000Z", "2029-01-01T00:00:00.000Z"),
    ("2025-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"),
)
"""In force, in force by renewal, and expired."""
LOG = LogSigner("ledger.clinic.example", bytes([201]) * 32, bytes([202]) * 32)

Signed = tuple[Card, Cosignature]


@cache
def keys_of(number: int) -> CosignerKeys:
    return Cosigner(f"w{number}.example", bytes([number]) * 32, bytes([number + 100]) * 32).keys


@cache
def card_of(number: int, role: Role, places: tuple[str, str, str, str], term: int) -> Card:
    names = dict(zip(("organisation", "region", "cloud", "operator"), places, strict=True))
    vkeys, name = (
        (LOG.vkeys(), LOG.origin) if role is Role.LOG else (keys_of(number).vkeys(), f"w{number}.example")
    )
    return Card(
        role=role, name=name, vkeys=vkeys, issued_at=TERMS[term][0], expires_at=TERMS[term][1], **names
    )  # fmt: skip


LOG_CARD = card_of(0, Role.LOG, ("o0", "r0", "c0", "p0"), 0)


@st.composite
def worlds(draw: st.DrawFn) -> list[tuple[Role, tuple[str, str, str, str]]]:
    """What each of eight witnesses says of itself; it says no two things."""
    place = st.tuples(
        *(
            st.sampled_from([f"{kind}{n}" for n in range(most)])
            for kind, most in zip("orcp", (5, 3, 3, 2), strict=True)
        )
    )
    roles = st.sampled_from([Role.WITNESS, Role.WITNESS, Role.WITNESS, Role.NOTARY])
    return draw(st.lists(st.tuples(roles, place), min_size=8, max_size=8))


@st.composite
def pieces(draw: st.DrawFn, world: list[tuple[Role, tuple[str, str, str, str]]]) -> Signed:
    number = draw(st.integers(1, 8))
    role, places = world[number - 1]
    card = card_of(number, role, places, draw(st.sampled_from([0, 0, 0, 1, 2])))
    at = draw(st.sampled_from([-1000, -300, 0, 1, 30, 62, 100, 1000, 10**9]))
    return card, Cosignature(keys_of(number), TIME + at)


anchors = st.builds(
    VerifiedAnchor,
    network=st.sampled_from(["bitcoin-mainnet", "bitcoin-regtest", "ethereum-1", "ethereum-31337"]),
    height=st.integers(1, 3),
    time_seconds=st.integers(TIME, TIME + 3),
    confirmations=st.integers(1, 3),
    proves_time=st.booleans(),
    pinned=st.booleans(),
    sentence=st.sampled_from(["one", "two"]),
)

anchor_rules = st.builds(
    AnchorRule,
    st.integers(1, 2),
    st.sampled_from([("bitcoin-mainnet", "ethereum-1"), ("ethereum-1", "ethereum-31337")]),
    st.integers(1, 2),
)

policies = st.builds(
    LevelPolicy,
    validators=st.integers(1, 4),
    diversity=st.builds(Diversity, *[st.integers(1, 3)] * 3, st.integers(1, 2)),
    notaries=st.integers(1, 2),
    anchors=anchor_rules,
    witnesses=st.just(()),
    pins=st.just(()),
    digest=st.just(digest_of(b"")),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Evidence, list[Signed], list[VerifiedAnchor], LevelPolicy]:
    world = draw(worlds())
    cosigned = draw(st.lists(pieces(world), max_size=8))
    evidence = Evidence(LOG_CARD, TIME, tuple(cosigned), tuple(draw(st.lists(anchors, max_size=3))))
    more = draw(st.lists(pieces(world), max_size=3))
    return evidence, more, draw(st.lists(anchors, max_size=2)), draw(policies)


def naive_level(evidence: Evidence, policy: LevelPolicy) -> int:
    """The rules as sentences: a level is reached when some choice of signers shows it."""
    counting = [
        (card, cosignature.time_seconds)
        for card, cosignature in evidence.cosigned
        if card.is_in_force(time_seconds=cosignature.time_seconds)
        and -300 <= cosignature.time_seconds - TIME <= 366 * 86400
        and card.organisation != "o0"
    ]
    validators = list({one for one in counting if one[0].role is Role.WITNESS})
    notaries = [one for one in counting if one[0].role is Role.NOTARY]
    if not len({card.name for card, _ in validators}) >= policy.validators:
        return 1
    if not shows_diversity(validators, policy):
        return 2
    able = {
        n.organisation for n, at in notaries if any(is_checked(n, at, s, policy) for s in subsets(validators))
    }
    if len(able) < policy.notaries:
        return 3
    return 5 if is_dated(evidence.anchors, policy.anchors) else 4


def is_dated(anchors: Sequence[VerifiedAnchor], rule: AnchorRule) -> bool:
    networks = {
        anchor.network
        for anchor in anchors
        if anchor.network in rule.networks
        and anchor.confirmations >= rule.confirmations
        and (anchor.pinned or anchor.network != "ethereum-1")
    }
    return len(networks) >= rule.at_least


Counted = Sequence[tuple[Card, int]]


def is_checked(notary: Card, at: int, signers: Counted, policy: LevelPolicy) -> bool:
    apart = all(card.organisation != notary.organisation and time <= at + 60 for card, time in signers)
    return apart and shows_diversity(signers, policy)


def shows_diversity(signers: Counted, policy: LevelPolicy) -> bool:
    rule = policy.diversity
    return (
        len({card.name for card, _ in signers}) >= policy.validators
        and len({card.organisation for card, _ in signers}) >= rule.organisations
        and len({card.region for card, _ in signers}) >= rule.regions
        and len({card.cloud for card, _ in signers}) >= rule.clouds
        and len({card.operator for card, _ in signers}) >= rule.operators
    )


def subsets(signers: Counted) -> list[Counted]:
    return list(chain.from_iterable(combinations(signers, size) for size in range(1, len(signers) + 1)))


@settings(max_examples=100)
@given(cases())
def test_level_is_that_of_the_naive_model(
    case: tuple[Evidence, list[Signed], list[VerifiedAnchor], LevelPolicy],
) -> None:
    evidence, _, _, policy = case
    assert judge_levels(evidence, policy).level == naive_level(evidence, policy)


@settings(max_examples=300)
@given(st.lists(anchors, min_size=1, max_size=3), anchor_rules)
def test_notarised_checkpoint_is_anchored_when_the_naive_model_says_so(
    dated: list[VerifiedAnchor], rule: AnchorRule
) -> None:
    policy = replace(parse_levels(DEFAULT_LEVELS.encode()), anchors=rule)
    judgement = judge_levels(replace(ALL, anchors=tuple(dated)), policy)
    assert judgement.level == (5 if is_dated(dated, rule) else 4)


@settings(max_examples=100)
@given(cases())
def test_more_evidence_never_lowers_the_level(
    case: tuple[Evidence, list[Signed], list[VerifiedAnchor], LevelPolicy],
) -> None:
    evidence, more, later, policy = case
    before = judge_levels(evidence, policy)
    grown = replace(
        evidence, cosigned=(*evidence.cosigned, *more), anchors=(*evidence.anchors, *later)
    )  # fmt: skip
    after = judge_levels(grown, policy)
    assert after.level >= before.level
    assert all(a <= b for a, b in zip(after.at_seconds, before.at_seconds, strict=False))
    assert judge_levels(replace(evidence, log=None), policy).level == 1


@settings(max_examples=100)
@given(cases(), st.randoms(use_true_random=False))
def test_judgement_is_the_same_in_any_order_and_with_anything_twice(
    case: tuple[Evidence, list[Signed], list[VerifiedAnchor], LevelPolicy], random: object
) -> None:
    evidence, _, _, policy = case
    cosigned, dated = [*evidence.cosigned, *evidence.cosigned], [*evidence.anchors, *evidence.anchors]
    random.shuffle(cosigned)  # type: ignore[attr-defined]
    random.shuffle(dated)  # type: ignore[attr-defined]
    shuffled = replace(evidence, cosigned=tuple(cosigned), anchors=tuple(dated))
    assert judge_levels(shuffled, policy) == judge_levels(evidence, policy)


@settings(max_examples=100)
@given(cases())
def test_levels_nest_and_each_says_what_it_lacks(
    case: tuple[Evidence, list[Signed], list[VerifiedAnchor], LevelPolicy],
) -> None:
    evidence, _, _, policy = case
    judgement = judge_levels(evidence, policy)
    assert [step.met for step in judgement.steps] == [number <= judgement.level for number in range(1, 6)]
    assert all(bool(step.missing) is not step.met for step in judgement.steps)
    assert all(step.proved for step in judgement.steps if step.met)
    assert len(judgement.at_seconds) == judgement.level
    assert list(judgement.at_seconds) == sorted(judgement.at_seconds)
