"""How a visit is lived: when, who has a seat, who waits, who is in the room, how it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telesphor.capabilities.visits import scene
from telesphor.capabilities.visits.capability import STORE
from telesphor.capabilities.visits.life import model
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import digest_of
from telesphor.runtime.database import open_database
from tests.unit.capabilities.visits.lived import TESTED, LivedClinic, asking, consenting
from tests.unit.capabilities.world import START_MS

DAY_MS = 86_400_000

ASKED: dict[str, Callable[[LivedClinic], dict[str, object]]] = {
    "reschedule": lambda _: {"starts_at": format_instant(START_MS), "minutes": 30},
    "invite": lambda one: {"participant": one.stranger.actor, "role": "colleague", "invitation": None},
    "check-in": lambda _: dict(TESTED),
    "wait": lambda _: {},
    "begin": lambda _: {},
    "admit": lambda one: {"participant": one.patient.actor},
    "return": lambda one: {"participant": one.patient.actor},
    "remove": lambda one: {"participant": one.patient.actor},
    "end": lambda _: {"outcome": "completed"},
    "confirm-identity": lambda one: {"participant": one.patient.actor, "identifiers": ["name", "phone"]},
    "present-identity": lambda one: {"presentation": one.world.ids.next()},
    "give-consent": lambda _: {"consent": "visit", "text": "sha256:" + "0" * 64, "language": "en"},
    "start-recording": lambda one: {"object": one.world.ids.next()},
    "open-epoch": lambda one: {"epoch": 1, "participants": [one.stranger.actor], "envelopes": "0" * 64},
}
"""Every step about which access is asked, with a body."""


def test_whole_visit_leaves_each_step_on_its_stream_and_the_closing_counts_them(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.ask(lived.clinician, visit, "end", outcome="completed")
    lived.close(visit)
    steps = [entry.type.removeprefix("visit.").removesuffix("/1") for entry in lived.stream(visit)]
    assert steps == [
        *("opened", "scheduled", "consent-given", "begun", "checked-in", "waiting", "admitted"),
        *("ended", "closed"),
    ]
    assert [entry.n for entry in lived.stream(visit)] == list(range(9))
    assert lived.last(visit).body.count == 8


# Scheduling.


def test_patient_nobody_knows_yet_has_a_seat_in_a_scheduled_visit(lived: LivedClinic) -> None:
    newcomer = lived.world.ids.next()
    visit = lived.schedule(patient=newcomer)
    assert lived.seats(visit)[newcomer].role == "patient"


@pytest.mark.parametrize("ahead_ms", [-2 * DAY_MS, 800 * DAY_MS])
def test_visit_scheduled_long_ago_or_far_ahead_is_refused(lived: LivedClinic, ahead_ms: int) -> None:
    command = lived.scheduling(lived.world.ids.next(), starts_at=format_instant(START_MS + ahead_ms))
    assert lived.code_of(lived.clinician, command) == "schedule-refused"


def test_visit_at_no_instant_is_refused(lived: LivedClinic) -> None:
    command = lived.scheduling(lived.world.ids.next(), starts_at="2026-02-30T10:00:00.000Z")
    assert lived.code_of(lived.clinician, command) == "schedule-refused"


def test_visit_scheduled_for_another_clinician_is_refused(lived: LivedClinic) -> None:
    command = lived.scheduling(lived.world.ids.next())
    assert lived.code_of(lived.patient, command) == "not-a-participant"


def test_visit_gets_another_time_only_before_it_has_begun(lived: LivedClinic) -> None:
    visit = lived.schedule()
    later = {"starts_at": format_instant(START_MS + DAY_MS), "minutes": 30}
    assert lived.code(lived.patient, visit, "reschedule", **later) == "not-a-participant"
    lived.ask(lived.clinician, visit, "reschedule", **later)
    assert lived.last(visit).body.minutes == 30
    lived.ask(lived.clinician, visit, "begin")
    assert lived.code(lived.clinician, visit, "reschedule", **later) == "visit-underway"


# Seats.


def test_seventh_participant_is_refused_until_somebody_is_removed(lived: LivedClinic) -> None:
    visit = lived.schedule()
    people = [lived.colleague, lived.interpreter, lived.caregiver, lived.stranger]
    for wallet in people:
        lived.invite(visit, wallet, "colleague" if wallet is lived.colleague else "caregiver")
    seventh = {"participant": lived.world.enrol("person").actor, "role": "interpreter", "invitation": None}
    assert lived.code(lived.clinician, visit, "invite", **seventh) == "seats-taken"
    lived.ask(lived.clinician, visit, "remove", participant=lived.stranger.actor)
    lived.ask(lived.clinician, visit, "invite", **seventh)


def test_patient_invites_a_caregiver_and_nobody_else(lived: LivedClinic) -> None:
    visit = lived.schedule()
    whom = {"participant": lived.caregiver.actor, "invitation": None}
    assert lived.code(lived.patient, visit, "invite", role="interpreter", **whom) == "not-a-participant"
    lived.ask(lived.patient, visit, "invite", role="caregiver", **whom)
    other = {"participant": lived.stranger.actor, "invitation": None, "role": "caregiver"}
    assert lived.code(lived.caregiver, visit, "invite", **other) == "not-a-participant"


@pytest.mark.parametrize(
    ("who", "role", "code"),
    [
        ("device", "interpreter", "participant-refused"),
        ("hospital", "interpreter", "participant-refused"),
        ("clinician", "interpreter", "participant-refused"),
        ("stranger", "patient", "participant-refused"),
        ("patient", "caregiver", "participant-refused"),
        ("colleague", "caregiver", "participant-exists"),
    ],
)
def test_seat_that_somebody_cannot_take_is_refused(
    lived: LivedClinic, who: str, role: str, code: str
) -> None:
    visit = lived.schedule()
    lived.invite(visit, lived.colleague, "colleague")
    participant = getattr(lived, who).actor
    invite = {"participant": participant, "role": role, "invitation": None}
    assert lived.code(lived.clinician, visit, "invite", **invite) == code


def test_unknown_invitation_is_refused(lived: LivedClinic) -> None:
    visit = lived.schedule()
    invite = {"participant": lived.stranger.actor, "role": "caregiver", "invitation": lived.world.ids.next()}
    assert lived.code(lived.clinician, visit, "invite", **invite) == "invitation-unknown"


# The queue and the room.


@pytest.mark.parametrize("step", sorted(ASKED))
def test_stranger_is_denied_every_step_on_record(lived: LivedClinic, step: str) -> None:
    visit = lived.begin()
    assert lived.code_of(lived.stranger, asking(visit, step, **ASKED[step](lived))) == "access-denied"


@pytest.mark.parametrize("step", ["leave", "stop-recording"])
def test_stranger_has_no_part_in_what_no_rule_forbids(lived: LivedClinic, step: str) -> None:
    visit = lived.begin()
    assert lived.code(lived.stranger, visit, step) == "not-a-participant"
    taking = asking(visit, "withdraw-consent", consent="visit")
    assert lived.code_of(lived.stranger, taking) == "not-a-participant"


def test_who_waits_has_checked_in_and_waits_once(lived: LivedClinic) -> None:
    visit = lived.schedule()
    assert lived.code(lived.patient, visit, "wait") == "not-checked-in"
    lived.arrive(visit, lived.patient)
    assert lived.code(lived.patient, visit, "wait") == "already-waiting"


def test_devices_tested_again_while_waiting_leave_the_place_in_the_queue(lived: LivedClinic) -> None:
    visit = lived.schedule()
    lived.arrive(visit, lived.patient)
    before = lived.seats(visit)[lived.patient.actor]
    lived.ask(lived.patient, visit, "check-in", **{**TESTED, "camera": "refused"})
    after = lived.seats(visit)[lived.patient.actor]
    assert (after.state, after.since) == (before.state, before.since)
    assert after.checks is not None
    assert after.checks.camera == "refused"


def test_nobody_is_let_in_before_the_clinician_has_begun(lived: LivedClinic) -> None:
    visit = lived.schedule()
    lived.consent(lived.patient, visit, "visit")
    lived.arrive(visit, lived.patient)
    assert lived.code(lived.clinician, visit, "admit", participant=lived.patient.actor) == "visit-not-begun"


def test_patient_without_consent_is_not_let_in(lived: LivedClinic) -> None:
    visit = lived.schedule()
    lived.ask(lived.clinician, visit, "begin")
    lived.arrive(visit, lived.patient)
    assert lived.code(lived.clinician, visit, "admit", participant=lived.patient.actor) == "consent-missing"


def test_interpreter_is_let_in_only_while_the_patient_shares_the_visit(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.invite(visit, lived.interpreter, "interpreter")
    lived.arrive(visit, lived.interpreter)
    admit = {"participant": lived.interpreter.actor}
    assert lived.code(lived.clinician, visit, "admit", **admit) == "consent-missing"
    lived.consent(lived.patient, visit, "sharing")
    lived.ask(lived.clinician, visit, "admit", **admit)
    assert lived.code(lived.clinician, visit, "admit", **admit) == "already-admitted"


@pytest.mark.parametrize("who", ["patient", "interpreter"])
def test_participant_who_is_no_clinician_lets_nobody_in(lived: LivedClinic, who: str) -> None:
    visit = lived.begin()
    lived.join(visit, lived.interpreter, "interpreter")
    lived.invite(visit, lived.caregiver, "caregiver")
    lived.arrive(visit, lived.caregiver)
    asks = getattr(lived, who)
    assert lived.code(asks, visit, "admit", participant=lived.caregiver.actor) == "not-a-participant"
    assert lived.code(asks, visit, "remove", participant=lived.caregiver.actor) == "not-a-participant"


def test_colleague_lets_in_once_in_the_room(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.invite(visit, lived.colleague, "colleague")
    lived.invite(visit, lived.caregiver, "caregiver")
    lived.consent(lived.patient, visit, "sharing")
    lived.arrive(visit, lived.caregiver)
    admit = {"participant": lived.caregiver.actor}
    assert lived.code(lived.colleague, visit, "admit", **admit) == "not-a-participant"
    lived.enter(visit, lived.colleague)
    lived.ask(lived.colleague, visit, "admit", **admit)
    assert lived.state(visit, lived.caregiver) == "admitted"


def test_who_is_sent_back_waits_again_and_who_is_removed_is_out_until_invited(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.join(visit, lived.caregiver, "caregiver")
    whom = {"participant": lived.caregiver.actor}
    lived.ask(lived.clinician, visit, "return", **whom)
    assert lived.state(visit, lived.caregiver) == "waiting"
    assert lived.code(lived.clinician, visit, "return", **whom) == "not-in-room"
    lived.ask(lived.clinician, visit, "remove", **whom)
    for step in ("wait", "leave"):
        assert lived.code(lived.caregiver, visit, step) == "participant-removed"
    assert lived.code(lived.clinician, visit, "admit", **whom) == "participant-removed"
    lived.invite(visit, lived.caregiver, "caregiver")
    assert lived.state(visit, lived.caregiver) == "expected"


def test_clinician_is_moved_by_nobody(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.join(visit, lived.colleague, "colleague")
    whom = {"participant": lived.clinician.actor}
    assert lived.code(lived.colleague, visit, "remove", **whom) == "participant-refused"
    assert lived.code(lived.colleague, visit, "return", **whom) == "participant-refused"


def test_who_left_comes_back_through_the_queue_and_the_clinician_at_once(lived: LivedClinic) -> None:
    visit = lived.begin()
    for wallet in (lived.patient, lived.clinician):
        lived.ask(wallet, visit, "leave")
        assert lived.code(wallet, visit, "leave") == "not-in-room"
    lived.ask(lived.clinician, visit, "begin")
    assert lived.code(lived.clinician, visit, "admit", participant=lived.patient.actor) == "not-waiting"
    lived.enter(visit, lived.patient)


def test_steps_of_one_request_see_each_other_and_fail_together(lived: LivedClinic) -> None:
    visit = lived.schedule()
    lived.consent(lived.patient, visit, "visit")
    lived.arrive(visit, lived.patient)
    whom = {"participant": lived.patient.actor}
    begin, admit = asking(visit, "begin"), asking(visit, "admit", **whom)
    assert lived.code_of(lived.clinician, begin, admit, admit) == "already-admitted"
    assert lived.state(visit, lived.patient) == "waiting"
    lived.world.ask(lived.clinician, begin, admit)
    assert lived.state(visit, lived.patient) == "admitted"


def test_second_tab_of_the_clinician_begins_nothing_anew(lived: LivedClinic) -> None:
    assert lived.code(lived.clinician, lived.begin(), "begin") == "already-admitted"


# The end.


@pytest.mark.parametrize(
    ("underway", "outcome", "code"),
    [
        (True, "cancelled", "outcome-refused"),
        (True, "missed", "outcome-refused"),
        (False, "completed", "outcome-refused"),
    ],
)
def test_visit_that_cannot_have_ended_like_that_is_refused(
    lived: LivedClinic, underway: bool, outcome: str, code: str
) -> None:
    visit = lived.begin() if underway else lived.schedule()
    assert lived.code(lived.clinician, visit, "end", outcome=outcome) == code


def test_patient_cancels_and_ends_nothing_else(lived: LivedClinic) -> None:
    visit = lived.schedule()
    assert lived.code(lived.patient, visit, "end", outcome="missed") == "not-a-participant"
    lived.ask(lived.patient, visit, "end", outcome="cancelled")
    assert lived.last(visit).body.outcome == "cancelled"


def test_after_the_end_nobody_is_in_the_room_and_nothing_moves(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.ask(lived.clinician, visit, "end", outcome="completed")
    assert lived.state(visit, lived.patient) == lived.state(visit, lived.clinician) == "left"
    assert lived.code(lived.patient, visit, "check-in", **TESTED) == "visit-ended"
    assert lived.code(lived.clinician, visit, "begin") == "visit-ended"
    assert lived.code(lived.clinician, visit, "end", outcome="completed") == "visit-ended"
    lived.close(visit)
    assert lived.code(lived.patient, visit, "leave") == "visit-closed"


@pytest.mark.parametrize("underway", [False, True])
def test_visit_that_has_not_ended_is_not_closed(lived: LivedClinic, underway: bool) -> None:
    visit = lived.begin() if underway else lived.schedule()
    assert lived.code(lived.clinician, visit, "close") == "visit-not-ended"


def test_steps_of_a_visit_that_is_not_there_are_refused(lived: LivedClinic) -> None:
    assert lived.code(lived.patient, lived.world.ids.next(), "wait") == "visit-missing"


# The identity check.


def test_clinician_confirms_two_identifiers_and_no_value_of_them_is_anywhere(lived: LivedClinic) -> None:
    visit = lived.begin()
    confirm = {"participant": lived.patient.actor, "identifiers": ["name", "birth-date"]}
    lived.ask(lived.clinician, visit, "confirm-identity", **confirm)
    assert lived.last(visit).body.identifiers == ("name", "birth-date")
    assert lived.seats(visit)[lived.patient.actor].identity == "confirmed"


@pytest.mark.parametrize(
    ("who", "identifiers", "code"),
    [
        ("clinician", ["name"], "command-refused"),
        ("clinician", ["name", "name"], "identity-refused"),
        ("clinician", ["name", "mother's maiden name"], "command-refused"),
        ("patient", ["name", "phone"], "not-a-participant"),
    ],
)
def test_identity_confirmed_by_too_little_or_by_oneself_is_refused(
    lived: LivedClinic, who: str, identifiers: list[str], code: str
) -> None:
    visit = lived.begin()
    confirm = {"participant": lived.patient.actor, "identifiers": identifiers}
    assert lived.code(getattr(lived, who), visit, "confirm-identity", **confirm) == code


def test_clinician_does_not_confirm_itself(lived: LivedClinic) -> None:
    confirm = {"participant": lived.clinician.actor, "identifiers": ["name", "phone"]}
    assert lived.code(lived.clinician, lived.begin(), "confirm-identity", **confirm) == "identity-refused"


# Bounds, and the fold.


def test_full_visit_still_lets_people_leave_take_back_and_end(
    lived: LivedClinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = lived.begin()
    monkeypatch.setattr(scene, "VISIT_ENTRIES_MAX", len(lived.stream(visit)) + 2 + model.PLACES_KEPT // 2)
    invite = {"participant": lived.caregiver.actor, "role": "caregiver", "invitation": None}
    assert lived.code(lived.clinician, visit, "invite", **invite) == "visit-full"
    lived.ask(lived.patient, visit, "withdraw-consent", consent="visit")
    lived.ask(lived.patient, visit, "leave")
    lived.ask(lived.clinician, visit, "end", outcome="completed")
    lived.close(visit)


def test_participant_who_takes_too_many_steps_is_refused_and_the_clinician_is_not(
    lived: LivedClinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = lived.begin()
    monkeypatch.setattr(scene, "STEPS_MAX", 3)
    assert lived.code_of(lived.patient, consenting(visit, "sharing")) == "steps-exhausted"
    lived.ask(lived.patient, visit, "leave")
    lived.ask(lived.clinician, visit, "leave")
    lived.ask(lived.clinician, visit, "begin")


def test_replaying_the_entries_gives_the_same_tables(lived: LivedClinic) -> None:
    visit = lived.begin()
    lived.join(visit, lived.colleague, "colleague")
    lived.record(visit, by=lived.colleague, others=(lived.patient, lived.clinician))
    both = sorted([lived.clinician.actor, lived.patient.actor])
    epoch = {"epoch": 1, "participants": both, "envelopes": "0" * 64}
    lived.ask(lived.patient, visit, "open-epoch", **epoch)
    lived.ask(lived.colleague, visit, "leave")
    text = {"kind": "visit", "language": "fr", "text": "J'accepte.", "digest": digest_of(b"J'accepte.")}
    lived.world.ask(lived.hospital, ("consent.set-text/1", text))
    again = open_database(":memory:")
    again.execute(STORE.schema)
    for entry in lived.world.entries():
        if entry.type.startswith(("visit.", "consent.")):
            STORE.apply(again, entry)
    for table in STORE.tables:
        rows = f'SELECT * FROM "{table}"'
        expected = set(lived.world.db.execute(rows))
        assert set(again.execute(rows)) == expected
        assert expected or table == "visit_links"
