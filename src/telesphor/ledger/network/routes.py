"""The network over HTTP: blocks and their levels, cards, checkpoints with their cosignatures, anchors. All public."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from litestar import MediaType, Response, get
from litestar.params import FromPath, PathParameter, QueryParameter

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.ledger.network.network import Network
from telesphor.ledger.network.status import NetworkStatus
from telesphor.ledger.routes import POSITION_MAX
from telesphor.ledger.witness.routes import CARD_MEDIA_TYPE

TAGS = ["network"]
BLOCKS_SHOWN = 20
BLOCKS_SHOWN_MAX = 50

_Size = Annotated[int, PathParameter(ge=1, le=POSITION_MAX)]
_Blocks = Annotated[int, QueryParameter(ge=1, le=BLOCKS_SHOWN_MAX)]


class AnchorFileMissing(TelesphorError):
    """The checkpoint has no such proof."""

    code = "anchor-file-missing"
    kind = Kind.NOT_FOUND


def routes(network: Network) -> list[Any]:
    """The handlers of one node's network."""
    books = network.books

    @get("/v1/network", tags=TAGS, summary="Each block's progress to each level, the peers, the anchors")
    async def status(blocks: _Blocks = BLOCKS_SHOWN) -> NetworkStatus:
        """The newest first. Times are milliseconds from the signing of the block's checkpoint."""
        return await asyncio.to_thread(network.status, blocks)

    @get("/v1/network/card", tags=TAGS, media_type=CARD_MEDIA_TYPE, summary="The card of this ledger")
    async def card() -> Response[bytes]:
        """Whose ledger it is, and its keys, signed by them (JWS)."""
        return Response(network.log_card, media_type=CARD_MEDIA_TYPE)

    @get(
        "/v1/network/checkpoints/{size:int}",
        tags=TAGS,
        media_type=MediaType.TEXT,
        summary="A checkpoint with all its cosignatures",
    )
    async def checkpoint(size: _Size) -> Response[bytes]:
        """C2SP tlog-checkpoint with the lines of every witness that has cosigned it (tlog-cosignature)."""
        note = await asyncio.to_thread(books.cosignatures.note, size)
        return Response(note, media_type=MediaType.TEXT)

    @get(
        "/v1/network/checkpoints/{size:int}/anchors/{name:str}",
        tags=TAGS,
        media_type="application/octet-stream",
        summary="The proof by which a public chain dates a checkpoint",
    )
    async def anchor(size: _Size, name: FromPath[str]) -> Response[bytes]:
        """Such as `bitcoin-mainnet.ots`, `bitcoin-mainnet.headers` or `ethereum-1.json`."""
        data = (await asyncio.to_thread(books.anchors.proofs, size)).get(name)
        if data is None:
            raise AnchorFileMissing(
                f"checkpoint `{size}` has no such proof", hint="`/v1/network` lists the anchors"
            )
        return Response(data, media_type="application/octet-stream")

    return [status, card, checkpoint, anchor]
