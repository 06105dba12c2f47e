"""The tables are those of the specification."""

from __future__ import annotations

import re
from pathlib import Path

from telesphor.ledger.store import LEDGER_SCHEMA, PUBLISHED_SCHEMA

SPECIFICATION = Path(__file__).parents[3] / "docs" / "spec" / "ledger-folder.md"


def test_specification_shows_the_tables_as_they_are() -> None:
    shown = re.findall(r"```sql\n(.*?)```", SPECIFICATION.read_text(encoding="utf-8"), re.DOTALL)
    assert [block.strip() for block in shown] == [LEDGER_SCHEMA.strip(), PUBLISHED_SCHEMA.strip()]
