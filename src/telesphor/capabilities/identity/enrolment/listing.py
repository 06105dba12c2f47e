"""Lists and counts of devices, for other capabilities that show them. Start at `list_devices`."""

from __future__ import annotations

from typing import NamedTuple

import apsw

from telesphor.capabilities.identity.enrolment import store
from telesphor.capabilities.identity.enrolment.model import Enrolment


class DeviceLine(NamedTuple):
    """A device as it was enrolled last, and its maker's name."""

    enrolment: Enrolment
    maker: str


class DeviceCounts(NamedTuple):
    """How many devices are in each state, and how many of the enrolled connected lately."""

    enrolled: int
    quarantined: int
    revoked: int
    connected_lately: int


def list_devices(db: apsw.Connection, *, after: str, count_max: int) -> list[DeviceLine]:
    """Return devices by id from behind `after`, whatever became of them."""
    found = (
        store.find_enrolment(db, device) for device in store.device_ids(db, after=after, limit=count_max)
    )
    return [DeviceLine(one, _maker_of(db, one)) for one in found if one is not None]


def find_device(db: apsw.Connection, device: str) -> DeviceLine | None:
    """Return one device as it was enrolled last; None where it never was."""
    found = store.find_enrolment(db, device)
    return None if found is None else DeviceLine(found, _maker_of(db, found))


def devices_of(db: apsw.Connection, owner: str, *, count_max: int) -> list[DeviceLine]:
    """Return the devices that measure for somebody, the newest first, whatever became of them."""
    found = (find_device(db, device) for device in store.devices_of(db, owner, limit=count_max))
    return [line for line in found if line is not None]


def count_devices(db: apsw.Connection, *, since_ms: int) -> DeviceCounts:
    """Count all devices; those that connected since then are connected lately."""
    states = store.count_states(db)
    return DeviceCounts(
        enrolled=states.get("enrolled", 0),
        quarantined=states.get("quarantined", 0),
        revoked=states.get("revoked", 0),
        connected_lately=store.count_seen_since(db, since_ms),
    )


def _maker_of(db: apsw.Connection, enrolment: Enrolment) -> str:
    maker = store.find_maker(db, enrolment.maker)
    return enrolment.maker if maker is None else maker.name
