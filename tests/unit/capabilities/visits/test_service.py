"""The steps of a visit, and what nobody may do in one."""

from __future__ import annotations

import io

import pytest

from telesphor.capabilities.visits import scene
from telesphor.capabilities.visits.capability import STORE
from telesphor.capabilities.visits.model import BundleGrant
from telesphor.client.wallet import Wallet
from telesphor.kernel.digest import format_digest
from telesphor.kernel.merkle import leaf_hash, root_of
from telesphor.runtime.database import open_database
from tests.unit.capabilities.visits.clinic import Clinic, adding, closing, exporting, read, reading
from tests.unit.capabilities.world import World


@pytest.fixture
def clinic(world: World) -> Clinic:
    return Clinic(world)


# Opening.


@pytest.mark.parametrize("who", ["clinician", "hospital", "system"])
def test_clinician_organisation_or_system_opens_a_visit(clinic: Clinic, who: str) -> None:
    wallet = clinic.world.enrol("system") if who == "system" else getattr(clinic, who)
    visit = clinic.world.ids.next()
    clinic.world.ask(wallet, clinic.opening(visit))
    entry = clinic.story()[-1]
    assert (entry.type, entry.stream, entry.n, entry.actor) == (
        "visit.opened/1",
        f"visit/{visit}",
        0,
        wallet.actor,
    )
    assert (entry.body.patient, entry.body.clinician) == (clinic.patient.actor, clinic.clinician.actor)
    assert entry.body.devices == (clinic.device.actor,)


@pytest.mark.parametrize(
    ("who", "code"),
    [("patient", "not-a-participant"), ("device", "access-denied"), ("node", "access-denied")],
)
def test_visit_opened_by_patient_device_or_node_is_refused(clinic: Clinic, who: str, code: str) -> None:
    wallet = clinic.world.node if who == "node" else getattr(clinic, who)
    assert clinic.code_of(wallet, clinic.opening(clinic.world.ids.next())) == code


def test_visit_opened_for_another_clinician_is_refused(clinic: Clinic) -> None:
    assert (
        clinic.code_of(clinic.world.enrol("person"), clinic.opening(clinic.world.ids.next()))
        == "not-a-participant"
    )


def test_party_that_retires_in_the_same_request_is_refused(clinic: Clinic) -> None:
    retiring = ("actor.retire/1", {"id": clinic.patient.actor})
    opening = [clinic.opening(clinic.world.ids.next()) for _ in range(2)]
    assert clinic.code_of(clinic.hospital, opening[0], retiring, opening[1]) == "actor-retired"
    clinic.world.ask(clinic.hospital, *opening)  # it has not retired: that request is gone as a whole


def test_visit_id_used_before_is_refused(clinic: Clinic) -> None:
    assert clinic.code_of(clinic.clinician, clinic.opening(clinic.open())) == "visit-exists"


def test_id_of_a_closed_visit_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    clinic.close(visit)
    assert clinic.code_of(clinic.clinician, clinic.opening(visit)) == "visit-exists"


def test_visit_with_somebody_unregistered_is_refused(clinic: Clinic) -> None:
    opening = clinic.opening(clinic.world.ids.next(), patient=clinic.world.ids.next())
    assert clinic.code_of(clinic.clinician, opening) == "actor-missing"


def test_visit_with_a_retired_patient_is_refused(clinic: Clinic) -> None:
    clinic.world.ask(clinic.hospital, ("actor.retire/1", {"id": clinic.patient.actor}))
    assert clinic.code_of(clinic.clinician, clinic.opening(clinic.world.ids.next())) == "actor-retired"


