"""The transfers of messages: envelopes in, envelopes out, what waits for the monitor, and the export of a thread.

A ticket says what was allowed when it was issued. INVARIANT: with each use the ledger is asked again: who left, lost
its keys, or was told of a recall gets nothing, whatever ticket it holds. Start at `MessageDesk`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import apsw
import msgspec

from telesphor.capabilities.identity.service import active_actor
from telesphor.capabilities.messages.envelopes.shelf import Shelf
from telesphor.capabilities.messages.finding import Reading, find_circle, find_message
from telesphor.capabilities.messages.model import (
    ExportGrant,
    MessageRow,
    MonitorGrant,
    ThreadGrant,
    VersionRow,
)
from telesphor.capabilities.messages.queries import store
from telesphor.capabilities.messages.receiving import is_addressed
from telesphor.capabilities.messages.refusals import (
    MessageMissing,
    NotAddressed,
    NotDelivered,
    NotInThread,
    NotLookedAt,
    NotTheMonitor,
    ThreadArchived,
)
from telesphor.capabilities.messages.sending import check_there
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import parse_id
from telesphor.vault.store import find_object

WAITING_ROWS_MAX: Final = 64
"""Of what waits for the monitor: as much as one of its looks may name."""

NAMES_MAX: Final = 10_000
"""Patients whose names the monitor looks for: of one clinic; 400 kB."""

LATELY_MS: Final = 3_600_000
"""What a sender has sent within this counts as sending in bulk."""


class WaitingFile(msgspec.Struct, frozen=True):
    """An attached object as its writer began and sealed it; `size` is in bytes."""

    object: str
    media_type: str
    size: int


class WaitingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A version that the monitor has not judged; `sent_lately` counts its sender's messages of the last hour."""

    thread: str
    message: str
    version: int
    sender: str
    subject: str | None
    recipients: tuple[str, ...]
    attachments: tuple[WaitingFile, ...]
    sent_lately: int
    size: int


class WaitingList(msgspec.Struct, frozen=True):
    """What waits for the monitor, the oldest first."""

    messages: tuple[WaitingMessage, ...]


class PatientName(msgspec.Struct, frozen=True):
    """What somebody is called whom messages may be about."""

    actor: str
    name: str


class NameList(msgspec.Struct, frozen=True):
    """The names that the monitor looks for."""

    people: tuple[PatientName, ...]


