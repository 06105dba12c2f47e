"""The shelf of envelopes: what comes in waits for the command that names it, and is kept or swept away.

An envelope comes before its command, so that no entry ever names bytes that the node does not have. It may be named
for `NAMED_WITHIN_MS`; what nobody named is swept `SWEPT_AFTER_MS` after it came. The time between the two is more than
a command takes from its decision to the disk, so that nothing that was just named is swept.

What is kept goes only when the ledger says so (`destroy`): by retention, never by a recall. Start at `Shelf`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import apsw

from telesphor.capabilities.messages.envelopes.checking import see_header
from telesphor.capabilities.messages.envelopes.store import Envelopes, WaitingRow
from telesphor.capabilities.messages.queries import store as queries
from telesphor.capabilities.messages.refusals import (
    EnvelopeGone,
    EnvelopeMismatch,
    EnvelopeMissing,
    EnvelopesFull,
)
from telesphor.kernel.clock import Clock
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.sealing import ENVELOPE_BYTES_MAX

ENVELOPES_FILE: Final = "messages.sqlite"
"""In the node's folder."""

NAMED_WITHIN_MS: Final = 30 * 60 * 1000
SWEPT_AFTER_MS: Final = 40 * 60 * 1000

WAITING_OF_ONE_MAX: Final = 32
"""Of one sender: more than anybody has under way, and at most 96 MiB."""

WAITING_MAX: Final = 10_000
"""That are looked up at the start: what hundreds of senders had under way."""

SWEEP_AT_ONCE: Final = 256

_HEX: Final = re.compile(r"[0-9a-f]{64}")


class Shelf:
    """The envelopes of one node. Safe between threads; everything blocks.

    Args:
        path: `messages.sqlite`; made where it is missing.
        open_db: opens a read-only connection to the ledger's tables.
    """

    def __init__(self, path: Path, *, open_db: Callable[[], apsw.Connection], clock: Clock) -> None:
        self._kept = Envelopes(path)
        self._open_db = open_db
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self._kept.close()

    def take(self, thread: str, sender: str, name: str, data: bytes) -> None:
        """Keep an envelope until a command names it.

        Args:
            name: its digest in hexadecimal, as the sender says it.

        Raises:
            EnvelopeMismatch: it is not the digest of these bytes.
            EnvelopeRefused: the bytes are no envelope of a message.
            EnvelopesFull: as many of the sender's wait as may.
            StorageFull, StorageFailed: it is not kept.
        """
        digest = digest_of(data)
        if _HEX.fullmatch(name) is None or digest != f"sha256:{name}":
            raise EnvelopeMismatch("the address is not the digest of these bytes")
        known = self._kept.find(thread, digest)
        if known is None and self._kept.count_waiting(sender) >= WAITING_OF_ONE_MAX:
            raise EnvelopesFull(
                f"`{WAITING_OF_ONE_MAX}` envelopes of yours wait for their commands",
                hint="send the commands that name them first",
            )
        row = WaitingRow(sender, self._clock.now_ms(), len(data), see_header(data))
        self._kept.add(thread, digest, row, data)

    def find_waiting(self, thread: str, sender: str, digest: Digest, *, now_ms: int) -> WaitingRow:
        """What a sender's command names; for the writer.

        Raises:
            EnvelopeMissing: it never came, came from somebody else, or too long ago.
        """
        row = self._kept.find(thread, digest)
        if row is None or row.sender != sender or row.received_ms + NAMED_WITHIN_MS <= now_ms:
            raise EnvelopeMissing(
                "the envelope is not here", hint="send it with a ticket of `thread.enter/1` first"
            )
        return row

    def keep(self, thread: str, digest: Digest) -> None:
        """An entry names it by now."""
        self._kept.keep(thread, digest)

    def read(self, thread: str, digest: Digest) -> bytes:
        """The bytes of a kept envelope; raises `EnvelopeGone`."""
        data = self._kept.data(thread, digest)
        if data is None:
            raise EnvelopeGone("the envelope is not kept any more")
        assert len(data) <= ENVELOPE_BYTES_MAX
        return data

    def destroy(self, thread: str, digests: list[Digest]) -> None:
        """Delete envelopes for good, from the file and its log."""
        if self._kept.delete((thread, digest) for digest in digests):
            self._kept.scrub()

    def sweep(self) -> int:
        """Delete what no command named, and note what one did just before a crash; returns how many were deleted."""
        due = self._kept.waiting_since(self._clock.now_ms() - SWEPT_AFTER_MS, count_max=SWEEP_AT_ONCE)
        named = self._keep_named(due)
        return self._kept.delete(pair for pair in due if pair not in named)

    def settle(self) -> int:
        """Delete what the ledger says is expired, should a crash have come in between; returns how many.

        What it says is named waits no more, so that nobody's place is taken by what a crash kept from being noted.
        """
        self._keep_named(self._kept.waiting_since(self._clock.now_ms() + 1, count_max=WAITING_MAX))
        deleted, after = 0, ("", "")
        while page := self._kept.page(after, count_max=SWEEP_AT_ONCE):
            with closing(self._open_db()) as db:
                due = [one for one in page if _is_expired(db, *one)]
            deleted += self._kept.delete(due)
            after = page[-1]
        if deleted:
            self._kept.scrub()
        return deleted

    def _keep_named(self, waiting: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Note which of these an entry names; returns them."""
        if not waiting:
            return set()
        with closing(self._open_db()) as db:
            named = {one for one in waiting if queries.envelope_owner(db, thread=one[0], envelope=one[1])}
        for thread, digest in named:
            self._kept.keep(thread, digest)
        self._kept.note_named()
        return named


def _is_expired(db: apsw.Connection, thread: str, digest: str) -> bool:
    owner = queries.envelope_owner(db, thread=thread, envelope=digest)
    return owner is not None and owner.ended == "expired"
