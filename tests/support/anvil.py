"""A fresh anvil for a test, or a skip that says why there is none. Start at `running_anvil`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from telesphor.demo.anvil import Anvil, AnvilUnavailable, start_anvil


@contextmanager
def running_anvil(*options: str, port: int = 0) -> Iterator[Anvil]:
    """A node of its own, ended with the block."""
    try:
        node = start_anvil(*options, port=port)
    except AnvilUnavailable as error:
        pytest.skip(str(error))
    try:
        yield node
    finally:
        node.stop()