class MessageDesk:
    """What tickets of messages are good for. Safe between threads; everything blocks.

    Args:
        reading: lends a connection that reads the ledger's tables.
        names_of_patients: what those are called whom threads are about.
    """

    def __init__(
        self,
        *,
        shelf: Shelf,
        reading: Reading,
        names_of_patients: Callable[[apsw.Connection], dict[str, str]],
        clock: Clock,
    ) -> None:
        self._shelf, self._reading, self._clock = shelf, reading, clock
        self._names_of_patients = names_of_patients

    def take_envelope(self, grant: ThreadGrant, name: str, data: bytes) -> None:
        """Keep an envelope for the command that will name it.

        Raises:
            NotInThread, ThreadArchived, ActorRetired: the ticket is good no more; and as `Shelf.take`.
        """
        with self._reading() as db:
            self._check_member(db, grant)
            if find_circle(db, grant.thread).thread.archived:
                raise ThreadArchived("the thread is archived", hint="restore it first")
        self._shelf.take(grant.thread, grant.actor, name, data)

    def fetch_envelope(self, grant: ThreadGrant, message_id: str, number: int) -> bytes:
        """The envelope of a version that was delivered to the ticket's actor, or that it sent itself.

        Raises:
            NotInThread, MessageMissing, MessageRecalled, MessageExpired, NotAddressed, NotDelivered, EnvelopeGone.
        """
        with self._reading() as db:
            self._check_member(db, grant)
            message, version = _find(db, grant.thread, message_id, number)
            if message.sender != grant.actor:
                _check_delivered(db, grant.actor, message, version)
        return self._shelf.read(grant.thread, version.envelope)

    def fetch_for_monitor(self, grant: MonitorGrant, thread: str, message_id: str, number: int) -> bytes:
        """The envelope of a version that the monitor said it looks at.

        Raises:
            NotTheMonitor, MessageMissing, MessageRecalled, MessageExpired, NotAddressed, NotLookedAt, EnvelopeGone.
        """
        with self._reading() as db:
            self._check_monitor(db, grant)
            _, version = _find(db, parse_id(thread), message_id, number)
            if not is_addressed(version, grant.actor):
                raise NotAddressed("the version is sealed to another monitor")
            if not version.looked:
                raise NotLookedAt("the look is not on the ledger", hint="sign `monitor.look/1` first")
        return self._shelf.read(thread, version.envelope)

    def waiting(self, grant: MonitorGrant) -> WaitingList:
        """What waits for the monitor; raises `NotTheMonitor`."""
        since_ms = self._clock.now_ms() - LATELY_MS
        with self._reading() as db:
            self._check_monitor(db, grant)
            found = store.unjudged(db, grant.actor, count_max=WAITING_ROWS_MAX)
            return WaitingList(tuple(_waiting(db, *pair, since_ms=since_ms) for pair in found))

    def names(self, grant: MonitorGrant) -> NameList:
        """The names that the monitor looks for; raises `NotTheMonitor`."""
        with self._reading() as db:
            self._check_monitor(db, grant)
            names = self._names_of_patients(db)
        return NameList(tuple(PatientName(actor, name) for actor, name in sorted(names.items())))

    def check_export(self, grant: ExportGrant) -> None:
        """Let only whoever exported it pass, while it acts and is in it; raises `ActorRetired`, `NotInThread`."""
        with self._reading() as db:
            active_actor(db, grant.actor)
            if not grant.whole:
                self._check_member(db, ThreadGrant(thread=grant.thread, actor=grant.actor))

    def _check_member(self, db: apsw.Connection, grant: ThreadGrant) -> None:
        active_actor(db, grant.actor)
        if store.role_of(db, thread=grant.thread, actor=grant.actor) is None:
            raise NotInThread("you are in the thread no more")

    def _check_monitor(self, db: apsw.Connection, grant: MonitorGrant) -> None:
        active_actor(db, grant.actor)
        monitor = store.find_monitor(db)
        if monitor is None or monitor.monitor != grant.actor:
            raise NotTheMonitor("only the monitor in force may do this")


def _find(db: apsw.Connection, thread: str, message_id: str, number: int) -> tuple[MessageRow, VersionRow]:
    message, _ = find_message(db, thread=thread, message=parse_id(message_id))
    check_there(message)
    version = store.find_version(db, message_id, number)
    if version is None:
        raise MessageMissing(f"message `{message_id}` has no version `{number}`")
    return message, version


def _check_delivered(db: apsw.Connection, actor: str, message: MessageRow, version: VersionRow) -> None:
    """An earlier version may be looked up by whoever received a later one, if it was sealed to it and went out."""
    if not is_addressed(version, actor):
        raise NotAddressed("the version is not sealed to you")
    receipt = store.find_receipt(db, message=message.message, actor=actor)
    if receipt is None or receipt.version < version.version or version.state != "sent":
        raise NotDelivered("the version was not delivered to you", hint="sign `message.receive/1` first")


def _waiting(
    db: apsw.Connection, message: MessageRow, version: VersionRow, *, since_ms: int
) -> WaitingMessage:
    thread = store.find_thread(db, message.thread)
    return WaitingMessage(
        thread=message.thread,
        message=message.message,
        version=version.version,
        sender=message.sender,
        subject=None if thread is None else thread.subject,
        recipients=tuple(one.actor for one in version.recipients if one.role == "member"),
        attachments=tuple(_file(db, one.object) for one in version.attachments),
        sent_lately=store.count_sent(db, sender=message.sender, since_ms=since_ms),
        size=version.size,
    )


def _file(db: apsw.Connection, object_id: str) -> WaitingFile:
    row = find_object(db, object_id)
    assert row is not None, "only what is there is attached"
    return WaitingFile(object_id, row.media_type, row.size or 0)
