"""The tables are those of the specification, and what is asked of them often is found by an index."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import apsw

from telesphor.ledger import store
from telesphor.ledger.store import LEDGER_SCHEMA, PUBLISHED_SCHEMA

SPECIFICATION = Path(__file__).parents[3] / "docs" / "spec" / "ledger-folder.md"


def test_specification_shows_the_tables_as_they_are() -> None:
    shown = re.findall(r"```sql\n(.*?)```", SPECIFICATION.read_text(encoding="utf-8"), re.DOTALL)
    assert [block.strip() for block in shown] == [LEDGER_SCHEMA.strip(), PUBLISHED_SCHEMA.strip()]


def test_batch_is_looked_up_by_index_however_long_the_ledger_is() -> None:
    db = apsw.Connection(":memory:")
    store.create_ledger_tables(db)
    asked: list[tuple[str, Any]] = []

    def keep(_cursor: apsw.Cursor, sql: str, bindings: Any) -> bool:
        asked.append((sql, bindings))
        return True

    db.exec_trace = keep
    assert store.find_requests(db, [(n, f"sha256:{n}") for n in range(11)]) == {}
    assert store.stream_heads(db, [f"visit/{n}" for n in range(11)]) == {}
    db.exec_trace = None
    plans = [row[-1] for sql, bindings in asked for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)]
    assert not [plan for plan in plans if plan.startswith(("SCAN requests", "SCAN streams"))]
    assert len([plan for plan in plans if plan.startswith("SEARCH")]) == len(asked) == 6
