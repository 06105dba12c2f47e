"""Step 6: how far the ledger's state was confirmed, judged under the reader's own policy.

The policy in a bundle is what its node aims at. It is read, so that the report can say whether it is another
one than the reader's, and never judges anything: a bundle must not choose how it is judged.

Start at `check_levels`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from telesphor.kernel.chains.anchor import VerifiedAnchor
from telesphor.kernel.checkpoint import SignedCheckpoint
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.levels import (
    DEFAULT_LEVELS,
    Evidence,
    Judgement,
    LevelPolicy,
    judge_levels,
    parse_levels,
)
from telesphor.verify.confirm_checkpoint import Witnessed
from telesphor.verify.report import Judged, Proved

LOWEST: Final = 1
HIGHEST: Final = 5


class LevelNotReached(TelesphorError):
    """The reader demands a higher level than the evidence reaches."""

    code = "level-not-reached"
    kind = Kind.UNAUTHENTICATED


@dataclass(frozen=True)
class Demand:
    """What the reader asks for: a policy, or none for the one that ships, and the least level, 1 to 5."""

    policy: LevelPolicy | None = None
    least: int = LOWEST


def check_levels(
    own: bytes | None,
    signed: SignedCheckpoint,
    witnessed: Witnessed,
    anchors: tuple[VerifiedAnchor, ...],
    demand: Demand,
    tell: Callable[[Judged], None],
) -> Proved[Judgement]:
    """Step 6. The level that the evidence reaches under the reader's policy is the least that is demanded.

    Args:
        own: the policy in the bundle, if it has one.
        tell: is told the judgement, also when it is not enough.
    """
    policy = policy_of(demand)
    evidence = Evidence(witnessed.log, signed.time_seconds, witnessed.cosigned, anchors)
    judgement = judge_levels(evidence, policy)
    judged = Judged(judgement=judgement, given=demand.policy is not None, digest=policy.digest)
    if own is not None:
        same = parse_levels(own).digest == judged.digest
        judged = judged.beside("same" if same else "other")
    tell(judged)
    return Proved(judged.judgement, _say_level(judged, demand))


def policy_of(demand: Demand) -> LevelPolicy:
    """The reader's policy, or the one that ships."""
    return demand.policy or _shipped()


@cache
def _shipped() -> LevelPolicy:
    return parse_levels(DEFAULT_LEVELS.encode())


def _say_level(judged: Judged, demand: Demand) -> str:
    """The sentence about the level; raises `LevelNotReached` when it is below what is demanded."""
    level = judged.judgement.level
    lacks = f"; L{judged.lacking.level} lacks: {judged.lacking.missing}" if judged.lacking else ""
    if level < demand.least:
        raise LevelNotReached(f"L{demand.least} is demanded, and L{level} is reached{lacks}")
    whose = "the policy you gave" if judged.given else "the policy that ships with this verifier"
    own = "; the bundle's own policy is another one, and was not used" if judged.own == "other" else ""
    return f"L{level} is reached under {whose}{lacks}{own}"
