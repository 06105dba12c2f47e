"""One run of the benchmark: where it may write, how large it is, and the machine's limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from telesphor.bench.limits import Limits

QUICK_FACTOR = 10
"""`--quick` does a tenth of everything: for a look, not for a record."""


@dataclass(frozen=True, slots=True)
class Run:
    """What every group is given.

    Attributes:
        folder: empty, on the disk that is measured; thrown away afterwards.
        divisor: what sizes and times are divided by.
        limits: what the machine allows, measured on first use.
        tell: says what is being done, to a person who waits.
    """

    folder: Path
    divisor: int
    limits: Limits
    tell: Callable[[str], None]

    def count(self, whole: int) -> int:
        """A number of things, in the size of this run."""
        return max(1, whole // self.divisor)

    def seconds(self, whole: float) -> float:
        """A time, in the size of this run; never so short that nothing happens."""
        return max(0.1, whole / self.divisor)

    def place(self, name: str) -> Path:
        """A new folder."""
        place = self.folder / name
        place.mkdir()
        return place
