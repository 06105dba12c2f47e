"""Uploads go on where they broke, and never put two plaintexts under one key and nonce."""

from __future__ import annotations

import io

import pytest

from telesphor.kernel.chunked import HEADER, SALT
from telesphor.kernel.ids import ObjectId
from telesphor.runtime.blobs import Blobs
from telesphor.runtime.database import StorageFull
from telesphor.vault.errors import ObjectErased, UploadBusy, UploadExpired
from telesphor.vault.model import UPLOAD_GRACE_SECONDS, UPLOAD_LIFETIME_SECONDS
from telesphor.vault.objects import PART_PLAINTEXT, part_path
from telesphor.vault.uploads import PARTS_NOTED_TOGETHER
from tests.unit.vault.test_objects import content
from tests.unit.vault.world import World

LONG = 3 * PART_PLAINTEXT + 17


def part(data: bytes, number: int) -> bytes:
    return data[number * PART_PLAINTEXT : (number + 1) * PART_PLAINTEXT]


def test_an_upload_goes_on_after_a_break(world: World) -> None:
    data = content(LONG)
    ticket = world.begin()
    object_id = ObjectId(ticket.object)
    with world.vault.uploads.open(object_id) as upload:
        upload.add(part(data, 0), final=False)
        upload.add(part(data, 1), final=False)
    assert world.vault.uploads.progress(object_id) == (2 * PART_PLAINTEXT, False)
    stored = world.upload(world.resume(object_id), data)
    assert (stored.size, stored.parts) == (LONG, 4)
    assert world.vault.uploads.progress(object_id) == (LONG, True)
    world.seal(object_id, stored)
    assert world.get(object_id) == data


def test_an_upload_goes_on_after_a_restart(world: World) -> None:
    data = content(LONG)
    ticket = world.begin()
    with world.vault.uploads.open(ObjectId(ticket.object)) as upload:
        upload.add(part(data, 0), final=False)
    world.close()
    world.start()
    stored = world.upload(world.resume(ticket.object), data)
    world.seal(ticket.object, stored)
    assert world.get(ticket.object) == data


def test_resuming_makes_the_key_that_a_crash_prevented(world: World) -> None:
    """The entry was durable, the process died before the wraps were."""
    ticket = world.begin()
    world.vault.records.forget_keys(ticket.object)
    stored = world.upload(world.resume(ticket.object), b"text")
    world.seal(ticket.object, stored)
    assert world.get(ticket.object) == b"text"


def _unnoted_part(world: World, object_id: ObjectId, data: bytes, number: int, *, final: bool) -> bytes:
    """A part that reached the store before a crash kept it from being noted."""
    with world.vault.uploads.open(object_id) as upload:
        upload._keep(data, number, final)
    return world.blobs.get(part_path(object_id, number))


def test_a_part_that_reached_the_store_is_taken_over_as_it_is(world: World) -> None:
    data = content(LONG)
    object_id = ObjectId(world.begin().object)
    sealed = _unnoted_part(world, object_id, part(data, 0), 0, final=False)
    assert world.vault.uploads.progress(object_id) == (PART_PLAINTEXT, False)
    world.seal(object_id, world.upload(world.resume(object_id), data))
    assert world.blobs.get(part_path(object_id, 0)) == sealed
    assert world.get(object_id) == data


def test_a_last_part_that_reached_the_store_completes_the_upload(world: World) -> None:
    object_id = ObjectId(world.begin().object)
    _unnoted_part(world, object_id, b"the end", 0, final=True)
    assert world.vault.uploads.progress(object_id) == (7, True)


def test_a_torn_part_in_the_store_is_dropped(world: World) -> None:
    object_id = ObjectId(world.begin().object)
    sealed = _unnoted_part(world, object_id, b"the end", 0, final=True)
    world.blobs.put(part_path(object_id, 0), sealed[:-3])
    assert world.vault.uploads.progress(object_id) == (0, False)
    assert not world.blobs.exists(part_path(object_id, 0))


def test_a_part_behind_a_gap_begins_the_ciphertext_anew_under_a_new_salt(world: World) -> None:
    data = content(LONG)
    object_id = ObjectId(world.begin().object)
    with world.vault.uploads.open(object_id) as upload:
        upload.add(part(data, 0), final=False)
        old = world.blobs.get(part_path(object_id, 0))[:SALT]
        upload._keep(part(data, 2), 2, False)
    assert world.vault.uploads.progress(object_id) == (0, False)
    world.seal(object_id, world.upload(world.resume(object_id), data))
    assert world.blobs.get(part_path(object_id, 0))[:SALT] != old
    assert world.get(object_id) == data


