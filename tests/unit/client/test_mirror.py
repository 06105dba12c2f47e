"""A validator's source of entries: from a real node, and from nodes that answer wrongly."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from telesphor.app import Node
from telesphor.client.errors import AnswerRefused, ClientRefused, NodeUnreachable
from telesphor.client.mirror import ENTRIES_AT_ONCE_MAX, MirrorSource, MirrorWaits
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import ManualClock, SystemClock
from telesphor.kernel.entry_bundle import EntryBundleRefused, encode_entries
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.ledger.entries import EntryReader
from tests.e2e.running import MovableClock
from tests.support.mirrored import add_leaves, make_mirrored, serve_mirrored
from tests.torture.folders import CLINICIAN, ORIGIN, SYSTEM

LEAVES = 700


class Place:
    """A node that the system mirrors, and the clock of both."""

    def __init__(self, node: Node, url: str, wallets: dict[str, Wallet], clock: MovableClock) -> None:
        self.node, self.url, self.wallets, self.clock = node, url, wallets, clock

    def source(self, actor: str = SYSTEM) -> MirrorSource:
        return MirrorSource(self.url, self.wallets[actor], origin=ORIGIN, clock=self.clock)

    def entries(self) -> list[bytes]:
        reader = EntryReader(self.node.folder.ledger, self.node.registry)
        try:
            return [entry.data for entry in reader.entries(first=0, end=reader.size())]
        finally:
            reader.close()

    def asked(self) -> int:
        """How often the ledger was asked to be mirrored."""
        return sum(b'"ledger.mirrored/1"' in entry for entry in self.entries())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("mirror") / "node"
    wallets, clock = make_mirrored(folder), MovableClock()
    with serve_mirrored(folder, clock=clock, leaves=LEAVES) as (node, url):
        yield Place(node, url, wallets, clock)


@asynccontextmanager
async def opened(source: MirrorSource) -> AsyncIterator[MirrorSource]:
    try:
        yield source
    finally:
        await source.close()


@pytest.mark.parametrize(
    ("first", "end"), [(0, 1), (0, 256), (255, 257), (256, 512), (300, 700), (0, 700), (699, 700)]
)
async def test_what_is_read_is_what_the_ledger_holds(place: Place, first: int, end: int) -> None:
    async with opened(place.source()) as source:
        assert await source.entries(first, end) == place.entries()[first:end]


async def test_one_ticket_serves_an_hour_also_as_the_ledger_grows(place: Place) -> None:
    before = place.asked()
    async with opened(place.source()) as source:
        for at in range(0, 700, 100):
            await source.entries(at, at + 100)
        add_leaves(place.node, 10)
        size = len(place.entries())
        assert await source.entries(size - 10, size) == place.entries()[size - 10 : size]
    assert place.asked() == before + 1


async def test_ticket_that_ended_is_renewed(place: Place) -> None:
    before = place.asked()
    async with opened(place.source()) as source:
        await source.entries(0, 256)
        place.clock.ahead_ms += 3_601_000
        assert len(await source.entries(0, 256)) == 256
    assert place.asked() == before + 2


async def test_entries_before_those_of_the_ticket_take_another(place: Place) -> None:
    before = place.asked()
    async with opened(place.source()) as source:
        await source.entries(512, 600)
        assert await source.entries(0, 10) == place.entries()[:10]
        assert await source.entries(512, 600) == place.entries()[512:600]
    assert place.asked() == before + 2


async def test_entries_that_no_checkpoint_covers_are_not_there(place: Place) -> None:
    size = len(place.entries())
    async with opened(place.source()) as source:
        with pytest.raises(ClientRefused) as caught:
            await source.entries(size - size % 256, size + 100)
    assert caught.value.code == "no-such-tile"


async def test_actor_that_is_not_named_asks_ever_more_slowly(place: Place) -> None:
    async with opened(place.source(CLINICIAN)) as source:
        for pause_ms in (2_000, 4_000, 8_000):
            with pytest.raises(ClientRefused) as caught:
                await source.entries(0, 10)
            assert caught.value.code == "access-denied"
            place.clock.ahead_ms += pause_ms - 1_000
            with pytest.raises(MirrorWaits):
                await source.entries(0, 10)
            place.clock.ahead_ms += 1_000


async def test_nobody_listening_is_said_so(place: Place) -> None:
    async with opened(MirrorSource("http://127.0.0.1:9", place.wallets[SYSTEM], origin=ORIGIN)) as source:
        with pytest.raises(NodeUnreachable):
            await source.entries(0, 10)


@pytest.mark.parametrize(("first", "end"), [(0, 0), (5, 4), (-1, 3), (0, ENTRIES_AT_ONCE_MAX + 1)])
async def test_more_than_a_call_may_ask_is_a_fault_of_the_caller(place: Place, first: int, end: int) -> None:
    with pytest.raises(ValueError, match="at once"):
        await place.source().entries(first, end)


# Nodes that answer wrongly.


class Liar:
    """Gives tickets of one range, and whatever bytes for a bundle; counts the tickets."""

    def __init__(self, bundle: Callable[[], web.Response], *, first: int = 0, end: int = 10_000) -> None:
        self.bundle, self.first, self.end = bundle, first, end
        self.given = 0

    async def commands(self, _request: web.Request) -> web.Response:
        self.given += 1
        ticket = {"ticket": "t", "first": self.first, "end": self.end}
        return web.json_response({"at": "", "entries": [], "results": [ticket]})

    @asynccontextmanager
    async def source(self, clock: ManualClock) -> AsyncIterator[MirrorSource]:
        app = web.Application()
        app.router.add_post("/v1/commands", self.commands)

        async def entries(_request: web.Request) -> web.Response:
            return self.bundle()

        app.router.add_get("/tile/entries/{path:.*}", entries)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        wallet = Wallet.create(kind="system", ids=IdSource(clock))
        try:
            async with opened(MirrorSource(url, wallet, origin=ORIGIN, clock=clock)) as source:
                yield source
        finally:
            await runner.cleanup()


def ticket_refused() -> web.Response:
    problem = {"code": "ticket-refused", "detail": "no", "status": 401}
    return web.Response(status=401, body=json.dumps(problem), content_type="application/problem+json")


async def test_node_that_takes_none_of_its_own_tickets_is_not_asked_again_at_once() -> None:
    """Each asking is an entry there, and each entry a checkpoint for which a validator reads again."""
    liar, clock = Liar(ticket_refused), ManualClock(SystemClock().now_ms())
    async with liar.source(clock) as source:
        for _ in range(60):
            with pytest.raises((ClientRefused, MirrorWaits)):
                await source.entries(0, 10)
            clock.advance_ms(1_000)
    assert liar.given == 5  # at 0, 2, 6, 14 and 30 seconds


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (encode_entries([b"e"] * 9), EntryBundleRefused),
        (encode_entries([b"e"] * 11), EntryBundleRefused),
        (encode_entries([b"e"] * 10)[:-1], EntryBundleRefused),
        (b"", EntryBundleRefused),
        (b"<html>", EntryBundleRefused),
        (bytes(17 * 1024 * 1024), AnswerRefused),
    ],
    ids=["fewer", "more", "cut", "empty", "page", "endless"],
)
async def test_bundle_that_is_none_is_refused(body: bytes, error: type[TelesphorError]) -> None:
    liar = Liar(lambda: web.Response(body=body))
    async with liar.source(ManualClock(SystemClock().now_ms())) as source:
        with pytest.raises(error):
            await source.entries(0, 10)


async def test_ticket_for_other_entries_is_refused() -> None:
    liar = Liar(lambda: web.Response(body=encode_entries([b"e"] * 10)), first=256)
    async with liar.source(ManualClock(SystemClock().now_ms())) as source:
        with pytest.raises(AnswerRefused):
            await source.entries(0, 10)
