"""Triggers: what the log and the clock bring about, in which order, once."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack

import pytest

from telesphor.capabilities.contracts.effects.model import CASCADE_MAX, DEPTH_MAX
from telesphor.capabilities.contracts.model import Answer, Job, WorkersBusy
from telesphor.capabilities.contracts.pool import WorkerPool
from telesphor.capabilities.contracts.runner import running
from tests.unit.capabilities.contracts.workshop import DAY_MS, MINUTE_MS, Workshop, manifest_text

SEEING = """
def handle(state, trigger):
    seen = state.get("seen", []) + [trigger["entry"]["position"]]
    return {"seen": seen}, []
"""

ON_ACTOR = manifest_text("watcher", '[[triggers]]\non = "entry"\ntype = "actor.registered/1"\n')
KEYED = manifest_text(
    "keyed",
    'ordering = "key"\nkey = "entry.stream"\n[[triggers]]\non = "entry"\ntype = "actor.registered/1"\n',
)
FILTERED = ON_ACTOR + 'where = { "body.kind" = ["device"] }\n'
TICKING = manifest_text("clock", '[[triggers]]\non = "schedule"\nname = "sweep"\ncron = "0 * * * *"\n')

TICKS = """
def handle(state, trigger):
    return {"due": state.get("due", []) + [trigger["schedule"]["due"]]}, []
"""

ALERTING = """
def handle(state, trigger):
    return {}, [command("alert.raise/1", {"level": "information", "code": "seen"})]
