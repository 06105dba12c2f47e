"""Generated policies, entities and requests for two Cedar engines to agree on; the same seed gives the same cases.

Policies are grammatical and mostly well typed, some overflow or look at what is not there, and some inputs do not
fit the schema: an engine's errors are part of what has to agree.

Start at `make_sets`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

KINDS = ("person", "system", "device", "organisation", "node")
ACTORS = tuple(f"a{number}" for number in range(8))
GROUPS = ("team", "ward", "clinic")
DATASETS = ("d1", "d2", "d3")
RESOURCES = {"Object": "o", "Visit": "v", "Device": "m", "Contract": "c", "Log": "l", "Organisation": "g"}
ACTIONS = ("read", "export", "print", "share", "create", "change", "erase", "grant", "record", "connect",
           "open-visit", "close-visit", "read-log", "break-glass", "run-contract", "administer")  # fmt: skip
RELEASES = ("read", "export", "print", "share")
WORKS = ("create", "change", "erase", "grant", "record", "administer")
FITTING = {
    "Object": (*RELEASES, *WORKS, "break-glass"),
    "Visit": (*RELEASES, *WORKS, "open-visit", "close-visit", "break-glass"),
    "Device": (*RELEASES, *WORKS, "connect", "break-glass"),
    "Contract": (*RELEASES, *WORKS, "run-contract"),
    "Log": ("read-log", "administer"),
    "Organisation": (*WORKS, "read-log", "connect", "open-visit", "close-visit"),
}
FACTORS = ("licence.licensed_in=WA", "licence.licensed_in=OR", "identity.over_18=true", 'insurance.plan=x"y')
PURPOSES = ("treatment", "payment", "operations", "patient-request", "emergency")


@dataclass
class CaseSet:
    """Policies by id, and what is asked of them: each case has principal, action, resource, context, entities."""

    policies: dict[str, str]
    cases: list[dict[str, Any]] = field(default_factory=list)


def make_sets(seed: int, *, sets: int, cases: int) -> list[CaseSet]:
    """So many sets of policies with so many cases each."""
    random = Random(seed)
    return [_make_set(random, cases) for _ in range(sets)]


def make_cases(random: Random, count: int) -> list[dict[str, Any]]:
    """Cases for policies of somebody else's."""
    return [_case(random) for _ in range(count)]


def _make_set(random: Random, count: int) -> CaseSet:
    policies = {}
    for number in range(random.randint(1, 9)):
        token = random.random() < 0.4
        id = f"token:t{number}" if token else f"rule-{number}"
        policies[id] = _policy(random, id, effect="permit" if token or random.random() < 0.6 else "forbid")
    return CaseSet(policies, make_cases(random, count))


def _policy(random: Random, id: str, *, effect: str) -> str:
    clauses = "".join(
        f"\n{random.choice(('when', 'when', 'unless'))} {{ {_boolean(random, 3)} }}"
        for _ in range(random.randint(0, 2))
    )
    scope = f"{_principal(random)}, {_action(random)}, {_resource(random)}"
    return f'@id("{id}") {effect} ({scope}){clauses};\n'


def _principal(random: Random) -> str:
    return random.choice(
        (
            "principal",
            "principal",
            "principal is Telesphor::Actor",
            f'principal == Telesphor::Actor::"{random.choice(ACTORS)}"',
            f'principal in Telesphor::Group::"{random.choice(GROUPS)}"',
        )
    )


def _action(random: Random) -> str:
    some = ", ".join(f'Telesphor::Action::"{name}"' for name in random.sample(ACTIONS, 3))
    one = f'action == Telesphor::Action::"{random.choice(ACTIONS)}"'
    return random.choice(
        ("action", "action", "action", one, f"action in [{some}]", 'action in Telesphor::Action::"release"')
    )


def _resource(random: Random) -> str:
    kind = random.choice(tuple(RESOURCES))
    return random.choice(
        (
            "resource",
            "resource",
            f"resource is Telesphor::{kind}",
            f'resource == Telesphor::{kind}::"{RESOURCES[kind]}1"',
            f'resource in Telesphor::Dataset::"{random.choice(DATASETS)}"',
            'resource in Telesphor::Visit::"v1"',
        )
    )


