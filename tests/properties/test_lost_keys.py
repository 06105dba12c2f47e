"""Recoveries against a naive model: whatever people do in whatever order, node, model and verifier agree.

The model is the rules of `docs/spec/actors.md` as plain dictionaries. After each run the whole ledger goes
through the offline verifier's own attribution: what the node allowed, it must allow.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telesphor.capabilities.identity.recovery.capability import CAPABILITY as RECOVERY
from telesphor.client.recovery import (
    RecoveryKey,
    approve_recovery_command,
    begin_recovery_command,
    cancel_recovery_command,
    make_offer,
    make_statement,
    recover_command,
    report_lost_command,
    set_recovery_command,
)
from telesphor.client.requests import Command, rotate_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.attribution import check_attribution
from telesphor.ledger.fsck import LedgerFiles
from telesphor.runtime.blobs import open_blobs
from tests.unit.capabilities.world import ORIGIN, World

GUARDIANS = ("g0", "g1", "g2")
PEOPLE = ("me", *GUARDIANS, "org", "outsider")
OFFERS = 3
WAIT = 1_000
LIFETIME = 60 * 86_400

people = st.sampled_from(PEOPLE)
offers = st.integers(0, OFFERS - 1)
steps = st.one_of(
    st.tuples(st.just("begin"), people, offers, st.booleans()),
    st.tuples(st.just("approve"), people, offers),
    st.tuples(st.just("approve"), st.sampled_from(GUARDIANS), offers),
    st.tuples(st.just("recover"), people, offers),
    st.tuples(st.just("wait"), st.sampled_from([WAIT - 1, WAIT, WAIT, LIFETIME])),
    st.tuples(st.just("report"), people),
    st.tuples(st.just("lose"), st.sampled_from(GUARDIANS)),
    st.tuples(st.just("set"), st.integers(2, 3)),
    st.tuples(st.just("rotate")),
    st.tuples(st.just("cancel")),
)


def usual(offer: int) -> list[tuple[Any, ...]]:
    """A whole recovery; what comes between its steps is for the run to find out."""
    begin, approve = ("begin", "g0", offer, False), ("approve", "g1", offer)
    return [begin, approve, ("wait", WAIT), ("recover", "org", offer)]


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Steps in any order, among them now and then those of a whole recovery."""
    told = draw(st.lists(steps, max_size=8))
    for offer in draw(st.lists(offers, max_size=3)):
        for step in usual(offer):
            told += [step, *draw(st.lists(steps, max_size=1))]
    return told


@dataclass
class Underway:
    by: str
    begun: int
    stated: bool
    approvals: set[str] = field(default_factory=set)


class Model:
    """What the rules say, and nothing about how they are held."""

    def __init__(self) -> None:
        self.now = 0
        self.threshold = 2
        self.suspended: set[str] = set()
        self.used: set[int] = set()
        self.underway: dict[int, Underway] = {}

    def alive(self, offer: int) -> bool:
        return offer in self.underway and self.now <= self.underway[offer].begun + LIFETIME

    def step(self, name: str, *arguments: Any) -> bool:
        """Whether the step is allowed; if it is, it has happened."""
        return bool(getattr(self, name)(*arguments))

    def begin(self, by: str, offer: int, stated: bool) -> bool:
        entitled = stated or by in GUARDIANS
        if by in self.suspended or not entitled or offer in self.used or self.alive(offer):
            return False
        self.underway = {other: one for other, one in self.underway.items() if one.by != by}
        self.underway[offer] = Underway(by, self.now, stated, set() if stated else {by})
        return True

    def approve(self, by: str, offer: int) -> bool:
        if by in self.suspended or by not in GUARDIANS or not self.alive(offer):
            return False
        if by in self.underway[offer].approvals:
            return False
        self.underway[offer].approvals.add(by)
        return True

    def recover(self, by: str, offer: int) -> bool:
        if by in self.suspended or not self.alive(offer):
            return False
        found = self.underway[offer]
        if not found.stated and len(found.approvals) < self.threshold:
            return False
        if self.now < found.begun + WAIT:
            return False
        self.used.add(offer)
        self.underway.clear()
        self.suspended.discard("me")
        return True

    def report(self, by: str) -> bool:
        if by in self.suspended or by == "outsider" or "me" in self.suspended:
            return False
        self.suspended.add("me")
        return True

    def lose(self, guardian: str) -> bool:
        if guardian in self.suspended:
            return False
        self.suspended.add(guardian)
        for one in self.underway.values():
            one.approvals.discard(guardian)
        return True

    def set(self, threshold: int) -> bool:
        # Guardians whose keys are lost cannot be named: nothing can be expected of them.
        if "me" in self.suspended or self.suspended & set(GUARDIANS):
            return False
        self.threshold = threshold
        self.underway.clear()
        return True

    def rotate(self) -> bool:
        if "me" in self.suspended:
            return False
        self.underway.clear()
        return True

    def cancel(self) -> bool:
        if "me" in self.suspended or not any(map(self.alive, self.underway)):
            return False
        self.underway.clear()
        return True


