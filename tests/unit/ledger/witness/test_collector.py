"""Rounds of cosignatures against real servers: what arrives is kept, and no bad peer holds up a good one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from telesphor.kernel.card import Role
from telesphor.kernel.checkpoint import open_checkpoint
from telesphor.kernel.levels import gather_evidence, judge_levels
from telesphor.ledger.witness import collector as module
from telesphor.ledger.witness.client import WitnessPeer
from telesphor.ledger.witness.witness import Witness
from tests.support.witnesses import (
    ORIGIN,
    Tree,
    close_together,
    log_signer,
    make_card,
    make_witness,
    peer_at,
    serving_witness,
)
from tests.unit.ledger.witness.gathering import (
    NOTARY,
    PLACES,
    POLICY,
    Published,
    gathering,
    make_notary,
    until,
    witness_name,
)

ANSWER_SECONDS = 10.0


class Network:
    """Three witnesses of three places and a notary, each served on loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._served: list[ExitStack] = []
        self.witnesses: dict[str, Witness] = {}
        self.peers = [self.start(place) for place in PLACES]
        self.notary = make_notary(self._place("notary"))
        url = self._serve(self.notary)
        self.notaries = [peer_at(url, NOTARY, role=Role.NOTARY, place="notary")]

    def start(self, place: str) -> WitnessPeer:
        name = witness_name(place)
        self.witnesses[place] = make_witness(self._place(place), name=name)
        return peer_at(self._serve(self.witnesses[place]), name, place=place)

    def close(self) -> None:
        close_together(self._served)

    def _serve(self, witness: Witness) -> str:
        stack = ExitStack()
        self._served.append(stack)
        return stack.enter_context(serving_witness(witness))

    def _place(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path)
    yield made
    made.close()


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    ledger = Published(tmp_path)
    yield ledger
    ledger.close()


def level_of(published: Published, size: int) -> int:
    return published.book.progress(size).level


async def test_a_checkpoint_reaches_l4_and_the_note_proves_it(network: Network, published: Published) -> None:
    collector = published.collector(network.peers, network.notaries)
    async with gathering(collector):
        published.publish(7)
        collector.wake()
        await until(lambda: level_of(published, 7) == 4)
        await until(lambda: len(published.book.cosignatures(7)) == 4)
    progress = published.book.progress(7)
    assert set(progress.reached_ms) == {1, 2, 3, 4}
    assert len(progress.arrived_ms) == 4
    # A reader finds the same from the note and the cards alone.
    signed = open_checkpoint(published.book.note(7), origin=ORIGIN, vkeys=log_signer().vkeys())
    cards = [found.card for found in published.book.cosignatures(7)]
    evidence = gather_evidence(signed, vkeys=log_signer().vkeys(), cards=[published.card, *cards])
    assert judge_levels(evidence, POLICY).level == 4


async def test_rounds_follow_the_ledger(network: Network, published: Published) -> None:
    collector = published.collector(network.peers, network.notaries)
    async with gathering(collector):
        for size in (1, 2, 30, 31, 200):
            published.publish(size)
            await until(lambda size=size: level_of(published, size) == 4)  # type: ignore[misc]
    assert [state.acknowledged >= 31 for state in collector.peers()] == [True] * 4
    assert all(state.fault == "" for state in collector.peers())


async def test_a_slow_a_dead_and_a_lying_peer_hold_up_nobody(network: Network, published: Published) -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100_000)
        await asyncio.sleep(60)

    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100_000)
        writer.write(b"HTTP/1.1 409 X\r\ncontent-type: text/x.tlog.size\r\ncontent-length: 4\r\n\r\n999\n")
        writer.close()

    slow = await asyncio.start_server(swallow, "127.0.0.1", 0)
    liar = await asyncio.start_server(lie, "127.0.0.1", 0)
    closed = await asyncio.start_server(lie, "127.0.0.1", 0)
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in (slow, liar, closed)]
    closed.close()
    bad = [peer_at(url, f"bad{number}.example/w", place=f"bad{number}") for number, url in enumerate(urls)]
    collector = published.collector([*bad, *network.peers], network.notaries, answer_seconds=ANSWER_SECONDS)
    async with gathering(collector):
        for size in (5, 6, 7, 8):
            started = time.monotonic()
            published.publish(size)
            await until(lambda size=size: level_of(published, size) == 4)  # type: ignore[misc]
            assert time.monotonic() - started < ANSWER_SECONDS
        faults = {state.name: state.fault for state in collector.peers()}
    assert faults["bad1.example/w"] == "peer-ahead"
    assert faults["bad2.example/w"] == "peer-unreachable"
    assert all(fault == "" for name, fault in faults.items() if not name.startswith("bad"))
    slow.close()
    liar.close()


