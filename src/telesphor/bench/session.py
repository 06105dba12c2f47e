"""`telesphor bench`: all groups, or those asked for, in one run and one table.

A measurement is no test: the exit code says whether everything could be measured, never whether a
target was met. Start at `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from telesphor.bench import (
    channels,
    contracts,
    decisions,
    factors,
    http,
    machine,
    messages,
    network,
    proofs,
    reads,
    rooms,
    vault,
    writer,
)
from telesphor.bench.figures import Figure, missed, render
from telesphor.bench.host import describe_host
from telesphor.bench.limits import Limits
from telesphor.bench.run import QUICK_FACTOR, Run
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.console import EXIT_OK, emit_json, people

Group = Callable[[Run], Iterator[Figure]]

GROUPS: Final[dict[str, Group]] = {
    module.GROUP: module.measure
    for module in (
        machine,
        writer,
        http,
        channels,
        network,
        proofs,
        vault,
        decisions,
        factors,
        reads,
        contracts,
        rooms,
        messages,
    )
}

LIMIT_SECONDS = 1.0
"""One round of a machine's limit."""


class UnknownGroup(TelesphorError):
    """There is no group of figures by that name."""

    code = "unknown-group"
    kind = Kind.INVALID


def run(*, only: list[str], quick: bool, json: bool) -> int:
    """Measure and print; returns the exit code.

    Args:
        only: names of groups, several with commas between them too; empty means all.
        quick: a tenth of everything.
        json: print all figures as JSON instead of the table.

    Raises:
        UnknownGroup, MeasurementFailed: nothing is printed then.
    """
    groups = _choose(only)
    folder = Path.cwd()
    with TemporaryDirectory(dir=folder, prefix=".bench-") as scratch:
        host = describe_host(Path(scratch))
        figures = list(_measure(groups, Path(scratch), quick=quick))
    if json:
        emit_json({"quick": quick, "host": host, "figures": [figure.to_json() for figure in figures]})
    else:
        print(report(figures, host, quick=quick))
    return EXIT_OK


def report(figures: Sequence[Figure], host: dict[str, str], *, quick: bool) -> str:
    """The table, the machine, and what was missed."""
    parts = [render(figures), "\n".join(f"{name:>10}  {text}" for name, text in host.items())]
    spent = [f"{figure.name}: {figure.spent}" for figure in figures if figure.spent]
    if spent:
        parts.append("\n".join(["where the time went", *(f"  {line}" for line in spent)]))
    lines = missed(figures)
    parts.append("\n".join(["missed", *(f"  {line}" for line in lines)]) if lines else "no target was missed")
    if quick:
        parts.append("a quick run: a tenth of every size, so a look and not a record")
    return "\n\n".join(parts)


def _choose(only: Sequence[str]) -> list[Group]:
    only = [name for names in only for name in names.split(",")]
    unknown = [name for name in only if name not in GROUPS]
    if unknown:
        raise UnknownGroup(f"no group is called `{unknown[0]}`", hint=f"there are {', '.join(GROUPS)}")
    return [group for name, group in GROUPS.items() if name in only or not only]


def _measure(groups: Sequence[Group], folder: Path, *, quick: bool) -> Iterator[Figure]:
    divisor = QUICK_FACTOR if quick else 1
    limits = Limits(folder, seconds=LIMIT_SECONDS / divisor)
    with people.status("measuring") as status:
        this = Run(folder, divisor, limits, lambda doing: status.update(f"measuring: {doing}"))
        for group in groups:
            yield from group(this)