@pytest.mark.parametrize(
    "changes",
    [
        {"patient": "device"},
        {"patient": "hospital"},
        {"patient": "clinician"},
        {"devices": ["patient"]},
        {"devices": ["device", "device"]},
    ],
)
def test_visit_with_somebody_in_the_wrong_part_is_refused(
    clinic: Clinic, changes: dict[str, str | list[str]]
) -> None:
    def actor(name: str) -> str:
        return str(getattr(clinic, name).actor)

    named = {
        key: actor(v) if isinstance(v, str) else [actor(name) for name in v] for key, v in changes.items()
    }
    opening = clinic.opening(clinic.world.ids.next(), **named)
    assert clinic.code_of(clinic.clinician, opening) == "participant-refused"


def test_visit_with_too_many_devices_is_refused(clinic: Clinic) -> None:
    opening = clinic.opening(clinic.world.ids.next(), devices=[clinic.device.actor] * 33)
    assert clinic.code_of(clinic.clinician, opening) == "command-refused"


# Reading.


def test_read_leaves_its_entry_and_its_link_and_gives_the_vaults_ticket(clinic: Clinic) -> None:
    world, visit = clinic.world, clinic.open()
    record = world.put(clinic.hospital, b"record", readers=(clinic.clinician.actor,))
    receipt = world.ask(clinic.clinician, read(visit, record))
    decided, done, link, access = world.entries()[-4:]
    assert (decided.type, decided.body.outcome) == ("access.decided/1", "allow")
    assert (done.type, done.stream, done.body.visit) == ("object.read/1", f"object/{record}", visit)
    assert (link.type, link.stream) == ("visit.object-linked/1", f"visit/{visit}")
    assert (link.body.stream, link.body.n, link.body.role) == (done.stream, done.n, "read")
    assert (access.body.stream, access.body.n, access.body.role) == (decided.stream, decided.n, "access")
    target = io.BytesIO()
    world.vault.send(receipt.results[0].ticket, target)
    assert target.getvalue() == b"record"


def test_each_read_is_linked_for_itself(clinic: Clinic) -> None:
    visit = clinic.open()
    record = clinic.world.put(clinic.patient, readers=(clinic.clinician.actor,))
    clinic.world.ask(clinic.clinician, read(visit, record), read(visit, record))
    links = [entry.body for entry in clinic.story() if entry.type == "visit.object-linked/1"]
    assert [link.n for link in links if link.role == "read"] == [2, 3]
    assert [link.n for link in links if link.role == "access"] == [1, 2]


def test_read_by_a_participant_who_is_no_reader_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    record = clinic.world.put(clinic.hospital, readers=(clinic.clinician.actor,))
    assert clinic.code_of(clinic.patient, read(visit, record)) == "access-denied"


@pytest.mark.parametrize("who", ["device", "hospital", "stranger"])
def test_read_in_a_visit_by_who_has_no_part_is_refused(clinic: Clinic, who: str) -> None:
    wallet = clinic.world.enrol("person") if who == "stranger" else getattr(clinic, who)
    record = clinic.world.put(clinic.patient, readers=(wallet.actor,))
    assert clinic.code_of(wallet, read(clinic.open(), record)) == "not-a-participant"


def test_read_in_a_closed_visit_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    record = clinic.world.put(clinic.patient)
    clinic.close(visit)
    assert clinic.code_of(clinic.patient, read(visit, record)) == "visit-closed"


def test_read_in_no_visit_is_refused(clinic: Clinic) -> None:
    record = clinic.world.put(clinic.patient)
    assert clinic.code_of(clinic.patient, read(clinic.world.ids.next(), record)) == "visit-missing"


def test_read_of_an_erased_object_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    record = clinic.world.put(clinic.patient)
    clinic.world.ask(clinic.patient, ("object.erase/1", {"object": record, "reason": "patient-request"}))
    assert clinic.code_of(clinic.patient, read(visit, record)) == "object-erased"


