"""Entries reach the state tables late and together: nobody who looks notices, and nobody pays for another's fault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest

from telesphor.kernel.digest import digest_of
from telesphor.runtime.capability import (
    Actor,
    Capability,
    CommandType,
    Decision,
    Draft,
    EntryType,
    Recorded,
    Registry,
    State,
    Store,
)
from telesphor.runtime.machine import DecisionFailed, Request
from telesphor.runtime.state import FoldFailed
from tests.support import notes
from tests.support.ledger import Ledger
from tests.unit.runtime.test_refusals import DENIED, DENY, NoteDenied
from tests.unit.runtime.test_state import queue_and_run

SCHEMA = "CREATE TABLE lines(position INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"
ADDED, OTHER = "line.added/1", "line.other/1"


class Lines:
    """A capability whose store tells how it was called."""

    def __init__(self) -> None:
        self.folded: list[list[str]] = []
        self.seen: list[int] = []
        store = Store(SCHEMA, ("lines",), self.apply, together={ADDED: self.apply_together})
        entries = (EntryType(ADDED, notes.NoteAdded), EntryType(OTHER, notes.NoteAdded))
        self.capability = Capability("lines", entries=entries, store=store)

    def apply(self, db: apsw.Connection, entry: Recorded) -> None:
        self.apply_together(db, [entry])

    def apply_together(self, db: apsw.Connection, entries: Sequence[Recorded]) -> None:
        self.folded.append([entry.body.text for entry in entries])
        for entry in entries:
            db.execute("INSERT INTO lines VALUES(?, ?)", (entry.position, entry.body.text))

    def registry(self) -> Registry:
        return Registry([*notes.build_registry().capabilities, self.capability])

    def decide(self, _actor: Actor, command: notes.AddNote, state: State) -> Decision:
        word, _, text = command.text.partition(" ")
        if word == "look":
            self.seen.append(count(state.db))
        if word == "blind":
            try:
                self.seen.append(count(state.db))
            except FoldFailed:
                self.seen.append(-1)
        if word == "refuse":
            raise notes.NoteRefused("no")
        kind = OTHER if word == "other" else ADDED
        return Decision((Draft(kind, command.stream, notes.NoteAdded(text=text or word)),))


def count(db: apsw.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM lines").get)


class Book:
    """A ledger with one stream of lines."""

    def __init__(self, folder: Path) -> None:
        self.lines = Lines()
        self.ledger = Ledger(folder, registry=self.lines.registry)
        self.stream = self.ledger.stream()
        self.command = CommandType("line.add/1", notes.AddNote, self.lines.decide)

    def request(self, *texts: str) -> Request:
        bodies = (notes.AddNote(stream=self.stream, text=text) for text in texts)
        return self.ledger.request(*((self.command, body) for body in bodies))

    def run(self, *requests: Request) -> list[Exception | None]:
        """All in one batch; returns what refused each."""
        return [slot.error for slot in queue_and_run(self.ledger, list(requests))]

    def texts(self) -> list[str]:
        """What the table says, after `fsck`'s replay has said that it is what the entries say."""
        self.ledger.check_state()
        rows = [row[0] for row in self.ledger.db.execute("SELECT text FROM lines ORDER BY position")]
        assert rows == [entry.body.text for entry in self.ledger.entries()]
        return rows


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path)


def test_entries_at_which_nobody_looks_are_folded_together_in_runs_of_their_type(book: Book) -> None:
    assert book.run(*(book.request(text) for text in ("a", "b", "other c", "d", "e"))) == [None] * 5
    assert book.lines.folded == [["a", "b"], ["c"], ["d", "e"]]
    assert book.texts() == ["a", "b", "c", "d", "e"]


def test_whoever_looks_finds_all_that_was_recorded_before(book: Book) -> None:
    answers = book.run(
        book.request("a", "b", "look c"), book.request("look d"), book.request("e"), book.request("look f")
    )
    assert answers == [None] * 4
    assert book.lines.seen == [2, 3, 5]
    assert book.texts() == ["a", "b", "c", "d", "e", "f"]


def test_refused_request_takes_nothing_of_its_neighbours_along(book: Book) -> None:
    answers = book.run(
        book.request("a"),
        book.request("b", "c", "refuse"),
        book.request("d", "look e", "refuse"),
        book.request("refuse"),
        book.request("look f"),
    )
    assert [type(answer) for answer in answers] == [type(None), *[notes.NoteRefused] * 3, type(None)]
    assert book.texts() == ["a", "f"]


def test_entry_the_tables_refuse_is_refused_alone_however_late_that_is_noticed(book: Book) -> None:
    answers = book.run(
        book.request("a"),
        book.request("b", "a"),  # the table holds each text once
        book.request("look c"),
        book.request("a"),
        book.request("d"),
    )
    assert [type(answer) for answer in answers] == [
        type(None),
        DecisionFailed,
        type(None),
        DecisionFailed,
        type(None),
    ]
    assert book.texts() == ["a", "c", "d"]


def test_decision_that_looks_away_from_what_the_tables_refuse_commits_nothing_of_it(book: Book) -> None:
    answers = book.run(book.request("a"), book.request("a", "blind b"), book.request("c"))
    assert [type(answer) for answer in answers] == [type(None), DecisionFailed, type(None)]
    assert -1 in book.lines.seen
    assert book.texts() == ["a", "c"]


def test_refusal_that_is_a_fact_is_written_among_entries_that_wait(book: Book) -> None:
    before = book.request("a")
    denied = book.ledger.request((DENY, notes.AddNote(stream=book.stream, text="denied")))
    answers = book.run(before, denied, book.request("b"))
    assert [type(answer) for answer in answers] == [type(None), NoteDenied, type(None)]
    assert [entry.body.text for entry in book.ledger.entries()] == ["a", digest_of(DENIED), "b"]
    book.ledger.check_state()
