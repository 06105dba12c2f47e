"""What the vault asks before it destroys anything: whether somebody lays claim to an object's being kept.

The vault stands below the capabilities and knows of no threads and no legal matters, so it says here what it asks; the
composition root answers with what each capability knows. Start at `Holds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import apsw

HOLDS_NAMED_MAX: Final = 16
"""Holds that the entry of one refused erasure names; as many as one thread can have. One is enough to refuse."""


class Holds(Protocol):
    """Knows which objects must be kept, whoever may erase them."""

    def holds_on(self, db: apsw.Connection, object_id: str) -> Sequence[str]:
        """Return the ids of holds that keep an object, sorted, the first `HOLDS_NAMED_MAX`; none where it may go."""
        ...


class Unheld:
    """A vault above which nobody lays holds (implements `Holds`)."""

    def holds_on(self, db: apsw.Connection, object_id: str) -> Sequence[str]:
        """Nothing keeps it."""
        return ()
