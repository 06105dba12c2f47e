"""What the vault asks before it destroys anything: whether somebody lays claim to an object's being kept.

The vault stands below the capabilities and knows of no threads and no legal matters, so it says here what it asks; the
composition root answers with what each capability knows. Start at `Holds`.
"""

from __future__ import annotations

from typing import Protocol

import apsw


class Holds(Protocol):
    """Knows which objects must be kept, whoever may erase them."""

    def check_erasable(self, db: apsw.Connection, object_id: str) -> None:
        """Let only an object pass that nothing keeps, inside the writer.

        Raises:
            ObjectHeld: a hold keeps it.
        """
        ...


class Unheld:
    """A vault above which nobody lays holds (implements `Holds`)."""

    def check_erasable(self, db: apsw.Connection, object_id: str) -> None:
        """Nothing keeps it."""
