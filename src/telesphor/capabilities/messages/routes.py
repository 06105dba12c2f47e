"""HTTP of messages: envelopes under tickets, what the monitor fetches, exports, and the views of people.

Start at `routes`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final

from litestar import Request, Response, get, put
from litestar.params import FromPath, HeaderParameter, QueryParameter

from telesphor.capabilities.messages.desk import MessageDesk, NameList, WaitingList
from telesphor.capabilities.messages.model import VERSIONS_MAX, ExportGrant, MonitorGrant, ThreadGrant
from telesphor.capabilities.messages.refusals import MessageMissing
from telesphor.capabilities.messages.views import (
    ROWS_MAX,
    MessageViews,
    RecipientList,
    ThreadList,
    ThreadPage,
)
from telesphor.kernel.ids import parse_id
from telesphor.kernel.sealing import ENVELOPE_BYTES_MAX
from telesphor.runtime.session_routes import CurrentSession, needs_session
from telesphor.runtime.sessions import Sessions
from telesphor.runtime.tickets import TicketRefused, Tickets, bearer_ticket

TAGS: Final = ["messages"]
ENVELOPE_TYPE: Final = "application/json"
EXPORT_TYPE: Final = "application/zip"
_HEADERS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

_AnyRequest = Request[Any, Any, Any]
_Authorization = Annotated[
    str | None,
    HeaderParameter(name="Authorization", description="`Bearer` and the ticket of the signed command"),
]
_After = Annotated[int | None, QueryParameter(description="as the answer before it says")]
_Rows = Annotated[int, QueryParameter(description=f"at most {ROWS_MAX}")]
_Archived = Annotated[bool, QueryParameter(description="those that were put away, instead of the others")]


def routes(
    desk: MessageDesk,
    views: MessageViews,
    *,
    tickets: Tickets,
    sessions: Sessions,
    make_export: Callable[[ExportGrant], bytes],
) -> list[Any]:
    """The handlers of one node's messages.

    Args:
        make_export: makes the file of an export; runs in a thread, and may take seconds.
    """
    return [
        *_thread_routes(desk, tickets, make_export),
        *_monitor_routes(desk, tickets),
        *_view_routes(views, sessions),
    ]


def _thread_routes(
    desk: MessageDesk, tickets: Tickets, make_export: Callable[[ExportGrant], bytes]
) -> list[Any]:
    @put(
        "/v1/threads/{thread:str}/envelopes/{digest:str}",
        status_code=204,
        request_max_body_size=ENVELOPE_BYTES_MAX,
        summary="Send an envelope, which the signed command then names",
        tags=TAGS,
    )
    async def take_envelope(
        request: _AnyRequest,
        thread: FromPath[str],
        digest: FromPath[str],
        authorization: _Authorization = None,
    ) -> None:
        """Its address is the SHA-256 of its bytes, in hexadecimal. Sent again, it changes nothing."""
        grant = _thread_grant(tickets, authorization, thread)
        data = await request.body()
        await asyncio.to_thread(desk.take_envelope, grant, digest, data)

    @get(
        "/v1/threads/{thread:str}/messages/{message:str}/{version:int}",
        summary="The envelope of a message that was delivered",
        media_type=ENVELOPE_TYPE,
        tags=TAGS,
        sync_to_thread=True,
    )
    def fetch_envelope(
        thread: FromPath[str],
        message: FromPath[str],
        version: FromPath[int],
        authorization: _Authorization = None,
    ) -> Response[bytes]:
        """Delivered by `message.receive/1`, whose entry is durable before its ticket is there."""
        grant = _thread_grant(tickets, authorization, thread)
        data = desk.fetch_envelope(grant, message, _number(version))
        return Response(data, media_type=ENVELOPE_TYPE, headers=_HEADERS)

    @get(
        "/v1/threads/{thread:str}/bundle",
        summary="A thread with its proof, as `thread.export/1` allowed it",
        media_type=EXPORT_TYPE,
        tags=TAGS,
        sync_to_thread=True,
    )
    def fetch_export(thread: FromPath[str], authorization: _Authorization = None) -> Response[bytes]:
        """Made anew at the newest checkpoint."""
        grant = tickets.redeem(bearer_ticket(authorization, command="`thread.export/1`"), ExportGrant)
        _check_thread(grant.thread, thread)
        desk.check_export(grant)
        name = f'attachment; filename="thread-{grant.thread}.zip"'
        headers = {**_HEADERS, "content-disposition": name}
        return Response(make_export(grant), media_type=EXPORT_TYPE, headers=headers)

    return [take_envelope, fetch_envelope, fetch_export]


def _monitor_routes(desk: MessageDesk, tickets: Tickets) -> list[Any]:
    @get(
        "/v1/monitor/waiting",
        summary="What waits for the compliance monitor",
        tags=TAGS,
        sync_to_thread=True,
    )
    def waiting(authorization: _Authorization = None) -> WaitingList:
        """The oldest first, at most 64."""
        return desk.waiting(_monitor_grant(tickets, authorization))

    @get(
        "/v1/monitor/names",
        summary="The names of patients that the compliance monitor looks for",
        tags=TAGS,
        sync_to_thread=True,
    )
    def names(authorization: _Authorization = None) -> NameList:
        """Of those whom threads are about."""
        return desk.names(_monitor_grant(tickets, authorization))

    @get(
        "/v1/monitor/messages/{thread:str}/{message:str}/{version:int}",
        summary="The envelope of a message that the compliance monitor looks at",
        media_type=ENVELOPE_TYPE,
        tags=TAGS,
        sync_to_thread=True,
    )
    def fetch_for_monitor(
        thread: FromPath[str],
        message: FromPath[str],
        version: FromPath[int],
        authorization: _Authorization = None,
    ) -> Response[bytes]:
        """Only what a `monitor.look/1` named."""
        grant = _monitor_grant(tickets, authorization)
        data = desk.fetch_for_monitor(grant, thread, message, _number(version))
        return Response(data, media_type=ENVELOPE_TYPE, headers=_HEADERS)

    return [waiting, names, fetch_for_monitor]


def _view_routes(views: MessageViews, sessions: Sessions) -> list[Any]:
    needed = needs_session(sessions)

    @get("/v1/app/threads", dependencies=needed, tags=TAGS, summary="My threads", sync_to_thread=True)
    def list_threads(
        session: CurrentSession, archived: _Archived = False, after: _After = None, rows: _Rows = ROWS_MAX
    ) -> ThreadList:
        """The last used first."""
        return views.threads(session.actor, archived=archived, after=after, rows=rows)

    @get(
        "/v1/app/threads/{thread:str}",
        dependencies=needed,
        tags=TAGS,
        summary="One of my threads, with its newest messages",
        sync_to_thread=True,
    )
    def show_thread(
        session: CurrentSession, thread: FromPath[str], before: _After = None, rows: _Rows = ROWS_MAX
    ) -> ThreadPage:
        """What is in a message only its recipients can open."""
        return views.thread(session.actor, parse_id(thread), before=before, rows=rows)

    @get(
        "/v1/app/threads/{thread:str}/recipients",
        dependencies=needed,
        tags=TAGS,
        summary="To whom a message of this thread is sealed now",
        sync_to_thread=True,
    )
    def list_recipients(session: CurrentSession, thread: FromPath[str]) -> RecipientList:
        """All of them, and nobody else; the monitor last."""
        return views.recipients(session.actor, parse_id(thread))

    return [list_threads, show_thread, list_recipients]


def _thread_grant(tickets: Tickets, authorization: str | None, thread: str) -> ThreadGrant:
    ticket = bearer_ticket(authorization, command="`thread.enter/1` or `message.receive/1`")
    grant = tickets.redeem(ticket, ThreadGrant)
    _check_thread(grant.thread, thread)
    return grant


def _monitor_grant(tickets: Tickets, authorization: str | None) -> MonitorGrant:
    return tickets.redeem(bearer_ticket(authorization, command="`monitor.open/1`"), MonitorGrant)


def _check_thread(granted: str, asked: str) -> None:
    if granted != parse_id(asked):
        raise TicketRefused("the ticket is not valid", hint="it was issued for another thread")


def _number(version: int) -> int:
    if not 1 <= version <= VERSIONS_MAX:
        raise MessageMissing(f"no message has a version `{version}`")
    return version
