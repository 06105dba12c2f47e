"""What an open emergency permits, what it never does, and when it ends."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from telesphor.capabilities.access.model import AccessEnded
from telesphor.capabilities.access.replay import replay_all
from telesphor.client.recovery import report_lost_command
from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import TelesphorError
from tests.unit.capabilities.access.infirmary import MINUTE_MS, Infirmary

OPEN_TO_NURSE = """
@id("ward-forbids") forbid (principal, action == Telesphor::Action::"read", resource)
when {{ resource has subject && resource.subject == Telesphor::Actor::"{}" }};
"""


def test_reads_of_it_are_permitted_while_it_is_open(infirmary: Infirmary) -> None:
    assert not infirmary.may_read(infirmary.doctor, infirmary.note)
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    ticket = infirmary.read(infirmary.doctor, infirmary.note)
    out = io.BytesIO()
    infirmary.vault.send(ticket.ticket, out)
    assert out.getvalue() == b"{}"
    decided = infirmary.last("access.decided/1").body
    assert decided.reasons == ("base:broken-glass",)
    assert decided.break_glass == glass
    receipt = infirmary.last("access.decided/1").body.receipt
    found = infirmary.db.execute("SELECT data FROM documents WHERE digest = ?", (receipt,)).fetchone()
    assert found is not None


def test_context_of_the_decision_names_it(infirmary: Infirmary) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    infirmary.read(infirmary.doctor, infirmary.note)
    texts = [bytes(data).decode() for (data,) in infirmary.db.execute("SELECT data FROM documents")]
    requests = [text for text in texts if "telesphor-decision-request/1" in text and glass in text]
    assert len(requests) == 2, "the opening and the read"


def test_its_decisions_replay_from_their_documents(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note)
    infirmary.read(infirmary.doctor, infirmary.note)
    infirmary.may_read(infirmary.doctor, infirmary.note, purpose="payment")
    documents = {
        Digest(digest): bytes(data)
        for digest, data in infirmary.db.execute("SELECT digest, data FROM documents")
    }
    found = list(replay_all(infirmary.entries(), documents))
    assert [line.fault for line in found if line.fault] == []
    assert [line.outcome for line in found[-3:]] == ["allow", "allow", "deny"]


def test_it_is_for_its_purpose_only(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note)
    for purpose in ("treatment", "payment", "operations", "patient-request"):
        assert not infirmary.may_read(infirmary.doctor, infirmary.note, purpose=purpose)


def test_it_is_for_nobody_else(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note)
    assert not infirmary.may_read(infirmary.nurse, infirmary.note)


def test_object_opens_itself_alone(infirmary: Infirmary) -> None:
    other = infirmary.put_about(infirmary.patient.actor)
    infirmary.open(infirmary.doctor, "object", infirmary.note)
    assert not infirmary.may_read(infirmary.doctor, other)


def test_record_opens_all_about_one_patient(infirmary: Infirmary) -> None:
    visit = infirmary.visit_of(infirmary.patient, infirmary.writer)
    inside = infirmary.put_about(None, visit=visit)
    elsewhere = infirmary.put_about(infirmary.nurse.actor)
    unknown = infirmary.put_about(None)
    infirmary.open(infirmary.doctor, "record", infirmary.patient.actor)
    assert infirmary.may_read(infirmary.doctor, infirmary.note)
    assert infirmary.may_read(infirmary.doctor, inside)
    assert infirmary.last("access.decided/1").body.subject == infirmary.patient.actor
    assert not infirmary.may_read(infirmary.doctor, elsewhere)
    assert not infirmary.may_read(infirmary.doctor, unknown)


def test_visit_opens_what_belongs_to_it_and_is_about_its_patient(infirmary: Infirmary) -> None:
    visit, other = (infirmary.visit_of(infirmary.patient, infirmary.writer) for _ in range(2))
    inside, named = (infirmary.put_about(who, visit=visit) for who in (None, infirmary.patient.actor))
    of_another_visit = infirmary.put_about(None, visit=other)
    of_the_child = infirmary.put_about(infirmary.nurse.actor, visit=visit)
    infirmary.open(infirmary.doctor, "visit", visit)
    assert infirmary.may_read(infirmary.doctor, inside)
    assert infirmary.may_read(infirmary.doctor, named)
    assert not infirmary.may_read(infirmary.doctor, of_another_visit)
    assert not infirmary.may_read(infirmary.doctor, of_the_child), "who was told nothing"


@pytest.mark.parametrize(
    "command",
    [
        ("object.rewrap/1", {"readers": []}),
        ("object.erase/1", {"reason": "error"}),
    ],
)
def test_nothing_is_changed_by_it(infirmary: Infirmary, command: tuple[str, dict[str, object]]) -> None:
    infirmary.open(infirmary.doctor, "record", infirmary.patient.actor)
    name, body = command
    assert infirmary.refusal(infirmary.doctor, (name, {**body, "object": infirmary.note})) == "access-denied"
    assert infirmary.entries()[-1].body.break_glass is None


@pytest.mark.parametrize("done", ["printed", "exported", "shared"])
def test_nothing_leaves_by_it(infirmary: Infirmary, done: str) -> None:
    infirmary.open(infirmary.doctor, "record", infirmary.patient.actor)
    note = {
        "kind": "object",
        "id": infirmary.note,
        "done": done,
        "purpose": "emergency",
        "recipient": "clinician",
    }
    assert infirmary.refusal(infirmary.doctor, ("use.note/1", note)) == "access-denied"
    assert infirmary.entries()[-1].body.break_glass is None


def test_nothing_is_granted_by_it(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "record", infirmary.patient.actor)
    _, commands = infirmary.granting(infirmary.nurse, infirmary.note)
    with pytest.raises(TelesphorError) as caught:
        infirmary.ask(infirmary.doctor, *commands)
    assert caught.value.code in ("access-denied", "no-part-in-member")


def test_log_is_not_read_by_it(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "record", infirmary.patient.actor)
    wanted = {"subject": infirmary.patient.actor}
    assert infirmary.refusal(infirmary.doctor, ("access-log.read/1", wanted)) == "access-denied"


def test_it_ends_with_its_minutes(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note, minutes=1)
    infirmary.clock.advance_ms(MINUTE_MS - 1)
    assert infirmary.may_read(infirmary.doctor, infirmary.note)
    infirmary.clock.advance_ms(1)
    assert not infirmary.may_read(infirmary.doctor, infirmary.note)


def test_it_ends_while_bytes_are_sent(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note, minutes=5)
    grant = infirmary.grant_of(infirmary.read(infirmary.doctor, infirmary.note).ticket)
    infirmary.vault.readable(grant)
    infirmary.clock.advance_ms(5 * MINUTE_MS)
    with pytest.raises(AccessEnded):
        infirmary.vault.readable(grant)


@pytest.mark.parametrize("how", ["close", "supervise", "review", "forbid", "rule", "lost"])
def test_it_ends_early_for_reads_and_for_bytes_being_sent(infirmary: Infirmary, how: str) -> None:
    glass = infirmary.open(infirmary.doctor, "object", infirmary.note)
    grant = infirmary.grant_of(infirmary.read(infirmary.doctor, infirmary.note).ticket)
    ways: dict[str, Callable[[], object]] = {
        "close": lambda: infirmary.close_glass(infirmary.doctor, glass),
        "supervise": lambda: infirmary.close_glass(infirmary.officer, glass),
        "review": lambda: infirmary.review(infirmary.officer, glass),
        "forbid": lambda: infirmary.ask(infirmary.patient, ("break-glass.forbid/1", {"forbidden": True})),
        "rule": lambda: infirmary.forbid_rule(OPEN_TO_NURSE.format(infirmary.patient.actor)),
        "lost": lambda: infirmary.ask(
            infirmary.hospital, report_lost_command(infirmary.doctor.actor, reason="stolen")
        ),
    }
    ways[how]()
    with pytest.raises(TelesphorError) as sending:
        infirmary.vault.readable(grant)
    with pytest.raises(TelesphorError) as reading:
        infirmary.read(infirmary.doctor, infirmary.note)
    codes = (sending.value.code, reading.value.code)
    assert codes == (("actor-suspended",) * 2 if how == "lost" else ("access-ended", "access-denied"))


def test_own_right_to_read_goes_on_when_it_ends(infirmary: Infirmary) -> None:
    mine = infirmary.put_about(infirmary.patient.actor, owner=infirmary.doctor)
    glass = infirmary.open(infirmary.doctor, "record", infirmary.patient.actor)
    assert infirmary.may_read(infirmary.doctor, mine)
    assert infirmary.last("access.decided/1").body.reasons == (
        "base:broken-glass",
        "base:owner",
        "base:reader",
    )
    infirmary.close_glass(infirmary.doctor, glass)
    assert infirmary.may_read(infirmary.doctor, mine)


def test_ticket_lives_no_longer_than_it(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note, minutes=1)
    infirmary.clock.advance_ms(MINUTE_MS - 5_000)
    ticket = infirmary.read(infirmary.doctor, infirmary.note).ticket
    infirmary.clock.advance_ms(5_000)
    with pytest.raises(TelesphorError) as caught:
        infirmary.grant_of(ticket)
    assert caught.value.code == "ticket-refused"


def test_clock_that_is_set_back_makes_it_no_longer(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note, minutes=30)
    grant = infirmary.grant_of(infirmary.read(infirmary.doctor, infirmary.note).ticket)
    infirmary.clock.advance_ms(-2 * MINUTE_MS)
    with pytest.raises(AccessEnded):
        infirmary.vault.readable(grant)
    assert not infirmary.may_read(infirmary.doctor, infirmary.note)


def test_it_is_over_by_the_ledgers_time_whatever_the_clock_says_then(infirmary: Infirmary) -> None:
    infirmary.open(infirmary.doctor, "object", infirmary.note, minutes=1)
    infirmary.clock.advance_ms(MINUTE_MS)
    assert not infirmary.may_read(infirmary.doctor, infirmary.note)
    infirmary.clock.advance_ms(-MINUTE_MS // 2)
    assert not infirmary.may_read(infirmary.doctor, infirmary.note)


def test_base_of_the_organisation_cannot_make_more_of_it_than_reads(infirmary: Infirmary) -> None:
    text = '@id("base:careless") permit (principal, action, resource) when { context has break_glass };'
    infirmary.ask(infirmary.hospital, ("policy.set/1", {"slot": "base", "policies": text}))
    infirmary.open(infirmary.doctor, "record", infirmary.patient.actor)
    erase = ("object.erase/1", {"object": infirmary.note, "reason": "error"})
    assert infirmary.refusal(infirmary.doctor, erase) == "access-denied"
    assert infirmary.may_read(infirmary.doctor, infirmary.note)
