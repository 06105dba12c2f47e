"""What people see of their threads: lists and messages without any content, which is sealed.

Whoever looks sees only threads it is in. Names come from the directory, for those who are in a thread together.
Start at `MessageViews`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import Final, Protocol

import apsw
import msgspec

from telesphor.capabilities.identity.model import ActorKind, NotPermitted
from telesphor.capabilities.identity.service import node_of
from telesphor.capabilities.messages.finding import (
    Circle,
    find_circle,
    recipients_now,
    require_member,
)
from telesphor.capabilities.messages.model import (
    Attachment,
    MessageRow,
    MessageState,
    Recipient,
    VersionRow,
    state_of,
)
from telesphor.capabilities.messages.queries import store
from telesphor.kernel import base64url
from telesphor.runtime.capability import Actor

ROWS_MAX: Final = 100
COUNTED_MAX: Final = 100
"""Unread messages of a thread that are counted: a screen says `99+` behind that."""

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
    """A thread as one member sees it. `urgency` is the highest among what that member has not read."""

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
    """A message: its newest version that went out, or for its sender the newest there is."""

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


class ThreadPage(msgspec.Struct, frozen=True):
    """Messages of a thread, the newest first; `before` leads on, and is null at the beginning."""

    thread: ThreadView
    messages: tuple[MessageView, ...]
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


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """A version that the monitor flagged or held back."""

    thread: str
    message: str
    version: int
    at: str
    sender: str
    sender_name: str | None
    verdict: str
    codes: tuple[str, ...]
    state: str


class FindingList(msgspec.Struct, frozen=True):
    """What the monitor found, the newest first."""

    findings: tuple[FindingView, ...]
    after: int | None


class MessageViews:
    """The views of one node.

    Args:
        open_db: opens a read-only connection to the ledger's tables.
        roles_of: names of the roles that an actor has.
    """

    def __init__(
        self,
        *,
        open_db: Callable[[], apsw.Connection],
        names: Names,
        roles_of: Callable[[apsw.Connection, str], Sequence[str]],
    ) -> None:
        self._open_db, self._names, self._roles_of = open_db, names, roles_of

    def threads(self, actor: Actor, *, archived: bool, after: int | None, rows: int) -> ThreadList:
        """The actor's threads, the last used first."""
        count = max(1, min(rows, ROWS_MAX))
        with closing(self._open_db()) as db:
            found = store.threads_of(db, actor.id, archived=archived, before=_before(after), count_max=count)
            circles = [find_circle(db, row.thread) for _, row in found]
            names = self._names.names_for(actor, _people(circles))
            views = tuple(_thread(db, actor, circle, names) for circle in circles)
        return ThreadList(views, found[-1][0] if len(found) == count else None)

    def thread(self, actor: Actor, thread: str, *, before: int | None, rows: int) -> ThreadPage:
        """One thread with its newest messages; raises `ThreadMissing`, `NotInThread`."""
        count = max(1, min(rows, ROWS_MAX))
        with closing(self._open_db()) as db:
            circle = find_circle(db, thread)
            require_member(actor, circle)
            found = store.messages_of(db, thread, before=_before(before), count_max=count)
            senders = {str(message.sender) for message in found}
            names = self._names.names_for(actor, {*_people([circle]), *senders})
            messages = [_message(db, actor, message, names) for message in found]
            shown = tuple(one for one in messages if one is not None)
            view = _thread(db, actor, circle, names)
        return ThreadPage(view, shown, found[-1].position if len(found) == count else None)

    def recipients(self, actor: Actor, thread: str) -> RecipientList:
        """To whom a message is sealed now; raises `ThreadMissing`, `NotInThread`, `MonitorMissing`."""
        with closing(self._open_db()) as db:
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

    def findings(self, actor: Actor, *, after: int | None, rows: int) -> FindingList:
        """What the monitor found, for organisations and privacy officers; raises `NotPermitted` for others."""
        count = max(1, min(rows, ROWS_MAX))
        with closing(self._open_db()) as db:
            officer = "privacy-officer" in self._roles_of(db, actor.id)
            if actor.kind != ActorKind.ORGANISATION and not officer:
                raise NotPermitted("organisations and privacy officers see what the monitor found")
            found = store.findings(db, before=_before(after), count_max=count)
        names = self._names.names_for(actor, {str(message.sender) for _, message, _ in found})
        views = tuple(_finding(message, version, names) for _, message, version in found)
        return FindingList(views, found[-1][0] if len(found) == count else None)

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
    )


def _receipts(db: apsw.Connection, message: MessageRow) -> tuple[ReceiptView, ...]:
    return tuple(
        ReceiptView(row.actor, row.version, row.delivered_at or None, row.read_at or None)
        for row in store.receipts_of(db, message.message)
    )


def _finding(message: MessageRow, version: VersionRow, names: dict[str, str]) -> FindingView:
    return FindingView(
        thread=message.thread,
        message=message.message,
        version=version.version,
        at=version.at,
        sender=message.sender,
        sender_name=names.get(message.sender),
        verdict=version.verdict,
        codes=version.codes,
        state=message.ended or version.state,
    )
