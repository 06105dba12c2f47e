"""Verifying child processes: they answer in order, carry errors whole, are replaced, and never outlive the node."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.attempts import attempt
from telesphor.runtime.http import BodyTooLarge
from telesphor.runtime.verifiers import VerifierLost, VerifierProcess


def make(greeting: str) -> Callable[[Sequence[bytes]], list[object]]:
    """The child's function: greets, refuses or dies, as the bytes say."""

    def answer(data: bytes) -> str:
        if data == b"refuse":
            raise BodyTooLarge(7, declared_bytes=None)
        if data == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        return f"{greeting} {data.decode()}"

    return lambda batch: [attempt(answer, data) for data in batch]


@pytest.fixture(scope="module")
def child() -> Iterator[VerifierProcess]:
    child = VerifierProcess(make, "hello")
    yield child
    child.close()


def test_a_batch_is_answered_in_order(child: VerifierProcess) -> None:
    assert child.verify([b"a", b"b"]) == ["hello a", "hello b"]


def test_an_error_arrives_whole_and_spoils_no_neighbour(child: VerifierProcess) -> None:
    refused, other = child.verify([b"refuse", b"b"])
    assert isinstance(refused, TelesphorError)
    assert (refused.code, refused.message) == ("body-too-large", "the body is larger than `7` bytes")
    assert refused.headers == {"connection": "close"}  # type: ignore[attr-defined]
    assert other == "hello b"


def test_a_child_that_died_is_said_and_replaced(child: VerifierProcess) -> None:
    with pytest.raises(VerifierLost):
        child.verify([b"die"])
    assert child.verify([b"a"]) == ["hello a"]


def test_the_child_ends_when_its_parent_is_killed() -> None:
    code = (
        "import sys, time\n"
        "from telesphor.runtime.verifiers import VerifierProcess\n"
        "from tests.unit.runtime.test_verifiers import make\n"
        "if __name__ == '__main__':\n"
        "    child = VerifierProcess(make, 'x'); child.verify([b'a'])\n"
        "    print(child._process.pid, flush=True); time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + 60
    while time.monotonic() < end and _lives(pid):
        time.sleep(0.05)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
