"""What sessions hand to the node: their entry and their command. `RECORDED` is the part that decides nothing."""

from __future__ import annotations

from telesphor.capabilities.identity.sessions import service
from telesphor.capabilities.identity.sessions.entries import ENTRIES
from telesphor.runtime.capability import Capability, CommandType
from telesphor.runtime.sessions import Sessions

NAME = "sessions"
RECORDED = Capability(NAME, entries=ENTRIES)


def sessions_capability(sessions: Sessions) -> Capability:
    """Make the capability for a node that keeps these sessions."""
    desk = service.SessionDesk(sessions)
    commands = (CommandType("session.open/1", service.OpenSession, desk.open_session),)
    return Capability(NAME, entries=ENTRIES, commands=commands)
