"""Every fault is found, and named by the first thing that is wrong."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.merkle import HASH_BYTES
from telesphor.ledger.fsck import LedgerDamaged, fsck
from telesphor.ledger.replay import StateDiffers
from telesphor.runtime.capability import Registry
from telesphor.runtime.database import DatabaseRefused, open_database
from tests.support import notes
from tests.support.ledger import Ledger, change, flip

SIZES = (3, 303, 560, 600)
"""Checkpoints; entry 0 to 2 are signed requests of one entry each, 600 to 609 are in no checkpoint yet."""
SIZE = 610


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sound ledger, stopped before the last entries came into the tree."""
    folder = tmp_path_factory.mktemp("sound")
    ledger = Ledger(folder).start()
    for i in range(SIZES[0]):
        ledger.clock.advance_ms(1_000)
        ledger.add(ledger.stream(), f"signed {i}", signed=True)
    ledger.integrator.integrate()
    for i, size in enumerate(SIZES[1:]):
        ledger.clock.advance_ms(1_000)
        ledger.add_many(size - SIZES[i])
        ledger.integrator.integrate()
    ledger.clock.advance_ms(1_000)
    ledger.add_many(SIZE - SIZES[-1])
    ledger.close()
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    shutil.rmtree(tmp_path)
    shutil.copytree(sound, tmp_path)
    return tmp_path


def damage(folder: Path, *sql: str, file: str = "ledger.sqlite") -> None:
    for statement in sql:
        change(folder / file, statement)


def check(folder: Path, registry: Callable[[], Registry] = notes.build_registry) -> object:
    ledger = Ledger(folder)
    files = ledger.files()
    ledger.close()
    others = set(multiprocessing.active_children())
    try:
        return fsck(files, registry)
    finally:
        assert not list(folder.glob(".fsck-*")), "a scratch folder is left"
        assert not set(multiprocessing.active_children()) - others, "a process is left"


def fault(folder: Path) -> str:
    with pytest.raises((LedgerDamaged, StateDiffers)) as raised:
        check(folder)
    return raised.value.message


def edit(folder: Path, position: int, change_data: Callable[[bytes], bytes]) -> None:
    """Change the bytes of one entry."""
    db = apsw.Connection(str(folder / "ledger.sqlite"))
    (data,) = db.execute("SELECT data FROM entries WHERE position = ?", (position,)).fetchone() or (b"",)
    changed = change_data(data)
    assert changed != data
    db.execute("UPDATE entries SET data = ? WHERE position = ?", (changed, position))
    db.close()


def tile(folder: Path, name: str) -> Path:
    return folder / "public" / "tile" / name


def test_sound_ledger_passes_and_is_counted(folder: Path) -> None:
    report = check(folder)
    assert report.entries == SIZE  # type: ignore[attr-defined]
    assert report.streams == 3 + 4 * 5  # type: ignore[attr-defined]
    assert report.requests == 3  # type: ignore[attr-defined]
    assert report.checkpoints == len(SIZES)  # type: ignore[attr-defined]
    assert report.state_rows == SIZE + 23  # type: ignore[attr-defined]
    assert report.tiles == 4  # type: ignore[attr-defined]


def test_empty_ledger_passes(tmp_path: Path) -> None:
    assert check(tmp_path).entries == 0  # type: ignore[attr-defined]


