"""The vault of one node: its store, its records, its keys, its tickets, and what they do together.

`Vault` is built once by the composition root. Commands reach it through `service`, transfers through
`routes`, and programs in the same process through `receive` and `send`.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import apsw

from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import ActorId, IdSource, ObjectId
from telesphor.kernel.sealing import RecipientKey
from telesphor.runtime.blobs import BlobMissing, Blobs
from telesphor.runtime.database import StorageFailed
from telesphor.runtime.tickets import Tickets
from telesphor.vault.access import ObjectAccess
from telesphor.vault.errors import ObjectErased, ObjectMissing, ObjectNotSealed
from telesphor.vault.holds import Holds
from telesphor.vault.keys import KeyRing, Recipients
from telesphor.vault.model import ObjectRow, ObjectState, ReadGrant, Stored, WriteGrant
from telesphor.vault.objects import ObjectReader, open_stream
from telesphor.vault.store import LedgerView, Records, find_object, readers_of
from telesphor.vault.uploads import Uploads

DELETE_ATTEMPTS_MAX = 16
"""An erasure, a sweep and a broken upload may meet at one object; each of them finishes what is left."""


class Vault:
    """The vault of one node. Safe between threads; everything blocks.

    Args:
        blobs: where the parts are kept.
        records_path: `vault.sqlite`; made where it is missing.
        ledger_path: `ledger.sqlite`, which exists, with the state tables in it.
        node_id: the node's own actor id.
        node_key: opens the node's wraps.
        recipients: knows the actors' sealing keys.
        access: decides who may do what.
        holds: knows what must be kept.
    """

    def __init__(
        self,
        *,
        blobs: Blobs,
        records_path: Path,
        ledger_path: Path,
        node_id: ActorId,
        node_key: RecipientKey,
        recipients: Recipients,
        clock: Clock,
        ids: IdSource,
        access: ObjectAccess,
        holds: Holds,
        tickets: Tickets | None = None,
    ) -> None:
        self.blobs = blobs
        self.clock = clock
        self.recipients = recipients
        self.access = access
        self.holds = holds
        self.tickets = tickets or Tickets(clock=clock, random=ids.random_bytes)
        self.records = Records(records_path)
        self.ledger = LedgerView(ledger_path)
        self.keys = KeyRing(
            records=self.records,
            ledger=self.ledger,
            recipients=recipients,
            node_id=node_id,
            node_key=node_key,
            ids=ids,
            clock=clock,
        )
        self.uploads = Uploads(
            blobs=blobs, records=self.records, ledger=self.ledger, keys=self.keys, clock=clock, ids=ids
        )

    def close(self) -> None:
        """Close the connections."""
        self.records.close()
        self.ledger.close()

    def settle(self, object_id: ObjectId) -> ObjectRow:
        """Make an object's keys and bytes what the ledger says: wrapped for its readers, or destroyed.

        Raises:
            ObjectMissing: the ledger says nothing of it.
        """
        row = self.keys.settle(object_id)
        if row is None:
            raise ObjectMissing(f"there is no object `{object_id}`")
        if row.state is ObjectState.ERASED:
            self.delete_parts(object_id)
        return row

    def delete_parts(self, object_id: ObjectId) -> None:
        """Delete all bytes of an object from the store."""
        for _ in range(DELETE_ATTEMPTS_MAX):
            try:
                for path in list(self.blobs.list(f"objects/{object_id}")):
                    self.blobs.delete(path)
                self.blobs.drop_unfinished(f"objects/{object_id}")
            except BlobMissing:  # Somebody else deletes the same parts: it went away while it was listed.
                continue
            return
        raise StorageFailed(
            f"parts of object `{object_id}` are still being deleted", hint="the next sweep finishes it"
        )

    def readable(self, grant: ReadGrant) -> ObjectRow:
        """What the ledger says of the object, if the grant's actor may still read it.

        Raises:
            ObjectErased, ObjectMissing: it changed since the ticket was issued.
            TelesphorError: what allowed the read does so no longer, or its actor acts no more.
        """
        with self.ledger.reading() as db:
            row = self._find_sealed(db, grant)
            readers = readers_of(db, grant.object)
            self.access.check_reading(
                grant.actor,
                row,
                readers,
                db,
                purpose=grant.purpose,
                visit=grant.visit,
                location=grant.location,
            )
        return row

    def check_there(self, grant: ReadGrant) -> None:
        """Look whether the object and the grant's actor are there still, and nothing else; raises as `readable`.

        For a ticket that is being made: the decision stands just before it on the ledger, and whoever redeems the
        ticket is looked at again before a byte leaves.
        """
        with self.ledger.reading() as db:
            self._find_sealed(db, grant)

    def _find_sealed(self, db: apsw.Connection, grant: ReadGrant) -> ObjectRow:
        self.recipients.kem_of(db, grant.actor.id)
        row = find_object(db, grant.object)
        if row is None:
            raise ObjectMissing(f"there is no object `{grant.object}`")
        check_sealed(row)
        return row

    def check_writer(self, grant: WriteGrant) -> None:
        """Raise unless the actor of an upload's ticket still acts: it may have retired, or reported its keys lost."""
        with self.ledger.reading() as db:
            self.recipients.kem_of(db, grant.actor)

    def open_object(self, grant: ReadGrant) -> ObjectReader:
        """A reader of the object that the grant allows; raises as `open_row`."""
        return self.open_row(self.readable(grant))

    def open_row(self, row: ObjectRow) -> ObjectReader:
        """A reader of an object that was found `readable` just now.

        Raises:
            ObjectDamaged: the key, the header or the last part is not what was sealed.
        """
        assert row.size is not None
        key = self.keys.data_key(row.object)
        return ObjectReader(self.blobs, object_id=row.object, size=row.size, key=key)

    def receive(self, ticket: str, source: BinaryIO) -> Stored:
        """Upload all of `source` from within this process; constant memory.

        Raises:
            TicketRefused: the ticket is for nothing that can be written.
        """
        grant = self.tickets.redeem(ticket, WriteGrant)
        self.check_writer(grant)
        with self.uploads.open(grant.object) as upload:
            source.seek(upload.offset) if upload.offset else None
            return upload.add_all(source)

    def send(self, ticket: str, target: BinaryIO) -> int:
        """Write all of the object to `target`, within this process; returns its size. Constant memory."""
        return open_stream(self.open_object(self.tickets.redeem(ticket, ReadGrant)), target)


def check_sealed(row: ObjectRow) -> None:
    """Raise `ObjectErased` or `ObjectNotSealed` unless the object can be read."""
    if row.state is ObjectState.ERASED:
        raise ObjectErased(f"object `{row.object}` is erased", hint="the entry that erased it says why")
    if row.state is ObjectState.BEGUN:
        raise ObjectNotSealed(f"object `{row.object}` is still being written")
