"""The anchor job: takes the newest checkpoint to each chain every so often, and sees every anchor through.

Each chain has a task of its own, so that one that is slow or down delays no other, and nothing here ever
waits for the writer nor lets it wait. Whatever a chain does, `AnchorJob.run` goes on: a failure is said in the
book, logged, and tried again after growing waits. The state is durable before anything of it is sent, so a
crash at any moment repeats a step that is harmless to repeat. Start at `AnchorJob.run`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from telesphor.kernel.chains.anchor import anchor_digest
from telesphor.kernel.checkpoint import parse_checkpoint
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.note import parse_note
from telesphor.ledger.anchors.book import Anchor, AnchorBook
from telesphor.ledger.anchors.model import AnchorUnavailable, Chain, Progress
from telesphor.runtime.telemetry import log

STEP_SECONDS_MAX = 300.0
"""One step asks a few questions of one node; beyond this it hangs."""
RETRY_SECONDS_MAX = 3600.0
"""A chain that was down for a day is asked again within the hour it is back."""
GIVE_UP_SECONDS = 14 * 24 * 3600.0
"""A transaction that no block took in two weeks at the highest permitted fee, or a calendar that did not answer,
is given up, so that the next checkpoint gets its chance."""
STEPS_AT_ONCE = 4
"""A step that changed something is followed at once by the next (what was signed is sent), but a chain whose
state never rests must not spin."""
CLOSE_SECONDS_MAX = 5.0

_MS = 1000


class AnchorJob:
    """Anchors the newest checkpoint on every chain.

    Args:
        book: where every step is kept.
        chains: one for each network.
        newest: the newest checkpoint's note, or None before the first. Called in a thread.
        every_seconds: from the beginning of one anchor of a chain to the next.
        look_seconds: between two looks at an unfinished anchor.
    """

    def __init__(
        self,
        *,
        book: AnchorBook,
        chains: Sequence[Chain],
        newest: Callable[[], bytes | None],
        clock: Clock,
        every_seconds: float,
        look_seconds: float,
    ) -> None:
        if len({chain.network for chain in chains}) != len(chains):
            raise ValueError("two chains have the same network")
        self._book = book
        self._chains = tuple(chains)
        self._newest = newest
        self._clock = clock
        self._every_seconds = every_seconds
        self._look_seconds = look_seconds
        self._says: dict[str, str] = {}

    async def run(self) -> None:
        """Go on until cancelled, and give back the chains' connections then."""
        try:
            await asyncio.gather(*(self._tend(chain) for chain in self._chains))
        finally:
            await asyncio.gather(*map(_close, self._chains))

    def says(self, network: str) -> str:
        """What happened last on a network, in plain words; for a status page."""
        return self._says.get(network, "")

    async def step(self, chain: Chain) -> bool:
        """Take one chain's anchor one step further; False when there is nothing to do now.

        Raises whatever the chain raises; `run` is what never does.
        """
        anchor = await asyncio.to_thread(self._book.unfinished, chain.network)
        if anchor is None:
            return await self._begin(chain)
        async with asyncio.timeout(STEP_SECONDS_MAX):
            progress = await chain.advance(anchor.state)
        await self._keep(anchor, self._or_give_up(anchor, progress))
        return progress.state != anchor.state

    async def _tend(self, chain: Chain) -> None:
        wait = self._look_seconds
        while True:
            try:
                for _ in range(STEPS_AT_ONCE):
                    if not await self.step(chain):
                        break
                wait = self._look_seconds
            except Exception as error:  # noqa: BLE001  the next look is the remedy, whatever it was
                wait = min(max(wait, self._look_seconds) * 2, max(RETRY_SECONDS_MAX, self._look_seconds))
                await self._tell(chain, error)
            await asyncio.sleep(wait)

    async def _begin(self, chain: Chain) -> bool:
        due = await asyncio.to_thread(self._due, chain.network)
        if due is None:
            return False
        size, digest = due
        async with asyncio.timeout(STEP_SECONDS_MAX):
            state = await chain.prepare(digest)
        now_ms = self._clock.now_ms()
        await asyncio.to_thread(
            self._book.begin, size=size, network=chain.network, digest=digest, state=state, now_ms=now_ms
        )
        self._says[chain.network] = f"checkpoint {size} is ready to be sent"
        return True

    def _due(self, network: str) -> tuple[int, bytes] | None:
        """Size and digest of the checkpoint to anchor now, when it is time and there is a new one."""
        last = self._book.last(network)
        if last is not None and self._clock.now_ms() < last.begun_at_ms + self._every_seconds * _MS:
            return None
        note = self._newest()
        if note is None:
            return None
        text = parse_note(note).text
        size = parse_checkpoint(text).size
        return (size, anchor_digest(text)) if size > (last.size if last else 0) else None

    async def _keep(self, anchor: Anchor, progress: Progress) -> None:
        now_ms = self._clock.now_ms()
        self._says[anchor.network] = f"checkpoint {anchor.size}: {progress.says}"
        await asyncio.to_thread(
            self._book.record, size=anchor.size, network=anchor.network, progress=progress, now_ms=now_ms
        )
        if progress.phase != anchor.phase:
            log.info("anchor moved", network=anchor.network, size=anchor.size, phase=progress.phase)

    def _or_give_up(self, anchor: Anchor, progress: Progress) -> Progress:
        late = self._clock.now_ms() > anchor.begun_at_ms + GIVE_UP_SECONDS * _MS
        if not late or progress.phase != "waiting":
            return progress
        return Progress(progress.state, "failed", f"given up after two weeks: {progress.says}", progress.cost)

    async def _tell(self, chain: Chain, error: Exception) -> None:
        message = error.message if isinstance(error, TelesphorError) else "the step failed"
        if isinstance(error, TimeoutError):
            message = "the chain's node did not answer in time"
        detail = error.detail if isinstance(error, TelesphorError) else type(error).__name__
        if isinstance(error, AnchorUnavailable | TimeoutError):
            log.warning("anchor waits", network=chain.network, reason=message, detail=detail)
        else:
            log.error("anchor failed", network=chain.network, reason=message, detail=detail)
        self._says[chain.network] = message
        try:
            anchor = await asyncio.to_thread(self._book.unfinished, chain.network)
            if anchor is not None:
                await asyncio.to_thread(
                    self._book.say, size=anchor.size, network=anchor.network, says=message
                )
        except TelesphorError:
            log.error("anchor book failed", network=chain.network)


async def _close(chain: Chain) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS_MAX):
            await chain.close()
    except Exception as error:  # noqa: BLE001  the node is ending: there is no one left to tell but the log
        log.warning("anchor chain did not close", network=chain.network, detail=type(error).__name__)
