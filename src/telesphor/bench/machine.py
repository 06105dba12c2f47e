"""The machine's limits as a group of their own, for reading one machine's table beside another's."""

from __future__ import annotations

from collections.abc import Iterator

from telesphor.bench.figures import Figure
from telesphor.bench.run import Run

GROUP = "machine"


def measure(run: Run) -> Iterator[Figure]:
    """Each limit, as it was measured."""
    limits = run.limits
    yield Figure(GROUP, limits.syncs.name, limits.syncs.value, "/s")
    yield Figure(GROUP, limits.hashing.name, limits.hashing.value, "GB/s")
    yield Figure(GROUP, limits.leaf_hashing.name, limits.leaf_hashing.value, "/s")
    yield Figure(GROUP, limits.sealing.name, limits.sealing.value, "GB/s")
    yield Figure(GROUP, limits.sealing_by_two.name, limits.sealing_by_two.value, "GB/s", peer=limits.sealing)
    yield Figure(GROUP, limits.inserts.name, limits.inserts.value, "rows/s")
    yield Figure(GROUP, limits.verifying.name, limits.verifying.value, "/s")
    yield Figure(
        GROUP, limits.verifying_by_two.name, limits.verifying_by_two.value, "/s", peer=limits.verifying
    )
