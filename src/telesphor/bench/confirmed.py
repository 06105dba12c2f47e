"""A visit on a ledger that four witnesses, a notary and two public chains confirm, and its proofs.

The chains are real nodes with networks of their own, where npm has installed them; what is missing is said.
Both proofs are what `telesphor prove` writes: the bundle of the whole visit, and the compact proof of one
entry, which its reader opens with cards and keys of their own. Start at `prove_visit`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from telesphor.app import Node, open_node
from telesphor.bench.child import MeasurementFailed
from telesphor.bench.figures import middle
from telesphor.bench.visit import hold_visit
from telesphor.demo.chains import Chains, start_chains
from telesphor.demo.network import DemoNetwork, set_network
from telesphor.demo.stage import set_stage
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.kernel.level_policy import parse_levels
from telesphor.ledger.network.standing import Standing
from telesphor.verify import verify_bundle
from telesphor.verify.check_proof import Known, verify_proof
from telesphor.verify.pins import Pins
from telesphor.verify.report import Report

CONFIRM_SECONDS_MAX = 90.0
"""Witnesses take a second, and the chains of one machine a few."""

LOOK_SECONDS = 0.2
VERIFICATIONS = 25
"""The middle of so many: the first ones warm the caches that a reader of one proof does not have; they differ
by less than the machine's noise."""


@dataclass(frozen=True)
class Proven:
    """Both proofs, and what a reader verifies them with.

    Attributes:
        entry: exact bytes of the entry that `proof` proves.
        vkeys: of the ledger.
        cards: of the ledger and of all who cosigned.
        levels: the reader's policy.
        entries, requests: how many are in the bundle.
        networks: the chains that date both.
        missing: in plain words, the chains that could not be had.
    """

    bundle: bytes
    proof: bytes
    entry: bytes
    vkeys: tuple[str, ...]
    cards: tuple[bytes, ...]
    levels: bytes
    entries: int
    requests: int
    networks: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def cosigners(self) -> int:
        """How many signed beside the ledger, which has a card too."""
        return len(self.cards) - 1


class Times(NamedTuple):
    """CPU seconds of one verification: of the compact proof with its reader's cards, of the same by a reader who
    has read the cards before, and of the bundle."""

    proof: float
    known_proof: float
    bundle: float


def prove_visit(folder: Path, *, start: Callable[[ExitStack], Chains] = start_chains) -> Proven:
    """Hold a visit, wait until all have confirmed it, and take its proofs.

    Args:
        start: starts the chains, or says that there are none.

    Raises:
        MeasurementFailed: it was not confirmed in time.
    """
    clock = SystemClock()
    ids = IdSource(clock)
    with ExitStack() as stack:
        stage = set_stage(folder, clock=clock, ids=ids)
        network = set_network(stage, clock=clock, ids=ids, stack=stack, start=start)
        with open_node(stage.node.path, passphrase=stage.passphrase, networked=True) as node:
            visit = hold_visit(node)
            position = node.machine.committed_size - 1
            standing = _wait_for(node, network, position)
            return _take_proofs(node, network, visit, position=position, standing=standing)


def time_proofs(proven: Proven) -> Times:
    """Verify each some times; for a process of its own."""
    policy, pins = parse_levels(proven.levels), Pins(frozenset(proven.vkeys))
    reader = Known.of(pins, proven.cards)

    def verify(known: Known) -> Report:
        return verify_proof(proven.proof, proven.entry, known, levels=policy)

    return Times(
        proof=_middle_seconds(lambda: verify(Known.of(pins, proven.cards))),
        known_proof=_middle_seconds(lambda: verify(reader)),
        bundle=_middle_seconds(lambda: verify_bundle(proven.bundle, pins=pins, levels=policy)),
    )


def _wait_for(node: Node, network: DemoNetwork, position: int) -> Standing:
    """The first standing that every witness, notary and chain that is there has confirmed."""
    assert node.network is not None, "the settings name a network"
    deadline = time.monotonic() + CONFIRM_SECONDS_MAX
    node.network.wait_for(position, timeout_seconds=CONFIRM_SECONDS_MAX)
    while time.monotonic() < deadline:
        standing = node.network.standing(position)
        cosigned = len(standing.confirmations.cards) - 1
        anchors = node.network.books.anchors.of_size(standing.size)
        final = {anchor.network for anchor in anchors if anchor.phase == "final"}
        if final == set(network.chains.networks) and cosigned == len(network.neighbours):
            return standing
        time.sleep(LOOK_SECONDS)
    raise MeasurementFailed("the visit was not confirmed in time")


def _take_proofs(
    node: Node, network: DemoNetwork, visit: str, *, position: int, standing: Standing
) -> Proven:
    bundle = node.visit_proof(visit)
    read = read_bundle(bundle)
    confirmations = standing.confirmations
    reader = node.reader()
    try:
        entry = reader.entry(position).data
    finally:
        reader.close()
    return Proven(
        bundle=bundle,
        proof=node.prover.tlog_proof_at(position, standing.size, standing.note, confirmations.anchors),
        entry=entry,
        vkeys=node.keys.log.vkeys(),
        cards=tuple(confirmations.cards.values()),
        levels=confirmations.levels or b"",
        entries=len(read.entries),
        requests=len(read.evidence),
        networks=network.chains.networks,
        missing=network.chains.missing,
    )


def _middle_seconds(verify: Callable[[], Report]) -> float:
    """CPU time of this thread, which other programs do not disturb much. INVARIANT: the proof passes."""
    times = []
    for _ in range(VERIFICATIONS):
        started = time.thread_time()
        report = verify()
        times.append(time.thread_time() - started)
        assert report.passed, report.to_text()
    return middle(times)
