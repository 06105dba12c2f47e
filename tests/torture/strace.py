"""System calls that fail: what `strace` records of one process, and which call it is told to spoil.

`record` lists the calls that touch a folder, in order; `Fault` names one of them, by path and by number;
`tracing` attaches to a process, optionally spoiling that call. Skip with `why_not` where it cannot work.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

WRITES = ("write", "pwrite64", "writev", "pwritev")
SYNCS = ("fsync", "fdatasync")
RENAMES = ("rename", "renameat", "renameat2", "link", "linkat")
CALLS = (*WRITES, *SYNCS, *RENAMES)
ERRORS = {**dict.fromkeys(WRITES, "ENOSPC"), **dict.fromkeys(SYNCS, "EIO"), **dict.fromkeys(RENAMES, "EIO")}
ATTACH_SECONDS = 20.0

_FD_CALL = re.compile(r"\b(\w+)\(\d+<([^>]+)>")
_PATH_CALL = re.compile(r'\b(rename\w*|link\w*)\((?:[^"]*, )?"([^"]+)"')


class Fault(NamedTuple):
    """The `number`-th such call of a thread on `path` fails with `error`, or kills the process when that is `KILL`."""

    call: str
    path: str
    number: int
    error: str

    def __str__(self) -> str:
        return f"{self.error} at {self.call} {self.number} of {Path(self.path).name}"


def why_not() -> str:
    """Why calls cannot be spoiled here, or nothing."""
    if sys.platform != "linux":
        return "strace is of Linux"
    if shutil.which("strace") is None:
        return "strace is not installed"
    probe = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return "" if probe.returncode == 0 else "strace may not trace here (no ptrace)"


def faults_of(record: Path, folder: Path) -> list[Fault]:
    """One fault for each recorded call that touched the folder, in the order in which they came."""
    # strace counts within each thread, so we do, too.
    seen: Counter[tuple[str, str, str]] = Counter()
    faults: dict[Fault, None] = {}
    for line in record.read_text(errors="replace").splitlines():
        match = _FD_CALL.search(line) or _PATH_CALL.search(line)
        if match is None or match[1] not in CALLS or not Path(match[2]).is_relative_to(folder):
            continue
        thread = line.partition(" ")[0]
        seen[thread, match[1], match[2]] += 1
        faults[Fault(match[1], match[2], seen[thread, match[1], match[2]], ERRORS[match[1]])] = None
    return list(faults)


@contextmanager
def tracing(pid: int, record: Path, fault: Fault | None) -> Iterator[None]:
    """Trace the process `pid` while the block runs, or until it ends."""
    command = ["strace", "-f", "-y", "-s", "0", "-o", str(record), "-p", str(pid)]
    if fault is None:
        command += ["-e", f"trace={','.join(CALLS)}"]
    else:
        spoil = "signal=KILL" if fault.error == "KILL" else f"error={fault.error}"
        command += ["-P", fault.path, "-e", f"trace={fault.call}"]
        command += ["-e", f"inject={fault.call}:{spoil}:when={fault.number}"]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        _wait_until_traced(pid)
        yield
    finally:
        tracer.terminate()
        tracer.wait()


def _wait_until_traced(pid: int) -> None:
    """Every thread must be attached to: the one that is not would not be spoiled."""
    deadline = time.monotonic() + ATTACH_SECONDS
    while time.monotonic() < deadline:
        tasks = list(Path(f"/proc/{pid}/task").glob("*/status"))
        try:
            traced = ["TracerPid:\t0\n" not in task.read_text() for task in tasks]
        except OSError:
            continue  # A thread has ended since they were listed.
        if traced and all(traced):
            return
        time.sleep(0.005)
    raise AssertionError("strace did not attach")
