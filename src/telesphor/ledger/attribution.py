"""Who asked for every entry of a ledger: each signed request verified as a bundle's verifier does it.

The same code as step 12 of `telesphor.verify`, fed from the database instead of a bundle. It costs two
signature verifications per request, about 0.4 ms, and so is asked for by name: `telesphor fsck --requests`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import apsw

from telesphor.kernel.digest import Digest
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.merkle import leaf_hash
from telesphor.ledger import store
from telesphor.ledger.fsck import LedgerDamaged, LedgerFiles
from telesphor.runtime.database import open_reader
from telesphor.verify.attribute_entries import Attribution, runs_of
from telesphor.verify.ledger import Ledger, Placed
from telesphor.verify.trust_genesis import read_genesis


def check_attribution(files: LedgerFiles, *, progress: Callable[[int, int], None] = lambda *_: None) -> int:
    """Verify every signed request of a ledger; returns how many there are.

    Raises:
        LedgerDamaged: there is no first entry, or a request is not kept.
        TelesphorError: what `verify.attribute_entries` refuses, naming the position.
    """
    with closing(open_reader(files.ledger)) as db:
        size = store.count_positions(db)
        entries = _entries(db, size)
        first = next(entries, None)
        if first is None:
            raise LedgerDamaged("the ledger has no first entry")
        founded = Ledger(files.origin, size, (first,))
        genesis = read_genesis(founded, log_vkeys=files.vkeys, evidence=_evidence(db, first))
        attribution = Attribution(genesis, files.origin)
        for run in runs_of(entries):
            attribution.take(run, _evidence(db, run[0]))
            progress(run[-1].position + 1, size)
        return len(attribution.seen)


def _entries(db: apsw.Connection, size: int) -> Iterator[Placed]:
    for position, _, data in store.entry_rows(db, first=0, end=size):
        yield Placed(position, parse_entry(data), leaf_hash(data))


def _evidence(db: apsw.Connection, placed: Placed) -> dict[Digest, bytes]:
    """The signed request that an entry names, if it names one."""
    digest = placed.entry.evidence
    if digest is None:
        return {}
    row = store.request_of(db, placed.position)
    if row is None or row[2] != digest:
        raise LedgerDamaged(f"the request behind entry `{placed.position}` is not kept")
    return {digest: row[3]}
