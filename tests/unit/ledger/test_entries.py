"""The journal numbers facts without a gap and forgets what was rolled back; the reader reads them back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from telesphor.kernel.clock import format_instant
from telesphor.kernel.entry import ENTRY_BYTES_MAX, parse_entry
from telesphor.kernel.errors import LimitExceeded
from telesphor.kernel.merkle import leaf_hash
from telesphor.ledger import entries, store
from telesphor.ledger.entries import (
    EntryJournal,
    EntryMissing,
    EntryReader,
    EntryUnreadable,
    RequestReplayed,
    parse_head,
)
from telesphor.runtime.capability import Draft, Receipt
from telesphor.runtime.machine import Evidence, Request
from tests.support import notes
from tests.support.ledger import START_MS, Ledger, change


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path)
    yield ledger
    ledger.close()


def draft(stream: str, text: str = "") -> Draft:
    return Draft("note.added/1", stream, notes.NoteAdded(text=text))


def evidence(name: str, at_ms: int = START_MS) -> Evidence:
    return Evidence(name, at_ms, name.encode())


def commit(journal: EntryJournal, db: apsw.Connection) -> None:
    with db:
        journal.flush()
    journal.committed()


def test_stored_bytes_are_a_canonical_entry(ledger: Ledger) -> None:
    ledger.start()
    stream = ledger.stream()
    ledger.add(stream, 'tabs\t, quotes ", \x00, \x7f, ä, € and 🩺', signed=True)
    (stored,) = ledger.entries()
    entry = parse_entry(stored.data)  # strict: decodes, checks each field, encodes again
    assert (entry.type, entry.stream, entry.n, entry.actor) == ("note.added/1", stream, 0, ledger.actor.id)
    assert entry.at == format_instant(START_MS)
    assert entry.body == {"text": 'tabs\t, quotes ", \x00, \x7f, ä, € and 🩺'}
    assert stored.leaf == leaf_hash(stored.data)


def test_equal_facts_have_different_leaves(ledger: Ledger) -> None:
    ledger.start()
    stream = ledger.stream()
    for _ in range(2):
        ledger.add(stream, "same")
    first, second = ledger.entries()
    assert parse_entry(first.data).salt != parse_entry(second.data).salt


def test_rewind_forgets_exactly_one_request(ledger: Ledger) -> None:
    journal = ledger.journal
    first, second = ledger.stream(), ledger.stream()
    journal.begin(START_MS, commands=1)
    journal.admit(ledger.actor, evidence("one"))
    journal.record([draft(first)], ledger.actor.id, "one")
    mark = journal.mark()
    journal.admit(ledger.actor, evidence("two"))
    for stream in (first, second, first, second):
        journal.record([draft(stream)], ledger.actor.id, "two")
    journal.rewind(mark)
    assert (journal.next_n(first), journal.next_n(second)) == (1, 0)
    journal.admit(ledger.actor, evidence("two"))  # what was forgotten may come again
    assert journal.record([draft(second)], ledger.actor.id, "two")[0].position == 1
    with pytest.raises(RequestReplayed):
        journal.admit(ledger.actor, evidence("one"))
    commit(journal, ledger.db)
    rows = list(store.entry_rows(ledger.db, first=0, end=10))
    assert [row[:2] for row in rows] == [(0, -1), (1, -1)]
    assert sorted(store.stream_rows(ledger.db)) == sorted([(first, 1, 0), (second, 1, 1)])
    assert [row[0] for row in store.requests_from(ledger.db, 0)] == [0, 1]


def test_rewind_restores_the_numbers_of_a_stream_that_was_committed_before(ledger: Ledger) -> None:
    journal, stream = ledger.journal, ledger.stream()
    journal.record([draft(stream)], ledger.actor.id, None)
    commit(journal, ledger.db)
    mark = journal.mark()
    journal.record([draft(stream)], ledger.actor.id, None)
    inner = journal.mark()
    journal.record([draft(stream)], ledger.actor.id, None)
    journal.rewind(inner)
    assert journal.next_n(stream) == 2
    journal.rewind(mark)
    assert journal.next_n(stream) == 1


def test_rewind_with_several_requests_in_one_batch(ledger: Ledger) -> None:
    async def ask(requests: list[Request]) -> list[Receipt | BaseException]:
        tasks = [asyncio.ensure_future(ledger.machine.call(request)) for request in requests]
        await asyncio.sleep(0)
        ledger.machine.start()
        return await asyncio.gather(*tasks, return_exceptions=True)

    streams = [ledger.stream() for _ in range(3)]
    bodies = [notes.AddNote(stream=stream) for stream in streams]
    good = [(notes.ADD, body) for body in bodies]
    bad = [*good, (notes.REFUSE, bodies[0])]
    answers = asyncio.run(
        ask([ledger.request(*commands, signed=True) for commands in (good, bad, good, bad, good)])
    )
    assert [isinstance(answer, Receipt) for answer in answers] == [True, False, True, False, True]
    reader = EntryReader(ledger.path, ledger.registry)
    for stream in streams:
        assert [entry.n for entry in reader.stream(stream)] == [0, 1, 2]
    assert reader.size() == 9
    reader.close()


def test_ids_and_salts_of_a_batch_are_new_and_in_order_however_many_it_makes(ledger: Ledger) -> None:
    stream, found = ledger.stream(), []
    for commands, drafts in ((1, 1), (3, 1), (1, 700), (2, 3), (1_000, 1)):
        ledger.journal.begin(ledger.clock.now_ms(), commands=commands)
        before = ledger.ids.next()
        found += ledger.journal.record([draft(stream)] * drafts, ledger.actor.id, None)
        assert before < found[-drafts].id  # none is left over from an earlier batch
        ledger.clock.advance_ms(1)
    ids = [entry.id for entry in found]
    assert ids == sorted(set(ids))
    assert len({parse_entry(entry.data).salt for entry in found}) == len(found) == 706
    assert [(entry.n, entry.position) for entry in found] == [(n, n) for n in range(706)]


def test_rolled_back_batch_leaves_no_trace(ledger: Ledger) -> None:
    journal, stream = ledger.journal, ledger.stream()
    journal.admit(ledger.actor, evidence("one"))
    journal.record([draft(stream)], ledger.actor.id, "one")
    ledger.db.execute("BEGIN")
    journal.flush()
    ledger.db.execute("ROLLBACK")
    journal.rolled_back()
    assert (journal.size, journal.next_n(stream)) == (0, 0)
    journal.admit(ledger.actor, evidence("one"))
    assert journal.record([draft(stream)], ledger.actor.id, "one")[0].position == 0


def test_replay_is_noticed_after_a_restart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path).start()
    request = ledger.request((notes.ADD, notes.AddNote(stream=ledger.stream())), signed=True)
    ledger.machine.call_blocking(request)
    ledger.close()
    ledger = Ledger(tmp_path).start()
    with pytest.raises(RequestReplayed, match="position `0`"):
        ledger.machine.call_blocking(request)
    ledger.close()


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path).start()
    stream = ledger.stream()
    ledger.ask(notes.ADD_TWICE, stream)
    ledger.close()
    ledger = Ledger(tmp_path).start()
    assert ledger.journal.size == 2
    (line,) = ledger.add(stream).entries
    assert (line.position, line.n) == (2, 2)
    ledger.close()


def test_numbers_are_right_when_the_remembered_heads_are_dropped(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "HEADS_CACHED_MAX", 3)
    ledger.start()
    streams = [ledger.stream() for _ in range(5)]
    for _ in range(3):
        for stream in streams:
            ledger.add(stream)
    reader = EntryReader(ledger.path, ledger.registry)
    assert [[entry.n for entry in reader.stream(stream)] for stream in streams] == [[0, 1, 2]] * 5
    assert len(ledger.journal._heads) <= 3
    reader.close()


def test_entry_at_the_bound_is_taken_and_one_byte_more_is_refused(ledger: Ledger) -> None:
    stream = ledger.stream()
    empty = len(ledger.journal.record([draft(stream)], ledger.actor.id, None)[0].data)
    room = ENTRY_BYTES_MAX - empty
    assert (
        len(ledger.journal.record([draft(stream, "x" * room)], ledger.actor.id, None)[0].data)
        == ENTRY_BYTES_MAX
    )
    with pytest.raises(LimitExceeded):
        ledger.journal.record([draft(stream, "x" * (room + 1))], ledger.actor.id, None)
    assert ledger.journal.next_n(stream) == 2


def test_clock_outside_the_years_leaves_the_time_as_it_was(ledger: Ledger) -> None:
    before = ledger.journal.at_ms, ledger.journal.at
    for _ in range(2):
        with pytest.raises(Exception, match="years 1970 to 9999"):
            ledger.journal.begin(10**15, commands=1)
    assert (ledger.journal.at_ms, ledger.journal.at) == before


def test_reader_returns_a_stream_in_order_and_nothing_of_others(ledger: Ledger) -> None:
    ledger.start()
    ledger.add_many(20, streams=4)
    stream = ledger.entries()[2].stream
    reader = EntryReader(ledger.path, ledger.registry)
    assert [(entry.n, entry.position) for entry in reader.stream(stream)] == [
        (i, 4 * i + 2) for i in range(5)
    ]
    assert reader.stream(ledger.stream()) == []
    assert [entry.position for entry in reader.entries(first=3, end=6)] == [3, 4, 5]
    assert reader.entry(7).body == notes.NoteAdded(text="note 7")
    with pytest.raises(EntryMissing, match="position `20`"):
        reader.entry(20)
    reader.close()


def test_stream_that_is_too_long_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "STREAM_ENTRIES_MAX", 3)
    ledger.start()
    ledger.add_many(4, streams=1)
    reader = EntryReader(ledger.path, ledger.registry)
    with pytest.raises(LimitExceeded, match="more than `3`"):
        reader.stream(ledger.entries()[0].stream)
    reader.close()


def test_some_numbers_of_a_stream_are_found_however_long_it_is(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "STREAM_ENTRIES_MAX", 3)
    ledger.start()
    ledger.add_many(20, streams=2)
    stream = ledger.entries()[1].stream
    reader = EntryReader(ledger.path, ledger.registry)
    found = reader.numbered(stream, {7, 2})
    assert [(n, entry.n, entry.position) for n, entry in found.items()] == [(2, 2, 5), (7, 7, 15)]
    assert reader.numbered(stream, set()) == {}
    for name, number in ((stream, 10), (ledger.stream(), 0)):
        with pytest.raises(EntryMissing, match=f"no entry `{number}`"):
            reader.numbered(name, {0, number})
    reader.close()


@pytest.mark.parametrize("previous", [2, 1, 0, -1], ids=["itself", "other-stream", "skips-one", "ends-early"])
def test_stream_whose_chain_is_broken_is_refused(tmp_path: Path, previous: int) -> None:
    ledger = Ledger(tmp_path).start()
    stream, other = ledger.stream(), ledger.stream()
    for name in (stream, other, stream, stream):
        ledger.add(name)
    ledger.close()
    position = 3 if previous == 0 else 2
    change(ledger.path, "UPDATE entries SET previous = ? WHERE position = ?", previous, position)
    reader = EntryReader(ledger.path, ledger.registry)
    with pytest.raises((EntryUnreadable, EntryMissing)):
        reader.stream(stream)
    reader.close()


def test_request_behind_an_entry_is_found(ledger: Ledger) -> None:
    ledger.start()
    body = notes.AddNote(stream=ledger.stream())
    requests = [ledger.request(*[(notes.ADD, body)] * 3, signed=True) for _ in range(2)]
    for request in requests:
        ledger.machine.call_blocking(request)
    ledger.add(ledger.stream())
    reader = EntryReader(ledger.path, ledger.registry)
    found = [reader.request_of(entry) for entry in ledger.entries()]
    assert [requests[i].evidence.data for i in (0, 0, 0, 1, 1, 1)] + [None] == found  # type: ignore[union-attr]
    reader.close()


def test_request_that_is_gone_is_not_replaced_by_another(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path).start()
    for _ in range(2):
        ledger.add(ledger.stream(), signed=True)
    ledger.close()
    change(ledger.path, "DELETE FROM requests WHERE first = 1")
    reader = EntryReader(ledger.path, ledger.registry)
    with pytest.raises(EntryUnreadable, match="entry `1` is missing"):
        reader.request_of(reader.entry(1))
    reader.close()


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"type":"note.added/1"}', b"\xff"],
    ids=["empty", "array", "no-fields", "one-field", "no-text"],
)
def test_damaged_entry_is_refused_by_its_position(tmp_path: Path, data: bytes) -> None:
    ledger = Ledger(tmp_path).start()
    ledger.add(ledger.stream())
    ledger.close()
    change(ledger.path, "UPDATE entries SET data = ?", data)
    reader = EntryReader(ledger.path, ledger.registry)
    with pytest.raises(EntryUnreadable, match="entry `0` cannot be read"):
        reader.entry(0)
    with pytest.raises(EntryUnreadable, match="entry `0` cannot be read"):
        parse_head((0, -1, data))
    reader.close()
    with pytest.raises(EntryUnreadable):  # the writer does not go on behind it either
        Ledger(tmp_path)


def test_entry_of_an_unknown_type_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path).start()
    ledger.add(ledger.stream())
    data = ledger.entries()[0].data.replace(b"note.added/1", b"note.added/2")
    ledger.close()
    change(ledger.path, "UPDATE entries SET data = ?", data)
    reader = EntryReader(ledger.path, ledger.registry)
    with pytest.raises(EntryUnreadable, match="entry `0`"):
        reader.entry(0)
    reader.close()
