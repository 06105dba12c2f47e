"""Erasure: keys and bytes are gone at once, or at the next start; the proofs of before still stand."""

from __future__ import annotations

import pytest

from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import ObjectId
from telesphor.kernel.merkle import MemoryReader, inclusion_path, root_of, verify_inclusion
from telesphor.runtime.capability import Draft
from telesphor.runtime.database import StorageFailed
from telesphor.vault.entries import ObjectErased, ObjectRewrapped
from telesphor.vault.erasure import check_objects, delete_abandoned, finish_erasures, sweep
from telesphor.vault.errors import ErasedBytesRemain, KeyMissing, ObjectHeld, PartForged, PartMissing
from telesphor.vault.errors import ObjectErased as ObjectErasedError
from telesphor.vault.model import UPLOAD_GRACE_SECONDS, UPLOAD_LIFETIME_SECONDS, ErasureReason, ObjectState
from telesphor.vault.objects import part_path
from tests.unit.vault.world import Denied, World


def record_only(world: World, draft: Draft) -> None:
    """Write an entry without what follows it: the process was killed in between."""
    from telesphor.runtime.capability import Body, CommandType, Decision
    from telesphor.runtime.machine import Request

    command = CommandType("test.only/1", Body, lambda actor, body, state: Decision((draft,)))
    world.machine.call_blocking(Request(world.owner, ((command, Body()),)))


def record_erasure(world: World, object_id: str) -> None:
    record_only(
        world, Draft("object.erased/1", f"object/{object_id}", ObjectErased(reason=ErasureReason.LEGAL))
    )


def test_an_erased_objects_wraps_are_not_on_the_disk_any_more(world: World) -> None:
    object_id = world.put(b"text")
    wraps = [wrap.sealed for wrap in world.vault.records.wraps(object_id)]
    assert len(wraps) == 3
    assert all(world.on_disk(sealed) for sealed in wraps)
    world.erase(object_id)
    assert not any(world.on_disk(sealed) for sealed in wraps)


def test_an_erased_objects_parts_are_not_in_the_store_any_more(world: World) -> None:
    object_id = world.put(bytes(5_000_000))
    assert len(list(world.blobs.list(f"objects/{object_id}"))) == 2
    world.erase(object_id)
    assert list(world.blobs.list(f"objects/{object_id}")) == []


def test_what_a_crash_left_half_written_is_erased_too(world: World) -> None:
    object_id = world.put(b"text")
    (world.folder / "vault" / "objects" / object_id / "00000001#1").write_bytes(b"half a part")
    world.erase(object_id)
    assert not any(path.is_file() for path in (world.folder / "vault").rglob("*"))


def test_an_object_that_a_hold_keeps_is_not_erased_and_stays_readable(world: World) -> None:
    object_id = world.put(b"text")
    world.holds.held[object_id] = (world.ids.next(),)
    for actor in (world.owner, world.hospital, world.node):
        with pytest.raises(ObjectHeld):
            world.erase(object_id, actor=actor)
    with pytest.raises(Denied):
        world.erase(object_id, actor=world.stranger)
    assert world.get(object_id) == b"text"
    world.holds.held.clear()
    world.erase(object_id)
    assert world.row(object_id).state is ObjectState.ERASED


def test_attempt_to_erase_what_a_hold_keeps_is_on_the_ledger(world: World) -> None:
    """Who asked, which object, which holds, and what access answered: durable before the refusal is told."""
    object_id, holds = world.put(b"text"), (world.ids.next(), world.ids.next())
    world.holds.held[object_id] = holds
    before = len(world.entries())
    with pytest.raises(ObjectHeld, match=object_id):
        world.erase(object_id)
    refused, noted = world.entries()[before:]
    assert (refused.type, refused.actor) == ("object.erase-refused/1", world.owner.id)
    assert refused.stream == f"object/{object_id}"
    assert (refused.body.reason, refused.body.holds) == ("patient-request", holds)
    assert (noted.type, noted.body.action, noted.body.allowed) == ("access.noted/1", "erase", True)


def test_whoever_may_not_erase_learns_of_no_hold_and_names_none_on_the_ledger(world: World) -> None:
    object_id = world.put(b"text")
    world.holds.held[object_id] = (world.ids.next(),)
    before = len(world.entries())
    with pytest.raises(Denied):
        world.erase(object_id, actor=world.stranger)
    assert [entry.type for entry in world.entries()[before:]] == ["access.noted/1"]


def test_erased_object_is_held_by_nothing(world: World) -> None:
    object_id = world.put(b"text")
    world.erase(object_id)
    world.holds.held[object_id] = (world.ids.next(),)
    before = len(world.entries())
    with pytest.raises(ObjectErasedError):
        world.erase(object_id)
    assert len(world.entries()) == before


def test_erasing_one_object_leaves_the_others(world: World) -> None:
    gone, kept = world.put(b"one"), world.put(b"two")
    world.erase(gone)
    assert world.get(kept) == b"two"


def test_old_proofs_stand_after_an_erasure(world: World) -> None:
    object_id = world.put(b"text")
    before = [entry.leaf for entry in world.entries()]
    root, path = root_of(before), inclusion_path(0, len(before), MemoryReader(before))
    world.erase(object_id)
    after = [entry.leaf for entry in world.entries()]
    assert after[: len(before)] == before
    verify_inclusion(leaf=after[0], index=0, size=len(before), path=path, root=root)


