"""What pauses hand to the node: their commands. The entries and the table are identity's own."""

from __future__ import annotations

from telesphor.capabilities.identity.administering import Administration
from telesphor.capabilities.identity.pauses.service import PauseActor, PauseDesk, ResumeActor
from telesphor.runtime.capability import Capability, CommandType


def pauses_capability(administration: Administration) -> Capability:
    """Make the capability for a node.

    Args:
        administration: the rules about persons who administer.
    """
    desk = PauseDesk(administration)
    commands = (
        CommandType("actor.pause/1", PauseActor, desk.pause),
        CommandType("actor.resume/1", ResumeActor, desk.resume),
    )
    return Capability("pauses", entries=(), commands=commands)
