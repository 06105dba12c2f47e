"""The book of anchors: every checkpoint that is being dated or was, by which network, at what cost.

Each step is durable when its function returns. INVARIANT: a network has at most one unfinished anchor, and an
anchor that is finished never changes again. Start at `AnchorBook.begin`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path

import apsw

from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.ledger.anchors import store
from telesphor.ledger.anchors.model import FILES_BYTES_MAX, STATE_BYTES_MAX, Cost, Phase, Progress
from telesphor.runtime.database import open_database, storage_errors, transaction

CACHE_KIB = 1024
LISTED_MAX = 1000
"""Anchors in one listing: weeks of hourly ones on several networks."""
CANDIDATES_MAX = 64
"""Dated checkpoints looked at for one entry; the first that all networks date is nearly always the first."""
SAYS_CHARS_MAX = 500

_PER_ENTRY = Context(prec=3, rounding=ROUND_HALF_EVEN)


class AnchorUnfinished(TelesphorError):
    """The network has an unfinished anchor already, or this checkpoint was anchored there before."""

    code = "anchor-unfinished"
    kind = Kind.CONFLICT


class AnchorMissing(TelesphorError):
    """There is no unfinished anchor of that checkpoint and network."""

    code = "anchor-missing"
    kind = Kind.NOT_FOUND


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """One row of the book.

    Attributes:
        size: leaves of the anchored checkpoint.
        digest: SHA-256 of the text of its note, 32 bytes.
        entries_covered: entries that no earlier anchor of the network had dated.
        done_at_ms: when it was final or failed, else None.
    """

    size: int
    network: str
    digest: bytes
    phase: Phase
    state: bytes
    says: str
    cost: Cost | None
    entries_covered: int
    begun_at_ms: int
    done_at_ms: int | None

    @property
    def cost_per_entry(self) -> str | None:
        """The cost divided by the entries covered, three digits, as plain decimal text with its currency."""
        if self.cost is None:
            return None
        share = _PER_ENTRY.divide(Decimal(self.cost.amount), Decimal(max(self.entries_covered, 1)))
        return f"{share:f} {self.cost.currency}"


class AnchorBook:
    """All anchors of this ledger. Safe between threads."""

    def __init__(self, path: Path) -> None:
        self._db = open_database(path, cache_kib=CACHE_KIB)
        self._lock = threading.Lock()
        store.create_tables(self._db)

    def begin(self, *, size: int, network: str, digest: bytes, state: bytes, now_ms: int) -> None:
        """Keep the intention; durable on return, before anything is sent.

        Raises:
            AnchorUnfinished: the network has one that is not finished, or had this checkpoint before.
        """
        _check_state(state)
        with self._lock, storage_errors():
            try:
                with transaction(self._db):
                    covered = max(size - store.last_dated_size(self._db, network), 0)
                    row = (
                        size,
                        network,
                        digest,
                        "waiting",
                        state,
                        "nothing is sent yet",
                        *_NO_COST,
                        covered,
                        now_ms,
                    )
                    store.insert_anchor(self._db, (*row, None))
            except apsw.ConstraintError as error:
                raise AnchorUnfinished(f"`{network}` has an anchor that is not finished") from error

    def record(self, *, size: int, network: str, progress: Progress, now_ms: int) -> None:
        """Keep how far it has come; durable on return. Files replace those of before when there are any.

        Raises:
            AnchorMissing: that checkpoint has no unfinished anchor there.
        """
        _check_state(progress.state)
        files = progress.files or {}
        if sum(map(len, files.values())) > FILES_BYTES_MAX:
            raise LimitExceeded(f"the files of an anchor have at most {FILES_BYTES_MAX} bytes")
        with self._lock, storage_errors(), transaction(self._db):
            found = store.unfinished_anchor(self._db, network)
            if found is None or found[0] != size:
                raise AnchorMissing(f"checkpoint `{size}` has no unfinished anchor on `{network}`")
            store.update_anchor(
                self._db,
                size=size,
                network=network,
                phase=progress.phase,
                state=progress.state,
                says=progress.says[:SAYS_CHARS_MAX],
                cost=_cost_columns(progress.cost),
                done_at_ms=now_ms if progress.phase in ("final", "failed") else None,
            )
            if progress.files is not None:
                store.put_files(self._db, size=size, network=network, files=files)
            elif progress.phase == "waiting" and found[3] == "confirmed":
                # A reorganisation undid the block: its proof is worth nothing any more.
                store.put_files(self._db, size=size, network=network, files={})

    def say(self, *, size: int, network: str, says: str) -> None:
        """Set the sentence for people, and nothing else."""
        with self._lock, storage_errors():
            store.put_says(self._db, size=size, network=network, says=says[:SAYS_CHARS_MAX])

    def unfinished(self, network: str) -> Anchor | None:
        """The one anchor of a network that is still to be looked after."""
        with self._lock:
            return _anchor(store.unfinished_anchor(self._db, network))

    def last(self, network: str) -> Anchor | None:
        """The anchor of the largest checkpoint of a network, finished or not."""
        with self._lock:
            return _anchor(store.last_anchor(self._db, network))

    def of_size(self, size: int) -> list[Anchor]:
        """All anchors of one checkpoint, by network."""
        with self._lock:
            return [_made(row) for row in store.anchors_of_size(self._db, size)]

    def newest(self, limit: int = 100) -> list[Anchor]:
        """The newest anchors, the newest first; at most `LISTED_MAX`."""
        with self._lock:
            return [_made(row) for row in store.newest_anchors(self._db, min(limit, LISTED_MAX))]

    def proofs(self, size: int) -> dict[str, bytes]:
        """The proofs of one checkpoint that a verifier can judge, by `<network><suffix>`.

        A timestamp without headers is a promise, or needs headers from elsewhere: it is left out.
        """
        found: dict[str, bytes] = {}
        with self._lock:
            for row in store.anchors_of_size(self._db, size):
                files = dict(store.files_of(self._db, size=size, network=row[1]))
                if ".headers" in files or ".json" in files:
                    found |= {f"{row[1]}{suffix}": data for suffix, data in files.items()}
        return found

    def files(self, *, size: int, network: str) -> dict[str, bytes]:
        """All files of one anchor by suffix, a pending timestamp too."""
        with self._lock:
            return dict(store.files_of(self._db, size=size, network=network))

    def dated_size(self, position: int, *, networks_min: int = 1) -> int | None:
        """The smallest checkpoint that holds `position` and that so many networks date; None when there is none."""
        found = self.dated_sizes(position)
        return next((size for size, networks in found if networks >= networks_min), None)

    def dated_sizes(self, position: int) -> list[tuple[int, int]]:
        """Dated checkpoints that hold `position`, the smallest first, each with how many networks date it."""
        with self._lock:
            return store.sizes_dated_after(self._db, position, CANDIDATES_MAX)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()


_NO_COST = (None, None, None)


def _cost_columns(cost: Cost | None) -> tuple[str | None, str | None, int | None]:
    return _NO_COST if cost is None else (cost.amount, cost.currency, cost.gas)


def _check_state(state: bytes) -> None:
    if len(state) > STATE_BYTES_MAX:
        raise LimitExceeded(f"the state of an anchor has at most {STATE_BYTES_MAX} bytes")


def _anchor(row: store.AnchorRow | None) -> Anchor | None:
    return None if row is None else _made(row)


def _made(row: store.AnchorRow) -> Anchor:
    size, network, digest, phase, state, says, amount, currency, gas, covered, begun_at_ms, done_at_ms = row
    return Anchor(
        size=size,
        network=network,
        digest=digest,
        phase=phase,  # type: ignore[arg-type]  # only `Progress.phase` and `begin` write it
        state=state,
        says=says,
        cost=None if amount is None or currency is None else Cost(amount, currency, gas),
        entries_covered=covered,
        begun_at_ms=begun_at_ms,
        done_at_ms=done_at_ms,
    )
