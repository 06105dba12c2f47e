"""The log that people ask for: who sees what of it, in which words, and that looking at it is in it."""

from __future__ import annotations

import pytest

from telesphor.capabilities.access.uses.words import NOBODY_ALLOWS, Texts, in_plain_words, rule_in_plain_words
from telesphor.capabilities.access.vocabulary import BASE_TEXT
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.access.infirmary import DAY_MS, MINUTE_MS, Infirmary


def note(object_id: str, **changes: object) -> tuple[str, dict[str, object]]:
    usual = {"kind": "object", "id": object_id, "done": "printed", "purpose": "treatment"}
    return "use.note/1", {**usual, **changes}


def test_patient_sees_who_read_what_for_what_and_by_which_rule(infirmary: Infirmary) -> None:
    infirmary.read(infirmary.writer, infirmary.note, purpose="treatment")
    infirmary.may_read(infirmary.nurse, infirmary.note, purpose="payment")
    denied, read, created = infirmary.log_of(infirmary.patient, subject=infirmary.patient.actor)
    assert (created.action, created.actor, created.outcome) == ("create", infirmary.writer.actor, "allow")
    assert (read.action, read.kind, read.purpose) == ("read", "person", "treatment")
    assert read.rule == "wrote it; is listed as a reader of it"
    assert (denied.actor, denied.outcome, denied.rule) == (infirmary.nurse.actor, "deny", NOBODY_ALLOWS)
    (own, *_) = infirmary.log_of(infirmary.patient, subject=infirmary.patient.actor)
    assert (own.action, own.rule) == ("read-log", "is the person it is about")


def test_page_names_the_organisation_and_the_roles(infirmary: Infirmary) -> None:
    command = ("access-log.read/1", {"subject": infirmary.patient.actor})
    infirmary.ask(infirmary.officer, command)
    page = infirmary.ask(infirmary.officer, command).results[0]
    assert page.organisation == "node.example/telesphor"
    assert page.rows[0].roles == ("privacy-officer",)


def test_looking_is_an_entry_before_the_answer(infirmary: Infirmary) -> None:
    infirmary.log_of(infirmary.officer, subject=infirmary.patient.actor)
    decided, looked = infirmary.entries()[-2:]
    assert (decided.body.action, decided.body.subject) == ("read-log", infirmary.patient.actor)
    assert (looked.type, looked.stream) == ("access-log.read/1", f"log/{infirmary.patient.actor}")
    seen = infirmary.log_of(infirmary.patient, subject=infirmary.patient.actor)
    assert (seen[0].action, seen[0].actor) == ("read-log", infirmary.officer.actor)


def test_nobody_else_sees_it(infirmary: Infirmary) -> None:
    wanted = {"subject": infirmary.patient.actor}
    for person in (infirmary.doctor, infirmary.writer, infirmary.node):
        assert infirmary.refusal(person, ("access-log.read/1", wanted)) == "access-denied"
    assert infirmary.log_of(infirmary.hospital, **wanted)
    asked = [row for row in infirmary.log_of(infirmary.patient, **wanted) if row.action == "read-log"]
    assert [(row.kind, row.outcome) for row in asked] == [
        ("organisation", "allow"),
        ("node", "deny"),
        ("person", "deny"),
        ("person", "deny"),
    ]


@pytest.mark.parametrize("filter", ["nothing", "actor", "time"])
def test_log_about_everybody_is_for_officers_and_the_organisation(infirmary: Infirmary, filter: str) -> None:
    wanted: dict[str, dict[str, object]] = {
        "nothing": {},
        "actor": {"actor": infirmary.patient.actor},
        "time": {"since": infirmary.instant()},
    }
    command = ("access-log.read/1", wanted[filter])
    for person in (infirmary.patient, infirmary.doctor):
        assert infirmary.refusal(person, command) == "access-denied"
    for person in (infirmary.officer, infirmary.hospital):
        infirmary.ask(person, command)
        assert infirmary.entries()[-1].stream == f"log/{infirmary.node.actor}"


