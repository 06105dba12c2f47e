"""Who opens emergency access, for what, how often and how sure the node is of them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from telesphor.capabilities.access.breakglass.model import CHALLENGE_MS, OPENINGS_MAX, REAUTHENTICATED_MS
from telesphor.capabilities.access.breakglass.standing import count_alarms, count_alarms_of
from telesphor.client.requests import Command
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.database import open_reader
from tests.support.staff import appointment
from tests.unit.capabilities.access.infirmary import DAY_MS, MINUTE_MS, Infirmary

FOR_PARAMEDICS = """\
@id("paramedics")
permit (principal, action in [Telesphor::Action::"break-glass", Telesphor::Action::"read"], resource)
when {
  principal.roles.contains("paramedic") && context has purpose && context.purpose == "emergency"
  && context has break_glass && context.now < context.break_glass.until
};
"""


def test_opening_names_patient_and_officers_and_alarms_at_once(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    decided, opened = infirmary.entries()[-2:]
    assert (decided.body.action, decided.body.reasons) == ("break-glass", ("base:broken-glass",))
    assert (decided.body.break_glass, decided.body.subject) == (glass, infirmary.patient.actor)
    assert opened.stream == f"break-glass/{glass}"
    assert opened.body.notified == (infirmary.patient.actor, infirmary.officer.actor)
    assert (opened.body.subject, opened.body.reauthentication) == (infirmary.patient.actor, "key")
    assert opened.body.until == infirmary.instant(30 * MINUTE_MS)
    db = open_reader(infirmary.path)
    assert count_alarms(db) == 1
    assert [count_alarms_of(db, one.actor) for one in (infirmary.patient, infirmary.officer, infirmary.nurse)] == [
        1, 1, 0,
    ]  # fmt: skip
    db.close()


def test_officer_who_breaks_the_glass_is_not_the_one_told(infirmary: Infirmary) -> None:
    infirmary.appoint(infirmary.officer, role="clinician")
    infirmary.open(infirmary.officer, "record", infirmary.patient.actor)
    assert infirmary.entries()[-1].body.notified == (infirmary.patient.actor,)


@pytest.mark.parametrize("minutes", [0, 61, -1, 2**31])
def test_minutes_beyond_the_hour_are_refused_at_the_edge(infirmary: Infirmary, minutes: int) -> None:
    command = infirmary.opening("object", infirmary.note, minutes=minutes)
    assert infirmary.plain_refusal(infirmary.doctor, command) == "command-refused"


def test_reason_of_ones_own_is_refused_at_the_edge(infirmary: Infirmary) -> None:
    command = infirmary.opening("object", infirmary.note, reason="curiosity")
    assert infirmary.plain_refusal(infirmary.doctor, command) == "command-refused"


def test_person_who_is_no_clinician_is_denied_whatever_role_it_has_besides(infirmary: Infirmary) -> None:
    """Patients are registered as well, and so is everybody whom they bring along."""
    stranger = infirmary.enrol_known("person", 8)
    for person in (stranger, infirmary.writer, infirmary.officer):
        nonce = infirmary.nonce(person)
        command = infirmary.opening("object", infirmary.note, nonce=nonce)
        assert infirmary.refusal(person, command) == "access-denied"
        assert [entry.type for entry in infirmary.entries()[-2:]] == [
            "break-glass.challenged/1",
            "access.decided/1",
        ]


@pytest.mark.parametrize("role", ["clinician", "privacy-officer"])
def test_nobody_makes_a_clinician_of_itself(infirmary: Infirmary, role: str) -> None:
    """Neither by a group nor by a token of its own, whoever it is."""
    for person in (infirmary.patient, infirmary.writer, infirmary.doctor):
        _, (_, (mint, terms)) = infirmary.granting(infirmary.nurse, infirmary.note)
        own = {"recipient": {"kind": "actor", "id": person.actor}, "dataset": None, "role": role}
        minted: Command = (mint, cast("dict[str, object]", terms) | own | {"actions": [], "purposes": []})
        codes = []
        for commands in (appointment(infirmary.ids, person.actor, role=role), (minted,)):
            with pytest.raises(TelesphorError) as caught:
                infirmary.ask(person, *commands)
            codes.append(caught.value.code)
        assert codes == ["not-permitted", "not-permitted"]


def test_who_loses_the_role_reads_no_more_while_the_hour_still_runs(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note)
    assert infirmary.may_read(infirmary.doctor, infirmary.note)
    formed = [entry for entry in infirmary.entries() if entry.type == "group.formed/1"]
    (staff,) = (entry for entry in formed if entry.body.role == "clinician")
    member = {"group": staff.stream.removeprefix("group/"), "member": infirmary.doctor.actor}
    infirmary.ask(infirmary.hospital, ("group.remove/1", member))
    assert not infirmary.may_read(infirmary.doctor, infirmary.note)


def test_rule_of_the_organisation_lets_others_break_the_glass(infirmary: Infirmary) -> None:
    infirmary.forbid_rule(FOR_PARAMEDICS)
    infirmary.appoint(infirmary.writer, role="paramedic")
    infirmary.open(infirmary.writer, "object", infirmary.note)
    assert infirmary.may_read(infirmary.writer, infirmary.note)


@pytest.mark.parametrize("kind", ["organisation", "system", "device"])
def test_only_persons_break_the_glass(infirmary: Infirmary, kind: str) -> None:
    other = infirmary.enrol_known(kind, 7)
    assert infirmary.plain_refusal(other, ("break-glass.challenge/1", {})) == "not-permitted"
    assert infirmary.refusal(other, infirmary.opening("object", infirmary.note)) == "not-permitted"


def test_signature_alone_is_not_enough(infirmary: Infirmary) -> None:
    command = infirmary.opening("object", infirmary.note)
    assert infirmary.refusal(infirmary.doctor, command) == "break-glass-not-reauthenticated"


def test_two_commands_of_one_request_are_not_enough(infirmary: Infirmary) -> None:
    asked: Command = ("break-glass.challenge/1", {})
    command = infirmary.opening("object", infirmary.note)
    with pytest.raises(TelesphorError) as caught:
        infirmary.ask(infirmary.doctor, asked, command)
    assert caught.value.code == "break-glass-not-reauthenticated"


def test_challenge_is_good_for_a_minute(infirmary: Infirmary) -> None:
    nonce = infirmary.nonce(infirmary.doctor)
    infirmary.clock.advance_ms(CHALLENGE_MS)
    command = infirmary.opening("object", infirmary.note, nonce=nonce)
    assert infirmary.refusal(infirmary.doctor, command) == "break-glass-not-reauthenticated"


def test_challenge_is_good_once(infirmary: Infirmary) -> None:
    nonce = infirmary.nonce(infirmary.doctor)
    command = infirmary.opening("object", infirmary.note, nonce=nonce)
    infirmary.ask(infirmary.doctor, command)
    body: Any = command[1]
    infirmary.close_glass(infirmary.doctor, body["break_glass"])
    again = infirmary.opening("object", infirmary.note, nonce=nonce)
    assert infirmary.refusal(infirmary.doctor, again) == "break-glass-not-reauthenticated"


def test_challenge_of_somebody_else_is_none(infirmary: Infirmary) -> None:
    nonce = infirmary.nonce(infirmary.nurse)
    command = infirmary.opening("object", infirmary.note, nonce=nonce)
    assert infirmary.refusal(infirmary.doctor, command) == "break-glass-not-reauthenticated"


def test_older_challenge_is_void(infirmary: Infirmary) -> None:
    nonce = infirmary.nonce(infirmary.doctor)
    infirmary.nonce(infirmary.doctor)
    command = infirmary.opening("object", infirmary.note, nonce=nonce)
    assert infirmary.refusal(infirmary.doctor, command) == "break-glass-not-reauthenticated"


def test_who_has_a_passkey_signs_in_by_it(infirmary: Infirmary) -> None:
    key = infirmary.register_passkey(infirmary.doctor)
    nonce = infirmary.nonce(infirmary.doctor)
    command = infirmary.opening("object", infirmary.note, nonce=nonce)
    assert infirmary.refusal(infirmary.doctor, command) == "break-glass-not-reauthenticated"
    infirmary.sign_in(infirmary.doctor, key)
    infirmary.ask(infirmary.doctor, infirmary.opening("object", infirmary.note))
    assert infirmary.entries()[-1].body.reauthentication == "passkey"


def test_sign_in_of_a_while_ago_does_not_count(infirmary: Infirmary) -> None:
    key = infirmary.register_passkey(infirmary.doctor)
    infirmary.sign_in(infirmary.doctor, key)
    infirmary.clock.advance_ms(REAUTHENTICATED_MS + 1)
    command = infirmary.opening("object", infirmary.note)
    assert infirmary.refusal(infirmary.doctor, command) == "break-glass-not-reauthenticated"


def test_organisation_can_demand_a_passkey_by_a_rule(infirmary: Infirmary) -> None:
    infirmary.forbid_rule(
        '@id("passkeys-only") forbid (principal, action == Telesphor::Action::"break-glass", resource)'
        " when { context has break_glass && !context.break_glass.passkey };"
    )
    nonce = infirmary.nonce(infirmary.doctor)
    command = infirmary.opening("object", infirmary.note, nonce=nonce)
    assert infirmary.refusal(infirmary.doctor, command) == "access-denied"
    key = infirmary.register_passkey(infirmary.doctor)
    infirmary.sign_in(infirmary.doctor, key)
    infirmary.ask(infirmary.doctor, infirmary.opening("object", infirmary.note))


def test_id_is_used_once(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    command = infirmary.opening("object", infirmary.note, break_glass=glass)
    assert infirmary.refusal(infirmary.nurse, command) == "break-glass-exists"


def test_one_patient_at_a_time(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "record", infirmary.patient.actor)
    nonce = infirmary.nonce(infirmary.doctor)
    command = infirmary.opening("record", infirmary.nurse.actor, nonce=nonce)
    assert infirmary.refusal(infirmary.doctor, command) == "break-glass-open"


@pytest.mark.parametrize("kind", ["organisation", "log", "dataset", "device", "everything"])
def test_nothing_larger_than_a_record_can_be_opened(infirmary: Infirmary, kind: str) -> None:
    assert (
        infirmary.plain_refusal(infirmary.doctor, infirmary.opening(kind, infirmary.note))
        == "command-refused"
    )


def test_target_that_is_none_is_refused(infirmary: Infirmary) -> None:
    for target, code in (
        (("object", infirmary.ids.next()), "object-missing"),
        (("visit", infirmary.ids.next()), "visit-missing"),
        (("record", infirmary.ids.next()), "break-glass-target-refused"),
        (("record", infirmary.hospital.actor), "break-glass-target-refused"),
        (("record", infirmary.doctor.actor), "break-glass-target-refused"),
        (("object", infirmary.put_about(None, owner=infirmary.doctor)), "break-glass-target-refused"),
    ):
        command = infirmary.opening(*target, nonce=infirmary.nonce(infirmary.doctor))
        assert infirmary.refusal(infirmary.doctor, command) == code


def test_who_wrote_it_is_told_where_nobody_knows_whom_it_is_about(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.put_about(None, owner=infirmary.nurse))
    assert infirmary.entries()[-1].body.subject == infirmary.nurse.actor


def test_reopening_grows_louder_and_ends_for_the_day(infirmary: Infirmary) -> None:
    for times in range(1, OPENINGS_MAX + 1):
        glass = infirmary.open(infirmary.doctor, "object", infirmary.note, minutes=1)
        assert infirmary.entries()[-1].body.times == times
        infirmary.close_glass(infirmary.doctor, glass)
    command = infirmary.opening("object", infirmary.note, nonce=infirmary.nonce(infirmary.doctor))
    assert infirmary.refusal(infirmary.doctor, command) == "break-glass-too-many"
    assert len(infirmary.listed(infirmary.officer)) == OPENINGS_MAX
    infirmary.clock.advance_ms(DAY_MS)
    infirmary.open(infirmary.doctor, "object", infirmary.note)
    assert infirmary.entries()[-1].body.times == 1


def test_patient_forbids_it_and_may_think_again(infirmary: Infirmary) -> None:
    infirmary.ask(infirmary.patient, ("break-glass.forbid/1", {"forbidden": True}))
    for kind, id in (("object", infirmary.note), ("record", infirmary.patient.actor)):
        command = infirmary.opening(kind, id, nonce=infirmary.nonce(infirmary.doctor))
        assert infirmary.refusal(infirmary.doctor, command) == "break-glass-forbidden"
    infirmary.ask(infirmary.patient, ("break-glass.forbid/1", {"forbidden": False}))
    infirmary.open(infirmary.doctor, "object", infirmary.note)


def test_rule_of_the_organisation_wins(infirmary: Infirmary) -> None:
    infirmary.forbid_rule('@id("vip") forbid (principal, action, resource) when { context has break_glass };')
    command = infirmary.opening("object", infirmary.note, nonce=infirmary.nonce(infirmary.doctor))
    assert infirmary.refusal(infirmary.doctor, command) == "access-denied"
    assert infirmary.entries()[-1].body.reasons == ("vip",)


def test_clock_that_was_set_back_opens_nothing(infirmary: Infirmary) -> None:
    infirmary.clock.advance_ms(DAY_MS)
    nonce = infirmary.nonce(infirmary.doctor)
    infirmary.clock.advance_ms(-2 * MINUTE_MS)
    command = infirmary.opening("object", infirmary.note, nonce=nonce)
    assert infirmary.refusal(infirmary.doctor, command) == "clock-behind"
