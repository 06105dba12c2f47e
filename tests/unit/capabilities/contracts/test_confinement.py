"""What a worker can reach once it is confined: nothing."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from telesphor.capabilities.contracts.confinement import confine
from telesphor.capabilities.contracts.model import Job, Limits
from telesphor.capabilities.contracts.pool import WorkerPool


def open_socket() -> None:
    socket.socket()


def open_file() -> None:
    Path("/etc/hostname").read_bytes()


def write_file() -> None:
    Path("/tmp/telesphor-confinement").write_bytes(b"x")


def list_folder() -> None:
    os.listdir("/")


def start_program() -> None:
    subprocess.run(["/bin/true"], check=True)


def fork() -> None:
    os.fork()


def signal_parent() -> None:
    os.kill(os.getppid(), 0)


def signal_thread_of_parent() -> None:
    parent = os.getppid()
    if ctypes.CDLL(None, use_errno=True).syscall(TGKILL, parent, parent, 0) != 0:
        raise OSError


def bound_parent() -> None:
    resource.prlimit(os.getppid(), resource.RLIMIT_CORE)


def find_own_limit() -> None:
    resource.prlimit(0, resource.RLIMIT_CORE)


TGKILL = {"x86_64": 234, "aarch64": 131}.get(platform.machine(), 0)

REACHES: dict[str, Callable[[], None]] = {
    reach.__name__: reach
    for reach in (
        open_socket,
        open_file,
        write_file,
        list_folder,
        start_program,
        fork,
        signal_parent,
        signal_thread_of_parent,
        bound_parent,
    )
}
KEEPS = {"find_own_limit": find_own_limit}


def try_all(pipe: Connection) -> None:
    held = confine()
    found = {}
    for name, reach in (REACHES | KEEPS).items():
        try:
            reach()
            found[name] = True
        except OSError:
            found[name] = False
    pipe.send((held, found))


@pytest.mark.skipif(sys.platform != "linux", reason="the filter is Linux's")
def test_confined_process_reaches_nothing() -> None:
    context = get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=try_all, args=(there,))
    child.start()
    assert here.poll(30)
    held, found = here.recv()
    child.join()
    assert held == "seccomp", "this kernel has no filter, and so the test proves nothing"
    assert found == dict.fromkeys(REACHES, False) | dict.fromkeys(KEEPS, True)


def test_pool_says_what_holds_its_workers(pool: WorkerPool) -> None:
    assert pool.confinement in ("seccomp", "limits")


@pytest.mark.parametrize(
    "name", ["open", "eval", "exec", "__import__", "getattr(fail, '__globals__')", "load"]
)
def test_contract_finds_nothing_of_python(pool: WorkerPool, name: str) -> None:
    source = f"def handle(state, trigger):\n    return {{}}, [{name}]\n"
    answer = pool.run(Job(source=source, state="{}", trigger="{}", limits=Limits()))
    assert answer.cause is not None
