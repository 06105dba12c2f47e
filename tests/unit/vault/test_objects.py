"""Objects as bytes: what is written is read back, and nothing that was changed is."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from telesphor.kernel.chunked import CHUNK, HEADER, decrypt_stream
from telesphor.kernel.digest import format_digest
from telesphor.kernel.ids import ObjectId
from telesphor.kernel.merkle import leaf_hash, root_of
from telesphor.runtime.blobs import Blobs, open_blobs
from telesphor.vault.errors import HeaderForged, ObjectDamaged, PartForged, PartMissing, PartResized
from telesphor.vault.model import ObjectRow, ObjectState
from telesphor.vault.objects import (
    PART_PLAINTEXT,
    ObjectReader,
    Span,
    check_object,
    context_of,
    hash_part,
    open_stream,
    part_count,
    part_path,
    plain_spans,
    seal_stream,
    sealed_part_size,
    sealed_spans,
)
from tests.unit.vault.world import World

OBJECT = ObjectId("019ab5c2-6a40-7000-8000-000000000001")
KEY, SALT = b"k" * 32, b"s" * 24
SIZES = [
    0,
    1,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    PART_PLAINTEXT - 1,
    PART_PLAINTEXT,
    PART_PLAINTEXT + 1,
    2 * PART_PLAINTEXT,
]
THREE_PARTS = 2 * PART_PLAINTEXT + 100_000


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "blobs")


def seal(blobs: Blobs, data: bytes, object_id: ObjectId = OBJECT, key: bytes = KEY) -> ObjectRow:
    stored = seal_stream(
        io.BytesIO(data), blobs=blobs, object_id=object_id, key=key, salt=SALT, durable=False
    )
    return ObjectRow(
        object=object_id,
        owner=OBJECT,  # type: ignore[arg-type]
        media_type="text/plain",
        state=ObjectState.SEALED,
        digest=stored.digest,  # type: ignore[arg-type]
        size=stored.size,
        parts=stored.parts,
        visit=None,
        begun_at="2026-11-22T11:51:15.123Z",
        changed=0,
    )


def leaves_of(blobs: Blobs, row: ObjectRow) -> list[bytes]:
    return [leaf_hash(blobs.get(part_path(row.object, number))) for number in range(row.parts or 0)]


def read_all(blobs: Blobs, row: ObjectRow) -> bytes:
    target = io.BytesIO()
    open_stream(ObjectReader(blobs, object_id=row.object, size=row.size or 0, key=KEY), target)
    return target.getvalue()


@pytest.mark.parametrize("size", SIZES)
def test_an_object_of_any_size_is_read_back(blobs: Blobs, size: int) -> None:
    row = seal(blobs, content(size))
    assert (row.size, row.parts) == (size, part_count(size))
    assert read_all(blobs, row) == content(size)


@pytest.mark.parametrize("size", [0, 5, PART_PLAINTEXT, THREE_PARTS])
def test_the_parts_together_are_one_chunked_ciphertext(blobs: Blobs, size: int) -> None:
    row = seal(blobs, content(size))
    whole = b"".join(blobs.get(part_path(OBJECT, number)) for number in range(row.parts or 0))
    target = io.BytesIO()
    decrypt_stream(io.BytesIO(whole), target, key=KEY, context=context_of(OBJECT))
    assert target.getvalue() == content(size)


@pytest.mark.parametrize("size", SIZES)
def test_the_size_of_every_part_follows_from_the_size_of_the_object(blobs: Blobs, size: int) -> None:
    row = seal(blobs, content(size))
    for number in range(part_count(size)):
        assert blobs.size(part_path(OBJECT, number)) == sealed_part_size(size, number)
    assert not blobs.exists(part_path(OBJECT, part_count(size)))
    assert row.digest == format_digest(root_of(leaves_of(blobs, row)))


def test_the_hash_of_a_part_is_its_leaf_hash() -> None:
    assert hash_part(b"abc") == leaf_hash(b"abc")


def test_any_range_is_the_same_slice(blobs: Blobs) -> None:
    data = content(THREE_PARTS)
    row = seal(blobs, data)
    reader = ObjectReader(blobs, object_id=OBJECT, size=row.size or 0, key=KEY)
    dice = random.Random(7)
    edges = [
        0,
        1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        PART_PLAINTEXT - 1,
        PART_PLAINTEXT,
        PART_PLAINTEXT + 1,
        THREE_PARTS,
    ]
    edges += [dice.randrange(THREE_PARTS) for _ in range(12)]
    for start in edges:
        for end in edges:
            if start < end:
                assert b"".join(reader.read(start, end)) == data[start:end]


def test_any_range_of_the_ciphertext_is_the_same_slice(blobs: Blobs) -> None:
    row = seal(blobs, content(THREE_PARTS))
    whole = b"".join(blobs.get(part_path(OBJECT, number)) for number in range(row.parts or 0))
    reader = ObjectReader(blobs, object_id=OBJECT, size=row.size or 0, key=KEY)
    assert reader.sealed_size == len(whole)
    first = sealed_part_size(THREE_PARTS, 0)
    edges = [0, 1, HEADER - 1, HEADER, HEADER + 1, first - 1, first, first + 1, len(whole) - 1, len(whole)]
    for start in edges:
        for end in edges:
            if start < end:
                assert (
                    b"".join(reader.read_sealed(*span) for span in sealed_spans(start, end))
                    == whole[start:end]
                )


def test_spans_cut_at_the_parts() -> None:
    assert list(plain_spans(PART_PLAINTEXT - 1, PART_PLAINTEXT + 1)) == [
        Span(0, PART_PLAINTEXT - 1, PART_PLAINTEXT),
        Span(1, 0, 1),
    ]


def _refused(blobs: Blobs, row: ObjectRow, leaves: list[bytes], kind: type[ObjectDamaged], part: int) -> None:
    """Both the read and the check refuse, and name the object and the part."""
    for attempt in (lambda: read_all(blobs, row), lambda: check_object(blobs, row, leaves)):
        with pytest.raises(ObjectDamaged) as caught:
            attempt()
        assert row.object in caught.value.message
        assert f"part {part}" in caught.value.message
    assert type(caught.value) is kind


def test_an_undamaged_object_passes_the_check(blobs: Blobs) -> None:
    row = seal(blobs, content(THREE_PARTS))
    check_object(blobs, row, leaves_of(blobs, row))
    check_object(blobs, row, [])


@pytest.mark.parametrize("part", [0, 1, 2])
def test_flipped_byte_is_refused(blobs: Blobs, part: int) -> None:
    row = seal(blobs, content(THREE_PARTS))
    leaves = leaves_of(blobs, row)
    path = part_path(OBJECT, part)
    data = bytearray(blobs.get(path))
    data[len(data) // 2] ^= 1
    blobs.put(path, data)
    _refused(blobs, row, leaves, PartForged, part)


def test_flipped_byte_in_the_header_is_refused(blobs: Blobs) -> None:
    row = seal(blobs, content(10))
    data = bytearray(blobs.get(part_path(OBJECT, 0)))
    data[3] ^= 1
    blobs.put(part_path(OBJECT, 0), data)
    with pytest.raises(HeaderForged, match=OBJECT):
        read_all(blobs, row)


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("cut", [1, 16, CHUNK + 16])
def test_truncated_part_is_refused(blobs: Blobs, part: int, cut: int) -> None:
    row = seal(blobs, content(THREE_PARTS))
    leaves = leaves_of(blobs, row)
    blobs.put(part_path(OBJECT, part), blobs.get(part_path(OBJECT, part))[:-cut])
    _refused(blobs, row, leaves, PartResized, part)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_missing_part_is_refused(blobs: Blobs, part: int) -> None:
    row = seal(blobs, content(THREE_PARTS))
    leaves = leaves_of(blobs, row)
    blobs.delete(part_path(OBJECT, part))
    _refused(blobs, row, leaves, PartMissing, part)


def test_swapped_parts_are_refused(blobs: Blobs) -> None:
    row = seal(blobs, content(3 * PART_PLAINTEXT + 5))
    leaves = leaves_of(blobs, row)
    first, second = (blobs.get(part_path(OBJECT, number)) for number in (1, 2))
    blobs.put(part_path(OBJECT, 1), second)
    blobs.put(part_path(OBJECT, 2), first)
    _refused(blobs, row, leaves, PartForged, 1)


def test_part_of_another_object_is_refused(blobs: Blobs) -> None:
    """Even one that was sealed under the same key and salt: the object's id is bound."""
    row = seal(blobs, content(THREE_PARTS))
    leaves = leaves_of(blobs, row)
    other = ObjectId("019ab5c2-6a40-7000-8000-000000000002")
    seal(blobs, content(THREE_PARTS), object_id=other)
    blobs.put(part_path(OBJECT, 1), blobs.get(part_path(other, 1)))
    _refused(blobs, row, leaves, PartForged, 1)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_lengthened_part_is_refused(blobs: Blobs, part: int) -> None:
    row = seal(blobs, content(THREE_PARTS))
    leaves = leaves_of(blobs, row)
    blobs.put(part_path(OBJECT, part), blobs.get(part_path(OBJECT, part)) + b"x" * 20)
    _refused(blobs, row, leaves, PartResized, part)


