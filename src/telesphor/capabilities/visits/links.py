"""Links of a visit to entries that stand elsewhere."""

from __future__ import annotations

import apsw

from telesphor.capabilities.access.model import Allowed
from telesphor.capabilities.visits import store
from telesphor.capabilities.visits.entries import VISIT_OBJECT_LINKED, ObjectLinked
from telesphor.capabilities.visits.model import AlreadyLinked, LinkRole, VisitRow
from telesphor.capabilities.visits.scene import stream_of_visit
from telesphor.kernel.ids import Stream
from telesphor.runtime.capability import Draft, State


def draft_link(visit: VisitRow, *, stream: Stream, n: int, role: LinkRole, state: State) -> Draft:
    """Link one entry; raises `AlreadyLinked`."""
    if store.has_link(state.db, visit=visit.visit, stream=stream, n=n):
        raise AlreadyLinked(f"entry `{n}` of `{stream}` is linked to this visit already")
    body = ObjectLinked(stream=stream, n=n, role=role)
    return Draft(VISIT_OBJECT_LINKED.name, stream_of_visit(visit.visit), body)


def roles_of_objects(db: apsw.Connection, visit: str) -> dict[str, str]:
    """Return as what each object belongs to a visit, by its id: `summary`, `recording`, `record` or `note`."""
    return dict(store.linked_objects(db, visit))


def link_grounds(visit: VisitRow, allowed: Allowed, state: State) -> list[Draft]:
    """What a step was decided on, linked with it, so that the visit's proof holds the decision."""
    return [
        draft_link(
            visit,
            stream=Stream(draft.stream),
            n=state.next_n(draft.stream),
            role=LinkRole.ACCESS,
            state=state,
        )
        for draft in allowed.drafts
    ]
