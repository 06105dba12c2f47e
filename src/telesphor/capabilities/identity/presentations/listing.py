"""Requests that wait for one holder, for other capabilities that show them. Start at `requests_to`.

What is asked for is in the request's document, which `presentation.open/1` shows and which leaves an entry.
"""

from __future__ import annotations

import apsw

from telesphor.capabilities.identity.presentations import store
from telesphor.capabilities.identity.presentations.model import AskedRow


def requests_to(db: apsw.Connection, holder: str, *, now_ms: int, count_max: int) -> list[AskedRow]:
    """Return the requests by others that ask this actor and can still be answered, the first to end first."""
    return store.asked_of(db, holder, after_ms=now_ms, limit=count_max)
