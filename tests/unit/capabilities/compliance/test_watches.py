"""Watches: who may look, for how long, at what, and that each look is an entry before the page is shown."""

from __future__ import annotations

import pytest

from telesphor.capabilities.compliance.entries import Filter
from telesphor.capabilities.compliance.model import LOOKS_MAX, WATCHES_MAX
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.access.infirmary import MINUTE_MS
from tests.unit.capabilities.compliance.office import ALL, Office

FORBID = '@id("no-looking") forbid (principal, action == Telesphor::Action::"read-log", resource);'


def test_watch_is_asked_of_access_and_stands_on_the_ledger(office: Office) -> None:
    watch = office.watch(office.officer, minutes=30)
    decided, opened = office.entries()[-2:]
    assert (decided.body.action, decided.body.outcome) == ("read-log", "allow")
    assert (opened.type, opened.stream, opened.n) == ("audit.watch-opened/1", f"watch/{watch}", 0)
    assert opened.body.until == office.instant(30 * MINUTE_MS)


def test_page_is_an_entry_before_it_is_shown(office: Office) -> None:
    watch = office.watch(office.officer)
    page = office.search(office.officer, watch, Filter(person=office.writer.actor), rows=3)
    looked = office.entries()[-1]
    assert (looked.type, looked.stream, looked.n) == ("audit.looked/1", f"watch/{watch}", 1)
    assert (looked.position, looked.at) == (page.look.position, page.look.at)
    assert looked.actor == office.node.actor
    assert looked.body.actor == office.officer.actor
    assert looked.body.filter.person == office.writer.actor
    assert looked.body.count == len(page.rows)


@pytest.mark.parametrize("person", ["patient", "doctor", "node"])
def test_whole_log_is_for_officers_and_the_organisation(office: Office, person: str) -> None:
    body = {"watch": office.ids.next(), "scope": "log", "subject": None, "minutes": 5, "live": False}
    assert office.refusal(getattr(office, person), ("audit.watch/1", body)) == "access-denied"


def test_log_of_another_person_is_denied(office: Office) -> None:
    body = {
        "watch": office.ids.next(),
        "scope": "log",
        "subject": office.patient.actor,
        "minutes": 5,
        "live": False,
    }
    assert office.refusal(office.doctor, ("audit.watch/1", body)) == "access-denied"
    assert office.watch(office.patient, subject=office.patient.actor)


def test_administration_is_for_the_organisation(office: Office) -> None:
    body = {
        "watch": office.ids.next(),
        "scope": "administration",
        "subject": None,
        "minutes": 5,
        "live": False,
    }
    assert office.refusal(office.officer, ("audit.watch/1", body)) == "access-denied"
    assert office.watch(office.hospital, scope="administration")


def test_watch_of_another_is_missing(office: Office) -> None:
    watch = office.watch(office.officer)
    hospital = office.actor(office.hospital)
    assert office.code_of(office.searches.search, hospital, watch, ALL) == "watch-missing"
    assert office.code_of(office.searches.search, hospital, office.ids.next(), ALL) == "watch-missing"


def test_watch_that_was_ended_shows_nothing(office: Office) -> None:
    watch = office.watch(office.officer)
    office.ask(office.officer, ("audit.end/1", {"watch": watch}))
    officer = office.actor(office.officer)
    assert office.code_of(office.searches.search, officer, watch, ALL) == "watch-ended"
    assert office.plain_refusal(office.officer, ("audit.end/1", {"watch": watch})) == "watch-ended"


def test_watch_that_ran_out_shows_nothing(office: Office) -> None:
    watch = office.watch(office.officer, minutes=1)
    office.clock.advance_ms(MINUTE_MS)
    officer = office.actor(office.officer)
    assert office.code_of(office.searches.search, officer, watch, ALL) == "watch-ended"


def test_watch_ends_with_what_allowed_it(office: Office) -> None:
    watch = office.watch(office.officer)
    office.forbid_rule(FORBID)
    try:
        officer = office.actor(office.officer)
        assert office.code_of(office.searches.search, officer, watch, ALL) == "access-ended"
    finally:
        office.forbid_rule(None)
    assert office.search(office.officer, watch, rows=1).rows


def test_watch_of_another_scope_is_too_narrow(office: Office) -> None:
    log, house = office.watch(office.hospital), office.watch(office.hospital, scope="administration")
    hospital = office.actor(office.hospital)
    assert office.code_of(office.searches.search, hospital, house, ALL) == "watch-too-narrow"
    assert office.code_of(office.people.roles, hospital, log) == "watch-too-narrow"


def test_id_of_a_watch_is_used_once(office: Office) -> None:
    watch = office.watch(office.officer)
    body = {"watch": watch, "scope": "log", "subject": None, "minutes": 5, "live": False}
    assert office.plain_refusal(office.officer, ("audit.watch/1", body)) == "watch-exists"


@pytest.mark.parametrize("wrong", [{"live": True}, {"subject": "patient"}])
def test_administration_is_neither_live_nor_about_somebody(office: Office, wrong: dict[str, object]) -> None:
    if "subject" in wrong:
        wrong = {"subject": office.patient.actor}
    usual = {"watch": office.ids.next(), "subject": None, "minutes": 5, "live": False}
    body = {**usual, "scope": "administration", **wrong}
    assert office.plain_refusal(office.hospital, ("audit.watch/1", body)) == "watch-refused"


def test_looks_of_one_watch_are_bounded(office: Office) -> None:
    watch = office.watch(office.officer)
    office.search(office.officer, watch, rows=1)
    office.db.execute("UPDATE audit_watches SET looks = ? WHERE watch = ?", (LOOKS_MAX, watch))
    try:
        assert office.code_of(office.search, office.officer, watch, rows=1) == "watch-spent"
    finally:
        office.db.execute("UPDATE audit_watches SET looks = 1 WHERE watch = ?", (watch,))


def test_open_watches_of_one_actor_are_bounded(office: Office) -> None:
    opened = [office.watch(office.nurse, subject=office.nurse.actor) for _ in range(WATCHES_MAX)]
    usual = {"scope": "log", "subject": office.nurse.actor, "minutes": 5, "live": False}
    body = {"watch": office.ids.next(), **usual}
    assert office.plain_refusal(office.nurse, ("audit.watch/1", body)) == "watches-full"
    office.ask(office.nurse, ("audit.end/1", {"watch": opened[0]}))
    assert office.watch(office.nurse, subject=office.nurse.actor)


def test_look_is_the_nodes_word_alone(office: Office) -> None:
    watch = office.watch(office.officer)
    with pytest.raises(TelesphorError) as caught:
        office.ask(office.officer, ("audit.look/1", {"watch": watch, "what": "search"}))
    assert caught.value.code == "unknown-command"