async def test_a_peer_that_fails_is_left_alone_longer_each_time_and_comes_back(
    network: Network, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REST_SECONDS_MIN", 0.05)
    south = network.witnesses["south"]
    south.trust({})  # it does not know us yet
    collector = published.collector(network.peers)
    state = next(follower for follower in collector._followers if follower.peer.name == witness_name("south"))
    state.rest_seconds = 0.05
    async with gathering(collector):
        published.publish(4)
        await until(lambda: state.rest_seconds >= 0.2)
        assert state.fault is not None
        assert state.fault.code == "peer-refused"
        assert len(published.book.cosignatures(4)) == 2
        south.trust({ORIGIN: log_signer().vkeys()})
        await until(lambda: len(published.book.cosignatures(4)) == 3)
        await until(lambda: state.fault is None)
        assert state.rest_seconds == 0.05


async def test_without_diverse_witnesses_the_notary_is_not_asked(
    network: Network, published: Published
) -> None:
    collector = published.collector(network.peers[:1], network.notaries)
    async with gathering(collector):
        published.publish(4)
        await until(lambda: len(published.book.cosignatures(4)) == 1)
        await asyncio.sleep(0.3)
    assert level_of(published, 4) == 1
    assert network.notary._store.seen(ORIGIN).size == 0


async def test_after_a_restart_peers_are_asked_from_where_they_were(
    network: Network, published: Published
) -> None:
    async with gathering(published.collector(network.peers, network.notaries)):
        published.publish(9)
        await until(lambda: level_of(published, 9) == 4)
        await until(lambda: len(published.book.cosignatures(9)) == 4)
    asked: list[int] = []

    def consistency(old_size: int, size: int) -> list[bytes]:
        asked.append(old_size)
        return published.tree.proof(old_size, size)

    collector = published.collector(network.peers, network.notaries)
    collector._consistency = consistency
    async with gathering(collector):
        published.publish(20)
        await until(lambda: level_of(published, 20) == 4)
        await until(lambda: len(published.book.cosignatures(20)) == 4)
    assert asked == [9, 9, 9, 9]


async def test_an_older_copy_of_the_ledger_is_noticed(network: Network, published: Published) -> None:
    for place in PLACES:
        network.witnesses[place].add_checkpoint(Tree(60).request(0, 50))
    collector = published.collector(network.peers)
    async with gathering(collector):
        published.publish(40)
        await until(lambda: all(state.fault == "peer-ahead" for state in collector.peers()))
    assert published.book.cosignatures(40) == ()


async def test_a_forked_ledger_gathers_nothing(network: Network, published: Published) -> None:
    for place in PLACES:
        network.witnesses[place].add_checkpoint(Tree(200).fork(10).request(0, 50))
    collector = published.collector(network.peers)
    async with gathering(collector):
        published.publish(60)
        await until(lambda: all(state.fault == "peer-refused" for state in collector.peers()))
    assert published.book.cosignatures(60) == ()


async def test_a_disk_that_fails_does_not_end_the_gathering(
    network: Network, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [OSError("injected"), OSError("injected")]

    def newest() -> object:
        if failures:
            raise failures.pop()
        return published.checkpoints.last()

    monkeypatch.setattr(module, "REST_SECONDS_MIN", 0.05)
    collector = published.collector(network.peers)
    collector._newest = newest  # type: ignore[assignment]
    async with gathering(collector):
        published.publish(3)
        await until(lambda: level_of(published, 3) == 3)


async def test_a_witness_without_a_card_in_force_counts_for_nothing(
    network: Network, published: Published
) -> None:
    from telesphor.kernel.card import Card, read_card, sign_card
    from tests.support.witnesses import cosigner

    name = witness_name("north")
    current = read_card(make_card(name, place="north"))
    old = Card(
        role=current.role, name=name, organisation=current.organisation, region=current.region, cloud=current.cloud,
        operator=current.operator, vkeys=current.vkeys,
        issued_at="2025-01-01T00:00:00.000Z", expires_at="2025-12-31T00:00:00.000Z",
    )  # fmt: skip
    expired = WitnessPeer.of(network.peers[0].url, sign_card(old, cosigner(name)))
    async with gathering(published.collector([expired, network.peers[1]])):
        published.publish(3)
        await until(lambda: len(published.book.cosignatures(3)) == 2)
        await asyncio.sleep(0.1)
    assert level_of(published, 3) == 1
