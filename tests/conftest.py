"""What holds for every test: a stack of the usual depth, and no wait that lasts for ever.

What makes them quick is `support/quick.py`.

Each phase of a test (its fixtures, itself, taking down) has `PHASE_SECONDS`. Then an alarm raises in the very line that
waits, so that the report names it, everything is taken down in order, and the other tests go on. Where even that does
not help (a lock that no signal interrupts), pytest's own guard ends the process a little later: `faulthandler_timeout`.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import pytest

from tests.support.quick import (
    QUICK,
    SHIPPED,
    keep_files_in_memory,
    key_files_sealed_by,
    start_with_the_longest,
)
from tests.torture.scale import TORTURE

RECURSION_LIMIT = 1_000
"""What Python starts with. One of the libraries that judge ours raises it a hundredfold as it is imported: then
deeply nested JSON, which is refused everywhere else, overflows the stack of whatever test comes after."""

PHASE_SECONDS: Final = 240
"""The slowest takes half a minute on two quiet cores; a busy machine is given eight times that."""


class WaitedTooLong(Exception):
    """What a test waits for has not come."""


def pytest_configure() -> None:
    keep_files_in_memory()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    start_with_the_longest(items, Path(__file__).parent)


@pytest.fixture(scope="session", autouse=True)
def quick_key_files() -> Iterator[None]:
    with key_files_sealed_by([QUICK] * len(SHIPPED)):
        yield


@pytest.fixture
def shipped_cost() -> Iterator[None]:
    """For a test of what key files cost by default."""
    with key_files_sealed_by(SHIPPED):
        yield


def pytest_collection_finish() -> None:
    """Every test module is imported now, and everything that those import."""
    sys.setrecursionlimit(RECURSION_LIMIT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    with _bounded():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    with _bounded():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    with _bounded():
        yield


@contextmanager
def _bounded() -> Generator[None]:
    # Campaigns run as long as they were told to, and signals come to the main thread alone.
    if TORTURE > 1 or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _raise)
    signal.setitimer(signal.ITIMER_REAL, PHASE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _raise(_number: int, _frame: FrameType | None) -> None:
    raise WaitedTooLong(f"nothing came for {PHASE_SECONDS} s")
