"""Enrolment as a state machine: devices and copies of them connect, replay, lag and jump; a naive model agrees.

The model knows nothing of tables or streams. It holds, for each enrolment, the list of everything that was ever
answered under the device's keys, and works each verdict out of the definition: a nonce is good once and for so long;
two answers with one counter, or one whose nonce was asked for after a higher counter was accepted, mean two
holders. After every step the node's word for each connection is the model's; at the end the state tables are the
fold of the entries.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from telesphor.capabilities.identity.enrolment import store
from telesphor.capabilities.identity.enrolment.model import (
    CHALLENGE_KEPT_SECONDS,
    CHALLENGE_SECONDS,
    CHALLENGES_OPEN_MAX,
    CONNECTION_HOURS_MAX,
    OFFLINE_DAYS_MAX,
)
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.identity.enrolment.ward import FIRMWARE, OLD_FIRMWARE, Ward, asking, revoking

DEVICES = 2
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass
class Answer:
    """An answer under a device's keys: what it said, and whether it was accepted."""

    counter: int
    nonce: str
    accepted: bool


@dataclass
class Given:
    """A nonce: when it was given, how many answers were accepted by then, and whether it was used."""

    at_ms: int
    after: int
    used: bool = False

    def is_fresh(self, now_ms: int) -> bool:
        return not self.used and now_ms - self.at_ms <= CHALLENGE_SECONDS * 1000


@dataclass
class Model:
    """What one device should be."""

    wallet: Wallet
    state: str = "enrolled"
    certified: bool = True
    """Whether it signs with the keys that were enrolled."""
    owner: int = 0
    given: dict[str, Given] = field(default_factory=dict)
    """Nonces since the enrolment."""
    history: list[Answer] = field(default_factory=list)
    """Answers under these keys."""
    seen_ms: int = 0
    standing: tuple[int, int, str] | None = None
    """Owner, time and firmware of the connection that stands."""
    counters: dict[int, int] = field(default_factory=dict)
    """The counter that each holder of the keys keeps."""

    def accepted(self) -> list[Answer]:
        return [answer for answer in self.history if answer.accepted]


