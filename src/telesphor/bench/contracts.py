"""Contracts: calls per second through the confined workers, and on the ledger with all that a run leaves behind.

The peer is the bare engine in one process: the same source, read once, called again and again with nothing around it.
What stands between it and a call is another process, the meter and the checks; and between that and a run on the
ledger a durable entry with its documents. Each is measured in a process of its own, on the same triggers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import starlark

from telesphor.bench.child import in_child
from telesphor.bench.figures import Figure, Peer
from telesphor.bench.practice import open_practice
from telesphor.bench.run import Run
from telesphor.capabilities.contracts.desk import Ready
from telesphor.capabilities.contracts.documents import seal_input
from telesphor.capabilities.contracts.manifest import read_manifest
from telesphor.capabilities.contracts.model import ContractId, Job, Limits
from telesphor.capabilities.contracts.pool import WORKERS, WorkerPool
from telesphor.kernel import canonical

T = TypeVar("T")

GROUP = "contracts"

BARE_CALLS = 20_000
POOL_CALLS = 5_000
RUNS = 1_000

CALLERS = 2 * WORKERS
"""While one waits for the ledger, another is in a worker."""

AT = "2026-01-01T00:00:00.000Z"
DEVICE = "01900000-0000-7000-8000-{:012x}"

SOURCE = """
RANGES = {"heart-rate": (50, 110), "glucose": (70, 180), "oxygen-saturation": (92, 101)}

def handle(state, trigger):
    body = trigger["entry"]["body"]
    low, high = RANGES[body["kind"]]
    outside = [value for value in body["values"] if value < low or value > high]
    return {"seen": state.get("seen", 0) + 1, "outside": state.get("outside", 0) + len(outside)}, []
"""

MANIFEST = """
name = "ranges"
version = 1
summary = "Counts values out of range, of each device"
ordering = "key"
key = "entry.stream"

[[triggers]]
on = "entry"
type = "bench.measured/1"
"""


def measure(run: Run) -> Iterator[Figure]:
    """Calls by the bare engine, through the workers, and with all that stands on the ledger."""
    run.tell("calling a contract in this process, in workers, and on the ledger")
    bare = Peer("bare engine in one process", in_child(call_bare, run.count(BARE_CALLS)).value)
    one = in_child(call_pool, run.count(POOL_CALLS), 1).value
    yield Figure(GROUP, "contract calls through the workers, one caller", one, "/s", peer=bare)
    several = in_child(call_pool, run.count(POOL_CALLS), WORKERS).value
    yield Figure(GROUP, f"contract calls through the workers, {WORKERS} callers", several, "/s", peer=bare)
    serial = in_child(run_on_ledger, run.place("contracts-serial"), run.count(RUNS), 1).value
    name = "contract runs on the ledger, documents kept"
    yield Figure(GROUP, f"{name}, one after the other", serial, "/s", peer=bare)
    by_key = in_child(run_on_ledger, run.place("contracts-by-key"), run.count(RUNS), CALLERS).value
    yield Figure(GROUP, f"{name}, {CALLERS} keys at once", by_key, "/s", peer=bare)


def trigger_of(number: int) -> dict[str, object]:
    """Measured values of one of a hundred devices."""
    body = {"kind": "heart-rate", "values": [40 + (number + at) % 90 for at in range(20)]}
    device = f"device/{DEVICE.format(number % 100)}"
    entry = {"type": "bench.measured/1", "stream": device, "actor": "", "position": number, "body": body}
    return {"kind": "entry", "at": AT, "entry": entry}


def call_bare(count: int) -> float:
    """Calls per second of the engine alone; for a process of its own."""
    ast = starlark.parse("contract.star", SOURCE)
    module = starlark.Module()
    starlark.eval(module, ast, starlark.Globals.standard())
    frozen = module.freeze()
    triggers = [trigger_of(number) for number in range(count)]
    started = time.perf_counter()
    for trigger in triggers:
        frozen.call("handle", {}, trigger)
    return count / (time.perf_counter() - started)


def call_pool(count: int, callers: int) -> float:
    """Calls per second through confined workers; for a process of its own."""
    pool = WorkerPool(max(callers, 1))
    jobs = [
        Job(
            source=SOURCE,
            state="{}",
            trigger=canonical.encode(trigger_of(number)).decode(),
            limits=Limits(),
        )
        for number in range(count)
    ]

    def call(job: Job) -> None:
        answer = pool.run(job)
        assert answer.cause is None, answer.message

    try:
        for job in jobs[: 4 * callers]:
            call(job)
        return _rate(call, jobs, callers)
    finally:
        pool.close()


def run_on_ledger(path: Path, count: int, callers: int) -> float:
    """Runs per second of a contract on a node, each an entry with its documents; for a process of its own."""
    with open_practice(path / "node") as practice:
        node = practice.node
        contract = ContractId(node.ids.next())
        offer = {"contract": contract, "manifest": read_manifest(MANIFEST).decode(), "source": SOURCE}
        practice.ask(practice.enrol("organisation"), ("contract.deploy/1", offer))

        def run(number: int) -> None:
            sealed = seal_input("entry", trigger_of(number), salt=node.ids.nonce())
            found = node.desks.contracts.perform(Ready(contract, f"entry:{number}", "entry", sealed))
            assert not found.cause

        for number in range(callers):
            run(number)
        return _rate(run, range(callers, callers + count), callers)


def _rate(work: Callable[[T], None], items: Sequence[T], callers: int) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(callers) as threads:
        for _ in threads.map(work, items):
            pass
    return len(items) / (time.perf_counter() - started)
