"""The commands by which messages are received and read: each member's receipts, person by person.

A receipt comes before the bytes: `message.receive/1` notes what is delivered to whom, and only then is there a ticket
to fetch it with. Start at `ReceivingDesk.receive`.
"""

from __future__ import annotations

from collections.abc import Sequence

from telesphor.capabilities.access.model import Action
from telesphor.capabilities.messages import entries as types
from telesphor.capabilities.messages.entries import IdsField
from telesphor.capabilities.messages.finding import (
    Authorise,
    ask_about,
    beside,
    find_circle,
    find_message,
    require_member,
    say,
)
from telesphor.capabilities.messages.model import (
    MessageId,
    MessageRow,
    MessageVersion,
    ThreadIdField,
    VersionRow,
)
from telesphor.capabilities.messages.queries import store
from telesphor.capabilities.messages.refusals import (
    MessageHeld,
    MessageNamedTwice,
    NotAddressed,
    NotDelivered,
)
from telesphor.capabilities.messages.sending import check_there
from telesphor.capabilities.messages.threads import issue_ticket
from telesphor.runtime.capability import Actor, Body, Decision, State
from telesphor.runtime.tickets import Tickets


class NameMessages(Body, frozen=True, kw_only=True):
    """Messages of one thread, of which the newest versions are meant."""

    thread: ThreadIdField
    messages: IdsField


class ReceivingDesk:
    """Receiving hands out tickets.

    Args:
        authorise: the rules of access.
        tickets: the node's tickets.
    """

    def __init__(self, *, authorise: Authorise, tickets: Tickets) -> None:
        self._authorise = authorise
        self._tickets = tickets

    def receive(self, actor: Actor, command: NameMessages, state: State) -> Decision:
        """Note that messages are delivered to the actor, then give the ticket to fetch them with.

        What was delivered before is not noted again; where all of it was, the entry says that the thread was entered.

        Raises:
            ThreadMissing, AccessDenied, NotInThread, MessageMissing, MessageNamedTwice.
            MessageRecalled, MessageExpired, MessageHeld: there is nothing to fetch.
            NotAddressed: it was not sealed to the actor.
        """
        circle = find_circle(state.db, command.thread)
        allowed = self._authorise(actor, ask_about(circle, Action.READ), state)
        require_member(actor, circle)
        shown = [find_shown(actor, command.thread, one, state) for one in _once(command.messages)]
        news = tuple(
            MessageVersion(message=version.message, version=version.version)
            for message, version in shown
            if message.sender != actor.id and _is_new(actor, version, state)
        )
        draft = (
            say(command.thread, types.MESSAGE_DELIVERED, types.MessagesNamed(messages=news))
            if news
            else say(command.thread, types.THREAD_ENTERED, types.Nothing())
        )
        decision = beside(allowed, draft)
        return decision._replace(after=lambda _: issue_ticket(self._tickets, actor, command.thread))


def read_messages(actor: Actor, command: NameMessages, state: State) -> Decision:
    """Note that the actor has read messages; what it has read before is noted again with the version it saw now.

    Raises:
        ThreadMissing, NotInThread, MessageMissing, MessageNamedTwice.
        NotDelivered: the actor has not received a message.
    """
    require_member(actor, find_circle(state.db, command.thread))
    read = []
    for message in _once(command.messages):
        find_message(state.db, thread=command.thread, message=message)
        receipt = store.find_receipt(state.db, message=message, actor=actor.id)
        if receipt is None:
            raise NotDelivered(f"message `{message}` was not received", hint="sign `message.receive/1` first")
        read.append(MessageVersion(message=message, version=receipt.version))
    body = types.MessagesNamed(messages=tuple(read))
    return Decision((say(command.thread, types.MESSAGE_READ, body),))


def find_shown(actor: Actor, thread: str, message_id: str, state: State) -> tuple[MessageRow, VersionRow]:
    """A message with the newest version that went out, if it did and is sealed to the actor.

    Raises:
        MessageMissing, MessageRecalled, MessageExpired, MessageHeld, NotAddressed.
    """
    message, newest = find_message(state.db, thread=thread, message=message_id)
    check_there(message)
    if not message.shown:
        raise MessageHeld(f"message `{message_id}` has not gone out: it is {newest.state}")
    version = store.find_version(state.db, message_id, message.shown)
    assert version is not None, "the fold shows only versions that are there"
    if not is_addressed(version, actor.id):
        raise NotAddressed(f"message `{message_id}` is not sealed to you")
    return message, version


def is_addressed(version: VersionRow, actor: str) -> bool:
    """Whether a version is sealed to an actor."""
    return any(one.actor == actor for one in version.recipients)


def _once(messages: Sequence[MessageId]) -> Sequence[MessageId]:
    if len(set(messages)) != len(messages):
        raise MessageNamedTwice("a message is named twice")
    return messages


def _is_new(actor: Actor, version: VersionRow, state: State) -> bool:
    receipt = store.find_receipt(state.db, message=version.message, actor=actor.id)
    return receipt is None or receipt.version < version.version
