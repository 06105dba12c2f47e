"""All SQL of uses: what clients said they did, by the decision that allowed it."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from telesphor.capabilities.access.uses.entries import USE_NOTED
from telesphor.runtime.capability import Recorded, Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS access_uses(
    decision TEXT PRIMARY KEY,
    done TEXT NOT NULL,
    recipient TEXT NOT NULL
) WITHOUT ROWID;
"""

TABLES = ("access_uses",)


def uses_of(db: apsw.Connection, decisions: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return what was done under each of these decisions, and who has it then; at most a page of them."""
    marks = ", ".join("?" * len(decisions))
    sql = f"SELECT decision, done, recipient FROM access_uses WHERE decision IN ({marks})"  # noqa: S608
    return {decision: (done, recipient) for decision, done, recipient in db.execute(sql, tuple(decisions))}


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry of uses; that the log was read changes nothing."""
    if entry.type == USE_NOTED.name:
        row = (entry.body.decision, str(entry.body.done), str(entry.body.recipient or ""))
        db.execute("INSERT INTO access_uses VALUES(?, ?, ?)", row)


STORE = Store(SCHEMA, TABLES, apply)
