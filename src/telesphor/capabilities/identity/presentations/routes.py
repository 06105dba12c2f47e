"""HTTP of presentations, in the manner of OpenID4VP: the request object by reference, the answer by direct post.

Both take the ticket that `presentation.request/1` and `presentation.open/1` give. An answer is held for the signed
`presentation.present/1` that names it by its digest; until then nothing of it is kept.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, HeaderParameter

from telesphor.capabilities.identity.presentations.desk import PresentationDesk
from telesphor.capabilities.identity.presentations.documents import describe_request, read_request
from telesphor.capabilities.identity.presentations.model import (
    RESPONSE_BYTES_MAX,
    DigestField,
    PresentationId,
    RequestGrant,
)
from telesphor.capabilities.identity.presentations.service import base_path_of
from telesphor.kernel.ids import parse_id
from telesphor.runtime.tickets import TicketRefused, bearer_ticket

VERIFIED_AT_ONCE = 2
"""Answers that are verified at the same time: each takes some milliseconds of a core."""

_Authorization = Annotated[
    str | None,
    HeaderParameter(
        name="Authorization",
        description="`Bearer` and the ticket of `presentation.request/1` or `presentation.open/1`",
    ),
]
_AnyRequest = Request[Any, Any, Any]
_NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class AnswerTaken(msgspec.Struct, frozen=True, kw_only=True):
    """An answer was taken, and is judged when the signed command names it by this digest."""

    presentation: PresentationId
    vp: DigestField


def routes(desk: PresentationDesk) -> list[Any]:
    """The handlers of one node's presentations."""
    places = asyncio.Semaphore(VERIFIED_AT_ONCE)

    @get(
        "/v1/presentations/{presentation:str}/request",
        summary="The request document: what is asked for, by whom, for what purpose",
        tags=["presentations"],
        sync_to_thread=True,
    )
    def show_request(presentation: FromPath[str], authorization: _Authorization = None) -> Response[bytes]:
        """Its digest is what the holder approves."""
        data = desk.find_request(_granted(desk, authorization, presentation))
        return Response(data, media_type="application/json", headers=_NO_STORE)

    @get(
        "/v1/presentations/{presentation:str}/openid4vp",
        summary="The same as an OpenID4VP authorisation request with a DCQL query",
        tags=["presentations"],
        sync_to_thread=True,
    )
    def show_openid4vp(presentation: FromPath[str], authorization: _Authorization = None) -> Response[bytes]:
        """For wallets of other makers to find out what is asked for."""
        grant = _granted(desk, authorization, presentation)
        request = read_request(desk.find_request(grant))
        described = describe_request(request, base_path=base_path_of(grant.presentation))
        return Response(msgspec.json.encode(described), media_type="application/json", headers=_NO_STORE)

    @post(
        "/v1/presentations/{presentation:str}/response",
        status_code=202,
        request_max_body_size=RESPONSE_BYTES_MAX,
        summary="Send the answer, which the signed command `presentation.present/1` then names",
        tags=["presentations"],
    )
    async def take_answer(
        request: _AnyRequest, presentation: FromPath[str], authorization: _Authorization = None
    ) -> AnswerTaken:
        """Verified at once; whether it is accepted or refused, and why, the command says."""
        grant = _granted(desk, authorization, presentation)
        data = await request.body()
        async with places:
            digest = await asyncio.to_thread(desk.receive, grant, data)
        return AnswerTaken(presentation=grant.presentation, vp=digest)

    return [show_request, show_openid4vp, take_answer]


def _granted(desk: PresentationDesk, authorization: str | None, presentation: str) -> RequestGrant:
    ticket = bearer_ticket(
        authorization, command="`presentation.open/1`, or the link of `presentation.request/1`"
    )
    grant = desk.tickets.redeem(ticket, RequestGrant)
    if grant.presentation != parse_id(presentation):
        raise TicketRefused("the ticket is not valid", hint="it was issued for another request")
    return grant
