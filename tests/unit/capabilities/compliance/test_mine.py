"""One's own pages: who saw my record and why, in plain words, and the grants I gave, hold or am offered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from telesphor.capabilities.compliance.entries import Filter
from telesphor.capabilities.compliance.mine import MyToken, Seen
from telesphor.client.wallet import Wallet
from tests.unit.capabilities.compliance.office import ALL, Office


def seen(office: Office, filter: Filter = ALL) -> tuple[Seen, ...]:
    """The patient's own page."""
    watch = office.watch(office.patient, subject=office.patient.actor)
    office.index_all()
    return office.own.log(office.actor(office.patient), watch, filter).rows


def tokens(
    office: Office, wallet: Wallet, which: Literal["granted", "held", "offered"]
) -> dict[str, MyToken]:
    found = office.own.tokens(office.actor(wallet), which=which, after="")
    return {one.token: one for one in found.tokens}


def test_read_is_told_in_a_sentence(office: Office) -> None:
    office.names[office.writer.actor] = "Dr. Wren"
    office.read(office.writer, office.note, purpose="treatment")
    line = next(line for line in seen(office) if line.what == "read")
    assert (line.who.name, line.allowed, line.thing) == ("Dr. Wren", True, "object")
    assert line.organisation == "node.example/telesphor"
    assert line.sentence == (
        "Dr. Wren read a document of yours for your treatment: wrote it; is listed as a reader of it."
    )


def test_denial_is_told_as_one(office: Office) -> None:
    office.may_read(office.nurse, office.note, purpose="payment")
    line = next(line for line in seen(office) if line.who.id == office.nurse.actor)
    assert (line.allowed, line.why) == (False, "no rule allows it")
    assert line.sentence == (
        "Somebody (clinician) was refused: read a document of yours for payment: no rule allows it."
    )


def test_grant_that_allowed_it_is_named_so_that_it_can_be_taken_back(office: Office) -> None:
    mine = office.put_about(office.patient.actor, owner=office.patient)
    token, (define, mint) = office.granting(office.patient, mine)
    terms = cast("Mapping[str, Any]", mint[1])
    recipient = {"kind": "actor", "id": office.doctor.actor}
    office.ask(office.patient, define, ("token.mint/1", {**terms, "recipient": recipient}))
    offered = tokens(office, office.doctor, "offered")[token]
    assert (offered.standing, offered.lives) == ("offered", False)
    office.ask(office.doctor, ("token.accept/1", {"token": token}))
    office.read(office.doctor, mine, purpose="treatment")
    line = next(line for line in seen(office) if line.who.id == office.doctor.actor)
    assert line.token == token
    assert line.grantor is not None
    assert (line.grantor.id, line.why) == (office.patient.actor, f"a grant by {office.patient.actor}")
    assert "a grant by You" in line.sentence
    assert line.granted_at is not None
    granted = tokens(office, office.patient, "granted")[token]
    assert (granted.lives, granted.may_revoke, granted.things) == (True, True, (f"object/{mine}",))
    held = tokens(office, office.doctor, "held")[token]
    assert not held.may_revoke
    assert held.sentence == f"You may read 1 thing, for treatment, until {granted.not_after[:10]}."
    office.ask(office.patient, ("token.revoke/1", {"token": token}))
    revoked = tokens(office, office.patient, "granted")[token]
    assert (revoked.standing, revoked.may_revoke) == ("revoked", False)


def test_emergency_stands_out(office: Office) -> None:
    office.open(office.doctor, "record", office.patient.actor)
    office.read(office.doctor, office.note)
    line = next(line for line in seen(office) if line.emergency and line.what == "read")
    assert line.purpose == "emergency"
    assert "emergency access, reason: unconscious patient" in line.why


def test_officers_look_is_told(office: Office) -> None:
    watch = office.watch(office.officer)
    office.search(office.officer, watch, Filter(subject=office.patient.actor))
    line = seen(office)[1]  # The newest is that the patient itself asked for its log.
    assert (line.what, line.who.id, line.thing) == ("looked", office.officer.actor, "log")
    assert line.sentence.startswith("Somebody (privacy officer) looked at a page of your access log")


def test_nobodys_else_log_is_shown(office: Office) -> None:
    other = office.put_about(office.nurse.actor)
    office.read(office.writer, other, purpose="treatment")
    assert f"object/{other}" not in {line.resource for line in seen(office)}
    house = office.watch(office.officer)
    officer = office.actor(office.officer)
    assert office.code_of(office.own.log, officer, house, ALL) == "watch-too-narrow"


def test_nobody_sees_grants_of_others(office: Office) -> None:
    token, commands = office.granting(office.nurse, office.note)
    office.ask(office.writer, *commands)
    assert token in tokens(office, office.writer, "granted")
    for which in ("granted", "held", "offered"):
        assert token not in tokens(office, office.patient, cast("Any", which))


def test_nobody_learns_a_name_by_offering_a_grant(office: Office) -> None:
    office.names[office.patient.actor] = "Pat Lee"
    mine = office.put_about(None, owner=office.writer)
    token, (define, mint) = office.granting(office.patient, mine)
    office.ask(office.writer, define, mint)
    recipient = tokens(office, office.writer, "granted")[token].recipient
    assert recipient.person is not None
    assert (recipient.person.id, recipient.person.name) == (office.patient.actor, None)
    office.ask(office.patient, ("token.accept/1", {"token": token}))
    accepted = tokens(office, office.writer, "granted")[token].recipient.person
    assert accepted is not None
    assert accepted.name == "Pat Lee"


def test_officer_who_watches_one_person_sees_an_id(office: Office) -> None:
    office.names[office.patient.actor] = "Pat Lee"
    office.watch(office.patient, subject=office.patient.actor)
    watch = office.watch(office.officer, subject=office.patient.actor)
    office.index_all()
    lines = office.own.log(office.actor(office.officer), watch, ALL).rows
    patients = [line.who for line in lines if line.who.id == office.patient.actor]
    assert patients
    assert {person.name for person in patients} == {None}


def test_use_that_was_noted_is_told(office: Office) -> None:
    body = {
        "kind": "object",
        "id": office.note,
        "done": "shared",
        "purpose": "treatment",
        "recipient": "relative",
    }
    office.ask(office.writer, ("use.note/1", body))
    line = next(line for line in seen(office) if line.done == "shared")
    assert line.recipient == "relative"
    assert line.sentence.endswith(" It was shared with: relative.")
