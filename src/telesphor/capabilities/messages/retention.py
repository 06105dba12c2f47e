"""Retention: messages whose time has come are deleted for good, unless a legal hold is on their thread.

1. The job finds messages that are due, of one thread at a time.
2. It says so by the node's own word, `message.expired/1`, which is decided once more inside the writer: a hold that was
   laid meanwhile refuses it.
3. Only then are the envelopes destroyed, and the objects that were attached to nothing that stays.

What a crash left after step 2, and what a hold on another thread kept of it, a later run makes up for. INVARIANT: the
word is no command of the registry.
Start at `Retention.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import groupby
from typing import Final

import apsw

from telesphor.capabilities.identity.model import ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.service import own_id
from telesphor.capabilities.messages.entries import MESSAGES_EXPIRED, IdsField, MessagesExpired
from telesphor.capabilities.messages.envelopes.shelf import Shelf
from telesphor.capabilities.messages.finding import find_circle, find_message, say
from telesphor.capabilities.messages.model import (
    DAY_MS,
    MESSAGES_AT_ONCE_MAX,
    MessageRow,
    ThreadIdField,
    VersionRow,
    due_ms,
)
from telesphor.capabilities.messages.queries import store
from telesphor.capabilities.messages.refusals import LegalHold, MessageExpired, NotDue
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.capability import Actor, Body, CommandType, Decision, Receipt, State
from telesphor.runtime.telemetry import log
from telesphor.vault.errors import ObjectHeld
from telesphor.vault.model import EraseObject, ErasureReason, ObjectState
from telesphor.vault.service import erase_object
from telesphor.vault.store import find_object
from telesphor.vault.vault import Vault

BATCHES_AT_ONCE: Final = 256
"""Of one run: 16,384 messages. The next run goes on."""

RUN_SECONDS: Final = 3_600.0
"""How often retention runs: it counts in days."""


class ExpireMessages(Body, frozen=True, kw_only=True):
    """The node's word that the retention of these messages has ended."""

    thread: ThreadIdField
    messages: IdsField


class Retention:
    """What deletes messages. `run` is for one thread; everything blocks.

    Args:
        record: records one command as the node's own word.
        open_db: opens a read-only connection to the ledger's tables.
    """

    def __init__(
        self,
        *,
        record: Callable[[CommandType, Body], Receipt],
        open_db: Callable[[], apsw.Connection],
        shelf: Shelf,
        vault: Vault,
        clock: Clock,
    ) -> None:
        self._record, self._open_db, self._shelf, self._clock = record, open_db, shelf, clock
        self._vault = vault
        self._expire = CommandType("message.expire/1", ExpireMessages, expire_messages)
        self._erase = CommandType("object.erase/1", EraseObject, partial(erase_object, vault=vault))
        self._shelf_settled = False
        self._objects_settled = False

    def run(self) -> int:
        """Delete what is due, and what nobody named; returns how many messages were deleted."""
        self._settle()
        self._shelf.sweep()
        deleted = 0
        for _ in range(BATCHES_AT_ONCE):
            with closing(self._open_db()) as db:
                due = store.due_messages(
                    db, now_ms=self._clock.now_ms(), day_ms=DAY_MS, count_max=MESSAGES_AT_ONCE_MAX
                )
            if not due:
                break
            for thread, messages in groupby(due, key=lambda message: message.thread):
                deleted += self._delete(thread, list(messages))
        if deleted:
            log.info("messages expired", count=deleted)
        return deleted

    def _delete(self, thread: str, messages: Sequence[MessageRow]) -> int:
        ids = tuple(message.message for message in messages)
        try:
            self._record(self._expire, ExpireMessages(thread=messages[0].thread, messages=ids))
        except LegalHold:  # It was laid since they were found; the next look finds none of these.
            return 0
        with closing(self._open_db()) as db:
            versions = [version for message in messages for version in _versions(db, message)]
            objects = _objects_to_erase(db, ids, versions)
        self._shelf.destroy(thread, [version.envelope for version in versions])
        if not self._erase_all(objects):
            self._objects_settled = False
        return len(ids)

    def _settle(self) -> None:
        """Finish what a crash left undone, and what a hold kept."""
        if not self._shelf_settled:
            self._shelf.settle()
            self._shelf_settled = True
        if not self._objects_settled:
            self._objects_settled = self._settle_objects()

    def _settle_objects(self) -> bool:
        after, all_erased = "", True
        while True:
            with closing(self._open_db()) as db:
                page = store.expired_with_objects(db, after=after, count_max=MESSAGES_AT_ONCE_MAX)
                rows = [store.find_message(db, message) for message in page]
                versions = [one for row in rows if row is not None for one in _versions(db, row)]
                objects = _objects_to_erase(db, page, versions)
            if not page:
                return all_erased
            all_erased = self._erase_all(objects) and all_erased
            after = page[-1]

    def _erase_all(self, objects: Sequence[str]) -> bool:
        """Erase each; returns whether none is kept by a hold."""
        all_erased = True
        for object_id in objects:
            if self._is_held(object_id):
                all_erased = False
                continue
            try:
                self._record(self._erase, EraseObject(object=object_id, reason=ErasureReason.RETENTION))
            except ObjectHeld:  # The hold was laid since the look before.
                all_erased = False
            except (
                TelesphorError
            ) as error:  # One object must not keep the others alive; the next start tries again.
                log.error("attachment not erased", code=error.code)
        return all_erased

    def _is_held(self, object_id: str) -> bool:
        """Whether the hold of another thread keeps it: asked first, since an attempt would leave an entry each hour."""
        with closing(self._open_db()) as db:
            return bool(self._vault.holds.holds_on(db, object_id))


def expire_messages(actor: Actor, command: ExpireMessages, state: State) -> Decision:
    """Note that messages of a thread are deleted.

    Raises:
        NotPermitted: this is not the node's own word.
        ThreadMissing, MessageMissing, MessageExpired, LegalHold, NotDue: they may not be deleted.
    """
    require_kind(actor, ActorKind.NODE)
    if actor.id != own_id(state):
        raise NotPermitted("this is not the node's own word")
    thread = find_circle(state.db, command.thread).thread
    if store.holds_on(state.db, command.thread):
        raise LegalHold("a legal hold keeps the thread's messages")
    for id in command.messages:
        message, _ = find_message(state.db, thread=command.thread, message=id)
        if message.ended == "expired":
            raise MessageExpired(f"message `{id}` is deleted already")
        due = due_ms(message.sent_ms, thread.retention_days)
        if due is None or due > state.now_ms:
            raise NotDue(f"the retention of message `{id}` has not ended")
    body = MessagesExpired(messages=command.messages)
    return Decision((say(command.thread, MESSAGES_EXPIRED, body),))


def _versions(db: apsw.Connection, message: MessageRow) -> list[VersionRow]:
    found = (store.find_version(db, message.message, n + 1) for n in range(message.version))
    return [version for version in found if version is not None]


def _objects_to_erase(
    db: apsw.Connection, messages: Sequence[str], versions: Sequence[VersionRow]
) -> list[str]:
    """What was attached to be deleted with its message, is attached to nothing that stays, and is still there."""
    if not messages:
        return []
    kept = {one.object for version in versions for one in version.attachments if one.keep}
    found = []
    for object_id in store.attached_only_to(db, messages):
        row = find_object(db, object_id)
        if object_id not in kept and row is not None and row.state is not ObjectState.ERASED:
            found.append(object_id)
    return found
