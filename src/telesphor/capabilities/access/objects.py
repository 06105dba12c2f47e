"""Access to the vault's objects: what `vault.access` asks for, answered by the rules.

Start at `Objects`.
"""

from __future__ import annotations

from typing import Final

import apsw

from telesphor.capabilities.access.model import Action, Allowed, Ask, Resource, ResourceKind
from telesphor.capabilities.access.service import authorise, check_again
from telesphor.capabilities.access.sources import Sources
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import IdSource
from telesphor.ledger.snapshot import Snapshot
from telesphor.runtime.capability import Actor, State
from telesphor.vault.access import ObjectAction
from telesphor.vault.errors import ObjectMissing
from telesphor.vault.model import ObjectRow, Purpose
from telesphor.vault.store import find_object, readers_of

_ACTIONS: Final = {action.value: action for action in Action}


class Objects:
    """Decides about objects (implements `vault.access.ObjectAccess`). Safe between threads.

    Args:
        sources: what decisions are told besides the policies.
        clock, ids: for looking again outside the writer.
    """

    def __init__(self, *, sources: Sources, clock: Clock, ids: IdSource) -> None:
        self._sources = sources
        self._clock = clock
        self._ids = ids

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
    ) -> Allowed:
        """Decide; raises `AccessDenied`, which leaves the denial on the ledger."""
        ask = _ask(action, row, readers, purpose=purpose, visit=visit, location=location)
        return authorise(actor, ask, state, sources=self._sources)

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
        """Look again whether a read that was allowed would be allowed now; raises `AccessEnded`."""
        ask = _ask("read", row, readers, purpose=purpose, visit=visit, location=location)
        check_again(actor, ask, Snapshot(db, clock=self._clock, ids=self._ids), sources=self._sources)


def find_object_resource(state: State, object_id: str) -> Resource:
    """An object by its id, as rules see it; raises `ObjectMissing`."""
    row = find_object(state.db, object_id)
    if row is None:
        raise ObjectMissing(f"there is no object `{object_id}`")
    return object_resource(row, readers_of(state.db, object_id))


def object_resource(row: ObjectRow, readers: frozenset[str]) -> Resource:
    """An object as rules see it."""
    return Resource(
        kind=ResourceKind.OBJECT,
        id=row.object,
        owner=row.owner,
        subject=row.subject,
        readers=tuple(sorted(readers)),
        visit=row.visit,
    )


def _ask(
    action: ObjectAction,
    row: ObjectRow,
    readers: frozenset[str],
    *,
    purpose: Purpose | None,
    visit: str | None,
    location: str | None = None,
) -> Ask:
    said = {"visit": visit, "location": location}
    extra: dict[str, object] = {name: value for name, value in said.items() if value is not None}
    return Ask(action=_ACTIONS[action], resource=object_resource(row, readers), purpose=purpose, extra=extra)
