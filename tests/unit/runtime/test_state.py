"""What decisions remember of the state tables: as long as it is true, and no longer."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from telesphor.runtime import state as state_module
from telesphor.runtime.capability import (
    Actor,
    Capability,
    CommandType,
    Decision,
    Draft,
    EntryType,
    Registry,
    State,
    Store,
)
from telesphor.runtime.machine import Request
from telesphor.runtime.requests import Outcome, Slot
from telesphor.runtime.state import WriterState
from tests.support import notes
from tests.support.ledger import ANSWER_SECONDS, Ledger

(STORE,) = notes.build_registry().stores()


def queue_and_run(ledger: Ledger, requests: list[Request]) -> list[Outcome]:
    """All in one batch: they are queued before the writer starts."""
    slots = [Slot(request, None, Future()) for request in requests]
    for slot in slots:
        ledger.machine._enqueue(slot)
    ledger.machine.start()
    return [slot.future.result(ANSWER_SECONDS) for slot in slots]


def remembering(ledger: Ledger, told: list[tuple[str, object]]) -> Any:
    """A command that tells what is remembered of the notes' tables, then remembers how many notes there are."""

    def decide(_actor: Actor, command: notes.AddNote, state: State) -> Decision:
        memory = state.memory_of(STORE)
        told.append((command.text, memory.get("notes")))
        memory["notes"] = notes.count_of(state.db, command.stream)
        if command.text == "refused":
            raise notes.NoteRefused("no")
        kind = "other.noted/1" if command.text == "other" else "note.added/1"
        return Decision((Draft(kind, command.stream, notes.NoteAdded(text=command.text)),))

    return CommandType("note.remember/1", notes.AddNote, decide)


def test_memory_of_a_table_lasts_until_it_changes_or_goes_back_or_the_batch_ends(tmp_path: Path) -> None:
    other = Capability("other", entries=(EntryType("other.noted/1", notes.NoteAdded),))
    ledger = Ledger(tmp_path, registry=lambda: Registry([*notes.build_registry().capabilities, other]))
    told: list[tuple[str, object]] = []
    command = remembering(ledger, told)
    stream = ledger.stream()

    def ask(*texts: str) -> Request:
        return ledger.request(*((command, notes.AddNote(stream=stream, text=text)) for text in texts))

    queue_and_run(
        ledger,
        [
            ask("other"),
            ask("other"),  # an entry of another capability changes none of these tables
            ask("added"),
            ask("other"),  # the note before this changed them
            ask("added", "other", "refused"),
            ask("other"),  # what the request before this had added is gone again
            ask("refused"),  # alone, it had changed nothing
            ask("other"),
        ],
    )
    assert told == [
        ("other", None),
        ("other", 0),
        ("added", 0),
        ("other", None),
        ("added", 1),
        ("other", None),
        ("refused", 2),
        ("other", None),
        ("refused", 1),
        ("other", 1),
    ]
    ledger.machine.call_blocking(ask("other"), timeout_seconds=ANSWER_SECONDS)
    assert told[-1] == ("other", None)
    ledger.close()


def test_memory_of_several_stores_lasts_until_any_of_them_changes(tmp_path: Path) -> None:
    other_store = Store("CREATE TABLE other(position INTEGER PRIMARY KEY);", ("other",), lambda *_: None)
    other = Capability("other", entries=(EntryType("other.noted/1", notes.NoteAdded),), store=other_store)
    ledger = Ledger(tmp_path, registry=lambda: Registry([*notes.build_registry().capabilities, other]))
    told: list[tuple[str, list[bool]]] = []

    def decide(_actor: Actor, command: notes.AddNote, state: State) -> Decision:
        memories = [state.memory_of(STORE), state.memory_of(other_store), state.memory_of(STORE, other_store)]
        told.append((command.text, ["seen" in memory for memory in memories]))
        for memory in memories:
            memory["seen"] = True
        kind = "other.noted/1" if command.text == "other" else "note.added/1"
        return Decision((Draft(kind, command.stream, notes.NoteAdded(text=command.text)),))

    command, stream = CommandType("note.remember/1", notes.AddNote, decide), ledger.stream()
    texts = ("other", "other", "note", "note", "other")
    queue_and_run(
        ledger, [ledger.request((command, notes.AddNote(stream=stream, text=text))) for text in texts]
    )
    assert told == [
        ("other", [False, False, False]),
        ("other", [True, False, False]),
        ("note", [True, False, False]),
        ("note", [False, True, False]),
        ("other", [False, True, False]),
    ]
    ledger.close()


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path)
    monkeypatch.setattr(state_module, "REMEMBERED_MAX", 3)
    state = WriterState(ledger.db, ledger.journal, ledger.ids, ledger.registry)
    for number in range(10):
        state.memory_of(STORE)[str(number)] = number
        assert len(state.memory_of(STORE)) <= 3
    ledger.close()
