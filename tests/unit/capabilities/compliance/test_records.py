"""A person's record as a list: all of one's own, of somebody else only what may be read now, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from telesphor.capabilities.compliance.records import RecordItem, RecordPage, What
from telesphor.client.wallet import Wallet
from tests.unit.capabilities.compliance.office import Office


def page(
    office: Office,
    reader: Wallet,
    *,
    person: Wallet | None = None,
    what: What = "all",
    before: str | None = None,
    rows: int = 50,
) -> RecordPage:
    about = person or reader
    return office.records.record(
        office.actor(reader), about.actor, what=what, visit=None, before=before, rows=rows
    )


def items(office: Office, reader: Wallet, **asked: Any) -> dict[str, RecordItem]:
    return {item.object: item for item in page(office, reader, **asked).items}


def test_own_record_lists_what_is_about_oneself(office: Office) -> None:
    office.names[office.writer.actor] = "Dr. Wren"
    size = office.sign_checkpoint()
    item = items(office, office.patient)[office.note]
    assert (item.why, item.owner.name, item.role, item.level) == ("subject", "Dr. Wren", None, 1)
    assert item.position is not None
    assert item.position < size
    assert office.entries()[item.position].stream == f"object/{office.note}"
    assert office.entries()[item.position].type == "object.sealed/1"


def test_record_of_somebody_else_hints_at_nothing(office: Office) -> None:
    mine = office.put_about(office.patient.actor, owner=office.patient)
    assert mine in items(office, office.patient)
    found = page(office, office.nurse, person=office.patient)
    assert (found.items, found.before) == ((), None)
    assert found.person.name is None


def test_grant_opens_what_it_covers_until_it_is_taken_back(office: Office) -> None:
    mine = office.put_about(office.patient.actor, owner=office.patient)
    token, (define, mint) = office.granting(office.patient, mine)
    terms = cast("Mapping[str, Any]", mint[1])
    recipient = {"kind": "actor", "id": office.doctor.actor}
    office.ask(office.patient, define, ("token.mint/1", {**terms, "recipient": recipient}))
    assert mine not in items(office, office.doctor, person=office.patient)
    office.ask(office.doctor, ("token.accept/1", {"token": token}))
    item = items(office, office.doctor, person=office.patient)[mine]
    assert (item.why, item.token, item.token_until) == ("token", token, terms["not_after"])
    assert item.token_by is not None
    assert item.token_by.id == office.patient.actor
    office.ask(office.patient, ("token.revoke/1", {"token": token}))
    assert mine not in items(office, office.doctor, person=office.patient)


def test_patient_sees_whom_others_permitted_to_read_about_it(office: Office) -> None:
    mine, other = office.put_about(office.patient.actor), office.put_about(office.nurse.actor)
    token, (define, mint) = office.granting(office.writer, mine)
    members = [{"kind": "object", "id": one} for one in sorted((mine, other))]
    terms = cast("Mapping[str, Any]", mint[1])
    recipient = {"kind": "actor", "id": office.doctor.actor}
    defined = (define[0], {**cast("Mapping[str, Any]", define[1]), "members": members})
    office.ask(office.writer, defined, ("token.mint/1", {**terms, "recipient": recipient}))
    office.ask(office.doctor, ("token.accept/1", {"token": token}))
    (permitted,) = items(office, office.patient)[mine].permitted
    assert permitted.person is not None
    assert (permitted.token, permitted.person.id) == (token, office.doctor.actor)
    about = {one.token: one for one in office.records.tokens_about(office.actor(office.patient)).tokens}
    assert about[token].things == (f"object/{mine}",)
    assert not about[token].may_revoke
    assert items(office, office.doctor, person=office.patient)[mine].permitted == ()


def test_emergency_opens_the_record(office: Office) -> None:
    mine = office.put_about(office.patient.actor, owner=office.patient)
    office.open(office.doctor, "record", office.patient.actor)
    assert items(office, office.doctor, person=office.patient)[mine].why == "emergency"
    other = office.put_about(office.nurse.actor, owner=office.nurse)
    assert other not in items(office, office.doctor, person=office.nurse)


def test_what_is_about_somebody_else_is_not_in_ones_own_record(office: Office) -> None:
    other = office.put_about(office.nurse.actor, owner=office.writer)
    assert other not in items(office, office.writer)
    assert other in items(office, office.writer, person=office.nurse)


def test_pages_go_on_where_the_last_ended(office: Office) -> None:
    for _ in range(3):
        office.put_about(office.officer.actor, owner=office.officer)
    first = page(office, office.officer, rows=2)
    second = page(office, office.officer, rows=2, before=first.before)
    found = [item.object for item in (*first.items, *second.items)]
    assert len(first.items) == 2
    assert found == sorted(items(office, office.officer), reverse=True)


def test_documents_and_readings_are_told_apart(office: Office) -> None:
    mine = office.put_about(office.patient.actor, owner=office.patient)
    assert mine in items(office, office.patient, what="documents")
    assert items(office, office.patient, what="readings") == {}


def test_who_holds_no_device_has_none(office: Office) -> None:
    assert office.records.devices(office.actor(office.patient)).devices == ()
