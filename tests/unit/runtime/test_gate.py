"""The way in: bounded while signatures wait, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.kernel.errors import TelesphorError
from telesphor.runtime import gate as gate_module
from telesphor.runtime.attempts import AuthenticationFailed
from telesphor.runtime.gate import EdgeFull, Gate, one_by_one
from telesphor.runtime.machine import NodeStopping, Request
from tests.support import notes
from tests.support.ledger import Ledger


class Refused(TelesphorError):
    code = "refused"


class Panic(BaseException):
    """What an extension written in Rust raises when it panics."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path).start()
    yield ledger
    ledger.close()


class Door:
    """An authenticator that waits until it is opened, and then does as the bytes say."""

    def __init__(self, ledger: Ledger) -> None:
        self.open = threading.Event()
        self.seen = 0
        self._ledger = ledger

    def __call__(self, data: bytes) -> Request:
        self.open.wait(10)
        self.seen += 1
        if data == b"refuse":
            raise Refused("no")
        if data == b"panic":
            raise Panic
        return self._ledger.request((notes.ADD, notes.AddNote(stream=self._ledger.stream(), text="")))


async def _send(gate: Gate, *bodies: bytes) -> list[object]:
    return list(await asyncio.gather(*(gate.execute(body) for body in bodies), return_exceptions=True))


async def test_a_verified_request_gets_its_receipt_and_a_refused_one_its_error(ledger: Ledger) -> None:
    door = Door(ledger)
    door.open.set()
    gate = Gate([one_by_one(door)] * 2, ledger.machine)
    taken, refused, broken = await _send(gate, b"take", b"refuse", b"panic")
    gate.close()
    assert taken.first == 0  # type: ignore[attr-defined]
    assert isinstance(refused, Refused)
    assert isinstance(broken, AuthenticationFailed)


async def test_more_requests_than_can_wait_are_refused_at_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "VERIFYING_MAX", 2)
    door = Door(ledger)
    gate = Gate([one_by_one(door)], ledger.machine)
    waiting = [asyncio.ensure_future(gate.execute(b"take"))]
    await asyncio.sleep(0.1)  # one is being verified
    waiting += [asyncio.ensure_future(gate.execute(b"take")) for _ in range(2)]
    await asyncio.sleep(0.1)  # and two wait
    with pytest.raises(EdgeFull):
        await gate.execute(b"take")
    door.open.set()
    assert len(await asyncio.gather(*waiting)) == 3
    gate.close()


async def test_more_bytes_than_can_wait_are_refused_at_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "VERIFYING_BYTES_MAX", 10)
    door = Door(ledger)
    gate = Gate([one_by_one(door)], ledger.machine)
    waiting = asyncio.ensure_future(gate.execute(b"eight by"))
    await asyncio.sleep(0)
    with pytest.raises(EdgeFull):
        await gate.execute(b"3 b")
    door.open.set()
    await waiting
    assert (await gate.execute(b"3 b")).first == 1
    gate.close()


async def test_a_caller_that_has_gone_costs_no_signature(ledger: Ledger) -> None:
    door = Door(ledger)
    gate = Gate([one_by_one(door)], ledger.machine)
    first, gone = (asyncio.ensure_future(gate.execute(b"take")) for _ in range(2))
    await asyncio.sleep(0.1)
    gone.cancel()
    await asyncio.sleep(0)
    door.open.set()
    await first
    await asyncio.to_thread(gate.close)
    assert door.seen == 1


async def test_what_waits_when_the_gate_closes_is_refused(ledger: Ledger) -> None:
    door = Door(ledger)
    gate = Gate([one_by_one(door)], ledger.machine)
    _, waiting = (asyncio.ensure_future(gate.execute(b"take")) for _ in range(2))
    await asyncio.sleep(0.1)
    closing = asyncio.ensure_future(asyncio.to_thread(gate.close))
    await asyncio.sleep(0.1)
    door.open.set()
    with pytest.raises(NodeStopping):
        await waiting
    await closing
    with pytest.raises(NodeStopping):
        await gate.execute(b"take")
