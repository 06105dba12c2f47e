"""The bundle of a visit: what is in it, and that the verifier accepts it and nothing less."""

from __future__ import annotations

import pytest

from telesphor.capabilities.visits.model import BundleNotReady, VisitMissing
from telesphor.capabilities.visits.proof import BundleSource, gather_entries, visit_bundle
from telesphor.client.requests import rotate_command
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.checkpoint import Checkpoint
from telesphor.kernel.clock import format_instant
from telesphor.kernel.merkle import MemoryReader, inclusion_path, leaf_hash, root_of
from telesphor.ledger.checkpoints import PublishedCheckpoint
from telesphor.ledger.entries import EntryReader, RecordedEntry
from telesphor.verify.check_bundle import verify_bundle
from tests.unit.capabilities.visits.clinic import Clinic, exporting, read, reading
from tests.unit.capabilities.world import ORIGIN, World


class TreeInMemory:
    """Proofs from the ledger's own leaves."""

    def __init__(self, entries: list[RecordedEntry]) -> None:
        self.leaves = [leaf_hash(entry.data) for entry in entries]

    def inclusion(self, position: int, size: int) -> list[bytes]:
        return inclusion_path(position, size, MemoryReader(self.leaves[:size]))

    def checkpoint(self, world: World, size: int | None = None) -> PublishedCheckpoint:
        leaves = self.leaves[:size]
        seconds = world.clock.now_ms() // 1000
        note = world.log.sign(Checkpoint(ORIGIN, len(leaves), root_of(leaves)), time_seconds=seconds)
        return PublishedCheckpoint(len(leaves), seconds * 1000, note)


@pytest.fixture
def clinic(world: World) -> Clinic:
    return Clinic(world)


def run_visit(clinic: Clinic) -> str:
    """A visit with all sorts of steps, amid other things that do not belong to it."""
    world, visit = clinic.world, clinic.open()
    record = world.put(clinic.hospital, readers=(clinic.clinician.actor, clinic.patient.actor))
    world.ask(clinic.clinician, read(visit, record))
    clinic.add(visit, clinic.clinician, role="note")
    clinic.open()
    renewed = clinic.clinician.renew()
    world.ask(clinic.clinician, rotate_command(renewed, node=ORIGIN))
    clinic.clinician = renewed
    for _ in range(2):
        world.ask(clinic.device, reading(visit, world.put(clinic.device)))
    world.ask(clinic.patient, read(visit, record), read(visit, record))
    clinic.add(visit, clinic.patient, role="record")
    clinic.add(visit, clinic.clinician, role="recording")
    clinic.close(visit)
    world.ask(clinic.patient, exporting(visit))
    world.ask(clinic.hospital, ("actor.retire/1", {"id": clinic.device.actor}))
    return visit


def make_bundle(world: World, visit: str, *, size: int | None = None) -> bytes:
    tree = TreeInMemory(world.entries())
    source = BundleSource(ORIGIN, world.log.vkeys(), tree, world.node.signing_key)
    return visit_bundle(
        visit,
        reader=EntryReader(world.path, world.registry),
        checkpoint=tree.checkpoint(world, size),
        source=source,
        made_at=format_instant(world.clock.now_ms()),
    )


def test_verifier_accepts_the_bundle_of_a_visit(clinic: Clinic) -> None:
    visit = run_visit(clinic)
    report = verify_bundle(make_bundle(clinic.world, visit))
    assert report.verdict == "pass", report


def test_bundle_holds_the_visit_its_links_and_the_key_histories(clinic: Clinic) -> None:
    world, visit = clinic.world, run_visit(clinic)
    entries = {entry.position: entry for entry in world.entries()}
    found = read_bundle(make_bundle(world, visit))
    types = [entries[entry.position].type for entry in found.entries]
    assert types[0] == "node.created/1"
    assert types.count("actor.registered/1") == 4
    assert types.count("actor.key-rotated/1") == 1
    assert types.count("actor.retired/1") == 1
    assert types.count("visit.opened/1") == types.count("visit.closed/1") == 1
    assert types.count("visit.object-linked/1") == 8
    assert types.count("object.read/1") == 3
    assert types.count("object.sealed/1") == 3
    assert types.count("reading.recorded/1") == 2
    assert "visit.exported/1" not in types
    assert all(entry.data == entries[entry.position].data for entry in found.entries)


def test_bundle_at_a_later_checkpoint_verifies_too(clinic: Clinic) -> None:
    visit = run_visit(clinic)
    for _ in range(9):
        clinic.world.begin_object(clinic.patient)
    assert verify_bundle(make_bundle(clinic.world, visit)).verdict == "pass"


def test_bundle_of_an_open_visit_does_not_verify(clinic: Clinic) -> None:
    report = verify_bundle(make_bundle(clinic.world, clinic.open()))
    assert report.verdict == "fail"


def test_bundle_before_the_checkpoint_covers_the_visit_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    clinic.close(visit)
    size = len(clinic.world.entries()) - 1
    with pytest.raises(BundleNotReady):
        make_bundle(clinic.world, visit, size=size)


def test_bundle_of_no_visit_is_refused(clinic: Clinic) -> None:
    with pytest.raises(VisitMissing):
        make_bundle(clinic.world, clinic.world.ids.next())


def test_same_ledger_gives_the_same_entries_in_order(clinic: Clinic) -> None:
    visit = run_visit(clinic)
    reader = EntryReader(clinic.world.path, clinic.world.registry)
    positions = [entry.position for entry in gather_entries(visit, reader)]
    assert positions == sorted(set(positions))
