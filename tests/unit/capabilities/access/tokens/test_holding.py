"""The life of a token: granted, accepted, used, passed on, and ended, and what nobody may do with one."""

from __future__ import annotations

import pytest

from telesphor.capabilities.access.model import ResourceKind
from telesphor.capabilities.access.replay import replay_all
from telesphor.capabilities.access.tokens.refusals import TokenMissing
from telesphor.capabilities.identity.entries import ACTOR_SUSPENDED, ActorSuspendedBody
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Draft
from tests.unit.capabilities.access.tokens.practice import DAY_MS, HOUR_MS, Practice


def test_patient_grants_a_clinician_what_it_may_then_read(practice: Practice) -> None:
    record = practice.object_of(practice.hospital, subject=practice.patient.id)
    dataset = practice.dataset_of(practice.patient, record)
    assert not practice.may(practice.clinician, record)
    token = practice.give(practice.patient, practice.clinician, dataset)
    assert practice.use(practice.clinician, record) == (f"token:{token}",)


def test_clinician_grants_a_patient_a_document_in_the_same_way(practice: Practice) -> None:
    result = practice.object_of(practice.clinician)
    token = practice.give(
        practice.clinician, practice.patient, practice.dataset_of(practice.clinician, result)
    )
    assert practice.use(practice.patient, result) == (f"token:{token}",)


