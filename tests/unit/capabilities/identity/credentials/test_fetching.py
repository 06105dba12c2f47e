"""Lists of other issuers are fetched whole from a real server, over TLS unless a test says otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from telesphor.capabilities.identity.credentials.fetching import StatusFetcher
from telesphor.capabilities.identity.credentials.standing import IssuerId, ResolvedIssuer
from telesphor.capabilities.identity.credentials.status_list import (
    LIFETIME_MS,
    TOKEN_BYTES_MAX,
    TTL_SECONDS,
    Status,
    pack_statuses,
    sign_status_list,
)
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.errors import TelesphorError
from tests.support.credentials import ISSUER, ISSUER_ID, NOW_MS, OTHER

Answer = Callable[[], web.StreamResponse]


class Board:
    """A licence board's server; `answer` says what it does."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answer: Answer = lambda: web.Response(status=500)
        self.clock = ManualClock(NOW_MS)
        self.fetcher = StatusFetcher(clock=self.clock, plain=True)
        self.url = ""

    @property
    def uri(self) -> str:
        return f"{self.url}/lists/1"

    @property
    def issuer(self) -> ResolvedIssuer:
        key = ISSUER.public
        return ResolvedIssuer(ISSUER_ID, IssuerId("board"), key, False, key, f"{self.url}/lists/")

    def give(self, statuses: dict[int, Status] | None = None, *, key: Any = ISSUER) -> None:
        signed = sign_status_list(
            pack_statuses(statuses or {}),
            uri=self.uri,
            issuer=ISSUER_ID,
            key=key,
            issued_at_ms=self.clock.now_ms(),
        )
        self.answer = lambda: web.Response(body=signed.serialized)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return self.answer()

    async def code(self, uri: str | None = None) -> str:
        with pytest.raises(TelesphorError) as caught:
            await self.fetcher.fetch(uri or self.uri, self.issuer)
        return caught.value.code


@pytest.fixture
async def board() -> AsyncIterator[Board]:
    made = Board()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    made.give()
    yield made
    await made.fetcher.close()
    await runner.cleanup()


async def test_list_is_fetched_whole_and_kept_until_it_should_be_fetched_again(board: Board) -> None:
    first = await board.fetcher.fetch(board.uri, board.issuer)
    board.clock.advance_ms(TTL_SECONDS * 1000 - 1_000)
    assert await board.fetcher.fetch(board.uri, board.issuer) is first and len(board.asked) == 1
    board.clock.advance_ms(1_000)
    board.give({7: Status.REVOKED})
    assert await board.fetcher.fetch(board.uri, board.issuer) != first and len(board.asked) == 2


async def test_asking_says_nothing_of_who_is_looked_up(board: Board) -> None:
    await board.fetcher.fetch(board.uri, board.issuer)
    request = board.asked[0]
    assert request.path == "/lists/1" and not request.query_string and "cookie" not in request.headers
    assert not await request.read()


async def test_list_that_is_unreachable_is_used_while_it_is_good_and_then_means_no(board: Board) -> None:
    first = await board.fetcher.fetch(board.uri, board.issuer)
    board.answer = lambda: web.Response(status=503)
    board.clock.advance_ms(LIFETIME_MS - 2_000)
    assert await board.fetcher.fetch(board.uri, board.issuer) is first
    board.clock.advance_ms(2_000)
    assert await board.code() == "status-missing"


async def test_nobody_there_means_no(board: Board) -> None:
    fetcher = StatusFetcher(clock=board.clock, plain=True)
    issuer = board.issuer._replace(status_uri="http://127.0.0.1:1/lists/")
    with pytest.raises(TelesphorError) as caught:
        await fetcher.fetch("http://127.0.0.1:1/lists/1", issuer)
    assert caught.value.code == "status-missing"
    await fetcher.close()


@pytest.mark.parametrize("status", [204, 301, 302, 404, 500])
async def test_any_other_answer_means_no_and_nothing_is_followed(board: Board, status: int) -> None:
    board.answer = lambda: web.Response(status=status, headers={"location": f"{board.url}/lists/2"})
    assert await board.code() == "status-missing" and len(board.asked) == 1


async def test_list_without_end_is_refused(board: Board) -> None:
    board.answer = lambda: web.Response(body=bytes(TOKEN_BYTES_MAX + 1))
    assert await board.code() == "status-list-size"


async def test_list_that_is_late_means_no(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    from telesphor.capabilities.identity.credentials import fetching

    async def late(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    monkeypatch.setattr(fetching, "FETCH_SECONDS", 0.1)

    app = web.Application()
    app.router.add_get("/lists/1", late)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    issuer = board.issuer._replace(status_uri=f"{url}/lists/")
    with pytest.raises(TelesphorError) as caught:
        await board.fetcher.fetch(f"{url}/lists/1", issuer)
    assert caught.value.code == "status-missing"
    await runner.cleanup()


async def test_list_by_other_keys_is_not_kept(board: Board) -> None:
    board.give(key=OTHER)
    assert await board.code() == "status-list-signature-refused"
    board.give()
    assert await board.fetcher.fetch(board.uri, board.issuer)


async def test_addresses_that_are_not_the_issuers_are_not_asked(board: Board) -> None:
    for uri in (
        f"{board.url}/other/1",
        f"{board.url}/lists/../admin",
        f"{board.url}/lists/%2e%2e/admin",
        f"{board.url}/lists/1?who=me",
        f"{board.url}/lists/1#me",
        f"{board.url}/lists/",
        "http://127.0.0.1:1/lists/1",
        "file:///etc/passwd",
    ):
        assert await board.code(uri) == "status-list-mismatch"
    assert not board.asked


async def test_address_without_tls_is_not_asked(board: Board) -> None:
    fetcher = StatusFetcher(clock=board.clock)
    with pytest.raises(TelesphorError) as caught:
        await fetcher.fetch(board.uri, board.issuer)
    assert caught.value.code == "status-list-mismatch" and not board.asked
    await fetcher.close()


async def test_issuer_without_lists_is_not_asked(board: Board) -> None:
    with pytest.raises(TelesphorError) as caught:
        await board.fetcher.fetch(board.uri, board.issuer._replace(status_uri=None))
    assert caught.value.code == "status-list-mismatch"
