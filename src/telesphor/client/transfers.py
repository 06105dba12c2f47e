"""Moving an object's bytes under a ticket, whatever breaks on the way.

An upload goes on where the node says it stands (HEAD), a download where the target stands (Range). A
transfer that breaks several times in a row without getting further is given up.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import BinaryIO

import aiohttp
import msgspec

from telesphor.client.errors import AnswerRefused, ClientRefused, NodeUnreachable, TransferFailed
from telesphor.client.http import ANSWER_BYTES_MAX, PIECE_BYTES, Http, read_bounded

BREAKS_MAX = 5
"""Breaks in a row, without any byte between them, after which a transfer is given up."""

PAUSE_SECONDS = 0.2
"""Before the first new attempt; doubled for each further one."""

Progress = Callable[[int], None]
"""Told after each piece how many bytes are moved."""

RenewTicket = Callable[[], Awaitable[str]]
"""Signs anew for a ticket when the old one is no longer taken."""

_AGAIN = frozenset(
    {
        *("upload-offset-refused", "upload-interrupted", "upload-busy", "queue-full", "edge-full"),
        "upload-complete",  # all of it arrived, and the answer was lost: the node then says what it has
    }
)

_WAIT = frozenset({"proof-busy", "queue-full", "edge-full"})


class Stored(msgspec.Struct, frozen=True):
    """What the node has stored: plaintext bytes, the digest over the ciphertext's parts, their number."""

    size: int
    digest: str
    parts: int


class Patience:
    """Counts breaks; gives up after `BREAKS_MAX` of them without progress."""

    def __init__(self) -> None:
        self._breaks = 0
        self._reached = -1

    async def wait(self, reached: int, error: Exception) -> None:
        """Wait a moment, longer each time; raises `TransferFailed` when nothing moves any more."""
        self._breaks = 1 if reached > self._reached else self._breaks + 1
        self._reached = max(reached, self._reached)
        if self._breaks > BREAKS_MAX:
            raise TransferFailed(
                f"the transfer broke `{BREAKS_MAX}` times at byte `{reached}`",
                hint="go on when the node is back",
            ) from error
        await asyncio.sleep(PAUSE_SECONDS * 2 ** (self._breaks - 1))


async def upload(
    http: Http, path: str, source: BinaryIO, *, ticket: str, renew: RenewTicket, progress: Progress
) -> Stored:
    """Send all of `source` (seekable) to an object that was begun.

    Raises:
        ClientRefused: the node refuses the upload itself.
        TransferFailed: it broke too often.
    """
    offset, patience = 0, Patience()
    while True:
        headers = {**_bearer(ticket), "Upload-Offset": str(offset), "Upload-Complete": "?1"}
        try:
            async with http.open(
                "PATCH", path, body=_pieces(source, offset, progress), headers=headers
            ) as response:
                return _decode_stored(await read_bounded(response, limit=ANSWER_BYTES_MAX))
        except (NodeUnreachable, ClientRefused) as error:
            if isinstance(error, ClientRefused) and error.code == "ticket-refused":
                ticket = await renew()
            elif isinstance(error, ClientRefused) and error.code not in _AGAIN and error.status < 500:
                raise
            await patience.wait(offset, error)
            kept = await _ask_progress(http, path, ticket)
            if isinstance(kept, Stored):  # all of it arrived, only the answer was lost
                return kept
            offset = offset if kept is None else kept


async def download(
    http: Http,
    path: str,
    target: BinaryIO,
    *,
    size: int,
    ticket: str,
    renew: RenewTicket,
    progress: Progress,
) -> None:
    """Write all `size` bytes of an object to `target`, from where it stands.

    Raises:
        ClientRefused: the node refuses the read itself, for instance because the object was erased.
        TransferFailed: it broke too often.
        AnswerRefused: the node sent more than the object has.
    """
    moved, patience = 0, Patience()
    while True:
        headers = _bearer(ticket) | ({"Range": f"bytes={moved}-"} if moved else {})
        try:
            async with http.open("GET", path, headers=headers) as response:
                moved = await _write_pieces(response, target, moved=moved, size=size, progress=progress)
            return
        except _Short as error:
            moved = error.moved
            await patience.wait(moved, error)
        except ClientRefused as error:
            if error.code == "ticket-refused":
                ticket = await renew()
            elif error.status < 500:
                raise
            await patience.wait(moved, error)
        except NodeUnreachable as error:
            await patience.wait(moved, error)


async def send_whole(http: Http, path: str, data: bytes, *, ticket: str, renew: RenewTicket) -> bytes:
    """Send a body that cannot go on in its middle, such as a bundle, again after any break; the node's answer.

    Raises:
        ClientRefused: the node refuses it.
        TransferFailed: it broke, or the node was busy, too often.
    """
    patience = Patience()
    while True:
        try:
            body = _pieces(io.BytesIO(data), 0, lambda _: None)
            return await http.fetch("PUT", path, body=body, headers=_bearer(ticket))
        except ClientRefused as error:
            if error.code == "ticket-refused":
                ticket = await renew()
            elif error.code not in _WAIT:
                raise
            await patience.wait(0, error)
        except NodeUnreachable as error:
            await patience.wait(0, error)


class _Short(Exception):
    """The line broke in the middle of a download."""

    def __init__(self, moved: int) -> None:
        super().__init__("the line broke")
        self.moved = moved


async def _write_pieces(
    response: aiohttp.ClientResponse, target: BinaryIO, *, moved: int, size: int, progress: Progress
) -> int:
    if moved and response.status != 206:
        raise AnswerRefused("the node sent the whole object where a range was asked for")
    try:
        async for piece in response.content.iter_chunked(PIECE_BYTES):
            if moved + len(piece) > size:
                raise AnswerRefused(f"the node sent more than the `{size}` bytes of the object")
            await asyncio.to_thread(target.write, piece)
            moved += len(piece)
            progress(moved)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _Short(moved) from error
    if moved < size:
        raise _Short(moved)
    return moved


async def _pieces(source: BinaryIO, offset: int, progress: Progress) -> AsyncIterator[bytes]:
    await asyncio.to_thread(source.seek, offset)
    while piece := await asyncio.to_thread(source.read, PIECE_BYTES):
        yield piece
        offset += len(piece)
        progress(offset)


async def _ask_progress(http: Http, path: str, ticket: str) -> Stored | int | None:
    """How many bytes the node has kept, or all that it stored; None when it does not answer."""
    try:
        async with http.open("HEAD", path, headers=_bearer(ticket)) as response:
            fields = response.headers
    except (NodeUnreachable, ClientRefused):
        return None
    offset = _number(fields.get("Upload-Offset", ""))
    if fields.get("Upload-Complete") != "?1":
        return offset
    return Stored(offset, fields.get("Object-Digest", ""), _number(fields.get("Object-Parts", "")))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise AnswerRefused("the node does not say how far the upload is")
    return int(text)


def _decode_stored(data: bytes) -> Stored:
    try:
        return msgspec.json.decode(data, type=Stored)
    except msgspec.MsgspecError as error:
        raise AnswerRefused("the node's answer to the upload is not one") from error


def _bearer(ticket: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {ticket}"}
