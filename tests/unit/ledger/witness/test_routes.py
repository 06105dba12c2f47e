"""A witness over real HTTP on loopback: statuses, media types, bounds, many at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from telesphor.ledger.witness import routes
from telesphor.ledger.witness.model import REQUEST_BYTES_MAX, EntriesRefused
from telesphor.ledger.witness.routes import WitnessDesk, witness_handlers, witness_routes
from telesphor.ledger.witness.witness import Submission, Witness
from telesphor.runtime.http import Edge, build_edge
from telesphor.runtime.serving import serving
from telesphor.runtime.telemetry import Metrics
from tests.support.witnesses import CARD, ORIGIN, Tree, cosigned_at, make_witness


def edge_of(desk: WitnessDesk, prefix: str) -> Edge:
    return build_edge(
        handlers=witness_handlers(desk, prefix=prefix),
        raw=witness_routes(desk, prefix=prefix),
        metrics=Metrics(),
        health=lambda: {"status": "ok"},
    )


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    origins = [ORIGIN, *(f"log-{number}.example/x" for number in range(8))]
    desk = WitnessDesk(make_witness(tmp_path, origins=origins))
    with serving(edge_of(desk, "/witness")) as base:
        yield f"{base}/witness"
    desk.close()


async def post(url: str, body: bytes) -> tuple[int, str, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/add-checkpoint", data=body) as response,
    ):
        return response.status, response.headers["content-type"], await response.read()


async def test_a_log_is_cosigned(url: str) -> None:
    tree = Tree(9)
    status, media_type, lines = await post(url, tree.request(0))
    assert (status, media_type) == (200, "text/plain; charset=utf-8")
    cosigned_at(tree.note(), lines)


async def test_each_refusal_has_its_status_and_media_type(url: str) -> None:
    tree = Tree(9)
    await post(url, tree.request(0, 5))
    text = "text/plain; charset=utf-8"
    half = tree.request(5).replace(b"\n\n", b"\nX\n\n", 1)
    unsigned = tree.request(5).rpartition(b"\xe2\x80\x94")[0]
    larger = b"old 10\n" + tree.request(5).partition(b"\n")[2]
    expected = [
        (b"rubbish", 400, text),
        (half, 400, text),
        (Tree(3, origin="stranger.example/x").request(0), 404, text),
        (unsigned, 403, text),
        (larger, 400, text),
        (tree.request(3), 409, "text/x.tlog.size"),
        (tree.fork(2).request(5), 422, text),
        (tree.fork(2).request(5, 5), 409, text),
    ]
    answers = [await post(url, body) for body, _, _ in expected]
    assert [answer[:2] for answer in answers] == [(status, kind) for _, status, kind in expected]
    assert answers[5][2] == b"5\n"
    assert (await post(url, tree.request(5)))[0] == 200


async def test_one_connection_serves_many_requests(url: str) -> None:
    tree = Tree(20)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        for old in range(20):
            async with session.post(f"{url}/add-checkpoint", data=tree.request(old, old + 1)) as response:
                assert response.status == 200
                assert response.headers.get("connection", "keep-alive") == "keep-alive"


async def test_a_body_over_the_bound_is_refused(url: str) -> None:
    assert (await post(url, b"x" * (REQUEST_BYTES_MAX + 1)))[0] == 413
    assert (await post(url, Tree(2).request(0)))[0] == 200


async def test_the_card_is_shown(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/card") as response:
        assert (response.status, await response.read()) == (200, CARD)
        assert response.headers["content-type"] == "application/jose+json"


async def test_other_methods_and_paths_are_not_there(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/add-checkpoint") as response:
            assert response.status == 405
        async with session.post(f"{url}/logs") as response:
            assert response.status in (404, 405)


async def test_of_two_forks_at_once_one_is_cosigned(url: str) -> None:
    one = Tree(12)
    two = one.fork(4)
    answers = await asyncio.gather(*(post(url, tree.request(0)) for tree in (one, two) * 8))
    taken = [answer for answer in answers if answer[0] == 200]
    assert len(taken) == 1
    assert {answer[0] for answer in answers} == {200, 409}


async def test_many_logs_are_cosigned_at_once(url: str) -> None:
    trees = [Tree(5, origin=f"log-{number}.example/x") for number in range(8)]
    answers = await asyncio.gather(*(post(url, tree.request(0)) for tree in trees))
    assert [status for status, _, _ in answers] == [200] * 8


async def test_a_client_that_hangs_up_leaves_the_state_consistent(url: str) -> None:
    tree = Tree(8)
    host, port = url.split("//")[1].split("/")[0].split(":")
    body = tree.request(0)
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /witness/add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()
    await asyncio.sleep(0.2)
    status, _, answer = await post(url, tree.request(0))
    assert (status, answer) == (409, b"8\n")  # it was cosigned, and nobody heard of it
    assert (await post(url, tree.request(8)))[0] == 200


async def test_more_than_can_be_answered_is_refused_not_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "WAITING_MAX", 3)
    held = threading.Event()

    class Slow(Witness):
        def add_checkpoint(self, body: bytes) -> bytes:
            held.wait(20)
            return super().add_checkpoint(body)

    witness = make_witness(tmp_path)
    witness.__class__ = Slow
    desk = WitnessDesk(witness)
    with serving(edge_of(desk, "")) as base:
        waiting = [asyncio.create_task(post(base, Tree(2).request(0))) for _ in range(3)]
        while desk._waiting < 3:
            await asyncio.sleep(0.01)
        async with aiohttp.ClientSession() as session, session.post(f"{base}/add-checkpoint") as response:
            assert (response.status, response.headers["retry-after"]) == (503, "1")
        held.set()
        assert sorted(status for status, _, _ in await asyncio.gather(*waiting)) == [200, 409, 409]
    desk.close()


async def test_a_check_of_the_entries_comes_before_anything_is_remembered(tmp_path: Path) -> None:
    class Refusing:
        async def check(self, submission: Submission) -> None:
            if submission.request.checkpoint.size == 9:
                raise EntriesRefused("entry `7` is refused")

    desk = WitnessDesk(make_witness(tmp_path), entry_check=Refusing())
    with serving(edge_of(desk, "")) as base:
        assert await post(base, Tree(9).request(0)) == (
            422,
            "text/plain; charset=utf-8",
            b"entry `7` is refused\n",
        )
        assert (await post(base, Tree(8).request(0)))[0] == 200
    desk.close()
