"""The status lists of this node, signed by the node and handed out whole.

A list is signed anew when something in it changed, and when half its time is over; in between it is the same bytes
for everyone. What this module guarantees: what is handed out says what the committed ledger says at that moment.

Start at `StatusLists.current`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

import apsw

from telesphor.capabilities.identity.credentials import store
from telesphor.capabilities.identity.credentials.standing import StatusListMissing
from telesphor.capabilities.identity.credentials.status_list import (
    LIFETIME_MS,
    SignedStatusList,
    Status,
    pack_statuses,
    sign_status_list,
)
from telesphor.kernel.clock import Clock
from telesphor.kernel.signing import SigningKey

LISTS_KEPT_MAX = 64
"""Signed lists in memory, 60 KB each at the most: a node has one or two."""

_STATUS = {"suspended": Status.SUSPENDED, "revoked": Status.REVOKED}


class _Kept(NamedTuple):
    changes: int
    signed: SignedStatusList


class StatusLists:
    """Signs and keeps the lists of one node. Safe between threads.

    Args:
        url: of this node, without a slash at its end; a list's own address begins with it.
        issuer: the node's identifier as whoever signs the lists.
        key: the node's signing pair.
        open_db: opens a read-only connection to the state tables.
    """

    def __init__(
        self, *, url: str, issuer: str, key: SigningKey, open_db: Callable[[], apsw.Connection], clock: Clock
    ) -> None:
        self._url = url
        self._issuer = issuer
        self._key = key
        self._open_db = open_db
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def uri_of(self, status_list: str) -> str:
        """The address of a list, as credentials name it."""
        return f"{self._url}/v1/status-lists/{status_list}"

    def current(self, status_list: str) -> SignedStatusList:
        """A list as of now; raises `StatusListMissing`."""
        with self._lock, closing(self._open_db()) as db:
            row = store.find_list(db, status_list)
            if row is None:
                raise StatusListMissing(f"there is no status list `{status_list}`")
            now_ms = self._clock.now_ms()
            kept = self._kept.get(status_list)
            if kept is None or kept.changes != row.changes or not _is_fresh(kept.signed, now_ms):
                kept = _Kept(row.changes, self._sign(db, status_list, now_ms))
                if len(self._kept) >= LISTS_KEPT_MAX:
                    self._kept.clear()
                self._kept[status_list] = kept
            return kept.signed

    def _sign(self, db: apsw.Connection, status_list: str, now_ms: int) -> SignedStatusList:
        marked = {place: _STATUS[state] for place, state in store.marked_places(db, status_list)}
        return sign_status_list(
            pack_statuses(marked),
            uri=self.uri_of(status_list),
            issuer=self._issuer,
            key=self._key,
            issued_at_ms=now_ms,
        )


def _is_fresh(signed: SignedStatusList, now_ms: int) -> bool:
    """Also false when the clock went back behind the list's beginning."""
    return LIFETIME_MS // 2 <= signed.expires_ms - now_ms <= LIFETIME_MS
