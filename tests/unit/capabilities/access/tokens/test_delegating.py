"""Delegation narrows only; what ends above ends below, at once and for good."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.capabilities.access.tokens.practice import DAY_MS, HOUR_MS, Practice

WIDE: dict[str, Any] = {
    "actions": ["read", "export"],
    "purposes": ["treatment", "operations"],
    "delegation_depth": 3,
    "required_factors": ["licence.licensed_in=WA"],
}


class Chain:
    """A patient's wide grant to the clinician, who may hand it on."""

    def __init__(self, practice: Practice, **changes: Any) -> None:
        self.practice = practice
        self.records = [practice.object_of(practice.patient) for _ in range(2)]
        self.dataset = practice.dataset_of(practice.patient, *self.records)
        self.begins, self.ends = practice.instant(0), practice.instant(DAY_MS)
        self.parent = practice.give(practice.patient, practice.clinician, self.dataset, **{**WIDE, **changes})
        for actor in (practice.clinician, practice.specialist, practice.stranger):
            practice.factor(actor, "licence.licensed_in=WA")

    def terms(self, **changes: Any) -> dict[str, Any]:
        """The widest that a child may be, changed."""
        usual = {**WIDE, "delegation_depth": 2, "not_before": self.begins, "not_after": self.ends}
        recipient = changes.pop("recipient", self.practice.specialist)
        return self.practice.terms(recipient, changes.pop("dataset", self.dataset), **{**usual, **changes})

    def code(self, **changes: Any) -> str:
        """The code with which such a child is refused."""
        body = {"token": self.practice.ids.next(), "parent": self.parent, **self.terms(**changes)}
        return self.practice.code_of(self.practice.clinician, "token.delegate/1", **body)

    def child(self, **changes: Any) -> str:
        """A child that the specialist has accepted."""
        token = self.practice.ids.next()
        terms = self.terms(**changes)
        practice = self.practice
        practice.ask(practice.clinician, "token.delegate/1", token=token, parent=self.parent, **terms)
        practice.ask(practice.specialist, "token.accept/1", token=token)
        return token


@pytest.fixture
def chain(practice: Practice) -> Chain:
    return Chain(practice)


def test_child_as_wide_as_its_parent_is_allowed_and_works(chain: Chain) -> None:
    child = chain.child()
    assert chain.practice.use(chain.practice.specialist, chain.records[0]) == (f"token:{child}",)
    entry = next(e for e in chain.practice.entries() if e.type == "token.delegated/1")
    assert (entry.body.parent, entry.body.grantor) == (chain.parent, chain.practice.clinician.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actions", ["read", "print"]),
        ("purposes", ["treatment", "payment"]),
        ("delegation_depth", 3),
        ("required_factors", []),
        ("required_factors", ["licence.licensed_in=OR"]),
        ("transferable", True),
        ("revocable", False),
    ],
)
def test_child_that_is_wider_in_one_field_is_refused(chain: Chain, field: str, value: object) -> None:
    assert chain.code(**{field: value}) == "wider-than-parent"


def test_child_that_begins_earlier_or_ends_later_is_refused(practice: Practice) -> None:
    chain = Chain(practice, not_before=practice.instant(0), not_after=practice.instant(DAY_MS))
    assert chain.code(not_before=practice.instant(-1)) == "wider-than-parent"
    assert chain.code(not_after=practice.instant(DAY_MS + 1)) == "wider-than-parent"


def test_child_of_another_dataset_is_refused(chain: Chain) -> None:
    practice = chain.practice
    mine = practice.dataset_of(practice.clinician, practice.object_of(practice.clinician))
    assert chain.code(dataset=mine) == "wider-than-parent"
    assert chain.code(dataset=practice.ids.next()) == "dataset-missing"


def test_child_of_what_its_dataset_got_later_is_refused(chain: Chain) -> None:
    practice = chain.practice
    later = practice.object_of(practice.patient)
    practice.ask(practice.patient, "dataset.extend/1", dataset=chain.dataset, members=practice.members(later))
    chain.child()  # of the same dataset: as it was for the parent
    assert practice.may(practice.specialist, chain.records[0])
    assert not practice.may(practice.specialist, later)
    wider = practice.dataset_of(practice.patient, chain.records[0], later)
    assert chain.code(dataset=wider) == "wider-than-parent"


def test_child_of_a_part_of_the_dataset_covers_that_part(chain: Chain) -> None:
    practice = chain.practice
    part = practice.dataset_of(practice.clinician, chain.records[0])
    chain.child(dataset=part)
    assert practice.may(practice.specialist, chain.records[0])
    assert not practice.may(practice.specialist, chain.records[1])


def test_child_cannot_be_a_role(chain: Chain) -> None:
    changes: dict[str, Any] = {
        "dataset": None,
        "role": "nurse",
        "actions": [],
        "purposes": [],
        "required_factors": [],
    }
    assert chain.code(**changes, delegation_depth=0) == "wider-than-parent"


def test_childs_policy_holds_its_parents_rules(practice: Practice) -> None:
    chain = Chain(practice, rule='context.assurance == "passkey"')
    child = chain.child(rule='principal.kind == "person"')
    assert not practice.may(practice.specialist, chain.records[0])
    rules = practice.ask(practice.specialist, "token.show/1", token=child).results[0].rules
    assert rules == ('context.assurance == "passkey"', 'principal.kind == "person"')


