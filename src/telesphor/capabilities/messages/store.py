"""All SQL of messages on the ledger's side: threads, members, holds, messages, versions, receipts, the monitor.

`apply` is the only thing that writes these tables. Envelopes are no fold: they are kept in `envelopes/store.py`.
"""

from __future__ import annotations

from typing import Any

import apsw
import msgspec

from telesphor.capabilities.messages import entries as types
from telesphor.capabilities.messages.model import Attachment, MessageState, Recipient
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS message_monitors(
    monitor TEXT PRIMARY KEY,
    mode TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS threads(
    thread TEXT PRIMARY KEY,
    subject TEXT,
    opened_by TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    archived INTEGER NOT NULL,
    retention_days INTEGER,
    last_at TEXT NOT NULL,
    last INTEGER NOT NULL,
    messages INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS threads_kept_for ON threads(thread) WHERE retention_days IS NOT NULL;
CREATE TABLE IF NOT EXISTS thread_members(
    thread TEXT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    active INTEGER NOT NULL,
    known INTEGER NOT NULL,
    PRIMARY KEY(thread, actor)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS thread_members_of ON thread_members(actor) WHERE active = 1;
CREATE TABLE IF NOT EXISTS thread_changes(
    thread TEXT NOT NULL,
    position INTEGER NOT NULL,
    at TEXT NOT NULL,
    what TEXT NOT NULL,
    actor TEXT NOT NULL,
    by TEXT NOT NULL,
    PRIMARY KEY(thread, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS thread_holds(
    thread TEXT NOT NULL,
    hold TEXT NOT NULL,
    PRIMARY KEY(thread, hold)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages(
    message TEXT PRIMARY KEY,
    thread TEXT NOT NULL,
    sender TEXT NOT NULL,
    sent_at TEXT NOT NULL,
    sent_ms INTEGER NOT NULL,
    urgency TEXT NOT NULL,
    ended TEXT NOT NULL,
    version INTEGER NOT NULL,
    shown INTEGER NOT NULL,
    position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_placed ON messages(thread, position);
CREATE INDEX IF NOT EXISTS messages_sent_by ON messages(sender, sent_ms);
CREATE TABLE IF NOT EXISTS message_versions(
    message TEXT NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    envelope TEXT NOT NULL,
    size INTEGER NOT NULL,
    at TEXT NOT NULL,
    state TEXT NOT NULL,
    recipients TEXT NOT NULL,
    attachments TEXT NOT NULL,
    monitor TEXT NOT NULL,
    looked INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    codes TEXT NOT NULL,
    screened INTEGER NOT NULL,
    released INTEGER NOT NULL,
    PRIMARY KEY(message, version)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS message_versions_unjudged ON message_versions(monitor, position) WHERE verdict = '';
CREATE INDEX IF NOT EXISTS message_versions_found ON message_versions(position) WHERE verdict IN ('flag', 'hold');
CREATE INDEX IF NOT EXISTS message_versions_envelope ON message_versions(envelope);
CREATE TABLE IF NOT EXISTS message_attached(
    object TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY(object, message)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message_receipts(
    message TEXT NOT NULL,
    actor TEXT NOT NULL,
    version INTEGER NOT NULL,
    delivered_at TEXT NOT NULL,
    read_at TEXT NOT NULL,
    PRIMARY KEY(message, actor)
) WITHOUT ROWID;
"""

TABLES = (
    "message_monitors",
    "threads",
    "thread_members",
    "thread_changes",
    "thread_holds",
    "messages",
    "message_versions",
    "message_attached",
    "message_receipts",
)

_SENT = MessageState.SENT.value


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of messages into the tables; what was only exported or opened changes nothing."""
    fold = _FOLDS.get(entry.type)
    if fold is not None:
        fold(db, entry, parse_stream(entry.stream)[1])


def _open_thread(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    body = entry.body
    row = (thread, body.subject, entry.actor, entry.at, body.retention_days, entry.at, entry.position)
    db.execute("INSERT INTO threads VALUES(?, ?, ?, ?, 0, ?, ?, ?, 0)", row)
    arranged = all(member.actor != entry.actor for member in body.members)
    members = [
        (thread, member.actor, str(member.role), int(arranged or member.actor == entry.actor))
        for member in body.members
    ]
    db.executemany("INSERT INTO thread_members VALUES(?, ?, ?, 1, ?)", members)


def _add_member(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    row = (thread, entry.body.actor, str(entry.body.role), thread, entry.actor)
    sql = """INSERT OR REPLACE INTO thread_members SELECT ?, ?, ?, 1,
        NOT EXISTS(SELECT 1 FROM thread_members WHERE thread = ? AND actor = ?)"""
    db.execute(sql, row)
    _note_change(db, entry, thread, "added", entry.body.actor)


def _remove_member(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    _end_member(db, thread, entry.body.actor)
    _note_change(db, entry, thread, "removed", entry.body.actor)


def _leave(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    _end_member(db, thread, entry.actor)
    _note_change(db, entry, thread, "left", entry.actor)


def _make_known(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    """Whoever was put into a thread by a member shows its name to the others once it acts in it itself."""
    sql = "UPDATE thread_members SET known = 1 WHERE thread = ? AND actor = ?"
    db.execute(sql, (thread, entry.actor))


def _end_member(db: apsw.Connection, thread: str, actor: str) -> None:
    db.execute("UPDATE thread_members SET active = 0 WHERE thread = ? AND actor = ?", (thread, actor))


def _note_change(db: apsw.Connection, entry: Recorded, thread: str, what: str, actor: str) -> None:
    row = (thread, entry.position, entry.at, what, actor, entry.actor)
    db.execute("INSERT INTO thread_changes VALUES(?, ?, ?, ?, ?, ?)", row)


def _archive(db: apsw.Connection, _entry: Recorded, thread: str) -> None:
    db.execute("UPDATE threads SET archived = 1 WHERE thread = ?", (thread,))


def _restore(db: apsw.Connection, _entry: Recorded, thread: str) -> None:
    db.execute("UPDATE threads SET archived = 0 WHERE thread = ?", (thread,))


def _set_retention(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    sql = "UPDATE threads SET retention_days = ? WHERE thread = ?"
    db.execute(sql, (entry.body.retention_days, thread))


def _lay_hold(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    db.execute("INSERT INTO thread_holds VALUES(?, ?)", (thread, entry.body.hold))


def _lift_hold(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    db.execute("DELETE FROM thread_holds WHERE thread = ? AND hold = ?", (thread, entry.body.hold))


def _send(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    body = entry.body
    shown = 0 if body.screened else 1
    placed = (body.message, thread, entry.actor, entry.at, parse_instant(entry.at), str(body.urgency))
    sql = "INSERT INTO messages VALUES(?, ?, ?, ?, ?, ?, '', 1, ?, ?)"
    db.execute(sql, (*placed, shown, entry.position))
    _add_version(db, entry, version=1)
    _touch(db, entry, thread, messages=1)


def _edit(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    body = entry.body
    sql = "UPDATE messages SET version = ?, shown = CASE ? WHEN 1 THEN shown ELSE ? END WHERE message = ?"
    db.execute(sql, (body.version, int(body.screened), body.version, body.message))
    _add_version(db, entry, version=body.version)
    _touch(db, entry, thread, messages=0)


def _add_version(db: apsw.Connection, entry: Recorded, *, version: int) -> None:
    body = entry.body
    state = MessageState.SCREENING if body.screened else MessageState.SENT
    monitors = [one.actor for one in body.recipients if one.role == "monitor"]
    row = (body.message, version, entry.position, body.envelope, body.size, entry.at, state.value)
    texts = (_text(body.recipients), _text(body.attachments), *monitors[:1])
    sql = "INSERT INTO message_versions VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', '[]', ?, 0)"
    db.execute(sql, (*row, *texts, int(body.screened)))
    attached = [(one.object, body.message) for one in body.attachments]
    db.executemany("INSERT OR IGNORE INTO message_attached VALUES(?, ?)", attached)


def _touch(db: apsw.Connection, entry: Recorded, thread: str, *, messages: int) -> None:
    sql = "UPDATE threads SET last_at = ?, last = ?, messages = messages + ? WHERE thread = ?"
    db.execute(sql, (entry.at, entry.position, messages, thread))


def _recall(db: apsw.Connection, entry: Recorded, _thread: str) -> None:
    db.execute("UPDATE messages SET ended = 'recalled' WHERE message = ?", (entry.body.message,))


def _deliver(db: apsw.Connection, entry: Recorded, thread: str) -> None:
    _make_known(db, entry, thread)
    sql = """INSERT INTO message_receipts VALUES(?, ?, ?, ?, '')
        ON CONFLICT(message, actor) DO UPDATE SET version = excluded.version"""
    rows = [(one.message, entry.actor, one.version, entry.at) for one in entry.body.messages]
    db.executemany(sql, rows)


def _read(db: apsw.Connection, entry: Recorded, _thread: str) -> None:
    sql = "UPDATE message_receipts SET read_at = ? WHERE message = ? AND actor = ? AND read_at = ''"
    db.executemany(sql, [(entry.at, one.message, entry.actor) for one in entry.body.messages])


def _look(db: apsw.Connection, entry: Recorded, _thread: str) -> None:
    sql = "UPDATE message_versions SET looked = 1 WHERE message = ? AND version = ?"
    db.executemany(sql, [(one.message, one.version) for one in entry.body.messages])


def _judge(db: apsw.Connection, entry: Recorded, _thread: str) -> None:
    body = entry.body
    state = MessageState.HELD.value if body.verdict == "hold" else _SENT
    sql = """UPDATE message_versions SET verdict = ?, codes = ?, state = CASE released WHEN 1 THEN state ELSE ? END
        WHERE message = ? AND version = ?"""
    db.execute(sql, (body.verdict, _text(body.codes), state, body.message, body.version))
    _show_newest(db, body.message)


def _release(db: apsw.Connection, entry: Recorded, _thread: str) -> None:
    sql = "UPDATE message_versions SET state = 'sent', released = 1 WHERE message = ? AND state <> 'sent'"
    db.execute(sql, (entry.body.message,))
    _show_newest(db, entry.body.message)


def _show_newest(db: apsw.Connection, message: str) -> None:
    sql = """UPDATE messages SET shown = coalesce((SELECT max(version) FROM message_versions AS one
        WHERE one.message = messages.message AND one.state = 'sent'), 0) WHERE message = ?"""
    db.execute(sql, (message,))


def _expire(db: apsw.Connection, entry: Recorded, _thread: str) -> None:
    ids = [(message,) for message in entry.body.messages]
    db.executemany("UPDATE messages SET ended = 'expired' WHERE message = ?", ids)


def _declare(db: apsw.Connection, entry: Recorded, monitor: str) -> None:
    db.execute("INSERT OR REPLACE INTO message_monitors VALUES(?, ?)", (monitor, str(entry.body.mode)))


def _dismiss(db: apsw.Connection, _entry: Recorded, monitor: str) -> None:
    db.execute("DELETE FROM message_monitors WHERE monitor = ?", (monitor,))


_FOLDS: dict[str, Any] = {
    types.THREAD_OPENED.name: _open_thread,
    types.THREAD_ENTERED.name: _make_known,
    types.MEMBER_ADDED.name: _add_member,
    types.MEMBER_REMOVED.name: _remove_member,
    types.MEMBER_LEFT.name: _leave,
    types.THREAD_ARCHIVED.name: _archive,
    types.THREAD_RESTORED.name: _restore,
    types.RETENTION_SET.name: _set_retention,
    types.HOLD_LAID.name: _lay_hold,
    types.HOLD_LIFTED.name: _lift_hold,
    types.MESSAGE_SENT.name: _send,
    types.MESSAGE_EDITED.name: _edit,
    types.MESSAGE_RECALLED.name: _recall,
    types.MESSAGE_DELIVERED.name: _deliver,
    types.MESSAGE_READ.name: _read,
    types.MESSAGE_RELEASED.name: _release,
    types.MESSAGES_EXPIRED.name: _expire,
    types.MONITOR_DECLARED.name: _declare,
    types.MONITOR_DISMISSED.name: _dismiss,
    types.MONITOR_LOOKED.name: _look,
    types.MONITOR_JUDGED.name: _judge,
}

STORE = Store(SCHEMA, TABLES, apply)


def _text(values: tuple[Recipient, ...] | tuple[Attachment, ...] | tuple[str, ...]) -> str:
    return msgspec.json.encode(values, order="sorted").decode()
