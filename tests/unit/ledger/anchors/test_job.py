"""The anchor job, over chains that do as they are told: nothing they do stops it, and nothing is sent unkept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.clock import ManualClock
from telesphor.ledger.anchors import job as job_module
from telesphor.ledger.anchors.book import AnchorBook
from telesphor.ledger.anchors.job import GIVE_UP_SECONDS, AnchorJob
from telesphor.ledger.anchors.model import AnchorFailed, AnchorUnavailable, Phase, Progress

START_MS = 1_795_000_000_000
LOG = LogSigner("clinic.example/log", bytes(32), bytes([1]) * 32)


def note(size: int) -> bytes:
    return LOG.sign(Checkpoint(LOG.origin, size, bytes(32)), time_seconds=START_MS // 1000)


class ScriptedChain:
    """Answers from a script: a phase, or an error to raise; the last one is repeated."""

    def __init__(self, network: str, *script: Phase | Exception) -> None:
        self.network = network
        self.script = list(script)
        self.prepared: list[bytes] = []
        self.advanced: list[bytes] = []
        self.closed = False
        self.seen_kept: list[bool] = []
        self.is_kept: Callable[[], bool] = lambda: True
        self.prepare_error: Exception | None = None

    async def prepare(self, digest: bytes) -> bytes:
        if self.prepare_error is not None:
            raise self.prepare_error
        self.prepared.append(digest)
        return b"0"

    async def advance(self, state: bytes) -> Progress:
        self.seen_kept.append(self.is_kept())
        self.advanced.append(state)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return Progress(state, step, f"it is {step}")

    async def close(self) -> None:
        self.closed = True


class RestlessChain(ScriptedChain):
    """Its state changes at every step."""

    async def advance(self, state: bytes) -> Progress:
        progress = await super().advance(state)
        return Progress(b"%d" % (int(state) + 1), progress.phase, progress.says)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AnchorBook]:
    made = AnchorBook(tmp_path / "published.sqlite")
    yield made
    made.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


def job_of(
    book: AnchorBook,
    clock: ManualClock,
    *chains: ScriptedChain,
    newest: Callable[[], bytes | None] = lambda: note(10),
) -> AnchorJob:
    return AnchorJob(
        book=book, chains=chains, newest=newest, clock=clock, every_seconds=3600.0, look_seconds=0.01
    )


@asynccontextmanager
async def running(job: AnchorJob) -> AsyncIterator[None]:
    task = asyncio.create_task(job.run())
    yield
    assert not task.done(), "the job ended by itself"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_newest_checkpoint_is_anchored_over_the_text_of_its_note(
    book: AnchorBook, clock: ManualClock
) -> None:
    chain = ScriptedChain("bitcoin-regtest", "final")
    async with running(job_of(book, clock, chain)):
        await until(lambda: (last := book.last("bitcoin-regtest")) and last.phase == "final")
    text = Checkpoint(LOG.origin, 10, bytes(32)).body()
    assert chain.prepared == [sha256(text).digest()]
    assert chain.closed


async def test_state_is_kept_before_the_first_step(book: AnchorBook, clock: ManualClock) -> None:
    chain = ScriptedChain("bitcoin-regtest", "final")
    chain.is_kept = lambda: book.unfinished("bitcoin-regtest") is not None
    async with running(job_of(book, clock, chain)):
        await until(lambda: chain.advanced)
    assert chain.seen_kept == [True]


async def test_unfinished_anchor_is_taken_up_after_a_restart(book: AnchorBook, clock: ManualClock) -> None:
    book.begin(size=5, network="bitcoin-regtest", digest=bytes(32), state=b"kept", now_ms=START_MS)
    chain = ScriptedChain("bitcoin-regtest", "final")
    async with running(job_of(book, clock, chain)):
        await until(lambda: chain.advanced)
    assert chain.advanced[0] == b"kept" and chain.prepared == []


async def test_next_anchor_waits_for_its_hour_and_for_a_new_checkpoint(
    book: AnchorBook, clock: ManualClock
) -> None:
    chain = ScriptedChain("bitcoin-regtest", "final")
    size = 10
    job = job_of(book, clock, chain, newest=lambda: note(size))
    while await job.step(chain):
        pass
    await job.step(chain)
    size = 20
    assert not await job.step(chain), "the hour is not over"
    clock.advance_ms(3_600_001)
    size = 10
    assert not await job.step(chain), "nothing is new"
    size = 20
    assert await job.step(chain)
    assert len(chain.prepared) == 2


async def test_before_the_first_checkpoint_nothing_is_done(book: AnchorBook, clock: ManualClock) -> None:
    chain = ScriptedChain("bitcoin-regtest", "final")
    assert not await job_of(book, clock, chain, newest=lambda: None).step(chain)
    assert chain.prepared == []


@pytest.mark.parametrize(
    "error", [AnchorUnavailable("the node is down"), RuntimeError("a defect"), TimeoutError()]
)
async def test_chain_that_fails_is_tried_again_and_said(
    book: AnchorBook, clock: ManualClock, error: Exception
) -> None:
    chain = ScriptedChain("bitcoin-regtest", error, error, "final")
    job = job_of(book, clock, chain)
    async with running(job):
        await until(lambda: len(chain.advanced) == 1)
        await until(lambda: job.says("bitcoin-regtest"))
        await until(lambda: (last := book.last("bitcoin-regtest")) and last.phase == "final")
    assert len(chain.advanced) == 3


async def test_reason_is_in_the_book_while_the_chain_is_down(book: AnchorBook, clock: ManualClock) -> None:
    chain = ScriptedChain("bitcoin-regtest", AnchorUnavailable("the node is down"))
    async with running(job_of(book, clock, chain)):
        await until(
            lambda: (open_ := book.unfinished("bitcoin-regtest")) and open_.says == "the node is down"
        )


async def test_waits_grow_while_a_chain_is_down(
    book: AnchorBook, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def watched(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    chain = ScriptedChain("bitcoin-regtest", AnchorUnavailable("down"))
    monkeypatch.setattr(asyncio, "sleep", watched)
    task = asyncio.create_task(job_of(book, clock, chain).run())
    async with asyncio.timeout(10):
        while len(waits) < 25:
            await sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waits[:4] == [0.02, 0.04, 0.08, 0.16]
    assert max(waits) == 3600.0


async def test_failure_to_prepare_is_said_and_nothing_is_begun(book: AnchorBook, clock: ManualClock) -> None:
    chain = ScriptedChain("bitcoin-regtest", "final")
    chain.prepare_error = AnchorFailed("the wallet has no confirmed coin")
    job = job_of(book, clock, chain)
    async with running(job):
        await until(lambda: job.says("bitcoin-regtest") == "the wallet has no confirmed coin")
    assert book.last("bitcoin-regtest") is None


async def test_one_chain_that_hangs_delays_no_other(book: AnchorBook, clock: ManualClock) -> None:
    class HangingChain(ScriptedChain):
        async def prepare(self, digest: bytes) -> bytes:
            await asyncio.Event().wait()
            raise AssertionError

    hanging, quick = HangingChain("bitcoin-regtest", "final"), ScriptedChain("ethereum-31337", "final")
    async with running(job_of(book, clock, hanging, quick)):
        await until(lambda: (last := book.last("ethereum-31337")) and last.phase == "final")


async def test_step_that_hangs_is_cut_off(
    book: AnchorBook, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "STEP_SECONDS_MAX", 0.02)

    class HangingChain(ScriptedChain):
        async def advance(self, state: bytes) -> Progress:
            await asyncio.Event().wait()
            raise AssertionError

    job = job_of(book, clock, HangingChain("bitcoin-regtest", "final"))
    async with running(job):
        await until(lambda: "did not answer in time" in job.says("bitcoin-regtest"))


async def test_chain_whose_state_never_rests_does_not_spin(book: AnchorBook, clock: ManualClock) -> None:
    chain = RestlessChain("bitcoin-regtest", "waiting")
    job = AnchorJob(
        book=book,
        chains=[chain],
        newest=lambda: note(10),
        clock=clock,
        every_seconds=3600.0,
        look_seconds=30.0,
    )
    async with running(job):
        await until(lambda: len(chain.advanced) == job_module.STEPS_AT_ONCE - 1)
        await asyncio.sleep(0.1)
    assert len(chain.advanced) == job_module.STEPS_AT_ONCE - 1


async def test_anchor_that_no_block_takes_is_given_up_at_last(book: AnchorBook, clock: ManualClock) -> None:
    chain = ScriptedChain("bitcoin-regtest", "waiting")
    job = job_of(book, clock, chain)
    await job.step(chain)
    await job.step(chain)
    assert book.unfinished("bitcoin-regtest") is not None
    clock.advance_ms(int(GIVE_UP_SECONDS * 1000) + 1)
    await job.step(chain)
    last = book.last("bitcoin-regtest")
    assert last is not None and last.phase == "failed" and "given up" in last.says


async def test_confirmed_anchor_is_not_given_up(book: AnchorBook, clock: ManualClock) -> None:
    chain = ScriptedChain("bitcoin-regtest", "confirmed")
    job = job_of(book, clock, chain)
    await job.step(chain)
    clock.advance_ms(int(GIVE_UP_SECONDS * 1000) + 1)
    await job.step(chain)
    found = book.unfinished("bitcoin-regtest")
    assert found is not None and found.phase == "confirmed"


def test_two_chains_of_one_network_are_refused(book: AnchorBook, clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="same network"):
        job_of(book, clock, ScriptedChain("ethereum-1", "final"), ScriptedChain("ethereum-1", "final"))
