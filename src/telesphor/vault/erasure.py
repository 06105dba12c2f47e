"""What must be gone is gone: erasures and re-wraps finished after a crash, abandoned uploads deleted.

A command's entry comes first and the deletion right after it. Whatever stopped the deletion (a crash, a
full disk), `finish_erasures` makes up for it: it walks the objects whose key holders changed behind the
position that the records have reached, and settles each. Run it at start and now and then; all of it
is harmless when repeated.

Start at `sweep`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from telesphor.kernel.clock import format_instant
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.database import StorageFailed, StorageFull
from telesphor.runtime.telemetry import log
from telesphor.vault.errors import ErasedBytesRemain
from telesphor.vault.model import UPLOAD_GRACE_SECONDS, UPLOAD_LIFETIME_SECONDS, ObjectRow, ObjectState
from telesphor.vault.objects import check_object
from telesphor.vault.store import all_objects, objects_begun_before, objects_changed
from telesphor.vault.vault import Vault

PAGE_OBJECTS = 256
"""Objects taken from the ledger at once."""


def sweep(vault: Vault) -> None:
    """Finish what a crash left and delete abandoned uploads: at start, and every hour."""
    settled = finish_erasures(vault)
    deleted = delete_abandoned(vault)
    log.info("vault swept", count=settled + deleted)


def finish_erasures(vault: Vault) -> int:
    """Settle every object that changed since the last time; returns how many.

    Raises:
        StorageFull, StorageFailed: the store did not answer; the next call goes on from there.
    """
    count = 0
    while page := _changed(vault, vault.records.settled()):
        for row in page:
            _settle(vault, row)
        vault.records.settle_to(page[-1].changed)
        count += len(page)
    vault.records.scrub()
    return count


def delete_abandoned(vault: Vault) -> int:
    """Delete keys and parts of uploads that were begun and never sealed; returns how many.

    No command can seal them any more; the grace is for one that was decided in the last second.
    """
    age_ms = (UPLOAD_LIFETIME_SECONDS + UPLOAD_GRACE_SECONDS) * 1000
    before = format_instant(max(vault.clock.now_ms() - age_ms, 0))
    count = 0
    for row in _abandoned(vault, before):
        if vault.records.upload(row.object) is None:
            continue
        # The bytes first: the record is what a later sweep finds them by.
        vault.delete_parts(row.object)
        vault.keys.destroy_abandoned(row)
        vault.delete_parts(row.object)
        count += 1
    return count


def check_objects(
    vault: Vault, progress: Callable[[ObjectRow], None] | None = None
) -> Iterator[TelesphorError]:
    """Compare every sealed object's bytes with the ledger, and see that erased ones left nothing.

    Yields what is wrong, one error per object; each names its object, and the part where it can.
    """
    after = ""
    while page := _page(vault, after):
        for row in page:
            try:
                _check(vault, row)
            except TelesphorError as error:
                yield error
            if progress is not None:
                progress(row)
        after = page[-1].object


def _check(vault: Vault, row: ObjectRow) -> None:
    if row.state is ObjectState.SEALED:
        check_object(vault.blobs, row, vault.records.leaves(row.object))
        vault.keys.data_key(row.object)
    elif row.state is ObjectState.ERASED and (
        vault.records.wraps(row.object) or any(vault.blobs.list(f"objects/{row.object}"))
    ):
        raise ErasedBytesRemain(
            f"object `{row.object}` is erased, but keys or parts of it remain",
            hint="start the node: it sweeps them",
        )


def _settle(vault: Vault, row: ObjectRow) -> None:
    try:
        vault.settle(row.object)
    except (StorageFull, StorageFailed):
        raise
    except TelesphorError as error:  # one damaged record must not keep other objects' keys alive
        log.error("object not settled", code=error.code)


def _changed(vault: Vault, after: int) -> list[ObjectRow]:
    with vault.ledger.reading() as db:
        return objects_changed(db, after=after, count_max=PAGE_OBJECTS)


def _page(vault: Vault, after: str) -> list[ObjectRow]:
    with vault.ledger.reading() as db:
        return all_objects(db, after=after, count_max=PAGE_OBJECTS)


def _abandoned(vault: Vault, before: str) -> Iterator[ObjectRow]:
    after = ""
    while True:
        with vault.ledger.reading() as db:
            page = objects_begun_before(db, before, after=after, count_max=PAGE_OBJECTS)
        if not page:
            return
        yield from page
        after = page[-1].object