def test_delegation_beyond_its_depth_is_refused(practice: Practice) -> None:
    chain = Chain(practice, delegation_depth=1)
    child = chain.child(delegation_depth=0)
    body = {"token": practice.ids.next(), "parent": child, **chain.terms(recipient=practice.stranger)}
    assert practice.code_of(practice.specialist, "token.delegate/1", **body) == "not-delegable"


def test_depth_beyond_the_bound_is_not_taken(practice: Practice) -> None:
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    terms = practice.terms(practice.clinician, dataset, delegation_depth=5)
    with pytest.raises(Exception, match="delegation_depth"):
        practice.ask(practice.patient, "token.mint/1", token=practice.ids.next(), **terms)


def test_delegation_by_another_than_the_holder_is_refused(chain: Chain) -> None:
    practice = chain.practice
    for actor in (practice.stranger, practice.patient):
        body = {"token": practice.ids.next(), "parent": chain.parent, **chain.terms()}
        assert practice.code_of(actor, "token.delegate/1", **body) == "not-the-holder"


def test_cycle_of_delegations_is_refused(chain: Chain) -> None:
    practice = chain.practice
    child = chain.child()
    for back in (practice.patient, practice.clinician):
        terms = chain.terms(recipient=back, delegation_depth=1)
        body = {"token": practice.ids.next(), "parent": child, **terms}
        assert practice.code_of(practice.specialist, "token.delegate/1", **body) == "delegation-cycle"


def test_token_that_is_its_own_parent_is_refused(chain: Chain) -> None:
    practice = chain.practice
    own = practice.ids.next()
    body = {"token": own, "parent": own, **chain.terms()}
    assert practice.code_of(practice.clinician, "token.delegate/1", **body) == "token-missing"
    body = {"token": chain.parent, "parent": chain.parent, **chain.terms()}
    assert practice.code_of(practice.clinician, "token.delegate/1", **body) == "token-exists"


def test_delegation_to_oneself_is_refused(chain: Chain) -> None:
    assert chain.code(recipient=chain.practice.clinician) == "recipient-refused"


def test_revoking_the_parent_ends_all_below_at_once_without_further_entries(chain: Chain) -> None:
    practice = chain.practice
    child = chain.child()
    grandchild = practice.pass_on(
        practice.specialist,
        child,
        practice.stranger,
        chain.dataset,
        required_factors=WIDE["required_factors"],
        not_before=chain.begins,
        not_after=chain.ends,
    )
    assert practice.may(practice.stranger, chain.records[0])
    before = len(practice.entries())
    practice.ask(practice.patient, "token.revoke/1", token=chain.parent)
    assert len(practice.entries()) == before + 1
    for actor in (practice.clinician, practice.specialist, practice.stranger):
        assert not practice.may(actor, chain.records[0])
    view = practice.ask(practice.stranger, "token.show/1", token=grandchild).results[0]
    assert view.line.standing == "parent-ended"


def test_whoever_granted_above_revokes_below(chain: Chain) -> None:
    practice = chain.practice
    child = chain.child()
    practice.ask(practice.patient, "token.revoke/1", token=child)
    assert not practice.may(practice.specialist, chain.records[0])
    assert practice.may(practice.clinician, chain.records[0])


def test_child_of_a_revoked_parent_is_neither_made_nor_accepted(chain: Chain) -> None:
    practice = chain.practice
    offered = practice.ids.next()
    practice.ask(practice.clinician, "token.delegate/1", token=offered, parent=chain.parent, **chain.terms())
    practice.ask(practice.patient, "token.revoke/1", token=chain.parent)
    assert practice.code_of(practice.specialist, "token.accept/1", token=offered) == "token-ended"
    assert chain.code() == "token-ended"


def test_delegations_end_when_their_parent_is_passed_on_and_stay_ended_when_it_comes_back(
    practice: Practice,
) -> None:
    chain = Chain(practice, transferable=True)
    chain.child()
    practice.ask(practice.clinician, "token.transfer/1", token=chain.parent, to=practice.stranger.id)
    assert practice.may(practice.specialist, chain.records[0])
    practice.ask(practice.stranger, "token.accept/1", token=chain.parent)
    assert not practice.may(practice.specialist, chain.records[0])
    practice.ask(practice.stranger, "token.transfer/1", token=chain.parent, to=practice.clinician.id)
    practice.ask(practice.clinician, "token.accept/1", token=chain.parent)
    assert practice.may(practice.clinician, chain.records[0])
    assert not practice.may(practice.specialist, chain.records[0])


def test_delegations_end_when_who_delegated_retires_or_renounces(chain: Chain) -> None:
    practice = chain.practice
    chain.child()
    practice.ask(practice.clinician, "token.renounce/1", token=chain.parent)
    assert not practice.may(practice.specialist, chain.records[0])


def test_delegations_end_with_who_delegated(chain: Chain) -> None:
    practice = chain.practice
    chain.child()
    practice.retire(practice.clinician)
    assert not practice.may(practice.specialist, chain.records[0])


def test_parent_that_has_not_begun_is_not_delegated(practice: Practice) -> None:
    chain = Chain(practice, not_before=practice.instant(HOUR_MS))
    assert chain.code(not_before=practice.instant(HOUR_MS)) == "token-ended"


def test_parent_whose_conditions_were_forgotten_is_not_delegated_and_allows_nothing(chain: Chain) -> None:
    practice = chain.practice
    [minted] = [entry for entry in practice.entries() if entry.type == "token.minted/1"]
    practice.look(
        lambda state: state.db.execute("DELETE FROM documents WHERE digest = ?", (minted.body.policy_hash,))
    )
    assert chain.code() == "token-terms-missing"
    assert not practice.may(practice.clinician, chain.records[0])
