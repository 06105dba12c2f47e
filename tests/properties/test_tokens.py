"""Tokens against a naive model.

The model is a list of grants and a few loops, written from the specification: who may do what at any moment. After
whatever was granted, accepted, narrowed, passed on, ended, in whatever order, the rules of access with compiled
policies allow exactly what the model allows.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from telesphor.capabilities.access.model import AccessEnded, Action, Ask
from telesphor.capabilities.access.service import check_again
from telesphor.capabilities.access.tokens.store import STORE, TABLES
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.capability import State
from telesphor.runtime.database import open_database
from telesphor.vault.model import Purpose
from tests.unit.capabilities.access.tokens.practice import HOUR_MS, Practice

PEOPLE = 4
TEAM = PEOPLE
ACTIONS = ("read", "export", "print")
PURPOSES = ("treatment", "payment")

people = st.integers(0, PEOPLE - 1)
whoever = st.integers(0, PEOPLE)
some_actions = st.sets(st.sampled_from(ACTIONS), min_size=1).map(lambda chosen: tuple(sorted(chosen)))
some_purposes = st.sets(st.sampled_from(PURPOSES), min_size=1).map(lambda chosen: tuple(sorted(chosen)))
windows = st.tuples(st.integers(-1, 2), st.integers(1, 8))
depths = st.integers(0, 3)
pick = st.integers(0, 1_000)
mostly = st.sampled_from([True, True, True, True, False])
"""Whether a step is one that the node should take: random ones alone are nearly always refused."""
rarely = st.booleans()


@dataclass
class Grant:
    """A token as the model has it; people are numbers, and the team is the last."""

    id: str
    grantor: int
    recipient: int
    dataset: int
    objects: frozenset[str]
    actions: frozenset[str]
    purposes: frozenset[str]
    begins: int
    ends: int
    transferable: bool
    revocable: bool
    depth: int
    parent: Grant | None = None
    parent_turn: int = 0
    holder: int | None = None
    turn: int = 0
    offered_to: int | None = None
    over: bool = False


class TokenMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="token-machine-"))
        self.practice = Practice(self.folder)
        practice = self.practice
        self.people = [practice.patient, practice.clinician, practice.specialist, practice.stranger]
        self.retired: set[int] = set()
        self.team: set[int] = {1}
        self.disbanded = False
        self.team_id = practice.group_of(practice.hospital, practice.clinician)
        self.owners: dict[str, int] = {}
        for owner in (0, 0, 0, 1):
            self.owners[practice.object_of(self.people[owner])] = owner
        objects = list(self.owners)
        self.definers = [0, 0, 1]
        self.contents: list[frozenset[str]] = [
            frozenset(objects[:2]),
            frozenset(objects[:1]),
            frozenset(objects[3:]),
        ]
        self.datasets = [
            practice.dataset_of(self.people[definer], *sorted(held))
            for definer, held in zip(self.definers, self.contents, strict=True)
        ]
        self.grants: list[Grant] = []
        self.begin()

    def begin(self) -> None:
        """Something to work on from the start: a chain of three that all hold, and a grant to the team."""
        usual = {"actions": ACTIONS, "purposes": PURPOSES, "window": (0, 8), "revocable": True, "right": True}
        self.mint(grantor=0, recipient=1, dataset=0, transferable=True, depth=3, **usual)
        self.accept_as(1, self.grants[0])
        for parent, recipient in ((0, 2), (1, 3)):
            self.delegate(
                parent=parent, delegator=recipient - 1, recipient=recipient, dataset=0, transferable=True, depth=2,
                wider="", at_once=True, **usual,
            )  # fmt: skip
        assert [self.lives(grant) for grant in self.grants] == [True] * 3
        self.mint(grantor=0, recipient=TEAM, dataset=1, transferable=False, depth=0, **usual)
        self.accept(which=0, right=True, person=1)

    def teardown(self) -> None:
        try:
            self.check_fold()
        finally:
            self.practice.close()
            shutil.rmtree(self.folder)

    # The model.

    @property
    def now(self) -> int:
        return self.practice.clock.now_ms()

    def gone(self, whom: int) -> bool:
        return self.disbanded if whom == TEAM else whom in self.retired

    def ended(self, grant: Grant) -> bool:
        owner = grant.recipient if grant.holder is None else grant.holder
        if grant.over or self.now >= grant.ends or self.gone(grant.grantor) or self.gone(owner):
            return True
        parent = grant.parent
        return parent is not None and (self.ended(parent) or parent.turn != grant.parent_turn)

    def lives(self, grant: Grant) -> bool:
        return grant.holder is not None and grant.begins <= self.now and not self.ended(grant)

    def above(self, grant: Grant) -> list[int]:
        """Who granted this, and all above."""
        return [grant.grantor, *(self.above(grant.parent) if grant.parent else [])]

    def allows(self, person: int, thing: str, action: str, purpose: str) -> bool:
        if self.owners[thing] == person:
            return True
        return any(
            self.lives(grant)
            and (grant.holder == person or (grant.holder == TEAM and person in self.team))
            and thing in grant.objects
            and action in grant.actions
            and purpose in grant.purposes
            for grant in self.grants
        )

    def may_come_from(self, above: Grant, grant: Grant) -> bool:
        """Whether a delegation is one: of what its grantor holds, and not wider."""
        return (
            self.lives(above)
            and above.holder == grant.grantor
            and above.depth > grant.depth
            and grant.begins < grant.ends
            and self.now < grant.ends
            and grant.objects <= above.objects
            and grant.actions <= above.actions
            and grant.purposes <= above.purposes
            and above.begins <= grant.begins
            and grant.ends <= above.ends
            and (above.transferable or not grant.transferable)
            and (grant.revocable or not above.revocable)
            and grant.recipient not in (grant.grantor, *self.above(above))
            and not self.gone(grant.recipient)
            and not (grant.recipient == TEAM and (grant.transferable or grant.depth))
        )

    # Doing, in both.

    def tries(self, person: int, command: str, **body: Any) -> bool:
        """Whether the node takes a command."""
        try:
            self.practice.ask(self.people[person], command, **body)
        except TelesphorError:
            return False
        return True

    def terms(self, recipient: int, dataset: int, **chosen: Any) -> dict[str, Any]:
        whom = self.team_id if recipient == TEAM else self.people[recipient]
        return self.practice.terms(whom, self.datasets[dataset], **chosen)

    def chosen(self, pick: int) -> Grant | None:
        return self.grants[pick % len(self.grants)] if self.grants else None

    @rule(
        grantor=people,
        recipient=whoever,
        dataset=st.integers(0, 2),
        actions=some_actions,
        purposes=some_purposes,
        window=windows,
        transferable=st.booleans(),
        revocable=mostly,
        depth=depths,
        right=mostly,
    )
    def mint(
        self,
        grantor: int,
        recipient: int,
        dataset: int,
        actions: tuple[str, ...],
        purposes: tuple[str, ...],
        window: tuple[int, int],
        transferable: bool,
        revocable: bool,
        depth: int,
        right: bool,
    ) -> None:
        if right:
            grantor, window = self.definers[dataset], (min(window[0], 0), window[1])
            recipient = (grantor + 1) % PEOPLE if recipient == grantor else recipient
            transferable, depth = (False, 0) if recipient == TEAM else (transferable, depth)
        if self.gone(grantor):
            return  # The edge lets nobody in who acts no more.
        begins, ends = (self.now + hours * HOUR_MS for hours in window)
        grant = Grant(
            self.practice.ids.next(), grantor, recipient, dataset, self.contents[dataset], frozenset(actions),
            frozenset(purposes), begins, ends, transferable, revocable, depth,
        )  # fmt: skip
        expected = (
            begins < ends
            and recipient != grantor
            and not self.gone(recipient)
            and not (recipient == TEAM and (transferable or depth))
            and all(self.owners[thing] == grantor for thing in grant.objects)
        )
        terms = self.terms(recipient, dataset, **_said(grant, self.now, self.practice))
        assert self.tries(grantor, "token.mint/1", token=grant.id, **terms) is expected
        if expected:
            self.grants.append(grant)

    @rule(
        parent=pick,
        delegator=people,
        recipient=whoever,
        dataset=st.integers(0, 2),
        actions=some_actions,
        purposes=some_purposes,
        window=windows,
        transferable=st.booleans(),
        revocable=mostly,
        depth=depths,
        right=mostly,
        wider=st.sampled_from(["", "", "", "purposes", "actions", "window", "depth"]),
        at_once=mostly,
    )
    def delegate(
        self,
        parent: int,
        delegator: int,
        recipient: int,
        dataset: int,
        actions: tuple[str, ...],
        purposes: tuple[str, ...],
        window: tuple[int, int],
        transferable: bool,
        revocable: bool,
        depth: int,
        right: bool,
        wider: str,
        at_once: bool,
    ) -> None:
        fit = [grant for grant in self.grants if grant.depth and grant.holder is not None] if right else []
        above = fit[parent % len(fit)] if fit else self.chosen(parent)
        if above is None:
            return
        begins, ends = (self.now + hours * HOUR_MS for hours in window)
        if right:
            begins, ends = max(above.begins, self.now), above.ends
            delegator = delegator if above.holder in (None, TEAM) else above.holder
            dataset, purposes = above.dataset, tuple(above.purposes)
            actions = tuple(above.actions.intersection(actions)) or tuple(above.actions)
            transferable, revocable = transferable and above.transferable, True
            depth = max(0, min(depth, above.depth - 1)) if recipient != TEAM else 0
        if wider == "purposes":
            purposes = PURPOSES
        elif wider == "actions":
            actions = ACTIONS
        elif wider == "window":
            ends += 1
        elif wider == "depth":
            depth = above.depth
        if self.gone(delegator):
            return
        objects = above.objects if dataset == above.dataset else self.contents[dataset]
        grant = Grant(
            self.practice.ids.next(), delegator, recipient, dataset, objects, frozenset(actions),
            frozenset(purposes), begins, ends, transferable, revocable, depth, above, above.turn,
        )  # fmt: skip
        expected = self.may_come_from(above, grant)
        terms = self.terms(recipient, dataset, **_said(grant, self.now, self.practice))
        taken = self.tries(delegator, "token.delegate/1", token=grant.id, parent=above.id, **terms)
        assert taken is expected
        if expected:
            self.grants.append(grant)
            if at_once and recipient != TEAM:
                self.accept_as(recipient, grant)

    @rule(which=pick, right=mostly, person=people)
    def accept(self, which: int, right: bool, person: int) -> None:
        waiting = [grant for grant in self.grants if grant.holder is None or grant.offered_to is not None]
        grant = waiting[which % len(waiting)] if right and waiting else self.chosen(which)
        if grant is None:
            return
        due = grant.recipient if grant.holder is None else grant.offered_to
        if due == TEAM:
            assert self.asks_hospital("token.accept/1", token=grant.id) is not self.ended(grant)
            if not self.ended(grant):
                grant.holder, grant.turn = TEAM, grant.turn + 1
            return
        self.accept_as(due if right and due is not None else person, grant)

    def accept_as(self, person: int, grant: Grant) -> None:
        if self.gone(person):
            return
        due = grant.recipient if grant.holder is None else grant.offered_to
        expected = person == due and not self.ended(grant)
        assert self.tries(person, "token.accept/1", token=grant.id) is expected
        if expected:
            grant.holder, grant.turn, grant.offered_to = person, grant.turn + 1, None

    @rule(which=pick, right=mostly, person=people, to=people, at_once=mostly)
    def transfer(self, which: int, right: bool, person: int, to: int, at_once: bool) -> None:
        movable = [grant for grant in self.grants if grant.transferable and grant.holder is not None]
        grant = movable[which % len(movable)] if right and movable else self.chosen(which)
        if grant is None:
            return
        if right and grant.holder not in (None, TEAM):
            person = grant.holder
            fit = sorted(set(range(PEOPLE)) - {person, *self.above(grant)})
            to = fit[to % len(fit)] if fit else to
        if self.gone(person):
            return
        expected = (
            grant.holder == person
            and self.lives(grant)
            and grant.transferable
            and to not in (person, *self.above(grant))
            and not self.gone(to)
        )
        to_id = self.people[to].id
        assert self.tries(person, "token.transfer/1", token=grant.id, to=to_id) is expected
        if expected:
            grant.offered_to = to
            if at_once:
                self.accept_as(to, grant)

    @rule(which=pick, person=people, right=st.booleans())
    def revoke(self, which: int, person: int, right: bool) -> None:
        grant = self.chosen(which)
        if grant is None:
            return
        person = grant.grantor if right else person
        if self.gone(person):
            return
        expected = person in self.above(grant) and grant.revocable and not self.ended(grant)
        assert self.tries(person, "token.revoke/1", token=grant.id) is expected
        if expected:
            grant.over, grant.offered_to = True, None

    @rule(which=pick, person=people)
    def renounce(self, which: int, person: int) -> None:
        grant = self.chosen(which)
        if grant is None or self.gone(person):
            return
        owner = grant.recipient if grant.holder is None else grant.holder
        expected = person == owner and not self.ended(grant)
        assert self.tries(person, "token.renounce/1", token=grant.id) is expected
        if expected:
            grant.over, grant.offered_to = True, None

    # The world around.

    @rule(dataset=st.integers(0, 2), thing=pick)
    def extend(self, dataset: int, thing: int) -> None:
        """Tokens of before do not notice."""
        definer = self.definers[dataset]
        own = sorted(id for id, owner in self.owners.items() if owner == definer)
        new = own[thing % len(own)]
        if self.gone(definer):
            return
        body = {"dataset": self.datasets[dataset], "members": self.practice.members(new)}
        expected = new not in self.contents[dataset]
        assert self.tries(definer, "dataset.extend/1", **body) is expected
        self.contents[dataset] |= {new}

    @rule(person=people)
    def change_team(self, person: int) -> None:
        word = "remove" if person in self.team else "add"
        taken = self.asks_hospital(f"group.{word}/1", group=self.team_id, member=self.people[person].id)
        assert taken is (not self.disbanded and (word == "remove" or not self.gone(person)))
        if taken:
            self.team ^= {person}

    @rule(what=st.sampled_from(["wait", "wait", "wait", "disband", "retire"]), person=people, really=rarely)
    def let_the_world_go_on(self, what: str, person: int, really: bool) -> None:
        if what == "wait":
            self.practice.clock.advance_ms(HOUR_MS)
        elif what == "disband" and really and not self.disbanded:
            assert self.asks_hospital("group.disband/1", group=self.team_id)
            self.disbanded, self.team = True, set()
        elif what == "retire" and really and person not in self.retired:
            self.practice.retire(self.people[person])
            self.retired.add(person)

    def asks_hospital(self, command: str, **body: Any) -> bool:
        try:
            self.practice.ask(self.practice.hospital, command, **body)
        except TelesphorError:
            return False
        return True

    # What holds.

    @rule(person=people, thing=pick, action=st.sampled_from(ACTIONS), purpose=st.sampled_from(PURPOSES))
    def use(self, person: int, thing: int, action: str, purpose: str) -> None:
        id = list(self.owners)[thing % len(self.owners)]
        if not self.gone(person):
            allowed = self.practice.may(self.people[person], id, action=action, purpose=purpose)
            assert allowed is self.allows(person, id, action, purpose)

    @invariant()
    def everybody_may_read_what_the_model_says(self) -> None:
        """Looked at again inside the writer, without an entry for each."""
        practice = self.practice

        def look(state: State) -> dict[tuple[int, str], bool]:
            pairs = ((person, id) for person in set(range(PEOPLE)) - self.retired for id in self.owners)
            return {pair: self.may_read(*pair, state) for pair in pairs}

        for (person, id), allowed in practice.look(look).items():
            assert allowed is self.allows(person, id, "read", "treatment")

    def may_read(self, person: int, id: str, state: State) -> bool:
        practice = self.practice
        ask = Ask(action=Action.READ, resource=practice.resources[id], purpose=Purpose.TREATMENT)
        try:
            check_again(self.people[person], ask, state, sources=practice.sources)
        except AccessEnded:
            return False
        return True

    def check_fold(self) -> None:
        """The tables are what the entries say, applied to empty ones."""
        fresh = open_database(":memory:")
        fresh.execute(STORE.schema)
        owned = {kind.name for kind in self.practice.tokens.entries}
        for entry in self.practice.entries():
            if entry.type in owned:
                STORE.apply(fresh, entry)
        for table in TABLES:
            sql = f"SELECT * FROM {table} ORDER BY 1, 2"
            assert fresh.execute(sql).fetchall() == self.practice.db.execute(sql).fetchall()
        fresh.close()


def _said(grant: Grant, now: int, practice: Practice) -> dict[str, Any]:
    return {
        "actions": sorted(grant.actions),
        "purposes": sorted(grant.purposes),
        "not_before": practice.instant(grant.begins - now),
        "not_after": practice.instant(grant.ends - now),
        "transferable": grant.transferable,
        "revocable": grant.revocable,
        "delegation_depth": grant.depth,
    }


TestTokens = TokenMachine.TestCase
TestTokens.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
