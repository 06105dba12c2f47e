"""HTTP of passkeys, below `/v1/app/`: for people who are signed in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from litestar import get

from telesphor.capabilities.identity.passkeys.listing import PasskeyList, list_passkeys
from telesphor.runtime.capability import State
from telesphor.runtime.session_routes import CurrentSession, needs_session
from telesphor.runtime.sessions import Sessions


def routes(reading: Callable[[], AbstractContextManager[State]], sessions: Sessions) -> list[Any]:
    """The handlers of one node's passkeys."""

    @get(
        "/v1/app/passkeys",
        summary="My passkeys",
        dependencies=needs_session(sessions),
        tags=["passkeys"],
        sync_to_thread=True,
    )
    def list_own_passkeys(session: CurrentSession) -> PasskeyList:
        """Those that count, oldest first."""
        with reading() as state:
            return list_passkeys(state, session.actor.id)

    return [list_own_passkeys]
