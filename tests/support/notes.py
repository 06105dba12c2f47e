"""A tiny capability for tests: notebooks of short notes, with commands that go wrong in every known way.

`note.add/1` is the honest one. The others refuse, break while deciding, break half-way through
applying, or make nothing. Start at `build_registry`.
"""

from __future__ import annotations

import apsw

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import (
    Actor,
    Body,
    Capability,
    CommandType,
    Decision,
    Draft,
    EntryType,
    Receipt,
    Recorded,
    Registry,
    State,
    Store,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS notebooks(
    stream TEXT PRIMARY KEY,
    notes INTEGER NOT NULL,
    last TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes(
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    text TEXT NOT NULL
);
"""


class NoteRefused(TelesphorError):
    """The decision said no."""

    code = "note-refused"
    kind = Kind.CONFLICT


class Panic(BaseException):
    """What an extension module may raise: no `Exception`."""


class AddNote(Body, frozen=True, kw_only=True):
    stream: str
    text: str = ""


class NoteAdded(Body, frozen=True, kw_only=True):
    text: str


class NoteBroken(Body, frozen=True, kw_only=True):
    text: str


class NoteCount(Body, frozen=True, kw_only=True):
    """Result of `note.add/1`: how many notes the notebook has."""

    notes: int


def count_of(db: apsw.Connection, stream: str) -> int:
    row = db.execute("SELECT notes FROM notebooks WHERE stream = ?", (stream,)).fetchone()
    return 0 if row is None else int(row[0])


def _add(_actor: Actor, command: AddNote, state: State) -> Decision:
    draft = Draft("note.added/1", command.stream, NoteAdded(text=command.text))
    return Decision((draft,), NoteCount(notes=count_of(state.db, command.stream) + 1))


def _add_twice(_actor: Actor, command: AddNote, _state: State) -> Decision:
    draft = Draft("note.added/1", command.stream, NoteAdded(text=command.text))
    return Decision((draft, draft))


def _add_late(_actor: Actor, command: AddNote, _state: State) -> Decision:
    draft = Draft("note.added/1", command.stream, NoteAdded(text=command.text))

    def after(receipt: Receipt) -> str:
        return f"late {receipt.first}"

    return Decision((draft,), "early", after)


def _refuse(_actor: Actor, _command: AddNote, _state: State) -> Decision:
    raise NoteRefused("the notebook is `closed`", hint="open another")


def _break(_actor: Actor, _command: AddNote, _state: State) -> Decision:
    raise ZeroDivisionError("secret")


def _panic(_actor: Actor, _command: AddNote, _state: State) -> Decision:
    raise Panic("secret")


def _nothing(_actor: Actor, _command: AddNote, _state: State) -> Decision:
    return Decision(())


def _break_apply(_actor: Actor, command: AddNote, _state: State) -> Decision:
    good = Draft("note.added/1", command.stream, NoteAdded(text=command.text))
    return Decision((good, Draft("note.broken/1", command.stream, NoteBroken(text=command.text))))


def _unknown_type(_actor: Actor, command: AddNote, _state: State) -> Decision:
    return Decision((Draft("note.unheard-of/1", command.stream, NoteAdded(text=command.text)),))


def _no_decision(_actor: Actor, _command: AddNote, _state: State) -> Decision:
    return None  # type: ignore[return-value]


def apply(db: apsw.Connection, entry: Recorded) -> None:
    db.execute("INSERT INTO notes VALUES(?, ?, ?)", (entry.position, entry.stream, entry.body.text))
    if entry.type == "note.broken/1":
        raise ValueError("half of it is written")
    sql = (
        "INSERT INTO notebooks VALUES(?, 1, ?) "
        "ON CONFLICT(stream) DO UPDATE SET notes = notes + 1, last = excluded.last"
    )
    db.execute(sql, (entry.stream, entry.body.text))


ADD = CommandType("note.add/1", AddNote, _add)
ADD_TWICE = CommandType("note.add-twice/1", AddNote, _add_twice)
ADD_LATE = CommandType("note.add-late/1", AddNote, _add_late)
REFUSE = CommandType("note.refuse/1", AddNote, _refuse)
BREAK = CommandType("note.break/1", AddNote, _break)
PANIC = CommandType("note.panic/1", AddNote, _panic)
NOTHING = CommandType("note.nothing/1", AddNote, _nothing)
BREAK_APPLY = CommandType("note.break-apply/1", AddNote, _break_apply)
UNKNOWN_TYPE = CommandType("note.unknown-type/1", AddNote, _unknown_type)
NO_DECISION = CommandType("note.no-decision/1", AddNote, _no_decision)

CAPABILITY = Capability(
    name="notes",
    entries=(EntryType("note.added/1", NoteAdded), EntryType("note.broken/1", NoteBroken)),
    commands=(
        ADD,
        ADD_TWICE,
        ADD_LATE,
        REFUSE,
        BREAK,
        PANIC,
        NOTHING,
        BREAK_APPLY,
        UNKNOWN_TYPE,
        NO_DECISION,
    ),
    store=Store(SCHEMA, ("notebooks", "notes"), apply),
)


def build_registry() -> Registry:
    """A registry of notes alone; importable, so that `fsck` can call it in a process of its own."""
    return Registry((CAPABILITY,))
