"""What the benchmark says: figures, what each is compared with, and the table they make.

A figure alone says little about software: it depends on the machine. So each one stands beside a peer
that was measured in the same run (what the bare machine allows, or another program doing the same),
and the ratio to it is what one machine's table can be compared with another's by.

Start at `Figure`; `render` makes the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

MET, MISSED = "met", "missed"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should reach: at least, or at most, so much."""

    bound: float
    at_least: bool

    def mark(self, value: float) -> str:
        """Whether `value` reaches it."""
        reached = value >= self.bound if self.at_least else value <= self.bound
        return MET if reached else MISSED

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {show(self.bound)}"


@dataclass(frozen=True, slots=True)
class Peer:
    """Something measured in the same run, in the unit of the figure it stands beside."""

    name: str
    value: float

    def times(self, factor: float, name: str = "") -> Peer:
        """The same in another unit, such as entries instead of batches."""
        return Peer(name or self.name, self.value * factor)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        spent: where the time went, as measured while the figure was.
    """

    group: str
    name: str
    value: float
    unit: str
    target: Target | None = None
    peer: Peer | None = None
    spent: str = ""

    @property
    def ratio(self) -> float | None:
        """The figure divided by its peer; None where there is none."""
        return self.value / self.peer.value if self.peer and self.peer.value else None

    @property
    def mark(self) -> str:
        """`met`, `missed`, or nothing where there is no target."""
        return self.target.mark(self.value) if self.target else ""

    def to_json(self) -> dict[str, Any]:
        """The line as a program reads it."""
        return {
            "group": self.group,
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "target": None
            if self.target is None
            else {"bound": self.target.bound, "at_least": self.target.at_least},
            "peer": None if self.peer is None else {"name": self.peer.name, "value": self.peer.value},
            "ratio": self.ratio,
            "mark": self.mark,
            "spent": self.spent,
        }


def at_least(bound: float) -> Target:
    """A target for speeds."""
    return Target(bound, at_least=True)


def at_most(bound: float) -> Target:
    """A target for times and sizes."""
    return Target(bound, at_least=False)


def middle(values: Iterable[float]) -> float:
    """The median: one disturbed round does not move it."""
    return float(median(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the sorted `values` lie; 0 when there are none."""
    return values[min(len(values) - 1, int(len(values) * percent / 100))] if values else 0.0


def show(value: float) -> str:
    """A number with as many digits as mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


COLUMNS = ("group", "figure", "value", "unit", "target", "measured in the same run", "ratio", "")


def render(figures: Sequence[Figure]) -> str:
    """The table as text, one line per figure, columns aligned; numbers stand to the right."""
    rows = [COLUMNS, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    right = {2, 4, 6}
    lines = [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def missed(figures: Iterable[Figure]) -> list[str]:
    """One sentence for each figure that misses its target: by how much, and where the time went."""
    return [_explain(figure) for figure in figures if figure.mark == MISSED]


def _cells(figure: Figure) -> tuple[str, ...]:
    peer = f"{figure.peer.name} {show(figure.peer.value)}" if figure.peer else ""
    ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
    target = str(figure.target) if figure.target else ""
    return (figure.group, figure.name, show(figure.value), figure.unit, target, peer, ratio, figure.mark)


def _explain(figure: Figure) -> str:
    text = (
        f"{figure.group}: {figure.name} is {show(figure.value)} {figure.unit} where {figure.target} is wanted"
    )
    if figure.peer is not None and figure.ratio is not None:
        text += f"; {figure.ratio:.2f} of {figure.peer.name}"
    return f"{text}; {figure.spent}" if figure.spent else text