def test_progress_is_told(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    ledger = Ledger(folder)
    fsck(ledger.files(), notes.build_registry, progress=lambda *step: told.append(step))
    ledger.close()
    assert told[-1] == ("entries", SIZE, SIZE)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


# Entries


@pytest.mark.parametrize("position", [0, 100, 255, 256, 559, 599])
def test_flipped_byte_of_an_entry_is_found(folder: Path, position: int) -> None:
    edit(folder, position, lambda data: data.replace(b'"text":"', b'"text":"X', 1))
    assert fault(folder).startswith(f"entry `{position}` was changed: tile `tile/0/")


@pytest.mark.parametrize("position", [5, 257, 580])
def test_entry_moved_to_a_later_time_is_named_itself_and_not_the_one_after_it(
    folder: Path, position: int
) -> None:
    edit(folder, position, lambda data: data.replace(b'"at":"2', b'"at":"3', 1))
    assert fault(folder).startswith(f"entry `{position}` was changed")


def test_entry_moved_to_an_earlier_time_is_found(folder: Path) -> None:
    edit(folder, 605, lambda data: data.replace(b'"at":"2', b'"at":"1', 1))
    assert fault(folder) == "entry `605` is older than the one before it"


def test_deleted_entry_is_found(folder: Path) -> None:
    damage(folder, "DELETE FROM entries WHERE position = 300")
    assert fault(folder) == "entry `300` is missing"


def test_deleted_entry_is_not_hidden_by_moving_the_others_up(folder: Path) -> None:
    damage(
        folder,
        "DELETE FROM entries WHERE position = 300",
        "UPDATE entries SET position = -position WHERE position > 300",
        "UPDATE entries SET position = -position - 1 WHERE position < 0",
    )
    assert fault(folder).startswith("entry `300` was changed")


def test_entries_cut_off_at_the_end_are_found(folder: Path) -> None:
    damage(folder, "DELETE FROM entries WHERE position >= 590")
    assert fault(folder) == "checkpoint `600` is signed, but only `590` entries are stored"


def test_entry_cut_off_that_no_checkpoint_held_is_found(folder: Path) -> None:
    damage(folder, "DELETE FROM entries WHERE position >= 609")
    assert fault(folder).endswith("is filed with a wrong length or end")


@pytest.mark.parametrize("position", [303, 609])
def test_changed_number_is_found(folder: Path, position: int) -> None:
    edit(folder, position, lambda data: data.replace(b'"n":', b'"n":7', 1))
    said = fault(folder)
    assert said.startswith(
        f"entry `{position}` was changed" if position < 600 else "entry `609` is number `7"
    )


def test_changed_link_to_the_previous_entry_is_found(folder: Path) -> None:
    damage(folder, "UPDATE entries SET previous = previous - 1 WHERE position = 400")
    assert fault(folder) == "entry `400` is filed behind `394` where `395` is due"


@pytest.mark.parametrize(("one", "other"), [(10, 11), (303, 304), (0, 1), (20, 500)])
def test_two_entries_swapped_are_found(folder: Path, one: int, other: int) -> None:
    damage(
        folder,
        f"UPDATE entries SET position = -1 WHERE position = {one}",
        f"UPDATE entries SET position = {one} WHERE position = {other}",
        f"UPDATE entries SET position = {other} WHERE position = -1",
    )
    assert fault(folder).startswith((f"entry `{one}` was changed", f"entry `{one}` names a signed request"))


def test_entry_that_is_no_json_is_found(folder: Path) -> None:
    edit(folder, 605, lambda data: data[:-1])
    with pytest.raises(TelesphorError, match="entry `605` cannot be read"):
        check(folder)


def test_entry_of_an_unknown_type_is_found(folder: Path) -> None:
    edit(folder, 605, lambda data: data.replace(b"note.added/1", b"note.added/9"))
    with pytest.raises(TelesphorError, match="entry `605` cannot be read"):
        check(folder)


# Tiles


@pytest.mark.parametrize("name", ["0/000", "0/001", "0/002.p/88", "1/000.p/2"])
def test_flipped_byte_of_a_tile_is_found(folder: Path, name: str) -> None:
    tile(folder, name).write_bytes(flip(tile(folder, name).read_bytes(), HASH_BYTES))
    assert fault(folder) == f"tile `tile/{name}` is not what its entries give, from hash `1` on"


def test_flipped_byte_of_the_partial_tile_of_an_older_checkpoint_is_found(folder: Path) -> None:
    name = "0/002.p/48"
    tile(folder, name).write_bytes(flip(tile(folder, name).read_bytes(), 0))
    assert fault(folder) == f"tile `tile/{name}` is not what its entries give, from hash `0` on"


@pytest.mark.parametrize("name", ["0/000", "0/002.p/88", "1/000.p/2"])
def test_missing_tile_is_found(folder: Path, name: str) -> None:
    tile(folder, name).unlink()
    with pytest.raises(TelesphorError, match=f"tile `tile/{name}` is missing"):
        check(folder)


@pytest.mark.parametrize("name", ["0/000", "0/002.p/48", "0/002.p/88"])
def test_truncated_tile_is_found(folder: Path, name: str) -> None:
    data = tile(folder, name).read_bytes()
    tile(folder, name).write_bytes(data[:-HASH_BYTES])
    with pytest.raises(TelesphorError, match=f"tile `tile/{name}` has `{len(data) - HASH_BYTES}` bytes"):
        check(folder)


# Checkpoints


def test_changed_root_of_a_checkpoint_is_found(folder: Path) -> None:
    root = (
        "SELECT substr(CAST(note AS TEXT), instr(CAST(note AS TEXT), char(10) || '303' || char(10)) + 5, 4)"
    )
    db = apsw.Connection(str(folder / "published.sqlite"))
    (start,) = db.execute(root + " FROM checkpoints WHERE size = 303").fetchone() or ("",)
    db.close()
    damage(
        folder,
        f"UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), '{start}', 'AAAA') AS BLOB) "
        "WHERE size = 303",
        file="published.sqlite",
    )
    assert fault(folder).startswith("checkpoint `303` is not what the log signed")


def test_checkpoint_signed_by_one_half_only_is_found(folder: Path) -> None:
    db = apsw.Connection(str(folder / "published.sqlite"))
    (note,) = db.execute("SELECT note FROM checkpoints WHERE size = 560").fetchone() or (b"",)
    lines = bytes(note).splitlines(keepends=True)
    db.execute("UPDATE checkpoints SET note = ? WHERE size = 560", (b"".join(lines[:-1]),))
    db.close()
    assert fault(folder).startswith("checkpoint `560` is not what the log signed: the ML-DSA-44 line")


def test_checkpoint_filed_under_another_size_is_found(folder: Path) -> None:
    damage(folder, "UPDATE checkpoints SET size = 304 WHERE size = 303", file="published.sqlite")
    assert fault(folder) == "checkpoint `304` is filed under a wrong size or time"


def test_checkpoint_filed_under_another_time_is_found(folder: Path) -> None:
    damage(folder, "UPDATE checkpoints SET at_ms = at_ms - 60000 WHERE size = 303", file="published.sqlite")
    assert fault(folder) == "checkpoint `303` is filed under a wrong size or time"


def test_shown_checkpoint_that_was_never_kept_is_found(folder: Path) -> None:
    shown = folder / "public" / "checkpoint"
    shown.write_bytes(flip(shown.read_bytes(), 30))
    assert fault(folder) == "the checkpoint that is shown is none of those that were kept"


def test_shown_checkpoint_of_the_moment_before_a_crash_is_no_fault(folder: Path) -> None:
    ledger = Ledger(folder)
    (folder / "public" / "checkpoint").write_bytes(ledger.book.at(ledger.book.newest().at_ms - 1).note)
    ledger.close()
    check(folder)


# Requests


def test_deleted_request_is_found(folder: Path) -> None:
    damage(folder, "DELETE FROM requests WHERE first = 1")
    assert fault(folder) == "entry `1` names a signed request that is not kept"


def test_changed_request_is_found(folder: Path) -> None:
    damage(
        folder,
        'UPDATE requests SET data = CAST(replace(CAST(data AS TEXT), \'{"payload":"e\', \'{"payload":"f\') AS BLOB) '
        "WHERE first = 2",
    )
    assert fault(folder) == "the signed request kept at position `2` was changed"


def test_request_filed_under_another_time_is_found(folder: Path) -> None:
    # It would not be recognised when it is replayed.
    damage(folder, "UPDATE requests SET at_ms = at_ms + 1 WHERE first = 1")
    assert fault(folder) == "the signed request kept at position `1` was changed"


def test_request_of_another_entry_is_found(folder: Path) -> None:
    damage(
        folder,
        "DELETE FROM requests WHERE first = 1",
        "UPDATE requests SET first = 1 WHERE first = 2",
    )
    assert fault(folder) == "the request kept at position `1` is not the one its entry names"


def test_request_that_no_entry_names_is_found(folder: Path) -> None:
    damage(folder, "INSERT INTO requests VALUES(10000, 1, 'sha256:00', x'00')")
    assert fault(folder) == "the request kept at position `10000` belongs to no entry"


# State and streams


def test_document_that_was_altered_is_found(folder: Path) -> None:
    digest = digest_of(b"a document")
    damage(folder, f"INSERT INTO documents VALUES('{digest}', CAST('a document' AS BLOB))")
    assert check(folder).documents == 1  # type: ignore[attr-defined]
    damage(folder, "UPDATE documents SET data = CAST('another' AS BLOB)")
    assert f"document `{digest}`" in fault(folder)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE notes SET text = 'other' WHERE position = 300", "row `300` of state table `notes`"),
        ("DELETE FROM notes WHERE position = 609", "row `609` of state table `notes`"),
        ("INSERT INTO notes VALUES(610, 'x', 'x')", "row `610` of state table `notes`"),
        ("UPDATE notebooks SET notes = notes + 1 WHERE last = 'signed 0'", "of state table `notebooks`"),
    ],
    ids=["changed", "deleted", "added", "other-table"],
)
def test_state_row_that_the_entries_do_not_say_is_found(folder: Path, sql: str, said: str) -> None:
    damage(folder, sql)
    assert said in fault(folder)