class EnrolmentMachine(RuleBasedStateMachine):
    nonces: Bundle[tuple[int, str]] = Bundle("nonces")
    requests: Bundle[bytes] = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="enrolment-machine-"))
        self.ward = Ward(self.folder)
        self.owners = [self.ward.patient, self.ward.world.enrol("person")]
        self.models = [Model(self.ward.device(), seen_ms=self.now) for _ in range(DEVICES)]
        self.allowed = {FIRMWARE: self.ward.firmware}
        self.trusted = True
        self.taken: set[bytes] = set()
        self.met: list[str] = []

    def teardown(self) -> None:
        self.replay()
        self.ward.world.close()
        shutil.rmtree(self.folder)

    @property
    def now(self) -> int:
        return self.ward.world.clock.now_ms()

    # What devices and their copies do.

    @rule(which=st.integers(0, DEVICES - 1), times=st.integers(1, 3))
    def connect(self, which: int, times: int) -> None:
        """A device does as it should."""
        for _ in range(times):
            self.come_and_go(which, holder=0, step=1)

    @rule(which=st.integers(0, DEVICES - 1), holder=st.integers(1, 2), step=st.sampled_from([1, 1, 2, 50]))
    def connect_a_copy(self, which: int, holder: int, step: int) -> None:
        """A copy counts on from where the device was when it was made, and may leave numbers out."""
        self.come_and_go(which, holder=holder, step=step)

    def come_and_go(self, which: int, *, holder: int, step: int) -> None:
        asked = self.ask_for(which)
        self.answer_as(asked, holder=holder, step=step)

    @rule(target=nonces, which=st.integers(0, DEVICES - 1))
    def ask(self, which: int) -> tuple[int, str]:
        return self.ask_for(which)

    def ask_for(self, which: int) -> tuple[int, str]:
        model = self.models[which]
        fresh = [nonce for nonce, given in model.given.items() if given.is_fresh(self.now)]
        if len(fresh) >= CHALLENGES_OPEN_MAX:
            assert self.refused(model.wallet, asking(model.wallet)) == "challenges-full"
            return which, fresh[0]
        nonce = self.ward.challenge(model.wallet)
        self.note_challenge(model, nonce)
        return which, nonce

    @rule(
        of=nonces,
        holder=st.integers(0, 2),
        step=st.sampled_from([1, 1, 1, 0, -1]),
        firmware=st.sampled_from([FIRMWARE, FIRMWARE, OLD_FIRMWARE]),
        owner=st.sampled_from([None, None, 0, 1]),
        which=st.sampled_from([None, None, None, *range(DEVICES)]),
    )
    def answer(
        self, of: tuple[int, str], holder: int, step: int, firmware: str, owner: int | None, which: int | None
    ) -> None:
        """Some holder of some device's keys answers some nonce, late, twice or wrongly."""
        self.answer_as(of, holder=holder, step=step, firmware=firmware, owner=owner, which=which)

    def answer_as(
        self,
        of: tuple[int, str],
        *,
        holder: int,
        step: int,
        firmware: str = FIRMWARE,
        owner: int | None = None,
        which: int | None = None,
    ) -> None:
        """Holder 0 is the device, the others are copies; each keeps a counter of its own."""
        given_to, nonce = of
        model = self.models[given_to if which is None else which]
        owner = model.owner if owner is None else owner
        before = model.counters.get(holder, model.counters.get(0, 0))
        counter = max(1, before + step)
        model.counters[holder] = counter
        body = {"firmware": firmware, "owner": self.owners[owner].actor}
        expected = self.expect(model, counter, nonce, firmware=firmware, owner=owner)
        if expected is None:
            self.ward.connect(model.wallet, counter, nonce, **body)
            model.standing = (owner, self.now, firmware)
            model.seen_ms = self.now
        else:
            assert self.ward.cause_of(model.wallet, counter, nonce, **body) == expected
        if model.state == "enrolled":
            model.history.append(Answer(counter, nonce, expected is None))
        if nonce in model.given:
            model.given[nonce].used = True
        if expected == "device-cloned":
            model.state = "quarantined"
        self.met.append(expected or "accepted")

    @rule(target=requests, which=st.integers(0, DEVICES - 1))
    def sign_a_request(self, which: int) -> bytes:
        """For someone on the line to hold back, or to send twice."""
        wallet = self.models[which].wallet
        return self.ward.world.sign(wallet, asking(wallet))

    @rule(data=requests)
    def send_a_request(self, data: bytes) -> None:
        before = len(self.ward.world.entries())
        first = data not in self.taken
        try:
            receipt = self.ward.world.take(data)
        except TelesphorError as error:
            assert error.code in {
                "request-replayed",
                "request-expired",
                "challenges-full",
                "key-not-registered",
            }
            assert not (first and error.code == "request-replayed")
            assert len(self.ward.world.entries()) == before
            return
        assert first, "a request was taken twice"
        self.taken.add(data)
        entry = self.ward.world.entries()[-1]
        model = next(model for model in self.models if model.wallet.actor == entry.actor)
        self.note_challenge(model, receipt.results[0].nonce)

    @rule(minutes=st.sampled_from([0.5, 0.5, 1, 1, 3, 60, 13 * 60, OFFLINE_DAYS_MAX * 24 * 60]))
    def wait(self, minutes: float) -> None:
        self.ward.world.clock.advance_ms(int(minutes * 60_000))

    # What the organisation does.

    @rule(which=st.integers(0, DEVICES - 1))
    def revoke(self, which: int) -> None:
        model = self.models[which]
        if model.state == "revoked":
            assert self.refused(self.ward.hospital, revoking(model.wallet)) == "enrolment-missing"
            return
        self.ward.world.ask(self.ward.hospital, revoking(model.wallet))
        model.state = "revoked"

    @rule(which=st.integers(0, DEVICES - 1), new_keys=st.booleans())
    def enrol_again(self, which: int, new_keys: bool) -> None:
        model = self.models[which]
        if new_keys:
            self.rotate(which)
        command = self.ward.enrolling(model.wallet, owner=self.owners[0].actor)
        if not self.trusted:
            assert self.refused(self.ward.hospital, command) == "maker-not-trusted"
            return
        if model.state != "enrolled" and model.certified:
            assert self.refused(self.ward.hospital, command) == "keys-compromised"
            return
        self.ward.world.ask(self.ward.hospital, command)
        again = Model(model.wallet, seen_ms=self.now)
        if model.certified:  # The same keys go on where they were.
            again.history, again.counters = model.history, model.counters
        self.models[which] = again

    @rule(which=st.integers(0, DEVICES - 1))
    def rotate(self, which: int) -> None:
        """The device takes new keys that nobody has certified yet."""
        model = self.models[which]
        model.wallet = self.ward.renew(model.wallet)
        model.certified = False

    @rule(which=st.integers(0, DEVICES - 1), owner=st.integers(0, 1))
    def transfer(self, which: int, owner: int) -> None:
        model = self.models[which]
        body = {"device": model.wallet.actor, "owner": self.owners[owner].actor}
        command = ("device.transfer-owner/1", body)
        if model.state == "revoked":
            assert self.refused(self.ward.hospital, command) == "enrolment-missing"
            return
        self.ward.world.ask(self.ward.hospital, command)
        model.owner, model.standing = owner, None

    @precondition(lambda self: self.trusted)
    @rule(firmware=st.sampled_from([FIRMWARE, OLD_FIRMWARE]))
    def allow_or_withdraw(self, firmware: str) -> None:
        if firmware in self.allowed:
            named = self.allowed.pop(firmware)
            self.ward.world.ask(self.ward.hospital, ("firmware.withdraw/1", {"firmware": named}))
            return
        self.allowed[firmware] = self.ward.world.ids.next()
        self.ward.world.ask(self.ward.hospital, self.ward.allowing(self.allowed[firmware], hash=firmware))

    @precondition(lambda self: not self.trusted or self.ward.world.journal.size % 4 == 0)
    @rule()
    def trust_or_distrust(self) -> None:
        """Rarely, and never for long: nothing else happens while the maker is not trusted."""
        self.trusted = not self.trusted
        distrust = ("maker.distrust/1", {"maker": self.ward.maker})
        self.ward.world.ask(self.ward.hospital, self.ward.trusting() if self.trusted else distrust)

    # What must hold.

    @invariant()
    def connections_are_the_models(self) -> None:
        for model in self.models:
            found = self.ward.connection(model.wallet)
            assert (found is not None) == self.stands(model)
            if found is not None and model.standing is not None:
                owner, at_ms, firmware = model.standing
                assert (found.owner, found.at_ms) == (self.owners[owner].actor, at_ms)
                assert found.firmware == firmware

    def stands(self, model: Model) -> bool:
        if model.standing is None or model.state != "enrolled" or not model.certified or not self.trusted:
            return False
        _, at_ms, firmware = model.standing
        return firmware in self.allowed and self.now - at_ms <= CONNECTION_HOURS_MAX * HOUR_MS

    def expect(self, model: Model, counter: int, nonce: str, *, firmware: str, owner: int) -> str | None:
        """The cause for which an answer is refused, by the definitions; none when it is accepted."""
        if model.state in ("revoked", "quarantined"):
            return f"device-{model.state}"
        if not model.certified:
            return "device-keys-changed"
        highest = max((answer.counter for answer in model.accepted()), default=0)
        given = model.given.get(nonce)
        fresh = given is not None and given.is_fresh(self.now)
        twice = any(answer.counter == counter and answer.nonce != nonce for answer in model.history)
        behind = given is not None and given.after == len(model.accepted()) and counter <= highest
        if (twice and counter >= highest) or (fresh and behind):
            return "device-cloned"
        if not self.trusted:
            return "maker-distrusted"
        if self.now - model.seen_ms > OFFLINE_DAYS_MAX * DAY_MS:
            return "device-offline-too-long"
        if given is None or self.is_forgotten(model, given):
            return "nonce-unknown"
        if given.used:
            return "nonce-used"
        if not fresh:
            return "nonce-expired"
        if counter <= highest:
            return "counter-not-higher"
        if firmware not in self.allowed:
            return "firmware-refused"
        return None if owner == model.owner else "wrong-owner"

    def is_forgotten(self, model: Model, given: Given) -> bool:
        """An hour after its end a nonce is forgotten, when the next one is asked for."""
        latest = max(other.at_ms for other in model.given.values())
        return latest - given.at_ms > (CHALLENGE_SECONDS + CHALLENGE_KEPT_SECONDS) * 1000

    def note_challenge(self, model: Model, nonce: str) -> None:
        assert nonce not in model.given
        model.given[nonce] = Given(self.now, len(model.accepted()))

    def refused(self, wallet: Wallet, command: Command) -> str:
        before = len(self.ward.world.entries())
        with pytest.raises(TelesphorError) as caught:
            self.ward.world.ask(wallet, command)
        assert len(self.ward.world.entries()) == before
        return caught.value.code

    def replay(self) -> None:
        """The tables are the fold of the entries."""
        db, owned = (
            self.ward.world.db,
            {kind.name for kind in self.ward.world.registry.capabilities[-1].entries},
        )
        before = self.rows()
        for table in store.TABLES:
            db.execute(f"DELETE FROM {table}")
        for entry in self.ward.world.entries():
            if entry.type in owned:
                store.apply(db, entry)
        assert self.rows() == before

    def rows(self) -> dict[str, list[Any]]:
        db = self.ward.world.db
        return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in store.TABLES}


