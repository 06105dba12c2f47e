"""What holds for every test."""

from __future__ import annotations

import sys

RECURSION_LIMIT = 1_000
"""What Python starts with. One of the libraries that judge ours raises it a hundredfold as it is imported: then
deeply nested JSON, which is refused everywhere else, overflows the stack of whatever test comes after."""


def pytest_collection_finish() -> None:
    """Every test module is imported now, and everything that those import."""
    sys.setrecursionlimit(RECURSION_LIMIT)
