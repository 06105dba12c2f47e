"""Opening SQLite: durable by default, and a clear refusal for everything that is in the way."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import apsw
import pytest

from telesphor.runtime.database import (
    DatabaseRefused,
    StorageFailed,
    StorageFull,
    open_database,
    open_reader,
    storage_errors,
    transaction,
)

NOBODY = 65_534


def test_database_syncs_every_commit(tmp_path: Path) -> None:
    db = open_database(tmp_path / "a.sqlite")
    assert db.pragma("journal_mode") == "wal"
    assert db.pragma("synchronous") == 2  # FULL
    assert db.pragma("foreign_keys") == 1


def test_reader_sees_what_is_committed_and_cannot_write(tmp_path: Path) -> None:
    db = open_database(tmp_path / "a.sqlite")
    db.execute("CREATE TABLE t(x)")
    reader = open_reader(tmp_path / "a.sqlite")
    db.execute("BEGIN; INSERT INTO t VALUES(1)")
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (0,)
    db.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("INSERT INTO t VALUES(2)")


def test_transaction_that_reads_first_waits_for_others_that_write(tmp_path: Path) -> None:
    mine, other = open_database(tmp_path / "a.sqlite"), open_database(tmp_path / "a.sqlite")
    mine.execute("CREATE TABLE t(x)")

    def write_slowly() -> None:
        with transaction(other):
            other.execute("INSERT INTO t VALUES(1)")
            begun.set()
            time.sleep(0.2)

    begun = threading.Event()
    thread = threading.Thread(target=write_slowly)
    thread.start()
    begun.wait()
    with transaction(mine):  # it lets the other thread run, or the two would wait for each other
        seen = mine.execute("SELECT x FROM t").fetchall()
        mine.execute("INSERT INTO t VALUES(?)", (len(seen) + 1,))
    thread.join()
    assert mine.execute("SELECT x FROM t ORDER BY x").fetchall() == [(1,), (2,)]


def test_transaction_that_fails_leaves_nothing_and_the_next_one_begins(tmp_path: Path) -> None:
    db = open_database(tmp_path / "a.sqlite")
    db.execute("CREATE TABLE t(x UNIQUE)")
    with pytest.raises(apsw.ConstraintError), transaction(db):
        db.execute("INSERT INTO t VALUES(1)")
        db.execute("INSERT INTO t VALUES(1)")
    with transaction(db):
        db.execute("INSERT INTO t VALUES(2)")
    assert db.execute("SELECT x FROM t").fetchall() == [(2,)]


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused, match=r"`a\.sqlite` cannot be opened") as raised:
        open_database(tmp_path / "nowhere" / "a.sqlite")
    assert raised.value.code == "database-refused"
    assert str(tmp_path) not in raised.value.message


def test_missing_file_is_refused_to_readers(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused):
        open_reader(tmp_path / "a.sqlite")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("open_it", [open_database, open_reader])
def test_file_that_is_no_database_is_refused(tmp_path: Path, open_it: object) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"this is not a database, although it is long enough" * 100)
    with pytest.raises(DatabaseRefused, match="is not a readable database"):
        open_it(tmp_path / "a.sqlite")  # type: ignore[operator]


def test_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused):
        open_database(tmp_path)


TRY_TO_OPEN = """
import os, sys
from telesphor.runtime.database import DatabaseRefused, open_database
if os.getuid() == 0:
    os.setgid({nobody}); os.setuid({nobody})
try:
    open_database(sys.argv[1])
except DatabaseRefused as error:
    print(error.code, "|", error.message, "|", error.hint)
"""


def refusal_as_nobody(path: Path) -> str:
    """What another user of the machine is told; the superuser may write anywhere."""
    script = TRY_TO_OPEN.format(nobody=NOBODY)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("existing", [False, True], ids=["new-file", "file-in-use-before"])
def test_read_only_folder_gives_database_refused(existing: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        path = Path(folder) / "a.sqlite"
        if existing:
            db = open_database(path)
            db.execute("CREATE TABLE t(x)")
            db.close()
            path.chmod(0o444)
        Path(folder).chmod(0o555)
        try:
            said = refusal_as_nobody(path)
        finally:
            Path(folder).chmod(0o755)
    assert said.startswith("database-refused | `a.sqlite`")
    assert "writable" in said or "permissions" in said
    assert ("is read-only" in said) is existing


@pytest.mark.parametrize(
    ("error", "becomes", "code"),
    [
        (apsw.FullError("disk I/O"), StorageFull, "storage-full"),
        (apsw.IOError("disk I/O"), StorageFailed, "storage-failed"),
        (apsw.ReadOnlyError("read-only"), StorageFailed, "storage-failed"),
        (apsw.CorruptError("malformed"), StorageFailed, "storage-failed"),
        (apsw.BusyError("locked"), StorageFailed, "storage-failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_of_the_disk_get_codes_of_their_own(error: Exception, becomes: type, code: str) -> None:
    with pytest.raises(becomes) as raised, storage_errors():
        raise error
    assert raised.value.code == code  # type: ignore[attr-defined]


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(apsw.ConstraintError), storage_errors():
        raise apsw.ConstraintError("unique")
