"""What every command about a thread begins with: find it, see who asks, and ask access.

Start at `Circle`, a thread with its members and the monitor.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import apsw

from telesphor.capabilities.access.model import Action, Allowed, Ask, Resource, ResourceKind
from telesphor.capabilities.identity.model import ActorKind
from telesphor.capabilities.identity.service import active_actor, kem_of
from telesphor.capabilities.messages.model import (
    Member,
    MessageRow,
    MonitorRow,
    Recipient,
    RecipientRole,
    ThreadRow,
    VersionRow,
    thread_stream,
)
from telesphor.capabilities.messages.queries import store
from telesphor.capabilities.messages.refusals import (
    MessageMissing,
    MonitorMissing,
    NotInThread,
    ThreadArchived,
    ThreadMissing,
)
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.sealing import RecipientPublic
from telesphor.runtime.capability import Actor, Body, Decision, Draft, EntryType, State

Authorise = Callable[[Actor, Ask, State], Allowed]
"""The rules of access; raises `AccessDenied`, which leaves the denial on the ledger."""

Reading = Callable[[], AbstractContextManager[apsw.Connection]]
"""Lends a connection that reads the ledger's tables, for the length of a block."""


class Circle(NamedTuple):
    """A thread, who is in it, and the monitor in force, if one is."""

    thread: ThreadRow
    members: tuple[Member, ...]
    monitor: MonitorRow | None

    def has(self, actor: str) -> bool:
        """Whether this actor is an active member."""
        return any(member.actor == actor for member in self.members)


def find_circle(db: apsw.Connection, thread_id: str) -> Circle:
    """Return a thread with its members; raises `ThreadMissing`."""
    thread = store.find_thread(db, thread_id)
    if thread is None:
        raise ThreadMissing(f"there is no thread `{thread_id}`")
    return Circle(thread, store.members_of(db, thread_id), store.find_monitor(db))


def resource_of(circle: Circle) -> Resource:
    """A thread as rules see it: of whoever opened it, about its subject; its readers are members and monitor."""
    readers = [member.actor for member in circle.members]
    if circle.monitor is not None:
        readers.append(circle.monitor.monitor)
    thread = circle.thread
    return Resource(
        kind=ResourceKind.THREAD,
        id=thread.thread,
        owner=thread.opened_by,
        subject=thread.subject,
        readers=tuple(readers),
    )


def find_thread_resource(state: State, thread_id: str) -> Resource:
    """A thread as rules see it; raises `ThreadMissing`."""
    return resource_of(find_circle(state.db, thread_id))


def require_member(actor: Actor, circle: Circle) -> None:
    """Let only an active member pass; raises `NotInThread`."""
    if not circle.has(actor.id):
        raise NotInThread("only members of the thread may do this")


def may_remove(actor: Actor, circle: Circle) -> bool:
    """Whether an actor may end others' parts: whoever opened the thread, whom it is about, or an organisation."""
    return actor.kind == ActorKind.ORGANISATION or actor.id in (
        circle.thread.opened_by,
        circle.thread.subject,
    )


def require_open(circle: Circle) -> None:
    """Let nothing be added to an archived thread; raises `ThreadArchived`."""
    if circle.thread.archived:
        raise ThreadArchived("the thread is archived", hint="restore it first")


def require_monitor(db: apsw.Connection) -> MonitorRow:
    """Return the monitor in force; raises `MonitorMissing`."""
    monitor = store.find_monitor(db)
    if monitor is None:
        raise MonitorMissing(
            "no compliance monitor is declared, so nothing is sent", hint="an organisation declares one"
        )
    return monitor


def find_message(db: apsw.Connection, *, thread: str, message: str) -> tuple[MessageRow, VersionRow]:
    """Return a message of a thread with its newest version; raises `MessageMissing`."""
    row = store.find_message(db, message)
    if row is None or row.thread != thread:
        raise MessageMissing(f"there is no message `{message}` in the thread")
    newest = store.find_version(db, message, row.version)
    assert newest is not None, "the fold writes a version with its message"
    return row, newest


def keys_of(db: apsw.Connection, circle: Circle) -> dict[str, RecipientPublic]:
    """The key of each member to which can be sealed now; who is retired or has lost its keys is left out."""
    found = {}
    for member in circle.members:
        try:
            found[str(member.actor)] = kem_of(db, member.actor)
        except TelesphorError as error:
            if error.kind not in (Kind.FORBIDDEN, Kind.NOT_FOUND):
                raise
    return found


def recipients_now(db: apsw.Connection, circle: Circle) -> list[tuple[Recipient, RecipientPublic]]:
    """To whom a message must be sealed now, the monitor last; raises `MonitorMissing` or that it acts no more."""
    monitor = require_monitor(db).monitor
    named = [
        *((actor, key, RecipientRole.MEMBER) for actor, key in keys_of(db, circle).items()),
        (monitor, kem_of(db, monitor), RecipientRole.MONITOR),
    ]
    return [
        (Recipient(actor=active_actor(db, actor).id, key=key.thumbprint(), role=role), key)
        for actor, key, role in named
    ]


def ask_about(circle: Circle, action: Action) -> Ask:
    """The question whether somebody may do this to a thread."""
    return Ask(action=action, resource=resource_of(circle))


def say(thread: str, kind: EntryType, body: Body) -> Draft:
    """An entry on the thread's stream."""
    return Draft(kind.name, thread_stream(thread), body)


def beside(allowed: Allowed, *drafts: Draft) -> Decision:
    """A command's own entries, and what its permission must record behind them."""
    return Decision((*drafts, *allowed.drafts), documents=allowed.documents)
