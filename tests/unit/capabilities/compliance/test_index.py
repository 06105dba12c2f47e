"""The search index: made from the entries alone, made again when it is not of this ledger, never counting twice."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from telesphor.capabilities.compliance.index import index as module
from telesphor.capabilities.compliance.index import store
from telesphor.capabilities.compliance.index.index import INDEX_FILE, AuditIndex, IndexBehind
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.compliance.office import Office


def fill(index: AuditIndex, office: Office) -> AuditIndex:
    with closing(office.reader()) as source:
        while index.follower.advance(source):
            pass
    return index


def facts(index: AuditIndex) -> object:
    """All that an index says, by what is said and not by how it is numbered."""
    found = [
        (
            facet,
            value,
            count,
            tuple(index.search([(facet, value)], first=0, end=10**9, limit=10**6).positions),
        )
        for facet in ("type", "person", "subject", "about", "visit", "stream", "action", "outcome")
        for value, count in index.values(facet, limit=10**6)
    ]
    return found, index.hours(first="0", end="9", limit=10**6), index.indexed


def test_index_made_in_parts_is_that_made_at_once(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = fill(AuditIndex(tmp_path / "parts.sqlite", open_entries=office.reader), office)
    office.read(office.writer, office.note)
    fill(parts, office)
    monkeypatch.setattr("telesphor.runtime.jobs.READ_ENTRIES", 7)
    small = fill(AuditIndex(tmp_path / "small.sqlite", open_entries=office.reader), office)
    assert facts(parts) == facts(small)
    parts.close()
    small.close()


def test_index_goes_on_where_it_was(office: Office, tmp_path: Path) -> None:
    path = tmp_path / INDEX_FILE
    fill(AuditIndex(path, open_entries=office.reader), office).close()
    office.read(office.writer, office.note)
    again = AuditIndex(path, open_entries=office.reader)
    assert 0 < again.indexed < len(office.entries())
    fill(again, office)
    fresh = fill(AuditIndex(tmp_path / "fresh.sqlite", open_entries=office.reader), office)
    assert facts(again) == facts(fresh)
    again.close()
    fresh.close()


def test_entry_taken_twice_counts_once(office: Office, tmp_path: Path) -> None:
    index = fill(AuditIndex(tmp_path / INDEX_FILE, open_entries=office.reader), office)
    before = facts(index)
    for entry in office.entries():
        index.take(entry)
    index.move_cursor("audit-index", index.indexed)
    assert facts(index) == before
    index.close()


def test_what_could_not_be_written_is_written_later(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = AuditIndex(tmp_path / INDEX_FILE, open_entries=office.reader)
    with monkeypatch.context() as patched, closing(office.reader()) as source:
        patched.setattr(store, "put_hours", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            index.follower.advance(source)
    assert (index.indexed, index.count("type", "node.created/1")) == (0, 0)
    office.read(office.writer, office.note)  # The next entry brings the others along.
    fresh = fill(AuditIndex(tmp_path / "fresh.sqlite", open_entries=office.reader), office)
    assert facts(fill(index, office)) == facts(fresh)
    index.close()
    fresh.close()


def test_index_of_another_ledger_is_emptied(office: Office, tmp_path: Path) -> None:
    path = tmp_path / INDEX_FILE
    index = fill(AuditIndex(path, open_entries=office.reader), office)
    index._db.execute("UPDATE progress SET last = 'another'")
    index.close()
    again = AuditIndex(path, open_entries=office.reader)
    assert (again.indexed, again.values("type", limit=9)) == (0, [])
    again.close()


@pytest.mark.parametrize("fault", ["damaged", "another-form"])
def test_index_that_cannot_be_used_is_made_again(office: Office, tmp_path: Path, fault: str) -> None:
    path = tmp_path / INDEX_FILE
    if fault == "damaged":
        path.write_bytes(b"not a database" * 1000)
    else:
        index = fill(AuditIndex(path, open_entries=office.reader), office)
        index._db.pragma("user_version", store.FORM + 1)
        index.close()
    again = AuditIndex(path, open_entries=office.reader)
    assert again.indexed == 0
    assert fill(again, office).count("type", "node.created/1") == 1
    again.close()


def test_search_goes_on_behind_what_it_looked_at(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = fill(AuditIndex(tmp_path / INDEX_FILE, open_entries=office.reader), office)
    size = index.indexed
    rare = [("type", "access.decided/1"), ("person", office.hospital.actor)]
    whole = index.search(rare, first=0, end=size, limit=100)
    monkeypatch.setattr(module, "SCANNED_MAX", 3)
    found: list[int] = []
    before: int | None = size
    for _ in range(1 + size // 3):
        if before is None:
            break
        part = index.search(rare, first=0, end=before, limit=100)
        found += part.positions
        before = part.before
    assert found == whole.positions
    assert before is None
    index.close()


def test_entries_that_wait_are_bounded(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = AuditIndex(tmp_path / INDEX_FILE, open_entries=office.reader)
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    entries = office.entries()
    index.take(entries[0])
    index.take(entries[1])
    with pytest.raises(IndexBehind) as caught:
        index.take(entries[2])
    assert isinstance(caught.value, TelesphorError)
    index.close()


def test_no_search_waits_for_an_index_that_stands_still(office: Office, tmp_path: Path) -> None:
    index = AuditIndex(tmp_path / INDEX_FILE, open_entries=office.reader)
    assert index.wait_for(10**6, timeout_seconds=0.01) == 0
    index.close()
