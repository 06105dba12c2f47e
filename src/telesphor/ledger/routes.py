"""The ledger over HTTP: static tlog-tiles resources, proofs, checkpoints by time, and the load tools' writer.

Checkpoint and hash tiles are public. Entry bundles are not: they are for authorised auditors and
mirrors (`mirrors`), and anonymous requests for them are refused by name.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Response, get
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, HeaderParameter, PathParameter, QueryParameter
from litestar.types import ASGIApp, Receive, Scope, Send

from telesphor.kernel import base64url
from telesphor.kernel.base64url import std_encode
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.kernel.tile import InvalidTile, Tile, parse_entries_path, parse_tile_path
from telesphor.ledger.checkpoints import CheckpointBook
from telesphor.ledger.leaves import ADD_LEAF, LEAF_BYTES_MAX, AddLeaf
from telesphor.ledger.mirrors import MirrorDesk, MirrorGrant
from telesphor.ledger.receipts import Prover
from telesphor.runtime.blobs import BlobMissing, Blobs
from telesphor.runtime.capability import Actor
from telesphor.runtime.http import RawRoute, read_body, send_bytes, send_pieces
from telesphor.runtime.machine import Machine, Request
from telesphor.runtime.tickets import bearer_ticket

IMMUTABLE = "public, max-age=31536000, immutable"
FLEETING = "no-cache"
MEDIA_TYPE = "application/octet-stream"
POSITION_MAX = 2**53 - 1

MIRRORED_ONCE = "private, max-age=31536000, immutable"
"""A full entry bundle never changes, but whoever comes next needs a ticket of their own."""

MIRROR_SECONDS = 60.0
"""For 16 MiB over 2 megabits per second; whoever reads slower holds memory that others need."""

Position = Annotated[int, PathParameter(ge=0, le=POSITION_MAX)]
Size = Annotated[int, QueryParameter(ge=1, le=POSITION_MAX)]
Authorization = Annotated[
    str | None,
    HeaderParameter(name="Authorization", description="`Bearer` and the ticket of `ledger.mirror/1`"),
]


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


def routes(*, public: Blobs, book: CheckpointBook, prover: Prover, mirrors: MirrorDesk) -> list[Any]:
    """The handlers of one ledger."""
    return [
        *_published_routes(public=public, book=book),
        _entries_route(book, mirrors),
        *_proof_routes(prover),
    ]


def _published_routes(*, public: Blobs, book: CheckpointBook) -> list[Any]:
    @get("/checkpoint", tags=["ledger"], media_type=MediaType.TEXT, summary="The newest signed checkpoint")
    async def checkpoint() -> Response[bytes]:
        """C2SP tlog-checkpoint, signed with Ed25519 and ML-DSA-44."""
        note = await asyncio.to_thread(lambda: book.newest().note)
        return Response(note, media_type=MediaType.TEXT, headers={"cache-control": FLEETING})

    @get(
        "/tile/{path:path}",
        tags=["ledger"],
        media_type="application/octet-stream",
        summary="A hash tile (C2SP tlog-tiles)",
    )
    async def tile(path: FromPath[str]) -> Response[bytes]:
        """Immutable; level, index and width are in the path, such as `/tile/0/x001/234.p/17`."""
        name = "tile/" + path.lstrip("/")
        try:
            parse_tile_path(name)
            data = await asyncio.to_thread(public.get, name)
        except (InvalidTile, BlobMissing):
            raise NoSuchTile(
                "there is no such tile", hint="the checkpoint says how large the tree is"
            ) from None
        return Response(data, media_type="application/octet-stream", headers={"cache-control": IMMUTABLE})

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
        return Response(note, media_type=MediaType.TEXT)

    return [checkpoint, tile, checkpoint_at]


def _entries_route(book: CheckpointBook, mirrors: MirrorDesk) -> Any:
    @get(
        "/tile/entries/{path:path}",
        tags=["ledger"],
        summary="An entry bundle (C2SP tlog-tiles), for mirrors",
        responses={
            200: ResponseSpec(
                bytes,
                description="Entries, each behind its length as a big-endian uint16",
                media_type=MEDIA_TYPE,
                generate_examples=False,
            )
        },
    )
    async def entries(path: FromPath[str], authorization: Authorization = None) -> ASGIApp:
        """Index and width are in the path, such as `/tile/entries/x001/234.p/17`."""
        if authorization is None:
            raise EntriesNotPublic("entries are given to authorised auditors and mirrors only")
        grant = mirrors.redeem(bearer_ticket(authorization, command="`ledger.mirror/1`"))
        tile = await asyncio.to_thread(_published_bundle, book, "tile/entries/" + path.lstrip("/"))
        return _sent(mirrors, grant, tile)

    return entries


def _proof_routes(prover: Prover) -> list[Any]:
    @get(
        "/v1/proofs/{position:int}",
        tags=["ledger"],
        media_type=MediaType.TEXT,
        summary="Inclusion proof of an entry",
    )
    async def proof(position: Position) -> Response[bytes]:
        """C2SP tlog-proof: the inclusion path and the checkpoint it leads to."""
        text = await asyncio.to_thread(prover.tlog_proof, position)
        return Response(text, media_type=MediaType.TEXT)

    @get("/v1/consistency", tags=["ledger"], summary="Consistency proof between two tree sizes")
    async def consistency(old_size: Size, new_size: Size) -> Consistency:
        """Shows that the smaller tree is a prefix of the larger."""
        path = await asyncio.to_thread(prover.consistency, old_size=old_size, new_size=new_size)
        return Consistency(old_size, new_size, tuple(std_encode(node) for node in path))

    return [proof, consistency]


def _published_bundle(book: CheckpointBook, name: str) -> Tile:
    """The tile of the entry bundle of that name, if a checkpoint covers it whole."""
    checkpoint = book.last()
    try:
        tile = parse_entries_path(name)
    except InvalidTile:
        tile = None
    if tile is None or checkpoint is None or tile.end > checkpoint.size:
        raise NoSuchTile("there is no such entry bundle", hint="the checkpoint says how large the tree is")
    return tile


def _sent(mirrors: MirrorDesk, grant: MirrorGrant, tile: Tile) -> ASGIApp:
    """Read and send in one, so that what a slow reader holds is known, and ends."""

    async def send_bundle(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = {"cache-control": MIRRORED_ONCE if tile.is_full else "no-store", "vary": "authorization"}
        async with asyncio.timeout(MIRROR_SECONDS), mirrors.bundle(grant, tile) as data:
            await send_pieces(send, data, media_type=MEDIA_TYPE, headers=headers)

    return send_bundle


def add_route(machine: Machine, *, node_id: ActorId) -> RawRoute:
    """`POST /add`: the body becomes a leaf, the answer is its index."""
    actor = Actor(node_id, "node", "")

    async def add(scope: Scope, receive: Receive, send: Send) -> None:
        data = await read_body(scope, receive, limit_bytes=LEAF_BYTES_MAX)
        request = Request(actor, ((ADD_LEAF, AddLeaf(data=base64url.encode(data))),))
        receipt = await machine.call(request)
        await send_bytes(send, str(receipt.first).encode(), media_type="text/plain")

    return RawRoute("POST", "/add", add)