@pytest.mark.parametrize(("location", "allowed"), [(None, False), ("US-OR", False), ("US-WA", True)])
def test_rule_about_places_is_asked_with_the_place_that_the_reader_names(
    clinic: Clinic, location: str | None, allowed: bool
) -> None:
    rule = (
        '@id("at-home") forbid (principal, action == Telesphor::Action::"read", resource)'
        ' unless { context has location && context.location == "US-WA" };'
    )
    clinic.world.ask(clinic.hospital, ("policy.set/1", {"slot": "rules", "policies": rule}))
    visit, record = clinic.open(), clinic.world.put(clinic.patient)
    asked = {"visit": visit, "object": record, "purpose": "treatment", "location": location}
    if allowed:
        receipt = clinic.world.ask(clinic.patient, ("visit.read-object/1", asked))
        clinic.world.vault.send(receipt.results[0].ticket, io.BytesIO())
    else:
        assert clinic.code_of(clinic.patient, ("visit.read-object/1", asked)) == "access-denied"


def test_place_that_is_an_address_is_refused(clinic: Clinic) -> None:
    visit, record = clinic.open(), clinic.world.put(clinic.patient)
    asked = {"visit": visit, "object": record, "purpose": "treatment", "location": "12 Elm Street"}
    assert clinic.code_of(clinic.patient, ("visit.read-object/1", asked)) == "command-refused"


# Adding.


@pytest.mark.parametrize("role", ["note", "recording", "record"])
def test_participant_adds_a_sealed_object_of_its_own(clinic: Clinic, role: str) -> None:
    visit = clinic.open()
    object_id = clinic.add(visit, clinic.clinician, role=role)
    sealed, link = clinic.story()[-2:]
    assert sealed.type == "object.sealed/1"
    assert (link.body.stream, link.body.n, link.body.role) == (f"object/{object_id}", sealed.n, role)


def test_link_names_the_seal_also_after_a_resumed_upload_and_later_reads(clinic: Clinic) -> None:
    world, visit = clinic.world, clinic.open()
    object_id = world.begin_object(clinic.patient)
    world.ask(clinic.patient, ("object.resume/1", {"object": object_id}))
    stored = world.vault.receive(world.ticket, io.BytesIO(b"note"))
    seal = {"object": object_id, "size": stored.size, "digest": stored.digest}
    world.ask(clinic.patient, ("object.seal/1", seal))
    world.ask(clinic.patient, ("object.read/1", {"object": object_id, "purpose": "treatment", "visit": None}))
    world.ask(clinic.patient, adding(visit, object_id))
    assert clinic.story()[-1].body.n == 2


@pytest.mark.parametrize("role", ["read", "reading", "photo"])
def test_role_that_is_not_for_adding_is_refused(clinic: Clinic, role: str) -> None:
    note = clinic.world.put(clinic.clinician)
    assert clinic.code_of(clinic.clinician, adding(clinic.open(), note, role=role)) == "command-refused"


def test_object_of_another_participant_is_refused(clinic: Clinic) -> None:
    note = clinic.world.put(clinic.patient, readers=(clinic.clinician.actor,))
    assert clinic.code_of(clinic.clinician, adding(clinic.open(), note)) == "not-the-owner"


def test_object_that_is_not_sealed_is_refused(clinic: Clinic) -> None:
    note = clinic.world.begin_object(clinic.clinician)
    assert clinic.code_of(clinic.clinician, adding(clinic.open(), note)) == "object-not-sealed"


def test_object_written_for_another_visit_is_refused(clinic: Clinic) -> None:
    note = clinic.world.put(clinic.clinician, visit=clinic.open())
    assert clinic.code_of(clinic.clinician, adding(clinic.open(), note)) == "object-of-another-visit"


def test_object_linked_twice_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    note = clinic.add(visit, clinic.clinician)
    assert clinic.code_of(clinic.clinician, adding(visit, note)) == "already-linked"


def test_clinician_of_another_visit_linking_is_refused(clinic: Clinic) -> None:
    stranger = clinic.world.enrol("person")
    other = clinic.world.ids.next()
    clinic.world.ask(stranger, clinic.opening(other, clinician=stranger.actor))
    note = clinic.world.put(stranger)
    assert clinic.code_of(stranger, adding(clinic.open(), note)) == "not-a-participant"


