"""HTTP of interchain: the bundle's bytes, sent with the ticket of `interchain.submit/1`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Annotated, Any

from litestar import Request, put
from litestar.params import FromPath, HeaderParameter

from telesphor.capabilities.interchain.model import BundleMismatch, ProofBusy, ProofGrant, ProvenFacts
from telesphor.capabilities.interchain.service import ProofDesk
from telesphor.kernel.bundle import BUNDLE_BYTES_MAX
from telesphor.kernel.ids import parse_id
from telesphor.runtime.http import BodyBroken, BodyLate
from telesphor.runtime.tickets import TicketRefused, bearer_ticket

RECEIVE_SECONDS = 15.0
"""For any bundle, over a poor line."""

RECEIVE_BYTES_PER_SECOND = 125_000
"""One megabit per second: whoever sends slower holds a place that others need."""

TAKEN_AT_ONCE = 8
"""Bundles that come in or wait to be judged."""

TAKEN_BYTES_MAX = 2 * BUNDLE_BYTES_MAX
"""Memory for all of them together."""

JUDGED_AT_ONCE = 1
"""One costs a core for seconds, and several times its size in memory."""

_Authorization = Annotated[
    str | None,
    HeaderParameter(name="Authorization", description="`Bearer` and the ticket of `interchain.submit/1`"),
]
_AnyRequest = Request[Any, Any, Any]


def routes(desk: ProofDesk) -> list[Any]:
    """The handlers of one node's interchain."""
    intake = Intake()
    pool = ThreadPoolExecutor(JUDGED_AT_ONCE, thread_name_prefix="interchain-judge")

    @put(
        "/v1/interchain/proofs/{proof:str}",
        status_code=200,
        request_max_body_size=None,  # bounded by the size that was announced
        summary="Send the bundle that was announced; the node verifies it and notes the outcome",
        tags=["interchain"],
    )
    async def send_proof(
        request: _AnyRequest, proof: FromPath[str], authorization: _Authorization = None
    ) -> ProvenFacts:
        """The answer is what the node now holds for proven; a refusal names the code of what failed. Sent again
        after it was decided, the outcome is the same, and the bytes are not read."""
        grant = _granted(desk, authorization, proof)
        with intake.place(grant):
            decided = await asyncio.to_thread(desk.find_outcome, grant)
            if decided is not None:
                return decided
            data = await _receive(request, grant)
            return await asyncio.get_running_loop().run_in_executor(pool, desk.judge, grant, data)

    return [send_proof]


class Intake:
    """Who may send now: so many and so much, and one bundle of each actor. For the event loop's thread only."""

    def __init__(self) -> None:
        self._taken: dict[str, ProofGrant] = {}

    @contextmanager
    def place(self, grant: ProofGrant) -> Iterator[None]:
        """Hold a place for this actor's bundle while the block runs; raises `ProofBusy` at once."""
        if grant.actor in self._taken:
            raise ProofBusy("a bundle of this actor is being taken", hint="send one after the other")
        taken_bytes = grant.size + sum(other.size for other in self._taken.values())
        if len(self._taken) >= TAKEN_AT_ONCE or taken_bytes > TAKEN_BYTES_MAX:
            raise ProofBusy(f"`{len(self._taken)}` bundles are being taken", hint="ask again in a moment")
        self._taken[grant.actor] = grant
        try:
            yield
        finally:
            del self._taken[grant.actor]


def _granted(desk: ProofDesk, authorization: str | None, proof: str) -> ProofGrant:
    ticket = bearer_ticket(authorization, command="`interchain.submit/1`")
    grant = desk.tickets.redeem(ticket, ProofGrant)
    if grant.proof != parse_id(proof):
        raise TicketRefused("the ticket is not valid", hint="it was issued for another proof")
    return grant


async def _receive(request: _AnyRequest, grant: ProofGrant) -> bytes:
    """The body; refused as soon as it is larger than was announced."""
    seconds = RECEIVE_SECONDS + grant.size / RECEIVE_BYTES_PER_SECOND
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(seconds):
            while more:
                event = await request.receive()
                if event["type"] != "http.request":
                    raise BodyBroken("the connection ended before the bundle did")
                parts.append(event.get("body", b""))
                size += len(parts[-1])
                if size > grant.size:
                    raise BundleMismatch(f"more came than the `{grant.size}` bytes that were announced")
                more = event.get("more_body", False)
    except TimeoutError:
        raise BodyLate(f"the bundle took longer than `{seconds:.0f}` seconds") from None
    return b"".join(parts)
