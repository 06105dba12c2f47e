"""Who used the processor while something was measured: CPU time per thread and per process.

`ThreadTimes` answers where the time goes without a profiler, which would slow down what it looks at:
the system counts each thread's CPU time anyway. Start there.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path

PROCESSES = Path("/proc")
STATUS = PROCESSES / "self/status"


def thread_seconds() -> dict[str, float]:
    """CPU seconds of the living threads of this process, by the first word of their names."""
    found: dict[str, float] = defaultdict(float)
    for thread in threading.enumerate():
        if thread.ident is None:
            continue
        try:
            seconds = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        except OSError:
            continue  # It ended between the two lines above.
        found[_word(thread.name)] += seconds
    return found


class ThreadTimes:
    """CPU time of the threads from here until `spent`."""

    def __init__(self) -> None:
        self._before = thread_seconds()
        self._started = time.perf_counter()

    def spent(self, count: int, thing: str, *, main: str, seconds: float = 0.0) -> str:
        """Who used the processor for `count` things, largest first; shares below 2 % are left out.

        Args:
            main: what the main thread does, such as `callers`.
            seconds: how long it took, when that was not all the time since the start.

        Microseconds of CPU per thing hardly depend on what else the machine does; the shares of one
        core that stand behind them do.
        """
        elapsed = seconds or time.perf_counter() - self._started
        used = {name: seconds - self._before.get(name, 0.0) for name, seconds in thread_seconds().items()}
        told = [
            f"{main if name == 'MainThread' else name} {seconds / max(count, 1) * 1e6:.0f} ({seconds / elapsed:.0%})"
            for name, seconds in sorted(used.items(), key=itemgetter(1), reverse=True)
            if seconds > elapsed / 50
        ]
        return f"CPU microseconds per {thing} (share of a core): {', '.join(told)}"


def peak_bytes() -> int:
    """The most memory this process ever held (resident), since its program was started."""
    # Not `getrusage`: its high-water mark is inherited from the process that started this one.
    for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def tree_seconds(pid: int) -> float:
    """CPU seconds of a process and of the living processes below it."""
    below: dict[int, list[int]] = defaultdict(list)
    seconds: dict[int, float] = {}
    for process in PROCESSES.iterdir():
        if not process.name.isdigit():
            continue
        try:
            text = (process / "stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue  # It ended between the two lines above.
        # The name, in brackets, may hold blanks. Behind it the parent is the 2nd field, ticks the 12th and 13th.
        fields = text.rpartition(")")[2].split()
        below[int(fields[1])].append(int(process.name))
        seconds[int(process.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return _sum_tree(pid, below, seconds)


def _sum_tree(pid: int, below: Mapping[int, Sequence[int]], seconds: Mapping[int, float]) -> float:
    children = below.get(pid, ())
    return seconds.get(pid, 0.0) + sum(_sum_tree(child, below, seconds) for child in children)


def _word(name: str) -> str:
    return name.partition("_")[0].partition("-")[0]
