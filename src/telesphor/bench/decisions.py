"""Access decisions: 100 policies, 1,000 entities, asked with everything parsed once, and the naive ways beside it.

The naive ways are the same engine given text each time, and another policy language (Rego, by `regopy`) with the same
rules and the same facts, prepared as far as it can be. All of them answer the same requests, and all must
give the same answers. Each is measured in a process of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import cedarpy

from telesphor.bench.child import in_child
from telesphor.bench.figures import Figure, Peer, at_most, middle
from telesphor.bench.run import Run
from telesphor.capabilities.access.documents import document_of
from telesphor.capabilities.access.engine import evaluate
from telesphor.capabilities.access.policies import SCHEMA
from telesphor.capabilities.access.vocabulary import SCHEMA_TEXT

GROUP = "decisions"

POLICIES = 100
ENTITIES = 1_000
GROUPS = 50
DECISIONS = 2_000
PER_CALL = 20
REGO = 40

_READ = {"type": "Telesphor::Action", "id": "read"}


class Spent(NamedTuple):
    """The answers, and the milliseconds that each took."""

    answers: list[bool]
    times_ms: list[float]


def measure(run: Run) -> Iterator[Figure]:
    """Decisions by each way, on the same requests."""
    run.tell(f"deciding under {POLICIES} policies with {ENTITIES:,} entities")
    once = in_child(decide_parsed_once, run.count(DECISIONS)).value
    naive = in_child(decide_parsed_each_time, run.count(PER_CALL)).value
    _agree(once, naive)
    name = f"decision, {POLICIES} policies, {ENTITIES:,} entities"
    each = Peer("parsed for each call, ms", middle(naive.times_ms))
    yield Figure(GROUP, f"{name}, parsed once", middle(once.times_ms), "ms", at_most(1), each)
    if find_spec("regopy") is not None:
        rego = in_child(decide_in_rego, run.count(REGO)).value
        _agree(once, rego)
        peer = Peer("the same rules in Rego (regopy), ms", middle(rego.times_ms))
        yield Figure(GROUP, f"{name}, parsed once", middle(once.times_ms), "ms", peer=peer)
    yield Figure(GROUP, "decisions one after another, parsed once", 1_000 / middle(once.times_ms), "/s")


def decide_parsed_once(count: int) -> Spent:
    """Our own way: handles by digest; for a process of its own."""
    policies, entities = [document_of(cedar_text().encode())], document_of(json.dumps(facts()).encode())

    def decide(request: dict[str, Any]) -> bool:
        return evaluate(
            policies=policies,
            schema=SCHEMA,
            entities=entities,
            principal=request["principal"],
            action=request["action"],
            resource=request["resource"],
            context=request["context"],
        ).allowed

    decide(request_of(0))
    return _spend(decide, [request_of(number) for number in range(count)])


def decide_parsed_each_time(count: int) -> Spent:
    """The way of a first attempt: texts handed to the engine with each request; for a process of its own."""
    policies, entities = cedar_text(), json.dumps(facts())

    def decide(request: dict[str, Any]) -> bool:
        return cedarpy.is_authorized(request, policies, entities, SCHEMA_TEXT).allowed

    return _spend(decide, [request_of(number) for number in range(count)])


def decide_in_rego(count: int) -> Spent:
    """The same rules and facts in Rego, compiled before; for a process of its own."""
    interpreter: Any = import_module("regopy").Interpreter()  # a package for this measurement only
    interpreter.add_module("access", rego_text())
    interpreter.add_data(rego_facts())
    entry_point = "access/allow"
    bundle = interpreter.build(None, [entry_point])

    def decide(request: dict[str, Any]) -> bool:
        interpreter.set_input(
            {
                "principal": request["principal"]["id"],
                "resource": request["resource"]["id"],
                "factors": json.loads(request["context"])["factors"],
            }
        )
        answer = interpreter.query_bundle_entrypoint(bundle, entry_point)  # what it holds dies with it
        return json.loads(str(answer))["expressions"][0] is True

    return _spend(decide, [request_of(number) for number in range(count)])


def cedar_text() -> str:
    """A rule for readers, and rules that permit a group whoever has a certain factor."""
    reader = (
        '@id("reader") permit (principal, action == Telesphor::Action::"read", resource is Telesphor::Object)'
        " when { resource has readers && resource.readers.contains(principal) };"
    )
    groups = (
        f'@id("group-{number}") permit (principal in Telesphor::Group::"g{number % GROUPS}",'
        ' action == Telesphor::Action::"read", resource)'
        f' when {{ context.factors.contains("licence.kind={number}") }};'
        for number in range(1, POLICIES)
    )
    return "\n".join((reader, *groups))


def rego_text() -> str:
    """The same in Rego."""
    head = ["package access", "default allow := false"]
    reader = "allow if { input.principal in data.readers[input.resource] }"
    groups = (
        f'allow if {{ "g{number % GROUPS}" in data.groups[input.principal];'
        f' "licence.kind={number}" in input.factors }}'
        for number in range(1, POLICIES)
    )
    return "\n".join((*head, reader, *groups))


def facts() -> list[dict[str, Any]]:
    """Half of them actors in groups, half of them objects with a reader."""
    return [_actor(number) for number in range(ENTITIES // 2)] + [
        _object(number) for number in range(ENTITIES // 2)
    ]


def rego_facts() -> dict[str, Any]:
    """The same facts as data of Rego."""
    half = range(ENTITIES // 2)
    return {
        "groups": {f"a{number}": [f"g{number % GROUPS}"] for number in half},
        "readers": {f"o{number}": [f"a{number}"] for number in half},
    }


def request_of(number: int) -> dict[str, Any]:
    """One by one: a reader reads; somebody of a group with its factor; the same without it."""
    actor = number % (ENTITIES // 2)
    thing = actor if number % 3 == 0 else (actor + 1) % (ENTITIES // 2)
    factors = [f"licence.kind={actor % GROUPS or GROUPS}"] if number % 3 == 1 else []
    context = {
        "now": 1_795_348_275_123,
        "at": {"__extn": {"fn": "datetime", "arg": "2026-11-22T11:51:15.123Z"}},
        "factors": factors,
        "self_declared": [],
        "assurance": "key",
    }
    return {
        "principal": _uid("Actor", f"a{actor}"),
        "action": _READ,
        "resource": _uid("Object", f"o{thing}"),
        "context": json.dumps(context),
    }


def _spend(decide: Callable[[dict[str, Any]], bool], requests: Sequence[dict[str, Any]]) -> Spent:
    spent = Spent([], [])
    for request in requests:
        started = time.perf_counter()
        spent.answers.append(decide(request))
        spent.times_ms.append((time.perf_counter() - started) * 1_000)
    return spent


def _agree(ours: Spent, theirs: Spent) -> None:
    """INVARIANT: both answered the same requests, and the same."""
    shared = min(len(ours.answers), len(theirs.answers))
    assert ours.answers[:shared] == theirs.answers[:shared], "two ways of deciding differ"


def _actor(number: int) -> dict[str, Any]:
    parents = [_uid("Group", f"g{number % GROUPS}")]
    return {"uid": _uid("Actor", f"a{number}"), "attrs": {"kind": "person", "roles": []}, "parents": parents}


def _object(number: int) -> dict[str, Any]:
    readers = [{"__entity": _uid("Actor", f"a{number}")}]
    return {"uid": _uid("Object", f"o{number}"), "attrs": {"readers": readers}, "parents": []}


def _uid(type: str, id: str) -> dict[str, str]:
    return {"type": f"Telesphor::{type}", "id": id}
