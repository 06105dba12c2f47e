"""Assurance levels: how far a checkpoint has been confirmed, judged from the evidence alone.

L1 its log signed it; L2 enough validators cosigned; L3 they are diverse; L4 a notary that is none of them
confirmed that; L5 public chains date it. What this module guarantees: a level is never taken from a claim,
only from signatures and proofs that were verified before they came here; levels nest; the order of the
evidence changes nothing; and more evidence never lowers a level, except for one thing: whoever is shown to
say two different things of the same keys counts for nothing.

Start at `gather_evidence` and `judge_levels`; the evidence is in `level_evidence`, who of it counts in
`level_signers`, the rules in `level_policy`. Each rule and the attack that it is against: `docs/spec/levels.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from telesphor.kernel.chains.anchor import BITCOIN_NETWORKS, ETHEREUM_DEVELOPMENT, VerifiedAnchor
from telesphor.kernel.level_evidence import Evidence, gather_evidence
from telesphor.kernel.level_policy import (
    DEFAULT_LEVELS,
    LEVELS_BYTES_MAX,
    AnchorRule,
    Diversity,
    LevelPolicy,
    parse_levels,
)
from telesphor.kernel.level_signers import Count, Signer, count_signers

__all__ = [
    "DEFAULT_LEVELS",
    "LEVELS_BYTES_MAX",
    "NOTARY_LAG_SECONDS_MAX",
    "Evidence",
    "Judgement",
    "LevelPolicy",
    "LevelStep",
    "gather_evidence",
    "judge_levels",
    "parse_levels",
]

NOTARY_LAG_SECONDS_MAX: Final = 60
"""A notary signs after those whom it checks; so much may clocks differ."""

_NAMES_SHOWN_MAX: Final = 8


@dataclass(frozen=True)
class LevelStep:
    """One level: whether it is reached, what there is of it, and in plain words what it lacks (or nothing)."""

    level: int
    met: bool
    proved: str
    missing: str


@dataclass(frozen=True)
class Judgement:
    """The level reached, 1 to 5, with its reasons.

    Attributes:
        at_seconds: for each level reached, in order, the POSIX time at which it was.
        assumptions: what the verdict rests on without proof, in plain words.
    """

    level: int
    steps: tuple[LevelStep, ...]
    at_seconds: tuple[int, ...]
    assumptions: tuple[str, ...]


def judge_levels(evidence: Evidence, policy: LevelPolicy) -> Judgement:
    """Judge how far the evidence goes under a policy. Pure: the same evidence, the same judgement."""
    count = count_signers(evidence, policy)
    findings = (
        _Finding(True, evidence.log_time_seconds, "the log signed it with both of its keys", ""),
        _judge_validators(count, policy),
        _judge_diversity(count, policy),
        _judge_notaries(count, policy),
        _judge_anchors(evidence.anchors, policy.anchors),
    )
    level = next((number for number, finding in enumerate(findings) if not finding.met), len(findings))
    times: list[int] = []
    for finding in findings[:level]:
        times.append(max([finding.time_seconds, *times[-1:]]))
    steps = tuple(_step(number, finding, level) for number, finding in enumerate(findings, 1))
    return Judgement(level, steps, tuple(times), _assumptions(evidence, policy, count))


@dataclass(frozen=True)
class _Finding:
    """What was found of one level by itself, whatever the levels below it."""

    met: bool
    time_seconds: int
    proved: str
    missing: str


def _judge_validators(count: Count, policy: LevelPolicy) -> _Finding:
    names = _different(count.validators, "name")
    time = _time_when(count.validators, lambda signers: _has_validators(signers, policy))
    proved = f"{_counted(len(names), 'validator')} cosigned it: {_list(names)}" if names else ""
    asked = _asking(_keys(count.validators), "validator", "cosigned it", policy.validators)
    return _finding(time, proved, [asked, *_some(count.doubts)])


def _judge_diversity(count: Count, policy: LevelPolicy) -> _Finding:
    validators = count.validators
    time = _time_when(validators, lambda signers: _is_diverse(signers, policy))
    found = [(noun, _different(validators, noun)) for noun in _NOUNS]
    proved = (
        "they are of " + ", ".join(f"{_counted(len(w), n)} ({_list(w)})" for n, w in found)
        if validators
        else ""
    )
    lacks = [
        f"the validators are of {_asking(len(words), noun, '', asked)}"
        for (noun, words), asked in zip(found, _asked(policy.diversity), strict=True)
        if len(words) < asked
    ]
    return _finding(time, proved, lacks or ["there are not enough validators"])


def _judge_notaries(count: Count, policy: LevelPolicy) -> _Finding:
    """Notaries of different organisations, each of which could have seen L3 made without its own."""
    able = [notary for notary in count.notaries if _is_diverse(_checked_by(notary, count), policy)]
    time = _time_when(able, lambda notaries: len(_different(notaries, "organisation")) >= policy.notaries)
    names = [f"`{signer.card.name}` of `{signer.card.organisation}`" for signer in able[:_NAMES_SHOWN_MAX]]
    proved = f"signed, no earlier than they, by the notary {', '.join(dict.fromkeys(names))}" if able else ""
    have = len(_different(able, "organisation"))
    lacks = [_asking(have, "notary", "signed it", policy.notaries)]
    if len(able) < len(count.notaries):
        lacks.append(
            "a notary signed, but before the validators that make L3, or L3 is not made without its organisation"
        )
    return _finding(time, proved, lacks)


def _judge_anchors(anchors: Sequence[VerifiedAnchor], rule: AnchorRule) -> _Finding:
    ordered = _counting(anchors, rule)
    seen: set[str] = set()
    time: int | None = None
    for anchor in ordered:
        seen.add(anchor.network)
        if time is None and len(seen) >= rule.at_least:
            time = anchor.time_seconds
    rest = sorted({*anchors} - {*ordered}, key=_age)[:_NAMES_SHOWN_MAX]
    lacks = [
        _asking(len(seen), "public chain", "dated it", rule.at_least),
        *(_why_not(anchor, rule) for anchor in rest),
    ]
    return _finding(time, "; ".join(dict.fromkeys(anchor.sentence for anchor in ordered)), lacks)


def _counting(anchors: Iterable[VerifiedAnchor], rule: AnchorRule) -> list[VerifiedAnchor]:
    """Those in a chain that is asked for, deep enough, and of headers that show something; the oldest first."""
    return sorted({anchor for anchor in anchors if not _why_not(anchor, rule)}, key=_age)


def _why_not(anchor: VerifiedAnchor, rule: AnchorRule) -> str:
    """Why an anchor does not count, or nothing when it does."""
    if anchor.network not in rule.networks:
        return f"the anchor in `{anchor.network}` is not in a chain that the policy names"
    if _lacks_pin(anchor):
        return (
            f"`{anchor.network}` counts only with a header that the policy pins: that of block "
            f"`{anchor.height}`, as known from elsewhere"
        )
    if anchor.confirmations < rule.confirmations:
        return f"`{anchor.network}` shows {anchor.confirmations} of {rule.confirmations} confirmations"
    return ""


def _lacks_pin(anchor: VerifiedAnchor) -> bool:
    """Whether its headers show nothing by themselves, and none of them is one that the reader knows.

    Bitcoin's headers carry their work. Those of Ethereum carry none, and anyone writes them in a moment, whatever
    chain id they are put forward for. Only the network of a developer's own machine needs no pin: nobody could
    know its headers from elsewhere, and a policy names it knowing that it proves nothing.
    """
    speaks = anchor.network in BITCOIN_NETWORKS or anchor.network == ETHEREUM_DEVELOPMENT
    return not (speaks or anchor.pinned)


def _age(anchor: VerifiedAnchor) -> tuple[object, ...]:
    # All that it says, so that the order in which anchors were given never shows.
    said = (anchor.confirmations, anchor.proves_time, anchor.pinned, anchor.sentence)
    return (anchor.time_seconds, anchor.network, anchor.height, *said)


def _checked_by(notary: Signer, count: Count) -> list[Signer]:
    latest = notary.time_seconds + NOTARY_LAG_SECONDS_MAX
    return [
        signer
        for signer in count.validators
        if signer.card.organisation != notary.card.organisation and signer.time_seconds <= latest
    ]


def _has_validators(signers: Sequence[Signer], policy: LevelPolicy) -> bool:
    return _keys(signers) >= policy.validators


def _is_diverse(signers: Sequence[Signer], policy: LevelPolicy) -> bool:
    found = (len(_different(signers, noun)) for noun in _NOUNS)
    diverse = all(have >= asked for have, asked in zip(found, _asked(policy.diversity), strict=True))
    return diverse and _has_validators(signers, policy)


_NOUNS: Final = ("organisation", "region", "cloud", "operator")


def _asked(diversity: Diversity) -> tuple[int, int, int, int]:
    return diversity.organisations, diversity.regions, diversity.clouds, diversity.operators


def _keys(signers: Iterable[Signer]) -> int:
    """How many there are: one pair of keys is one, however often it signed and however many cards it has."""
    return len({signer.card.vkeys for signer in signers})


def _different(signers: Iterable[Signer], noun: str) -> list[str]:
    return sorted({getattr(signer.card, noun) for signer in signers})


def _time_when(signers: Sequence[Signer], met: Callable[[Sequence[Signer]], bool]) -> int | None:
    """The time of the signer, in the order of times, with whom it was met; or nothing."""
    for end in range(1, len(signers) + 1):
        if met(signers[:end]):
            return signers[end - 1].time_seconds
    return None


def _finding(time_seconds: int | None, proved: str, lacks: Iterable[str]) -> _Finding:
    if time_seconds is None:
        return _Finding(False, 0, proved, "; ".join(lacks))
    return _Finding(True, time_seconds, proved, "")


def _step(number: int, finding: _Finding, level: int) -> LevelStep:
    missing = finding.missing
    if finding.met and number > level:
        missing = f"L{level + 1} comes first, and is not reached"
    return LevelStep(number, number <= level, finding.proved, missing)


def _assumptions(evidence: Evidence, policy: LevelPolicy, count: Count) -> tuple[str, ...]:
    said = []
    signers = (*count.validators, *count.notaries)
    cards = {pin.card for pin in policy.witnesses if pin.card}
    if signers:
        if evidence.log is not None and evidence.log.id not in cards:
            said.append("the log's organisation is as the log says itself")
        if not policy.witnesses:
            said.append(
                "who the witnesses are, and their roles, organisations, regions, clouds and operators, is as they "
                "say themselves: the policy pins no witness"
            )
        elif any(signer.card.id not in cards for signer in signers):
            said.append(
                "the roles, organisations, regions, clouds and operators of witnesses whose keys alone are pinned "
                "are as they say themselves"
            )
    said += [_assumed(anchor) for anchor in _counting(evidence.anchors, policy.anchors)]
    return tuple(dict.fromkeys(filter(None, said)))


def _assumed(anchor: VerifiedAnchor) -> str:
    """What an anchor that counts rests on, or nothing when the reader knows its chain."""
    if not anchor.proves_time:
        return f"`{anchor.network}` can be rewritten for nothing: its anchor proves nothing about time"
    if not anchor.pinned:
        return (
            f"block `{anchor.height}` of `{anchor.network}` is in the chain that everybody sees: no header that "
            "the policy pins confirms it, so that it rests on the work that its headers show"
        )
    return ""


def _some(texts: Sequence[str]) -> list[str]:
    more = len(texts) - _NAMES_SHOWN_MAX
    return [*texts[:_NAMES_SHOWN_MAX], *([f"and {more} more"] if more > 0 else [])]


def _list(names: Sequence[str]) -> str:
    return ", ".join(_some([f"`{name}`" for name in names]))


def _counted(number: int, noun: str) -> str:
    several = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number or 'no'} {noun if number < 2 else several}"


def _asking(have: int, noun: str, did: str, asked: int) -> str:
    done = f"{_counted(have, noun)} {did}".rstrip()
    return f"{done}, where {asked} {'is' if asked == 1 else 'are'} asked"