"""


def on_alert(name: str, *, further: str = "") -> str:
    rest = 'commands = ["alert.raise/1"]\n[[triggers]]\non = "entry"\ntype = "alert.raised/1"\n'
    return manifest_text(name, rest + further)


def seen(shop: Workshop, contract: str) -> list[int]:
    found: list[int] = json.loads(shop.state_text(contract))["seen"]
    return found


def positions(shop: Workshop, *kinds: str) -> list[int]:
    return [entry.position for entry in shop.of_type("actor.registered/1") if entry.body.kind in kinds]


def test_entries_trigger_a_contract_in_the_logs_order(shop: Workshop) -> None:
    contract = shop.deploy(SEEING, ON_ACTOR)
    before = len(shop.world.entries())
    for _ in range(4):
        shop.world.enrol("person")
    shop.settle()
    assert seen(shop, contract) == [at for at in positions(shop, "person") if at >= before]
    run = shop.of_type("contract.executed/1")[0]
    assert run.body.trigger == f"entry:{before}"
    shop.settle()
    assert len(shop.of_type("contract.executed/1")) == 4


def test_contract_sees_the_entry_as_it_stands_on_the_ledger(shop: Workshop) -> None:
    source = 'def handle(state, trigger):\n    return {"got": json.encode(trigger)}, []\n'
    contract = shop.deploy(source, ON_ACTOR)
    shop.world.enrol("device")
    shop.settle()
    (entry,) = shop.of_type("actor.registered/1")[-1:]
    got = json.loads(json.loads(shop.state_text(contract))["got"])
    said = json.loads(entry.data)
    assert got == {
        "kind": "entry",
        "at": entry.at,
        "entry": {name: said[name] for name in ("type", "stream", "actor", "body")}
        | {"position": entry.position},
    }


def test_filter_lets_only_its_values_pass(shop: Workshop) -> None:
    contract = shop.deploy(SEEING, FILTERED)
    for kind in ("person", "device", "person", "device"):
        shop.world.enrol(kind)
    shop.settle()
    assert seen(shop, contract) == positions(shop, "device")[1:]


def test_entries_before_a_deployment_trigger_nothing_however_late_the_log_is_read(shop: Workshop) -> None:
    contract = shop.deploy(SEEING, ON_ACTOR)
    (deployed,) = [entry.position for entry in shop.of_type("contract.deployed/1")]
    shop.world.enrol("person")
    shop.reopen(forget_queue=True)
    shop.settle()
    assert seen(shop, contract) == [at for at in positions(shop, "person") if at > deployed]


def test_upgrade_that_names_another_type_reacts_from_there_on(shop: Workshop) -> None:
    contract = shop.deploy(SEEING, ON_ACTOR)
    shop.world.enrol("person")
    first = positions(shop, "person")[-1]
    other = ON_ACTOR.replace("version = 1", "version = 2").replace("actor.registered/1", "actor.retired/1")
    body = {"contract": contract, **shop.offer(SEEING, other)}
    shop.world.ask(shop.hospital, ("contract.upgrade/1", body))
    shop.world.enrol("person")
    shop.settle()
    assert seen(shop, contract) == [first]


def test_paused_contract_keeps_its_triggers_and_holds_nobody_up(shop: Workshop) -> None:
    paused, other = shop.deploy(SEEING, ON_ACTOR), shop.deploy(SEEING, ON_ACTOR.replace("watcher", "other"))
    shop.world.ask(shop.hospital, ("contract.pause/1", {"contract": paused, "reason": "maintenance"}))
    shop.world.enrol("person")
    shop.world.enrol("person")
    shop.settle()
    assert len(seen(shop, other)) == 2
    assert len(shop.of_type("contract.executed/1")) == 2
    assert shop.runtime.queue.counts()[0] == 2
    shop.reopen()
    shop.world.ask(shop.hospital, ("contract.resume/1", {"contract": paused}))
    shop.pass_ms(MINUTE_MS)
    shop.settle()
    assert seen(shop, paused) == seen(shop, other)


def test_retired_contract_is_triggered_no_more(shop: Workshop) -> None:
    contract = shop.deploy(SEEING, ON_ACTOR)
    shop.world.enrol("person")
    shop.runtime._finding.advance(shop.reader())
    shop.world.ask(shop.hospital, ("contract.retire/1", {"contract": contract, "reason": "replaced"}))
    shop.settle()
    assert shop.of_type("contract.executed/1") == []
    assert shop.runtime.queue.counts()[0] == 0


def test_contract_by_key_has_a_state_for_each_and_runs_them_beside_each_other(
    shop: Workshop, pool: WorkerPool
) -> None:
    together, most, guard = 0, 0, threading.Lock()

    def watched(job: Job) -> Answer:
        nonlocal together, most
        with guard:
            together += 1
            most = max(most, together)
        threading.Event().wait(0.05)
        try:
            return pool.run(job)
        finally:
            with guard:
                together -= 1

    shop.run = watched
    shop.deploy(SEEING, KEYED)
    for _ in range(4):
        shop.world.enrol("person")
    shop.settle()
    runs = shop.of_type("contract.executed/1")
    assert len({run.body.key for run in runs}) == 4
    assert all(run.body.before == "" for run in runs)
    assert most > 1


def test_what_cannot_be_run_now_is_run_later_and_in_order(shop: Workshop, pool: WorkerPool) -> None:
    busy = True

    def run(job: Job) -> Answer:
        if busy:
            raise WorkersBusy("not now")
        return pool.run(job)

    shop.run = run
    contract = shop.deploy(SEEING, ON_ACTOR)
    for _ in range(3):
        shop.world.enrol("person")
    shop.settle()
    assert shop.runtime.queue.counts()[0] == 3
    busy = False
    shop.settle()
    assert shop.runtime.queue.counts()[0] == 3, "it is not asked again at once"
    shop.pass_ms(running.PAUSE_MS_MAX)
    shop.settle()
    assert seen(shop, contract) == positions(shop, "person")[-3:]


def test_call_that_a_crash_left_behind_is_run(shop: Workshop, pool: WorkerPool) -> None:
    def busy(_job: Job) -> Answer:
        raise WorkersBusy("not now")

    contract = shop.deploy()
    shop.run = busy
    assert shop.call(contract).outcome == "pending"
    shop.run = pool.run
    shop.reopen()
    shop.settle()
    assert [run.body.kind for run in shop.of_type("contract.executed/1")] == ["call"]


def test_trigger_whose_source_is_forgotten_is_skipped_on_the_record(shop: Workshop) -> None:
    contract = shop.deploy(SEEING, ON_ACTOR)
    shop.world.enrol("person")
    (deployed,) = shop.of_type("contract.deployed/1")
    kept = shop.document
    shop.document = lambda digest: None if digest == deployed.body.source else kept(digest)  # type: ignore[method-assign]
    shop.reopen()
    shop.settle()
    (skipped,) = shop.of_type("trigger.skipped/1")
    assert (skipped.stream, skipped.body.cause) == (f"contract/{contract}", "forgotten")
    shop.reopen(forget_queue=True)
    shop.settle()
    assert len(shop.of_type("trigger.skipped/1")) == 1
    assert shop.runtime.queue.counts()[0] == 0


def test_two_contracts_that_wake_each_other_come_to_rest(shop: Workshop) -> None:
    first = shop.deploy(
        ALERTING, on_alert("first", further='[[triggers]]\non = "call"\nname = "go"\ncallers = ["person"]\n')
    )
    second = shop.deploy(ALERTING, on_alert("second"))
    filters = {first: second, second: first}
    for contract, other in filters.items():
        name = "first" if contract == first else "second"
        text = on_alert(name).replace("version = 1", "version = 2")
        text += f'where = {{ "body.contract" = ["{other}"] }}\n'
        if contract == first:
            text += '[[triggers]]\non = "call"\nname = "go"\ncallers = ["person"]\n'
        body = {"contract": contract, **shop.offer(ALERTING, text)}
        shop.world.ask(shop.hospital, ("contract.upgrade/1", body))
    shop.call(first, name="go")
    shop.settle()
    runs = shop.of_type("contract.executed/1")
    assert len(runs) == DEPTH_MAX
    assert [run.stream for run in runs[:3]] == [f"contract/{one}" for one in (first, second, first)]
    done = shop.of_type("effect.done/1")
    assert [entry.body.depth for entry in done] == list(range(1, DEPTH_MAX + 1))
    assert {entry.body.root for entry in done} == {runs[0].position}
    (skipped,) = shop.of_type("trigger.skipped/1")
    assert skipped.body.cause == "depth"


def test_contract_that_wakes_itself_in_many_ways_comes_to_rest(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "CASCADE_MAX", 20)
    assert CASCADE_MAX >= 20
    many = """
