"""Who sees emergencies, who ends and judges them, and that nobody judges their own or a friend's."""

from __future__ import annotations

from telesphor.capabilities.access.breakglass.model import RECIPROCAL_MS
from telesphor.capabilities.access.breakglass.standing import count_alarms
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.access.infirmary import MINUTE_MS, Infirmary


def test_patient_officer_and_organisation_see_it_and_others_do_not(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    for person in (infirmary.patient, infirmary.officer, infirmary.hospital, infirmary.doctor):
        (line,) = infirmary.listed(person)
        assert (line.break_glass, line.actor, line.state) == (glass, infirmary.doctor.actor, "open")
    assert infirmary.listed(infirmary.nurse) == ()
    assert infirmary.entries()[-1].type == "break-glass.listed/1"


def test_officer_appointed_later_sees_it(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note)
    infirmary.appoint(infirmary.nurse)
    assert len(infirmary.listed(infirmary.nurse)) == 1


def test_it_alarms_until_it_is_reviewed(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note, minutes=1)
    infirmary.clock.advance_ms(100 * MINUTE_MS)
    (line,) = infirmary.listed(infirmary.officer)
    assert (line.state, line.verdict) == ("ended", None)
    db = open_reader(infirmary.path)
    assert count_alarms(db) == 1
    infirmary.review(infirmary.officer, glass, "not-justified")
    assert count_alarms(db) == 0
    db.close()
    assert infirmary.listed(infirmary.officer) == ()
    (line,) = infirmary.listed(infirmary.patient, "all")
    assert (line.state, line.verdict, line.reviewer) == ("reviewed", "not-justified", infirmary.officer.actor)


def test_uses_are_counted(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note)
    for _ in range(3):
        infirmary.read(infirmary.doctor, infirmary.note)
    infirmary.may_read(infirmary.doctor, infirmary.note, purpose="payment")
    infirmary.may_read(infirmary.nurse, infirmary.note)
    (line,) = infirmary.listed(infirmary.patient)
    assert (line.reads, line.denied) == (3, 1)


def test_review_is_for_officers_and_organisations(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    command = ("break-glass.review/1", {"break_glass": glass, "verdict": "justified"})
    for person in (infirmary.doctor, infirmary.nurse, infirmary.patient, infirmary.node):
        assert infirmary.refusal(person, command) == "break-glass-not-a-reviewer"
    infirmary.ask(infirmary.hospital, command)
    assert infirmary.refusal(infirmary.officer, command) == "break-glass-reviewed"


def test_nobody_reviews_their_own(infirmary: Infirmary) -> None:
    infirmary.appoint(infirmary.officer, role="clinician")
    glass = infirmary.open(infirmary.officer, "object", infirmary.note)
    command = ("break-glass.review/1", {"break_glass": glass, "verdict": "justified"})
    assert infirmary.refusal(infirmary.officer, command) == "break-glass-own"


def test_nobody_reviews_for_somebody_whom_they_invited_or_they_in_turn(infirmary: Infirmary) -> None:
    """Whoever sends a link can open it as well, and would be opener and reviewer in two browsers."""
    second = infirmary.invite(infirmary.officer)
    third = infirmary.invite(second)
    infirmary.appoint(second, third, role="clinician")
    for self_again in (second, third):
        glass = infirmary.open(self_again, "object", infirmary.note)
        command = ("break-glass.review/1", {"break_glass": glass, "verdict": "justified"})
        assert infirmary.refusal(infirmary.officer, command) == "break-glass-dependent"
        (refused,) = [entry for entry in infirmary.entries()[-1:] if entry.type == "break-glass.refused/1"]
        assert (refused.actor, refused.body.cause) == (infirmary.officer.actor, "break-glass-dependent")
        infirmary.ask(infirmary.hospital, command)


def test_nobody_is_reviewed_by_somebody_whom_they_invited(infirmary: Infirmary) -> None:
    """Also where the organisation has made that one an officer: it may not know that they are one person."""
    invited = infirmary.invite(infirmary.doctor)
    infirmary.appoint(invited)
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    command = ("break-glass.review/1", {"break_glass": glass, "verdict": "justified"})
    assert infirmary.refusal(invited, command) == "break-glass-dependent"
    infirmary.review(infirmary.officer, glass)


def test_two_people_do_not_review_each_other(infirmary: Infirmary) -> None:
    infirmary.appoint(infirmary.nurse)
    infirmary.appoint(infirmary.officer, role="clinician")
    one = infirmary.open(infirmary.officer, "object", infirmary.note)
    infirmary.close_glass(infirmary.officer, one)
    other = infirmary.open(infirmary.nurse, "object", infirmary.note)
    infirmary.review(infirmary.nurse, one)
    command = ("break-glass.review/1", {"break_glass": other, "verdict": "justified"})
    assert infirmary.refusal(infirmary.officer, command) == "break-glass-reciprocal"
    infirmary.ask(infirmary.hospital, command)
    infirmary.clock.advance_ms(RECIPROCAL_MS)
    later = infirmary.open(infirmary.nurse, "object", infirmary.note)
    infirmary.review(infirmary.officer, later)


def test_who_is_no_officer_any_more_reviews_nothing(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    formed = [entry for entry in infirmary.entries() if entry.type == "group.formed/1"]
    (group,) = (entry for entry in formed if entry.body.role == "privacy-officer")
    body = {"group": group.stream.removeprefix("group/"), "member": infirmary.officer.actor}
    infirmary.ask(infirmary.hospital, ("group.remove/1", body))
    command = ("break-glass.review/1", {"break_glass": glass, "verdict": "justified"})
    assert infirmary.refusal(infirmary.officer, command) == "break-glass-not-a-reviewer"
    assert infirmary.listed(infirmary.officer) == ()


def test_stranger_neither_ends_nor_learns_of_it(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    for id in (glass, infirmary.ids.next()):
        command = ("break-glass.close/1", {"break_glass": id})
        assert infirmary.refusal(infirmary.nurse, command) == "break-glass-missing"
    assert infirmary.may_read(infirmary.doctor, infirmary.note)


def test_what_is_over_is_not_ended_again(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note, minutes=1)
    infirmary.clock.advance_ms(MINUTE_MS)
    command = ("break-glass.close/1", {"break_glass": glass})
    assert infirmary.refusal(infirmary.doctor, command) == "break-glass-ended"


def test_review_of_what_is_open_says_when_it_ended(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    infirmary.clock.advance_ms(MINUTE_MS)
    infirmary.review(infirmary.officer, glass)
    (line,) = infirmary.listed(infirmary.officer, "all")
    assert line.ended_at == infirmary.instant()


def test_list_goes_on_by_position(infirmary: Infirmary) -> None:
    glasses = [
        infirmary.open(person, "object", infirmary.note) for person in (infirmary.doctor, infirmary.nurse)
    ]
    newest, oldest = infirmary.listed(infirmary.officer)
    assert [oldest.break_glass, newest.break_glass] == glasses
    page = infirmary.ask(infirmary.officer, ("break-glass.list/1", {"before": newest.position})).results[0]
    assert [line.break_glass for line in page.glasses] == glasses[:1]
    assert page.before is None
