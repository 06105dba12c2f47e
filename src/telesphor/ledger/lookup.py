"""One committed entry by its stream and number, as a decision finds it: through the state's own connection.

Start at `find_entry`.
"""

from __future__ import annotations

import apsw

from telesphor.kernel.entry import Entry, parse_entry
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.ledger import store

BACK_ENTRIES_MAX = 4_096
"""How far from a stream's end an entry is looked for inside the writer: some milliseconds at most."""


class EntryTooFarBack(TelesphorError):
    """So many entries of its stream came after it that it is not looked for."""

    code = "entry-too-far-back"
    kind = Kind.TOO_LARGE


def find_entry(db: apsw.Connection, stream: str, n: int) -> Entry | None:
    """Return number `n` of a stream; None where there is none, or none that is committed yet.

    Raises:
        EntryTooFarBack: more than `BACK_ENTRIES_MAX` entries of the stream came after it.
    """
    length, position = store.stream_head(db, stream) or (0, store.NO_PREVIOUS)
    if n >= length:
        return None
    if length - n > BACK_ENTRIES_MAX:
        raise EntryTooFarBack(f"number `{n}` of `{stream}` is too far back")
    data = b""
    for _ in range(length - n):
        row = store.entry_row(db, position)
        assert row is not None, "a stream's numbers have no gap"
        _, position, data = row
    return parse_entry(data)
