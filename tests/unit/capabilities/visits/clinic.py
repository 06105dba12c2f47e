"""A patient, a clinician, a device and a hospital at one node, for tests of visits."""

from __future__ import annotations

import pytest

from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.kernel.commitment import commit
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.capability import Receipt
from tests.unit.capabilities.world import START_MS, World


class Clinic:
    """The usual cast, and short names for what they ask."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hospital = world.enrol("organisation")
        self.patient = world.enrol("person", by=self.hospital)
        self.clinician = world.enrol("person", by=self.hospital)
        self.device = world.enrol("device", by=self.hospital)

    def opening(self, visit: str, **changes: object) -> Command:
        body: dict[str, object] = {
            "visit": visit,
            "patient": self.patient.actor,
            "clinician": self.clinician.actor,
            "devices": [self.device.actor],
        }
        return "visit.open/1", {**body, **changes}

    def open(self) -> str:
        """Open a visit; returns its id."""
        visit = self.world.ids.next()
        self.world.ask(self.clinician, self.opening(visit))
        return visit

    def close(self, visit: str) -> Receipt:
        return self.world.ask(self.clinician, ("visit.close/1", {"visit": visit}))

    def add(self, visit: str, wallet: Wallet, *, role: str = "note") -> str:
        """Write, seal and link an object."""
        object_id = self.world.put(wallet, visit=visit)
        self.world.ask(wallet, adding(visit, object_id, role=role))
        return object_id

    def code_of(self, wallet: Wallet, *commands: Command) -> str:
        """The code with which a signed request is refused; nothing may have been written but that access is denied."""
        before = len(self.world.entries())
        with pytest.raises(TelesphorError) as caught:
            self.world.ask(wallet, *commands)
        written = self.world.entries()[before:]
        if caught.value.code == "access-denied":
            (denial,) = written
            assert (denial.actor, denial.body.outcome) == (wallet.actor, "deny")
        else:
            assert written == []
        return caught.value.code

    def story(self) -> list[RecordedEntry]:
        """What happened, without the decisions that allowed it."""
        return self.world.story()


def adding(visit: str, object_id: str, *, role: str = "note") -> Command:
    return "visit.add-object/1", {"visit": visit, "object": object_id, "role": role}


def reading(visit: str, object_id: str) -> Command:
    return "visit.record-reading/1", {
        "visit": visit,
        "object": object_id,
        "kind": "heart-rate",
        "count": 60,
        "from": format_instant(START_MS - 60_000),
        "to": format_instant(START_MS),
        "commitment": commit(b"[72]", key32=bytes(32)),
    }


def read(visit: str, object_id: str) -> Command:
    return "visit.read-object/1", {"visit": visit, "object": object_id, "purpose": "treatment"}


def closing(visit: str) -> Command:
    return "visit.close/1", {"visit": visit}


def exporting(visit: str) -> Command:
    return "visit.export/1", {"visit": visit}
