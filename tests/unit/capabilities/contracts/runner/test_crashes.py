"""The process ends at any moment, again and again: nothing is lost, and nothing takes place twice.

A crash is an exception that nothing catches, raised before or after any step that leaves a trace: a word to the
ledger, a change of the queue, a cursor's move, a message sent. What follows finds the files and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telesphor.capabilities.contracts.runner.queue import ReactionQueue
from telesphor.runtime.capability import Body, CommandType, Receipt
from tests.unit.capabilities.contracts.workshop import Workshop, manifest_text

QUEUE_STEPS = ("put_trigger", "remove_trigger", "put_send", "remove_send", "put_schedule", "move_cursor")
STEPS_MAX = 60
"""More than one round of the two contracts has."""

WATCHING = """
def handle(state, trigger):
    position = trigger["entry"]["position"]
    alert = {"level": "information", "code": "first"}
    effects = [
        send("out", {"n": position, "part": 1}),
        command("alert.raise/1", alert),
        send("out", {"n": position, "part": 2}),
        command("alert.raise/1", dict(alert, code = "second")),
    ]
    return {"seen": state.get("seen", []) + [position]}, effects
"""
REACTING = """
def handle(state, trigger):
    alert = trigger["entry"]["stream"]
    return {"n": state.get("n", 0) + 1}, [send("out", {"alert": alert}, key = alert)]
"""
ON_ACTOR = manifest_text(
    "watcher",
    'connectors = ["out"]\ncommands = ["alert.raise/1"]\n[[triggers]]\non = "entry"\ntype = "actor.registered/1"\n',
)
ON_ALERT = manifest_text(
    "reactor",
    'connectors = ["out"]\nordering = "key"\nkey = "entry.stream"\n'
    '[[triggers]]\non = "entry"\ntype = "alert.raised/1"\nwhere = { "body.code" = ["second"] }\n',
)


class Crash(BaseException):
    """The process is gone."""


class Fuse:
    """Burns by one at each step, and raises when it is burnt down."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.left = None
                raise Crash

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*given: Any, **named: Any) -> Any:
            self.burn()
            found = work(*given, **named)
            self.burn()
            return found

        return step


class Fragile:
    """A workshop whose every step may be its last."""

    def __init__(self, shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop, self.fuse = shop, Fuse()
        for name in QUEUE_STEPS:
            monkeypatch.setattr(ReactionQueue, name, self.fuse.around(getattr(ReactionQueue, name)))
        monkeypatch.setattr(shop.inbox, "send", self.fuse.around(shop.inbox.send))
        say = shop.world.record_own_word

        def record(command: CommandType, body: Body) -> Receipt:
            found: Receipt = self.fuse.around(say)(command, body)
            return found

        shop.record = record  # type: ignore[method-assign]
        self.watcher = shop.deploy(WATCHING, ON_ACTOR)
        self.reactor = shop.deploy(REACTING, ON_ALERT)
        self.enrolled: list[int] = []

    def enrol(self) -> None:
        self.shop.world.enrol("person")
        self.enrolled.append(self.shop.of_type("actor.registered/1")[-1].position)

    def settle_through(self, crashes: list[int]) -> int:
        """Go on until all is done, ending at each of these steps; how many crashes there were."""
        struck = 0
        for steps in [*crashes, None]:
            self.fuse.left = steps
            try:
                self.shop.settle()
            except Crash:
                struck += 1
            self.fuse.left = None
            self.shop.reopen()
        self.shop.pass_ms(60_000)
        self.shop.settle()
        return struck

    def check(self) -> None:
        shop, count = self.shop, len(self.enrolled)
        runs = shop.of_type("contract.executed/1")
        assert not shop.of_type("contract.failed/1", "effect.refused/1", "effect.dead/1", "trigger.skipped/1")
        names = [(run.stream, run.body.trigger) for run in runs]
        assert len(names) == len(set(names)) == 2 * count
        assert json.loads(shop.state_text(self.watcher))["seen"] == self.enrolled
        alerts = [alert.body.code for alert in shop.of_type("alert.raised/1")]
        assert alerts == ["first", "second"] * count
        done = [(entry.body.execution, entry.body.index) for entry in shop.of_type("effect.done/1")]
        wanted = {(run.position, number) for run in runs for number in range(run.body.effects)}
        assert len(done) == len(set(done))
        assert set(done) == wanted
        keys = [key for key, _ in shop.inbox.got]
        assert len(set(keys)) == 3 * count
        assert all(len({str(m) for k, m in shop.inbox.got if k == key}) == 1 for key in set(keys))
        of_watcher = [(m["n"], m["part"]) for m in shop.inbox.messages if "n" in m]
        assert of_watcher == [(n, part) for n in self.enrolled for part in (1, 2)]
        assert shop.runtime.queue.counts() == (0, 0)


@pytest.fixture
def fragile(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Fragile:
    return Fragile(shop, monkeypatch)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(crashes=st.lists(st.integers(1, STEPS_MAX), max_size=6), people=st.integers(1, 2))
def test_each_effect_takes_place_once_wherever_the_process_ends(
    fragile: Fragile, crashes: list[int], people: int
) -> None:
    for _ in range(people):
        fragile.enrol()
    fragile.settle_through(crashes)
    fragile.check()


def test_every_single_step_may_be_the_last(fragile: Fragile) -> None:
    struck = 0
    for step in range(1, STEPS_MAX, 2):
        fragile.enrol()
        struck += fragile.settle_through([step])
    fragile.check()
    assert struck > 10
    assert len(fragile.shop.inbox.got) > len(fragile.shop.inbox.messages), (
        "some were sent twice, under one key"
    )


def test_queue_and_cursors_that_are_lost_are_found_again_in_the_log(fragile: Fragile) -> None:
    for _ in range(2):
        fragile.enrol()
    for steps in (9, 17, 25):
        fragile.fuse.left = steps
        with pytest.raises(Crash):
            fragile.shop.settle()
        fragile.shop.reopen(forget_queue=True)
    fragile.shop.settle()
    fragile.check()
