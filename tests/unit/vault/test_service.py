"""The life of an object: what each actor may ask, what it leaves on the ledger, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest

from telesphor.kernel import base64url
from telesphor.kernel.chunked import decrypt_stream
from telesphor.kernel.ids import InvalidId, ObjectId
from telesphor.kernel.sealing import SealInfo, SealRefused, unseal
from telesphor.runtime.tickets import TicketRefused
from telesphor.vault.errors import (
    MediaTypeRefused,
    NotTheOwner,
    ObjectAlreadySealed,
    ObjectErased,
    ObjectExists,
    ObjectMissing,
    ObjectNotSealed,
    ReadersRefused,
    SealMismatch,
    UploadBusy,
    UploadComplete,
    UploadExpired,
    UploadIncomplete,
    VisitNotChecked,
)
from telesphor.vault.keys import PURPOSE
from telesphor.vault.model import (
    READ_TICKET_SECONDS,
    READERS_MAX,
    UPLOAD_LIFETIME_SECONDS,
    WRITE_TICKET_SECONDS,
    ObjectState,
    Purpose,
    ReadGrant,
    ReadObject,
    Stored,
    WriteGrant,
    WriteObject,
)
from telesphor.vault.objects import PART_PLAINTEXT, context_of, part_path
from tests.unit.vault.world import MEDIA_TYPE, Denied, Ended, NoSuchActor, World

RECORD = b'{"resourceType":"Observation","valueQuantity":{"value":72}}'


def test_what_is_written_is_read_by_a_reader(world: World) -> None:
    assert world.get(world.put(RECORD)) == RECORD


def test_the_owner_reads_without_being_named(world: World) -> None:
    assert world.get(world.put(RECORD, readers=()), actor=world.owner) == RECORD


def test_a_life_leaves_its_entries_in_order(world: World) -> None:
    object_id = world.put(RECORD)
    world.read(object_id)
    world.rewrap(object_id, world.stranger)
    world.erase(object_id)
    entries = [entry for entry in world.entries() if entry.stream == f"object/{object_id}"]
    assert [entry.type for entry in entries] == [
        "object.begun/1",
        "object.sealed/1",
        "object.read/1",
        "object.rewrapped/1",
        "object.erased/1",
    ]
    assert [entry.n for entry in entries] == [0, 1, 2, 3, 4]
    assert entries[2].actor == world.reader.id


def test_no_entry_holds_the_key_or_the_text(world: World) -> None:
    object_id = world.put(RECORD)
    world.read(object_id)
    key = world.vault.keys.data_key(object_id)
    for entry in world.entries():
        assert b"Observation" not in entry.data
        assert base64url.encode(key).encode() not in entry.data


def test_a_reader_opens_the_ciphertext_without_the_node(world: World) -> None:
    object_id = world.put(RECORD)
    answer = world.read(object_id)
    key = world.actors.keys[world.reader.id]
    info = SealInfo(PURPOSE, object_id, key.thumbprint(), answer.role)
    data_key = unseal(base64url.decode(answer.wrap), key=key, info=info)
    target = io.BytesIO()
    sealed = io.BytesIO(world.blobs.get(part_path(object_id, 0)))
    decrypt_stream(sealed, target, key=data_key, context=context_of(object_id))
    assert target.getvalue() == RECORD


def test_a_wrap_opens_for_nobody_else(world: World) -> None:
    object_id = world.put(RECORD)
    answer = world.read(object_id)
    key = world.actors.keys[world.stranger.id]
    info = SealInfo(PURPOSE, object_id, key.thumbprint(), answer.role)
    with pytest.raises(SealRefused):
        unseal(base64url.decode(answer.wrap), key=key, info=info)


def test_a_rotated_reader_gets_a_wrap_for_the_new_key(world: World) -> None:
    object_id = world.put(RECORD)
    old = world.read(object_id).wrap
    world.actors.keys[world.reader.id] = type(world.actors.keys[world.reader.id]).generate()
    key = world.actors.keys[world.reader.id]
    answer = world.read(object_id)
    info = SealInfo(PURPOSE, object_id, key.thumbprint(), answer.role)
    assert answer.wrap != old
    assert unseal(base64url.decode(answer.wrap), key=key, info=info) == world.vault.keys.data_key(object_id)


def test_the_media_type_visit_and_readers_are_on_the_ledger(world: World) -> None:
    visit = world.ids.next()
    ticket = world.begin(visit=visit, media_type="video/webm")
    row = world.row(ObjectId(ticket.object))
    assert (row.media_type, row.visit, row.state) == ("video/webm", visit, ObjectState.BEGUN)
    assert world.vault.ledger.readers(ticket.object) == {world.owner.id, world.reader.id}


# Reading.


def test_reading_by_a_stranger_is_refused(world: World) -> None:
    object_id = world.put(RECORD)
    with pytest.raises(Denied):
        world.read(object_id, actor=world.stranger)
    assert all(entry.type != "object.read/1" for entry in world.entries())


def test_reading_by_the_node_or_an_organisation_is_refused_unless_they_are_readers(world: World) -> None:
    object_id = world.put(RECORD)
    for actor in (world.node, world.hospital):
        with pytest.raises(Denied):
            world.read(object_id, actor=actor)


def test_reading_what_is_not_sealed_is_refused(world: World) -> None:
    ticket = world.begin()
    with pytest.raises(ObjectNotSealed):
        world.read(ticket.object)
    world.upload(ticket, RECORD)
    with pytest.raises(ObjectNotSealed):
        world.read(ticket.object)


def test_reading_what_does_not_exist_is_refused(world: World) -> None:
    with pytest.raises(ObjectMissing):
        world.read(world.ids.next())


def test_a_plain_read_that_claims_a_visit_is_refused(world: World) -> None:
    object_id = world.put(RECORD)
    body = ReadObject(object=object_id, purpose=Purpose.TREATMENT, visit=world.ids.next())
    with pytest.raises(VisitNotChecked):
        world.ask(world.reader, "object.read/1", body)
    assert all(entry.type != "object.read/1" for entry in world.entries())


def test_a_purpose_outside_the_list_is_refused() -> None:
    body = b'{"object":"019ab5c2-6a40-7000-8000-000000000001","purpose":"curiosity","visit":null}'
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=ReadObject)


def test_the_purpose_is_on_the_ledger(world: World) -> None:
    object_id = world.put(RECORD)
    world.read(object_id, purpose=Purpose.EMERGENCY)
    assert world.entries()[-1].body.purpose is Purpose.EMERGENCY


def test_the_entry_is_durable_before_the_ticket_exists(world: World) -> None:
    object_id = world.put(RECORD)
    held = len(world.vault.tickets)
    with pytest.raises(Denied):
        world.read(object_id, actor=world.stranger)
    assert len(world.vault.tickets) == held
    world.read(object_id)
    assert (len(world.vault.tickets), world.entries()[-1].type) == (held + 1, "object.read/1")


# Tickets.


def test_an_expired_ticket_is_refused(world: World) -> None:
    object_id = world.put(RECORD)
    read = world.read(object_id)
    write = world.begin()
    world.clock.advance_ms(READ_TICKET_SECONDS * 1000)
    with pytest.raises(TicketRefused):
        world.vault.send(read.ticket, io.BytesIO())
    world.clock.advance_ms((WRITE_TICKET_SECONDS - READ_TICKET_SECONDS) * 1000)
    with pytest.raises(TicketRefused):
        world.upload(write, RECORD)


def test_a_read_ticket_does_not_write_and_a_write_ticket_does_not_read(world: World) -> None:
    read = world.read(world.put(RECORD))
    with pytest.raises(TicketRefused):
        world.vault.receive(read.ticket, io.BytesIO(RECORD))
    with pytest.raises(TicketRefused):
        world.vault.send(world.begin().ticket, io.BytesIO())


def test_a_ticket_of_an_erased_object_is_refused(world: World) -> None:
    object_id = world.put(RECORD)
    ticket = world.read(object_id).ticket
    world.erase(object_id)
    with pytest.raises(ObjectErased):
        world.vault.send(ticket, io.BytesIO())


def test_a_ticket_of_a_removed_reader_is_refused(world: World) -> None:
    object_id = world.put(RECORD)
    ticket = world.read(object_id).ticket
    world.rewrap(object_id, world.stranger)
    with pytest.raises(Ended):
        world.vault.send(ticket, io.BytesIO())


# Writing.


def test_an_id_that_was_used_is_refused(world: World) -> None:
    ticket = world.begin()
    with pytest.raises(ObjectExists):
        world.begin(object_id=ticket.object)
    with pytest.raises(ObjectExists):
        world.begin(object_id=ticket.object, actor=world.stranger)


def test_an_erased_id_is_not_used_again(world: World) -> None:
    object_id = world.put(RECORD)
    world.erase(object_id)
    with pytest.raises(ObjectExists):
        world.begin(object_id=object_id)


@pytest.mark.parametrize(
    "media_type",
    [
        "text/html\nx-injected: 1",
        "text/plain\n",
        "text/plain\r\nset-cookie: a=b",
        "text",
        "text/",
        "/plain",
        "TEXT/plain",
        "text/plain; charset=utf-8",
        "text/plain x",
        "täxt/plain",
        "text/plain/x",
        "",
        "a/" + "b" * 126,
    ],
)
def test_a_media_type_that_is_none_is_refused(world: World, media_type: str) -> None:
    with pytest.raises(MediaTypeRefused):
        world.begin(media_type=media_type)


def test_an_id_that_is_none_is_refused(world: World) -> None:
    for wrong in ("../../../etc/passwd", "019AB5C2-6A40-7000-8000-000000000001", "x" * 36):
        with pytest.raises(InvalidId):
            world.begin(object_id=wrong)


def test_too_many_readers_are_refused(world: World) -> None:
    with pytest.raises(ReadersRefused):
        world.begin(readers=(world.reader,) * (READERS_MAX + 1))


def test_a_reader_named_twice_is_refused(world: World) -> None:
    with pytest.raises(ReadersRefused):
        world.begin(readers=(world.reader, world.reader))


def test_an_unknown_reader_is_refused(world: World) -> None:
    ghost = world.actors.enrol()
    del world.actors.keys[ghost.id]
    with pytest.raises(NoSuchActor):
        world.begin(readers=(ghost,))


def test_resuming_another_actors_upload_is_refused(world: World) -> None:
    ticket = world.begin()
    for actor in (world.reader, world.stranger, world.node):
        with pytest.raises(NotTheOwner):
            world.resume(ticket.object, actor=actor)


def test_sealing_another_actors_upload_is_refused(world: World) -> None:
    ticket = world.begin()
    stored = world.upload(ticket, RECORD)
    with pytest.raises(NotTheOwner):
        world.seal(ticket.object, stored, actor=world.reader)


def test_sealing_with_a_wrong_digest_or_size_is_refused(world: World) -> None:
    ticket = world.begin()
    stored = world.upload(ticket, RECORD)
    other = world.upload(world.begin(), RECORD)
    for wrong in (Stored(stored.size, other.digest, 1), Stored(stored.size + 1, stored.digest, 1)):
        with pytest.raises(SealMismatch):
            world.seal(ticket.object, wrong)
    world.seal(ticket.object, stored)


def test_sealing_before_the_upload_ended_is_refused(world: World) -> None:
    ticket = world.begin()
    claimed = Stored(PART_PLAINTEXT, "sha256:" + "0" * 64, 2)
    with pytest.raises(UploadIncomplete):
        world.seal(ticket.object, claimed)
    with world.vault.uploads.open(ObjectId(ticket.object)) as upload:
        upload.add(bytes(PART_PLAINTEXT), final=False)
    with pytest.raises(UploadIncomplete):
        world.seal(ticket.object, claimed)


def test_sealing_twice_is_refused(world: World) -> None:
    ticket = world.begin()
    stored = world.upload(ticket, RECORD)
    world.seal(ticket.object, stored)
    with pytest.raises(ObjectAlreadySealed):
        world.seal(ticket.object, stored)
    with pytest.raises(ObjectAlreadySealed):
        world.resume(ticket.object)


def test_uploading_after_completion_is_refused(world: World) -> None:
    ticket = world.begin()
    stored = world.upload(ticket, RECORD)
    with pytest.raises(UploadComplete):
        world.upload(ticket, b"more")
    world.seal(ticket.object, stored)
    with pytest.raises(UploadComplete):
        world.upload(ticket, b"more")
    assert world.get(ticket.object) == RECORD


def test_two_uploads_of_one_object_at_once_are_refused(world: World) -> None:
    ticket = world.begin()
    with world.vault.uploads.open(ObjectId(ticket.object)), pytest.raises(UploadBusy):
        world.upload(ticket, RECORD)
    world.upload(ticket, RECORD)


def test_an_abandoned_upload_is_not_taken_up(world: World) -> None:
    ticket = world.begin()
    stored = world.upload(ticket, RECORD)
    world.clock.advance_ms(UPLOAD_LIFETIME_SECONDS * 1000 + 1)
    with pytest.raises(UploadExpired):
        world.resume(ticket.object)
    with pytest.raises(UploadExpired):
        world.seal(ticket.object, stored)


# Re-wrapping and erasing.


def test_rewrapping_lets_exactly_the_named_read(world: World) -> None:
    object_id = world.put(RECORD)
    world.rewrap(object_id, world.stranger)
    assert world.get(object_id, actor=world.stranger) == RECORD
    assert world.get(object_id, actor=world.owner) == RECORD
    with pytest.raises(Denied):
        world.read(object_id, actor=world.reader)
    holders = {(wrap.actor, wrap.role) for wrap in world.vault.records.wraps(object_id)}
    assert holders == {(world.node.id, "node"), (world.owner.id, "reader"), (world.stranger.id, "reader")}


def test_a_removed_readers_wrap_is_gone_from_the_disk(world: World) -> None:
    object_id = world.put(RECORD)
    wrap = base64url.decode(world.read(object_id).wrap)
    assert world.on_disk(wrap)
    world.rewrap(object_id)
    assert not world.on_disk(wrap)


def test_rewrapping_and_erasing_by_anyone_else_are_refused(world: World) -> None:
    object_id = world.put(RECORD)
    for actor in (world.reader, world.stranger):
        with pytest.raises(Denied):
            world.rewrap(object_id, world.stranger, actor=actor)
        with pytest.raises(Denied):
            world.erase(object_id, actor=actor)
    assert world.get(object_id) == RECORD


def test_an_organisation_and_the_node_rewrap_and_erase(world: World) -> None:
    object_id = world.put(RECORD)
    world.rewrap(object_id, world.stranger, actor=world.hospital)
    world.erase(object_id, actor=world.node)
    assert world.row(object_id).state is ObjectState.ERASED


def test_an_erased_object_is_not_rewrapped_or_resumed_or_read_or_erased(world: World) -> None:
    object_id = world.put(RECORD)
    world.erase(object_id)
    for attempt in (
        lambda: world.rewrap(object_id, world.reader),
        lambda: world.resume(object_id),
        lambda: world.read(object_id),
        lambda: world.read(object_id, actor=world.owner),
        lambda: world.erase(object_id),
        lambda: world.vault.open_object(ReadGrant(object_id, world.owner, Purpose.TREATMENT)),
    ):
        with pytest.raises(ObjectErased):
            attempt()
    assert world.vault.records.wraps(object_id) == []


def test_an_upload_of_an_erased_object_is_refused(world: World) -> None:
    ticket = world.begin()
    world.erase(ticket.object)
    with pytest.raises(ObjectErased):
        world.upload(ticket, RECORD)
    grant = WriteGrant(ObjectId(ticket.object), world.owner.id)
    late = world.vault.tickets.issue(grant, lifetime_seconds=60)
    with pytest.raises(ObjectErased):
        world.vault.receive(late, io.BytesIO(RECORD))
    assert list(world.blobs.list(f"objects/{ticket.object}")) == []


# Access.


def test_whom_a_grant_allows_reads_without_being_listed_until_it_ends(world: World) -> None:
    object_id = world.put(RECORD)
    world.access.granted.add((world.stranger.id, object_id))
    answer = world.read(object_id, actor=world.stranger)
    target = io.BytesIO()
    world.vault.send(answer.ticket, target)
    assert target.getvalue() == RECORD
    world.access.granted.clear()
    with pytest.raises(Ended):
        world.vault.send(answer.ticket, io.BytesIO())


def test_key_for_whom_a_grant_allows_is_not_kept(world: World) -> None:
    object_id = world.put(RECORD)
    world.access.granted.add((world.stranger.id, object_id))
    answer = world.read(object_id, actor=world.stranger)
    info = SealInfo("object-key", object_id, world.actors.keys[world.stranger.id].thumbprint(), answer.role)
    sealed = base64url.decode(answer.wrap)
    key = unseal(sealed, key=world.actors.keys[world.stranger.id], info=info)
    assert key == world.vault.keys.data_key(object_id)
    assert {wrap.actor for wrap in world.vault.records.wraps(object_id)} == {
        world.node.id,
        world.owner.id,
        world.reader.id,
    }


def test_ticket_ends_with_what_allowed_it(world: World) -> None:
    object_id = world.put(RECORD)
    world.access.expires_ms = world.clock.now_ms() + 60_000
    ticket = world.read(object_id).ticket
    world.clock.advance_ms(60_001)
    with pytest.raises(TicketRefused):
        world.vault.send(ticket, io.BytesIO())


@pytest.mark.parametrize("action", ["read", "erase", "rewrap"])
def test_denial_is_on_the_ledger_and_nothing_else_is(world: World, action: str) -> None:
    object_id = world.put(RECORD)
    ask: Any = {"read": world.read, "erase": world.erase, "rewrap": world.rewrap}[action]
    before = len(world.entries())
    with pytest.raises(Denied):
        ask(object_id, actor=world.stranger)
    (noted,) = world.entries()[before:]
    assert (noted.actor, noted.body.allowed) == (world.stranger.id, False)


def test_subject_is_noted_when_the_object_begins(world: World) -> None:
    body = WriteObject(
        object=world.ids.next(), media_type=MEDIA_TYPE, readers=(), visit=None, subject=world.reader.id
    )
    world.ask(world.owner, "object.write/1", body)
    assert world.row(ObjectId(body.object)).subject == world.reader.id


def test_tickets_of_an_actor_that_acts_no_more_are_refused(world: World) -> None:
    object_id = world.put(RECORD)
    reading, writing = world.read(object_id).ticket, world.begin(actor=world.reader).ticket
    del world.actors.keys[world.reader.id]
    with pytest.raises(NoSuchActor):
        world.vault.send(reading, io.BytesIO())
    with pytest.raises(NoSuchActor):
        world.vault.receive(writing, io.BytesIO(b"late"))
