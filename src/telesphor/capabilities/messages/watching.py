"""The commands about the compliance monitor, and its own: declare, dismiss, open, look, judge, release.

The monitor is an actor of its own with keys of its own, in a process of its own. It opens only what it said it looks
at, and says of each version what it found, by codes of rules. Start at `WatchingDesk.look`.
"""

from __future__ import annotations

from telesphor.capabilities.access.model import Action, Ask, house_of
from telesphor.capabilities.identity.model import ActorIdField, ActorKind
from telesphor.capabilities.identity.service import active_kind, kem_of, own_id
from telesphor.capabilities.messages import entries as types
from telesphor.capabilities.messages.finding import (
    Authorise,
    ask_about,
    beside,
    find_circle,
    find_message,
    require_monitor,
    say,
)
from telesphor.capabilities.messages.model import (
    MONITOR_STREAM,
    TICKET_SECONDS,
    CodesField,
    DigestField,
    MessageId,
    MessageIdField,
    MessageState,
    Mode,
    MonitorGrant,
    MonitorTicket,
    NamedField,
    ThreadIdField,
    Verdict,
    VersionField,
    VersionRow,
)
from telesphor.capabilities.messages.queries import store
from telesphor.capabilities.messages.receiving import is_addressed
from telesphor.capabilities.messages.refusals import (
    JudgedAlready,
    MemberRefused,
    MessageMissing,
    MessageNamedTwice,
    MessageNotHeld,
    MonitorExists,
    NotAddressed,
    NotLookedAt,
    NotTheMonitor,
)
from telesphor.capabilities.messages.sending import NameMessage, check_there
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State
from telesphor.runtime.tickets import Tickets


class NameMonitor(Body, frozen=True, kw_only=True):
    """A command that says nothing but which monitor."""

    monitor: ActorIdField


class DeclareMonitor(NameMonitor, frozen=True, kw_only=True):
    """Have every message sealed to this system as well, or change its mode; asked by an organisation."""

    mode: Mode


class LookAt(Body, frozen=True, kw_only=True):
    """The monitor says which versions it is about to open."""

    thread: ThreadIdField
    messages: NamedField


class Judge(Body, frozen=True, kw_only=True):
    """What the monitor found in one version."""

    thread: ThreadIdField
    message: MessageIdField
    version: VersionField
    verdict: Verdict
    codes: CodesField
    rules: DigestField