def test_patient_sees_no_row_about_others_whatever_the_filter(infirmary: Infirmary) -> None:
    visit = infirmary.visit_of(infirmary.patient, infirmary.writer)
    inside, child = (infirmary.put_about(who, visit=visit) for who in (None, infirmary.nurse.actor))
    for object_id in (inside, child):
        infirmary.read(infirmary.writer, object_id, purpose="treatment")
    me = infirmary.patient.actor
    for wanted in (
        {"subject": me},
        {"subject": me, "actor": infirmary.writer.actor},
        {"subject": me, "object": child},
        {"visit": visit},
        {"subject": me, "visit": visit},
    ):
        rows = infirmary.log_of(infirmary.patient, **wanted)
        assert f"object/{child}" not in {row.resource for row in rows}
        assert {row.subject for row in rows} <= {me}
    assert infirmary.refusal(infirmary.patient, ("access-log.read/1", {"object": child})) == "access-denied"
    assert f"object/{inside}" in {row.resource for row in infirmary.log_of(infirmary.patient, visit=visit)}


def test_object_shows_what_was_decided_before_anybody_knew_whom_it_is_about(infirmary: Infirmary) -> None:
    visit = infirmary.ids.next()
    early = infirmary.put_about(None, visit=visit)
    body = {"patient": infirmary.patient.actor, "clinician": infirmary.writer.actor, "devices": []}
    infirmary.ask(infirmary.writer, ("visit.open/1", {"visit": visit, **body}))
    rows = infirmary.log_of(infirmary.patient, object=early)
    assert [(row.action, row.subject) for row in rows] == [("create", None)]


def test_filters_of_actor_and_time(infirmary: Infirmary) -> None:
    begun = infirmary.instant()
    for _ in range(3):
        infirmary.clock.advance_ms(MINUTE_MS)
        infirmary.read(infirmary.writer, infirmary.note, purpose="treatment")
        infirmary.may_read(infirmary.nurse, infirmary.note)
    wanted = {"subject": infirmary.patient.actor, "actor": infirmary.nurse.actor}
    assert len(infirmary.log_of(infirmary.patient, **wanted)) == 3
    later = infirmary.instant(-MINUTE_MS)
    assert len(infirmary.log_of(infirmary.patient, **wanted, since=later)) == 2
    assert len(infirmary.log_of(infirmary.patient, **wanted, until=later)) == 1
    assert len(infirmary.log_of(infirmary.patient, **wanted, since=begun, until=infirmary.instant())) == 2
    assert infirmary.log_of(infirmary.patient, **wanted, since=infirmary.instant(DAY_MS)) == ()


def test_pages_go_on_without_a_gap(infirmary: Infirmary) -> None:
    for _ in range(7):
        infirmary.may_read(infirmary.nurse, infirmary.note)
    wanted = {"object": infirmary.note, "actor": infirmary.nurse.actor, "rows": 3}
    seen, before = [], 2**53 - 1
    for _ in range(10):
        page = infirmary.ask(infirmary.officer, ("access-log.read/1", {**wanted, "before": before})).results[
            0
        ]
        seen += [row.position for row in page.rows]
        if page.before is None:
            break
        before = page.before
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 7


@pytest.mark.parametrize("rows", [0, 201, 2**53 - 1])
def test_no_page_is_larger_than_its_bound(infirmary: Infirmary, rows: int) -> None:
    page = infirmary.log_of(infirmary.officer, rows=rows)
    assert 1 <= len(page) <= 200


def test_filter_that_means_nothing_is_refused(infirmary: Infirmary) -> None:
    for wanted, code in (
        ({"object": infirmary.note, "visit": infirmary.ids.next()}, "log-filter-refused"),
        ({"since": infirmary.instant(), "until": infirmary.instant()}, "log-filter-refused"),
        ({"since": "2026-99-01T00:00:00.000Z"}, "invalid-instant"),
        ({"object": infirmary.ids.next()}, "object-missing"),
        ({"visit": infirmary.ids.next()}, "visit-missing"),
    ):
        assert infirmary.plain_refusal(infirmary.officer, ("access-log.read/1", wanted)) == code


