"""Emergency access against a naive model: whatever is opened, closed, reviewed, forbidden, in whatever order.

The model knows a list of openings and a few flags. After any history a read passes exactly where one opening of that
person is open, in time, about that patient and thing, and nobody forbids it; nothing but a read ever passes; and every
read that passed stands in the ledger between the opening that permitted it and whatever ended that.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from telesphor.capabilities.access.breakglass.standing import count_alarms
from telesphor.capabilities.access.model import AccessEnded
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.replay import check_state
from telesphor.runtime.capability import Actor
from telesphor.runtime.database import open_reader
from telesphor.vault.model import Purpose
from telesphor.vault.store import find_object, readers_of
from tests.unit.capabilities.access.infirmary import MINUTE_MS, Infirmary

FORBID = '@id("no") forbid (principal, action == Telesphor::Action::"read", resource) when { context has break_glass };'

persons = st.integers(0, 1)
things = st.integers(0, 3)
pick = st.integers(0, 100)


@dataclass
class Opening:
    """An emergency as the model has it."""

    id: str
    person: int
    covers: frozenset[int]
    patient: int
    until_ms: int
    over: bool = False
    reviewed: bool = False


class EmergencyMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="emergency-machine-"))
        node = self.node = Infirmary(self.folder)
        self.persons = [node.doctor, node.nurse]
        self.patients = [node.patient, node.enrol_known("person", 5)]
        visit = node.visit_of(node.patient, node.writer)
        me, other = (patient.actor for patient in self.patients)
        self.things = [
            node.note,
            node.put_about(None, visit=visit),
            node.put_about(other),
            node.put_about(None),
        ]
        self.about = [0, 0, 1, None]
        self.targets = [
            ("object", node.note, frozenset({0}), 0),
            ("visit", visit, frozenset({1}), 0),
            ("record", me, frozenset({0, 1}), 0),
            ("record", other, frozenset({2}), 1),
        ]
        self.openings: list[Opening] = []
        self.forbids = [False, False]
        self.rule = False

    def teardown(self) -> None:
        try:
            self.check_ledger()
            assert check_state(self.node.path, self.folder / "replica.sqlite", self.node.registry)
        finally:
            self.node.close()
            shutil.rmtree(self.folder)

    # The model.

    def is_open(self, opening: Opening) -> bool:
        return not opening.over and self.node.clock.now_ms() < opening.until_ms

    def allows(self, person: int, thing: int) -> bool:
        return not self.rule and any(
            opening.person == person
            and self.is_open(opening)
            and thing in opening.covers
            and not self.forbids[opening.patient]
            for opening in self.openings
        )

    # What happens.

    @rule(person=persons, which=things, minutes=st.integers(1, 60))
    def open(self, person: int, which: int, minutes: int) -> None:
        kind, id, covers, patient = self.targets[which]
        busy = any(one.person == person and self.is_open(one) for one in self.openings)
        recent = sum(one.person == person for one in self.openings)
        expected = not busy and recent < 8 and not self.forbids[patient]
        try:
            glass = self.node.open(self.persons[person], kind, id, minutes=minutes)
        except TelesphorError as error:
            assert not expected, error.code
            return
        assert expected
        until_ms = self.node.clock.now_ms() + minutes * MINUTE_MS
        self.openings.append(Opening(glass, person, covers, patient, until_ms))

    @rule(person=persons, thing=things, likely=st.booleans())
    def read(self, person: int, thing: int, likely: bool) -> None:
        if likely and self.openings:
            person, thing = self.openings[-1].person, min(self.openings[-1].covers)
        expected = self.allows(person, thing)
        assert self.node.may_read(self.persons[person], self.things[thing]) == expected

    @rule(person=persons, thing=things, action=st.sampled_from(["printed", "exported", "shared"]))
    def take_out(self, person: int, thing: int, action: str) -> None:
        note = {"kind": "object", "id": self.things[thing], "done": action, "purpose": "emergency"}
        assert (
            self.node.refusal(self.persons[person], ("use.note/1", {**note, "recipient": "other"}))
            == "access-denied"
        )

    @rule(which=pick, by=st.integers(0, 3))
    def close(self, which: int, by: int) -> None:
        if not self.openings:
            return
        opening = self.openings[which % len(self.openings)]
        who = [*self.persons, self.node.officer, self.node.hospital][by]
        expected = self.is_open(opening) and (by == opening.person or by >= 2)
        try:
            self.node.close_glass(who, opening.id)
        except TelesphorError:
            assert not expected
            return
        assert expected
        opening.over = True

    @rule(which=pick, by=st.integers(0, 3))
    def review(self, which: int, by: int) -> None:
        if not self.openings:
            return
        opening = self.openings[which % len(self.openings)]
        who = [*self.persons, self.node.officer, self.node.hospital][by]
        try:
            self.node.review(who, opening.id)
        except TelesphorError:
            assert by < 2 or opening.reviewed
            return
        assert by >= 2
        assert not opening.reviewed
        opening.over = opening.reviewed = True

    @rule(patient=persons, forbidden=st.booleans())
    def wish(self, patient: int, forbidden: bool) -> None:
        self.node.ask(self.patients[patient], ("break-glass.forbid/1", {"forbidden": forbidden}))
        self.forbids[patient] = forbidden

    @rule(forbidden=st.booleans())
    def set_rule(self, forbidden: bool) -> None:
        self.node.forbid_rule(FORBID if forbidden else None)
        self.rule = forbidden

    @rule(minutes=st.integers(1, 20), ms=st.integers(-1, 1))
    def wait(self, minutes: int, ms: int) -> None:
        self.node.clock.advance_ms(minutes * MINUTE_MS + ms)

    # What must hold.

    @invariant()
    def reads_pass_as_the_model_says(self) -> None:
        """By the rules as they are applied to bytes on their way, which leaves no entry."""
        db = open_reader(self.node.path)
        for person, wallet in enumerate(self.persons):
            actor = Actor(wallet.actor, "person", wallet.signing_key.public.key_id)
            for thing, object_id in enumerate(self.things):
                row = find_object(db, object_id)
                assert row is not None
                look = partial(
                    self.node.vault.access.check_reading, actor, row, readers_of(db, object_id), db
                )
                if self.allows(person, thing):
                    look(purpose=Purpose.EMERGENCY, visit=None, location=None)
                    continue
                with pytest.raises(AccessEnded):
                    look(purpose=Purpose.EMERGENCY, visit=None, location=None)
        db.close()

    @invariant()
    def alarms_until_reviewed(self) -> None:
        db = open_reader(self.node.path)
        assert count_alarms(db) == sum(not opening.reviewed for opening in self.openings)
        db.close()

    def check_ledger(self) -> None:
        """In the order of the one writer: no read by an emergency stands outside it."""
        open_until: dict[str, tuple[str, int]] = {}
        forbidden: set[str] = set()
        subjects: dict[str, str] = {}
        for entry in self.node.entries():
            kind, _, id = entry.stream.partition("/")
            if entry.type == "break-glass.opened/1":
                open_until[id] = (entry.actor, parse_instant(entry.body.until))
                subjects[id] = entry.body.subject
            elif entry.type in ("break-glass.closed/1", "break-glass.reviewed/1"):
                open_until.pop(id, None)
            elif entry.type == "break-glass.forbidden/1":
                (forbidden.add if entry.body.forbidden else forbidden.discard)(id)
            elif entry.type == "access.decided/1" and "base:broken-glass" in entry.body.reasons:
                if entry.body.action == "break-glass" or entry.body.outcome == "deny":
                    continue
                assert entry.body.action == "read"
                actor, until_ms = open_until[entry.body.break_glass]
                assert entry.actor == actor == id
                assert parse_instant(entry.at) < until_ms
                assert entry.body.subject == subjects[entry.body.break_glass]
                assert entry.body.subject not in forbidden
                assert kind == "access"


TestEmergency = EmergencyMachine.TestCase
TestEmergency.settings = settings(
    max_examples=10,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
