"""HTTP transfers of objects: resumable upload, download with Range, and the bare ciphertext.

A signed command gives a ticket (`service`); the requests here carry it as `Authorization: Bearer` and
move the bytes. Uploads follow the IETF resumable-upload draft (Upload-Offset, Upload-Complete), downloads
RFC 9110 section 14 with a single range. Memory is constant: at most two parts per transfer.

Every refusal is a `TelesphorError`; those with `headers` want these on the response.

Start at `routes`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Any, NamedTuple, TypeVar

from litestar import Request, Response, get, head, patch
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, HeaderParameter
from litestar.response import Stream

from telesphor.kernel.ids import ObjectId, parse_id
from telesphor.runtime.tickets import TicketRefused, bearer_ticket
from telesphor.vault.errors import RangeRefused, UploadHeaderRefused, UploadInterrupted, UploadOffsetRefused
from telesphor.vault.model import ObjectRow, ReadGrant, Stored, WriteGrant
from telesphor.vault.objects import PART_PLAINTEXT, Span, plain_spans, sealed_spans
from telesphor.vault.store import UploadRow
from telesphor.vault.uploads import Upload
from telesphor.vault.vault import Vault

UPLOAD_IDLE_SECONDS = 60
"""A connection that sends nothing for so long is taken for broken, and lets go of its object."""

TRANSFER_THREADS = 4
"""Parts worked at once over all transfers; more would only take the cores from the ledger."""

TAGS = ["objects"]

_OFFSET = re.compile(r"0|[1-9][0-9]{0,15}")
_RANGE = re.compile(r"bytes=(?:(0|[1-9][0-9]{0,15})-([0-9]{0,16})|-([1-9][0-9]{0,15}))")
_T = TypeVar("_T")
_AnyRequest = Request[Any, Any, Any]

_Authorization = Annotated[
    str | None,
    HeaderParameter(name="Authorization", description="`Bearer` and the ticket of the signed command"),
]
_UploadOffset = Annotated[
    str | None,
    HeaderParameter(name="Upload-Offset", description="plaintext bytes that the node has kept so far"),
]
_UploadComplete = Annotated[
    str | None,
    HeaderParameter(
        name="Upload-Complete", description="`?1` when the object ends with this request, or `?0`"
    ),
]
_RangeHeader = Annotated[
    str | None, HeaderParameter(name="Range", description="one range of bytes, as `bytes=0-1023`")
]
_IfRange = Annotated[
    str | None, HeaderParameter(name="If-Range", description="the ETag for which the range is meant")
]


def routes(vault: Vault) -> list[HTTPRouteHandler]:
    """The handlers of one node's vault."""
    edge = _Edge(vault)
    return [*_upload_routes(edge), *_download_routes(edge)]


def _upload_routes(edge: _Edge) -> list[HTTPRouteHandler]:
    @patch(
        "/v1/objects/{object_id:str}/content",
        status_code=200,
        request_max_body_size=None,  # bounded by the object's own limit, part by part
        summary="Upload, or go on uploading",
        description="Whole parts are kept whatever breaks; HEAD says where to go on.",
        responses={204: ResponseSpec(None, description="Kept; the upload goes on", generate_examples=False)},
        tags=TAGS,
    )
    async def upload_content(
        request: _AnyRequest,
        object_id: FromPath[str],
        authorization: _Authorization = None,
        upload_offset: _UploadOffset = None,
        upload_complete: _UploadComplete = None,
    ) -> Response[Stored | None]:
        grant = edge.write_grant(authorization, object_id)
        offset, complete = _parse_offset(upload_offset), _parse_complete(upload_complete)
        return await edge.receive(request, grant.object, offset=offset, complete=complete)

    @head(
        "/v1/objects/{object_id:str}/content",
        status_code=204,
        summary="Ask how much of an upload is kept",
        tags=TAGS,
    )
    async def upload_progress(
        object_id: FromPath[str], authorization: _Authorization = None
    ) -> Response[None]:
        grant = edge.write_grant(authorization, object_id)
        return Response(None, status_code=204, headers=await edge.progress(grant))

    return [upload_content, upload_progress]


def _download_routes(edge: _Edge) -> list[HTTPRouteHandler]:
    @get(
        "/v1/objects/{object_id:str}/content",
        summary="Download an object, or one range of it",
        description="Decrypted by the node. The entry that allowed it was durable before the ticket was made.",
        responses=_described_bytes("*/*"),  # of the media type that its writer gave it
        tags=TAGS,
    )
    async def download_content(
        object_id: FromPath[str],
        authorization: _Authorization = None,
        range_header: _RangeHeader = None,
        if_range: _IfRange = None,
    ) -> Stream:
        grant = edge.read_grant(authorization, object_id)
        return await edge.send(grant, _Condition(range_header, if_range), sealed=False)

    @get(
        "/v1/objects/{object_id:str}/ciphertext",
        summary="Download an object as it is stored, or one range of it",
        description="C2SP chunked encryption; the data key is in the answer to `object.read`, sealed to the reader.",
        responses=_described_bytes("application/octet-stream"),
        tags=TAGS,
    )
    async def download_ciphertext(
        object_id: FromPath[str],
        authorization: _Authorization = None,
        range_header: _RangeHeader = None,
        if_range: _IfRange = None,
    ) -> Stream:
        grant = edge.read_grant(authorization, object_id)
        return await edge.send(grant, _Condition(range_header, if_range), sealed=True)

    return [download_content, download_ciphertext]


