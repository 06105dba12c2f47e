"""Sessions as routes see them: a parameter `session: CurrentSession`, and the dependency that finds it.

Apart from `sessions`, which knows nothing of HTTP's library: a ledger is read and replayed without it.
"""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import HeaderParameter

from telesphor.runtime.sessions import BACKGROUND_HEADER, SESSION_HEADER, Session, Sessions, find_session

CurrentSession = NamedDependency[Session]
"""What such a route writes behind its parameter `session`."""


def needs_session(sessions: Sessions) -> dict[str, Provide]:
    """The dependency of routes that take a parameter `session: CurrentSession`.

    Raises, for the route: SessionRefused.
    """

    def find(
        request: Request[Any, Any, Any],
        named: Annotated[
            str | None,
            HeaderParameter(name=SESSION_HEADER, description="The session's name, whose cookie goes with it"),
        ] = None,
        background: Annotated[
            str | None,
            HeaderParameter(name=BACKGROUND_HEADER, description="`1` for what no person asked for just now"),
        ] = None,
    ) -> Session:
        return find_session(sessions, request.headers, id=named or "", there=background is None)

    return {"session": Provide(find, sync_to_thread=True)}
