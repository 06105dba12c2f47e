"""Data keys and their wraps: who can open an object, kept in records that can be deleted.

Each object has a data key of 32 random bytes, sealed (HPKE, X-Wing) to the node, so that it can serve
ranges, and to each reader, so that a client can open the ciphertext itself. `KeyRing.settle` makes the
records follow the ledger: it may be called at any time, any number of times.

INVARIANT: a data key is made once, while its object is begun and has no bytes. If its record is lost
later, it is missing, never made anew: two keys for one object would be two objects.
INVARIANT: settles run one at a time and read the ledger inside, so the last one to run leaves the
wraps as the newest entry says, however the callers were ordered.

Start at `KeyRing.settle`. Bytes: `docs/spec/wraps.md`.
"""

from __future__ import annotations

import threading
from typing import Protocol

import apsw

from telesphor.kernel.chunked import SALT
from telesphor.kernel.clock import Clock, parse_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, IdSource, ObjectId
from telesphor.kernel.sealing import RecipientKey, RecipientPublic, SealInfo, seal, unseal
from telesphor.vault.errors import KeyMissing
from telesphor.vault.model import UPLOAD_LIFETIME_SECONDS, ObjectRow, ObjectState
from telesphor.vault.store import LedgerView, Records, Wrap

PURPOSE = "object-key"
ROLE_NODE = "node"
ROLE_READER = "reader"
DATA_KEY_BYTES = 32


class Recipients(Protocol):
    """Who knows the actors' sealing keys; `identity` does."""

    def kem_of(self, db: apsw.Connection, actor_id: str) -> RecipientPublic:
        """The actor's present public key; raises a `TelesphorError` for one that has none."""
        ...


class KeyRing:
    """The data keys of one node's objects.

    Args:
        node_id: the node's own actor id.
        node_key: opens the node's wraps.
    """

    def __init__(
        self,
        *,
        records: Records,
        ledger: LedgerView,
        recipients: Recipients,
        node_id: ActorId,
        node_key: RecipientKey,
        ids: IdSource,
        clock: Clock,
    ) -> None:
        self._records = records
        self._ledger = ledger
        self._recipients = recipients
        self._node_id = node_id
        self._node_key = node_key
        self._ids = ids
        self._clock = clock
        self._settling = threading.Lock()

    def settle(self, object_id: ObjectId) -> ObjectRow | None:
        """Make an object's key records what the ledger says now; returns what it says.

        Begun: the key exists and is wrapped. Re-wrapped: exactly the present readers hold wraps.
        Erased: no record is left, not in the write-ahead log either.

        Raises:
            KeyMissing: the key of a living object is lost.
        """
        with self._settling:
            row = self._ledger.object(object_id)
            if row is None:
                return None
            if row.state is ObjectState.ERASED:
                self._destroy(object_id)
            elif not is_abandoned(row, now_ms=self._clock.now_ms()):
                self._settle_wraps(row)
            return row

    def destroy_abandoned(self, row: ObjectRow) -> None:
        """Delete the key of an upload that was never sealed."""
        with self._settling:
            self._destroy(row.object)

    def data_key(self, object_id: ObjectId) -> bytes:
        """An object's key, opened with the node's.

        Raises:
            KeyMissing: there is no record of it.
            SealRefused: the record was altered or is for another node.
        """
        wrap = self._records.wrap(object_id, actor=self._node_id, role=ROLE_NODE)
        if wrap is None:
            raise KeyMissing(f"the key of object `{object_id}` is not there")
        info = SealInfo(PURPOSE, object_id, wrap.thumbprint, ROLE_NODE)
        return unseal(wrap.sealed, key=self._node_key, info=info)

    def wrap_for(self, object_id: ObjectId, actor_id: ActorId, public: RecipientPublic) -> Wrap:
        """The key sealed to an actor's present key, for one that was allowed to read.

        A listed reader's is kept, and made anew when its key was rotated; that of somebody whom a grant allows is made
        for this time only.
        """
        if actor_id in self._ledger.readers(object_id):
            return self._reader_wrap(object_id, actor_id, public)
        return _wrap(self.data_key(object_id), object_id, actor_id, ROLE_READER, public)

    def _reader_wrap(self, object_id: ObjectId, actor_id: str, public: RecipientPublic) -> Wrap:
        wrap = self._records.wrap(object_id, actor=actor_id, role=ROLE_READER)
        if wrap is None or wrap.thumbprint != public.thumbprint():
            self.settle(object_id)
            wrap = self._records.wrap(object_id, actor=actor_id, role=ROLE_READER)
        if wrap is None:
            raise KeyMissing(f"the key of object `{object_id}` is not wrapped for you", hint="ask again")
        return wrap

    def _settle_wraps(self, row: ObjectRow) -> None:
        wanted = self._wanted(row)
        present = {(wrap.actor, wrap.role): wrap for wrap in self._records.wraps(row.object)}
        surplus = [wrap for name, wrap in present.items() if name not in wanted]
        lacking = {
            name: public
            for name, public in wanted.items()
            if name not in present or present[name].thumbprint != public.thumbprint()
        }
        if lacking:
            key = self._open_or_make_key(row)
            fresh = [_wrap(key, row.object, actor, role, public) for (actor, role), public in lacking.items()]
            with self._records.transaction():
                if self._records.upload(row.object) is None:
                    self._records.begin_upload(row.object, self._ids.random_bytes(SALT))
                self._records.put_wraps(row.object, fresh)
        if surplus:
            self._records.forget_wraps(row.object, surplus)
        if surplus or (lacking and present):
            self._records.scrub()

    def _wanted(self, row: ObjectRow) -> dict[tuple[ActorId, str], RecipientPublic]:
        wanted = {(self._node_id, ROLE_NODE): self._node_key.public}
        for reader in sorted(self._ledger.readers(row.object)):
            try:
                with self._ledger.reading() as db:
                    wanted[ActorId(reader), ROLE_READER] = self._recipients.kem_of(db, reader)
            except TelesphorError as error:
                if error.kind is Kind.STORAGE:
                    raise
                continue  # An actor that has retired since is no reason to keep the others out.
        return wanted

    def _open_or_make_key(self, row: ObjectRow) -> bytes:
        if row.state is ObjectState.BEGUN and self._records.upload(row.object) is None:
            return self._ids.random_bytes(DATA_KEY_BYTES)
        return self.data_key(row.object)

    def _destroy(self, object_id: ObjectId) -> None:
        if self._records.forget_keys(object_id):
            self._records.scrub()


def is_abandoned(row: ObjectRow, *, now_ms: int, grace_seconds: int = 0) -> bool:
    """Whether an upload was begun too long ago to be sealed any more."""
    age_ms = now_ms - parse_instant(row.begun_at)
    return row.state is ObjectState.BEGUN and age_ms > (UPLOAD_LIFETIME_SECONDS + grace_seconds) * 1000


def _wrap(key: bytes, object_id: ObjectId, actor: ActorId, role: str, public: RecipientPublic) -> Wrap:
    info = SealInfo(PURPOSE, object_id, public.thumbprint(), role)
    return Wrap(actor, role, public.thumbprint(), seal(key, recipient=public, info=info))
