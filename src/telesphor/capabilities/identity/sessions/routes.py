"""HTTP of sessions: begin one by its ticket, ask who one is, log off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.params import HeaderParameter

from telesphor.kernel.clock import format_instant
from telesphor.runtime.capability import Actor
from telesphor.runtime.session_routes import CurrentSession, needs_session
from telesphor.runtime.sessions import Session, Sessions, cookie_of, cookie_without
from telesphor.runtime.tickets import bearer_ticket

SESSION_PATH = "/v1/session"


class Who(msgspec.Struct, frozen=True):
    """What a screen shows of the actor: its roles now, and its name where it has one."""

    roles: tuple[str, ...]
    name: str | None


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A session: its name, for the header `Telesphor-Session`, and whose it is.

    Attributes:
        expires_at: when it ends at the latest.
        idle_seconds: it ends earlier when nobody was there for so long.
    """

    session: str
    actor: str
    kind: str
    roles: tuple[str, ...]
    name: str | None
    expires_at: str
    idle_seconds: int


def routes(sessions: Sessions, *, who: Callable[[Actor], Who]) -> list[Any]:
    """The handlers of one node's sessions."""

    # In threads by themselves, not by `sync_to_thread`: Litestar wraps that twice where a path has three handlers.
    def show(session: Session) -> SessionView:
        seen = who(session.actor)
        return SessionView(
            session=session.id,
            actor=session.actor.id,
            kind=session.actor.kind,
            roles=seen.roles,
            name=seen.name,
            expires_at=format_instant(session.expires_ms),
            idle_seconds=sessions.idle_seconds,
        )

    @post(
        SESSION_PATH,
        status_code=201,
        summary="Begin a session with the ticket of `session.open/1`",
        tags=["sessions"],
    )
    async def begin_session(
        authorization: Annotated[
            str | None,
            HeaderParameter(name="Authorization", description="`Bearer` and the ticket of `session.open/1`"),
        ] = None,
    ) -> Response[SessionView]:
        """The answer sets the session's cookie, which no script can read."""
        ticket = bearer_ticket(authorization, command="`session.open/1`")
        session, secret = await asyncio.to_thread(sessions.begin, ticket)
        view = await asyncio.to_thread(show, session)
        return Response(view, headers={"set-cookie": cookie_of(session, secret)})

    @get(
        SESSION_PATH,
        dependencies=needs_session(sessions),
        summary="Whose session it is, and what its person may be shown",
        tags=["sessions"],
    )
    async def show_session(session: CurrentSession) -> SessionView:
        return await asyncio.to_thread(show, session)

    @delete(
        SESSION_PATH,
        status_code=204,
        dependencies=needs_session(sessions),
        summary="Log off",
        tags=["sessions"],
    )
    async def end_session(session: CurrentSession) -> Response[None]:
        """Its live connections end with it."""
        sessions.end(session)
        return Response(None, headers={"set-cookie": cookie_without(session)})

    return [begin_session, show_session, end_session]
