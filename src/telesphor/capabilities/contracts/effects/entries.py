"""The facts of effects, on `contract/<id>`: what became of each, and which triggers were not run at all.

None holds anything of a message or a command: those stand in the output document of the run.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.contracts.effects.model import (
    ATTEMPTS_MAX,
    CodeField,
    DepthField,
    IndexField,
    PositionField,
    SkipCause,
)
from telesphor.capabilities.contracts.model import TriggerName
from telesphor.runtime.capability import Body, EntryType


class Settled(Body, frozen=True, kw_only=True):
    """Which effect, and how far from what began it.

    Attributes:
        execution: position of the run's entry.
        index: its number in the run's list.
        depth, root: see `model.Place`.
    """

    execution: PositionField
    index: IndexField
    depth: DepthField
    root: PositionField


class EffectDone(Settled, frozen=True, kw_only=True):
    """It was carried out; the `made` entries before this one are what it brought about."""

    made: Annotated[int, Meta(ge=0, le=10_000)]


class EffectRefused(Settled, frozen=True, kw_only=True):
    """The rules of its command refused it, with this code; the `made` entries before this one say so too."""

    code: CodeField
    made: Annotated[int, Meta(ge=0, le=10_000)]


class EffectDead(Settled, frozen=True, kw_only=True):
    """It could not be sent, so often; it is tried again only when somebody asks for that."""

    code: CodeField
    attempts: Annotated[int, Meta(ge=0, le=ATTEMPTS_MAX)]


class EffectRetried(Body, frozen=True, kw_only=True):
    """Somebody asked to have it sent after all."""

    execution: PositionField
    index: IndexField


class TriggerSkipped(Body, frozen=True, kw_only=True):
    """A trigger of this contract was not run, and will not be.

    `depth` and `cascade`: it is part of a chain of reactions that went too far. `too-large`, `forgotten`: what it
    would be run on has no room, or is not kept any more.
    """

    trigger: TriggerName
    cause: SkipCause


EFFECT_DONE = EntryType("effect.done/1", EffectDone)
EFFECT_REFUSED = EntryType("effect.refused/1", EffectRefused)
EFFECT_DEAD = EntryType("effect.dead/1", EffectDead)
EFFECT_RETRIED = EntryType("effect.retried/1", EffectRetried)
TRIGGER_SKIPPED = EntryType("trigger.skipped/1", TriggerSkipped)

ENTRIES = (EFFECT_DONE, EFFECT_REFUSED, EFFECT_DEAD, EFFECT_RETRIED, TRIGGER_SKIPPED)
