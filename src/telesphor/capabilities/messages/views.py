"""What people see of their threads: lists and messages without any content, which is sealed.

Whoever looks sees only threads it is in. Names come from the directory, for those who are in a thread together.
Start at `MessageViews`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import apsw
import msgspec

from telesphor.capabilities.identity.service import node_of
from telesphor.capabilities.messages.finding import (
    Circle,
    Reading,
    find_circle,
    may_remove,
    recipients_now,
    require_member,
)
from telesphor.capabilities.messages.model import (
    Attachment,
    ChangeRow,
    MessageRow,
    MessageState,
    Recipient,
    state_of,
)
from telesphor.capabilities.messages.queries import store
from telesphor.kernel import base64url
from telesphor.runtime.capability import Actor

ROWS_MAX: Final = 100
COUNTED_MAX: Final = 100
"""Unread messages of a thread that are counted: a screen says `99+` behind that."""

CHANGES_MAX: Final = 200
"""Who came and went between the messages of one page: more than the members of a thread, six times over."""

POSITION_MAX: Final = 2**53 - 1


class Names(Protocol):
    """Who knows what people are called."""

    def names_of(self, actors: Iterable[str]) -> dict[str, str]:
        """The names of those that have one."""

    def names_for(self, reader: Actor, actors: Iterable[str]) -> dict[str, str]:
        """The names of those that have one, and whom the reader knows."""


class MemberView(msgspec.Struct, frozen=True):
    """A member of a thread; `name` is null where nobody gave one."""

    actor: str
    name: str | None
    role: str


class MonitorView(msgspec.Struct, frozen=True):
    """The compliance monitor, which reads along."""

    actor: str
    mode: str


class ThreadView(msgspec.Struct, frozen=True, kw_only=True):
    """A thread as one member sees it. `urgency` is the highest among what that member has not read; `removes` is
    whether that member may remove others."""

    thread: str
    state: str
    subject: str | None
    subject_name: str | None
    members: tuple[MemberView, ...]
    monitor: MonitorView | None
    held: bool
    retention_days: int | None
    unread: int
    undelivered: int
    urgency: str
    opened_at: str
    last_at: str
    removes: bool


class ThreadList(msgspec.Struct, frozen=True):
    """Threads, the last used first; `after` leads on, and is null at the end."""

    threads: tuple[ThreadView, ...]
    after: int | None


class ReceiptView(msgspec.Struct, frozen=True):
    """What one recipient got, and when; null where it is not so yet."""

    actor: str
    version: int
    delivered_at: str | None
    read_at: str | None


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message: its newest version that went out, or for its sender the newest there is.

    `position` is where the signed header of the first version stands on the ledger.
    """

    message: str
    version: int
    sender: str
    sender_name: str | None
    at: str
    edited_at: str | None
    urgency: str
    envelope: str
    size: int
    recipients: tuple[Recipient, ...]
    attachments: tuple[Attachment, ...]
    state: str
    versions: int
    verdict: str
    receipts: tuple[ReceiptView, ...]
    position: int


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody was added or removed, by whom, or left: `what` is `added`, `removed` or `left`."""

    position: int
    at: str
    what: str
    actor: str
    name: str | None
    by: str
    by_name: str | None


class ThreadPage(msgspec.Struct, frozen=True):
    """Messages of a thread, the newest first; `before` leads on, and is null at the beginning.

    `changes` are who came and went in the same part of the thread, the newest first.
    """

    thread: ThreadView
    messages: tuple[MessageView, ...]
    changes: tuple[ChangeView, ...]
    before: int | None


class RecipientView(msgspec.Struct, frozen=True):
    """To whom a message must be sealed: the key's thumbprint, and the key as base64url."""

    actor: str
    name: str | None
    role: str
    key: str
    kem: str


class RecipientList(msgspec.Struct, frozen=True):
    """Exactly these; `domains` are those that addresses in a message may be of without a warning."""

    recipients: tuple[RecipientView, ...]
    domains: tuple[str, ...]


