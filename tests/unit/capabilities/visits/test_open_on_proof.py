"""A visit that goes on from one in another organisation's ledger: only on an accepted fact, and provably."""

from __future__ import annotations

from typing import Any

import pytest

from telesphor.capabilities.interchain.model import ProofRefused
from telesphor.client.requests import Command
from telesphor.kernel.bundle import read_bundle
from telesphor.kernel.entry import parse_entry
from telesphor.verify.check_bundle import verify_bundle
from tests.unit.capabilities.interchain.hospital import CLOSING, Hospital
from tests.unit.capabilities.visits.clinic import Clinic, adding
from tests.unit.capabilities.visits.test_proof import make_bundle
from tests.unit.capabilities.world import World
from tests.vectors.bundles.case import good_bundle


@pytest.fixture
def clinic(world: World) -> Clinic:
    return Clinic(world)


@pytest.fixture
def hospital(world: World) -> Hospital:
    return Hospital(world)


def on_proof(clinic: Clinic, visit: str, proof: str, /, **changes: object) -> Command:
    more = {"proof": proof, "position": CLOSING, **changes}
    return "visit.open-on-proof/1", clinic.opening(visit, **more)[1]


@pytest.mark.parametrize("who", ["clinician", "hospital", "system"])
def test_visit_is_opened_on_an_accepted_fact(clinic: Clinic, hospital: Hospital, who: str) -> None:
    wallet = hospital.system if who == "system" else getattr(clinic, who)
    proof, _ = hospital.accept()
    visit = clinic.world.ids.next()
    clinic.world.ask(wallet, on_proof(clinic, visit, proof))
    opened, link = clinic.story()[-2:]
    assert (opened.type, opened.stream, opened.n) == ("visit.opened/1", f"visit/{visit}", 0)
    assert (opened.body.patient, opened.body.clinician) == (clinic.patient.actor, clinic.clinician.actor)
    assert (link.type, link.stream, link.n) == ("visit.object-linked/1", f"visit/{visit}", 1)
    assert (link.body.stream, link.body.n, link.body.role) == (f"proof/{proof}", 1, "proof")


def test_link_leads_to_the_acceptance_however_often_the_proof_was_announced(
    clinic: Clinic, hospital: Hospital
) -> None:
    proof, command = hospital.submitting(good_bundle())
    hospital.grant(hospital.system, command)
    clinic.world.desk.judge(hospital.grant(hospital.system, command), good_bundle())
    clinic.world.ask(clinic.clinician, on_proof(clinic, clinic.world.ids.next(), proof))
    assert clinic.story()[-1].body.n == 2


def test_visit_on_a_proof_that_nobody_submitted_is_refused(clinic: Clinic) -> None:
    ids = clinic.world.ids
    assert clinic.code_of(clinic.clinician, on_proof(clinic, ids.next(), ids.next())) == "fact-missing"


def test_visit_on_a_proof_that_is_still_open_is_refused(clinic: Clinic, hospital: Hospital) -> None:
    proof = hospital.submit(good_bundle()).proof
    command = on_proof(clinic, clinic.world.ids.next(), proof)
    assert clinic.code_of(clinic.clinician, command) == "fact-missing"


def test_visit_on_a_refused_proof_is_refused(clinic: Clinic, hospital: Hospital) -> None:
    clinic.world.partners.clear()
    grant = hospital.submit(good_bundle())
    with pytest.raises(ProofRefused):
        clinic.world.desk.judge(grant, good_bundle())
    command = on_proof(clinic, clinic.world.ids.next(), grant.proof)
    assert clinic.code_of(clinic.clinician, command) == "fact-missing"


@pytest.mark.parametrize("position", [0, CLOSING + 1, CLOSING - 1])
def test_visit_on_a_fact_that_closes_no_visit_is_refused(
    clinic: Clinic, hospital: Hospital, position: int
) -> None:
    proof, _ = hospital.accept(None, 0, CLOSING)
    command = on_proof(clinic, clinic.world.ids.next(), proof, position=position)
    assert clinic.code_of(clinic.clinician, command) == "fact-missing"


@pytest.mark.parametrize(
    ("who", "code"),
    [("patient", "not-a-participant"), ("device", "access-denied"), ("node", "access-denied")],
)
def test_visit_on_a_proof_opened_by_who_may_open_none_is_refused(
    clinic: Clinic, hospital: Hospital, who: str, code: str
) -> None:
    proof, _ = hospital.accept()
    wallet = clinic.world.node if who == "node" else getattr(clinic, who)
    assert clinic.code_of(wallet, on_proof(clinic, clinic.world.ids.next(), proof)) == code


def test_visit_id_used_before_is_refused_on_a_proof_too(clinic: Clinic, hospital: Hospital) -> None:
    proof, _ = hospital.accept()
    assert clinic.code_of(clinic.clinician, on_proof(clinic, clinic.open(), proof)) == "visit-exists"


@pytest.mark.parametrize("changes", [{"position": -1}, {"proof": "visit"}, {"role": "proof"}], ids=str)
def test_body_out_of_its_bounds_is_refused(clinic: Clinic, changes: dict[str, Any]) -> None:
    ids = clinic.world.ids
    command = on_proof(clinic, ids.next(), ids.next(), **changes)
    assert clinic.code_of(clinic.clinician, command) == "command-refused"


def test_nobody_adds_a_proof_as_an_object(clinic: Clinic) -> None:
    visit = clinic.open()
    record = clinic.world.put(clinic.clinician, visit=visit)
    assert clinic.code_of(clinic.clinician, adding(visit, record, role="proof")) == "command-refused"


def test_bundle_of_such_a_visit_holds_the_acceptance_and_verifies(clinic: Clinic, hospital: Hospital) -> None:
    world = clinic.world
    proof, _ = hospital.accept(None, 0, CLOSING)
    visit = world.ids.next()
    world.ask(clinic.clinician, on_proof(clinic, visit, proof))
    clinic.add(visit, clinic.clinician)
    clinic.close(visit)
    data = make_bundle(world, visit)
    report = verify_bundle(data)
    assert report.passed, report.to_text()
    held = [parse_entry(entry.data) for entry in read_bundle(data).entries]
    (accepted,) = [entry for entry in held if entry.type == "interchain.proof-accepted/1"]
    assert accepted.stream == f"proof/{proof}"
    assert "interchain.proof-submitted/1" not in [entry.type for entry in held]