EnrolmentMachine.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestEnrolment = EnrolmentMachine.TestCase


MET_BY_CHANCE = {
    "accepted",
    "counter-not-higher",
    "device-cloned",
    "device-keys-changed",
    "device-offline-too-long",
    "device-quarantined",
    "device-revoked",
    "firmware-refused",
    "maker-distrusted",
    "nonce-expired",
    "nonce-unknown",
    "nonce-used",
    "wrong-owner",
}
"""All verdicts but those about channels, credentials' ends and owners, which have tests of their own."""


def test_long_lives_meet_every_verdict_and_agree_with_the_model() -> None:
    met: set[str] = set()
    for seed in range(2):
        machine = EnrolmentMachine()
        try:
            live(machine, random.Random(seed), steps=150)
            met |= set(machine.met)
        finally:
            machine.teardown()
    assert met >= MET_BY_CHANCE


def heal(machine: EnrolmentMachine, chance: random.Random, which: int) -> None:
    """Nobody leaves things broken for long, or there would be little to see."""
    if not machine.trusted and chance.random() < 0.4:
        machine.enrol_again(which, new_keys=chance.random() < 0.5)
        machine.trust_or_distrust()
    if machine.trusted and FIRMWARE not in machine.allowed and chance.random() < 0.4:
        machine.allow_or_withdraw(FIRMWARE)
    if machine.models[which].state != "enrolled" and chance.random() < 0.4:
        machine.enrol_again(which, new_keys=True)
    elif not machine.models[which].certified and chance.random() < 0.4:
        machine.enrol_again(which, new_keys=False)


