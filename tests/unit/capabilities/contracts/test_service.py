"""A contract's life and its calls, through the real writer: who may, what is kept, and what is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import apsw
import pytest

from telesphor.capabilities.contracts import store
from telesphor.capabilities.contracts.capability import RECORDED
from telesphor.capabilities.contracts.desk import CALLERS_MAX, SayExecuted
from telesphor.capabilities.contracts.documents import effects_of, open_input, open_output
from telesphor.capabilities.contracts.model import (
    Answer,
    CallExists,
    CallRefused,
    Cause,
    ContractExists,
    ContractMissing,
    ContractResting,
    Job,
    ManifestRefused,
    RunStale,
    SendEffect,
    SourceRefused,
    VersionRefused,
    WorkersBusy,
)
from telesphor.capabilities.contracts.pool import WorkerPool
from telesphor.capabilities.identity.model import NotPermitted
from telesphor.runtime.capability import CommandType
from tests.unit.capabilities.contracts.office import COUNTER, COUNTING, Office


@pytest.fixture
def office(tmp_path: Path, pool: WorkerPool) -> Iterator[Office]:
    made = Office(tmp_path, pool.run)
    yield made
    made.close()


def test_call_runs_the_contract_and_leaves_all_of_it_behind(office: Office) -> None:
    contract = office.deploy()
    answer = office.call(contract)
    assert (answer.outcome, answer.result) == ("executed", '{"count":1}')
    entry = office.last()
    assert (entry.type, entry.stream) == ("contract.executed/1", f"contract/{contract}")
    assert (entry.actor, entry.evidence) == (office.world.node.actor, None)
    assert entry.position == answer.position
    for digest in (
        entry.body.manifest,
        entry.body.source,
        entry.body.input,
        entry.body.after,
        entry.body.output,
    ):
        assert office.document(digest) is not None
    output = open_output(office.document(entry.body.output) or b"")
    assert effects_of(output) == (SendEffect("out", {"count": 1}),)
    assert office.call(contract).result == '{"count":2}'
    assert office.last().body.before == entry.body.after


def test_who_called_stands_in_the_trigger_and_is_not_the_callers_to_say(office: Office) -> None:
    contract = office.deploy()
    office.call(contract)
    said = open_input(office.document(office.last().body.input) or b"")
    assert f'"actor":"{office.clinician.actor}"' in said.trigger
    assert len(said.salt) == 22


def test_failed_run_is_told_and_recorded_and_changes_nothing(office: Office) -> None:
    contract = office.deploy()
    office.call(contract)
    answer = office.call(contract, bad=True)
    assert (answer.outcome, answer.cause, answer.message) == ("failed", "failed", "told to")
    entry = office.last()
    assert (entry.type, entry.body.cause, entry.body.repeatable) == ("contract.failed/1", Cause.FAILED, True)
    assert "told to" not in entry.data.decode()
    assert office.call(contract).result == '{"count":2}'


def test_bomb_is_recorded_and_the_next_call_runs(office: Office) -> None:
    bomb = "def handle(state, trigger):\n    x = 'a'\n    for i in range(60):\n        x = x + x\n"
    contract, well = office.deploy(bomb), office.deploy(COUNTER, COUNTING.replace('"counter"', '"other"'))
    assert office.call(contract).cause == "memory"
    assert office.last().body.repeatable is False
    assert office.call(well).outcome == "executed"


def test_argument_that_the_manifest_does_not_declare_is_refused_before_anything_is_noted(
    office: Office,
) -> None:
    contract = office.deploy()
    before = len(office.world.entries())
    for argument in ({"by": "1"}, {"more": 1}, {"by": 1.5}):
        with pytest.raises(CallRefused):
            office.call(contract, **argument)
    with pytest.raises(CallRefused):
        office.call(contract, name="discount")
    assert len(office.world.entries()) == before


def test_kind_of_caller_that_the_manifest_does_not_name_is_refused(office: Office) -> None:
    contract = office.deploy()
    with pytest.raises(NotPermitted):
        office.call(contract, who=office.device)


def test_call_asked_again_in_the_same_words_is_answered_and_not_run_again(office: Office) -> None:
    body = {
        "contract": office.deploy(),
        "call": office.world.ids.next(),
        "name": "count",
        "argument": '{"by":3}',
    }
    first = office.world.ask(office.clinician, ("contract.call/1", body)).results[0]
    again = office.world.ask(office.clinician, ("contract.call/1", body)).results[0]
    assert again == first
    assert [entry.type for entry in office.world.entries()].count("contract.executed/1") == 1


def test_id_of_a_call_is_of_one_call(office: Office) -> None:
    body = {"contract": office.deploy(), "call": office.world.ids.next(), "name": "count"}
    office.world.ask(office.clinician, ("contract.call/1", body))
    with pytest.raises(CallExists):
        office.world.ask(office.clinician, ("contract.call/1", body | {"argument": '{"by":2}'}))
    with pytest.raises(CallExists):
        office.world.ask(office.world.enrol("person"), ("contract.call/1", body))


def test_slow_contract_holds_no_more_than_its_share_of_threads(office: Office, pool: WorkerPool) -> None:
    contract, going = office.deploy(), threading.Event()

    def waiting(job: Job) -> Answer:
        going.wait(10)
        return pool.run(job)

    office.run = waiting
    threads = [threading.Thread(target=office.call, args=(contract,)) for _ in range(CALLERS_MAX)]
    for thread in threads:
        thread.start()
    while office.desk._callers._value:
        time.sleep(0.01)
    late = office.call(contract)
    assert (late.outcome, late.cause) == ("pending", "workers-busy")
    going.set()
    for thread in threads:
        thread.join()
    assert office.desk.open_calls(limit=10) == [late.call]


def test_contract_that_was_never_deployed_is_refused(office: Office) -> None:
    with pytest.raises(ContractMissing):
        office.call(office.world.ids.next())


def test_person_deploys_nothing(office: Office) -> None:
    with pytest.raises(NotPermitted):
        office.deploy(by=office.clinician)


def test_name_and_id_are_of_one_contract(office: Office) -> None:
    contract = office.deploy()
    with pytest.raises(ContractExists):
        office.deploy()
    with pytest.raises(ContractExists):
        office.world.ask(office.hospital, ("contract.deploy/1", {"contract": contract, **office.offer()}))
    office.world.ask(office.hospital, ("contract.retire/1", {"contract": contract, "reason": "replaced"}))
    office.deploy()


def test_source_with_a_float_and_broken_manifest_are_refused(office: Office) -> None:
    with pytest.raises(SourceRefused):
        office.deploy("x = 1.5")
    offer = {"contract": office.world.ids.next(), "manifest": "{}", "source": COUNTER}
    with pytest.raises(ManifestRefused):
        office.world.ask(office.hospital, ("contract.deploy/1", offer))


def upgrade(office: Office, contract: str, text: str, source: str = COUNTER) -> None:
    office.world.ask(
        office.hospital, ("contract.upgrade/1", {"contract": contract, **office.offer(source, text)})
    )


def test_upgrade_keeps_the_state(office: Office) -> None:
    contract = office.deploy()
    office.call(contract)
    upgrade(office, contract, COUNTING.replace("version = 1", "version = 2"), COUNTER.replace("1)", "10)"))
    assert office.call(contract).result == '{"count":11}'
    assert office.last().body.version == 2


@pytest.mark.parametrize(
    "text",
    [
        COUNTING,
        COUNTING.replace('"counter"', '"other"').replace("version = 1", "version = 2"),
        'ordering = "key"\nkey = "call.argument.by"\n'
        + COUNTING.replace("version = 1", "version = 2").split('[[triggers]]\non = "entry"')[0],
    ],
    ids=["same-version", "another-name", "another-order"],
)
def test_upgrade_is_refused(office: Office, text: str) -> None:
    contract = office.deploy()
    with pytest.raises(VersionRefused):
        upgrade(office, contract, text)


def test_paused_contract_rests_until_it_is_resumed(office: Office) -> None:
    contract = office.deploy()
    office.world.ask(office.hospital, ("contract.pause/1", {"contract": contract, "reason": "maintenance"}))
    with pytest.raises(ContractResting):
        office.call(contract)
    with pytest.raises(ContractResting):
        office.desk.perform(office.entry_trigger(contract, 1))
    office.world.ask(office.hospital, ("contract.resume/1", {"contract": contract}))
    assert office.call(contract).outcome == "executed"
    with pytest.raises(ContractResting):
        office.world.ask(office.hospital, ("contract.resume/1", {"contract": contract}))


def test_retired_contract_never_runs_again(office: Office) -> None:
    contract = office.deploy()
    office.world.ask(office.hospital, ("contract.retire/1", {"contract": contract, "reason": "replaced"}))
    for command in ("contract.resume/1", "contract.retire/1"):
        body = {"contract": contract} | ({"reason": "again"} if command == "contract.retire/1" else {})
        with pytest.raises(ContractResting):
            office.world.ask(office.hospital, (command, body))
    with pytest.raises(ContractResting):
        office.call(contract)


ON_ENTRY = """
def handle(state, trigger):
    return {"seen": state.get("seen", 0) + 1}, []
