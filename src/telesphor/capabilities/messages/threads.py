"""The commands about threads: open, add, remove, leave, enter, retain, hold, archive, restore.

Start at `ThreadDesk.open_thread`.
"""

from __future__ import annotations

from typing import Final

from telesphor.capabilities.access.model import Action, Ask, house_of
from telesphor.capabilities.identity.model import ActorIdField, ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.service import active_kind, kem_of, own_id
from telesphor.capabilities.messages import entries as types
from telesphor.capabilities.messages.finding import (
    Authorise,
    Circle,
    ask_about,
    beside,
    find_circle,
    may_remove,
    require_member,
    require_monitor,
    require_open,
    say,
)
from telesphor.capabilities.messages.model import (
    HOLDS_MAX,
    MEMBERS_MAX,
    TICKET_SECONDS,
    HoldIdField,
    MemberRole,
    MembersField,
    RetentionField,
    ThreadGrant,
    ThreadIdField,
    ThreadTicket,
    thread_stream,
)
from telesphor.capabilities.messages.queries import store
from telesphor.capabilities.messages.refusals import (
    HoldExists,
    HoldMissing,
    MemberRefused,
    ThreadExists,
    ThreadNotArchived,
)
from telesphor.kernel.ids import ActorId
from telesphor.runtime.capability import Actor, Body, Decision, State
from telesphor.runtime.tickets import Tickets

MEMBER_KINDS: Final = (ActorKind.PERSON, ActorKind.SYSTEM, ActorKind.ORGANISATION)
"""Who can read a message: a device cannot."""


class OpenThread(Body, frozen=True, kw_only=True):
    """Begin a thread under a fresh id; asked by one of its members, an organisation or a system."""

    thread: ThreadIdField
    subject: ActorIdField | None
    members: MembersField
    retention_days: RetentionField


class AboutThread(Body, frozen=True, kw_only=True):
    """A command that says nothing but which thread."""

    thread: ThreadIdField


class AddMember(AboutThread, frozen=True, kw_only=True):
    """Have messages sealed to one more actor from here on."""

    actor: ActorIdField
    role: MemberRole


class RemoveMember(AboutThread, frozen=True, kw_only=True):
    """Have messages sealed to this actor no more."""

    actor: ActorIdField


class SetRetention(AboutThread, frozen=True, kw_only=True):
    """For how many days messages are kept; for ever where nothing is said."""

    retention_days: RetentionField


class NameHold(AboutThread, frozen=True, kw_only=True):
    """A legal hold, to be laid on the thread or lifted from it."""

    hold: HoldIdField


