"""What is looked at again outside the writer: its tables, its documents, and a time that never goes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.kernel.clock import ManualClock, parse_instant
from telesphor.kernel.digest import digest_of
from telesphor.ledger.entries import EntryUnreadable
from telesphor.ledger.snapshot import Snapshot
from telesphor.runtime.database import open_reader
from tests.support.ledger import START_MS, Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path).start()
    yield ledger
    ledger.close()


def snapshot(ledger: Ledger, *, now_ms: int) -> Snapshot:
    return Snapshot(open_reader(ledger.path), clock=ManualClock(now_ms), ids=ledger.ids)


def test_time_is_the_clocks(ledger: Ledger) -> None:
    ledger.add(ledger.stream())
    assert snapshot(ledger, now_ms=START_MS + 5_000).now_ms == START_MS + 5_000


def test_clock_that_was_set_back_stands_at_the_last_entry(ledger: Ledger) -> None:
    ledger.add(ledger.stream())
    assert snapshot(ledger, now_ms=1_000).now_ms == parse_instant(ledger.entries()[-1].at)


def test_ledger_without_entries_has_the_clocks_time(ledger: Ledger) -> None:
    assert snapshot(ledger, now_ms=1_000).now_ms == 1_000


def test_number_of_a_stream_is_seen(ledger: Ledger) -> None:
    stream = ledger.stream()
    ledger.add(stream)
    assert snapshot(ledger, now_ms=START_MS).next_n(stream) == 1
    assert snapshot(ledger, now_ms=START_MS).next_n(ledger.stream()) == 0


def test_altered_document_is_not_seen(ledger: Ledger) -> None:
    digest = digest_of(b"a document")
    ledger.db.execute("INSERT INTO documents VALUES(?, ?)", (digest, b"another"))
    with pytest.raises(EntryUnreadable):
        snapshot(ledger, now_ms=START_MS).document(digest)
    assert snapshot(ledger, now_ms=START_MS).document(digest_of(b"none")) is None