def live(machine: EnrolmentMachine, chance: random.Random, *, steps: int) -> None:
    """A long life with chances that hypothesis does not take: mostly as it should be, and never the same."""
    asked: list[tuple[int, str]] = []
    signed: list[bytes] = []
    for _ in range(steps):
        which, kind = chance.randrange(DEVICES), chance.random()
        heal(machine, chance, which)
        if kind < 0.35:
            machine.connect(which, 1)
        elif kind < 0.40:
            machine.connect_a_copy(which, holder=1, step=chance.choice([1, 2, 50]))
        elif kind < 0.50:
            asked.append(machine.ask_for(which))
        elif kind < 0.70 and asked:
            machine.answer_as(
                machine.ask_for(which) if chance.random() < 0.6 else chance.choice(asked[-4:]),
                holder=0,
                step=chance.choice([1, 1, 1, 1, 0]),
                firmware=chance.choice([FIRMWARE] * 3 + [OLD_FIRMWARE]),
                owner=chance.choice([None] * 2 + [0, 1]),
                which=chance.choice([None] * 9 + [which]),
            )
        elif kind < 0.76:
            overtaken = machine.ask_for(which)
            machine.connect(which, 1)
            machine.answer_as(overtaken, holder=2, step=-1)
        elif kind < 0.78:
            late = machine.ask_for(which)
            machine.wait(3)
            machine.answer_as(late, holder=0, step=1)
        elif kind < 0.82:
            wallet = machine.models[which].wallet
            signed.append(machine.ward.world.sign(wallet, asking(wallet)))
            machine.send_a_request(chance.choice(signed[-2:]))
        elif kind < 0.88:
            machine.wait(chance.choice([0.5, 0.5, 0.5, 0.5, 3, 13 * 60, OFFLINE_DAYS_MAX * 24 * 60]))
        elif kind < 0.90:
            machine.revoke(which)
        elif kind < 0.96:
            machine.enrol_again(which, new_keys=chance.random() < 0.3)
        elif kind < 0.97:
            machine.rotate(which)
        elif kind < 0.985:
            machine.transfer(which, chance.randrange(2))
        elif machine.trusted and chance.random() < 0.5:
            machine.allow_or_withdraw(chance.choice([FIRMWARE, OLD_FIRMWARE]))
        else:
            machine.trust_or_distrust()
        machine.connections_are_the_models()