def handle(state, trigger):
    return {}, [command("alert.raise/1", {"level": "information", "code": "seen"}) for i in range(4)]
"""
    text = on_alert("many", further='[[triggers]]\non = "call"\nname = "go"\ncallers = ["person"]\n')
    shop.call(shop.deploy(many, text), name="go")
    shop.settle()
    assert {entry.body.cause for entry in shop.of_type("trigger.skipped/1")} == {"cascade"}
    assert len(shop.of_type("alert.raised/1")) <= 20 + 4 * running.RUN_TOGETHER_MAX


def test_schedule_that_was_missed_runs_once(shop: Workshop) -> None:
    contract = shop.deploy(TICKS, TICKING)
    shop.settle()
    assert shop.of_type("contract.executed/1") == []
    shop.pass_ms(60 * MINUTE_MS)
    shop.settle()
    shop.settle()
    assert len(shop.of_type("contract.executed/1")) == 1
    shop.pass_ms(7 * DAY_MS)
    shop.reopen()
    shop.settle()
    assert len(shop.of_type("contract.executed/1")) == 2
    first, last = json.loads(shop.state_text(contract))["due"]
    assert last.endswith(":00:00.000Z")
    assert last > first
    shop.reopen(forget_queue=True)
    shop.settle()
    assert len(shop.of_type("contract.executed/1")) == 2, "the same time is not run twice"


def test_schedule_of_a_paused_contract_waits_for_it(shop: Workshop) -> None:
    contract = shop.deploy(TICKS, TICKING)
    shop.world.ask(shop.hospital, ("contract.pause/1", {"contract": contract, "reason": "maintenance"}))
    shop.pass_ms(DAY_MS)
    shop.settle()
    assert shop.of_type("contract.executed/1") == []
    shop.world.ask(shop.hospital, ("contract.resume/1", {"contract": contract}))
    shop.settle()
    assert len(shop.of_type("contract.executed/1")) == 1


def test_all_of_it_goes_on_in_threads(shop: Workshop) -> None:
    text = ON_ACTOR.replace("summary", 'connectors = ["out"]\ncommands = ["alert.raise/1"]\nsummary')
    source = """
def handle(state, trigger):
    return {}, [send("out", {"n": 1}), command("alert.raise/1", {"level": "warning", "code": "seen"})]
"""
    shop.deploy(source, text)
    with ExitStack() as stack:
        shop.runtime.start(shop.world.machine.on_commit, stack)
        for _ in range(3):
            shop.world.enrol("person")
        deadline = threading.Event()
        for _ in range(200):
            if len(shop.of_type("effect.done/1")) == 6:
                break
            deadline.wait(0.05)
    assert len(shop.inbox.messages) == 3
    assert len(shop.of_type("alert.raised/1")) == 3
    shop.runtime = shop.open_runtime()


def test_metrics_say_what_waits(shop: Workshop) -> None:
    shop.deploy(SEEING, ON_ACTOR)
    shop.world.enrol("person")
    shop.runtime._finding.advance(shop.reader())
    found = {family.name: family.samples[0].value for family in shop.runtime.collect()}
    assert found == {
        "telesphor_contract_triggers_waiting": 1,
        "telesphor_contract_sends_waiting": 0,
        "telesphor_contract_dead_letters": 0,
    }
