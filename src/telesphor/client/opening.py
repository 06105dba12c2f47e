"""Objects as a reader opens them by itself: its own wrap, the bare ciphertext, and nothing of the node's but bytes.

The node could hand out plaintext as well. Who opens the ciphertext knows that its key fits, and that what it has is
what was sealed. Start at `open_beginning`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from telesphor.client.errors import AnswerRefused
from telesphor.kernel import base64url
from telesphor.kernel.chunked import CHUNK, HEADER, SEALED_CHUNK, ChunkReader, ciphertext_size
from telesphor.kernel.ids import ObjectId
from telesphor.kernel.sealing import RecipientKey, SealInfo, unseal
from telesphor.vault.keys import PURPOSE
from telesphor.vault.objects import context_of

Fetch = Callable[[int, int], Awaitable[bytes]]
"""Gives so many bytes of the ciphertext from an offset on."""


class SealedKey(NamedTuple):
    """What the answer to a read says: which object, its plaintext bytes, and its data key sealed to the reader."""

    object: str
    size: int
    role: str
    wrap: str


async def open_beginning(sealed: SealedKey, end: int, *, key: RecipientKey, fetch: Fetch) -> bytes:
    """The first `end` bytes of an object, each authentic, as is that the object has the size it is said to have.

    Raises:
        SealRefused: the wrap is not for this key, object or role.
        ChunkedRefused: the ciphertext is not what was sealed under that key.
    """
    object_id = ObjectId(sealed.object)
    info = SealInfo(PURPOSE, object_id, key.thumbprint(), sealed.role)
    data_key = unseal(base64url.decode(sealed.wrap), key=key, info=info)
    total = ciphertext_size(sealed.size)
    head_end = min(total, HEADER + -(-max(end, 1) // CHUNK) * SEALED_CHUNK)
    last = HEADER + sealed.size // CHUNK * SEALED_CHUNK
    pieces = {0: await _fetch(fetch, 0, head_end)}
    if last >= head_end:  # The last chunk says that the object ends there.
        pieces[last] = await _fetch(fetch, last, total - last)
    reader = ChunkReader(lambda at, length: _cut(pieces, at, length), total, data_key, context_of(object_id))
    return reader.read(0, end)


async def _fetch(fetch: Fetch, offset: int, length: int) -> bytes:
    data = await fetch(offset, length)
    if len(data) != length:
        raise AnswerRefused("the node sent another number of bytes than were asked for")
    return data


def _cut(pieces: dict[int, bytes], offset: int, length: int) -> bytes:
    start = max(first for first in pieces if first <= offset)
    return pieces[start][offset - start : offset - start + length]
