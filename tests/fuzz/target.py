"""What the fuzz targets of all formats share: a log, a key, a small bundle."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from telesphor.kernel.archive import read_archive
from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.signing import (
    HybridSuite,
    SigningKey,
)
from tests.vectors.bundles.grants import granted_bundle

LIMIT = 256 * 1024
ORIGIN = "fuzz.example/log"
LOG = LogSigner(ORIGIN, bytes([1]) * 32, bytes([2]) * 32)
KEY = SigningKey(HybridSuite.ACTOR, bytes([3]) * 32, bytes([4]) * 32)


class Target(NamedTuple):
    """One parser: what takes the bytes, and valid examples of them."""

    take: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def signed_notes() -> list[bytes]:
    return [LOG.sign(Checkpoint(ORIGIN, 7, bytes(32)), time_seconds=1_800_000_000)]


@cache
def visit_bundle() -> bytes:
    return granted_bundle()


@cache
def visit_entries() -> list[bytes]:
    files = read_archive(visit_bundle())
    return [data for name, data in files.items() if name.startswith("entries/")]
