"""The benchmark: what this node does on this machine, beside what the machine itself allows.

One run, one table, ratios: an operator can measure the machine at hand and compare. Nothing here
decides whether a test passes. Each group of figures is a file with the same anatomy: what is measured,
its sizes as named numbers, and `measure(run)`, which yields `Figure`s. How to read the table:
`docs/operating/bench.md`.

    from telesphor.bench import run
    run(only=["writer"], quick=True, json=False)

Start at `session.run`; the groups are in `session.GROUPS`.
"""

from __future__ import annotations


def run(*, only: list[str], quick: bool, json: bool) -> int:
    """Measure and print; returns the exit code. See `session.run`."""
    # Late, so that a process that measures one thing does not hold what all the others need.
    from telesphor.bench.session import run as measure_and_print

    return measure_and_print(only=only, quick=quick, json=json)
