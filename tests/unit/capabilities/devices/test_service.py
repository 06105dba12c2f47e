"""Readings of devices, and each way they are refused."""

from __future__ import annotations

import pytest

from telesphor.capabilities.devices import store as devices_store
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.kernel.commitment import commit
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.world import START_MS, World


@pytest.fixture
def device(world: World) -> Wallet:
    return world.enrol("device")


def reading(object_id: str, **changes: object) -> Command:
    body: dict[str, object] = {
        "object": object_id,
        "kind": "heart-rate",
        "count": 60,
        "from": format_instant(START_MS - 60_000),
        "to": format_instant(START_MS),
        "commitment": commit(b"[72]", key32=bytes(32)),
    }
    body.update(changes)
    return "reading.record/1", body


def code_of(world: World, wallet: Wallet, command: Command) -> str:
    before = len(world.story())
    with pytest.raises(TelesphorError) as caught:
        world.ask(wallet, command)
    assert len(world.story()) == before
    return caught.value.code


def test_device_records_readings_on_its_own_stream(world: World, device: Wallet) -> None:
    first, second = world.put(device), world.put(device)
    world.ask(device, reading(first), reading(second))
    entries = world.story()[-2:]
    assert [(entry.stream, entry.n) for entry in entries] == [(f"readings/{device.actor}", n) for n in (0, 1)]
    assert [entry.body.object for entry in entries] == [first, second]
    assert entries[0].body.visit is None
    assert b'"from":"' in entries[0].data
    assert b'"to":"' in entries[0].data


@pytest.mark.parametrize(
    ("kind", "code"),
    [("person", "access-denied"), ("organisation", "access-denied"), ("system", "not-permitted")],
)
def test_reading_by_who_is_no_device_is_refused(world: World, kind: str, code: str) -> None:
    """What the rules of access allow a system to ask for, the capability still takes from devices alone."""
    wallet = world.enrol(kind)
    assert code_of(world, wallet, reading(world.put(wallet))) == code


def test_reading_of_another_devices_object_is_refused(world: World, device: Wallet) -> None:
    other = world.put(world.enrol("device"), readers=(device.actor,))
    assert code_of(world, device, reading(other)) == "not-the-owner"


def test_reading_of_an_object_that_is_not_sealed_is_refused(world: World, device: Wallet) -> None:
    assert code_of(world, device, reading(world.begin_object(device))) == "object-not-sealed"


def test_reading_of_an_erased_object_is_refused(world: World, device: Wallet) -> None:
    object_id = world.put(device)
    world.ask(device, ("object.erase/1", {"object": object_id, "reason": "error"}))
    assert code_of(world, device, reading(object_id)) == "object-erased"


def test_reading_of_no_object_is_refused(world: World, device: Wallet) -> None:
    assert code_of(world, device, reading(world.ids.next())) == "object-missing"


def test_object_recorded_twice_is_refused(world: World, device: Wallet) -> None:
    object_id = world.put(device)
    world.ask(device, reading(object_id))
    assert code_of(world, device, reading(object_id)) == "reading-exists"


def test_reading_that_ends_before_it_begins_is_refused(world: World, device: Wallet) -> None:
    command = reading(world.put(device), to=format_instant(START_MS - 60_001))
    assert code_of(world, device, command) == "reading-span-refused"


def test_reading_from_the_future_is_refused(world: World, device: Wallet) -> None:
    object_id = world.put(device)
    world.ask(device, reading(object_id, to=format_instant(START_MS + 300_000)))
    command = reading(world.put(device), to=format_instant(START_MS + 300_001))
    assert code_of(world, device, command) == "reading-span-refused"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "mood"},
        {"count": 0},
        {"count": "60"},
        {"count": 10_000_001},
        {"commitment": "sha256:" + "0" * 64},
        {"from": "yesterday"},
        {"begin": "2026-11-22T11:51:15.123Z"},
        {"visit": None},
    ],
)
def test_reading_of_another_shape_is_refused(
    world: World, device: Wallet, changes: dict[str, object]
) -> None:
    assert code_of(world, device, reading(world.put(device), **changes)) == "command-refused"


def test_replaying_the_readings_gives_the_same_table(world: World, device: Wallet) -> None:
    world.ask(device, reading(world.put(device)))
    rows = list(world.db.execute("SELECT * FROM readings"))
    world.db.execute("DELETE FROM readings")
    devices_store.apply(world.db, world.story()[-1])
    assert list(world.db.execute("SELECT * FROM readings")) == rows != []