def test_an_object_erased_while_it_is_uploaded_leaves_nothing(world: World) -> None:
    ticket = world.begin()
    object_id = ObjectId(ticket.object)
    with world.vault.uploads.open(object_id) as upload:
        upload.add(bytes(PART_PLAINTEXT), final=False)
        world.erase(object_id)
        with pytest.raises(ObjectErased):
            upload.add(bytes(PART_PLAINTEXT), final=False)
        with pytest.raises(ObjectErased):
            upload.add(b"", final=True)
    assert list(world.blobs.list(f"objects/{object_id}")) == []


def test_an_upload_swept_while_it_is_open_leaves_nothing(world: World) -> None:
    from telesphor.vault.erasure import delete_abandoned

    object_id = ObjectId(world.begin().object)
    with world.vault.uploads.open(object_id) as upload:
        upload.add(bytes(PART_PLAINTEXT), final=False)
        world.clock.advance_ms((UPLOAD_LIFETIME_SECONDS + UPLOAD_GRACE_SECONDS + 1) * 1000)
        assert delete_abandoned(world.vault) == 1
        with pytest.raises(UploadExpired):
            upload.add(b"end", final=True)
    assert list(world.blobs.list(f"objects/{object_id}")) == []


class FullDisk(Blobs):
    """The real store, on a disk that has room for so many parts."""

    room = 1_000

    def put(self, path: str, data: bytes | bytearray | memoryview, *, durable: bool = True) -> None:
        if self.room == 0:
            raise StorageFull("the store is full")
        self.room -= 1
        super().put(path, data, durable=durable)


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_a_full_disk_keeps_the_whole_parts(tmp_path, room: int) -> None:  # type: ignore[no-untyped-def]
    from obstore.store import LocalStore

    blobs = FullDisk(LocalStore(tmp_path / "blobs", mkdir=True, automatic_cleanup=True))
    world = World(tmp_path, blobs)
    data = content(LONG)
    ticket = world.begin()
    blobs.room = room
    with world.vault.uploads.open(ObjectId(ticket.object)) as upload, pytest.raises(StorageFull):
        for number in range(4):
            upload.add(part(data, number), final=number == 3)
    assert world.vault.uploads.progress(ObjectId(ticket.object)) == (room * PART_PLAINTEXT, False)
    blobs.room = 1_000
    world.seal(ticket.object, world.upload(ticket, data))
    assert world.get(ticket.object) == data
    world.close()


def test_a_full_disk_in_a_parallel_upload_loses_no_consistency(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from obstore.store import LocalStore

    blobs = FullDisk(LocalStore(tmp_path / "blobs", mkdir=True, automatic_cleanup=True))
    world = World(tmp_path, blobs)
    data = content(LONG)
    ticket = world.begin()
    blobs.room = 2
    with pytest.raises(StorageFull):
        world.upload(ticket, data)
    blobs.room = 1_000
    world.seal(ticket.object, world.upload(ticket, data))
    assert world.get(ticket.object) == data
    world.close()


def test_a_long_local_upload_notes_its_parts_together(world: World) -> None:
    count = PARTS_NOTED_TOGETHER + 2
    ticket = world.begin()
    stored = world.upload(ticket, bytes(count * PART_PLAINTEXT))
    assert stored.parts == count + 1
    assert world.vault.records.count_parts(ticket.object) == count + 1


def test_progress_of_a_busy_upload_is_what_was_noted(world: World) -> None:
    object_id = ObjectId(world.begin().object)
    with world.vault.uploads.open(object_id) as upload:
        upload.add(bytes(PART_PLAINTEXT), final=False)
        assert world.vault.uploads.progress(object_id) == (PART_PLAINTEXT, False)
        with pytest.raises(UploadBusy):
            world.vault.uploads.open(object_id)


def test_the_header_is_in_front_of_part_0_only(world: World) -> None:
    object_id = world.put(bytes(PART_PLAINTEXT))
    assert world.blobs.size(part_path(object_id, 0)) == HEADER + 256 * (16_384 + 16)
    assert world.blobs.size(part_path(object_id, 1)) == 16


def test_an_upload_from_a_pipe_is_whole(world: World) -> None:
    """A source that gives less than it is asked for has not ended."""

    class Drops(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 65_521))

    data = content(PART_PLAINTEXT + 5)
    ticket = world.begin()
    stored = world.vault.receive(ticket.ticket, Drops(data))
    world.seal(ticket.object, stored)
    assert world.get(ticket.object) == data
