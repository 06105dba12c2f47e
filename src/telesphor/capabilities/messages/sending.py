"""The commands by which messages come to be and change: send, edit, recall.

The signed header names the envelope by its digest, and everyone it is sealed to. A message goes out at once, or once
the monitor has passed it, as the monitor's mode says when it is sent. Start at `SendingDesk.send`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telesphor.capabilities.access.model import Action
from telesphor.capabilities.identity.service import kem_of
from telesphor.capabilities.messages import entries as types
from telesphor.capabilities.messages.envelopes.checking import check_header, check_recipients
from telesphor.capabilities.messages.envelopes.shelf import Shelf
from telesphor.capabilities.messages.finding import (
    Authorise,
    Circle,
    ask_about,
    beside,
    find_circle,
    find_message,
    keys_of,
    require_member,
    require_monitor,
    require_open,
    say,
)
from telesphor.capabilities.messages.model import (
    THREAD_MESSAGES_MAX,
    VERSIONS_MAX,
    Attachment,
    AttachmentsField,
    DigestField,
    EditField,
    MessageIdField,
    MessageRow,
    MessageState,
    Recipient,
    RecipientsField,
    SizeField,
    Taken,
    ThreadIdField,
    Urgency,
)
from telesphor.capabilities.messages.queries import store
from telesphor.capabilities.messages.refusals import (
    AttachmentRefused,
    EnvelopeMismatch,
    MessageExists,
    MessageExpired,
    MessageRecalled,
    NotTheSender,
    ThreadFull,
    VersionRefused,
)
from telesphor.kernel.digest import Digest
from telesphor.runtime.capability import Actor, Body, Decision, Receipt, State
from telesphor.vault.model import ObjectState
from telesphor.vault.store import find_object, readers_of


class Header(Body, frozen=True, kw_only=True):
    """What every version's header says: the envelope, to whom it is sealed, what is attached."""

    thread: ThreadIdField
    message: MessageIdField
    envelope: DigestField
    size: SizeField
    recipients: RecipientsField
    attachments: AttachmentsField


class SendMessage(Header, frozen=True, kw_only=True):
    """Send a message under a fresh id; asked by a member of the thread."""

    urgency: Urgency


class EditMessage(Header, frozen=True, kw_only=True):
    """Send a later version of one's own message; the earlier ones stay."""

    version: EditField


class NameMessage(Body, frozen=True, kw_only=True):
    """A command that says nothing but which message."""

    thread: ThreadIdField
    message: MessageIdField


