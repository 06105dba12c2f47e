"""The writer: commands decided in order and durable before they are answered, in one process.

Callers are tasks of one event loop, as the HTTP edge's are; each asks again as soon as it has its
receipt. Their own cost is in the figure: they share the interpreter with the writer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import uvloop

from telesphor.bench.capability import NOTE, PACK, PACKED_ENTRIES, Pack, make_note
from telesphor.bench.clocks import ThreadTimes
from telesphor.bench.figures import Figure, Peer, Target, at_least, at_most, middle, percentile
from telesphor.bench.ledger import ORIGIN, Ledger, open_ledger
from telesphor.bench.run import Run
from telesphor.kernel.checkpoint import LogSigner
from telesphor.runtime.capability import Actor, Body, CommandType
from telesphor.runtime.machine import Machine, Request

GROUP = "writer"
ROUNDS = 3
ROUND_SECONDS = 4.0
MANY_CALLERS, FEW_CALLERS = 1_024, 64
PREPARED_REQUESTS = 8_192
PACKED_CALLERS = 16
"""So many that the next batch is waiting while the last one becomes durable."""

Command = tuple[CommandType, Body]


class Round(NamedTuple):
    """Entries per second, the time of the slowest in a hundred, and who used the processor."""

    rate: float
    p99_ms: float
    spent: str


def measure(run: Run) -> Iterator[Figure]:
    """Single commands with many callers and with few, and packed ones."""
    signer = LogSigner.generate(ORIGIN)
    with open_ledger(run.place("writer"), signer) as ledger:
        yield from _singles(run, ledger, MANY_CALLERS, speed=at_least(25_000), wait=at_most(100))
        yield from _singles(run, ledger, FEW_CALLERS, speed=None, wait=at_most(15))
        yield _packed(run, ledger)


def _singles(
    run: Run, ledger: Ledger, callers: int, *, speed: Target | None, wait: Target
) -> Iterator[Figure]:
    run.tell(f"single commands, {callers:,} callers")
    commands = [(NOTE, make_note(n)) for n in range(PREPARED_REQUESTS)]
    rounds = [_round(run, ledger, commands, callers=callers, entries=1) for _ in range(ROUNDS)]
    rate, p99_ms = middle(found.rate for found in rounds), middle(found.p99_ms for found in rounds)
    name = f"single commands, {callers:,} callers"
    yield Figure(GROUP, name, rate, "/s", speed, run.limits.inserts, rounds[-1].spent)
    sync = Peer("one bare fdatasync, ms", 1_000 / run.limits.syncs.value)
    yield Figure(GROUP, f"p99 of them, {callers:,} callers", p99_ms, "ms", wait, sync)


def _packed(run: Run, ledger: Ledger) -> Figure:
    run.tell("packed commands")
    commands = [(PACK, Pack(first=n * PACKED_ENTRIES)) for n in range(PACKED_CALLERS)]
    rounds = [
        _round(run, ledger, commands, callers=PACKED_CALLERS, entries=PACKED_ENTRIES) for _ in range(ROUNDS)
    ]
    rate = middle(found.rate for found in rounds)
    name = f"entries in packed commands of {PACKED_ENTRIES:,}"
    return Figure(GROUP, name, rate, "entries/s", at_least(80_000), run.limits.inserts, rounds[-1].spent)


def _round(run: Run, ledger: Ledger, commands: Sequence[Command], *, callers: int, entries: int) -> Round:
    requests = [Request(ledger.actor, (command,)) for command in commands]
    return uvloop.run(
        _ask(ledger, requests, callers=callers, entries=entries, seconds=run.seconds(ROUND_SECONDS))
    )


async def _ask(
    ledger: Ledger, requests: list[Request], *, callers: int, entries: int, seconds: float
) -> Round:
    """All callers at once; each asks again as soon as it has its receipt."""
    waits: list[float] = []
    call, clock = ledger.machine.call, time.perf_counter
    started = clock()
    end = started + seconds

    async def caller(number: int) -> None:
        asked = clock()
        while asked < end:
            await call(requests[number % len(requests)])
            number += callers
            answered = clock()
            waits.append(answered - asked)
            asked = answered

    times = ThreadTimes()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    made = len(waits) * entries
    spent = times.spent(made, "entry", main="callers")
    return Round(made / (clock() - started), percentile(sorted(waits), 99) * 1_000, spent)


def fill_packed(machine: Machine, actor: Actor, command: CommandType, *, requests: int) -> list[float]:
    """Append `requests` packed commands; returns how long each waited, in seconds."""
    numbers = deque(range(requests))
    waits: list[float] = []

    def caller() -> None:
        while True:
            try:
                number = numbers.popleft()
            except IndexError:
                return
            asked = time.perf_counter()
            machine.call_blocking(Request(actor, ((command, Pack(first=number * PACKED_ENTRIES)),)))
            waits.append(time.perf_counter() - asked)

    with ThreadPoolExecutor(PACKED_CALLERS, thread_name_prefix="callers") as pool:
        for call in [pool.submit(caller) for _ in range(PACKED_CALLERS)]:
            call.result()
    return waits
