"""JSON-RPC to a Bitcoin node or wallet over HTTP: one question, one answer, bounded in size and time.

The credential is read from its file anew for every session, so that a cookie that the node rewrites at each start
keeps working; it is never shown. Decimal numbers are read exactly. Start at `BitcoinRpc.call`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.ledger.anchors.model import AnchorUnavailable

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
"""The ids of the transactions of one block, 64 hex digits each: no block has room for 60,000 transactions."""
TIMEOUT_SECONDS: Final = 30.0
CREDENTIAL_BYTES_MAX: Final = 1024
REASON_CHARS_MAX: Final = 200
METHOD_NOT_FOUND: Final = -32601

_CHUNK_BYTES: Final = 64 * 1024


class RpcRefused(AnchorUnavailable):
    """The node answered with an error.

    Attributes:
        rpc_code: of JSON-RPC, or the HTTP status where there was none.
    """

    code = "bitcoin-rpc-refused"

    def __init__(self, method: str, rpc_code: int, reason: str) -> None:
        self.rpc_code = rpc_code
        shown = "".join(c if c.isprintable() and c != "`" else " " for c in reason[:REASON_CHARS_MAX])
        super().__init__(f"the Bitcoin node refuses `{method}`: `{shown}`")


class CredentialRefused(AnchorUnavailable):
    """The node does not accept the credential, or its file cannot be read."""

    code = "bitcoin-credential-refused"
    kind = Kind.UNAUTHENTICATED


class RpcAddressRefused(TelesphorError):
    """The address of a node is not one that may be asked."""

    code = "bitcoin-rpc-address"
    kind = Kind.INVALID


class BitcoinRpc:
    """One address of a Bitcoin node.

    Args:
        url: `http://` or `https://`, without a credential in it; for a wallet of Bitcoin Core with its path,
            such as `http://127.0.0.1:8332/wallet/anchors`.
        credential_file: holds `user:password`, as Bitcoin Core's own `.cookie` does; None for no authentication.
    """

    def __init__(
        self, url: str, *, credential_file: Path | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise RpcAddressRefused(
                "the address of a Bitcoin node begins with `http://` or `https://` and holds no credential",
                hint="put `user:password` into a file and name it",
            )
        self._url = url
        self._credential_file = credential_file
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._last_id = 0

    def __repr__(self) -> str:
        return "BitcoinRpc()"

    async def call(self, method: str, *params: Any) -> Any:
        """Ask; numbers with a fraction are `Decimal`.

        Raises:
            RpcRefused: the node answered with an error.
            CredentialRefused: it wants another credential.
            AnchorUnavailable: no answer in time, or none that is understood.
        """
        self._last_id += 1
        asked = {"jsonrpc": "1.0", "id": self._last_id, "method": method, "params": params}
        answer = await self._post("", asked, method)
        fault = answer.get("error")
        if fault:
            fault = fault if isinstance(fault, dict) else {"message": str(fault)}
            code = fault.get("code")
            raise RpcRefused(method, code if isinstance(code, int) else 0, str(fault.get("message", "")))
        if answer.get("id") != asked["id"] or "result" not in answer:
            raise AnchorUnavailable(f"the Bitcoin node answers another question than `{method}`")
        return answer["result"]

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask below the address, outside JSON-RPC. Raises as `call`."""
        answer = await self._post(path, body, path)
        if answer.get("error"):
            raise RpcRefused(path, 0, str(answer["error"]))
        return answer

    async def close(self) -> None:
        """Give back the connections; a later call opens new ones."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _post(self, path: str, body: dict[str, Any], method: str) -> dict[str, Any]:
        url = f"{self._url.rstrip('/')}/{path}" if path else self._url
        data = json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        try:
            # A redirect could lead the credential elsewhere.
            async with self._open().post(url, data=data, headers=headers, allow_redirects=False) as reply:
                if reply.status in (401, 403):
                    await self.close()
                    raise CredentialRefused(
                        "the Bitcoin node does not accept the credential", hint="is it the one of this node?"
                    )
                if 300 <= reply.status < 400:
                    raise AnchorUnavailable(
                        "the Bitcoin node's address leads elsewhere, where nothing is sent"
                    )
                return _answer(await read_bounded(reply, ANSWER_BYTES_MAX), reply.status, method)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            # The error's text may hold the address; its type says enough.
            raise AnchorUnavailable(
                "the Bitcoin node cannot be reached",
                hint="is it running, and is its address right?",
                detail=type(error).__name__,
            ) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {} if self._credential_file is None else _read_credential(self._credential_file)
            self._session = aiohttp.ClientSession(timeout=self._timeout, headers=headers, trust_env=False)
        return self._session


async def read_bounded(reply: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """The body of an answer; `AnchorUnavailable` when it is longer than allowed."""
    body = bytearray()
    async for chunk in reply.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > bytes_max:
            raise AnchorUnavailable(f"an answer has more than {bytes_max} bytes")
    return bytes(body)


def _answer(body: bytes, status: int, method: str) -> dict[str, Any]:
    try:
        answer = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        if status != 200:
            raise RpcRefused(method, status, f"status {status}") from None
        raise AnchorUnavailable(f"the Bitcoin node's answer to `{method}` is not JSON") from None
    if not isinstance(answer, dict):
        raise AnchorUnavailable(f"the Bitcoin node's answer to `{method}` is not an object")
    return answer


def _read_credential(file: Path) -> dict[str, str]:
    """The header of basic authentication (RFC 7617)."""
    try:
        with file.open("rb") as source:
            pair = source.read(CREDENTIAL_BYTES_MAX).strip()
    except OSError as error:
        raise CredentialRefused(
            "the credential of the Bitcoin node cannot be read",
            hint="its file holds `user:password`; is the node running, if it is its cookie?",
            detail=type(error).__name__,
        ) from None
    if b":" not in pair:
        raise CredentialRefused("the credential of the Bitcoin node is not `user:password`")
    return {"authorization": f"Basic {b64encode(pair).decode('ascii')}"}