def test_missing_state_table_is_found(folder: Path) -> None:
    db = apsw.Connection(str(folder / "ledger.sqlite"))
    db.execute("DROP TABLE notes")
    db.close()
    ledger = Ledger(folder)
    ledger.db.execute("DROP TABLE IF EXISTS notes")
    files = ledger.files()
    ledger.close()
    with pytest.raises(StateDiffers):
        fsck(files, notes.build_registry)


def test_entry_that_the_tables_refuse_is_found(folder: Path) -> None:
    edit(folder, 605, lambda data: data.replace(b"note.added/1", b"note.broken/1"))
    assert fault(folder) == "entry `605` cannot be folded into the state tables"


def test_wrong_length_of_a_stream_is_found(folder: Path) -> None:
    damage(folder, "UPDATE streams SET length = length + 1 WHERE head = 2")
    assert fault(folder).endswith("is filed with a wrong length or end")


def test_missing_stream_is_found(folder: Path) -> None:
    damage(folder, "DELETE FROM streams WHERE head = 2")
    assert fault(folder) == "a stream is missing from the list of streams"


def test_stream_without_entries_is_found(folder: Path) -> None:
    damage(folder, "INSERT INTO streams VALUES('ghost/1', 1, 2)")
    assert fault(folder) == "stream `ghost/1` is filed with a wrong length or end"


