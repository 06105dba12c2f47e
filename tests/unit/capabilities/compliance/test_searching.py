"""Searches: what is found, in which order, in how many pages, and whose names stand there."""

from __future__ import annotations

import pytest

from telesphor.capabilities.compliance.entries import Filter
from telesphor.capabilities.compliance.words import words_of
from tests.unit.capabilities.access.infirmary import MINUTE_MS
from tests.unit.capabilities.compliance.office import Office, positions_of


def test_person_and_pseudonym_are_found(office: Office) -> None:
    office.read(office.writer, office.note, purpose="treatment")
    watch = office.watch(office.officer)
    by_writer = office.search(office.officer, watch, Filter(person=office.writer.actor), rows=100)
    assert {row.actor.id for row in by_writer.rows} == {office.writer.actor}
    about = office.search(
        office.officer, watch, Filter(subject=office.patient.actor, action="read"), rows=100
    )
    read = about.rows[0]
    assert (read.action, read.outcome, read.purpose) == ("read", "allow", "treatment")
    assert read.subject is not None
    assert read.subject.id == office.patient.actor
    assert read.rule == "wrote it; is listed as a reader of it"


def test_filters_narrow_together(office: Office) -> None:
    office.may_read(office.nurse, office.note)
    watch = office.watch(office.officer)
    wanted = Filter(person=office.nurse.actor, outcome="deny", type="access.decided/1")
    page = office.search(office.officer, watch, wanted)
    assert page.rows
    assert {(row.actor.id, row.outcome) for row in page.rows} == {(office.nurse.actor, "deny")}
    nobody = Filter(person=office.nurse.actor, outcome="deny", visit=office.ids.next())
    assert office.search(office.officer, watch, nobody).rows == ()


def test_time_is_from_an_instant_up_to_another(office: Office) -> None:
    office.clock.advance_ms(MINUTE_MS)
    begun = office.instant()
    office.read(office.writer, office.note, purpose="treatment")
    office.clock.advance_ms(MINUTE_MS)
    ended = office.instant()
    office.read(office.writer, office.note, purpose="treatment")
    watch = office.watch(office.officer)
    wanted = Filter(type="object.read/1", since=begun, until=ended)
    assert [row.at for row in office.search(office.officer, watch, wanted).rows] == [begun]
    later = Filter(type="object.read/1", since=ended)
    assert [row.at for row in office.search(office.officer, watch, later).rows] == [ended]


def test_time_that_ends_before_it_begins_is_refused(office: Office) -> None:
    watch = office.watch(office.officer)
    wanted = Filter(since=office.instant(MINUTE_MS), until=office.instant())
    assert office.code_of(office.search, office.officer, watch, wanted) == "log-filter-refused"


@pytest.mark.parametrize("filter", [Filter(), Filter(type="access.decided/1")])
def test_pages_go_on_without_a_gap(office: Office, filter: Filter) -> None:
    watch = office.watch(office.officer)
    whole = positions_of(office.search(office.officer, watch, filter, rows=100))
    found: list[int] = []
    before = whole[0] + 1
    while len(found) < len(whole):
        wanted = Filter(type=filter.type, before=before)
        page = office.search(office.officer, watch, wanted, rows=7)
        found += positions_of(page)
        if page.before is None:
            break
        before = page.before
    assert found[: len(whole)] == whole
    assert found == sorted(found, reverse=True)


def test_visit_shows_all_that_belongs_to_it(office: Office) -> None:
    visit = office.visit_of(office.patient, office.writer)
    inside = office.put_about(None, visit=visit)
    watch = office.watch(office.officer)
    rows = office.search(office.officer, watch, Filter(visit=visit)).rows
    assert {"visit.opened/1", "object.begun/1"} <= {row.type for row in rows}
    about = office.search(office.officer, watch, Filter(subject=office.patient.actor, visit=visit)).rows
    begun = [row for row in about if row.stream == f"object/{inside}"]
    assert begun, "an object of a visit is about the visit's patient"


def test_auditor_sees_patients_as_ids_and_staff_by_name(office: Office) -> None:
    office.names.update({office.patient.actor: "Pat Lee", office.officer.actor: "Olga Officer"})
    office.watch(office.patient, subject=office.patient.actor)
    watch = office.watch(office.officer)
    patient = office.search(office.officer, watch, Filter(person=office.patient.actor)).rows[0].actor
    officer = office.search(office.officer, watch, Filter(person=office.officer.actor)).rows[0].actor
    assert (patient.name, patient.kind) == (None, "person")
    assert (officer.name, officer.roles) == ("Olga Officer", ("privacy-officer",))


def test_own_watch_shows_what_is_about_oneself_alone(office: Office) -> None:
    child = office.put_about(office.nurse.actor)
    office.read(office.writer, child, purpose="treatment")
    office.read(office.writer, office.note, purpose="treatment")
    watch = office.watch(office.patient, subject=office.patient.actor)
    for wanted in (Filter(), Filter(person=office.writer.actor), Filter(type="access.decided/1")):
        rows = office.search(office.patient, watch, wanted, rows=100).rows
        assert rows
        assert {row.subject.id for row in rows if row.subject} == {office.patient.actor}
        assert f"object/{child}" not in {row.resource for row in rows}
    other = Filter(subject=office.nurse.actor)
    assert office.code_of(office.search, office.patient, watch, other) == "watch-too-narrow"


def test_look_of_an_auditor_at_a_person_is_in_that_persons_log(office: Office) -> None:
    watch = office.watch(office.officer)
    page = office.search(office.officer, watch, Filter(subject=office.patient.actor))
    own = office.watch(office.patient, subject=office.patient.actor)
    rows = office.search(office.patient, own).rows
    looked = next(row for row in rows if row.position == page.look.position)
    assert (looked.type, looked.actor.id) == ("audit.looked/1", office.officer.actor)


def test_own_looks_at_ones_own_log_are_left_out_of_it(office: Office) -> None:
    own = office.watch(office.patient, subject=office.patient.actor)
    office.search(office.patient, own)
    rows = office.search(office.patient, own).rows
    looks = [row for row in rows if row.type == "audit.looked/1"]
    assert office.patient.actor not in {row.actor.id for row in looks}


def test_activity_counts_by_hour(office: Office) -> None:
    office.may_read(office.nurse, office.note)
    office.index_all()
    watch = office.watch(office.officer)
    office.index_all()
    hours = office.searches.activity(office.actor(office.officer), watch, since=None, until=None).hours
    indexed = office.entries()[: office.index.indexed]
    assert sum(hour.entries for hour in hours) == len(indexed)
    denied = [one for one in indexed if one.type == "access.decided/1" and one.body.outcome == "deny"]
    assert sum(hour.denied for hour in hours) == len(denied)
    own = office.watch(office.patient, subject=office.patient.actor)
    refused = office.code_of(
        office.searches.activity, office.actor(office.patient), own, since=None, until=None
    )
    assert refused == "watch-too-narrow"


def test_words_name_what_occurs(office: Office) -> None:
    office.index_all()
    words = office.searches.words()
    assert {one.type for one in words.types} == {entry.type for entry in office.entries()}
    assert "read" in words.actions
    assert "treatment" in words.purposes


def test_type_without_a_phrase_is_told_by_its_name() -> None:
    assert words_of("visit.opened/1") == "opened a visit"
    assert words_of("robot.arm-moved/2") == "robot: arm moved"
