"""One run: what is taken of its answer, and what is refused."""

from __future__ import annotations

import json

import msgspec
import pytest

from telesphor.capabilities.contracts.execution import execute, key_of, matches
from telesphor.capabilities.contracts.manifest import OnEntry
from telesphor.capabilities.contracts.model import Answer, Cause, CommandEffect, Execution, Job, SendEffect
from telesphor.capabilities.contracts.pool import WorkerPool
from tests.unit.capabilities.contracts.office import COUNTING, manifest

PERMITTED = COUNTING.replace(
    'connectors = ["out"]', 'connectors = ["out"]\ncommands = ["visit.close/1"]\nsecrets = ["token"]'
)
CALL = {"kind": "call", "call": {"name": "count", "argument": {}}}
ENTRY = {"kind": "entry", "entry": {}}


def run(pool: WorkerPool, returned: str, trigger: object = ENTRY) -> Execution:
    source = f"def handle(state, trigger):\n    return {returned}\n"
    return execute(manifest(PERMITTED), source, state="{}", trigger=json.dumps(trigger), run=pool.run)


def lie(answer: Answer, trigger: object = ENTRY) -> Execution:
    """What comes of a worker's answer that is not what its code can have given."""
    return execute(manifest(PERMITTED), "", state="{}", trigger=json.dumps(trigger), run=lambda _: answer)


def test_effects_come_back_in_order(pool: WorkerPool) -> None:
    found = run(pool, "{'n': 1}, [send('out', 1), command('visit.close/1', {}), send('out', 2, key = 'k')]")
    assert found.cause is None
    assert found.effects == (
        SendEffect("out", 1),
        CommandEffect("visit.close/1", {}),
        SendEffect("out", 2, "k"),
    )
    assert found.state == '{"n":1}'


def test_result_of_a_call_has_the_shape_that_the_manifest_promises(pool: WorkerPool) -> None:
    assert run(pool, "{}, [], {'count': 1}", CALL).result == '{"count":1}'
    assert run(pool, "{}, [], {'count': '1'}", CALL).cause == Cause.ANSWER
    assert run(pool, "{}, []", CALL).cause == Cause.ANSWER
    assert run(pool, "{}, [], {'count': 1}").cause == Cause.ANSWER


REFUSED = {
    "no-pair": ("{}", Cause.ANSWER),
    "four-parts": ("{}, [], None, 1", Cause.ANSWER),
    "state-of-a-list": ("[], []", Cause.ANSWER),
    "effects-of-a-dict": ("{}, {}", Cause.ANSWER),
    "key-that-is-no-text": ("{1: 2}, []", Cause.ANSWER),
    "key-outside-of-ascii": ("{'é': 2}, []", Cause.ANSWER),
    "function": ("{'f': handle}, []", Cause.ANSWER),
    "command-not-permitted": ("{}, [command('actor.retire/1', {})]", Cause.EFFECT),
    "connector-not-permitted": ("{}, [send('elsewhere', {})]", Cause.EFFECT),
    "secret-not-permitted": ("{}, [send('out', {'a': [secret('other')]})]", Cause.EFFECT),
    "secret-in-a-command": ("{}, [command('visit.close/1', {'a': secret('token')})]", Cause.EFFECT),
    "secret-with-company": ("{}, [send('out', {'$secret': 'token', 'a': 1})]", Cause.EFFECT),
    "effect-of-another-kind": ("{}, [{'effect': 'delete'}]", Cause.EFFECT),
    "effect-that-is-none": ("{}, [1]", Cause.EFFECT),
    "effect-with-more": ("{}, [dict(send('out', 1), more = 1)]", Cause.EFFECT),
    "too-many-effects": ("{}, [send('out', 1)] * 65", Cause.EFFECT),
}


@pytest.mark.parametrize("name", REFUSED)
def test_answer_is_refused(pool: WorkerPool, name: str) -> None:
    returned, cause = REFUSED[name]
    found = run(pool, returned)
    assert (found.cause, found.state, found.effects) == (cause, "", ())


LIES = {
    "state-that-is-not-canonical": Answer(state='{"b":1, "a":2}'),
    "state-of-a-float": Answer(state='{"a":1.5}'),
    "state-of-a-list": Answer(state="[]"),
    "no-state": Answer(),
    "state-too-large": Answer(state=json.dumps({"a": "x" * 300_000}, separators=(",", ":"))),
    "effects-that-are-not-json": Answer(state="{}", effects="["),
    "effects-of-text": Answer(state="{}", effects='"x"'),
    "result-that-is-not-canonical": Answer(state="{}", result=" null"),
    "effect-not-permitted": Answer(
        state="{}", effects='[{"body":{},"effect":"command","type":"actor.retire/1"}]'
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_worker_that_was_taken_over_cannot_give_more_than_a_contract(name: str) -> None:
    assert lie(LIES[name]).cause in (Cause.ANSWER, Cause.ANSWER_SIZE, Cause.EFFECT)


def test_message_and_lines_of_a_worker_are_bounded_and_can_be_written() -> None:
    printed = ("x" * 10_000 + "\ud800",) * 1_000
    found = lie(Answer(cause=Cause.RAISED, message="\ud800" * 10_000, printed=printed))
    assert len(found.message) <= 2_000
    assert len(found.printed) == 64
    msgspec.json.encode(found)


def test_entry_matches_by_type_and_by_what_stands_at_its_paths() -> None:
    rule = OnEntry(type="visit.opened/1", where={"body.kind": ("video", "phone")})
    entry: dict[str, object] = {"type": "visit.opened/1", "body": {"kind": "video"}}
    assert matches(rule, entry)
    assert not matches(rule, entry | {"type": "visit.closed/1"})
    assert not matches(rule, entry | {"body": {"kind": "chat"}})
    assert not matches(rule, entry | {"body": {}})
    assert not matches(rule, entry | {"body": []})


def test_key_is_an_opaque_id_or_there_is_none() -> None:
    patient = "01900000-0000-7000-8000-000000000001"
    keyed = manifest(
        'ordering = "key"\nkey = "call.argument.patient"\n' + COUNTING.split('[[triggers]]\non = "entry"')[0]
    )
    for value, key in (
        (patient, patient),
        (f"visit/{patient}", f"visit/{patient}"),
        ("Jane Roe", None),
        (7, None),
        (None, None),
    ):
        assert key_of(keyed, {"call": {"argument": {"patient": value}}}) == key
    assert key_of(manifest(), {}) == ""


def test_worker_is_told_nothing_of_its_node() -> None:
    told = {field.name for field in msgspec.structs.fields(Job)}
    assert told == {"source", "state", "trigger", "limits", "cases"}