def test_token_that_was_not_accepted_allows_nothing(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    practice.mint(practice.patient, practice.clinician, practice.dataset_of(practice.patient, record))
    assert not practice.may(practice.clinician, record)


def test_token_of_one_dataset_allows_nothing_in_another(practice: Practice) -> None:
    one, other = practice.object_of(practice.patient), practice.object_of(practice.patient)
    practice.dataset_of(practice.patient, other)
    practice.give(practice.patient, practice.clinician, practice.dataset_of(practice.patient, one))
    assert practice.may(practice.clinician, one)
    assert not practice.may(practice.clinician, other)


def test_token_allows_neither_another_action_nor_another_purpose(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    practice.give(practice.patient, practice.clinician, practice.dataset_of(practice.patient, record))
    assert not practice.may(practice.clinician, record, action="export")
    assert not practice.may(practice.clinician, record, purpose="payment")


def test_token_allows_nobody_but_its_holder(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    practice.give(practice.patient, practice.clinician, practice.dataset_of(practice.patient, record))
    assert not practice.may(practice.stranger, record)


def test_token_of_a_visit_covers_what_belongs_to_the_visit(practice: Practice) -> None:
    visit = practice.visit_of(practice.clinician, subject=practice.patient.id)
    practice.give(practice.patient, practice.specialist, practice.dataset_of(practice.patient, visit))
    note = practice.object_of(practice.clinician, visit=visit)
    elsewhere = practice.object_of(practice.clinician, visit=practice.visit_of(practice.clinician))
    assert practice.may(practice.specialist, note)
    assert not practice.may(practice.specialist, elsewhere)


def test_token_does_not_cover_what_came_to_its_dataset_later(practice: Practice) -> None:
    record, later = practice.object_of(practice.patient), practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    practice.give(practice.patient, practice.clinician, dataset)
    practice.ask(practice.patient, "dataset.extend/1", dataset=dataset, members=practice.members(later))
    assert practice.may(practice.clinician, record)
    assert not practice.may(practice.clinician, later)
    practice.give(practice.patient, practice.clinician, dataset)
    assert practice.may(practice.clinician, later)


def test_token_works_within_its_window_only(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    practice.give(practice.patient, practice.clinician, dataset, not_before=practice.instant(HOUR_MS))
    assert not practice.may(practice.clinician, record)
    practice.clock.advance_ms(HOUR_MS)
    assert practice.may(practice.clinician, record)
    practice.clock.advance_ms(DAY_MS - HOUR_MS - 1)
    assert practice.may(practice.clinician, record)
    practice.clock.advance_ms(1)
    assert not practice.may(practice.clinician, record)


def test_token_with_a_rule_and_factors_asks_for_both(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    practice.give(
        practice.patient,
        practice.clinician,
        dataset,
        required_factors=["licence.licensed_in=WA"],
        rule='principal.kind == "person"',
    )
    assert not practice.may(practice.clinician, record)
    practice.factor(practice.clinician, "licence.licensed_in=WA")
    assert practice.may(practice.clinician, record)


def test_rule_that_does_not_hold_allows_nothing(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    practice.give(practice.patient, practice.clinician, dataset, rule='principal.kind == "device"')
    assert not practice.may(practice.clinician, record)


def test_forbid_of_the_organisation_wins_over_a_token(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    practice.give(practice.patient, practice.clinician, practice.dataset_of(practice.patient, record))
    practice.set_policy(
        f'@id("no-clinician") forbid (principal == Telesphor::Actor::"{practice.clinician.id}", action, resource);'
    )
    assert not practice.may(practice.clinician, record)


# Accepting.


def test_token_accepted_by_another_is_refused(practice: Practice) -> None:
    token = granted(practice)
    assert practice.code_of(practice.stranger, "token.accept/1", token=token) == "not-the-recipient"
    assert practice.code_of(practice.patient, "token.accept/1", token=token) == "not-the-recipient"


def test_token_accepted_twice_is_refused(practice: Practice) -> None:
    token = granted(practice)
    practice.ask(practice.clinician, "token.accept/1", token=token)
    assert practice.code_of(practice.clinician, "token.accept/1", token=token) == "nothing-offered"


@pytest.mark.parametrize("command", ["accept", "revoke", "renounce", "show", "history"])
def test_token_that_nobody_minted_is_missing(practice: Practice, command: str) -> None:
    if command in ("show", "history"):
        with pytest.raises(TokenMissing):
            practice.ask(practice.clinician, f"token.{command}/1", token=practice.ids.next())
    else:
        code = practice.code_of(practice.clinician, f"token.{command}/1", token=practice.ids.next())
        assert code == "token-missing"


def test_expired_token_is_not_accepted(practice: Practice) -> None:
    token = granted(practice)
    practice.clock.advance_ms(DAY_MS)
    assert practice.code_of(practice.clinician, "token.accept/1", token=token) == "token-ended"


# Ending.


def test_revoked_token_allows_nothing_from_the_next_entry_on(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    token = practice.give(practice.patient, practice.clinician, practice.dataset_of(practice.patient, record))
    practice.ask(practice.patient, "token.revoke/1", token=token)
    assert not practice.may(practice.clinician, record)
    assert practice.code_of(practice.clinician, "token.accept/1", token=token) == "token-ended"
    assert practice.code_of(practice.patient, "token.revoke/1", token=token) == "token-ended"


def test_token_revoked_by_its_holder_or_a_stranger_is_refused(practice: Practice) -> None:
    token = granted(practice, accepted=True)
    for actor in (practice.clinician, practice.stranger, practice.hospital):
        assert practice.code_of(actor, "token.revoke/1", token=token) == "not-the-grantor"


def test_token_granted_for_good_is_not_revoked(practice: Practice) -> None:
    token = granted(practice, accepted=True, revocable=False)
    assert practice.code_of(practice.patient, "token.revoke/1", token=token) == "not-revocable"
    practice.ask(practice.clinician, "token.renounce/1", token=token)


def test_node_revokes_what_it_no_longer_wants_to_serve(practice: Practice) -> None:
    practice.ask(practice.node, "token.revoke/1", token=granted(practice, accepted=True))


def test_renounced_token_allows_nothing_and_only_its_holder_renounces(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    token = practice.give(practice.patient, practice.clinician, practice.dataset_of(practice.patient, record))
    assert practice.code_of(practice.patient, "token.renounce/1", token=token) == "not-the-holder"
    practice.ask(practice.clinician, "token.renounce/1", token=token)
    assert not practice.may(practice.clinician, record)


def test_recipient_may_not_want_a_token(practice: Practice) -> None:
    token = granted(practice)
    practice.ask(practice.clinician, "token.renounce/1", token=token)
    assert practice.code_of(practice.clinician, "token.accept/1", token=token) == "token-ended"


def test_grant_ends_with_its_grantor(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    practice.give(practice.patient, practice.clinician, practice.dataset_of(practice.patient, record))
    practice.retire(practice.patient)
    assert not practice.may(practice.clinician, record)


def test_grant_goes_on_while_its_grantors_keys_are_lost(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    practice.give(practice.patient, practice.clinician, practice.dataset_of(practice.patient, record))
    lost = Draft(
        ACTOR_SUSPENDED.name, stream_of("actor", practice.patient.id), ActorSuspendedBody(reason="lost")
    )
    practice.record(practice.node, lost)
    assert practice.may(practice.clinician, record)


def test_use_by_a_token_replays_offline_and_no_changed_byte_of_its_text_does(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    token = practice.give(practice.patient, practice.clinician, dataset, rule='principal.kind == "person"')
    practice.use(practice.clinician, record)
    used = next(entry for entry in reversed(practice.entries()) if entry.type == "access.decided/1")
    rows = practice.look(lambda state: state.db.execute("SELECT digest, data FROM documents").fetchall())
    documents = {Digest(digest): bytes(data) for digest, data in rows}
    [replayed] = replay_all([used], documents)
    assert (replayed.fault, replayed.outcome, replayed.reasons) == ("", "allow", (f"token:{token}",))
    [text] = [digest for digest, data in documents.items() if f'@id("token:{token}")'.encode() in data]
    assert text in replayed.policies
    documents[text] = documents[text].replace(b'"person"', b'"system"')
    assert [one.fault for one in replay_all([used], documents)] == ["receipt-mismatch"]


# Passing on.


def test_transferred_token_is_the_new_holders_once_it_accepts(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    token = practice.give(practice.patient, practice.clinician, dataset, transferable=True)
    practice.ask(practice.clinician, "token.transfer/1", token=token, to=practice.specialist.id)
    assert practice.may(practice.clinician, record)
    assert not practice.may(practice.specialist, record)
    practice.ask(practice.specialist, "token.accept/1", token=token)
    assert not practice.may(practice.clinician, record)
    assert practice.may(practice.specialist, record)


def test_transfer_that_is_not_allowed_is_refused(practice: Practice) -> None:
    token = granted(practice, accepted=True)
    code = practice.code_of(practice.clinician, "token.transfer/1", token=token, to=practice.specialist.id)
    assert code == "not-transferable"


def test_transfer_to_oneself_is_refused(practice: Practice) -> None:
    token = granted(practice, accepted=True, transferable=True)
    code = practice.code_of(practice.clinician, "token.transfer/1", token=token, to=practice.clinician.id)
    assert code == "recipient-refused"


def test_transfer_back_to_the_grantor_is_refused(practice: Practice) -> None:
    token = granted(practice, accepted=True, transferable=True)
    code = practice.code_of(practice.clinician, "token.transfer/1", token=token, to=practice.patient.id)
    assert code == "delegation-cycle"


def test_transfer_by_another_or_before_acceptance_is_refused(practice: Practice) -> None:
    token = granted(practice, transferable=True)
    for actor in (practice.clinician, practice.patient):
        code = practice.code_of(actor, "token.transfer/1", token=token, to=practice.specialist.id)
        assert code == "not-the-holder"


def test_offer_to_another_takes_the_place_of_the_one_before(practice: Practice) -> None:
    token = granted(practice, accepted=True, transferable=True)
    practice.ask(practice.clinician, "token.transfer/1", token=token, to=practice.specialist.id)
    practice.ask(practice.clinician, "token.transfer/1", token=token, to=practice.stranger.id)
    assert practice.code_of(practice.specialist, "token.accept/1", token=token) == "nothing-offered"
    practice.ask(practice.stranger, "token.accept/1", token=token)


def test_offer_ends_with_its_token(practice: Practice) -> None:
    token = granted(practice, accepted=True, transferable=True)
    practice.ask(practice.clinician, "token.transfer/1", token=token, to=practice.specialist.id)
    practice.ask(practice.patient, "token.revoke/1", token=token)
    assert practice.code_of(practice.specialist, "token.accept/1", token=token) == "token-ended"


def test_node_holds_no_token(practice: Practice) -> None:
    token = granted(practice, accepted=True, transferable=True)
    code = practice.code_of(practice.clinician, "token.transfer/1", token=token, to=practice.node.id)
    assert code == "recipient-refused"


# Devices.


def test_device_has_one_holder_at_a_time(practice: Practice) -> None:
    device = practice.device_of(practice.hospital)
    one, other = (practice.dataset_of(practice.hospital, device) for _ in range(2))
    token = practice.mint(practice.hospital, practice.patient, one, actions=["connect"])
    second = practice.mint(practice.hospital, practice.stranger, other, actions=["connect"])
    practice.ask(practice.patient, "token.accept/1", token=token)
    assert practice.code_of(practice.stranger, "token.accept/1", token=second) == "device-held"
    terms = practice.terms(practice.stranger, one, actions=["connect"])
    code = practice.code_of(practice.hospital, "token.mint/1", token=practice.ids.next(), **terms)
    assert code == "device-held"
    practice.ask(practice.hospital, "token.revoke/1", token=token)
    practice.ask(practice.stranger, "token.accept/1", token=second)


def test_device_is_granted_to_the_next_for_the_time_after(practice: Practice) -> None:
    device = practice.device_of(practice.hospital)
    dataset = practice.dataset_of(practice.hospital, device)
    practice.give(practice.hospital, practice.patient, dataset, actions=["connect"])
    window = {"not_before": practice.instant(DAY_MS), "not_after": practice.instant(2 * DAY_MS)}
    practice.give(practice.hospital, practice.stranger, dataset, actions=["connect"], **window)
    assert not practice.may(practice.stranger, device, action="connect")
    practice.clock.advance_ms(DAY_MS)
    assert practice.may(practice.stranger, device, action="connect")
    assert not practice.may(practice.patient, device, action="connect")


def test_device_for_a_group_or_to_be_delegated_is_refused(practice: Practice) -> None:
    dataset = practice.dataset_of(practice.hospital, practice.device_of(practice.hospital))
    team = practice.group_of(practice.hospital, practice.clinician)
    for terms in (
        practice.terms(team, dataset, actions=["connect"]),
        practice.terms(practice.patient, dataset, actions=["connect"], delegation_depth=1),
    ):
        code = practice.code_of(practice.hospital, "token.mint/1", token=practice.ids.next(), **terms)
        assert code == "token-terms-refused"


def test_token_of_a_visit_does_not_reach_a_device_in_it(practice: Practice) -> None:
    visit = practice.visit_of(practice.hospital)
    dataset = practice.dataset_of(practice.hospital, visit)
    practice.give(practice.hospital, practice.stranger, dataset, actions=["connect", "read"])
    device = practice._put(ResourceKind.DEVICE, owner=practice.hospital.id, visit=visit)
    assert not practice.may(practice.stranger, device, action="connect")
    assert not practice.may(practice.stranger, device)


def granted(practice: Practice, *, accepted: bool = False, **changes: object) -> str:
    """A token of the patient's for the clinician."""
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    give = practice.give if accepted else practice.mint
    return give(practice.patient, practice.clinician, dataset, **changes)
