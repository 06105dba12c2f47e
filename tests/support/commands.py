"""`telesphor` as it is typed, in processes of their own that are born with everything imported.

A command loads the program first, which takes longer than most of what tests ask of it. These are forked from a
process that has it loaded, and run the same `main` with arguments, environment and output of their own. What
starting from nothing is like is seen where a test starts an interpreter: in `test_two_processes` a node, in
`test_standalone` and `test_mirroring` a witness. Start at `run_to_end` and `running_command`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.torture.children import run_command
from tests.torture.processes import Child

START_SECONDS = 60.0
LOOK_SECONDS = 0.01
TERMINAL = {"COLUMNS": "200", "TERM": "dumb"}


class Ended(NamedTuple):
    """How a command ended, and what it printed for programs and for people."""

    returncode: int
    stdout: str
    stderr: str


class Command:
    """One that runs; `folder` takes what it prints."""

    def __init__(self, folder: Path, words: tuple[str | Path, ...], secrets: Mapping[str, str]) -> None:
        self._output, self._errors = folder / "stdout", folder / "stderr"
        environment = {**os.environ, **TERMINAL, **secrets}
        arguments = [str(word) for word in words]
        # It may start processes of its own, as a node that serves does.
        self._child = Child(run_command, arguments, environment, self._output, self._errors, daemon=False)

    @property
    def runs(self) -> bool:
        return self._child.exitcode is None

    @property
    def said(self) -> str:
        """What it has printed for people so far."""
        return _text(self._errors)

    def wait_for_file(self, path: Path) -> str:
        """What is in a file that it writes, once anything is; fails when it ends without that."""
        deadline = time.monotonic() + START_SECONDS
        while not (path.is_file() and (text := path.read_text(encoding="ascii").strip())):
            assert self.runs, self.said
            assert time.monotonic() < deadline, f"`{path.name}` is not written"
            time.sleep(LOOK_SECONDS)
        return text

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._child.pid, number)

    def end(self, number: int = signal.SIGTERM) -> Ended:
        """Tell it to stop, if it still runs, and wait until it has; fails when it does not."""
        with suppress(ProcessLookupError):  # It may end by itself at any moment.
            if self.runs:
                self.send(number)
        return self.wait()

    def wait(self) -> Ended:
        """Wait until it has ended by itself; one that does not is killed, and the test fails."""
        self._child.end()
        assert self._child.exitcode is not None
        return Ended(self._child.exitcode, _text(self._output), self.said)


def run_to_end(*words: str | Path, secrets: Mapping[str, str] | None = None) -> Ended:
    """Run `telesphor` with these words; `secrets` are variables of its environment."""
    with TemporaryDirectory() as folder:
        return Command(Path(folder), words, secrets or {}).wait()


@contextmanager
def running_command(
    folder: Path, *words: str | Path, secrets: Mapping[str, str] | None = None
) -> Iterator[Command]:
    """Run `telesphor` while the block runs, and have it stop in order; what it prints goes into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    started = Command(folder, words, secrets or {})
    try:
        yield started
    finally:
        started.end()


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
