"""The host API: what each function gives, and how it refuses."""

from __future__ import annotations

import json

import pytest

from telesphor.capabilities.contracts.model import Cause, Job, Limits
from telesphor.capabilities.contracts.pool import WorkerPool

GIVES = {
    "json.encode({'b': 1, 'a': [True, None]})": '{"a":[true,null],"b":1}',
    'json.decode(\' {"a": [1, "\\u00e9"]}\')': {"a": [1, "é"]},
    "digest('')": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "time.parse('1970-01-02T00:00:00.000Z') == time.day": True,
    "time.format(time.hour + time.minute + time.second)": "1970-01-01T01:01:01.000Z",
    "decimal.add('0.1', '0.2')": "0.3",
    "decimal.add('1.10', 2)": "3.10",
    "decimal.subtract('1', '1.00')": "0.00",
    "decimal.multiply('-0.5', '0')": "0.0",
    "decimal.compare('36.60', '36.6')": 0,
    "decimal.compare('-1', '0')": -1,
    "decimal.round('2.345', 2)": "2.34",
    "decimal.round('2.355', 2)": "2.36",
    "decimal.round('-0.001', 2)": "0.00",
    "list(range(2, 8, 3))": [2, 5],
    "command('visit.close/1', {'visit': 'x'})": {
        "effect": "command",
        "type": "visit.close/1",
        "body": {"visit": "x"},
    },
    "send('out', {'k': secret('s')})": {
        "effect": "send",
        "connector": "out",
        "message": {"k": {"$secret": "s"}},
        "key": "",
    },
}

REFUSES = (
    "json.decode('1.5')",
    "json.decode('1e3')",
    "json.decode('NaN')",
    "json.decode('{')",
    "json.decode('9007199254740993')",
    "json.decode('[' * 100000)",
    "json.decode(1)",
    "json.encode({1: 2})",
    "json.encode(1 << 60)",
    "digest(1)",
    "time.parse('yesterday')",
    "time.format(-1)",
    "time.format('x')",
    "decimal.add('1e5', '1')",
    "decimal.add('NaN', '1')",
    "decimal.add('1_0', '1')",
    "decimal.add('.', '1')",
    "decimal.add('', '1')",
    "decimal.add('-', '1')",
    "decimal.multiply('9' * 20, '9' * 20)",
    "decimal.round('1', 13)",
    "decimal.round('1', True)",
    "range(1000001)",
    "fail('because')",
)


def job(expression: str) -> Job:
    source = f"def handle(state, trigger):\n    return {{}}, [], {expression}\n"
    return Job(source=source, state="{}", trigger="{}", limits=Limits())


@pytest.mark.parametrize("expression", GIVES)
def test_host_gives(pool: WorkerPool, expression: str) -> None:
    answer = pool.run(job(expression))
    assert (answer.cause, answer.message) == (None, "")
    assert json.loads(answer.result) == GIVES[expression]


@pytest.mark.parametrize("expression", REFUSES)
def test_host_refuses(pool: WorkerPool, expression: str) -> None:
    answer = pool.run(job(expression))
    assert answer.cause == Cause.FAILED
    assert answer.message


def test_reason_given_to_fail_is_the_message(pool: WorkerPool) -> None:
    assert pool.run(job("fail('too', 3)")).message == "too 3"


def test_host_is_paid_for_by_bytes(pool: WorkerPool) -> None:
    small, large = (pool.run(job(f"len(json.encode('x' * {size}))")).gas for size in (10, 64_000))
    assert large - small == 1_000


def test_missing_function_is_told(pool: WorkerPool) -> None:
    answer = pool.run(Job(source="x = 1\n", state="{}", trigger="{}", limits=Limits()))
    assert answer.cause == Cause.RAISED
    assert "handle" in answer.message
