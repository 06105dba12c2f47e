"""Measuring in a process of its own: clean memory, an interpreter lock of its own, no warm caches.

`in_child` runs one function and brings back its value with its peak memory; `Companion` is a process
that goes on working (a served node) until it is told to end.
"""

from __future__ import annotations

import resource
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from telesphor.bench.clocks import peak_bytes
from telesphor.kernel.errors import Kind, TelesphorError

T = TypeVar("T")

ANSWER_SECONDS = 900.0
"""A million entries on a slow machine; a child that takes longer is stuck."""

_SPAWN = get_context("spawn")


class MeasurementFailed(TelesphorError):
    """A process that measures broke or did not answer."""

    code = "measurement-failed"
    kind = Kind.INTERNAL


@dataclass(frozen=True, slots=True)
class Measured(Generic[T]):
    """What a child found, and the most memory that it and its own children held."""

    value: T
    peak_bytes: int


def in_child(function: Callable[..., T], *args: Any) -> Measured[T]:
    """Run an importable function in a fresh process; raises `MeasurementFailed` with its traceback."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=(there, function, args))
    process.start()
    there.close()
    try:
        value, peak = _answer(here)
    finally:
        process.join()
    return Measured(value, peak)


class Companion:
    """A process that works beside the measurement.

    Its function gets a connection: what it sends first is `ready`, and what it answers to `ask`
    is up to it; a connection that ends is its sign to end.
    """

    def __init__(self, function: Callable[..., None], *args: Any) -> None:
        self._here, there = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_accompany, args=(there, function, args))
        self._process.start()
        there.close()
        self.ready = _answer(self._here)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid is not None, "it was started"
        return self._process.pid

    def ask(self, *question: float) -> Any:
        """Ask and wait for the answer."""
        self._here.send(question)
        return _answer(self._here)

    def __enter__(self) -> Companion:
        return self

    def __exit__(self, *_: object) -> None:
        """Tell it to end, and wait until it has."""
        self._here.close()
        self._process.join()


def _work(connection: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        value = function(*args)
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        connection.send((True, (value, peak_bytes() + children)))
    except BaseException:  # noqa: BLE001  the parent tells it
        connection.send((False, traceback.format_exc()))


def _accompany(connection: Connection, function: Callable[..., None], args: tuple[Any, ...]) -> None:
    try:
        function(Told(connection), *args)
    except BaseException:  # noqa: BLE001  the parent tells it
        connection.send((False, traceback.format_exc()))


class Told:
    """A companion's end of the connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, value: object) -> None:
        self._connection.send((True, value))

    def receive(self) -> tuple[Any, ...] | None:
        """The next question, some numbers; None when no one asks any more."""
        try:
            return tuple(self._connection.recv())
        except EOFError:
            return None


def _answer(connection: Connection) -> Any:
    if not connection.poll(ANSWER_SECONDS):
        raise MeasurementFailed("a measuring process did not answer")
    try:
        worked, value = connection.recv()
    except EOFError:
        raise MeasurementFailed("a measuring process ended without an answer") from None
    if not worked:
        raise MeasurementFailed("a measuring process broke", detail=str(value))
    return value
