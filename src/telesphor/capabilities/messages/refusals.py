"""What can be refused of messages, one class for each reason."""

from __future__ import annotations

from telesphor.kernel.errors import Kind, TelesphorError


class ThreadExists(TelesphorError):
    """The id was used for a thread before."""

    code = "thread-exists"
    kind = Kind.CONFLICT


class ThreadMissing(TelesphorError):
    """There is no such thread."""

    code = "thread-missing"
    kind = Kind.NOT_FOUND


class ThreadArchived(TelesphorError):
    """The thread is archived: it can be read, and nothing is sent to it."""

    code = "thread-archived"
    kind = Kind.CONFLICT


class ThreadNotArchived(TelesphorError):
    """The thread is open, so that there is nothing to restore."""

    code = "thread-not-archived"
    kind = Kind.CONFLICT


class ThreadFull(TelesphorError):
    """The thread has as many messages as one may have."""

    code = "thread-full"
    kind = Kind.TOO_LARGE


class NotInThread(TelesphorError):
    """The actor is no member of the thread."""

    code = "not-in-thread"
    kind = Kind.FORBIDDEN


class MemberRefused(TelesphorError):
    """Somebody cannot become a member, or end being one."""

    code = "member-refused"
    kind = Kind.INVALID


class MonitorMissing(TelesphorError):
    """No compliance monitor is declared, so that nothing may be sent."""

    code = "monitor-missing"
    kind = Kind.CONFLICT


class MonitorExists(TelesphorError):
    """Another monitor is in force."""

    code = "monitor-exists"
    kind = Kind.CONFLICT


class NotTheMonitor(TelesphorError):
    """Only the monitor in force may do this."""

    code = "not-the-monitor"
    kind = Kind.FORBIDDEN


class MonitorNotNamed(TelesphorError):
    """The envelope is not sealed to the compliance monitor."""

    code = "monitor-not-named"
    kind = Kind.INVALID


class RecipientMissing(TelesphorError):
    """The envelope is not sealed to every active member of the thread."""

    code = "recipient-missing"
    kind = Kind.INVALID


class RecipientStranger(TelesphorError):
    """The envelope is sealed to somebody who is no active member of the thread."""

    code = "recipient-stranger"
    kind = Kind.INVALID


class RecipientRepeated(TelesphorError):
    """The header names a recipient twice."""

    code = "recipient-repeated"
    kind = Kind.INVALID


class RecipientKeyStale(TelesphorError):
    """The envelope is sealed to a key that its recipient does not have now."""

    code = "recipient-key-stale"
    kind = Kind.CONFLICT


class EnvelopeRefused(TelesphorError):
    """The bytes are no envelope of a message."""

    code = "envelope-refused"
    kind = Kind.INVALID


class EnvelopeMismatch(TelesphorError):
    """The envelope is not what its digest or the signed header says."""

    code = "envelope-mismatch"
    kind = Kind.INVALID


class EnvelopeMissing(TelesphorError):
    """The envelope that the header names was not sent to the node, or too long ago."""

    code = "envelope-missing"
    kind = Kind.CONFLICT


class EnvelopeGone(TelesphorError):
    """The node does not keep the envelope any more."""

    code = "envelope-gone"
    kind = Kind.GONE


class EnvelopesFull(TelesphorError):
    """As many envelopes wait for their commands as may."""

    code = "envelopes-full"
    kind = Kind.OVERLOADED


class MessageExists(TelesphorError):
    """The id was used for a message before."""

    code = "message-exists"
    kind = Kind.CONFLICT


class MessageMissing(TelesphorError):
    """There is no such message in the thread, or no such version of it."""

    code = "message-missing"
    kind = Kind.NOT_FOUND


class MessageRecalled(TelesphorError):
    """The message was recalled."""

    code = "message-recalled"
    kind = Kind.GONE


class MessageExpired(TelesphorError):
    """The message was deleted by its retention."""

    code = "message-expired"
    kind = Kind.GONE


class MessageHeld(TelesphorError):
    """The message is held back, or still waits for the monitor."""

    code = "message-held"
    kind = Kind.FORBIDDEN


class MessageNotHeld(TelesphorError):
    """The message is not held back, so that there is nothing to release."""

    code = "message-not-held"
    kind = Kind.CONFLICT


class MessageNamedTwice(TelesphorError):
    """A command names the same message twice."""

    code = "message-named-twice"
    kind = Kind.INVALID


class NotTheSender(TelesphorError):
    """Only whoever sent the message may do this."""

    code = "not-the-sender"
    kind = Kind.FORBIDDEN


class NotAddressed(TelesphorError):
    """The message is not sealed to the actor."""

    code = "not-addressed"
    kind = Kind.FORBIDDEN


class NotDelivered(TelesphorError):
    """The actor has not received the message yet."""

    code = "not-delivered"
    kind = Kind.FORBIDDEN


class VersionRefused(TelesphorError):
    """An edit does not have the next number, or there were too many."""

    code = "version-refused"
    kind = Kind.CONFLICT


class AttachmentRefused(TelesphorError):
    """An attached object is not sealed, not the sender's, or cannot be read by all recipients."""

    code = "attachment-refused"
    kind = Kind.INVALID


class NotLookedAt(TelesphorError):
    """The monitor judges what it has not said it looks at."""

    code = "not-looked-at"
    kind = Kind.CONFLICT


class JudgedAlready(TelesphorError):
    """The monitor has judged this version."""

    code = "judged-already"
    kind = Kind.CONFLICT


class HoldExists(TelesphorError):
    """The legal hold is on the thread already, or too many are."""

    code = "hold-exists"
    kind = Kind.CONFLICT


class HoldMissing(TelesphorError):
    """No such legal hold is on the thread."""

    code = "hold-missing"
    kind = Kind.NOT_FOUND


class LegalHold(TelesphorError):
    """A legal hold keeps it."""

    code = "legal-hold"
    kind = Kind.CONFLICT


class NotDue(TelesphorError):
    """The retention of a message has not ended."""

    code = "not-due"
    kind = Kind.CONFLICT
