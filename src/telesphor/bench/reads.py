"""Reads of the vault, end to end over HTTP: a signed command, the decision, its entries, a ticket, the content.

A patient has granted clinicians its records by tokens, and a hundred policies of the organisation are in force. Beside
it what shares the way but asks for no decision of its own: opening a visit, and fetching by a ticket that is there.
The steps are also measured by themselves, in a process that has the same node open, so that each can be told as a
share of what a whole read costs.

Start at `measure`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from telesphor.bench.child import Companion, MeasurementFailed, in_child
from telesphor.bench.clocks import tree_seconds
from telesphor.bench.decisions import POLICIES
from telesphor.bench.figures import Figure, Peer, middle
from telesphor.bench.granted import Granted, grant_records
from telesphor.bench.load import (
    Driven,
    drive_same,
    drive_saved,
    get_bytes,
    post_bytes,
    save_requests,
)
from telesphor.bench.practice import PASSPHRASE, Practice, open_practice
from telesphor.bench.run import Run
from telesphor.bench.served import ROUTE_PATH, serve_node, serve_nothing
from telesphor.bench.steps import MICRO, TIMES, WITHIN, Reading, time_steps
from telesphor.bench.talks import Talk, drive_reads, find_ticket

GROUP = "reads"

ROUNDS = 3
READS = 1_000
VISITS = 1_000
FETCHES = 2_000
CONNECTIONS = 64
STEP_CALLS = 300


class Prepared(NamedTuple):
    """A node in its folder, and signed requests for it.

    Attributes:
        reads: round by round.
        visits: files of requests that open a visit, round by round.
        fetch: a read whose ticket serves for many fetches.
        reading: one for the steps.
    """

    path: Path
    reads: list[list[Talk]]
    visits: list[Path]
    fetch: Talk
    reading: Reading


class Shared(NamedTuple):
    """Per second: fetches by a ticket, openings of visits, and reads; and CPU seconds of the node for one read."""

    fetches: float
    visits: float
    reads: float
    cpu_seconds: float
    spent: str


def measure(run: Run) -> Iterator[Figure]:
    """What shares the way first, then reads, then their steps."""
    run.tell(f"records, tokens and {POLICIES} policies")
    prepared = _prepare(run, run.place("reads") / "node")
    run.tell("the steps of a read")
    steps = in_child(time_steps, prepared.path, prepared.reading, run.count(STEP_CALLS)).value
    run.tell("fetches, visits and reads")
    empty = Peer("empty route through Litestar", _measure_empty(run))
    verifying = run.limits.verifying_by_two
    with Companion(serve_node, prepared.path, PASSPHRASE) as served:
        found = _measure_served(run, prepared, served)
    yield Figure(GROUP, "GET of 4 KiB by a ticket", found.fetches, "requests/s", peer=empty)
    yield Figure(GROUP, "signed requests, one visit.open/1", found.visits, "requests/s", peer=verifying)
    both = Peer("a visit.open/1 and a GET, in turn", 1 / (1 / found.fetches + 1 / found.visits))
    name = f"authorised reads by a token, {POLICIES} policies"
    yield Figure(GROUP, name, found.reads, "reads/s", peer=both, spent=found.spent)
    yield from _tell_steps(steps, found.cpu_seconds * MICRO)


def _prepare(run: Run, path: Path) -> Prepared:
    count, visits = run.count(READS), run.count(VISITS)
    with open_practice(path) as practice:
        granted = grant_records(practice)
        reads = [[_talk(practice, granted, n) for n in range(count)] for _ in range(ROUNDS)]
        files = [_sign_visits(practice, granted, visits, run.folder / f"visits-{n}") for n in range(ROUNDS)]
        reader, command, object_id = granted.reading(0)
        reading = Reading(practice.sign(reader, command), object_id)
        return Prepared(path, reads, files, _talk(practice, granted, 1), reading)


def _talk(practice: Practice, granted: Granted, number: int) -> Talk:
    reader, command, object_id = granted.reading(number)
    return practice.post(reader, command), f"/v1/objects/{object_id}/content"


def _sign_visits(practice: Practice, granted: Granted, count: int, path: Path) -> Path:
    parties = {"patient": granted.patient.actor, "clinician": granted.clinicians[0].actor, "devices": []}
    new_id = practice.node.ids.next
    save_requests(
        path,
        [
            practice.post(granted.hospital, ("visit.open/1", {"visit": new_id(), **parties}))
            for _ in range(count)
        ],
    )
    return path


def _measure_empty(run: Run) -> float:
    request = post_bytes(ROUTE_PATH, b"{}", media_type="application/json")
    with Companion(serve_nothing) as served:
        rounds = [
            in_child(drive_same, request, run.count(FETCHES), served.ready, CONNECTIONS).value
            for _ in range(ROUNDS)
        ]
    return middle(driven.rate for driven in rounds)


def _measure_served(run: Run, prepared: Prepared, served: Companion) -> Shared:
    port, fetches = served.ready, run.count(FETCHES)
    ticket = in_child(find_ticket, prepared.fetch, port).value
    fetch = get_bytes(prepared.fetch[1], ticket=ticket)
    fetched = [in_child(drive_same, fetch, fetches, port, CONNECTIONS).value for _ in range(ROUNDS)]
    opened = [in_child(drive_saved, [file], port, CONNECTIONS).value for file in prepared.visits]
    served.ask(0, 0)
    before = tree_seconds(served.pid)
    read = [in_child(drive_reads, talks, port, CONNECTIONS).value for talks in prepared.reads]
    cpu_seconds = tree_seconds(served.pid) - before
    count, seconds = sum(map(len, prepared.reads)), sum(driven.seconds for driven in read)
    spent = served.ask(count, seconds)
    _check(fetched, fetches)
    _check(opened, run.count(VISITS))
    _check(read, 2 * run.count(READS))
    own = sum(driven.own_seconds for driven in read) / seconds
    return Shared(
        middle(driven.rate for driven in fetched),
        middle(driven.rate for driven in opened),
        middle(driven.rate for driven in read) / 2,
        cpu_seconds / count,
        f"{spent}; the load generator {own:.0%}",
    )


def _check(rounds: list[Driven], count: int) -> None:
    for driven in rounds:
        if driven.done != count:
            raise MeasurementFailed("the node refused what it should give", detail=str(driven.statuses))


def _tell_steps(steps: dict[str, float], whole: float) -> Iterator[Figure]:
    """Each step with how often a read does it, as a part of the node's CPU time for a read."""
    peer = Peer("the node's CPU for a read, us", whole)
    for name, each in steps.items():
        times = f", {TIMES[name]} times" if TIMES[name] > 1 else ""
        yield Figure(GROUP, f"step: {name}{times}", each * TIMES[name], "us", peer=peer)
    known = sum(each * TIMES[name] for name, each in steps.items() if name not in WITHIN)
    yield Figure(GROUP, "step: HTTP, entries, hand-overs: the rest", whole - known, "us", peer=peer)