def test_another_key_is_refused(blobs: Blobs) -> None:
    row = seal(blobs, content(10), key=b"x" * 32)
    with pytest.raises(HeaderForged, match=OBJECT):
        read_all(blobs, row)


def test_another_size_on_the_ledger_is_refused(blobs: Blobs) -> None:
    row = seal(blobs, content(100))._replace(size=99)
    with pytest.raises(PartResized):
        read_all(blobs, row)


def test_damage_is_found_without_the_list_of_parts(blobs: Blobs) -> None:
    row = seal(blobs, content(10))
    data = bytearray(blobs.get(part_path(OBJECT, 0)))
    data[-1] ^= 1
    blobs.put(part_path(OBJECT, 0), data)
    with pytest.raises(ObjectDamaged, match=OBJECT):
        check_object(blobs, row, [b"\x00" * 32])


def test_a_transfer_needs_constant_memory(tmp_path: Path) -> None:
    """Thirty parts pass; the buffers of a few are all that is held."""
    import tracemalloc

    blobs = open_blobs(tmp_path / "blobs")

    class Zeros(io.RawIOBase):
        left = 30 * PART_PLAINTEXT

        def read(self, size: int = -1) -> bytes:
            taken = min(size, self.left)
            self.left -= taken
            return b"\x00" * taken

    tracemalloc.start()
    stored = seal_stream(Zeros(), blobs=blobs, object_id=OBJECT, key=KEY, salt=SALT, durable=False)  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stored.size == 30 * PART_PLAINTEXT
    assert peak < 64 * 1024 * 1024