"""


def test_trigger_runs_once_however_often_it_is_asked(office: Office) -> None:
    contract = office.deploy(ON_ENTRY)
    ready = office.entry_trigger(contract, 5)
    first = office.desk.perform(ready)
    assert office.desk.perform(ready) == first
    assert office.desk.perform(office.entry_trigger(contract, 5)) == first
    assert [entry.type for entry in office.world.entries()].count("contract.executed/1") == 1


def test_runs_of_one_contract_do_not_overtake_each_other(office: Office) -> None:
    contract = office.deploy(ON_ENTRY)
    triggers = [office.entry_trigger(contract, position) for position in range(8)]
    threads = [threading.Thread(target=office.desk.perform, args=(ready,)) for ready in triggers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = [entry.body for entry in office.world.entries() if entry.type == "contract.executed/1"]
    assert len(runs) == 8
    assert all(later.before == earlier.after for earlier, later in pairwise(runs))


def test_upgrade_during_a_run_has_it_run_again_by_the_new_source(office: Office, pool: WorkerPool) -> None:
    contract = office.deploy(ON_ENTRY)
    upgraded: list[int] = []

    def upgrading(job: Job) -> Answer:
        if not upgraded:
            upgraded.append(1)
            newer = ON_ENTRY.replace("+ 1", "+ 100")
            upgrade(office, contract, COUNTING.replace("version = 1", "version = 2"), newer)
        return pool.run(job)

    office.run = upgrading
    office.desk.perform(office.entry_trigger(contract, 5))
    assert office.last().body.version == 2
    assert b"100" in (office.document(office.last().body.after) or b"")


def test_contract_that_changes_without_end_is_left_for_later(office: Office, pool: WorkerPool) -> None:
    contract = office.deploy(ON_ENTRY)
    versions = iter(range(2, 100))

    def upgrading(job: Job) -> Answer:
        upgrade(office, contract, COUNTING.replace("version = 1", f"version = {next(versions)}"), ON_ENTRY)
        return pool.run(job)

    office.run = upgrading
    with pytest.raises(RunStale):
        office.desk.perform(office.entry_trigger(contract, 5))


def test_call_that_could_not_be_run_is_found_again_and_run_once(office: Office, pool: WorkerPool) -> None:
    def busy(_job: Job) -> Answer:
        raise WorkersBusy("all workers are busy")

    contract = office.deploy()
    office.run = busy
    answer = office.call(contract)
    assert (answer.outcome, answer.cause) == ("pending", "workers-busy")
    assert office.desk.open_calls(limit=10) == [answer.call]
    office.run = pool.run
    assert office.desk.answer_call(contract, answer.call).result == '{"count":1}'  # type: ignore[arg-type]
    assert office.desk.open_calls(limit=10) == []


def test_nobody_but_the_desk_says_that_a_contract_ran(office: Office) -> None:
    contract = office.deploy()
    office.call(contract)
    said = office.last().body
    values = {name: getattr(said, name) for name in said.__struct_fields__}
    word = SayExecuted(**values | {"trigger": "entry:99", "contract": contract, "documents": ()})
    command = CommandType("contract.say-executed/1", SayExecuted, office.desk._say_executed)
    with pytest.raises(NotPermitted):
        office.record(command, word)
    assert "contract.say-executed/1" not in office.world.registry.commands


def test_trigger_without_the_key_fails_without_running(office: Office) -> None:
    text = COUNTING.replace('by = "integer?"', 'patient = "text"').replace(
        'bad = "boolean?"', 'by = "integer?"'
    )
    text = 'ordering = "key"\nkey = "call.argument.patient"\n' + text.split('[[triggers]]\non = "entry"')[0]
    contract = office.deploy(COUNTER, text)
    assert office.call(contract, patient="Jane Roe").cause == "key"
    assert "Jane" not in office.last().data.decode()
    one, other = office.world.ids.next(), office.world.ids.next()
    assert office.call(contract, patient=one).result == '{"count":1}'
    assert office.call(contract, patient=other).result == '{"count":1}'
    assert office.call(contract, patient=one).result == '{"count":2}'


def test_state_tables_are_a_fold_of_the_entries(office: Office) -> None:
    contract = office.deploy()
    office.call(contract)
    office.call(contract, bad=True)
    fresh = apsw.Connection(":memory:")
    fresh.execute(RECORDED.store.schema if RECORDED.store else "")
    for entry in office.world.entries():
        if entry.type.startswith("contract."):
            store.apply(fresh, entry)
    for table in store.TABLES:
        rows = f"SELECT * FROM {table} ORDER BY 1, 2"
        assert list(fresh.execute(rows)) == list(office.world.db.execute(rows))


def test_permission_is_asked_for_and_what_it_leaves_stands_before_the_entry(
    tmp_path: Path, pool: WorkerPool
) -> None:
    office = Office(tmp_path, pool.run)
    asked: list[str] = []
    permit = office.desk.contracts._authorise

    def asking(actor: object, action: str, *rest: object) -> object:
        asked.append(action)
        return permit(actor, action, *rest)  # type: ignore[arg-type]

    office.desk.contracts._authorise = asking  # type: ignore[assignment]
    contract = office.deploy()
    office.call(contract)
    office.close()
    assert asked == ["administer", "run-contract"]
