"""Values of effects: where one stands, what can become of it, and how far reactions may go."""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta

from telesphor.capabilities.contracts.model import EFFECTS_MAX, ContractId
from telesphor.kernel.errors import Kind, TelesphorError

EFFECT_COMMANDS: Final = frozenset({"alert.raise/1", "token.revoke/1"})
"""All commands that the node gives because a contract asked for them. What is here takes access away or tells
somebody; nothing here gives access, spends, or destroys, so that no contract can be talked into that."""

DEPTH_MAX: Final = 8
"""Reactions to reactions: a longer chain is a loop."""

CASCADE_MAX: Final = 1_000
"""Effects that one first run may bring about through all reactions to them: a wide cascade is no better."""

ATTEMPTS_MAX: Final = 1_000

EffectState = Literal["done", "refused", "dead", "retrying"]
SkipCause = Literal["depth", "cascade", "too-large", "forgotten"]

PositionField = Annotated[int, Meta(ge=0, le=2**53 - 1)]
IndexField = Annotated[int, Meta(ge=0, le=EFFECTS_MAX - 1)]
DepthField = Annotated[int, Meta(ge=1, le=DEPTH_MAX)]
CodeField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*\Z", max_length=64)]


class Place(NamedTuple):
    """One effect: the run that asked for it, and its number in that run's list.

    Attributes:
        execution: position of the run's entry.
        depth: 1 for what a call or a time brought about, one more for each reaction since.
        root: position of the first run of the chain.
    """

    contract: ContractId
    execution: int
    number: int
    depth: int
    root: int


class CauseRow(NamedTuple):
    """An entry that an effect brought about: how deep, and in which chain."""

    depth: int
    root: int


class EffectRow(NamedTuple):
    """What became of an effect."""

    execution: int
    number: int
    contract: ContractId
    state: EffectState
    code: str
    depth: int
    root: int


class EffectSettled(TelesphorError):
    """It was settled already."""

    code = "effect-settled"
    kind = Kind.CONFLICT


class EffectMissing(TelesphorError):
    """There is no dead letter there."""

    code = "effect-missing"
    kind = Kind.NOT_FOUND


class EffectNotPermitted(TelesphorError):
    """The command is not one that contracts may have the node give."""

    code = "effect-not-permitted"
    kind = Kind.FORBIDDEN


class EffectMalformed(TelesphorError):
    """The body of the effect is not of its command."""

    code = "effect-malformed"
    kind = Kind.INVALID
