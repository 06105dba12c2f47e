"""What sessions hand to the node: their entry and their command. `RECORDED` is the part that decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from telesphor.capabilities.identity.sessions import service
from telesphor.capabilities.identity.sessions.entries import ENTRIES
from telesphor.runtime.capability import Capability, CommandType
from telesphor.runtime.sessions import Sessions

NAME = "sessions"
RECORDED = Capability(NAME, entries=ENTRIES)


def sessions_capability(sessions: Sessions, *, is_stranger: Callable[[str], bool]) -> Capability:
    """Make the capability for a node that keeps these sessions; see `SessionDesk`."""
    desk = service.SessionDesk(sessions, is_stranger=is_stranger)
    commands = (CommandType("session.open/1", service.OpenSession, desk.open_session),)
    return Capability(NAME, entries=ENTRIES, commands=commands)