def _boolean(random: Random, depth: int) -> str:
    if depth and random.random() < 0.6:
        left, right = _boolean(random, depth - 1), _boolean(random, depth - 1)
        return random.choice(
            (
                f"({left} && {right})",
                f"({left} || {right})",
                f"!({left})",
                f"(if {left} then {right} else {left})",
            )
        )
    if random.random() < 0.1:
        return f"context.now + {2**63 - 1} > {random.choice((0, 3))}"  # overflows, but for the year 1970
    actor, factor = random.choice(ACTORS), random.choice(FACTORS).replace('"', '\\"')
    return random.choice(
        (
            "true",
            f'principal.kind == "{random.choice(KINDS)}"',
            f'principal.roles.contains("{random.choice(("clinician", "nurse"))}")',
            f"context.now {random.choice(('<', '<=', '>', '=='))} {random.choice((0, 5, 10**12))}",
            f"context.now {random.choice('+-*')} {random.choice((1, 2**62, 2**63 - 1))} > 3",
            f'context.factors.contains("{factor}")',
            f'context.factors.containsAll(["{factor}"])',
            f'context.factors.containsAny(["{factor}", "identity.over_18=true"])',
            f'(context has purpose && context.purpose == "{random.choice(PURPOSES)}")',
            f'context.purpose == "{random.choice(PURPOSES)}"',
            '(context has location && context.location like "US-*")',
            f'context.assurance == "{random.choice(("key", "passkey"))}"',
            "(resource has owner && resource.owner == principal)",
            "resource.owner == principal",
            f'(resource has readers && resource.readers.contains(Telesphor::Actor::"{actor}"))',
            "(resource has readers && resource.readers.isEmpty())",
            f'(resource has subject && resource.subject in Telesphor::Group::"{random.choice(GROUPS)}")',
            '(resource has owner && resource.owner.kind == "person")',
            "(context has device && context.device.owner == principal)",
            '(context has visit && context.visit == Telesphor::Visit::"v1")',
            'context.at.toTime() < duration("6h")',
            'context.at > datetime("2026-06-01")',
            'context.at.offset(duration("1d")) > datetime("9999-12-31")',
            "(context has break_glass && context.now < context.break_glass.until)",
            f'principal in [Telesphor::Group::"{random.choice(GROUPS)}", Telesphor::Actor::"{actor}"]',
            'action in Telesphor::Action::"release"',
            "resource is Telesphor::Object",
        )
    )


def _case(random: Random) -> dict[str, Any]:
    kind = random.choice(tuple(RESOURCES))
    actor = random.choice(ACTORS)
    case: dict[str, Any] = {
        "principal": _uid("Actor", actor),
        "action": _uid("Action", random.choice(FITTING[kind] if random.random() < 0.95 else ACTIONS)),
        "resource": _uid(kind, f"{RESOURCES[kind]}{random.randint(0, 2)}"),
        "context": _context(random),
        "entities": _entities(random, actor),
    }
    case["entities"].append(_entity(random, case["resource"]))
    if random.random() < 0.1:
        _spoil(random, case)
    return case


def _context(random: Random) -> dict[str, Any]:
    instant = random.choice(
        ("2026-01-15T03:00:00.000Z", "2026-11-22T11:51:15.123Z", "9999-12-31T23:59:59.999Z")
    )
    optional = {
        "purpose": random.choice(PURPOSES),
        "location": random.choice(("US-WA", "CA-BC")),
        "visit": {"__entity": _uid("Visit", "v1")},
        "break_glass": {
            "id": "x",
            "reason": "x",
            "until": random.choice((3, 10**13)),
            "reauthenticated": True,
            "passkey": False,
        },
        "device": {
            "owner": _reference(random.choice(ACTORS)),
            "model": "m",
            "firmware": "f",
            "connected_at": 3,
            "channel": "",
        },
    }
    return {
        "now": random.choice((0, 5, 1_795_348_275_123)),
        "at": {"__extn": {"fn": "datetime", "arg": instant}},
        "factors": sorted(random.sample(FACTORS, random.randint(0, 3))),
        "self_declared": sorted(random.sample(FACTORS, random.randint(0, 1))),
        "assurance": random.choice(("key", "passkey")),
        **{name: value for name, value in optional.items() if random.random() < 0.5},
    }


def _entities(random: Random, actor: str) -> list[dict[str, Any]]:
    """Whoever asks is always there; the others are there or not, as a node may know them or not."""
    present = {actor, *random.sample(ACTORS, random.randint(0, 4))}
    return [
        {
            "uid": _uid("Actor", name),
            "attrs": {
                "kind": random.choice(KINDS),
                "roles": sorted(
                    random.sample(("clinician", "nurse", "privacy-officer"), random.randint(0, 2))
                ),
            },
            "parents": [_uid("Group", group) for group in random.sample(GROUPS, random.randint(0, 2))],
        }
        for name in sorted(present)
    ]


def _entity(random: Random, uid: dict[str, str]) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "readers": [_reference(name) for name in random.sample(ACTORS, random.randint(0, 3))],
        "owner": _reference(random.choice(ACTORS)),
        "subject": _reference(random.choice(ACTORS)),
    }
    kind = uid["type"].rpartition("::")[2]
    parents = []
    if kind in ("Object", "Visit", "Device", "Contract"):
        parents += [_uid("Dataset", name) for name in random.sample(DATASETS, random.randint(0, 2))]
    if kind == "Object" and random.random() < 0.5:
        parents.append(_uid("Visit", "v1"))
    kept = {name: value for name, value in attributes.items() if random.random() < 0.8}
    return {"uid": uid, "attrs": kept, "parents": parents}


def _spoil(random: Random, case: dict[str, Any]) -> None:
    """Make the inputs not fit the schema, in one of several ways."""
    spoiled = random.randrange(6)
    if spoiled == 0:
        del case["context"][random.choice(("now", "at", "factors", "assurance"))]
    elif spoiled == 1:
        case["context"]["now"] = "noon"
    elif spoiled == 2:
        case["context"]["more"] = True
    elif spoiled == 3:
        case["action"] = _uid("Action", "fly")
    elif spoiled == 4:
        case["entities"][0]["attrs"]["kind"] = 7
    else:
        case["resource"] = _uid("King", "k")


def _uid(type: str, id: str) -> dict[str, str]:
    return {"type": f"Telesphor::{type}", "id": id}


def _reference(actor: str) -> dict[str, Any]:
    return {"__entity": _uid("Actor", actor)}
