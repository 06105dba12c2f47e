"""The ledger over HTTP: static tlog-tiles resources, proofs, checkpoints by time, and the load tools' writer.

Checkpoint and hash tiles are public. Entry bundles are not: they are for authorised auditors and
mirrors, and anonymous requests for them are refused by name.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Response, get
from litestar.params import FromPath, FromQuery, PathParameter, QueryParameter

from telesphor.kernel.base64url import std_encode
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.tile import InvalidTile, parse_tile_path
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.receipts import Prover
from telesphor.runtime.blobs import BlobMissing, Blobs

IMMUTABLE = "public, max-age=31536000, immutable"
FLEETING = "no-cache"
POSITION_MAX = 2**53 - 1

Position = Annotated[int, PathParameter(ge=0, le=POSITION_MAX)]
Size = Annotated[int, QueryParameter(ge=1, le=POSITION_MAX)]


class EntriesNotPublic(TelesphorError):
    """Entry bodies are not given to anonymous clients."""

    code = "entries-not-public"
    kind = Kind.FORBIDDEN


class NoSuchTile(TelesphorError):
    """There is no such tile."""

    code = "no-such-tile"
    kind = Kind.NOT_FOUND


class Consistency(msgspec.Struct, frozen=True):
    """A consistency proof: the hashes of RFC 6962, section 2.1.2, in base64."""

    old_size: int
    new_size: int
    path: tuple[str, ...]


def routes(*, public: Blobs, book: CheckpointBook, prover: Prover) -> list[Any]:
    """The handlers of one ledger."""

    @get("/checkpoint", tags=["ledger"], media_type=MediaType.TEXT, summary="The newest signed checkpoint")
    async def checkpoint() -> Response[bytes]:
        """C2SP tlog-checkpoint, signed with Ed25519 and ML-DSA-44."""
        note = await asyncio.to_thread(lambda: book.newest().note)
        return Response(note, media_type="text/plain; charset=utf-8", headers={"cache-control": FLEETING})

    @get(
        "/tile/{path:path}",
        tags=["ledger"],
        media_type="application/octet-stream",
        summary="A hash tile (C2SP tlog-tiles)",
    )
    async def tile(path: FromPath[str]) -> Response[bytes]:
        """Immutable; level, index and width are in the path, such as `/tile/0/x001/234.p/17`."""
        name = "tile/" + path.lstrip("/")
        if name.startswith("tile/entries/"):
            raise EntriesNotPublic("entries are given to authorised auditors and mirrors only")
        try:
            parse_tile_path(name)
            data = await asyncio.to_thread(public.get, name)
        except (InvalidTile, BlobMissing):
            raise NoSuchTile(
                "there is no such tile", hint="the checkpoint says how large the tree is"
            ) from None
        return Response(data, media_type="application/octet-stream", headers={"cache-control": IMMUTABLE})

    @get(
        "/v1/proofs/{position:int}",
        tags=["ledger"],
        media_type=MediaType.TEXT,
        summary="Inclusion proof of an entry",
    )
    async def proof(position: Position) -> Response[bytes]:
        """C2SP tlog-proof: the inclusion path and the checkpoint it leads to."""
        text = await asyncio.to_thread(prover.tlog_proof, position)
        return Response(text, media_type="text/plain; charset=utf-8")

    @get("/v1/consistency", tags=["ledger"], summary="Consistency proof between two tree sizes")
    async def consistency(old_size: Size, new_size: Size) -> Consistency:
        """Shows that the smaller tree is a prefix of the larger."""
        path = await asyncio.to_thread(prover.consistency, old_size=old_size, new_size=new_size)
        return Consistency(old_size, new_size, tuple(std_encode(node) for node in path))

    @get(
        "/v1/checkpoints",
        tags=["ledger"],
        media_type=MediaType.TEXT,
        summary="The checkpoint at a past moment",
    )
    async def checkpoint_at(at: FromQuery[str]) -> Response[bytes]:
        """The newest checkpoint signed at or before `at` (such as `2026-11-22T11:51:15.123Z`)."""
        moment = parse_instant(at)
        note = await asyncio.to_thread(lambda: book.at(moment).note)
        return Response(note, media_type="text/plain; charset=utf-8")

    return [checkpoint, tile, proof, consistency, checkpoint_at]