class ThreadDesk:
    """The commands about threads.

    Args:
        authorise: the rules of access.
        tickets: the node's tickets.
    """

    def __init__(self, *, authorise: Authorise, tickets: Tickets) -> None:
        self._authorise = authorise
        self._tickets = tickets

    def open_thread(self, actor: Actor, command: OpenThread, state: State) -> Decision:
        """Begin a thread.

        Raises:
            AccessDenied: the rules do not allow it.
            NotPermitted: a person opens only threads of its own; a device none.
            MonitorMissing: nothing could be sent in it.
            ThreadExists: the id was used before.
            MemberRefused, ActorMissing, ActorRetired: somebody named cannot be a member, or its subject.
        """
        require_kind(actor, *MEMBER_KINDS)
        allowed = self._authorise(actor, Ask(action=Action.CREATE, resource=house_of(own_id(state))), state)
        stream = thread_stream(command.thread)
        if state.next_n(stream) != 0:
            raise ThreadExists(f"the id `{command.thread}` was used before", hint="make a new id")
        named = [member.actor for member in command.members]
        if actor.kind == ActorKind.PERSON and actor.id not in named:
            raise NotPermitted("a person opens only threads that it is in")
        if len(set(named)) != len(named):
            raise MemberRefused("a member is named twice")
        for member in named:
            _check_member(member, state)
        if command.subject is not None and active_kind(state, command.subject) != ActorKind.PERSON:
            raise MemberRefused("a thread is about a person, or about nobody")
        body = types.ThreadOpened(
            subject=command.subject, members=command.members, retention_days=command.retention_days
        )
        return beside(allowed, say(command.thread, types.THREAD_OPENED, body))

    def add_member(self, actor: Actor, command: AddMember, state: State) -> Decision:
        """Add a member, who sees what is sent from here on and nothing of before.

        Raises:
            ThreadMissing, AccessDenied, NotInThread, ThreadArchived.
            MemberRefused, ActorMissing, ActorRetired: it is one, cannot be one, or there are too many.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.GRANT), state)
        _check_part(actor, circle)
        require_open(circle)
        if circle.has(command.actor):
            raise MemberRefused(f"actor `{command.actor}` is in the thread already")
        if len(circle.members) >= MEMBERS_MAX:
            raise MemberRefused(f"a thread has at most `{MEMBERS_MAX}` members")
        _check_member(command.actor, state)
        body = types.MemberAdded(actor=command.actor, role=command.role)
        return beside(allowed, say(command.thread, types.MEMBER_ADDED, body))

    def enter_thread(self, actor: Actor, command: AboutThread, state: State) -> Decision:
        """Note that a member enters, then give the ticket to send and fetch envelopes with.

        Raises:
            ThreadMissing, AccessDenied, NotInThread.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.READ), state)
        require_member(actor, circle)
        decision = beside(allowed, say(command.thread, types.THREAD_ENTERED, types.Nothing()))
        return decision._replace(after=lambda _: issue_ticket(self._tickets, actor, command.thread))

    def set_retention(self, actor: Actor, command: SetRetention, state: State) -> Decision:
        """Say how long messages are kept; of what is due by then, the next run of retention deletes it.

        Raises:
            ThreadMissing, AccessDenied.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.ADMINISTER), state)
        body = types.RetentionSet(retention_days=command.retention_days)
        return beside(allowed, say(command.thread, types.RETENTION_SET, body))

    def lay_hold(self, actor: Actor, command: NameHold, state: State) -> Decision:
        """Lay a legal hold on a thread: nothing of it is deleted until all are lifted.

        Raises:
            ThreadMissing, AccessDenied.
            HoldExists: it is laid already, or there are too many.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.ADMINISTER), state)
        holds = store.holds_on(state.db, command.thread)
        if command.hold in holds:
            raise HoldExists(f"the hold `{command.hold}` is on the thread already")
        if len(holds) >= HOLDS_MAX:
            raise HoldExists(f"a thread has at most `{HOLDS_MAX}` legal holds")
        return beside(allowed, say(command.thread, types.HOLD_LAID, types.HoldNamed(hold=command.hold)))

    def lift_hold(self, actor: Actor, command: NameHold, state: State) -> Decision:
        """Lift a legal hold.

        Raises:
            ThreadMissing, AccessDenied.
            HoldMissing: it is not on the thread.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.ADMINISTER), state)
        if command.hold not in store.holds_on(state.db, command.thread):
            raise HoldMissing(f"no hold `{command.hold}` is on the thread")
        return beside(allowed, say(command.thread, types.HOLD_LIFTED, types.HoldNamed(hold=command.hold)))

    def archive(self, actor: Actor, command: AboutThread, state: State) -> Decision:
        """Put a thread away: it can be read, and nothing is sent to it.

        Raises:
            ThreadMissing, AccessDenied, NotInThread, ThreadArchived.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.CHANGE), state)
        _check_part(actor, circle)
        require_open(circle)
        return beside(allowed, say(command.thread, types.THREAD_ARCHIVED, types.Nothing()))

    def restore(self, actor: Actor, command: AboutThread, state: State) -> Decision:
        """Take an archived thread out again.

        Raises:
            ThreadMissing, AccessDenied, NotInThread, ThreadNotArchived.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.CHANGE), state)
        _check_part(actor, circle)
        if not circle.thread.archived:
            raise ThreadNotArchived("the thread is not archived")
        return beside(allowed, say(command.thread, types.THREAD_RESTORED, types.Nothing()))


def remove_member(actor: Actor, command: RemoveMember, state: State) -> Decision:
    """End somebody's part: whoever opened the thread, whom it is about, or an organisation may. No rule forbids it.

    Raises:
        ThreadMissing, NotInThread.
        NotPermitted: the actor is none of these.
        MemberRefused: there is no such member.
    """
    circle = find_circle(state.db, command.thread)
    if not may_remove(actor, circle):
        raise NotPermitted("whoever opened the thread, whom it is about, or an organisation removes members")
    _check_part(actor, circle)
    _check_is_member(command.actor, circle)
    body = types.MemberRemoved(actor=command.actor)
    return Decision((say(command.thread, types.MEMBER_REMOVED, body),))


def leave_thread(actor: Actor, command: AboutThread, state: State) -> Decision:
    """End one's own part; raises `ThreadMissing`, `NotInThread`."""
    require_member(actor, find_circle(state.db, command.thread))
    return Decision((say(command.thread, types.MEMBER_LEFT, types.Nothing()),))


def issue_ticket(tickets: Tickets, actor: Actor, thread: str) -> ThreadTicket:
    """A ticket to send envelopes to a thread, and to fetch what was delivered; each use looks at the thread again."""
    grant = ThreadGrant(thread=thread, actor=actor.id)
    return ThreadTicket(thread, tickets.issue(grant, lifetime_seconds=TICKET_SECONDS), TICKET_SECONDS)


def _check_part(actor: Actor, circle: Circle) -> None:
    """A person decides about a thread only while it is in it: whoever was removed does not come back by itself, and
    whom the care team writes about does not join it; raises `NotInThread`."""
    if actor.kind == ActorKind.PERSON:
        require_member(actor, circle)


def _check_member(actor_id: ActorId, state: State) -> None:
    if active_kind(state, actor_id) not in MEMBER_KINDS:
        raise MemberRefused(f"actor `{actor_id}` cannot read messages")
    if actor_id == require_monitor(state.db).monitor:
        raise MemberRefused("the compliance monitor reads along; it is no member")
    kem_of(state.db, actor_id)


def _check_is_member(actor_id: str, circle: Circle) -> None:
    if not circle.has(actor_id):
        raise MemberRefused(f"actor `{actor_id}` is not in the thread")
