"""Our decisions before a second engine: npm `@cedar-policy/cedar-wasm`, on thousands of generated requests.

Both are given the same policies, schema, entities and requests. They must agree on the outcome, on the policies
that determined it, and on those that could not be evaluated; what our wrapper then makes of a failure (it denies,
but for tokens) is applied to the second engine's answer by the few lines of `narrowed`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from telesphor.capabilities.access.documents import document_of
from telesphor.capabilities.access.engine import INPUT_FAILED, Evaluation, evaluate
from telesphor.capabilities.access.policies import BASE, SCHEMA, texts_by_id
from telesphor.capabilities.access.vocabulary import SCHEMA_TEXT
from telesphor.demo.bcoin import find_node_program
from tests.support.cedar_cases import CaseSet, make_cases, make_sets

MODULES = Path(__file__).parents[2] / "node_modules"
JUDGE = Path(__file__).with_name("cedar_judge.mjs")
SECONDS_MAX = 120
SEED = 20_261_122
SETS, CASES = 60, 30
BASE_CASES = 400
REQUESTS_MIN = 2_000


@pytest.fixture(scope="module")
def sets() -> list[CaseSet]:
    """Generated policies, and the shipped base, each with generated requests."""
    base = CaseSet(texts_by_id(BASE), make_cases(Random(SEED), BASE_CASES))
    return [*make_sets(SEED, sets=SETS, cases=CASES), base]


@pytest.fixture(scope="module")
def answers(sets: list[CaseSet]) -> list[list[dict[str, Any]]]:
    """What the second engine says."""
    program = find_node_program()
    if program is None or not (MODULES / "@cedar-policy" / "cedar-wasm").is_dir():
        pytest.skip("needs Node.js with npm's `@cedar-policy/cedar-wasm`: `make setup` installs them")
    asked = {
        "modules": str(MODULES),
        "schema": SCHEMA_TEXT,
        "sets": [{"policies": made.policies, "cases": made.cases} for made in sets],
    }
    done = subprocess.run(
        [program, str(JUDGE)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[list[dict[str, Any]]] = json.loads(done.stdout)
    return found


def test_both_engines_agree(sets: list[CaseSet], answers: list[list[dict[str, Any]]]) -> None:
    compared = 0
    for made, theirs in zip(sets, answers, strict=True):
        for case, answer in zip(made.cases, theirs, strict=True):
            ours = decided(made, case)
            assert ours == narrowed(answer), (made.policies, case, answer)
            compared += 1
    assert compared >= REQUESTS_MIN


def test_cases_are_of_every_sort(answers: list[list[dict[str, Any]]]) -> None:
    """A comparison in which nothing is ever allowed, forbidden or wrong would prove little."""
    flat = [answer for theirs in answers for answer in theirs]
    assert sum("input" in answer for answer in flat) > 50
    told = [answer for answer in flat if "input" not in answer]
    assert sum(answer["allowed"] for answer in told) > 200
    assert sum(not answer["allowed"] and bool(answer["reasons"]) for answer in told) > 50
    assert sum(not answer["allowed"] and not answer["reasons"] for answer in told) > 200
    assert sum(any(id.startswith("token:") for id in answer["failed"]) for answer in told) > 40
    assert sum(any(id.startswith("rule-") for id in answer["failed"]) for answer in told) > 40


def decided(made: CaseSet, case: dict[str, Any]) -> Evaluation:
    """Our answer; each policy is a text of its own, as tokens and organisations bring them."""
    return evaluate(
        policies=[document_of(text.encode()) for text in made.policies.values()],
        schema=SCHEMA,
        entities=document_of(json.dumps(case["entities"]).encode()),
        principal=case["principal"],
        action=case["action"],
        resource=case["resource"],
        context=json.dumps(case["context"]),
    )


def narrowed(answer: dict[str, Any]) -> Evaluation:
    """The second engine's answer, under our rule for failures."""
    if "input" in answer:
        return Evaluation(False, (), (INPUT_FAILED,))
    failed = tuple(answer["failed"])
    if any(not id.startswith("token:") for id in failed):
        return Evaluation(False, (), failed)
    return Evaluation(answer["allowed"], tuple(answer["reasons"]), failed)
