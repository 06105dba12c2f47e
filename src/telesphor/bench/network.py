"""The network: how soon others confirm an entry, what a witness can do, and what the proofs of it cost.

All of it is on this machine: a node, four witnesses of three organisations and a notary, each a process with
its own keys that is asked over HTTP, and the public chains that npm has installed. So there is no distance in
the times, and all of them share the cores. Verifying is told in CPU time of its thread, which other programs
hardly disturb.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from telesphor.bench.child import Companion, in_child
from telesphor.bench.confirmed import Proven, Times, prove_visit, time_proofs
from telesphor.bench.cosigned import ENTRIES_PER_SECOND, Waits, no_chains, time_levels
from telesphor.bench.figures import Figure, Peer, at_most, middle, percentile
from telesphor.bench.load import Driven
from telesphor.bench.run import Run
from telesphor.bench.witnessed import Rounds, drive_logs, serve_witness
from telesphor.demo.network import set_network
from telesphor.demo.stage import set_stage
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource

GROUP = "network"
KIB = 1024

LOAD_SECONDS = 20.0
ROUNDS = 3
ONE_LOG_REQUESTS = 600
MANY_LOGS, MANY_LOGS_REQUESTS = 16, 60


def measure(run: Run) -> Iterator[Figure]:
    """Levels under load; a witness alone; and proofs that all of them stand behind."""
    yield from _measure_levels(run)
    yield _measure_witness(run, logs=1, requests=run.count(ONE_LOG_REQUESTS))
    yield _measure_witness(run, logs=MANY_LOGS, requests=run.count(MANY_LOGS_REQUESTS))
    run.tell("confirming a visit, in witnesses and public chains")
    proven = prove_visit(run.folder / "confirmed")
    run.tell("verifying its proofs")
    times = in_child(time_proofs, proven).value
    yield from _measure_proof(run, proven, times)
    yield from _measure_bundle(run, proven, times)


def _measure_levels(run: Run) -> Iterator[Figure]:
    run.tell(f"{ENTRIES_PER_SECOND:,} entries a second, cosigned")
    waits = _time_levels(run)
    name = f"commit to L4 at {waits.rate:,.0f} entries/s, median"
    spent = f"{waits.spent}; {waits.blocks} checkpoints came to L4"
    signed = Peer("L1 of the same, s", middle(waits.signed))
    yield Figure(GROUP, name, middle(waits.notarised), "s", at_most(1.5), signed, spent)
    signed = Peer("L1 of the same, s", percentile(waits.signed, 99))
    yield Figure(GROUP, "p99 of that", percentile(waits.notarised, 99), "s", peer=signed)


def _time_levels(run: Run) -> Waits:
    clock = SystemClock()
    ids = IdSource(clock)
    with ExitStack() as stack:
        stage = set_stage(run.folder / "cosigned", clock=clock, ids=ids)
        set_network(stage, clock=clock, ids=ids, stack=stack, start=no_chains)
        return in_child(time_levels, stage.node.path, stage.passphrase, run.seconds(LOAD_SECONDS)).value


def _measure_witness(run: Run, *, logs: int, requests: int) -> Figure:
    name = "one log" if logs == 1 else f"{logs} logs at once"
    run.tell(f"asking a witness, {name}")
    rounds = Rounds(run.place(f"witness-{logs}"), logs=logs, requests=requests, rounds=ROUNDS)
    bare = run.limits.witnessing
    with Companion(serve_witness, rounds.witness) as served:
        served.ask(0, 0)
        driven = [in_child(drive_logs, rounds.files(n), served.ready).value for n in range(ROUNDS)]
        spent = served.ask(rounds.requests * ROUNDS, sum(found.seconds for found in driven))
    rate = middle(found.rate for found in driven)
    spent = f"{spent}; {_tell_load(driven)}"
    return Figure(GROUP, f"witness requests, {name}", rate, "requests/s", peer=bare, spent=spent)


def _tell_load(driven: list[Driven]) -> str:
    own = sum(found.own_seconds for found in driven) / sum(found.seconds for found in driven)
    p50, p99 = middle(found.p50_ms for found in driven), middle(found.p99_ms for found in driven)
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms; the load generator {own:.0%}"


def _measure_proof(run: Run, proven: Proven, times: Times) -> Iterator[Figure]:
    name = f"compact proof, {proven.cosigners} cosigners, {tell_anchors(proven)}"
    yield Figure(GROUP, name, len(proven.proof) / KIB, "KiB", at_most(40))
    bare = _verifies(run, 1 + proven.cosigners + len(proven.cards))
    taken = times.proof * 1_000
    yield Figure(GROUP, "verify the proof and its cards", taken, "ms CPU", at_most(10), bare)
    bare, taken = _verifies(run, 1 + proven.cosigners), times.known_proof * 1_000
    yield Figure(GROUP, "verify the proof, cards known", taken, "ms CPU", peer=bare)


def _measure_bundle(run: Run, proven: Proven, times: Times) -> Iterator[Figure]:
    name = f"bundle of {proven.entries} entries, {proven.requests} signed requests, {tell_anchors(proven)}"
    size, taken = len(proven.bundle) / KIB, times.bundle * 1_000
    yield Figure(GROUP, name, size, "KiB")
    yield Figure(GROUP, "that, per entry", size / proven.entries, "KiB")
    # Requests and the node's own signature are of ML-DSA-65, all others of ML-DSA-44.
    confirming = _verifies(run, 1 + proven.cosigners + len(proven.cards)).value
    bare = Peer("bare verifies, ms", confirming + (proven.requests + 1) * 1_000 / run.limits.verifying.value)
    yield Figure(GROUP, "verify the bundle", taken, "ms CPU", peer=bare)
    per_entry = bare.times(1 / proven.entries)
    yield Figure(
        GROUP, "verify the bundle, per entry", taken / proven.entries, "ms CPU", at_most(2), per_entry
    )


def tell_anchors(proven: Proven) -> str:
    """Which chains date it; or that there are none, and why."""
    dated = f"anchors of {' and '.join(proven.networks)}" if proven.networks else "no anchor"
    return f"{dated} ({'; '.join(proven.missing)})" if proven.missing else dated


def _verifies(run: Run, pairs: int) -> Peer:
    return Peer("bare verifies, ms", pairs * 1_000 / run.limits.verifying_notes.value)
