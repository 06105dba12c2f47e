"""What may be asked of the vault, and who may: one function per command.

Each takes the actor first, authorises, decides, and returns the entry to write; what has to happen once
the entry is durable (making wraps, issuing a ticket, destroying keys) is the decision's `after`.

Who may create, read, re-wrap and erase is asked of access, which leaves an entry whatever it answers; going on
with an upload and sealing it is the business of whoever began it.

Start at `write_object`.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from telesphor.kernel import base64url
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import ActorId, ObjectId, VisitId, parse_id
from telesphor.runtime.capability import Actor, Body, Decision, Draft, EntryType, Receipt, State
from telesphor.vault.access import Allowance
from telesphor.vault.entries import (
    OBJECT_BEGUN,
    OBJECT_ERASE_REFUSED,
    OBJECT_ERASED,
    OBJECT_READ,
    OBJECT_RESUMED,
    OBJECT_REWRAPPED,
    OBJECT_SEALED,
    ObjectBegun,
    ObjectErased,
    ObjectEraseRefused,
    ObjectRead,
    ObjectResumed,
    ObjectRewrapped,
    ObjectSealed,
)
from telesphor.vault.errors import (
    ObjectAlreadySealed,
    ObjectExists,
    ObjectHeld,
    ObjectMissing,
    ReadersRefused,
    SealMismatch,
    UploadExpired,
    UploadIncomplete,
    VisitNotChecked,
)
from telesphor.vault.errors import ObjectErased as ObjectErasedError
from telesphor.vault.keys import is_abandoned
from telesphor.vault.model import (
    READ_TICKET_SECONDS,
    READERS_MAX,
    WRITE_TICKET_SECONDS,
    EraseObject,
    ErasureReason,
    ObjectRow,
    ObjectState,
    ReadGrant,
    ReadObject,
    ReadTicket,
    ResumeObject,
    RewrapObject,
    SealObject,
    Stored,
    WriteGrant,
    WriteObject,
    WriteTicket,
    check_media_type,
    check_owner,
    stream_of_object,
)
from telesphor.vault.objects import PART_PLAINTEXT
from telesphor.vault.store import find_object, readers_of
from telesphor.vault.vault import Vault, check_sealed


def write_object(actor: Actor, command: WriteObject, state: State, *, vault: Vault) -> Decision:
    """Begin an object; its actor becomes its owner and gets an upload ticket.

    Raises:
        ObjectExists: the id was used before.
        MediaTypeRefused, ReadersRefused, InvalidId: a field is not what it must be.
        RecordedRefusal: the rules do not allow it.
    """
    stream = stream_of_object(command.object)
    check_media_type(command.media_type)
    readers = _checked_readers(state.db, command.readers, vault)
    visit = None if command.visit is None else parse_id(command.visit)
    if state.next_n(stream) != 0:
        raise ObjectExists(
            f"the id `{command.object}` was used before", hint="make a new UUIDv7 for each object"
        )
    subject = None if command.subject is None else ActorId(parse_id(command.subject))
    row = _row_to_be(actor, command, state, subject=subject)
    allowed = vault.access.allow(actor, "create", row, frozenset((actor.id, *readers)), state)
    body = ObjectBegun(media_type=command.media_type, readers=readers, visit=visit, subject=subject)
    begun = _upload_decision(actor, OBJECT_BEGUN, row.object, body, vault)
    return begun._replace(drafts=(*begun.drafts, *allowed.drafts), documents=allowed.documents)


def resume_object(actor: Actor, command: ResumeObject, state: State, *, vault: Vault) -> Decision:
    """Go on with an upload: the same owner gets a new ticket.

    Raises:
        NotTheOwner: another actor began it.
        ObjectAlreadySealed, UploadExpired, ObjectErased: there is nothing to go on with.
    """
    row = _find(state.db, command.object)
    check_owner(actor, row)
    _check_being_written(row, state.now_ms)
    return _upload_decision(actor, OBJECT_RESUMED, row.object, ObjectResumed(), vault)


def seal_object(actor: Actor, command: SealObject, state: State, *, vault: Vault) -> Decision:
    """Declare an upload finished; from then on it can be read and never changes.

    Raises:
        NotTheOwner: another actor began it.
        UploadIncomplete: its last part is not stored.
        SealMismatch: what is stored has another size or digest.
    """
    row = _find(state.db, command.object)
    check_owner(actor, row)
    _check_being_written(row, state.now_ms)
    stored = _stored(vault, row)
    if (command.size, command.digest) != (stored.size, stored.digest):
        raise SealMismatch(
            f"what is stored of object `{row.object}` has another size or digest",
            hint="compare with the answer to the upload; if they differ, begin a new object",
        )
    body = ObjectSealed(digest=stored.digest, size=stored.size, parts=stored.parts)
    return Decision((Draft(OBJECT_SEALED.name, stream_of_object(row.object), body),), stored)


def read_object(actor: Actor, command: ReadObject, state: State, *, vault: Vault) -> Decision:
    """The command `object.read/1`, for reads outside any visit.

    Raises:
        VisitNotChecked: it names a visit, and nothing here knows who takes part in which.
        RecordedRefusal, ObjectErased, ObjectNotSealed: as `decide_read`.
    """
    if command.visit is not None:
        raise VisitNotChecked(
            "a read within a visit is not asked for in this way", hint="ask with `visit.read-object/1`"
        )
    return decide_read(actor, command, state, vault=vault)


def decide_read(actor: Actor, command: ReadObject, state: State, *, vault: Vault) -> Decision:
    """Decide whether the actor may read, and say so on the ledger before a byte leaves.

    A visit that the command names was checked by the caller. The read's own entry is the last draft.

    Raises:
        RecordedRefusal: the rules do not allow it.
        ObjectErased, ObjectNotSealed: there is nothing to read.
    """
    row = _find(state.db, command.object)
    visit = None if command.visit is None else VisitId(parse_id(command.visit))
    readers = readers_of(state.db, row.object)
    allowed = vault.access.allow(
        actor,
        "read",
        row,
        readers,
        state,
        purpose=command.purpose,
        visit=visit,
        location=command.location,
    )
    check_sealed(row)
    public = vault.recipients.kem_of(state.db, actor.id)
    body = ObjectRead(purpose=command.purpose, visit=visit)
    lifetime_seconds = _ticket_seconds(allowed, state)

    def after(_: Receipt) -> ReadTicket:
        grant = ReadGrant(row.object, actor, command.purpose, visit, command.location)
        vault.check_there(grant)
        wrap = vault.keys.wrap_for(row.object, actor.id, public)
        return ReadTicket(
            object=row.object,
            ticket=vault.tickets.issue(grant, lifetime_seconds=lifetime_seconds),
            size=row.size or 0,
            media_type=row.media_type,
            digest=row.digest or "",
            role=wrap.role,
            wrap=base64url.encode(wrap.sealed),
        )

    draft = Draft(OBJECT_READ.name, stream_of_object(row.object), body)
    return Decision((*allowed.drafts, draft), after=after, documents=allowed.documents)


def rewrap_object(actor: Actor, command: RewrapObject, state: State, *, vault: Vault) -> Decision:
    """Let exactly these actors read, besides the owner; the others' wraps are deleted.

    Who read before may have kept the key: a re-wrap ends access through the node, not memory.

    Raises:
        RecordedRefusal: the actor may not say who reads.
        ObjectErased: nobody reads it ever after.
    """
    row = _find(state.db, command.object)
    allowed = vault.access.allow(actor, "grant", row, readers_of(state.db, row.object), state)
    _check_not_erased(row)
    readers = _checked_readers(state.db, command.readers, vault)
    draft = Draft(OBJECT_REWRAPPED.name, stream_of_object(row.object), ObjectRewrapped(readers=readers))
    return Decision(
        (draft, *allowed.drafts),
        after=lambda _: _settled(vault, row.object),
        documents=allowed.documents,
    )


def erase_object(actor: Actor, command: EraseObject, state: State, *, vault: Vault) -> Decision:
    """Destroy an object's keys and bytes; the entries that tell of it stay.

    INVARIANT: what a hold keeps is erased by nobody, its owner and the node included.

    Raises:
        RecordedRefusal: the actor may not erase it.
        ObjectErased: it is erased already.
        ObjectHeld: a legal hold keeps it; on the ledger, with what access answered.
    """
    row = _find(state.db, command.object)
    allowed = vault.access.allow(actor, "erase", row, readers_of(state.db, row.object), state)
    _check_not_erased(row)
    _check_unheld(row, command.reason, allowed, vault.holds.holds_on(state.db, row.object))
    draft = Draft(OBJECT_ERASED.name, stream_of_object(row.object), ObjectErased(reason=command.reason))
    return Decision(
        (draft, *allowed.drafts),
        after=lambda _: _settled(vault, row.object),
        documents=allowed.documents,
    )


def _row_to_be(actor: Actor, command: WriteObject, state: State, *, subject: ActorId | None) -> ObjectRow:
    """The object as it will be once it is begun: what access is asked about."""
    return ObjectRow(
        object=ObjectId(command.object),
        owner=actor.id,
        media_type=command.media_type,
        state=ObjectState.BEGUN,
        digest=None,
        size=None,
        parts=None,
        visit=None if command.visit is None else VisitId(command.visit),
        begun_at=format_instant(state.now_ms),
        changed=0,
        subject=subject,
    )


def _ticket_seconds(allowed: Allowance, state: State) -> int:
    """A ticket lives no longer than what allows it."""
    if allowed.expires_ms is None:
        return READ_TICKET_SECONDS
    return max(1, min(READ_TICKET_SECONDS, (allowed.expires_ms - state.now_ms) // 1000))


def _upload_decision(
    actor: Actor, kind: EntryType, object_id: ObjectId, body: Body, vault: Vault
) -> Decision:
    def after(_: Receipt) -> WriteTicket:
        _check_not_erased(vault.settle(object_id))
        grant = WriteGrant(object_id, actor.id)
        ticket = vault.tickets.issue(grant, lifetime_seconds=WRITE_TICKET_SECONDS)
        return WriteTicket(object_id, ticket, PART_PLAINTEXT)

    return Decision((Draft(kind.name, stream_of_object(object_id), body),), after=after)


def _settled(vault: Vault, object_id: ObjectId) -> None:
    vault.settle(object_id)


def _find(db: apsw.Connection, object_id: str) -> ObjectRow:
    row = find_object(db, parse_id(object_id))
    if row is None:
        raise ObjectMissing(f"there is no object `{object_id}`")
    return row


def _checked_readers(db: apsw.Connection, readers: Sequence[str], vault: Vault) -> tuple[str, ...]:
    """The readers in order, each known to have a sealing key."""
    if len(readers) > READERS_MAX:
        raise ReadersRefused(f"an object has at most `{READERS_MAX}` readers")
    if len(set(readers)) != len(readers):
        raise ReadersRefused("a reader is named twice")
    for reader in readers:
        vault.recipients.kem_of(db, parse_id(reader))
    return tuple(sorted(readers))


def _check_being_written(row: ObjectRow, now_ms: int) -> None:
    _check_not_erased(row)
    if row.state is ObjectState.SEALED:
        raise ObjectAlreadySealed(f"object `{row.object}` is sealed")
    if is_abandoned(row, now_ms=now_ms):
        raise UploadExpired(f"the upload of object `{row.object}` was given up", hint="begin a new object")


def _check_not_erased(row: ObjectRow) -> None:
    if row.state is ObjectState.ERASED:
        raise ObjectErasedError(f"object `{row.object}` is erased")


def _check_unheld(row: ObjectRow, reason: ErasureReason, allowed: Allowance, holds: Sequence[str]) -> None:
    if not holds:
        return
    body = ObjectEraseRefused(reason=reason, holds=tuple(holds))
    draft = Draft(OBJECT_ERASE_REFUSED.name, stream_of_object(row.object), body)
    raise ObjectHeld(
        f"a legal hold keeps object `{row.object}`",
        drafts=(draft, *allowed.drafts),
        documents=allowed.documents,
        hint="it can be erased once every hold on it is lifted",
    )


def _stored(vault: Vault, row: ObjectRow) -> Stored:
    upload = vault.records.upload(row.object)
    if upload is None or upload.stored is None:
        raise UploadIncomplete(
            f"the upload of object `{row.object}` has not ended", hint="send the rest first"
        )
    return upload.stored
