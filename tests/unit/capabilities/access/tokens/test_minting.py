"""Minting: who may grant what, which terms mean something, and what the ledger then says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from telesphor.capabilities.access.tokens.model import DATASET_MEMBERS_MAX, TermsDocument, members_root
from telesphor.capabilities.interchain.entries import (
    PROOF_ACCEPTED,
    PROOF_SUBMITTED,
    ProofAccepted,
    ProofSubmitted,
)
from telesphor.capabilities.interchain.model import Fact, Head
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Draft
from tests.unit.capabilities.access.tokens.practice import DAY_MS, Practice

DIGEST = digest_of(b"somewhere else")


def code(practice: Practice, **changes: Any) -> str:
    """The code with which a grant by the patient to the clinician is refused."""
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    body = {**practice.terms(practice.clinician, dataset), "token": practice.ids.next(), **changes}
    return practice.code_of(practice.patient, "token.mint/1", **body)


def test_mint_leaves_its_decision_and_its_entry_and_keeps_its_conditions_off_the_ledger(
    practice: Practice,
) -> None:
    record = practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    rule = 'context has location && context.location == "ward-7"'
    conditions = {"required_factors": ["licence.licensed_in=WA"], "rule": rule}
    token = practice.mint(practice.patient, practice.clinician, dataset, **conditions)
    decided, minted = practice.entries()[-2:]
    assert (decided.type, decided.body.action, decided.body.outcome) == (
        "access.decided/1",
        "grant",
        "allow",
    )
    assert (minted.type, minted.stream, minted.n) == ("token.minted/1", f"token/{token}", 0)
    assert (minted.body.issuer, minted.body.grantor) == (practice.node.id, practice.patient.id)
    assert minted.body.dataset_commitment == members_root({f"object/{record}"})
    assert b"licence" not in minted.data
    assert b"ward-7" not in minted.data
    data = practice.look(lambda state: state.document(minted.body.policy_hash))
    terms = msgspec.json.decode(data, type=TermsDocument)
    assert (terms.token, terms.required_factors, terms.rules) == (token, ("licence.licensed_in=WA",), (rule,))
    assert len(terms.salt) == 22


def test_grant_of_what_one_may_only_read_is_denied_and_recorded(practice: Practice) -> None:
    record = practice.object_of(practice.hospital, readers=(practice.clinician.id,))
    dataset = practice.dataset_of(practice.clinician, record)
    terms = practice.terms(practice.stranger, dataset)
    body = {"token": practice.ids.next(), **terms}
    assert practice.code_of(practice.clinician, "token.mint/1", **body) == "access-denied"
    denied = practice.entries()[-1]
    assert (denied.type, denied.body.outcome, denied.body.action) == ("access.decided/1", "deny", "grant")


def test_holder_of_a_token_cannot_mint_what_it_was_granted(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    practice.give(
        practice.patient,
        practice.clinician,
        practice.dataset_of(practice.patient, record),
        delegation_depth=2,
    )
    mine = practice.dataset_of(practice.clinician, record)
    body = {"token": practice.ids.next(), **practice.terms(practice.stranger, mine)}
    assert practice.code_of(practice.clinician, "token.mint/1", **body) == "access-denied"


def test_one_thing_among_many_that_may_not_be_granted_refuses_the_whole(practice: Practice) -> None:
    own = practice.object_of(practice.clinician)
    foreign = practice.object_of(practice.hospital, readers=(practice.clinician.id,))
    dataset = practice.dataset_of(practice.clinician, own, foreign)
    body = {"token": practice.ids.next(), **practice.terms(practice.stranger, dataset)}
    assert practice.code_of(practice.clinician, "token.mint/1", **body) == "access-denied"


def test_every_member_and_purpose_is_asked_about(practice: Practice) -> None:
    dataset = practice.dataset_of(practice.patient, *(practice.object_of(practice.patient) for _ in range(3)))
    before = len(practice.entries())
    practice.mint(practice.patient, practice.clinician, dataset, purposes=["treatment", "payment"])
    assert [entry.type for entry in practice.entries()[before:]] == ["access.decided/1"] * 6 + [
        "token.minted/1"
    ]


def test_forbidden_purpose_hidden_among_others_is_denied(practice: Practice) -> None:
    practice.set_policy(
        '@id("no-payment") forbid (principal, action == Telesphor::Action::"grant", resource)'
        ' when { context has purpose && context.purpose == "payment" };'
    )
    assert code(practice, purposes=["operations", "payment", "treatment"]) == "access-denied"


def test_more_asks_than_one_minting_may_make_are_refused(practice: Practice) -> None:
    ids = [practice.object_of(practice.patient) for _ in range(65)]
    dataset = practice.dataset_of(practice.patient, *ids)
    terms = practice.terms(practice.clinician, dataset, purposes=["treatment", "payment"])
    body = {"token": practice.ids.next(), **terms}
    assert practice.code_of(practice.patient, "token.mint/1", **body) == "token-terms-refused"


def test_largest_dataset_is_granted_in_one_entry(practice: Practice) -> None:
    ids = [practice.object_of(practice.patient) for _ in range(DATASET_MEMBERS_MAX)]
    dataset = practice.dataset_of(practice.patient, *ids)
    practice.give(practice.patient, practice.clinician, dataset)
    assert practice.may(practice.clinician, ids[-1])


def test_id_used_before_is_refused(practice: Practice) -> None:
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    token = practice.mint(practice.patient, practice.clinician, dataset)
    assert code(practice, token=token) == "token-exists"


def test_token_ids_of_another_are_not_taken_over(practice: Practice) -> None:
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    token = practice.mint(practice.patient, practice.clinician, dataset)
    mine = practice.dataset_of(practice.stranger, practice.object_of(practice.stranger))
    body = {"token": token, **practice.terms(practice.clinician, mine)}
    assert practice.code_of(practice.stranger, "token.mint/1", **body) == "token-exists"


def test_terms_that_mean_nothing_are_refused(practice: Practice) -> None:
    now, later = practice.instant(0), practice.instant(DAY_MS)
    changes: list[dict[str, Any]] = [
        {"actions": []},
        {"purposes": []},
        {"actions": ["read", "read"]},
        {"actions": ["read", "export"]},
        {"purposes": ["treatment", "treatment"]},
        {"required_factors": ["a.b=c", "a.b=c"]},
        {"not_before": later, "not_after": later},
        {"not_before": later, "not_after": now},
        {"not_before": practice.instant(-DAY_MS), "not_after": now},
        {"not_after": practice.instant(11 * 366 * DAY_MS)},
        {"dataset": None},
    ]
    for change in changes:
        assert code(practice, **change) == "token-terms-refused", change


def test_instant_that_does_not_exist_is_refused(practice: Practice) -> None:
    assert code(practice, not_after="2027-02-30T00:00:00.000Z") == "invalid-instant"


@pytest.mark.parametrize(
    "action", ["grant", "erase", "administer", "break-glass", "read-log", "run-contract", "release", ""]
)
def test_action_that_is_never_handed_on_is_not_taken(practice: Practice, action: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        code(practice, actions=[action])


@pytest.mark.parametrize("factor", ['a.b="c', "a.b=\\", "a.b=\n", "a.b=é", "a.b", ".b=c", "a.b=", "A.b=c"])
def test_factor_that_could_leave_its_quotes_is_not_taken(practice: Practice, factor: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        code(practice, required_factors=[factor])


def test_recipient_that_cannot_be_given_it_is_refused(practice: Practice) -> None:
    gone = practice.enrol("person")
    practice.retire(gone)
    cases = {
        practice.patient.id: "recipient-refused",
        practice.node.id: "recipient-refused",
        practice.ids.next(): "actor-missing",
        gone.id: "actor-retired",
    }
    for recipient, expected in cases.items():
        assert code(practice, recipient={"kind": "actor", "id": recipient}) == expected
    group = {"kind": "group", "id": practice.ids.next()}
    assert code(practice, recipient=group) == "recipient-refused"


def test_dataset_that_nobody_defined_is_refused(practice: Practice) -> None:
    assert code(practice, dataset=practice.ids.next()) == "dataset-missing"


def test_device_grants_nothing(practice: Practice) -> None:
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    body = {"token": practice.ids.next(), **practice.terms(practice.clinician, dataset)}
    assert practice.code_of(practice.monitor, "token.mint/1", **body) == "not-permitted"


def test_rule_that_is_none_is_refused_and_recorded(practice: Practice) -> None:
    assert code(practice, rule="true }; permit (principal, action, resource) when { true") == (
        "token-rule-refused"
    )
    assert code(practice, rule="context.nothing == 1") == "token-rule-refused"


# Roles.


def role_terms(practice: Practice, **changes: Any) -> dict[str, Any]:
    usual = {"actions": [], "purposes": [], "role": "privacy-officer"}
    return practice.terms(practice.clinician, None, **{**usual, **changes})


def test_role_token_gives_the_role_while_it_lives(practice: Practice) -> None:
    token = practice.ids.next()
    practice.ask(practice.hospital, "token.mint/1", token=token, **role_terms(practice))
    practice.set_policy(
        '@id("officers") permit (principal, action == Telesphor::Action::"read", resource)'
        ' when { principal.roles.contains("privacy-officer") };'
    )
    record = practice.object_of(practice.patient)
    assert not practice.may(practice.clinician, record)
    practice.ask(practice.clinician, "token.accept/1", token=token)
    assert practice.use(practice.clinician, record) == ("officers",)
    practice.ask(practice.hospital, "token.revoke/1", token=token)
    assert not practice.may(practice.clinician, record)


def test_role_of_a_persons_making_is_refused(practice: Practice) -> None:
    body = {"token": practice.ids.next(), **role_terms(practice)}
    assert practice.code_of(practice.patient, "token.mint/1", **body) == "not-permitted"


@pytest.mark.parametrize(
    "changes",
    [
        {"actions": ["read"]},
        {"purposes": ["treatment"]},
        {"required_factors": ["a.b=c"]},
        {"rule": "true"},
        {"transferable": True},
        {"delegation_depth": 1},
    ],
)
def test_role_token_with_anything_else_is_refused(practice: Practice, changes: dict[str, Any]) -> None:
    body = {"token": practice.ids.next(), **role_terms(practice, **changes)}
    assert practice.code_of(practice.hospital, "token.mint/1", **body) == "token-terms-refused"


def test_actor_has_a_bounded_number_of_roles_and_expired_ones_do_not_count(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telesphor.capabilities.access.tokens.holding.ROLES_PER_ACTOR_MAX", 1)
    tokens = [practice.ids.next() for _ in range(2)]
    for token, days in zip(tokens, (1, 9), strict=True):
        terms = role_terms(practice, not_after=practice.instant(days * DAY_MS))
        practice.ask(practice.hospital, "token.mint/1", token=token, **terms)
    practice.ask(practice.clinician, "token.accept/1", token=tokens[0])
    assert practice.code_of(practice.clinician, "token.accept/1", token=tokens[1]) == "recipient-refused"
    practice.clock.advance_ms(DAY_MS)
    practice.ask(practice.clinician, "token.accept/1", token=tokens[1])


# Facts of other ledgers.


def test_grant_on_a_fact_that_was_not_accepted_is_refused(practice: Practice) -> None:
    fact = {"proof": practice.ids.next(), "position": 7, "type": "visit.closed/1"}
    assert code(practice, fact=fact) == "fact-missing"


def test_grant_on_an_accepted_fact_names_it(practice: Practice) -> None:
    proof = practice.ids.next()
    accept_fact(practice, proof)
    fact = {"proof": proof, "position": 7, "type": "visit.closed/1"}
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    practice.mint(practice.patient, practice.clinician, dataset, fact=fact)
    assert practice.entries()[-1].body.fact.proof == proof
    assert code(practice, fact={**fact, "type": "visit.opened/1"}) == "fact-missing"


def accept_fact(practice: Practice, proof: str) -> None:
    stream = stream_of("proof", proof)
    fact = Fact(
        position=7, type="visit.closed/1", stream=stream_of("visit", practice.ids.next()), n=3, leaf=DIGEST
    )
    submitted = ProofSubmitted(bundle=DIGEST, size=1, facts=(7,))
    accepted = ProofAccepted(
        bundle=DIGEST,
        origin="other.example/telesphor",
        subject=fact.stream,
        level="L1",
        policy=DIGEST,
        head=Head(size=9, root=DIGEST),
        facts=(fact,),
    )
    practice.record(practice.hospital, Draft(PROOF_SUBMITTED.name, stream, submitted))
    practice.record(practice.node, Draft(PROOF_ACCEPTED.name, stream, accepted))
