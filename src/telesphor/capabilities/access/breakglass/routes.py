"""HTTP of the notices of emergencies, below `/v1/app/`: for people who are signed in."""

from __future__ import annotations

from typing import Any

from litestar import get

from telesphor.capabilities.access.breakglass.notices import GlassNoticePage, GlassNotices
from telesphor.runtime.session_routes import CurrentSession, needs_session
from telesphor.runtime.sessions import Sessions


def routes(notices: GlassNotices, sessions: Sessions) -> list[Any]:
    """The handlers of one node's notices."""

    @get(
        "/v1/app/emergencies",
        summary="Emergency accesses of which I am notified",
        dependencies=needs_session(sessions),
        tags=["break-glass"],
        sync_to_thread=True,
    )
    def list_emergencies(session: CurrentSession) -> GlassNoticePage:
        """Those about me that I have not seen; for privacy officers, those that nobody has judged."""
        return notices.page(session.actor)

    return [list_emergencies]
