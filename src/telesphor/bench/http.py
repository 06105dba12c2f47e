"""The node over HTTP: signed requests from the loopback until their entries are durable.

The node is served in a process of its own and driven from another, on the same cores. Requests are
signed in advance, as they come from thousands of clients and not from one. What is sent is a real use
case, opening a visit: three look-ups, one entry, four rows of state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from telesphor.app import create_node, node_wallet, open_node
from telesphor.bench.child import Companion, MeasurementFailed, in_child
from telesphor.bench.figures import Figure, Peer, at_least, middle
from telesphor.bench.load import Driven, drive_same, drive_saved, post_bytes, save_requests
from telesphor.bench.run import Run
from telesphor.bench.served import RAW_PATH, ROUTE_PATH, serve_node, serve_nothing
from telesphor.client.requests import Command, register_command, sign_commands, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.runtime.gate import COMMANDS_PATH

GROUP = "http"
ORIGIN = "bench.example/node"
PASSPHRASE = b"only for the benchmark"
SIGNED_MEDIA_TYPE = "application/jose+json"

ROUNDS = 3
SINGLE_REQUESTS = 8_000
BATCH_REQUESTS, BATCH_COMMANDS = 60, 1_000
UNSIGNED_REQUESTS = 12_000
EMPTY_REQUESTS = 12_000
CONNECTIONS = 256
BATCH_CONNECTIONS = 16
SIGNERS = 2
"""Processes that sign in advance; a signature of both halves takes about a millisecond."""


class Clinic(NamedTuple):
    """Who is registered at the node: whoever opens visits, with its seeds, a patient and a clinician."""

    hospital: ActorId
    ed25519_seed: bytes
    mldsa_seed: bytes
    patient: ActorId
    clinician: ActorId


def measure(run: Run) -> Iterator[Figure]:
    """Empty routes first, as the peers; then unsigned leaves, signed requests, signed batches."""
    path = run.place("http") / "node"
    create_node(path, origin=ORIGIN, passphrase=PASSPHRASE, settings={"writer_route": True})
    clinic = _enrol(path)
    run.tell("empty routes")
    raw, route = _measure_empty(run)
    yield Figure(GROUP, "empty route before Litestar", raw.value, "requests/s")
    yield Figure(GROUP, "empty route through Litestar", route.value, "requests/s", peer=raw)
    yield _measure_unsigned(run, path, raw)
    yield _measure_singles(run, path, clinic)
    yield _measure_batches(run, path, clinic)


def _enrol(path: Path) -> Clinic:
    clock = SystemClock()
    ids = IdSource(clock)
    hospital, patient, clinician = (
        Wallet.create(kind=kind, ids=ids) for kind in ("organisation", "person", "person")
    )
    commands = [register_command(wallet, node=ORIGIN) for wallet in (hospital, patient, clinician)]
    with open_node(path, passphrase=PASSPHRASE) as node:
        data = sign_request(node_wallet(node.keys), node=ORIGIN, commands=commands, clock=clock, ids=ids)
        asyncio.run(node.gate.execute(data))
    key = hospital.signing_key
    return Clinic(hospital.actor, key.ed25519_seed, key.mldsa_seed, patient.actor, clinician.actor)


def _measure_empty(run: Run) -> tuple[Peer, Peer]:
    count = run.count(EMPTY_REQUESTS)
    with Companion(serve_nothing) as served:
        rates = []
        for path in (RAW_PATH, ROUTE_PATH):
            request = post_bytes(path, b"{}", media_type="application/json")
            found = [_drive_same(request, count, served.ready).rate for _ in range(ROUNDS)]
            rates.append(middle(found))
    return Peer("empty raw route", rates[0]), Peer("empty route through Litestar", rates[1])


def _measure_unsigned(run: Run, path: Path, peer: Peer) -> Figure:
    run.tell("unsigned leaves")
    count = run.count(UNSIGNED_REQUESTS)
    request = post_bytes("/add", bytes(100), media_type="application/octet-stream")
    with Companion(serve_node, path, PASSPHRASE) as served:
        _drive_same(request, count, served.ready)
        served.ask(0, 0)
        rounds = [_drive_same(request, count, served.ready) for _ in range(ROUNDS)]
        spent = served.ask(count * ROUNDS, sum(driven.seconds for driven in rounds))
    rate = middle(driven.rate for driven in rounds)
    return Figure(GROUP, "unsigned leaves, POST /add", rate, "requests/s", peer=peer, spent=spent)


def _measure_singles(run: Run, path: Path, clinic: Clinic) -> Figure:
    run.tell("signed requests of one command")
    count = run.count(SINGLE_REQUESTS)
    rounds, spent = _drive_signed(run, path, clinic, requests=count, commands=1, connections=CONNECTIONS)
    rate = middle(driven.rate for driven in rounds)
    peer = run.limits.verifying_by_two
    waits = f"p50 {middle(d.p50_ms for d in rounds):.0f} ms, p99 {middle(d.p99_ms for d in rounds):.0f} ms"
    return Figure(
        GROUP, "signed requests, one command", rate, "requests/s", at_least(2_500), peer, f"{spent}; {waits}"
    )


def _measure_batches(run: Run, path: Path, clinic: Clinic) -> Figure:
    run.tell("signed requests of a thousand commands")
    count = max(run.count(BATCH_REQUESTS), BATCH_CONNECTIONS)
    rounds, spent = _drive_signed(
        run, path, clinic, requests=count, commands=BATCH_COMMANDS, connections=BATCH_CONNECTIONS
    )
    rate = middle(driven.rate for driven in rounds) * BATCH_COMMANDS
    name = f"signed requests, {BATCH_COMMANDS:,} commands each"
    return Figure(GROUP, name, rate, "entries/s", at_least(25_000), run.limits.inserts, spent)


def _drive_signed(
    run: Run, path: Path, clinic: Clinic, *, requests: int, commands: int, connections: int
) -> tuple[list[Driven], str]:
    """Sign all rounds' requests, then send them round by round; the node's processor shares are of all rounds."""
    signed = [
        _sign_ahead(run, clinic, requests=requests, commands=commands, name=f"{commands}-{n}")
        for n in range(ROUNDS)
    ]
    _ = run.limits.verifying_by_two  # measured now, so that it lies near what it stands beside
    with Companion(serve_node, path, PASSPHRASE) as served:
        served.ask(0, 0)
        rounds = [in_child(drive_saved, files, served.ready, connections).value for files in signed]
        seconds = sum(driven.seconds for driven in rounds)
        spent = served.ask(requests * commands * ROUNDS, seconds)
    for driven in rounds:
        _check_all_taken(driven, requests)
    own = sum(driven.own_seconds for driven in rounds) / seconds
    return rounds, f"{spent}; the load generator {own:.0%}"


def _sign_ahead(run: Run, clinic: Clinic, *, requests: int, commands: int, name: str) -> list[Path]:
    """Requests in files, signed by a few processes."""
    share, rest = divmod(requests, SIGNERS)
    with ProcessPoolExecutor(SIGNERS, mp_context=get_context("spawn")) as pool:
        work = [
            pool.submit(sign_visits, clinic, share + (n < rest), commands, run.folder / f"signed-{name}-{n}")
            for n in range(SIGNERS)
        ]
        return [done.result() for done in work]


def sign_visits(clinic: Clinic, requests: int, commands: int, path: Path) -> Path:
    """Sign requests that open visits, and keep them in a file."""
    clock = SystemClock()
    ids = IdSource(clock)
    key = SigningKey(HybridSuite.ACTOR, clinic.ed25519_seed, clinic.mldsa_seed)
    signed = []
    for _ in range(requests):
        batch = [_opening(clinic, ids) for _ in range(commands)]
        data = sign_commands(
            actor=clinic.hospital, key=key, node=ORIGIN, commands=batch, clock=clock, ids=ids
        )
        signed.append(post_bytes(COMMANDS_PATH, data, media_type=SIGNED_MEDIA_TYPE))
    save_requests(path, signed)
    return path


def _opening(clinic: Clinic, ids: IdSource) -> Command:
    body = {
        "visit": ids.next(),
        "patient": clinic.patient,
        "clinician": clinic.clinician,
        "devices": [],
    }
    return "visit.open/1", body


def _drive_same(request: bytes, count: int, port: int) -> Driven:
    driven = in_child(drive_same, request, count, port, CONNECTIONS).value
    _check_all_taken(driven, count)
    return driven


def _check_all_taken(driven: Driven, count: int) -> None:
    if driven.done != count:
        raise MeasurementFailed(
            f"`{count - driven.done}` of `{count}` requests were refused", detail=str(driven.statuses)
        )
