"""HTTP of visits: the proof bundle of a closed visit, fetched with the ticket of `visit.export/1`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from litestar import Response, get
from litestar.params import FromPath, HeaderParameter

from telesphor.capabilities.visits.model import BundleGrant
from telesphor.kernel.ids import VisitId, parse_id
from telesphor.runtime.tickets import TicketRefused, Tickets, bearer_ticket

MEDIA_TYPE = "application/zip"

_Authorization = Annotated[
    str | None,
    HeaderParameter(name="Authorization", description="`Bearer` and the ticket of `visit.export/1`"),
]


def routes(*, tickets: Tickets, make_bundle: Callable[[str], bytes]) -> list[Any]:
    """The handlers of one node's visits.

    Args:
        make_bundle: makes the bundle of a visit; runs in a thread, and may take seconds.
    """

    @get(
        "/v1/visits/{visit:str}/bundle",
        summary="The proof bundle of a closed visit",
        media_type=MEDIA_TYPE,
        tags=["visits"],
        sync_to_thread=True,
    )
    def bundle(visit: FromPath[str], authorization: _Authorization = None) -> Response[bytes]:
        """Made anew at the newest checkpoint, which covers the visit; the same entries each time."""
        content = make_bundle(_granted(tickets, authorization, visit))
        return Response(content, media_type=MEDIA_TYPE, headers=_headers(visit))

    return [bundle]


def _granted(tickets: Tickets, authorization: str | None, visit: str) -> VisitId:
    ticket = bearer_ticket(authorization, command="`visit.export/1`")
    grant = tickets.redeem(ticket, BundleGrant)
    if grant.visit != parse_id(visit):
        raise TicketRefused("the ticket is not valid", hint="it was issued for another visit")
    return grant.visit


def _headers(visit: str) -> dict[str, str]:
    return {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="visit-{visit}.bundle.zip"',
        "x-content-type-options": "nosniff",
    }
