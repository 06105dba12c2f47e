"""What the monitor flagged or held back, for whoever watches over the log. Start at `list_flagged`."""

from __future__ import annotations

from typing import NamedTuple

import apsw

from telesphor.capabilities.messages.queries import store


class Flagged(NamedTuple):
    """One version of a message: what the monitor said of it, and what became of it.

    Attributes:
        position: where it was sent; the newest is the highest.
        codes: of the monitor's rules; never what was written.
    """

    position: int
    thread: str
    message: str
    version: int
    at: str
    sender: str
    verdict: str
    codes: tuple[str, ...]
    state: str


def list_flagged(db: apsw.Connection, *, before: int, count_max: int) -> list[Flagged]:
    """Return versions that were flagged or held and were sent before a position, the newest first."""
    return [
        Flagged(
            position=position,
            thread=message.thread,
            message=message.message,
            version=version.version,
            at=version.at,
            sender=message.sender,
            verdict=version.verdict,
            codes=version.codes,
            state=message.ended or version.state,
        )
        for position, message, version in store.findings(db, before=before, count_max=count_max)
    ]
