"""What a visit rests on is linked by name: only what is there, fits its role, and is about somebody of the visit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.ledger import lookup
from telesphor.verify.check_bundle import verify_bundle
from tests.support.papers import papers_capability, put_papers
from tests.unit.capabilities.visits.clinic import Clinic
from tests.unit.capabilities.visits.test_proof import make_bundle
from tests.unit.capabilities.world import World

TYPES = (
    "token.minted/1",
    "group.formed/1",
    "break-glass.opened/1",
    "device.connected/1",
    "device.connect-refused/1",
    "contract.executed/1",
)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    world = World(tmp_path, papers_capability(*TYPES))
    world.begin()
    yield Clinic(world)
    world.close()


def linking(visit: str, stream: str, n: int = 0, *, role: str = "access") -> Command:
    return "visit.link/1", {"visit": visit, "stream": stream, "n": n, "role": role}


def about(clinic: Clinic, subject: Wallet) -> str:
    """A record of the hospital's about somebody; nobody else reads it."""
    record = clinic.world.ids.next()
    body: dict[str, object] = {
        "object": record,
        "media_type": "application/fhir+json",
        "readers": [],
        "visit": None,
        "subject": subject.actor,
    }
    clinic.world.ask(clinic.hospital, ("object.write/1", body))
    return record


def denied(clinic: Clinic, wallet: Wallet, record: str) -> tuple[str, int]:
    """A denied read: where its decision stands."""
    asked = ("object.read/1", {"object": record, "purpose": "treatment", "visit": None})
    assert clinic.code_of(wallet, asked) == "access-denied"
    entry = clinic.world.entries()[-1]
    return entry.stream, entry.n


def put(clinic: Clinic, type: str, *, by: Wallet, kind: str = "") -> str:
    """An entry of this type by somebody; its stream."""
    stream = f"{kind or type.split('.')[0]}/{clinic.world.ids.next()}"
    clinic.world.ask(by, put_papers(type, stream))
    return stream


@pytest.mark.parametrize("who", ["patient", "clinician", "hospital"])
def test_participant_or_organisation_links_what_a_participant_was_denied(clinic: Clinic, who: str) -> None:
    visit = clinic.open()
    stream, n = denied(clinic, clinic.clinician, about(clinic, clinic.patient))
    clinic.world.ask(getattr(clinic, who), linking(visit, stream, n))
    link = clinic.world.entries()[-1]
    assert (link.type, link.stream) == ("visit.object-linked/1", f"visit/{visit}")
    assert (link.body.stream, link.body.n, link.body.role) == (stream, n, "access")


def test_denial_of_an_outsider_about_the_patient_is_linked_by_the_organisation_and_proved(
    clinic: Clinic,
) -> None:
    visit, outsider = clinic.open(), clinic.world.enrol("person")
    stream, n = denied(clinic, outsider, about(clinic, clinic.patient))
    clinic.world.ask(clinic.hospital, linking(visit, stream, n))
    clinic.close(visit)
    report = verify_bundle(make_bundle(clinic.world, visit))
    assert report.passed, report.to_text()


@pytest.mark.parametrize("who", ["patient", "clinician"])
def test_denial_of_an_outsider_linked_by_a_participant_is_refused(clinic: Clinic, who: str) -> None:
    visit, outsider = clinic.open(), clinic.world.enrol("person")
    stream, n = denied(clinic, outsider, about(clinic, clinic.patient))
    assert clinic.code_of(getattr(clinic, who), linking(visit, stream, n)) == "not-a-participant"


def test_denial_about_another_patient_is_refused(clinic: Clinic) -> None:
    """Else the proof of one patient's visit would tell of another patient."""
    visit, outsider = clinic.open(), clinic.world.enrol("person")
    stream, n = denied(clinic, outsider, about(clinic, clinic.world.enrol("person")))
    assert clinic.code_of(clinic.hospital, linking(visit, stream, n)) == "not-a-ground"


def test_own_decision_about_another_patient_is_refused(clinic: Clinic) -> None:
    """A clinician has many patients, and each may take the proof of their own visit."""
    stream, n = denied(clinic, clinic.clinician, about(clinic, clinic.world.enrol("person")))
    assert clinic.code_of(clinic.clinician, linking(clinic.open(), stream, n)) == "not-a-ground"


@pytest.mark.parametrize(
    ("keeper", "code"), [("patient", ""), ("other", "not-a-ground"), ("hospital", "not-a-ground")]
)
def test_care_team_is_linked_where_the_patient_keeps_it(clinic: Clinic, keeper: str, code: str) -> None:
    wallet = clinic.world.enrol("person") if keeper == "other" else getattr(clinic, keeper)
    visit, stream = clinic.open(), put(clinic, "group.formed/1", by=wallet)
    command = linking(visit, stream, role="group")
    if code:
        assert clinic.code_of(clinic.hospital, command) == code
    else:
        clinic.world.ask(clinic.hospital, command)
        assert clinic.world.entries()[-1].body.role == "group"