def _described_bytes(media_type: str) -> dict[int, ResponseSpec]:
    """What a download answers, which no return type shows."""

    def spec(description: str) -> ResponseSpec:
        return ResponseSpec(bytes, description=description, media_type=media_type, generate_examples=False)

    return {200: spec("The whole object"), 206: spec("One range of it")}


class _Condition(NamedTuple):
    """What a download asks for besides the object."""

    range: str | None
    if_range: str | None


class _Download(NamedTuple):
    """A download that has begun: bytes `start` up to `end` of `size`, and how to read what follows the first piece."""

    row: ObjectRow
    size: int
    whole: bool
    start: int
    end: int
    first: bytes
    spans: Iterator[Span]
    read: Callable[[int, int, int], bytes]


class _Edge:
    """The transfers of one node: asynchronous outside, threads inside."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._pool = ThreadPoolExecutor(TRANSFER_THREADS, thread_name_prefix="vault-transfer")

    def write_grant(self, authorization: str | None, object_id: str) -> WriteGrant:
        """The grant of an upload ticket, for this object."""
        grant = self._vault.tickets.redeem(
            bearer_ticket(authorization, command="the signed command"), WriteGrant
        )
        _check_same(grant.object, object_id)
        self._vault.check_writer(grant)
        return grant

    def read_grant(self, authorization: str | None, object_id: str) -> ReadGrant:
        """The grant of a download ticket, for this object."""
        grant = self._vault.tickets.redeem(
            bearer_ticket(authorization, command="the signed command"), ReadGrant
        )
        _check_same(grant.object, object_id)
        return grant

    async def run(self, work: Callable[[], _T]) -> _T:
        """Do blocking work in a thread."""
        return await asyncio.wrap_future(self._pool.submit(work))

    async def progress(self, grant: WriteGrant) -> dict[str, str]:
        """The headers that say how much of an upload is kept."""
        return await self.run(lambda: self._progress(grant.object))

    async def receive(
        self, request: _AnyRequest, object_id: ObjectId, *, offset: int, complete: bool
    ) -> Response[Stored | None]:
        """Take an upload's bytes."""
        upload = await self._open_upload(object_id)
        try:
            if offset != upload.offset:
                raise UploadOffsetRefused(upload.offset)
            await self._receive_parts(request, upload, complete)
        finally:
            await asyncio.shield(self.run(upload.close))
        done = upload.stored is not None
        headers = _progress_headers(upload.offset, done)
        return Response(upload.stored, status_code=200 if done else 204, headers=headers)

    async def send(self, grant: ReadGrant, condition: _Condition, *, sealed: bool) -> Stream:
        """Begin a download; the first piece is authenticated before the status is sent."""
        begun = await self.run(lambda: self._begin(grant, condition, sealed=sealed))
        headers = _download_headers(begun.row, sealed=sealed, length=begun.end - begun.start)
        if not begun.whole:
            headers["content-range"] = f"bytes {begun.start}-{begun.end - 1}/{begun.size}"

        def piece(span: Span) -> bytes:
            self._vault.readable(grant)  # an erasure or a re-wrap ends transfers that have begun
            return begun.read(*span)

        return Stream(
            self._pieces(begun.first, begun.spans, piece),
            status_code=200 if begun.whole else 206,
            headers=headers,
            media_type="application/octet-stream" if sealed else begun.row.media_type,
        )

    def _progress(self, object_id: ObjectId) -> dict[str, str]:
        offset, complete = self._vault.uploads.progress(object_id)
        headers = _progress_headers(offset, complete)
        if complete:  # whoever lost the answer to the last request still needs these to seal
            headers |= _stored_headers(self._vault.records.upload(object_id))
        return headers

    async def _open_upload(self, object_id: ObjectId) -> Upload:
        opening = self._pool.submit(self._vault.uploads.open, object_id)
        try:
            return await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise

    async def _receive_parts(self, request: _AnyRequest, upload: Upload, complete: bool) -> None:
        """Cut the stream into parts; one is stored while the next comes in."""
        storing: asyncio.Future[None] | None = None
        buffer = bytearray()
        try:
            async for piece in _body(request):
                view = memoryview(piece)
                while view:
                    taken = PART_PLAINTEXT - len(buffer)
                    buffer += view[:taken]
                    view = view[taken:]
                    if len(buffer) == PART_PLAINTEXT:
                        if storing is not None:
                            await storing
                        storing = self._begin_part(upload, buffer, final=False)
                        buffer = bytearray()
        finally:
            if storing is not None:
                await storing  # a part that came in whole is kept, also when the connection breaks behind it
        if complete:
            await self._begin_part(upload, buffer, final=True)

    def _begin_part(self, upload: Upload, plaintext: bytearray, *, final: bool) -> asyncio.Future[None]:
        return asyncio.wrap_future(self._pool.submit(upload.add, plaintext, final=final))

    def _begin(self, grant: ReadGrant, condition: _Condition, *, sealed: bool) -> _Download:
        """Look once whether it may be read, and read the first piece at once."""
        row = self._vault.readable(grant)
        reader = self._vault.open_row(row)
        size = reader.sealed_size if sealed else reader.size
        whole = condition.range is None or condition.if_range not in (None, _etag(row, sealed))
        start, end = (0, size) if whole else _parse_range(condition.range or "", size)
        spans = _spans(start, end, sealed=sealed)
        read = reader.read_sealed if sealed else reader.read_within
        return _Download(row, size, whole, start, end, read(*next(spans)), spans, read)

    async def _pieces(
        self, first: bytes, spans: Iterator[Span], piece: Callable[[Span], bytes]
    ) -> AsyncIterator[bytes]:
        """The pieces in order; one is read and opened while the one before it is sent."""
        current = first
        for span in spans:
            coming = self._pool.submit(piece, span)
            yield current
            current = await asyncio.wrap_future(coming)
        yield current


