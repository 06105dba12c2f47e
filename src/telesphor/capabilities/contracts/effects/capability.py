"""What effects hand to the node: their entries, their one command and their tables.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger. What became of an effect is the
node's own word: see `desk.EffectDesk`.
"""

from __future__ import annotations

from collections.abc import Iterable

from telesphor.capabilities.contracts.alerts.capability import RAISE_ALERT
from telesphor.capabilities.contracts.effects.desk import EffectDesk, RetryEffect
from telesphor.capabilities.contracts.effects.entries import ENTRIES
from telesphor.capabilities.contracts.effects.model import EFFECT_COMMANDS
from telesphor.capabilities.contracts.effects.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "effects"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def effects_capability(desk: EffectDesk) -> Capability:
    """Make the capability for a node."""
    commands = (CommandType("effect.retry/1", RetryEffect, desk.retry_effect),)
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)


def effect_commands(commands: Iterable[CommandType]) -> dict[str, CommandType]:
    """Of these commands, those that contracts may have the node give; and raising an alert, which nobody else may."""
    found = {command.name: command for command in (RAISE_ALERT, *commands)}
    return {name: command for name, command in found.items() if name in EFFECT_COMMANDS}
