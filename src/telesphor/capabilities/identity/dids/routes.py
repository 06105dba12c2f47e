"""HTTP of DIDs: documents where `did:web` looks for them, and their versions. All of it is public."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from litestar import Response, get
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter

from telesphor.capabilities.identity.dids.model import History
from telesphor.capabilities.identity.dids.service import DidDesk
from telesphor.kernel import canonical

MEDIA_TYPE = "application/did+json"
FLEETING = "no-cache"
"""A key that is reported lost must not live on in caches."""

_Time = Annotated[str, QueryParameter(name="versionTime", max_length=32, description="an instant, UTC")]
_VersionId = Annotated[str, QueryParameter(name="versionId", max_length=20, description="a position")]
_After = Annotated[str, QueryParameter(max_length=20, description="the last version of the page before")]
_DOCUMENT = {
    200: ResponseSpec(
        dict[str, Any], description="A DID document", media_type=MEDIA_TYPE, generate_examples=False
    )
}


def routes(desk: DidDesk) -> list[Any]:
    """The handlers of one node's documents."""

    @get("/.well-known/did.json", tags=["identity"], summary="The node's DID document", responses=_DOCUMENT)
    async def node_document() -> Response[bytes]:
        """`did:web` of this host: the node's signing pair and KEM key, and where its ledger is."""
        return _document(await asyncio.to_thread(desk.node_document))

    @get(
        "/v1/actors/{actor:str}/did.json",
        tags=["identity"],
        summary="The DID document of an actor, now or at a past moment",
        responses=_DOCUMENT,
    )
    async def actor_document(
        actor: FromPath[str], version_time: _Time = "", version_id: _VersionId = ""
    ) -> Response[bytes]:
        """Without keys while none is in force: reported lost and not recovered, or retired."""
        return _document(await asyncio.to_thread(desk.document, actor, version=version_id, time=version_time))

    @get("/v1/actors/{actor:str}/did-history", tags=["identity"], summary="All versions of an actor's keys")
    async def actor_history(actor: FromPath[str], after: _After = "") -> History:
        """Oldest first, each with the exact bytes of its entry and the path of its inclusion proof."""
        return await asyncio.to_thread(desk.history, actor, after=after)

    return [node_document, actor_document, actor_history]


def _document(document: dict[str, Any]) -> Response[bytes]:
    headers = {"cache-control": FLEETING, "access-control-allow-origin": "*"}
    return Response(canonical.encode(document), media_type=MEDIA_TYPE, headers=headers)
