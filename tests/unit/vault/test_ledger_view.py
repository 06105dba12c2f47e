"""The committed tables as readers see them: one thread at a time, and a reading within a reading."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

from telesphor.runtime.database import open_database
from telesphor.vault.store import LedgerView

WAIT_SECONDS = 60.0


def test_thread_that_reads_may_read_within_it_and_sees_one_moment(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "ledger.sqlite")) as writer:
        writer.execute("CREATE TABLE t(x)")
        view = LedgerView(tmp_path / "ledger.sqlite")
        seen: list[int] = []

        def read() -> None:
            with view.reading() as outer:
                seen.append(len(outer.execute("SELECT x FROM t").fetchall()))
                writer.execute("INSERT INTO t VALUES(1)")
                with view.reading() as inner:
                    seen.append(len(inner.execute("SELECT x FROM t").fetchall()))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        thread.join(WAIT_SECONDS)
        assert seen == [0, 0]
        with view.reading() as later:
            assert len(later.execute("SELECT x FROM t").fetchall()) == 1
        view.close()
