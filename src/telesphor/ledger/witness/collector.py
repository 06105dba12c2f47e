"""Gathering cosignatures: rounds over the newest checkpoint, one task for each witness and notary.

A round takes the newest signed checkpoint and asks every witness at once. Each cosignature is durable as soon as
it is verified; when the witnesses make L3, the notaries are asked; then the next round begins when there is a
newer checkpoint. What this module guarantees: a slow, dead or lying peer has its own task, its own time limit and
its own growing rest, and holds up nobody else; a round never lasts longer than `ROUND_SECONDS_MAX`; and `run`
ends only when it is cancelled. Start at `Collector.run`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from telesphor.kernel.card import Card
from telesphor.kernel.clock import Clock
from telesphor.kernel.cosignature import Cosignature
from telesphor.kernel.levels import Evidence, LevelPolicy, judge_levels
from telesphor.ledger.checkpoints import PublishedCheckpoint
from telesphor.ledger.witness.book import WINDOW_MS, CosignatureBook
from telesphor.ledger.witness.client import ANSWER_SECONDS, Cosigned, PeerFault, WitnessPeer, ask_witness
from telesphor.runtime.telemetry import log

POLL_SECONDS: Final = 0.1
"""How soon a new checkpoint is noticed when nobody says so; one read of a small table."""

ROUND_SECONDS_MAX: Final = 2.0
"""How long a round waits for peers that have not answered: they go on, the next round does not wait."""

REST_SECONDS_MIN: Final = 0.5
REST_SECONDS_MAX: Final = 60.0
"""How long a peer that failed is left alone: twice as long each time."""

DIVERSE_LEVEL: Final = 3
NOTARISED_LEVEL: Final = 4


@dataclass(eq=False)
class _Round:
    """One checkpoint and what has arrived for it."""

    checkpoint: PublishedCheckpoint
    cosigned: list[tuple[Card, Cosignature]] = field(default_factory=list)
    level: int = 1
    judging: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def size(self) -> int:
        return self.checkpoint.size


@dataclass(eq=False)
class _Follower:
    """One peer and how it is doing."""

    peer: WitnessPeer
    is_notary: bool
    acknowledged: int
    tls: ssl.SSLContext | None
    asked: int = 0
    working: _Round | None = None
    rest_seconds: float = REST_SECONDS_MIN
    resting: bool = False
    answered_at_ms: int | None = None
    fault: PeerFault | None = None


@dataclass(frozen=True)
class PeerState:
    """One peer as an operator sees it; `fault` is the code of what is wrong, or nothing."""

    name: str
    organisation: str
    role: str
    url: str
    acknowledged: int
    answered_at_ms: int | None
    fault: str
    says: str


class Collector:
    """Gathers the cosignatures of one ledger.

    Args:
        peers: its witnesses.
        notaries: asked when the witnesses make L3.
        newest: the newest signed checkpoint, or None before the first; called in a thread.
        consistency: the proof between two sizes (old, new); called in a thread.
        policy: what the levels mean to this node.
        log_card: the ledger's own card, without which nobody can be told apart from the ledger.
        connector: makes the connections; plain TCP when nothing is given.
        contexts: how each peer is dialled; None where its address is not `https://`.
        keep: sizes whose cosignatures must never be forgotten, such as those that a public chain dates.
    """

    def __init__(
        self,
        *,
        peers: Sequence[WitnessPeer],
        notaries: Sequence[WitnessPeer] = (),
        book: CosignatureBook,
        newest: Callable[[], PublishedCheckpoint | None],
        consistency: Callable[[int, int], Sequence[bytes]],
        clock: Clock,
        policy: LevelPolicy,
        log_card: Card | None,
        connector: Callable[[], aiohttp.BaseConnector] = aiohttp.TCPConnector,
        contexts: Callable[[WitnessPeer], ssl.SSLContext | None] = lambda _: None,
        keep: Callable[[], Sequence[int]] = lambda: (),
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._book = book
        self._newest = newest
        self._consistency = consistency
        self._clock = clock
        self._policy = policy
        self._log_card = log_card
        self._connector = connector
        self._keep = keep
        self._answer_seconds = answer_seconds
        self._followers = [
            _Follower(peer, is_notary, book.acknowledged(peer.key), contexts(peer))
            for group, is_notary in ((peers, False), (notaries, True))
            for peer in group
        ]
        self._round: _Round | None = None
        self._ripe: _Round | None = None
        """The newest round that has made L3: what the notaries are asked for."""
        self._changed = asyncio.Condition()
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thinned_ms = 0

    def wake(self) -> None:
        """Say that there is a new checkpoint; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)

    def peers(self) -> tuple[PeerState, ...]:
        """How each peer is doing."""
        return tuple(map(_state_of, self._followers))

    async def run(self) -> None:
        """Gather until cancelled."""
        self._loop = asyncio.get_running_loop()
        async with (
            aiohttp.ClientSession(
                connector=self._connector(), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            ) as session,
            asyncio.TaskGroup() as tasks,
        ):
            for follower in self._followers:
                tasks.create_task(self._follow(session, follower))
            while True:
                await self._go_round()

    async def _go_round(self) -> None:
        """Begin a round when there is a newer checkpoint, and wait until it is settled or late."""
        try:
            newest = await asyncio.to_thread(self._newest)
            await self._thin()
        except Exception as error:  # noqa: BLE001  the disk may refuse; gathering goes on
            log.error("cosignatures not gathered", error=type(error).__name__, exc_info=error)
            await asyncio.sleep(REST_SECONDS_MIN)
            return
        if newest is None or (self._round is not None and newest.size <= self._round.size):
            await self._wait_for_news()
            return
        async with self._changed:
            self._round = _Round(newest)
            self._changed.notify_all()
            try:
                async with asyncio.timeout(ROUND_SECONDS_MAX):
                    await self._changed.wait_for(self._settled)
            except TimeoutError:
                pass

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    def _settled(self) -> bool:
        """Whether nothing more is to be waited for: the level aimed at is reached, or all who can have answered."""
        current = self._round
        assert current is not None
        has_notaries = any(follower.is_notary for follower in self._followers)
        if current.level >= (NOTARISED_LEVEL if has_notaries else DIVERSE_LEVEL):
            return True
        return not any(
            self._target(follower) is current for follower in self._followers if not follower.resting
        )

    def _target(self, follower: _Follower) -> _Round | None:
        """What the peer is to cosign next, or is cosigning."""
        wanted = self._ripe if follower.is_notary else self._round
        return wanted if wanted is not None and wanted.size > follower.asked else None

    async def _follow(self, session: aiohttp.ClientSession, follower: _Follower) -> None:
        """Ask one peer, round after round, and let it rest when it fails."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._target(follower) is not None)
                current = follower.working = self._target(follower)
            assert current is not None
            try:
                await self._ask(session, follower, current)
            except PeerFault as fault:
                await self._rest(follower, fault)
            except Exception as error:  # noqa: BLE001  the disk, or a fault of ours: the task must live
                log.error("cosignature not gathered", error=type(error).__name__, exc_info=error)
                await self._rest(follower, PeerFault("our own side failed", detail=type(error).__name__))

    async def _ask(self, session: aiohttp.ClientSession, follower: _Follower, current: _Round) -> None:
        note = current.checkpoint.note
        if follower.is_notary:
            note = await asyncio.to_thread(self._book.note, current.size)

        async def prove(old_size: int, size: int) -> Sequence[bytes]:
            return await asyncio.to_thread(self._consistency, old_size, size)

        cosigned = await ask_witness(
            session,
            follower.peer,
            note=note,
            acknowledged=follower.acknowledged,
            consistency=prove,
            clock=self._clock,
            timeout_seconds=self._answer_seconds,
            tls=follower.tls,
        )
        await self._keep_cosignature(follower, current, cosigned)

    async def _keep_cosignature(self, follower: _Follower, current: _Round, cosigned: Cosigned) -> None:
        now_ms = self._clock.now_ms()
        await asyncio.to_thread(
            self._book.add,
            current.size,
            cosigner=follower.peer.key,
            card=follower.peer.card_bytes,
            at_ms=now_ms,
            lines=cosigned.lines,
        )
        current.cosigned.append((follower.peer.card, cosigned.cosignature))
        await self._judge(current)
        async with self._changed:
            follower.acknowledged = follower.asked = current.size
            follower.working = None
            follower.rest_seconds = REST_SECONDS_MIN
            follower.answered_at_ms, follower.fault = now_ms, None
            if current.level >= DIVERSE_LEVEL and (self._ripe is None or self._ripe.size < current.size):
                self._ripe = current
            self._changed.notify_all()

    async def _judge(self, current: _Round) -> None:
        """Find the level, and note each that is new with the time when it was reached.

        One after the other: peers answer in the same moment, and no level is reached before the one below it.
        """
        async with current.judging:
            evidence = Evidence(self._log_card, current.checkpoint.at_ms // 1000, tuple(current.cosigned))
            level = judge_levels(evidence, self._policy).level
            now_ms = self._clock.now_ms()
            for reached in range(current.level + 1, level + 1):
                await asyncio.to_thread(self._book.reach, current.size, level=reached, at_ms=now_ms)
            current.level = max(current.level, level)

    async def _rest(self, follower: _Follower, fault: PeerFault) -> None:
        """Leave the peer alone for a while; the round does not wait for it."""
        say = log.error if fault.alarming else log.warning
        say("no cosignature", code=fault.code, detail=fault.detail or fault.message, url=follower.peer.url)
        async with self._changed:
            follower.fault, follower.resting, follower.working = fault, True, None
            self._changed.notify_all()
        await asyncio.sleep(follower.rest_seconds)
        follower.rest_seconds = min(follower.rest_seconds * 2, REST_SECONDS_MAX)
        async with self._changed:
            follower.resting = False

    async def _thin(self) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._thinned_ms >= WINDOW_MS:
            self._thinned_ms = now_ms
            await asyncio.to_thread(lambda: self._book.thin(now_ms=now_ms, keep=self._keep()))


def _state_of(follower: _Follower) -> PeerState:
    card, fault = follower.peer.card, follower.fault
    return PeerState(
        name=card.name,
        organisation=card.organisation,
        role=str(card.role),
        url=follower.peer.url,
        acknowledged=follower.acknowledged,
        answered_at_ms=follower.answered_at_ms,
        fault=fault.code if fault else "",
        says=fault.message if fault else "",
    )