@pytest.mark.parametrize("who", ["device", "hospital"])
def test_object_added_by_device_or_organisation_is_refused(clinic: Clinic, who: str) -> None:
    wallet: Wallet = getattr(clinic, who)
    assert clinic.code_of(wallet, adding(clinic.open(), clinic.world.put(wallet))) == "not-a-participant"


def test_object_added_to_a_closed_visit_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    note = clinic.world.put(clinic.clinician)
    clinic.close(visit)
    assert clinic.code_of(clinic.clinician, adding(visit, note)) == "visit-closed"


def test_object_added_and_visit_closed_twice_in_one_request_leaves_nothing(clinic: Clinic) -> None:
    visit = clinic.open()
    note = clinic.world.put(clinic.clinician)
    assert clinic.code_of(clinic.clinician, closing(visit), adding(visit, note)) == "visit-closed"
    clinic.world.ask(clinic.clinician, adding(visit, note), closing(visit))


def test_full_visit_takes_no_more_but_closes(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "VISIT_ENTRIES_MAX", 3)
    visit = clinic.open()
    clinic.add(visit, clinic.clinician)
    note = clinic.world.put(clinic.clinician)
    assert clinic.code_of(clinic.clinician, adding(visit, note)) == "visit-full"
    clinic.close(visit)


# Readings.


def test_reading_of_a_registered_device_is_recorded_and_linked(clinic: Clinic) -> None:
    world, visit = clinic.world, clinic.open()
    values = world.put(clinic.device, visit=visit)
    world.ask(clinic.device, reading(visit, values))
    done, link, ground = clinic.story()[-3:]
    assert (done.type, done.stream, done.body.visit) == (
        "reading.recorded/1",
        f"readings/{clinic.device.actor}",
        visit,
    )
    assert (link.body.stream, link.body.n, link.body.role) == (done.stream, done.n, "reading")
    [decided] = [
        entry for entry in world.entries() if entry.type == "access.standing/1" and entry.actor == done.actor
    ]
    assert (ground.body.stream, ground.body.n, ground.body.role) == (decided.stream, decided.n, "access")
    assert done.evidence == link.evidence


def test_reading_of_a_device_that_is_not_of_the_visit_is_refused(clinic: Clinic) -> None:
    other = clinic.world.enrol("device")
    assert clinic.code_of(other, reading(clinic.open(), clinic.world.put(other))) == "not-a-participant"


@pytest.mark.parametrize("who", ["patient", "clinician"])
def test_reading_by_a_person_is_refused(clinic: Clinic, who: str) -> None:
    wallet: Wallet = getattr(clinic, who)
    assert clinic.code_of(wallet, reading(clinic.open(), clinic.world.put(wallet))) == "not-permitted"


def test_reading_for_a_closed_visit_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    values = clinic.world.put(clinic.device)
    clinic.close(visit)
    assert clinic.code_of(clinic.device, reading(visit, values)) == "visit-closed"


def test_reading_recorded_for_two_visits_is_refused(clinic: Clinic) -> None:
    first, second = clinic.open(), clinic.open()
    values = clinic.world.put(clinic.device)
    clinic.world.ask(clinic.device, reading(first, values))
    assert clinic.code_of(clinic.device, reading(second, values)) == "reading-exists"


def test_reading_written_for_another_visit_is_refused(clinic: Clinic) -> None:
    values = clinic.world.put(clinic.device, visit=clinic.open())
    assert clinic.code_of(clinic.device, reading(clinic.open(), values)) == "object-of-another-visit"


# Closing.