def test_note_asks_access_first_and_stands_in_the_log(infirmary: Infirmary) -> None:
    infirmary.ask(infirmary.writer, note(infirmary.note, done="shared", recipient="insurer"))
    decided, noted = infirmary.entries()[-2:]
    assert (decided.body.action, noted.body.decision) == ("share", decided.body.decision)
    assert noted.stream == decided.stream == f"access/{infirmary.writer.actor}"
    row = infirmary.log_of(infirmary.patient, subject=infirmary.patient.actor)[0]
    assert (row.action, row.done, row.recipient) == ("share", "shared", "insurer")


def test_denied_use_is_in_the_log_as_denied_and_not_as_done(infirmary: Infirmary) -> None:
    assert infirmary.refusal(infirmary.nurse, note(infirmary.note)) == "access-denied"
    row = infirmary.log_of(infirmary.patient, subject=infirmary.patient.actor)[0]
    assert (row.action, row.outcome, row.done) == ("print", "deny", "")


def test_who_shares_says_with_whom(infirmary: Infirmary) -> None:
    assert (
        infirmary.plain_refusal(infirmary.writer, note(infirmary.note, done="shared")) == "use-note-refused"
    )


def test_emergency_and_grant_are_said_in_words(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note)
    infirmary.read(infirmary.doctor, infirmary.note)
    token, commands = infirmary.granting(infirmary.nurse, infirmary.note)
    infirmary.ask(infirmary.patient, *commands)
    infirmary.ask(infirmary.nurse, ("token.accept/1", {"token": token}))
    infirmary.read(infirmary.nurse, infirmary.note, purpose="treatment")
    rules = [row.rule for row in infirmary.log_of(infirmary.patient, object=infirmary.note)]
    assert rules[:1] == [f"a grant by {infirmary.patient.actor}"]
    assert "emergency access, reason: unconscious patient" in rules


def test_every_shipped_rule_has_words() -> None:
    ids = [line.split('"')[1] for line in BASE_TEXT.splitlines() if line.startswith("@id(")]
    assert len(ids) > 8
    for id in ids:
        for texts in (Texts({}, "system-failure"), Texts({})):
            assert "rule" not in in_plain_words(id, texts), id


def test_rules_of_an_organisation_are_called_by_their_names() -> None:
    texts = Texts({}, shipped=False)
    assert in_plain_words("base:owner", texts) == "the base rule `owner`"
    assert in_plain_words("token:unknown", texts) == "a grant"
    said = rule_in_plain_words(("no-reading-at-night",), texts, outcome="deny")
    assert said == "forbidden by the organisation's rule `no-reading-at-night`"


def test_base_that_is_not_ours_is_not_put_in_our_words(infirmary: Infirmary) -> None:
    text = '@id("base:owner") permit (principal, action, resource);'
    infirmary.ask(infirmary.hospital, ("policy.set/1", {"slot": "base", "policies": text}))
    infirmary.read(infirmary.nurse, infirmary.note, purpose="treatment")
    (row,) = infirmary.log_of(infirmary.hospital, actor=infirmary.nurse.actor, rows=1)
    assert row.rule == "the base rule `owner`"


def test_policies_are_shown_to_who_sets_them(infirmary: Infirmary) -> None:
    text = '@id("closed") forbid (principal, action, resource) when { context.now < 0 };'
    infirmary.forbid_rule(text)
    view = infirmary.ask(infirmary.hospital, ("policy.show/1", {"slot": "rules"})).results[0]
    assert (view.text, [line.ids for line in view.in_force]) == (text, [("closed",)])
    assert infirmary.entries()[-1].type == "policy.shown/1"
    view = infirmary.ask(infirmary.node, ("policy.show/1", {"slot": "base"})).results[0]
    assert view.text == BASE_TEXT
    with pytest.raises(TelesphorError) as caught:
        infirmary.ask(infirmary.officer, ("policy.show/1", {"slot": "rules"}))
    assert caught.value.code == "not-permitted"
