"""A witness over HTTP: `POST <prefix>/add-checkpoint` and `GET <prefix>/card`, as raw routes.

The same two routes stand in a node (under `/witness`) and alone (`standalone`). Verifying, the disk and
signing are done in threads of their own, so that a slow submission holds up nobody; more submissions than
`WAITING_MAX` are refused, not queued.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, Protocol

from litestar import MediaType, Response, get, post
from litestar import Request as HttpRequest
from litestar.types import Receive, Scope, Send

from telesphor.ledger.witness.model import (
    REQUEST_BYTES_MAX,
    TEXT_MEDIA_TYPE,
    WitnessBusy,
    WitnessRefusal,
)
from telesphor.ledger.witness.witness import Submission, Witness
from telesphor.runtime.http import RawRoute, read_body, send_bytes
from telesphor.runtime.problems import RETRY_AFTER_SECONDS

NODE_PREFIX: Final = "/witness"
CARD_MEDIA_TYPE: Final = "application/jose+json"

THREADS: Final = 8
"""Most of them wait for the disk together, in one transaction; two are enough for the arithmetic."""

WAITING_MAX: Final = 256
"""A quarter of a second of work, and 100 MB of requests at the very most."""


class EntryCheck(Protocol):
    """A validator's look at the entries behind a submission (`mirror.Mirror`); raises a `WitnessRefusal`."""

    async def check(self, submission: Submission) -> None: ...


class WitnessDesk:
    """Takes submissions on the event loop and has them decided in threads."""

    def __init__(
        self, witness: Witness, *, entry_check: EntryCheck | None = None, threads: int = THREADS
    ) -> None:
        self.witness = witness
        self._entry_check = entry_check
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="witness")
        self._waiting = 0

    async def add_checkpoint(self, body: bytes) -> bytes:
        """The signature lines; raises `WitnessRefusal`."""
        if self._waiting >= WAITING_MAX:
            raise WitnessBusy(f"`{self._waiting}` submissions wait already", hint="ask again in a second")
        self._waiting += 1
        try:
            return await self._decide(body)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Finish what is under way, end the threads, and close the witness's memory."""
        self._threads.shutdown()
        self.witness.close()

    async def _decide(self, body: bytes) -> bytes:
        run = asyncio.get_running_loop().run_in_executor
        if self._entry_check is None:
            return await run(self._threads, self.witness.add_checkpoint, body)
        submission = await run(self._threads, self.witness.examine, body)
        await self._entry_check.check(submission)
        return await run(self._threads, self.witness.cosign, submission)


def witness_routes(desk: WitnessDesk, *, prefix: str = NODE_PREFIX) -> list[RawRoute]:
    """The routes of one witness under `prefix`, which may be empty."""

    async def add_checkpoint(scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, limit_bytes=REQUEST_BYTES_MAX)
        answer = await _answer(desk, body)
        await send_bytes(
            send, answer.body, status=answer.status, media_type=answer.media_type, headers=answer.headers
        )

    async def card(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_bytes(send, desk.witness.card, media_type=CARD_MEDIA_TYPE)

    return [
        RawRoute("POST", f"{prefix}/add-checkpoint", add_checkpoint),
        RawRoute("GET", f"{prefix}/card", card),
    ]


def witness_handlers(desk: WitnessDesk, *, prefix: str = NODE_PREFIX) -> list[Any]:
    """The same routes for Litestar, so that the API description has them."""

    @post(
        f"{prefix}/add-checkpoint",
        tags=["witness"],
        status_code=200,
        media_type=MediaType.TEXT,
        summary="Ask for a cosignature (C2SP tlog-witness)",
    )
    async def add_checkpoint(request: HttpRequest[Any, Any, Any]) -> Response[bytes]:
        """The body is the old size, a consistency proof and the signed checkpoint; the answer signature lines."""
        answer = await _answer(desk, await request.body())
        return Response(
            answer.body, status_code=answer.status, media_type=answer.media_type, headers=answer.headers
        )

    @get(f"{prefix}/card", tags=["witness"], media_type=CARD_MEDIA_TYPE, summary="The card of this witness")
    async def card() -> Response[bytes]:
        """Who runs it and where, and its keys, signed by them (JWS)."""
        return Response(desk.witness.card, media_type=CARD_MEDIA_TYPE)

    return [add_checkpoint, card]


class _Answer(NamedTuple):
    body: bytes
    status: int
    media_type: str
    headers: dict[str, str]


async def _answer(desk: WitnessDesk, body: bytes) -> _Answer:
    """Refusals are answered as the specification says, not as problem documents."""
    try:
        return _Answer(await desk.add_checkpoint(body), 200, TEXT_MEDIA_TYPE, {})
    except WitnessRefusal as refusal:
        headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if refusal.status == 503 else {}
        return _Answer(refusal.body, refusal.status, refusal.media_type, headers)