def test_closing_commits_to_every_entry_of_the_visit(clinic: Clinic) -> None:
    visit = clinic.open()
    for wallet in (clinic.clinician, clinic.patient, clinic.clinician):
        clinic.add(visit, wallet)
    clinic.close(visit)
    *steps, closed = [entry for entry in clinic.story() if entry.stream == f"visit/{visit}"]
    assert (closed.type, closed.n) == ("visit.closed/1", 4)
    assert closed.body.count == len(steps) == 4
    assert closed.body.root == format_digest(root_of([leaf_hash(entry.data) for entry in steps]))


def test_visit_without_any_step_closes(clinic: Clinic) -> None:
    visit = clinic.open()
    clinic.close(visit)
    assert clinic.story()[-1].body.count == 1


def test_whoever_opened_a_visit_and_an_organisation_close_it(clinic: Clinic) -> None:
    system = clinic.world.enrol("system")
    first, second = clinic.world.ids.next(), clinic.world.ids.next()
    clinic.world.ask(system, clinic.opening(first), clinic.opening(second))
    clinic.world.ask(system, closing(first))
    clinic.world.ask(clinic.hospital, closing(second))


def test_visit_closed_by_its_patient_is_refused(clinic: Clinic) -> None:
    assert clinic.code_of(clinic.patient, closing(clinic.open())) == "not-a-participant"


@pytest.mark.parametrize("who", ["device", "stranger", "system", "node"])
def test_visit_closed_by_who_may_not_is_denied(clinic: Clinic, who: str) -> None:
    world = clinic.world
    others = {"stranger": "person", "system": "system"}
    wallet = (
        world.node if who == "node" else world.enrol(others[who]) if who in others else getattr(clinic, who)
    )
    assert clinic.code_of(wallet, closing(clinic.open())) == "access-denied"


def test_visit_closed_twice_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    clinic.close(visit)
    assert clinic.code_of(clinic.clinician, closing(visit)) == "visit-closed"


# Exporting.


@pytest.mark.parametrize("who", ["patient", "clinician", "hospital"])
def test_export_is_an_entry_of_its_own_stream_and_gives_a_ticket(clinic: Clinic, who: str) -> None:
    wallet: Wallet = getattr(clinic, who)
    visit = clinic.open()
    clinic.close(visit)
    answer = clinic.world.ask(wallet, exporting(visit)).results[0]
    entry = clinic.story()[-1]
    assert (entry.type, entry.stream, entry.n) == ("visit.exported/1", f"exports/{visit}", 0)
    assert entry.body.entries == 2
    assert answer.path == f"/v1/visits/{visit}/bundle"
    grant = clinic.world.tickets.redeem(answer.ticket, BundleGrant)
    assert (grant.visit, grant.actor) == (visit, wallet.actor)


def test_export_of_an_open_visit_is_refused(clinic: Clinic) -> None:
    assert clinic.code_of(clinic.clinician, exporting(clinic.open())) == "visit-not-closed"


@pytest.mark.parametrize("who", ["device", "stranger", "system"])
def test_export_by_who_has_no_part_is_denied(clinic: Clinic, who: str) -> None:
    visit = clinic.open()
    clinic.close(visit)
    wallet = clinic.device if who == "device" else clinic.world.enrol("person" if who == "stranger" else who)
    assert clinic.code_of(wallet, exporting(visit)) == "access-denied"


# The fold.


def test_replaying_the_entries_gives_the_same_tables(clinic: Clinic) -> None:
    world, visit = clinic.world, clinic.open()
    clinic.add(visit, clinic.clinician)
    world.ask(clinic.device, reading(visit, world.put(clinic.device)))
    clinic.close(visit)
    clinic.open()
    again = open_database(":memory:")
    again.execute(STORE.schema)
    for entry in clinic.story():
        if entry.type.startswith("visit."):
            STORE.apply(again, entry)
    for table in ("visits", "visit_devices", "visit_links", "visit_lives", "visit_seats"):
        rows = f'SELECT * FROM "{table}" ORDER BY 1, 2'
        assert list(again.execute(rows)) == list(world.db.execute(rows)) != []
