"""Lists of actors and devices, for other capabilities that show who is registered. Start at `list_actors`."""

from __future__ import annotations

from typing import NamedTuple

import apsw

from telesphor.capabilities.identity import store
from telesphor.capabilities.identity.passkeys import store as passkey_store


class ActorLine(NamedTuple):
    """An actor in a list: its kind, the pair it signs with, whether it acts, when it was registered."""

    id: str
    kind: str
    key_id: str
    state: str
    registered_at: str


def list_actors(db: apsw.Connection, *, kind: str | None, after: str, count_max: int) -> list[ActorLine]:
    """Return actors of a kind, or all of them, by id from behind `after`."""
    return [ActorLine(*row) for row in store.actor_rows(db, kind=kind, after=after, limit=count_max)]


def count_passkeys(db: apsw.Connection, actor: str) -> int:
    """Return how many passkeys an actor has."""
    return passkey_store.count_passkeys(db, actor)
