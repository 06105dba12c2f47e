"""The patient's device: enrolled for whoever plays the patient, with readings of the last hours, and then live.

What it measures are real recordings, replayed: each reading is a window of one, as if it ended now. Only windows whose
pulse can be counted are taken, so that there is a number to look at. Start at `bring_device`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Final

from telesphor.client.device import CounterFile, DeviceClient
from telesphor.client.node import NodeClient
from telesphor.client.wallet import Wallet
from telesphor.demo.enrolment import enrol_command
from telesphor.demo.heart import Recording, Window, overlapping_windows
from telesphor.demo.play.house import House
from telesphor.demo.readings import record_reading
from telesphor.demo.stage import ORIGIN
from telesphor.kernel.commitment import KEY_BYTES

STEP_SECONDS: Final = 2
"""How far apart the windows begin that readings are taken from."""

LIVE_SECONDS: Final = 4.0
"""Between two readings while a visit is under way: often enough to watch, and a tenth of one core."""

EARLIER_READINGS: Final = 24
EARLIER_APART_MS: Final = 10 * 60 * 1000
"""Four hours with a reading every ten minutes."""

AT_ONCE: Final = 4


def countable(recordings: Sequence[Recording]) -> tuple[Window, ...]:
    """All windows in which the pulse can be counted."""
    cut = (overlapping_windows(one, step_seconds=STEP_SECONDS) for one in recordings)
    return tuple(window for windows in cut for window in windows if window.beats_per_minute is not None)


class Device:
    """One patient's device, connected.

    Args:
        patient: whom it measures.
        windows: what it measures, again and again.
    """

    def __init__(self, house: House, client: NodeClient, patient: str, windows: Sequence[Window]) -> None:
        self._house, self._client, self._patient = house, client, patient
        self._windows: Iterator[Window] = cycle(windows)

    @property
    def actor(self) -> str:
        return self._client.wallet.actor

    async def record_earlier(self) -> tuple[str, ...]:
        """Record readings of the last hours; returns the objects that hold them."""
        gate, now_ms = asyncio.Semaphore(AT_ONCE), self._house.reach.clock.now_ms()
        ends = [now_ms - EARLIER_APART_MS * number for number in range(EARLIER_READINGS, 0, -1)]

        async def record(end_ms: int) -> str:
            async with gate:
                return await self._record(end_ms, visit=None, readers=())

        return tuple(await asyncio.gather(*map(record, ends)))

    async def record_now(self, *, visit: str, readers: Sequence[str]) -> str:
        """Record one reading of this moment in a visit; returns the object that holds it."""
        return await self._record(self._house.reach.clock.now_ms(), visit=visit, readers=readers)

    async def _record(self, end_ms: int, *, visit: str | None, readers: Sequence[str]) -> str:
        window = next(self._windows)
        moved = replace(window, begin_ms=end_ms - (window.end_ms - window.begin_ms), end_ms=end_ms)
        reading = await record_reading(
            self._client,
            moved,
            patient=self._patient,
            readers=readers,
            visit=visit,
            key=self._house.reach.ids.random_bytes(KEY_BYTES),
        )
        return reading.object


async def bring_device(
    house: House,
    wallet: Wallet,
    *,
    patient: str,
    folder: Path,
    windows: Sequence[Window],
    stack: AsyncExitStack,
) -> Device:
    """Enrol a device for its patient, and connect it.

    Args:
        wallet: its keys, registered already.
        folder: where it keeps its counter.
        stack: closes its connection.
    """
    reach = house.reach
    command = enrol_command(
        wallet,
        owner=patient,
        maker=house.maker,
        serial=f"PC3-{wallet.actor[-8:]}",
        clock=reach.clock,
        ids=reach.ids,
    )
    await house.organisation.send(command)
    counter = CounterFile(folder / f"{wallet.actor}.counter")
    counter.create(wallet.actor)
    async with DeviceClient(
        reach.url, wallet, origin=ORIGIN, counter=counter, clock=reach.clock, ids=reach.ids
    ) as device:
        await device.connect(owner=patient, firmware=house.firmware)
    client = await stack.enter_async_context(reach.client(wallet))
    return Device(house, client, patient, windows)
