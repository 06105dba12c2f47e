"""Values of messages: fields, members, versions, receipts, states, and the bounds of all of them.

Start at `MessageRow` and `ThreadRow`; what can be refused is in `refusals`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple, NewType

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.model import ActorIdField, ObjectIdField
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId, Stream, stream_of
from telesphor.kernel.sealing import ENVELOPE_BYTES_MAX

ThreadId = NewType("ThreadId", str)
MessageId = NewType("MessageId", str)
HoldId = NewType("HoldId", str)

THREAD_STREAM: Final = "thread"
MONITOR_STREAM: Final = "monitor"

PURPOSE: Final = "message"
"""What the envelopes of messages are sealed for."""

MEMBERS_MAX: Final = 32
"""A patient with a large care team; each costs every message 1.6 kB and a key agreement."""

MESSAGES_AT_ONCE_MAX: Final = 64
"""Messages that one command names: a screen of them, and well below the bound of an entry."""

VERSIONS_MAX: Final = 32
"""Of one message: more than anybody corrects."""

THREAD_MESSAGES_MAX: Final = 100_000
"""A message every hour for eleven years; then one opens another thread."""

ATTACHMENTS_MAX: Final = 16
HOLDS_MAX: Final = 16
"""Legal matters about one thread at the same time."""

CODES_MAX: Final = 16
"""Rules that one judgement names; a message that meets more is no better described by them."""

RETENTION_DAYS_MAX: Final = 36_500
DAY_MS: Final = 86_400_000

TICKET_SECONDS: Final = 3_600
"""As long as one writes and reads without leaving the page; a new one costs one signed command."""

EXPORT_TICKET_SECONDS: Final = 900

_ID = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"

ThreadIdField = Annotated[ThreadId, Meta(pattern=_ID, max_length=36)]
MessageIdField = Annotated[MessageId, Meta(pattern=_ID, max_length=36)]
HoldIdField = Annotated[HoldId, Meta(pattern=_ID, max_length=36)]
DigestField = Annotated[Digest, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
SizeField = Annotated[int, Meta(ge=1, le=ENVELOPE_BYTES_MAX)]
VersionField = Annotated[int, Meta(ge=1, le=VERSIONS_MAX)]
EditField = Annotated[int, Meta(ge=2, le=VERSIONS_MAX)]
RetentionField = Annotated[int, Meta(ge=1, le=RETENTION_DAYS_MAX)] | None
CodeField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*\Z", max_length=64)]
CodesField = Annotated[tuple[CodeField, ...], Meta(max_length=CODES_MAX)]


class MemberRole(StrEnum):
    """What somebody is in a thread; said for people to read, no power comes of it."""

    PATIENT = "patient"
    CLINICIAN = "clinician"
    CAREGIVER = "caregiver"
    STAFF = "staff"
    INTERPRETER = "interpreter"


class RecipientRole(StrEnum):
    """What a recipient of an envelope is there."""

    MEMBER = "member"
    MONITOR = "monitor"


class Urgency(StrEnum):
    """How soon the sender asks to be read."""

    ROUTINE = "routine"
    URGENT = "urgent"
    CRITICAL = "critical"


class MessageState(StrEnum):
    """What became of a message or of one version. `SCREENING`: it waits for the monitor, which holds back `HELD`."""

    SENT = "sent"
    SCREENING = "screening"
    HELD = "held"
    RECALLED = "recalled"
    EXPIRED = "expired"


Mode = Literal["watch", "screen"]
"""`watch`: messages go out at once, and the monitor looks at them; `screen`: it looks first."""

Verdict = Literal["pass", "flag", "hold"]


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One member of a thread."""

    actor: ActorIdField
    role: MemberRole


class Recipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One recipient of an envelope: who, by which key, as what."""

    actor: ActorIdField
    key: DigestField
    role: RecipientRole


class Attachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An object that goes with a message.

    `keep`: it is a record of its own, which outlives the message; otherwise it is erased when the message expires.
    """

    object: ObjectIdField
    keep: bool


class MessageVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a message."""

    message: MessageIdField
    version: VersionField


MembersField = Annotated[tuple[Member, ...], Meta(min_length=2, max_length=MEMBERS_MAX)]
RecipientsField = Annotated[tuple[Recipient, ...], Meta(min_length=1, max_length=MEMBERS_MAX + 1)]
AttachmentsField = Annotated[tuple[Attachment, ...], Meta(max_length=ATTACHMENTS_MAX)]
NamedField = Annotated[tuple[MessageVersion, ...], Meta(min_length=1, max_length=MESSAGES_AT_ONCE_MAX)]


class MonitorRow(NamedTuple):
    """The compliance monitor in force."""

    monitor: ActorId
    mode: Mode


class ThreadRow(NamedTuple):
    """A thread as the ledger says; `last_at` is when its last message or edit was sent."""

    thread: ThreadId
    subject: ActorId | None
    opened_by: ActorId
    opened_at: str
    archived: bool
    retention_days: int | None
    last_at: str
    messages: int


class MessageRow(NamedTuple):
    """A message as the ledger says.

    `version` is the newest, `shown` the newest that went out, 0 where none did; `position` is that of `message.sent/1`.
    """

    message: MessageId
    thread: ThreadId
    sender: ActorId
    sent_at: str
    sent_ms: int
    urgency: Urgency
    ended: Literal["", "recalled", "expired"]
    version: int
    shown: int
    position: int


class VersionRow(NamedTuple):
    """One version of a message.

    `verdict` is empty until the monitor has judged it; `screened` says that it waited, or waits, for that.
    """

    message: MessageId
    version: int
    envelope: Digest
    size: int
    at: str
    state: MessageState
    recipients: tuple[Recipient, ...]
    attachments: tuple[Attachment, ...]
    looked: bool
    verdict: str
    codes: tuple[str, ...]
    screened: bool


class ChangeRow(NamedTuple):
    """That somebody was added to a thread or removed from it, or left: where the entry stands, who, and by whom."""

    position: int
    at: str
    what: Literal["added", "removed", "left"]
    actor: str
    by: str


class ReceiptRow(NamedTuple):
    """What somebody got: the newest version of a message, when first, and when it was first read; empty if not."""

    message: MessageId
    actor: ActorId
    version: int
    delivered_at: str
    read_at: str


class ThreadGrant(msgspec.Struct, frozen=True):
    """What a ticket of a thread stands for: sending envelopes to it, and fetching those that were delivered."""

    thread: str
    actor: ActorId


class MonitorGrant(msgspec.Struct, frozen=True):
    """What the monitor's ticket stands for: seeing what waits, and fetching what it said it looks at."""

    actor: ActorId


class ExportGrant(msgspec.Struct, frozen=True):
    """What an export's ticket stands for; `whole`: an organisation is given all envelopes, of which it opens none."""

    thread: str
    actor: ActorId
    whole: bool


class ThreadTicket(msgspec.Struct, frozen=True):
    """Answer to `thread.enter/1` and `message.receive/1`."""

    thread: str
    ticket: str
    seconds: int


class MonitorTicket(msgspec.Struct, frozen=True):
    """Answer to `monitor.open/1`."""

    ticket: str
    seconds: int


class ExportTicket(msgspec.Struct, frozen=True):
    """Answer to `thread.export/1`: fetch `path` with the ticket as bearer token."""

    thread: str
    ticket: str
    path: str


class Taken(msgspec.Struct, frozen=True):
    """Answer to `message.send/1` and `message.edit/1`."""

    message: str
    version: int
    state: MessageState


def thread_stream(thread: str) -> Stream:
    """The stream of a thread."""
    return stream_of(THREAD_STREAM, thread)


def state_of(message: MessageRow, newest: VersionRow) -> MessageState:
    """What became of a message, as its members see it: an edit that waits changes nothing of what went out."""
    if message.ended:
        return MessageState(message.ended)
    return MessageState.SENT if message.shown else newest.state


def envelope_object(message: str, version: int) -> str:
    """What the envelope of one version of a message is bound to, so that none can stand in another's place."""
    return f"{message}/{version}"


def due_ms(sent_ms: int, retention_days: int | None) -> int | None:
    """From when on a message may be kept no longer, in milliseconds since 1970; None where it may for ever."""
    return None if retention_days is None else sent_ms + retention_days * DAY_MS
