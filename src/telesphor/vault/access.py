"""What the vault asks of access: whether an actor may do something with an object, and whether that still holds.

The vault stands below the capabilities, so it says here what it needs; `capabilities/access/objects.py` gives it.
Start at `ObjectAccess`.
"""

from __future__ import annotations

from typing import Literal, Protocol

import apsw

from telesphor.runtime.capability import Actor, Draft, State
from telesphor.vault.model import ObjectRow, Purpose

ObjectAction = Literal["create", "read", "grant", "erase"]


class Allowance(Protocol):
    """An allowed ask: what its command must record beside its own entries, and until when it may be relied on."""

    @property
    def drafts(self) -> tuple[Draft, ...]: ...
    @property
    def documents(self) -> tuple[bytes, ...]: ...
    @property
    def expires_ms(self) -> int | None: ...


class ObjectAccess(Protocol):
    """Decides who may do what with objects."""

    def allow(
        self,
        actor: Actor,
        action: ObjectAction,
        row: ObjectRow,
        readers: frozenset[str],
        state: State,
        *,
        purpose: Purpose | None = None,
        visit: str | None = None,
        location: str | None = None,
    ) -> Allowance:
        """Decide, inside the writer; raises a `RecordedRefusal`, which leaves the denial on the ledger."""
        ...

    def check_reading(
        self,
        actor: Actor,
        row: ObjectRow,
        readers: frozenset[str],
        db: apsw.Connection,
        *,
        purpose: Purpose,
        visit: str | None,
        location: str | None,
    ) -> None:
        """Look again, outside the writer, whether a read that was allowed would be allowed now.

        Raises:
            TelesphorError: it would not.
        """
        ...
