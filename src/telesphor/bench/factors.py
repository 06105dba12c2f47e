"""Factors: credentials issued and verified, presentations, and devices that connect; beside each its bare signatures.

Credentials are measured by themselves in one process (`credentials`), presentations and connections through a served
node (`presenting`, `talks`). What a figure cannot do without is its signatures, of both halves; the naive ways are
the `sd-jwt` package with one classical signature, and our own functions with keys parsed for each call.

Start at `measure`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from telesphor.bench import credentials
from telesphor.bench.child import Companion, MeasurementFailed, in_child
from telesphor.bench.credentials import (
    BARE_SIGN,
    BARE_VERIFY,
    ISSUE,
    NAIVE_ISSUE,
    NAIVE_PRESENTED,
    NAIVE_VERIFY,
    PARSING,
    PRESENTED,
    VERIFY,
)
from telesphor.bench.figures import Figure, Peer, middle
from telesphor.bench.load import Driven
from telesphor.bench.practice import PASSPHRASE, open_practice
from telesphor.bench.presenting import Presenting, enrol_devices
from telesphor.bench.run import Run
from telesphor.bench.served import serve_node
from telesphor.bench.talks import drive_connections, drive_presentations

GROUP = "factors"

ROUNDS = 3
ROUND_SECONDS = 1.0
PRESENTATIONS = 400
CONNECTIONS = 32
DEVICES = 16
CONNECTS = 40
"""Times that each device connects in a round."""

REQUESTS_PER_PRESENTATION: Final = 3
SIGNATURES_PER_PRESENTATION: Final = 4
"""Of both halves: two signed requests, the issuer's, and the holder's binding."""

REQUESTS_PER_CONNECTION: Final = 2


def measure(run: Run) -> Iterator[Figure]:
    """Credentials by themselves, then presentations and connections through a node."""
    run.tell("credentials")
    taken = in_child(credentials.take_turns, run.seconds(ROUND_SECONDS), ROUNDS).value
    yield from _tell_credentials(taken)
    run.tell("presentations and devices")
    path, count = run.place("factors") / "node", run.count(PRESENTATIONS)
    with open_practice(path) as practice:
        devices = enrol_devices(practice, DEVICES)
        presenting = Presenting(practice)
        presentations = [presenting.prepare(count) for _ in range(ROUNDS)]
    verifying = run.limits.verifying_by_two  # measured now, so that it lies near what it stands beside
    with Companion(serve_node, path, PASSPHRASE) as served:
        served.ask(0, 0)
        shown = [
            in_child(drive_presentations, each, served.ready, CONNECTIONS).value for each in presentations
        ]
        yield _tell(
            "presentations through the node: request, answer, signed command",
            served,
            shown,
            count=count,
            requests=REQUESTS_PER_PRESENTATION,
            peer=verifying.times(1 / SIGNATURES_PER_PRESENTATION, "bare verifies of its 4 pairs, 2 threads"),
        )
        times = run.count(CONNECTS)
        connected = [
            in_child(drive_connections, devices, served.ready, times, 1 + n * times).value
            for n in range(ROUNDS)
        ]
        yield _tell(
            "devices connected: challenge and answer",
            served,
            connected,
            count=times * DEVICES,
            requests=REQUESTS_PER_CONNECTION,
            peer=verifying.times(1 / REQUESTS_PER_CONNECTION, "bare verifies of its 2 pairs, 2 threads"),
        )


def _tell_credentials(rates: dict[str, float]) -> Iterator[Figure]:
    bare = {
        ISSUE: Peer("bare sign, both halves", rates[BARE_SIGN]),
        VERIFY: Peer("bare verify, both halves", rates[BARE_VERIFY]),
        PRESENTED: Peer("bare verifies of its 2 pairs", rates[BARE_VERIFY] / 2),
    }
    told = {ISSUE: "issued", VERIFY: "verified", PRESENTED: "presented, with key binding, verified"}
    naive = {ISSUE: NAIVE_ISSUE, VERIFY: NAIVE_VERIFY, PRESENTED: NAIVE_PRESENTED}
    for name, words in told.items():
        yield Figure(GROUP, f"credentials {words}", rates[name], "/s", peer=bare[name])
        if naive[name] in rates:
            peer = Peer("sd-jwt with ES256 alone", rates[naive[name]])
            yield Figure(GROUP, f"credentials {words}", rates[name], "/s", peer=peer)
    parsing = Peer("with the issuer's keys parsed each time", rates[PARSING])
    yield Figure(GROUP, f"credentials {told[PRESENTED]}", rates[PRESENTED], "/s", peer=parsing)


def _tell(
    name: str, served: Companion, rounds: list[Driven], *, count: int, requests: int, peer: Peer
) -> Figure:
    """One figure of talks, each of so many requests, all of which must have been taken."""
    for driven in rounds:
        if sum(driven.statuses.values()) != count * requests or set(driven.statuses) - {200, 202}:
            raise MeasurementFailed("the node refused what it should take", detail=str(driven.statuses))
    seconds = sum(driven.seconds for driven in rounds)
    spent = served.ask(count * len(rounds), seconds)
    own = sum(driven.own_seconds for driven in rounds) / seconds
    rate = middle(count / driven.seconds for driven in rounds)
    return Figure(GROUP, name, rate, "/s", peer=peer, spent=f"{spent}; the load generator {own:.0%}")