async def _body(request: _AnyRequest) -> AsyncIterator[bytes]:
    """The request's body, piece by piece; never takes a broken connection for its end."""
    more = True
    while more:
        try:
            event = await asyncio.wait_for(request.receive(), UPLOAD_IDLE_SECONDS)
        except TimeoutError:
            raise UploadInterrupted("the upload stood still", hint="ask by HEAD where to go on") from None
        if event["type"] != "http.request":
            raise UploadInterrupted("the connection broke", hint="ask by HEAD where to go on")
        yield event.get("body", b"")
        more = event.get("more_body", False)


def _spans(start: int, end: int, *, sealed: bool) -> Iterator[Span]:
    if sealed:
        return sealed_spans(start, end)
    # Of an empty object the last chunk is opened all the same: that it is empty is authentic, too.
    return plain_spans(start, end) if end else iter((Span(0, 0, 0),))


def _close_unused(opening: Future[Upload]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _check_same(granted: ObjectId, asked: str) -> None:
    if parse_id(asked) != granted:
        raise TicketRefused("the ticket is not valid", hint="it was issued for another object")


def _parse_offset(text: str | None) -> int:
    if text is None or _OFFSET.fullmatch(text) is None:
        raise UploadHeaderRefused(
            "`Upload-Offset` must be a number of bytes", hint="a new upload begins at `0`"
        )
    return int(text)


def _parse_complete(text: str | None) -> bool:
    if text not in ("?0", "?1"):
        raise UploadHeaderRefused("`Upload-Complete` must be `?0` or `?1`")
    return text == "?1"


def _parse_range(text: str, size: int) -> tuple[int, int]:
    """First byte and the one behind the last, of a single range (RFC 9110 section 14.1.2)."""
    match = _RANGE.fullmatch(text)
    if match is None:
        raise RangeRefused("only a single range of bytes is served", size=size)
    first, last, suffix = match.groups()
    start = max(size - int(suffix), 0) if suffix else int(first)
    end = size if suffix or not last else min(int(last) + 1, size)
    if start >= end:
        raise RangeRefused("the range is not within the object", size=size)
    return start, end


def _progress_headers(offset: int, complete: bool) -> dict[str, str]:
    return {
        "upload-offset": str(offset),
        "upload-complete": "?1" if complete else "?0",
        "cache-control": "no-store",
    }


def _stored_headers(upload: UploadRow | None) -> dict[str, str]:
    if upload is None or upload.stored is None:
        return {}
    return {"object-digest": upload.stored.digest, "object-parts": str(upload.stored.parts)}


def _download_headers(row: ObjectRow, *, sealed: bool, length: int) -> dict[str, str]:
    return {
        "content-length": str(length),
        "accept-ranges": "bytes",
        "etag": _etag(row, sealed),
        "cache-control": "no-store",
        # The bytes are a stranger's: no browser may run them as a page of this node.
        "content-disposition": "attachment",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
    }


def _etag(row: ObjectRow, sealed: bool) -> str:
    # Plaintext and ciphertext are two representations: they must not share one validator.
    return f'"{row.digest}{";sealed" if sealed else ""}"'