class MessageViews:
    """The views of one node.

    Args:
        reading: lends a connection that reads the ledger's tables.
    """

    def __init__(
        self,
        *,
        reading: Reading,
        names: Names,
    ) -> None:
        self._reading, self._names = reading, names

    def threads(self, actor: Actor, *, archived: bool, after: int | None, rows: int) -> ThreadList:
        """The actor's threads, the last used first."""
        count = max(1, min(rows, ROWS_MAX))
        with self._reading() as db:
            found = store.threads_of(db, actor.id, archived=archived, before=_before(after), count_max=count)
            circles = [find_circle(db, row.thread) for _, row in found]
            names = self._names.names_for(actor, _people(circles))
            views = tuple(_thread(db, actor, circle, names) for circle in circles)
        return ThreadList(views, found[-1][0] if len(found) == count else None)

    def thread(self, actor: Actor, thread: str, *, before: int | None, rows: int) -> ThreadPage:
        """One thread with its newest messages; raises `ThreadMissing`, `NotInThread`."""
        count = max(1, min(rows, ROWS_MAX))
        with self._reading() as db:
            circle = find_circle(db, thread)
            require_member(actor, circle)
            found = store.messages_of(db, thread, before=_before(before), count_max=count)
            is_full = len(found) == count
            changes = store.changes_of(
                db,
                thread,
                after=found[-1].position if is_full else -1,
                before=_before(before),
                count_max=CHANGES_MAX,
            )
            senders = {str(message.sender) for message in found}
            changed = {one for change in changes for one in (change.actor, change.by)}
            names = self._names.names_for(actor, {*_people([circle]), *senders, *changed})
            messages = [_message(db, actor, message, names) for message in found]
            shown = tuple(one for one in messages if one is not None)
            view = _thread(db, actor, circle, names)
        seen = tuple(_change(one, names) for one in changes)
        return ThreadPage(view, shown, seen, found[-1].position if is_full else None)

    def recipients(self, actor: Actor, thread: str) -> RecipientList:
        """To whom a message is sealed now; raises `ThreadMissing`, `NotInThread`, `MonitorMissing`."""
        with self._reading() as db:
            circle = find_circle(db, thread)
            require_member(actor, circle)
            found = recipients_now(db, circle)
            domain = node_of(db)[1].partition("/")[0]
        names = self._names.names_for(actor, [one.actor for one, _ in found])
        views = tuple(
            RecipientView(
                one.actor, names.get(one.actor), one.role, one.key, base64url.encode(key.public_bytes)
            )
            for one, key in found
        )
        return RecipientList(views, (domain,))

    def names_of_patients(self, db: apsw.Connection, *, count_max: int) -> dict[str, str]:
        """What those are called whom threads are about, for the monitor."""
        return self._names.names_of(store.subjects(db, count_max=count_max))


def parts_with(db: apsw.Connection, reader: str, actors: Sequence[str]) -> set[str]:
    """Those of some actors with whom a reader has a thread."""
    return store.together_with(db, reader, actors) if actors else set()


def _before(position: int | None) -> int:
    return POSITION_MAX if position is None else position


def _people(circles: Iterable[Circle]) -> set[str]:
    found = {str(member.actor) for circle in circles for member in circle.members}
    return found | {str(circle.thread.subject) for circle in circles if circle.thread.subject}


def _thread(db: apsw.Connection, actor: Actor, circle: Circle, names: dict[str, str]) -> ThreadView:
    thread, monitor = circle.thread, circle.monitor
    unread, undelivered, urgency = store.count_waiting(
        db, thread=thread.thread, actor=actor.id, count_max=COUNTED_MAX
    )
    return ThreadView(
        thread=thread.thread,
        state="archived" if thread.archived else "open",
        subject=thread.subject,
        subject_name=names.get(thread.subject or ""),
        members=tuple(MemberView(one.actor, names.get(one.actor), one.role) for one in circle.members),
        monitor=None if monitor is None else MonitorView(monitor.monitor, monitor.mode),
        held=bool(store.holds_on(db, thread.thread)),
        retention_days=thread.retention_days,
        unread=unread,
        undelivered=undelivered,
        urgency=urgency,
        opened_at=thread.opened_at,
        last_at=thread.last_at,
        removes=may_remove(actor, circle),
    )


def _change(change: ChangeRow, names: dict[str, str]) -> ChangeView:
    return ChangeView(
        position=change.position,
        at=change.at,
        what=change.what,
        actor=change.actor,
        name=names.get(change.actor),
        by=change.by,
        by_name=names.get(change.by),
    )


def _message(
    db: apsw.Connection, actor: Actor, message: MessageRow, names: dict[str, str]
) -> MessageView | None:
    """A message as a member sees it; one that never went out is its sender's alone."""
    own = message.sender == actor.id
    if not message.shown and not own:
        return None
    version = store.find_version(db, message.message, message.version if own else message.shown)
    newest = store.find_version(db, message.message, message.version)
    assert version is not None
    assert newest is not None, "the fold writes them"
    state = newest.state if own and not message.ended else state_of(message, newest)
    return MessageView(
        message=message.message,
        version=version.version,
        sender=message.sender,
        sender_name=names.get(message.sender),
        at=message.sent_at,
        edited_at=version.at if version.version > 1 else None,
        urgency=message.urgency,
        envelope=version.envelope,
        size=version.size,
        recipients=version.recipients,
        attachments=version.attachments if state is not MessageState.RECALLED else (),
        state=state,
        versions=version.version,
        verdict=version.verdict if own else "",
        receipts=_receipts(db, message),
        position=message.position,
    )


def _receipts(db: apsw.Connection, message: MessageRow) -> tuple[ReceiptView, ...]:
    return tuple(
        ReceiptView(row.actor, row.version, row.delivered_at or None, row.read_at or None)
        for row in store.receipts_of(db, message.message)
    )
