"""The facts of messages: all of a thread on `thread/<id>`, what is of the monitor alone on `monitor/<actor>`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.identity.model import ActorIdField
from telesphor.capabilities.messages.model import (
    MESSAGES_AT_ONCE_MAX,
    AttachmentsField,
    CodesField,
    DigestField,
    EditField,
    HoldIdField,
    MemberRole,
    MembersField,
    MessageIdField,
    Mode,
    NamedField,
    RecipientsField,
    RetentionField,
    SizeField,
    Urgency,
    Verdict,
    VersionField,
)
from telesphor.runtime.capability import Body, EntryType

IdsField = Annotated[tuple[MessageIdField, ...], Meta(min_length=1, max_length=MESSAGES_AT_ONCE_MAX)]


class ThreadOpened(Body, frozen=True, kw_only=True):
    """A thread begins: about whom, between whom, and for how long its messages are kept."""

    subject: ActorIdField | None
    members: MembersField
    retention_days: RetentionField


class MemberAdded(Body, frozen=True, kw_only=True):
    """From here on messages are sealed to this actor as well."""

    actor: ActorIdField
    role: MemberRole


class MemberRemoved(Body, frozen=True, kw_only=True):
    """From here on messages are not sealed to this actor, and it fetches none."""

    actor: ActorIdField


class MessageSent(Body, frozen=True, kw_only=True):
    """The signed header of a message. `screened`: it goes out only once the monitor has passed it."""

    message: MessageIdField
    envelope: DigestField
    size: SizeField
    recipients: RecipientsField
    urgency: Urgency
    attachments: AttachmentsField
    screened: bool


class MessageEdited(Body, frozen=True, kw_only=True):
    """The signed header of a later version; the earlier ones stay."""

    message: MessageIdField
    version: EditField
    envelope: DigestField
    size: SizeField
    recipients: RecipientsField
    attachments: AttachmentsField
    screened: bool


class MessageRecalledBody(Body, frozen=True, kw_only=True):
    """The sender took the message back: nobody fetches it from here on."""

    message: MessageIdField


class MessagesNamed(Body, frozen=True, kw_only=True):
    """These versions: delivered to the entry's actor, or read by it, or looked at by the monitor."""

    messages: NamedField


class MonitorJudged(Body, frozen=True, kw_only=True):
    """What the monitor found in one version: codes of rules, never what met them.

    `rules` is the digest of the rules that it went by.
    """

    message: MessageIdField
    version: VersionField
    verdict: Verdict
    codes: CodesField
    rules: DigestField


class MessageReleased(Body, frozen=True, kw_only=True):
    """Somebody responsible let a message go out after all."""

    message: MessageIdField


class MessagesExpired(Body, frozen=True, kw_only=True):
    """The retention of these messages ended: their envelopes are destroyed."""

    messages: IdsField


class RetentionSet(Body, frozen=True, kw_only=True):
    """How long messages of the thread are kept from here on, the earlier ones too."""

    retention_days: RetentionField


class HoldNamed(Body, frozen=True, kw_only=True):
    """A legal hold, laid on the thread or lifted from it."""

    hold: HoldIdField


class Nothing(Body, frozen=True, kw_only=True):
    """The type says it all, such as that the entry's actor left or entered the thread, or archived it."""


class ThreadExported(Body, frozen=True, kw_only=True):
    """The actor was given its envelopes of the thread, with the proof of so many of the thread's entries."""

    entries: Annotated[int, Meta(ge=1)]


class MonitorDeclared(Body, frozen=True, kw_only=True):
    """From here on every message is sealed to this monitor as well."""

    mode: Mode


THREAD_OPENED = EntryType("thread.opened/1", ThreadOpened)
MEMBER_ADDED = EntryType("thread.member-added/1", MemberAdded)
MEMBER_REMOVED = EntryType("thread.member-removed/1", MemberRemoved)
MEMBER_LEFT = EntryType("thread.member-left/1", Nothing)
THREAD_ENTERED = EntryType("thread.entered/1", Nothing)
THREAD_ARCHIVED = EntryType("thread.archived/1", Nothing)
THREAD_RESTORED = EntryType("thread.restored/1", Nothing)
RETENTION_SET = EntryType("thread.retention-set/1", RetentionSet)
HOLD_LAID = EntryType("thread.hold-laid/1", HoldNamed)
HOLD_LIFTED = EntryType("thread.hold-lifted/1", HoldNamed)
THREAD_EXPORTED = EntryType("thread.exported/1", ThreadExported)
MESSAGE_SENT = EntryType("message.sent/1", MessageSent)
MESSAGE_EDITED = EntryType("message.edited/1", MessageEdited)
MESSAGE_RECALLED = EntryType("message.recalled/1", MessageRecalledBody)
MESSAGE_DELIVERED = EntryType("message.delivered/1", MessagesNamed)
MESSAGE_READ = EntryType("message.read/1", MessagesNamed)
MESSAGE_RELEASED = EntryType("message.released/1", MessageReleased)
MESSAGES_EXPIRED = EntryType("message.expired/1", MessagesExpired)
MONITOR_DECLARED = EntryType("monitor.declared/1", MonitorDeclared)
MONITOR_DISMISSED = EntryType("monitor.dismissed/1", Nothing)
MONITOR_OPENED = EntryType("monitor.opened/1", Nothing)
MONITOR_LOOKED = EntryType("monitor.looked/1", MessagesNamed)
MONITOR_JUDGED = EntryType("monitor.judged/1", MonitorJudged)

ENTRIES = (
    THREAD_OPENED,
    MEMBER_ADDED,
    MEMBER_REMOVED,
    MEMBER_LEFT,
    THREAD_ENTERED,
    THREAD_ARCHIVED,
    THREAD_RESTORED,
    RETENTION_SET,
    HOLD_LAID,
    HOLD_LIFTED,
    THREAD_EXPORTED,
    MESSAGE_SENT,
    MESSAGE_EDITED,
    MESSAGE_RECALLED,
    MESSAGE_DELIVERED,
    MESSAGE_READ,
    MESSAGE_RELEASED,
    MESSAGES_EXPIRED,
    MONITOR_DECLARED,
    MONITOR_DISMISSED,
    MONITOR_OPENED,
    MONITOR_LOOKED,
    MONITOR_JUDGED,
)
