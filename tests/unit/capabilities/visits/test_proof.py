"""The bundle of a visit: what is in it, and that the verifier accepts it and nothing less."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telesphor.capabilities.visits.model import BundleNotReady, VisitMissing
from telesphor.capabilities.visits.proof import BundleSource, visit_bundle
from telesphor.client.requests import rotate_command
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.card import Role
from telesphor.kernel.clock import format_instant
from telesphor.kernel.levels import DEFAULT_LEVELS
from telesphor.ledger.bundles import UNCONFIRMED, Confirmations, index_cards
from telesphor.ledger.entries import EntryReader
from telesphor.verify.check_bundle import verify_bundle
from tests.support.trees import TreeInMemory
from tests.unit.capabilities.visits.clinic import Clinic, exporting, read, reading
from tests.unit.capabilities.world import ORIGIN, World
from tests.unit.verify.peers import NOTARY, START_MS, WITNESSES, Peer, cosign


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


def make_bundle(
    world: World,
    visit: str,
    *,
    size: int | None = None,
    signers: tuple[Peer, ...] = (),
    confirmations: Confirmations = UNCONFIRMED,
) -> bytes:
    tree = TreeInMemory(world.entries())
    checkpoint = tree.checkpoint(world.log, at_ms=world.clock.now_ms(), size=size)
    delay = (world.clock.now_ms() - START_MS) // 1000 + 1
    checkpoint = checkpoint._replace(note=cosign(checkpoint.note, signers, delay_seconds=delay))
    source = BundleSource(ORIGIN, world.log.vkeys(), tree, world.node.signing_key)
    return visit_bundle(
        visit,
        reader=EntryReader(world.path, world.registry),
        checkpoint=checkpoint,
        source=source,
        made_at=format_instant(world.clock.now_ms()),
        confirmations=confirmations,
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
    assert types.count("visit.object-linked/1") == 12
    assert types.count("object.read/1") == types.count("access.decided/1") == 3
    assert types.count("access.standing/1") == 1  # the device may record, as long as nothing changes
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
    [size] = [entry.position for entry in clinic.world.entries() if entry.type == "visit.closed/1"]
    with pytest.raises(BundleNotReady):
        make_bundle(clinic.world, visit, size=size)


def test_bundle_at_an_older_checkpoint_leaves_out_what_is_later(clinic: Clinic) -> None:
    world, visit = clinic.world, run_visit(clinic)
    entries = world.entries()
    assert entries[-1].type == "actor.retired/1"
    data = make_bundle(world, visit, size=len(entries) - 1)
    assert verify_bundle(data).passed
    assert entries[-1].position not in {entry.position for entry in read_bundle(data).entries}


def test_bundle_of_no_visit_is_refused(clinic: Clinic) -> None:
    with pytest.raises(VisitMissing):
        make_bundle(clinic.world, clinic.world.ids.next())


def test_same_ledger_gives_the_same_entries_in_order(clinic: Clinic) -> None:
    visit = run_visit(clinic)
    first, second = (read_bundle(make_bundle(clinic.world, visit)).entries for _ in range(2))
    assert first == second
    positions = [entry.position for entry in first]
    assert positions == sorted(set(positions))


def test_confirmations_of_the_checkpoint_go_into_the_bundle(clinic: Clinic) -> None:
    world, visit = clinic.world, run_visit(clinic)
    year_ms = 366 * 86_400_000
    signers = tuple(replace(peer, expires_ms=START_MS + year_ms) for peer in (*WITNESSES, NOTARY))
    log = Peer("log", "clinic.example", role=Role.LOG, expires_ms=START_MS + year_ms).card(key=world.log)
    idle = Peer("w9.idle.example", "idle.example").card()
    cards = index_cards([log, idle, *(peer.card() for peer in signers)])
    data = make_bundle(
        world,
        visit,
        signers=signers,
        confirmations=Confirmations(cards=cards, levels=DEFAULT_LEVELS.encode()),
    )
    bundle = read_bundle(data)
    assert set(bundle.cards.values()) == {*cards.values()} - {idle}
    assert bundle.levels == DEFAULT_LEVELS.encode()
    assert verify_bundle(data).level == "L4"
