"""JSON-RPC to an Ethereum node over HTTP: one question, one answer, both bounded in size and time.

What comes back is decoded into the type that was asked for or refused. The address of the node may hold a
provider's key, so no message, hint or detail ever names it. Start at `NodeRpc.call`.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final, TypeVar

import aiohttp
import msgspec

from telesphor.ledger.anchors.model import AnchorUnavailable

T = TypeVar("T")

ANSWER_BYTES_MAX: Final = 1024 * 1024
"""An ordinary answer has a few kilobytes; whole blocks are asked for with a bound of their own."""
REASON_CHARS_MAX: Final = 200
"""What a node says of itself is shown so far."""
TIMEOUT_SECONDS: Final = 20.0
"""For one question with its answer: a slow provider takes a second or two."""

SECRET_CHARS_MIN: Final = 8
"""A shorter part of an address is no key."""

_CHUNK_BYTES: Final = 64 * 1024
_URL_PARTS: Final = re.compile(r"[/:@?&=#]+")
_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)


class NodeUnavailable(AnchorUnavailable):
    """The Ethereum node cannot be reached, or its answer is none that is understood."""

    code: ClassVar[str] = "ethereum-node-unavailable"


class NodeRefused(AnchorUnavailable):
    """The Ethereum node answered with an error.

    Attributes:
        rpc_code: of JSON-RPC.
        reason: the node's own words, bounded.
    """

    code = "ethereum-node-refused"

    def __init__(self, method: str, rpc_code: int, reason: str) -> None:
        self.rpc_code = rpc_code
        self.reason = "".join(c if c.isprintable() else " " for c in reason[:REASON_CHARS_MAX])
        super().__init__(f"the Ethereum node refuses `{method}`: `{self.reason}`")


class _Fault(msgspec.Struct, frozen=True):
    code: int
    message: str


class _Answer(msgspec.Struct, frozen=True):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: _Fault | None = None


class NodeRpc:
    """One node.

    Args:
        url: `http://` or `https://`; kept to itself.
        timeout_seconds: for each question with its answer.
    """

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._last_id = 0

    def __repr__(self) -> str:
        return "NodeRpc()"

    async def call(
        self, method: str, *params: object, answer: type[T], bytes_max: int = ANSWER_BYTES_MAX
    ) -> T:
        """Ask, and read the result as an `answer`.

        Raises:
            NodeUnavailable: no answer in time, or not one of this type.
            NodeRefused: an error of the node.
        """
        found = await self.find(method, *params, answer=answer, bytes_max=bytes_max)
        if found is None:
            raise NodeUnavailable(f"the Ethereum node gives nothing for `{method}`")
        return found

    async def find(
        self, method: str, *params: object, answer: type[T], bytes_max: int = ANSWER_BYTES_MAX
    ) -> T | None:
        """Like `call`, for what the node may not have."""
        self._last_id += 1
        asked_id = self._last_id
        asked = {"jsonrpc": "2.0", "id": asked_id, "method": method, "params": params}
        body = await self._post(msgspec.json.encode(asked), bytes_max)
        envelope = _decode(body, _Answer, method)
        if envelope.error is not None:
            raise NodeRefused(method, envelope.error.code, self._without_secrets(envelope.error.message))
        if envelope.id != asked_id:
            raise NodeUnavailable(f"the Ethereum node answers another question than `{method}`")
        result = bytes(envelope.result)
        return None if result in (b"", b"null") else _decode(result, answer, method)

    def _without_secrets(self, reason: str) -> str:
        """A provider that refuses may quote the key it was asked with."""
        for part in _URL_PARTS.split(self._url):
            if len(part) >= SECRET_CHARS_MIN:
                reason = reason.replace(part, "...")
        return reason

    async def _post(self, body: bytes, bytes_max: int) -> bytes:
        # Nothing compressed: a few bytes could unfold into gigabytes.
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        try:
            # A redirect could lead the signed transaction and the provider's key elsewhere.
            async with self._open().post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as reply:
                data = await _read_bounded(reply, bytes_max)
                # Some nodes send their errors with a status of 4xx: their words are read all the same.
                if reply.status != 200 and not data.lstrip().startswith(b"{"):
                    raise NodeUnavailable(f"the Ethereum node answers with status {reply.status}")
                return data
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            # The error's text may hold the address; its type says enough.
            raise NodeUnavailable(
                "the Ethereum node cannot be reached",
                hint="is it running, and is its address right?",
                detail=type(error).__name__,
            ) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, auto_decompress=False)
        return self._session

    async def close(self) -> None:
        """Give back the connections; a later call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _read_bounded(reply: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    data = bytearray()
    async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
        data += chunk
        if len(data) > bytes_max:
            raise NodeUnavailable(f"the Ethereum node answers with more than {bytes_max} bytes")
    return bytes(data)


def _decode(data: bytes, kind: type[T], method: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NodeUnavailable(
            f"the answer of the Ethereum node to `{method}` is not understood", detail=type(error).__name__
        ) from None


def quantity(text: Any, what: str) -> int:
    """A number as JSON-RPC writes it (`0x2a`). Raises `NodeUnavailable`."""
    if isinstance(text, str) and _QUANTITY.fullmatch(text):
        return int(text[2:], 16)
    raise NodeUnavailable(f"the Ethereum node gives no number for {what}")


def hex_data(text: Any, what: str) -> bytes:
    """Bytes as JSON-RPC writes them (`0x00ff`). Raises `NodeUnavailable`."""
    if isinstance(text, str) and _DATA.fullmatch(text):
        return bytes.fromhex(text[2:])
    raise NodeUnavailable(f"the Ethereum node gives no bytes for {what}")
