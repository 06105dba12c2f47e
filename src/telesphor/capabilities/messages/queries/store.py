"""All SQL that reads the tables of messages. Nothing here decides who may see what it returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apsw
import msgspec

from telesphor.capabilities.messages.model import (
    Attachment,
    ChangeRow,
    Member,
    MemberRole,
    MessageId,
    MessageRow,
    MessageState,
    MonitorRow,
    ReceiptRow,
    Recipient,
    ThreadId,
    ThreadRow,
    Urgency,
    VersionRow,
)
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import ActorId

_THREAD = "thread, subject, opened_by, opened_at, archived, retention_days, last_at, messages"
_MESSAGE = "message, thread, sender, sent_at, sent_ms, urgency, ended, version, shown, position"
_VERSION = (
    "message, version, envelope, size, at, state, recipients, attachments, looked, verdict, codes, screened"
)

_recipients = msgspec.json.Decoder(tuple[Recipient, ...])
_attachments = msgspec.json.Decoder(tuple[Attachment, ...])
_codes = msgspec.json.Decoder(tuple[str, ...])


def find_monitor(db: apsw.Connection) -> MonitorRow | None:
    """The monitor in force."""
    row = db.execute("SELECT monitor, mode FROM message_monitors").fetchone()
    return None if row is None else MonitorRow(ActorId(row[0]), row[1])


def find_thread(db: apsw.Connection, thread: str) -> ThreadRow | None:
    """A thread, archived or not."""
    row = db.execute(f"SELECT {_THREAD} FROM threads WHERE thread = ?", (thread,)).fetchone()  # noqa: S608
    return None if row is None else _thread(row)


def members_of(db: apsw.Connection, thread: str) -> tuple[Member, ...]:
    """The active members, by their ids."""
    sql = "SELECT actor, role FROM thread_members WHERE thread = ? AND active = 1 ORDER BY actor"
    rows = db.execute(sql, (thread,))
    return tuple(Member(actor=ActorId(actor), role=MemberRole(role)) for actor, role in rows)


def changes_of(
    db: apsw.Connection, thread: str, *, after: int, before: int, count_max: int
) -> list[ChangeRow]:
    """Who came and went in a part of a thread, the newest first."""
    sql = """SELECT position, at, what, actor, by FROM thread_changes
        WHERE thread = ? AND position > ? AND position < ? ORDER BY position DESC LIMIT ?"""
    return [ChangeRow(*row) for row in db.execute(sql, (thread, after, before, count_max))]


def role_of(db: apsw.Connection, *, thread: str, actor: str) -> str | None:
    """What an active member is in a thread; None for anybody else."""
    sql = "SELECT role FROM thread_members WHERE thread = ? AND actor = ? AND active = 1"
    row = db.execute(sql, (thread, actor)).fetchone()
    return None if row is None else str(row[0])


def threads_of(
    db: apsw.Connection, actor: str, *, archived: bool, before: int, count_max: int
) -> list[tuple[int, ThreadRow]]:
    """Threads that an actor is in, the last used first, from below a position; each with its own."""
    sql = f"""SELECT last, {", ".join("threads." + name for name in _THREAD.split(", "))} FROM threads
        JOIN thread_members ON thread_members.thread = threads.thread AND active = 1
        WHERE actor = ? AND archived = ? AND last < ? ORDER BY last DESC LIMIT ?"""  # noqa: S608
    rows = db.execute(sql, (actor, int(archived), before, count_max))
    return [(int(row[0]), _thread(row[1:])) for row in rows]


def together_with(db: apsw.Connection, reader: str, actors: Sequence[str]) -> set[str]:
    """Those of some actors whom `reader` knows from a thread that it is in, as whom it is about, or as members, also
    of before: what they wrote still stands there.

    INVARIANT: whoever was put into a thread, or named as whom it is about, by a member is a stranger still: otherwise
    one would learn a name by opening a thread with an id.
    """
    marks = ", ".join("?" * len(actors))
    sql = f"""WITH own AS (SELECT thread FROM thread_members WHERE actor = ? AND active = 1)
        SELECT actor FROM thread_members WHERE actor IN ({marks}) AND thread IN own AND known = 1
        UNION SELECT subject FROM threads WHERE subject IN ({marks}) AND thread IN own AND NOT EXISTS(
            SELECT 1 FROM thread_members WHERE thread_members.thread = threads.thread AND actor = opened_by)"""  # noqa: S608
    return {actor for (actor,) in db.execute(sql, (reader, *actors, *actors))}


def subjects(db: apsw.Connection, *, count_max: int) -> list[str]:
    """Whom threads are about, and who is in one as a patient."""
    sql = """SELECT subject FROM threads WHERE subject IS NOT NULL
        UNION SELECT actor FROM thread_members WHERE role = 'patient' ORDER BY 1 LIMIT ?"""
    return [actor for (actor,) in db.execute(sql, (count_max,))]


def holds_on(db: apsw.Connection, thread: str) -> tuple[str, ...]:
    """The legal holds on a thread."""
    rows = db.execute("SELECT hold FROM thread_holds WHERE thread = ? ORDER BY hold", (thread,))
    return tuple(hold for (hold,) in rows)


def holds_over(db: apsw.Connection, object_id: str, *, count_max: int) -> tuple[str, ...]:
    """The legal holds on threads in which some message, whatever became of it, named an object."""
    sql = """SELECT DISTINCT hold FROM message_attached JOIN messages ON messages.message = message_attached.message
        JOIN thread_holds ON thread_holds.thread = messages.thread WHERE object = ? ORDER BY hold LIMIT ?"""
    return tuple(hold for (hold,) in db.execute(sql, (object_id, count_max)))


def find_message(db: apsw.Connection, message: str) -> MessageRow | None:
    """A message, whatever became of it."""
    row = db.execute(f"SELECT {_MESSAGE} FROM messages WHERE message = ?", (message,)).fetchone()  # noqa: S608
    return None if row is None else _message(row)


def messages_of(db: apsw.Connection, thread: str, *, before: int, count_max: int) -> list[MessageRow]:
    """Messages of a thread, the newest first, from below a position."""
    sql = f"SELECT {_MESSAGE} FROM messages WHERE thread = ? AND position < ? ORDER BY position DESC LIMIT ?"  # noqa: S608
    return [_message(row) for row in db.execute(sql, (thread, before, count_max))]


def find_version(db: apsw.Connection, message: str, version: int) -> VersionRow | None:
    """One version of a message."""
    sql = f"SELECT {_VERSION} FROM message_versions WHERE message = ? AND version = ?"  # noqa: S608
    row = db.execute(sql, (message, version)).fetchone()
    return None if row is None else _version(row)


def versions_of(db: apsw.Connection, thread: str, *, count_max: int) -> list[tuple[MessageRow, VersionRow]]:
    """All versions of all messages of a thread, in order."""
    found: list[tuple[MessageRow, VersionRow]] = []
    sql = f"SELECT {_MESSAGE} FROM messages WHERE thread = ? ORDER BY position LIMIT ?"  # noqa: S608
    for row in db.execute(sql, (thread, count_max)).fetchall():
        message = _message(row)
        numbers = range(1, message.version + 1)
        versions = (find_version(db, message.message, number) for number in numbers)
        found += [(message, version) for version in versions if version is not None]
    return found


def receipts_of(db: apsw.Connection, message: str) -> list[ReceiptRow]:
    """Who got a message, by their ids."""
    sql = "SELECT message, actor, version, delivered_at, read_at FROM message_receipts WHERE message = ? ORDER BY actor"
    return [ReceiptRow(*row) for row in db.execute(sql, (message,))]


def find_receipt(db: apsw.Connection, *, message: str, actor: str) -> ReceiptRow | None:
    """What one actor got of a message."""
    sql = """SELECT message, actor, version, delivered_at, read_at FROM message_receipts
        WHERE message = ? AND actor = ?"""
    row = db.execute(sql, (message, actor)).fetchone()
    return None if row is None else ReceiptRow(*row)


def count_waiting(db: apsw.Connection, *, thread: str, actor: str, count_max: int) -> tuple[int, int, str]:
    """How many messages of others an actor has not read, and not received, and the highest urgency of these.

    Counted among those that were sealed to it, up to `count_max` of each thread.
    """
    sql = """SELECT messages.urgency, coalesce(receipt.delivered_at, ''), coalesce(receipt.read_at, '')
        FROM messages JOIN message_versions AS newest
            ON newest.message = messages.message AND newest.version = messages.shown
        LEFT JOIN message_receipts AS receipt ON receipt.message = messages.message AND receipt.actor = ?1
        WHERE messages.thread = ?2 AND messages.sender <> ?1 AND messages.ended = ''
            AND coalesce(receipt.read_at, '') = ''
            AND instr(newest.recipients, '"' || ?1 || '"') > 0
        ORDER BY messages.position DESC LIMIT ?3"""
    rows = db.execute(sql, (actor, thread, count_max)).fetchall()
    order = [one.value for one in Urgency]
    urgency = max((order.index(str(row[0])) for row in rows), default=0)
    return len(rows), sum(not row[1] for row in rows), order[urgency]


def count_sent(db: apsw.Connection, *, sender: str, since_ms: int) -> int:
    """How many messages somebody sent after this."""
    sql = "SELECT count(*) FROM messages WHERE sender = ? AND sent_ms > ?"
    row = db.execute(sql, (sender, since_ms)).fetchone()
    return 0 if row is None else int(row[0])


def unjudged(db: apsw.Connection, monitor: str, *, count_max: int) -> list[tuple[MessageRow, VersionRow]]:
    """Versions that are sealed to a monitor which has not judged them, the oldest first."""
    sql = """SELECT one.message, one.version FROM message_versions AS one
        JOIN messages ON messages.message = one.message AND messages.ended = ''
        WHERE one.monitor = ? AND one.verdict = '' ORDER BY one.position LIMIT ?"""
    return _pairs(db, _named(db.execute(sql, (monitor, count_max))))


def findings(db: apsw.Connection, *, before: int, count_max: int) -> list[tuple[int, MessageRow, VersionRow]]:
    """Versions that were flagged or held, the newest first, each with its position."""
    sql = """SELECT message, version, position FROM message_versions
        WHERE verdict IN ('flag', 'hold') AND position < ? ORDER BY position DESC LIMIT ?"""
    rows = [(str(row[0]), int(str(row[1])), int(str(row[2]))) for row in db.execute(sql, (before, count_max))]
    positions = [position for _, _, position in rows]
    pairs = _pairs(db, [(message, version) for message, version, _ in rows])
    return [(position, *pair) for position, pair in zip(positions, pairs, strict=True)]


def due_messages(db: apsw.Connection, *, now_ms: int, day_ms: int, count_max: int) -> list[MessageRow]:
    """Messages whose retention has ended, in threads without a legal hold, thread by thread."""
    sql = f"""SELECT {", ".join("messages." + name for name in _MESSAGE.split(", "))} FROM threads
        JOIN messages ON messages.thread = threads.thread
        WHERE retention_days IS NOT NULL AND ended <> 'expired'
            AND sent_ms + retention_days * ? <= ?
            AND NOT EXISTS (SELECT 1 FROM thread_holds WHERE thread_holds.thread = threads.thread)
        ORDER BY threads.thread, messages.position LIMIT ?"""  # noqa: S608
    return [_message(row) for row in db.execute(sql, (day_ms, now_ms, count_max))]


def envelope_owner(db: apsw.Connection, *, thread: str, envelope: str) -> MessageRow | None:
    """The message of a thread, one version of which names this envelope."""
    sql = """SELECT one.message FROM message_versions AS one JOIN messages ON messages.message = one.message
        WHERE envelope = ? AND thread = ? LIMIT 1"""
    row = db.execute(sql, (envelope, thread)).fetchone()
    return None if row is None else find_message(db, str(row[0]))


def expired_with_objects(db: apsw.Connection, *, after: str, count_max: int) -> list[str]:
    """Messages that are deleted and had objects attached, by id from behind `after`."""
    sql = """SELECT DISTINCT message_attached.message FROM message_attached
        JOIN messages ON messages.message = message_attached.message AND ended = 'expired'
        WHERE message_attached.message > ? ORDER BY 1 LIMIT ?"""
    return [str(message) for (message,) in db.execute(sql, (after, count_max))]


def attached_only_to(db: apsw.Connection, messages: Sequence[str]) -> tuple[str, ...]:
    """Objects that were attached to some of these messages and to no other that is kept."""
    marks = ", ".join("?" * len(messages))
    sql = f"""SELECT DISTINCT object FROM message_attached AS one WHERE message IN ({marks})
        AND NOT EXISTS (SELECT 1 FROM message_attached AS other
            JOIN messages ON messages.message = other.message
            WHERE other.object = one.object AND other.message NOT IN ({marks}) AND ended <> 'expired')
        ORDER BY object"""  # noqa: S608
    return tuple(object for (object,) in db.execute(sql, (*messages, *messages)))


def _pairs(db: apsw.Connection, rows: Iterable[tuple[str, int]]) -> list[tuple[MessageRow, VersionRow]]:
    found = []
    for message_id, number in rows:
        message, version = find_message(db, message_id), find_version(db, message_id, number)
        assert message is not None, "the fold writes a version with its message"
        assert version is not None, "it was read just now"
        found.append((message, version))
    return found


def _named(rows: Iterable[Sequence[object]]) -> list[tuple[str, int]]:
    return [(str(message), int(str(version))) for message, version in rows]


def _thread(row: Sequence[object]) -> ThreadRow:
    thread, subject, opened_by, opened_at, archived, retention_days, last_at, messages = row
    return ThreadRow(
        ThreadId(str(thread)),
        None if subject is None else ActorId(str(subject)),
        ActorId(str(opened_by)),
        str(opened_at),
        bool(archived),
        retention_days if isinstance(retention_days, int) else None,
        str(last_at),
        int(str(messages)),
    )


def _message(row: Sequence[object]) -> MessageRow:
    message, thread, sender, sent_at, sent_ms, urgency, ended, version, shown, position = row
    return MessageRow(
        MessageId(str(message)),
        ThreadId(str(thread)),
        ActorId(str(sender)),
        str(sent_at),
        int(str(sent_ms)),
        Urgency(str(urgency)),
        "recalled" if ended == "recalled" else "expired" if ended == "expired" else "",
        int(str(version)),
        int(str(shown)),
        int(str(position)),
    )


def _version(row: Sequence[object]) -> VersionRow:
    message, version, envelope, size, at, state, recipients, attachments, looked, verdict, codes, screened = (
        row
    )
    return VersionRow(
        MessageId(str(message)),
        int(str(version)),
        Digest(str(envelope)),
        int(str(size)),
        str(at),
        MessageState(str(state)),
        _recipients.decode(str(recipients)),
        _attachments.decode(str(attachments)),
        bool(looked),
        str(verdict),
        _codes.decode(str(codes)),
        bool(screened),
    )