class WatchingDesk:
    """The commands that ask access or hand out tickets.

    Args:
        authorise: the rules of access.
        tickets: the node's tickets.
    """

    def __init__(self, *, authorise: Authorise, tickets: Tickets) -> None:
        self._authorise = authorise
        self._tickets = tickets

    def declare(self, actor: Actor, command: DeclareMonitor, state: State) -> Decision:
        """Put a monitor in force, or change the mode of the one that is.

        Raises:
            AccessDenied.
            MonitorExists: another is in force.
            MemberRefused, ActorMissing, ActorRetired: it is no active system with a key.
        """
        allowed = self._authorise(actor, _about_house(state), state)
        current = store.find_monitor(state.db)
        if current is not None and current.monitor != command.monitor:
            raise MonitorExists("another monitor is in force", hint="dismiss it first")
        if active_kind(state, command.monitor) != ActorKind.SYSTEM:
            raise MemberRefused("a compliance monitor is an actor of kind `system`")
        kem_of(state.db, command.monitor)
        return beside(allowed, _of_monitor(command, types.MonitorDeclared(mode=command.mode), "declared"))

    def dismiss(self, actor: Actor, command: NameMonitor, state: State) -> Decision:
        """End a monitor: nothing is sent until another is declared.

        Raises:
            AccessDenied, MonitorMissing, NotTheMonitor.
        """
        allowed = self._authorise(actor, _about_house(state), state)
        if require_monitor(state.db).monitor != command.monitor:
            raise NotTheMonitor("another monitor is in force")
        return beside(allowed, _of_monitor(command, types.Nothing(), "dismissed"))

    def open(self, actor: Actor, command: NameMonitor, state: State) -> Decision:
        """The monitor begins its work: note it, then give the ticket to see what waits, and whose names to look for.

        Raises:
            MonitorMissing, NotTheMonitor.
        """
        _check_monitor(actor, state)
        if command.monitor != actor.id:
            raise NotTheMonitor("a monitor opens for itself")
        decision = Decision((_of_monitor(command, types.Nothing(), "opened"),))
        return decision._replace(after=lambda _: self._ticket(actor))

    def look(self, actor: Actor, command: LookAt, state: State) -> Decision:
        """Note which versions the monitor opens; only these can it fetch.

        Raises:
            ThreadMissing, AccessDenied, MonitorMissing, NotTheMonitor, MessageNamedTwice.
            MessageMissing, MessageExpired, MessageRecalled, NotAddressed: there is nothing to look at.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.READ), state)
        _check_monitor(actor, state)
        if len({(one.message, one.version) for one in command.messages}) != len(command.messages):
            raise MessageNamedTwice("a version is named twice")
        for one in command.messages:
            _find_version(actor, command.thread, one.message, one.version, state)
        body = types.MessagesNamed(messages=command.messages)
        return beside(allowed, say(command.thread, types.MONITOR_LOOKED, body))

    def release(self, actor: Actor, command: NameMessage, state: State) -> Decision:
        """Let a message go out that is held back or still waits.

        Raises:
            ThreadMissing, AccessDenied, MessageMissing, MessageRecalled, MessageExpired.
            MessageNotHeld: it went out, with all its versions.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.ADMINISTER), state)
        message, _ = find_message(state.db, thread=command.thread, message=command.message)
        check_there(message)
        versions = [store.find_version(state.db, command.message, n + 1) for n in range(message.version)]
        if all(version is None or version.state is MessageState.SENT for version in versions):
            raise MessageNotHeld(f"message `{command.message}` is not held back")
        body = types.MessageReleased(message=command.message)
        return beside(allowed, say(command.thread, types.MESSAGE_RELEASED, body))

    def _ticket(self, actor: Actor) -> MonitorTicket:
        ticket = self._tickets.issue(MonitorGrant(actor=actor.id), lifetime_seconds=TICKET_SECONDS)
        return MonitorTicket(ticket, TICKET_SECONDS)


def judge(actor: Actor, command: Judge, state: State) -> Decision:
    """Note what the monitor found in a version: it goes out, goes out flagged, or is held back.

    Raises:
        ThreadMissing, MonitorMissing, NotTheMonitor.
        MessageMissing, MessageExpired, MessageRecalled, NotAddressed: there is nothing to judge.
        NotLookedAt, JudgedAlready.
    """
    find_circle(state.db, command.thread)
    _check_monitor(actor, state)
    version = _find_version(actor, command.thread, command.message, command.version, state)
    if not version.looked:
        raise NotLookedAt("the monitor has not looked at this version", hint="sign `monitor.look/1` first")
    if version.verdict:
        raise JudgedAlready("the monitor has judged this version")
    body = types.MonitorJudged(
        message=command.message,
        version=command.version,
        verdict=command.verdict,
        codes=command.codes,
        rules=command.rules,
    )
    return Decision((say(command.thread, types.MONITOR_JUDGED, body),))


def _about_house(state: State) -> Ask:
    return Ask(action=Action.ADMINISTER, resource=house_of(own_id(state)))


def _of_monitor(command: NameMonitor, body: Body, what: str) -> Draft:
    return Draft(f"monitor.{what}/1", stream_of(MONITOR_STREAM, command.monitor), body)


def _check_monitor(actor: Actor, state: State) -> None:
    if require_monitor(state.db).monitor != actor.id:
        raise NotTheMonitor("only the monitor in force may do this")


def _find_version(actor: Actor, thread: str, message_id: MessageId, number: int, state: State) -> VersionRow:
    message, _ = find_message(state.db, thread=thread, message=message_id)
    check_there(message)
    version = store.find_version(state.db, message_id, number)
    if version is None:
        raise MessageMissing(f"message `{message_id}` has no version `{number}`")
    if not is_addressed(version, actor.id):
        raise NotAddressed("the version is sealed to another monitor")
    return version
