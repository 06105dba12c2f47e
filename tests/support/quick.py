"""What makes the tests quick and proves nothing: where their files are, what key files cost, which tests start first.

`tests/conftest.py` calls these. Start at `keep_files_in_memory`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from telesphor.client.credentials import save_credentials
from telesphor.client.recovery import save_recovery_key
from telesphor.client.wallet import save_wallet
from telesphor.kernel.keyfile import Argon2idParams, seal_keyfile
from tests.torture.scale import TORTURE

MEMORY_FOLDER: Final = Path("/dev/shm")

ROOM_BYTES: Final = 8 * 1024**3
"""A whole run leaves some three gigabytes, and the tests themselves want memory, too."""

LONG_FIRST: Final = ("torture", "e2e", "properties", "conformance", "fuzz", "simulation")
"""Folders with the longest files. These start first: one that started last would leave all other cores idle."""

SEALING: Final[tuple[Any, ...]] = (seal_keyfile, save_wallet, save_recovery_key, save_credentials)

SHIPPED: Final[tuple[Argon2idParams, ...]] = tuple(one.__kwdefaults__["params"] for one in SEALING)
"""What each of these costs by default, read before a test changes it."""

QUICK: Final = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)
"""The least that a key file may cost: a hundredth of a second, where what is shipped takes a quarter."""


def keep_files_in_memory() -> None:
    """Have temporary files in memory where it has room.

    A node syncs to its disk thousands of times in a run, and waiting for that is most of what its tests would do.
    They end processes, never the machine, and what a process has written stays in memory as it does on a disk.
    The long campaigns, and whoever sets TMPDIR, stay on the disk.
    """
    if TORTURE == 1 and "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY_FOLDER)


def start_with_the_longest(items: list[pytest.Item], tests: Path) -> None:
    """Order tests by their folder in `tests`; with xdist, `--no-loadscope-reorder` keeps this order."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(tests).parts[0]
        return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)

    items.sort(key=rank)


@contextmanager
def key_files_sealed_by(costs: Sequence[Argon2idParams]) -> Iterator[None]:
    """Within, key files made in this process cost these where nothing else is said; opening follows the file."""
    with pytest.MonkeyPatch.context() as patch:
        for one, params in zip(SEALING, costs, strict=True):
            patch.setitem(one.__kwdefaults__, "params", params)
        yield


def _has_room() -> bool:
    try:
        available_kib = next(_available_kib(Path("/proc/meminfo").read_text(encoding="ascii")))
        free_bytes = min(shutil.disk_usage(MEMORY_FOLDER).free, available_kib * 1024)
        runs_programs = not os.statvfs(MEMORY_FOLDER).f_flag & os.ST_NOEXEC  # Some tests build what they run.
    except (OSError, StopIteration):
        return False  # Not a Linux: there is no folder in memory.
    return free_bytes >= ROOM_BYTES and runs_programs and os.access(MEMORY_FOLDER, os.W_OK)


def _available_kib(meminfo: str) -> Iterator[int]:
    for line in meminfo.splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            yield int(rest.split()[0])