def test_emergency_about_nobody_of_the_visit_is_refused(clinic: Clinic) -> None:
    stream = put(clinic, "break-glass.opened/1", by=clinic.clinician)
    assert (
        clinic.code_of(clinic.hospital, linking(clinic.open(), stream, role="break-glass")) == "not-a-ground"
    )


@pytest.mark.parametrize("who", ["device", "stranger"])
def test_link_by_who_has_no_part_is_refused(clinic: Clinic, who: str) -> None:
    wallet = clinic.world.enrol("person") if who == "stranger" else getattr(clinic, who)
    stream, n = denied(clinic, clinic.clinician, about(clinic, clinic.patient))
    assert clinic.code_of(wallet, linking(clinic.open(), stream, n)) == "not-a-participant"


def test_grant_of_a_participant_is_linked_and_proved(clinic: Clinic) -> None:
    visit = clinic.open()
    stream = put(clinic, "token.minted/1", by=clinic.patient)
    clinic.world.ask(clinic.clinician, linking(visit, stream, role="token"))
    clinic.close(visit)
    assert verify_bundle(make_bundle(clinic.world, visit)).passed


def test_grant_between_strangers_is_refused(clinic: Clinic) -> None:
    stream = put(clinic, "token.minted/1", by=clinic.hospital)
    assert clinic.code_of(clinic.hospital, linking(clinic.open(), stream, role="token")) == "not-a-ground"


def test_grant_on_a_stream_of_another_kind_is_refused(clinic: Clinic) -> None:
    stream = put(clinic, "token.minted/1", by=clinic.patient, kind="note")
    assert clinic.code_of(clinic.hospital, linking(clinic.open(), stream, role="token")) == "not-a-ground"


def test_connection_of_a_device_of_the_visit_is_linked(clinic: Clinic) -> None:
    visit, stream = clinic.open(), f"device/{clinic.device.actor}"
    clinic.world.ask(clinic.device, put_papers("device.connected/1", stream))
    clinic.world.ask(clinic.clinician, linking(visit, stream, role="device"))
    assert clinic.world.entries()[-1].body.role == "device"


def test_connection_of_another_device_is_refused(clinic: Clinic) -> None:
    other = clinic.world.enrol("device")
    stream = f"device/{other.actor}"
    clinic.world.ask(other, put_papers("device.connected/1", stream))
    assert clinic.code_of(clinic.clinician, linking(clinic.open(), stream, role="device")) == "not-a-ground"


def test_refused_connection_is_a_refusal_and_never_a_connection(clinic: Clinic) -> None:
    visit, stream = clinic.open(), f"device/{clinic.device.actor}"
    clinic.world.ask(clinic.device, put_papers("device.connect-refused/1", stream))
    assert clinic.code_of(clinic.hospital, linking(visit, stream, role="device")) == "not-a-ground"
    clinic.world.ask(clinic.hospital, linking(visit, stream, role="refusal"))
    clinic.close(visit)
    assert verify_bundle(make_bundle(clinic.world, visit)).passed


def test_run_of_a_contract_about_nobody_of_the_visit_is_refused(clinic: Clinic) -> None:
    stream = put(clinic, "contract.executed/1", by=clinic.hospital)
    assert clinic.code_of(clinic.hospital, linking(clinic.open(), stream, role="contract")) == "not-a-ground"


@pytest.mark.parametrize(
    ("stream", "n"), [("access/none", 0), ("access", 0), ("access/../x", 0), ("access/{clinician}", 7)]
)
def test_entry_that_is_not_there_is_refused(clinic: Clinic, stream: str, n: int) -> None:
    named = stream.format(clinician=clinic.clinician.actor)
    assert clinic.code_of(clinic.hospital, linking(clinic.open(), named, n)) == "not-a-ground"


@pytest.mark.parametrize("role", ["read", "reading", "note", "recording", "record", "proof"])
def test_role_that_has_a_command_of_its_own_is_refused(clinic: Clinic, role: str) -> None:
    stream, n = denied(clinic, clinic.clinician, about(clinic, clinic.patient))
    assert clinic.code_of(clinic.hospital, linking(clinic.open(), stream, n, role=role)) == "command-refused"


def test_entry_linked_twice_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    stream, n = denied(clinic, clinic.clinician, about(clinic, clinic.patient))
    clinic.world.ask(clinic.hospital, linking(visit, stream, n))
    assert clinic.code_of(clinic.hospital, linking(visit, stream, n)) == "already-linked"


def test_link_to_a_closed_visit_is_refused(clinic: Clinic) -> None:
    visit = clinic.open()
    clinic.close(visit)
    stream, n = denied(clinic, clinic.clinician, about(clinic, clinic.patient))
    assert clinic.code_of(clinic.hospital, linking(visit, stream, n)) == "visit-closed"


def test_entry_far_down_a_stream_is_not_looked_for(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names an old entry of a long stream would keep the writer busy."""
    visit = clinic.open()
    stream, n = denied(clinic, clinic.clinician, about(clinic, clinic.patient))
    denied(clinic, clinic.clinician, about(clinic, clinic.patient))
    monkeypatch.setattr(lookup, "BACK_ENTRIES_MAX", 1)
    assert clinic.code_of(clinic.hospital, linking(visit, stream, n)) == "entry-too-far-back"