class Node:
    """The same steps as signed requests to a real node."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder, RECOVERY)
        self.world.begin()
        self.wallets = {
            name: self.world.enrol("organisation" if name == "org" else "person") for name in PEOPLE
        }
        self.id = self.wallets["me"].actor
        self.recovery = RecoveryKey.create(self.id)
        self.renewed = [self.wallets["me"].renew() for _ in range(OFFERS)]
        self.send("me", self.settings(2))

    def settings(self, threshold: int) -> Command:
        return set_recovery_command(
            guardians=[self.wallets[name].actor for name in GUARDIANS],
            threshold=threshold,
            wait_seconds=WAIT,
            recovery=self.recovery.key.public,
        )

    def keys(self, offer: int) -> tuple[str, str]:
        return self.renewed[offer].signing_key.public.thumbprints()

    def send(self, by: str, command: Command) -> bool:
        try:
            self.world.ask(self.wallets[by], command)
        except TelesphorError:
            return False
        return True

    def step(self, name: str, *arguments: Any) -> bool:
        return bool(getattr(self, name)(*arguments))

    def begin(self, by: str, offer: int, stated: bool) -> bool:
        said = make_offer(self.renewed[offer], node=ORIGIN)
        statement = make_statement(self.recovery, offer=said, node=ORIGIN) if stated else None
        return self.send(by, begin_recovery_command(self.id, offer=said, statement=statement))

    def approve(self, by: str, offer: int) -> bool:
        return self.send(by, approve_recovery_command(self.id, keys=self.keys(offer)))

    def recover(self, by: str, offer: int) -> bool:
        done = self.send(by, recover_command(self.id, keys=self.keys(offer)))
        if done:
            self.wallets["me"] = self.renewed[offer]
        return done

    def report(self, by: str) -> bool:
        return self.send(by, report_lost_command(self.id, reason="lost"))

    def lose(self, guardian: str) -> bool:
        return self.send("org", report_lost_command(self.wallets[guardian].actor, reason="stolen"))

    def set(self, threshold: int) -> bool:
        return self.send("me", self.settings(threshold))

    def rotate(self) -> bool:
        renewed: Wallet = self.wallets["me"].renew()
        done = self.send("me", rotate_command(renewed, node=ORIGIN))
        if done:
            self.wallets["me"] = renewed
        return done

    def cancel(self) -> bool:
        return self.send("me", cancel_recovery_command())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_node_model_and_verifier_agree_on_every_order_of_steps(told: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as scratch:
        node, model = Node(Path(scratch)), Model()
        with closing(node.world):
            for step in told:
                if step[0] == "wait":
                    model.now += step[1]
                    node.world.clock.advance_ms(step[1] * 1000)
                else:
                    assert node.step(*step) == model.step(*step), step
            check_attribution(files_of(node.world, Path(scratch)))


def files_of(world: World, folder: Path) -> LedgerFiles:
    return LedgerFiles(
        ledger=world.path,
        published=folder / "published.sqlite",
        public=open_blobs(folder / "public"),
        origin=ORIGIN,
        vkeys=world.log.vkeys(),
    )