class SendingDesk:
    """The commands that need the rules and the shelf.

    Args:
        authorise: the rules of access.
        shelf: the envelopes.
    """

    def __init__(self, *, authorise: Authorise, shelf: Shelf) -> None:
        self._authorise = authorise
        self._shelf = shelf

    def send(self, actor: Actor, command: SendMessage, state: State) -> Decision:
        """Take a message.

        Raises:
            ThreadMissing, AccessDenied, NotInThread, ThreadArchived, MonitorMissing.
            MessageExists, ThreadFull: the id was used before, or the thread has no room.
            EnvelopeMissing, EnvelopeMismatch, AttachmentRefused, and as `check_recipients`: the header is not right.
        """
        circle = self._enter(actor, command, state)
        allowed = self._authorise(actor, ask_about(circle, Action.RECORD), state)
        require_member(actor, circle)
        require_open(circle)
        if store.find_message(state.db, command.message) is not None:
            raise MessageExists(f"the id `{command.message}` was used before", hint="make a new id")
        if circle.thread.messages >= THREAD_MESSAGES_MAX:
            raise ThreadFull(f"a thread has at most `{THREAD_MESSAGES_MAX}` messages", hint="open another")
        screened = self._check(actor, command, circle, state, version=1)
        body = types.MessageSent(
            message=command.message,
            envelope=command.envelope,
            size=command.size,
            recipients=command.recipients,
            urgency=command.urgency,
            attachments=command.attachments,
            screened=screened,
        )
        decision = beside(allowed, say(command.thread, types.MESSAGE_SENT, body))
        return decision._replace(after=self._keeping(command, version=1, screened=screened))

    def edit(self, actor: Actor, command: EditMessage, state: State) -> Decision:
        """Take a later version of a message.

        Raises:
            ThreadMissing, AccessDenied, NotInThread, ThreadArchived, MonitorMissing, MessageMissing.
            NotTheSender, MessageRecalled, MessageExpired: it is not the actor's to edit.
            VersionRefused: the number is not the next, or there were too many.
            EnvelopeMissing, EnvelopeMismatch, AttachmentRefused, and as `check_recipients`: the header is not right.
        """
        circle = self._enter(actor, command, state)
        allowed = self._authorise(actor, ask_about(circle, Action.RECORD), state)
        require_member(actor, circle)
        require_open(circle)
        message, _ = find_message(state.db, thread=command.thread, message=command.message)
        _check_own(actor, message)
        if command.version != message.version + 1:
            raise VersionRefused(
                f"the next version is `{message.version + 1}`, of at most `{VERSIONS_MAX}`",
                hint="fetch the message again",
            )
        screened = self._check(actor, command, circle, state, version=command.version)
        body = types.MessageEdited(
            message=command.message,
            version=command.version,
            envelope=command.envelope,
            size=command.size,
            recipients=command.recipients,
            attachments=command.attachments,
            screened=screened,
        )
        decision = beside(allowed, say(command.thread, types.MESSAGE_EDITED, body))
        return decision._replace(after=self._keeping(command, version=command.version, screened=screened))

    def _enter(self, actor: Actor, command: Header, state: State) -> Circle:
        circle = find_circle(state.db, command.thread)
        require_monitor(state.db)
        return circle

    def _check(self, actor: Actor, command: Header, circle: Circle, state: State, *, version: int) -> bool:
        """Hold the header against the thread and the envelope; returns whether the monitor sees it first."""
        monitor = require_monitor(state.db)
        check_recipients(
            command.recipients,
            members={member: str(key.thumbprint()) for member, key in keys_of(state.db, circle).items()},
            monitor=monitor.monitor,
            monitor_key=str(kem_of(state.db, monitor.monitor).thumbprint()),
        )
        waiting = self._shelf.find_waiting(command.thread, actor.id, command.envelope, now_ms=state.now_ms)
        if waiting.size != command.size:
            raise EnvelopeMismatch("the envelope has another size than the header says")
        check_header(waiting.header, message=command.message, version=version, recipients=command.recipients)
        _check_attachments(actor, command.attachments, command.recipients, state)
        return monitor.mode == "screen"

    def _keeping(self, command: Header, *, version: int, screened: bool) -> _Keep:
        taken = Taken(command.message, version, MessageState.SCREENING if screened else MessageState.SENT)
        return _Keep(self._shelf, command.thread, command.envelope, taken)


@dataclass(frozen=True)
class _Keep:
    """Once the entry is durable: the envelope waits no more, and the sender is told."""

    shelf: Shelf
    thread: str
    envelope: Digest
    taken: Taken

    def __call__(self, _receipt: Receipt) -> Taken:
        self.shelf.keep(self.thread, self.envelope)
        return self.taken


def recall_message(actor: Actor, command: NameMessage, state: State) -> Decision:
    """Take one's own message back: nobody fetches it from here on. Its envelopes are kept as long as any message's.

    No rule forbids it, nor that the thread is archived or left meanwhile.

    Raises:
        ThreadMissing, MessageMissing, NotTheSender, MessageRecalled, MessageExpired.
    """
    find_circle(state.db, command.thread)
    message, _ = find_message(state.db, thread=command.thread, message=command.message)
    _check_own(actor, message)
    body = types.MessageRecalledBody(message=command.message)
    return Decision((say(command.thread, types.MESSAGE_RECALLED, body),))


def check_there(message: MessageRow) -> None:
    """Let only a message pass that was neither recalled nor deleted; raises `MessageRecalled`, `MessageExpired`."""
    if message.ended == "recalled":
        raise MessageRecalled(f"message `{message.message}` was recalled")
    if message.ended == "expired":
        raise MessageExpired(f"message `{message.message}` was deleted when its retention ended")


def _check_own(actor: Actor, message: MessageRow) -> None:
    if message.sender != actor.id:
        raise NotTheSender("only the sender changes a message")
    check_there(message)


def _check_attachments(
    actor: Actor, attachments: Sequence[Attachment], recipients: Sequence[Recipient], state: State
) -> None:
    """Each is a sealed object of the sender that all recipients may read, the monitor too."""
    if len({one.object for one in attachments}) != len(attachments):
        raise AttachmentRefused("an object is attached twice")
    for one in attachments:
        row = find_object(state.db, one.object)
        if row is None or row.owner != actor.id or row.state is not ObjectState.SEALED:
            raise AttachmentRefused(f"object `{one.object}` is not a sealed object of the sender")
        readers = readers_of(state.db, one.object) | {row.subject}
        if any(recipient.actor not in readers for recipient in recipients):
            raise AttachmentRefused(
                f"not all recipients may read object `{one.object}`",
                hint="name them as its readers with `object.rewrap/1`, the monitor too",
            )