# The file itself


def raw_places(folder: Path, needle: bytes) -> list[int]:
    """Where the bytes stand in the file; SQLite leaves dead copies when it moves rows between pages."""
    data = (folder / "ledger.sqlite").read_bytes()
    places, at = [], data.find(needle)
    while at >= 0:
        places.append(at)
        at = data.find(needle, at + 1)
    return places


def flip_raw(folder: Path, *places: int) -> None:
    path = folder / "ledger.sqlite"
    data = path.read_bytes()
    for at in places:
        data = flip(data, at)
    path.write_bytes(data)


def test_byte_flipped_in_the_file_where_an_entry_stands_is_found(folder: Path) -> None:
    flip_raw(folder, *(at + 10 for at in raw_places(folder, b'"text":"note 137"')))
    assert fault(folder).startswith("entry `140` was changed")  # three signed ones stand before it


def test_byte_flipped_in_the_file_where_a_state_row_stands_is_found(folder: Path) -> None:
    of_entries = {at + len('"text":"') for at in raw_places(folder, b'"text":"note 137"')}
    of_rows = set(raw_places(folder, b"note 137")) - of_entries
    flip_raw(folder, *(at + 2 for at in of_rows))
    assert fault(folder) == "row `140` of state table `notes` is not what the entries say"


def test_every_copy_of_a_requests_digest_is_guarded(folder: Path) -> None:
    ledger = Ledger(folder)
    (digest,) = ledger.db.execute("SELECT digest FROM requests WHERE first = 1").fetchone() or ("",)
    ledger.close()
    guarded = 0
    for at in raw_places(folder, digest.encode()):
        flip_raw(folder, at + 20)
        try:
            check(folder)
        except LedgerDamaged as error:
            assert "`1`" in error.message
            guarded += 1
        flip_raw(folder, at + 20)
    assert guarded == 3  # the entry, the request, and the index that finds replays


def test_page_overwritten_with_zeros_is_found(folder: Path) -> None:
    path = folder / "ledger.sqlite"
    data = bytearray(path.read_bytes())
    at = raw_places(folder, b'"text":"note 137"')[0] // 4096 * 4096
    data[at : at + 4096] = bytes(4096)
    path.write_bytes(bytes(data))
    assert fault(folder) == "the database file is damaged"


def test_damaged_header_is_refused(folder: Path) -> None:
    flip_raw(folder, 3)
    with pytest.raises(DatabaseRefused, match=r"`ledger\.sqlite` is not a readable database"):
        open_database(folder / "ledger.sqlite")


def test_missing_book_is_refused_without_a_trace(folder: Path) -> None:
    ledger = Ledger(folder)
    files = ledger.files()
    ledger.close()
    for file in folder.glob("published.sqlite*"):
        file.unlink()
    with pytest.raises(DatabaseRefused):
        fsck(files, notes.build_registry)
    assert not list(folder.glob(".fsck-*"))


# The second process


def dying_registry() -> Registry:
    os._exit(7)


def refusing_registry() -> Registry:
    raise notes.NoteRefused("no registry", hint="a hint", detail="a detail")


def test_replay_that_dies_is_told_and_does_not_hang(folder: Path) -> None:
    with pytest.raises(LedgerDamaged, match="the replay ended before its time"):
        check(folder, dying_registry)


def test_refusal_of_the_second_process_arrives_whole(folder: Path) -> None:
    with pytest.raises(notes.NoteRefused) as raised:
        check(folder, refusing_registry)
    assert (raised.value.message, raised.value.hint, raised.value.detail) == (
        "no registry",
        "a hint",
        "a detail",
    )
