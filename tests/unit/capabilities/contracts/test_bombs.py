"""Contracts that loop, recurse, allocate or crash: each ends with its cause, and its neighbours notice nothing."""

from __future__ import annotations

import threading
import time

import pytest

from telesphor.capabilities.contracts.model import REPEATABLE, Answer, Cause, Job, Limits
from telesphor.capabilities.contracts.pool import WorkerPool

STEPS = 200_000


def job(body: str, *, above: str = "", steps: int = STEPS, memory_mib: int = 16) -> Job:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    source = f"{above}\ndef handle(state, trigger):\n{lines}\n"
    return Job(source=source, state="{}", trigger="{}", limits=Limits(steps=steps, memory_mib=memory_mib))


def well(pool: WorkerPool) -> bool:
    answer = pool.run(job("return {'fine': True}, []"))
    return answer.cause is None and answer.state == '{"fine":true}'


BOMBS: dict[str, tuple[Job, Cause]] = {
    "endless-loop": (job("for a in range(100000):\n    for b in range(100000):\n        pass"), Cause.STEPS),
    "nested-ranges": (job("return [0 for a in range(1000) for b in range(1000)]"), Cause.STEPS),
    "nested-ranges-with-steps-to-spare": (
        job("return [a for a in range(9999) for b in range(9999)]", steps=50_000_000), Cause.MEMORY
    ),
    "sorted-of-2e8": (job("return sorted(range(200000000))"), Cause.FAILED),
    "loop-inside-a-builtin": (job("return max(range(2000000000))"), Cause.FAILED),
    "string-doubling": (job("x = 'a'\nfor i in range(60):\n    x = x + x"), Cause.MEMORY),
    "list-doubling": (job("x = [0]\nfor i in range(60):\n    x = x + x"), Cause.MEMORY),
    "list-times-a-billion": (job("return [0] * 1000000000"), Cause.MEMORY),
    "replace-that-multiplies": (
        job("x = 'a' * 100000\nreturn x.replace('a', x).replace('a', x)"), Cause.MEMORY
    ),
    "deep-recursion": (job("return f(0)", above="def f(n):\n    return f(n + 1)\n"), Cause.DEPTH),
    "recursion-through-lambda": (job("g = lambda n: g(n + 1)\nreturn g(0)"), Cause.DEPTH),
    "giant-state": (job("return {'x': 'a' * 300000}, []"), Cause.ANSWER_SIZE),
    "giant-output": (job("return {}, [{'x': 'a' * 300000}]"), Cause.ANSWER_SIZE),
    "billion-laughs": (job("x = ['lol']\nfor i in range(40):\n    x = [x, x]\nreturn {'x': x}, []"), Cause.MEMORY),
    "deep-answer": (job("x = []\nfor i in range(100):\n    x = [x]\nreturn {'x': x}, []"), Cause.ANSWER),
    "answer-within-itself": (job("x = []\nx.append(x)\nreturn {'x': x}, []"), Cause.RAISED),
    "giant-shift": (job("return 1 << 1000000000"), Cause.RAISED),
    "giant-integer": (job("return {'x': 1 << 60}, []"), Cause.ANSWER),
    "minus-without-end": (job("return " + "-" * 5000 + "1"), Cause.SOURCE),
    "sum-without-end": (job("return " + "1+" * 5000 + "1"), Cause.SOURCE),
    "brackets-without-end": (job("return " + "(" * 5000 + "1" + ")" * 5000), Cause.SOURCE),
    "endless-loop-at-the-top": (
        job("return {}, []", above="[0 for a in range(99999) for b in range(99999)]"), Cause.STEPS
    ),
    "printing-without-end": (job("for i in range(1000000):\n    print('x' * 400)"), Cause.STEPS),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_ends_with_its_cause_and_hurts_nobody(pool: WorkerPool, name: str) -> None:
    bomb, cause = BOMBS[name]
    answer = pool.run(bomb)
    assert (answer.cause, answer.state, answer.effects) == (cause, "", "[]")
    assert answer.gas <= bomb.limits.steps
    assert well(pool)
    assert well(pool)  # the other worker as well


@pytest.mark.parametrize("name", [name for name, (_, cause) in BOMBS.items() if cause in REPEATABLE])
def test_bomb_of_a_repeatable_cause_is_the_same_in_every_worker(pool: WorkerPool, name: str) -> None:
    bomb, _ = BOMBS[name]
    assert len({pool.run(bomb).__repr__() for _ in range(4)}) == 1


def test_what_no_step_counts_ends_by_its_time() -> None:
    pool = WorkerPool(1, seconds=0.5)
    quadratic = "x = list(range(1000000))\nfor i in range(10000):\n    x.index(999999)"
    began = time.monotonic()
    assert pool.run(job(quadratic, memory_mib=64, steps=50_000_000)).cause == Cause.TIME
    assert time.monotonic() - began < 20
    pool.close()


def test_crash_of_a_worker_is_told_and_another_takes_its_place(pool: WorkerPool) -> None:
    """Text of something a million deep descends on a stack that ends: a bug of the engine, of those there may be."""
    deep = "x = []\nfor i in range(1000000):\n    x = [x]\nreturn len(str(x))"
    answer = pool.run(job(deep, steps=50_000_000, memory_mib=256))
    assert answer.cause == Cause.CRASHED
    assert answer.gas == 0
    assert well(pool) and well(pool)


def test_bomb_in_one_worker_leaves_the_other_running(pool: WorkerPool) -> None:
    answers: list[Answer] = []
    loop = job("for a in range(99999):\n    for b in range(99999):\n        pass", steps=5_000_000)
    threads = [threading.Thread(target=lambda: answers.append(pool.run(loop)))]
    threads[0].start()
    for _ in range(20):
        assert well(pool)
    threads[0].join()
    assert answers[0].cause == Cause.STEPS


def test_gas_is_counted_alike_on_every_run_and_in_every_process(pool: WorkerPool) -> None:
    work = job("x = 0\nfor i in range(12345):\n    x += i\nreturn {'x': json.encode([x] * 100)}, []")
    spent = {pool.run(work).gas for _ in range(6)}
    with_new = WorkerPool(1)
    spent.add(with_new.run(work).gas)
    with_new.close()
    assert len(spent) == 1
    assert spent.pop() > 12_000


def test_loading_costs_the_same_when_the_module_is_remembered(pool: WorkerPool) -> None:
    work = job("return {}, []", above="numbers = [i for i in range(20000)]")
    assert {pool.run(work).gas for _ in range(4)} == {20_000}


def test_nothing_passes_from_one_run_to_the_next(pool: WorkerPool) -> None:
    keep = job("kept.append(1)\nreturn {'n': len(kept)}, []", above="kept = []")
    assert {pool.run(keep).cause for _ in range(3)} == {Cause.RAISED}
