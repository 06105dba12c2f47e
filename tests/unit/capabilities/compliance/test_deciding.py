"""Single entries and decisions: rule, inputs, replay, block; and what one's own watch does not show."""

from __future__ import annotations

import msgspec
import pytest

from telesphor.kernel.digest import digest_of
from tests.unit.capabilities.compliance.office import Office


def decision_about_the_note(office: Office) -> int:
    """A read that was allowed; its position."""
    office.read(office.writer, office.note, purpose="treatment")
    return office.last("access.decided/1").position


def test_decision_shows_its_rule_and_what_it_was_made_from(office: Office) -> None:
    position = decision_about_the_note(office)
    watch = office.watch(office.officer)
    shown = office.decisions.show_decision(office.actor(office.officer), watch, position)
    assert [policy.id for policy in shown.policies] == ["base:owner", "base:reader"]
    assert [policy.words for policy in shown.policies] == ["wrote it", "is listed as a reader of it"]
    assert {policy.effect for policy in shown.policies} == {"permit"}
    assert "permit" in shown.policies[0].text
    whats = [one.what for one in shown.documents]
    assert whats == ["receipt", "policies", "schema", "entities", "request"]
    assert all(one.bytes for one in shown.documents)
    assert shown.inputs is not None
    assert shown.inputs.request["principal"]["id"] == office.writer.actor
    assert shown.receipt.kept
    look = office.entries()[-1]
    assert (look.body.what, look.body.position, look.position) == ("decision", position, shown.look.position)
    assert look.body.subject == office.patient.actor


def test_decision_replays_to_the_same(office: Office) -> None:
    position = decision_about_the_note(office)
    watch = office.watch(office.officer)
    found = office.decisions.replay(office.actor(office.officer), watch, position)
    assert (found.same, found.fault) == (True, "")
    assert found.recorded == found.replayed
    assert found.recorded is not None
    assert found.recorded.reasons == ("base:owner", "base:reader")


def test_denial_replays_too(office: Office) -> None:
    office.may_read(office.nurse, office.note)
    position = office.last("access.decided/1").position
    watch = office.watch(office.officer)
    found = office.decisions.replay(office.actor(office.officer), watch, position)
    assert found.same
    assert found.replayed is not None
    assert found.replayed.outcome == "deny"


def test_decision_whose_receipt_was_forgotten_says_so(office: Office) -> None:
    position = decision_about_the_note(office)
    receipt = office.entries()[position].body.receipt
    data = office.db.execute("SELECT data FROM documents WHERE digest = ?", (receipt,)).get
    office.db.execute("DELETE FROM documents WHERE digest = ?", (receipt,))
    try:
        officer, watch = office.actor(office.officer), office.watch(office.officer)
        found = office.decisions.replay(officer, watch, position)
        assert (found.same, found.fault, found.recorded) == (False, "document-forgotten", None)
        shown = office.decisions.show_decision(officer, watch, position)
        assert (shown.receipt.kept, shown.inputs, shown.policies) == (False, None, ())
    finally:
        office.db.execute("INSERT INTO documents(digest, data) VALUES(?, ?)", (receipt, data))


def test_own_watch_shows_the_rule_and_no_inputs(office: Office) -> None:
    position = decision_about_the_note(office)
    patient, own = office.actor(office.patient), office.watch(office.patient, subject=office.patient.actor)
    shown = office.decisions.show_decision(patient, own, position)
    assert [policy.id for policy in shown.policies] == ["base:owner", "base:reader"]
    assert shown.inputs is None
    assert office.decisions.replay(patient, own, position).same


def test_own_watch_shows_no_entry_about_somebody_else(office: Office) -> None:
    other = office.put_about(office.nurse.actor)
    office.read(office.writer, other, purpose="treatment")
    hidden = office.last("access.decided/1").position
    sealed = office.last("object.sealed/1").position
    patient, own = office.actor(office.patient), office.watch(office.patient, subject=office.patient.actor)
    for position in (hidden, sealed, 0, 2**52):
        for page in (office.decisions.show_entry, office.decisions.show_decision, office.decisions.replay):
            assert office.code_of(page, patient, own, position) == "entry-not-shown"


def test_entry_is_shown_whole(office: Office) -> None:
    position = decision_about_the_note(office)
    watch = office.watch(office.officer)
    shown = office.decisions.show_entry(office.actor(office.officer), watch, position)
    recorded = office.entries()[position]
    assert shown.body == msgspec.json.decode(recorded.data)["body"]
    assert (shown.id, shown.evidence) == (recorded.id, recorded.evidence)
    assert [one.digest for one in shown.documents] == [recorded.body.receipt]
    assert shown.proof == f"/v1/proofs/{position}"


@pytest.mark.parametrize("page", ["show_decision", "replay"])
def test_entry_that_is_no_decision_is_refused_as_one(office: Office, page: str) -> None:
    watch = office.watch(office.officer)
    position = office.last("object.sealed/1").position
    officer = office.actor(office.officer)
    assert office.code_of(getattr(office.decisions, page), officer, watch, position) == "entry-not-shown"


def test_block_holds_the_entry(office: Office) -> None:
    watch, officer = office.watch(office.officer), office.actor(office.officer)
    waiting = office.last("object.sealed/1").position
    if office.book.last() is None:
        assert office.decisions.show_entry(officer, watch, waiting).block is None
    first = office.sign_checkpoint()
    position = decision_about_the_note(office)
    second = office.sign_checkpoint()
    block = office.decisions.show_entry(officer, watch, position).block
    assert block is not None
    assert (block.first, block.size, block.entries, block.level) == (first, second, second - first, 1)
    newest = office.blocks.newest(2)
    assert [one.size for one in newest.blocks] == [second, first]
    assert not newest.networked


def test_nothing_of_a_patients_data_is_on_any_page(office: Office) -> None:
    secret = b'{"pulse": 61, "name": "Pat Lee"}'
    hidden = office.put_about(office.patient.actor, data=secret)
    office.read(office.writer, hidden, purpose="treatment")
    officer, watch = office.actor(office.officer), office.watch(office.officer)
    position = office.last("access.decided/1").position
    office.index_all()
    pages = [
        office.search(office.officer, watch, rows=100),
        office.decisions.show_entry(officer, watch, position),
        office.decisions.show_decision(officer, watch, position),
    ]
    shown = b"".join(msgspec.json.encode(page) for page in pages)
    assert b"Pat Lee" not in shown
    assert b"pulse" not in shown
    assert digest_of(secret).encode() not in shown