def test_a_kill_between_the_entry_and_the_deletion_leaves_no_key_after_the_next_start(world: World) -> None:
    object_id = world.put(b"text")
    finish_erasures(world.vault)
    wraps = [wrap.sealed for wrap in world.vault.records.wraps(object_id)]
    record_erasure(world, object_id)
    world.close()
    world.start()
    assert all(world.on_disk(sealed) for sealed in wraps)
    assert finish_erasures(world.vault) == 1
    assert not any(world.on_disk(sealed) for sealed in wraps)
    assert list(world.blobs.list(f"objects/{object_id}")) == []


def test_a_kill_between_the_entry_and_a_rewrap_is_made_up_for(world: World) -> None:
    object_id = world.put(b"text")
    draft = Draft("object.rewrapped/1", f"object/{object_id}", ObjectRewrapped(readers=(world.stranger.id,)))
    record_only(world, draft)
    finish_erasures(world.vault)
    holders = {wrap.actor for wrap in world.vault.records.wraps(object_id)}
    assert holders == {world.node.id, world.owner.id, world.stranger.id}


def test_finishing_is_harmless_when_repeated(world: World) -> None:
    kept, gone = world.put(b"one"), world.put(b"two")
    record_erasure(world, gone)
    assert finish_erasures(world.vault) == 2
    assert finish_erasures(world.vault) == 0
    assert world.get(kept) == b"one"


def test_finishing_goes_over_everything_that_older_records_did_not_see(world: World) -> None:
    """`vault.sqlite` was restored from before the erasure: the key is destroyed again."""
    import shutil

    object_id = world.put(b"text")
    world.close()
    shutil.copy(world.folder / "vault.sqlite", world.folder / "older.sqlite")
    world.start()
    world.erase(object_id)
    finish_erasures(world.vault)
    world.close()
    for path in world.folder.glob("vault.sqlite*"):
        path.unlink()
    shutil.copy(world.folder / "older.sqlite", world.folder / "vault.sqlite")
    world.start()
    assert world.vault.records.wraps(object_id) != []
    finish_erasures(world.vault)
    assert world.vault.records.wraps(object_id) == []


def test_one_damaged_record_does_not_keep_another_objects_key_alive(world: World) -> None:
    damaged, gone = world.put(b"one"), world.put(b"two")
    world.vault.records.forget_wraps(damaged, world.vault.records.wraps(damaged))
    record_erasure(world, gone)
    finish_erasures(world.vault)
    assert world.vault.records.wraps(gone) == []


def test_a_lost_key_is_never_made_anew(world: World) -> None:
    object_id = world.put(b"one")
    world.vault.records.forget_wraps(object_id, world.vault.records.wraps(object_id))
    with pytest.raises(KeyMissing, match=object_id):
        world.vault.settle(object_id)
    with pytest.raises(KeyMissing, match=object_id):
        world.read(object_id)


def test_a_store_that_fails_is_asked_again_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    object_id = world.put(b"text")
    finish_erasures(world.vault)
    record_erasure(world, object_id)

    def refuse(path: str) -> None:
        raise StorageFailed("the store refused")

    with monkeypatch.context() as patched:
        patched.setattr(world.blobs, "delete", refuse)
        with pytest.raises(StorageFailed):
            finish_erasures(world.vault)
    assert world.vault.records.wraps(object_id) == []
    assert finish_erasures(world.vault) == 1
    assert list(world.blobs.list(f"objects/{object_id}")) == []


def test_an_abandoned_upload_is_deleted_and_a_young_one_kept(world: World) -> None:
    old = world.begin()
    world.upload(old, b"never sealed")
    world.clock.advance_ms(UPLOAD_LIFETIME_SECONDS * 1000)
    young = world.begin()
    stored = world.upload(young, b"soon sealed")
    world.clock.advance_ms(UPLOAD_GRACE_SECONDS * 1000 + 1)
    sweep(world.vault)
    assert world.vault.records.upload(old.object) is None
    assert world.vault.records.wraps(old.object) == []
    assert list(world.blobs.list(f"objects/{old.object}")) == []
    world.seal(young.object, stored)
    assert world.get(young.object) == b"soon sealed"


def test_a_sealed_object_is_never_taken_for_abandoned(world: World) -> None:
    object_id = world.put(b"text")
    world.clock.advance_ms((UPLOAD_LIFETIME_SECONDS + UPLOAD_GRACE_SECONDS + 1) * 1000)
    assert delete_abandoned(world.vault) == 0
    assert world.get(object_id) == b"text"


def test_an_abandoned_upload_gets_no_new_key(world: World) -> None:
    ticket = world.begin()
    world.clock.advance_ms((UPLOAD_LIFETIME_SECONDS + UPLOAD_GRACE_SECONDS + 1) * 1000)
    sweep(world.vault)
    world.vault.settle(ObjectId(ticket.object))
    assert world.vault.records.wraps(ticket.object) == []


def found(world: World) -> list[TelesphorError]:
    return list(check_objects(world.vault))


def test_a_sound_vault_passes_its_check(world: World) -> None:
    world.put(b"one")
    world.erase(world.put(b"two"))
    world.begin()
    finish_erasures(world.vault)
    seen: list[str] = []
    assert list(check_objects(world.vault, lambda row: seen.append(row.object))) == []
    assert len(seen) == 3


def test_the_check_names_each_damaged_object(world: World) -> None:
    flipped, missing, remaining, sound = (world.put(b"text") for _ in range(4))
    data = bytearray(world.blobs.get(part_path(flipped, 0)))
    data[-1] ^= 1
    world.blobs.put(part_path(flipped, 0), data)
    world.blobs.delete(part_path(missing, 0))
    record_erasure(world, remaining)
    errors = found(world)
    assert [type(error) for error in errors] == [PartForged, PartMissing, ErasedBytesRemain]
    for error, object_id in zip(errors, (flipped, missing, remaining), strict=True):
        assert object_id in error.message
    assert not any(sound in error.message for error in errors)