def test_the_object_of_a_world_passes_the_check(world: World) -> None:
    object_id = world.put(content(PART_PLAINTEXT + 9))
    check_object(world.blobs, world.row(object_id), world.vault.records.leaves(object_id))


@pytest.mark.parametrize("size", [0, 1, PART_PLAINTEXT, THREE_PARTS])
def test_object_is_written_into_a_plain_file_part_by_part(blobs: Blobs, tmp_path: Path, size: int) -> None:
    row = seal(blobs, content(size))
    with (tmp_path / "opened").open("w+b", buffering=0) as target:
        target.write(b"before")
        reader = ObjectReader(blobs, object_id=row.object, size=size, key=KEY)
        assert open_stream(reader, target) == size
        target.write(b"behind")
    assert (tmp_path / "opened").read_bytes() == b"before" + content(size) + b"behind"


def test_object_is_appended_in_the_order_of_its_parts(blobs: Blobs, tmp_path: Path) -> None:
    row = seal(blobs, content(THREE_PARTS))
    (tmp_path / "opened").write_bytes(b"before")
    with (tmp_path / "opened").open("ab", buffering=0) as target:
        open_stream(ObjectReader(blobs, object_id=row.object, size=THREE_PARTS, key=KEY), target)
    assert (tmp_path / "opened").read_bytes() == b"before" + content(THREE_PARTS)


def test_altered_part_stops_writing_into_a_file(blobs: Blobs, tmp_path: Path) -> None:
    row = seal(blobs, content(THREE_PARTS))
    damaged = bytearray(blobs.get(part_path(row.object, 1)))
    damaged[1000] ^= 1
    blobs.put(part_path(row.object, 1), bytes(damaged), durable=False)
    with (tmp_path / "opened").open("wb", buffering=0) as target, pytest.raises(PartForged, match="part 1"):
        open_stream(ObjectReader(blobs, object_id=row.object, size=THREE_PARTS, key=KEY), target)
