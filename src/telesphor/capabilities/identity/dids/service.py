"""The use cases of DIDs: the document of the node or of an actor, now or at a past moment, and its versions.

All of it is public, and read from committed state: no command, no entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import apsw
import msgspec

from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity import store as identity_store
from telesphor.capabilities.identity.dids.model import (
    VERSIONS_MAX,
    DidMissing,
    DidNames,
    History,
    KeySet,
    Version,
    VersionRefused,
    thumbprints_of,
    write_document,
)
from telesphor.capabilities.identity.model import ActorKind, Jwks
from telesphor.kernel.base64url import std_encode
from telesphor.kernel.clock import format_instant, parse_instant
from telesphor.kernel.ids import InvalidId, parse_id
from telesphor.ledger.entries import EntryReader

_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{3})?Z", re.ASCII)
_POSITION: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


class DidDesk:
    """Answers for one node's documents. Safe between threads: each answer has a reader of its own."""

    def __init__(self, *, names: DidNames, open_entries: Callable[[], EntryReader]) -> None:
        self.names = names
        self._open = open_entries

    def node_document(self) -> dict[str, Any]:
        """The node's own document; raises `NodeMissing` before the first entry."""
        with closing(self._open()) as entries:
            node_id, _ = identity.node_of(entries.db)
            keys = _keys_of(identity_store.last_key_row(entries.db, node_id))
        return write_document(self.names.node, keys, ledger=f"https://{self.names.host}/checkpoint")

    def document(self, actor_id: str, *, version: str = "", time: str = "") -> dict[str, Any]:
        """The document of an actor: now, as the entry at position `version` made it, or at an instant.

        Raises:
            DidMissing: no such actor, or none at that time, or no such version.
            VersionRefused: a version or a time is not one, or both are given.
        """
        if version and time:
            raise VersionRefused("a version is named by its position or by a time, not by both")
        with closing(self._open()) as entries:
            _require_actor(entries.db, actor_id)
            row = _find(entries.db, actor_id, version=version, time=time)
        return write_document(self.names.actor(actor_id), _keys_of(row))

    def history(self, actor_id: str, *, after: str = "") -> History:
        """Versions of an actor's keys, oldest first, each with its entry; `after` is the last version seen."""
        with closing(self._open()) as entries:
            state = _require_actor(entries.db, actor_id)
            first = _read_position(after) if after else -1
            rows = identity_store.key_rows(entries.db, actor_id, after=first, limit=VERSIONS_MAX + 1)
            versions = tuple(_version(row, entries) for row in rows[:VERSIONS_MAX])
        more = f"/v1/actors/{actor_id}/did-history?after={versions[-1].version}"
        return History(
            id=self.names.actor(actor_id),
            state=state,
            versions=versions,
            next=more if len(rows) > VERSIONS_MAX else "",
        )


def _require_actor(db: apsw.Connection, actor_id: str) -> str:
    try:
        info = identity.find_actor(db, parse_id(actor_id))
    except InvalidId:
        info = None
    # The node's own name is another one, and the root speaks for nothing after the first entry.
    if info is None or info.kind in (ActorKind.NODE, ActorKind.ROOT):
        raise DidMissing("nobody has this identifier")
    return info.state


def _find(db: apsw.Connection, actor_id: str, *, version: str, time: str) -> identity_store.KeyRow | None:
    """The row of the keys that were in force; None where the actor was there, and none were."""
    if version:
        position = _read_position(version)
        rows = identity_store.key_rows(db, actor_id, after=position - 1, limit=1)
        if not rows or rows[0].since != position:
            raise DidMissing("there is no such version of this document")
        return rows[0]
    if time:
        at = _read_time(time)
        row = identity_store.key_row_at(db, actor_id, at=at)
        if row is None:
            raise DidMissing("nobody had this identifier then")
        return None if row.until_at is not None and row.until_at <= at else row
    row = identity_store.last_key_row(db, actor_id)
    return None if row is None or row.until is not None else row


def _read_time(text: str) -> str:
    match = _TIME.fullmatch(text)
    if match is None:
        raise VersionRefused("the time of a version is not an instant", hint="write 2026-11-22T11:51:15Z")
    # A second without milliseconds means all of it: what came within it had happened.
    return format_instant(parse_instant(f"{match[1]}{match[2] or '.999'}Z"))


def _read_position(text: str) -> int:
    if _POSITION.fullmatch(text) is None:
        raise VersionRefused("a version is the position of an entry, such as 12")
    return int(text)


def _keys_of(row: identity_store.KeyRow | None) -> KeySet | None:
    if row is None:
        return None
    return KeySet(msgspec.json.decode(row.jwks, type=Jwks), row.kem)


def _version(row: identity_store.KeyRow, entries: EntryReader) -> Version:
    return Version(
        version=str(row.since),
        since=row.since_at,
        until=row.until_at or "",
        ended_at="" if row.until is None else str(row.until),
        keys=thumbprints_of(msgspec.json.decode(row.jwks, type=Jwks)),
        entry=std_encode(entries.entry(row.since).data),
        proof=f"/v1/proofs/{row.since}",
    )
