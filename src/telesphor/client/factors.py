"""Factors over HTTP: ask for them, look at what is asked, answer, read an answer, withdraw.

`FactorClient` speaks for one actor, as `NodeClient` does. What a holder shows goes to the node beside its signed
command, never in it. Start at `FactorClient.request_factors` (a verifier) or `open_request` and `answer` (a holder).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from telesphor.capabilities.identity.presentations.documents import (
    REQUEST_BYTES_MAX,
    read_request,
    write_document,
)
from telesphor.capabilities.identity.presentations.model import (
    FactorWanted,
    OpenedRequest,
    PresentationRequest,
    RequestLink,
    ShownFactors,
)
from telesphor.client.credentials import Answer
from telesphor.client.errors import AnswerRefused
from telesphor.client.node import NodeClient
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import digest_of
from telesphor.runtime.capability import Receipt

REQUEST_SECONDS = 900
"""Time to read a request and to answer it, where nothing else is said."""

RELIED_SECONDS = 12 * 3600
"""A shift."""

_Answer = TypeVar("_Answer", bound=msgspec.Struct)


class FactorClient(NodeClient):
    """One actor's factors at one node; use it as an asynchronous context."""

    async def request_factors(
        self,
        wanted: Sequence[FactorWanted],
        *,
        purpose: str,
        holder: str | None = None,
        seconds: int = REQUEST_SECONDS,
        relied_seconds: int = RELIED_SECONDS,
    ) -> RequestLink:
        """Ask a holder, or whoever can show them, for factors; returns the link to hand on.

        Args:
            seconds: until the request ends.
            relied_seconds: how long the answer is relied on.
        """
        body = {
            "presentation": self._ids.next(),
            "wanted": [msgspec.to_builtins(factor) for factor in wanted],
            "purpose": purpose,
            "nonce": self._ids.nonce(),
            "holder": holder,
            "expires_at": format_instant(self._clock.now_ms() + seconds * 1000),
            "relied_seconds": relied_seconds,
        }
        return await self._ask("presentation.request/1", body, RequestLink)

    async def open_request(self, presentation: str) -> OpenedRequest:
        """Look at a request, which leaves an entry.

        Raises:
            AnswerRefused: what came is not the document that the ledger names.
        """
        opened = await self._ask("presentation.open/1", {"presentation": presentation}, OpenedRequest)
        _check_document(write_document(opened.request), opened.request, opened.link)
        return opened

    async def fetch_request(self, link: RequestLink) -> OpenedRequest:
        """The same with a link that the verifier handed on; leaves no entry."""
        data = await self._http.fetch(
            "GET", link.request_uri, headers=_bearer(link.ticket), limit=REQUEST_BYTES_MAX
        )
        request = read_request(data)
        _check_document(data, request, link)
        return OpenedRequest(request=request, link=link)

    async def answer(self, answer: Answer, link: RequestLink) -> Receipt:
        """Send what was approved, then the command that stands for it.

        Raises:
            ClientRefused: with the code of the cause for which the node refused it.
        """
        headers = _bearer(link.ticket) | {"Content-Type": "application/json"}
        await self._http.fetch("POST", link.response_uri, body=answer.data, headers=headers)
        return await self.send(answer.command)

    async def read_presentation(self, presentation: str, *, vp: bool = False) -> ShownFactors:
        """What was shown to this verifier, or by this holder; leaves an entry."""
        return await self._ask("presentation.read/1", {"presentation": presentation, "vp": vp}, ShownFactors)

    async def withdraw(self, presentation: str) -> Receipt:
        """End a request that is open, or what was shown."""
        return await self.send(("presentation.withdraw/1", {"presentation": presentation}))

    async def _ask(self, command: str, body: Mapping[str, Any], kind: type[_Answer]) -> _Answer:
        receipt = await self.send((command, body))
        try:
            return msgspec.convert(receipt.results[0] if receipt.results else None, kind)
        except msgspec.ValidationError as error:
            raise AnswerRefused("the node's receipt lacks what was asked for") from error


def _check_document(data: bytes, request: PresentationRequest, link: RequestLink) -> None:
    if digest_of(data) != link.request or request.presentation != link.presentation:
        raise AnswerRefused("the request is not the one that the ledger names")
    if not (link.response_uri.startswith("/") and link.request_uri.startswith("/")):
        raise AnswerRefused("the node names no path for the answer")


def _bearer(ticket: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {ticket}"}
