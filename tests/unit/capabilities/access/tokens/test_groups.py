"""Groups: who forms, fills and ends them, and what they hold."""

from __future__ import annotations

import pytest

from telesphor.capabilities.access.model import PARENTS_MAX
from telesphor.capabilities.access.tokens import model, policies
from telesphor.capabilities.access.tokens.model import GroupRef
from tests.unit.capabilities.access.tokens.practice import Practice


def team_with_record(practice: Practice) -> tuple[str, str]:
    """A care team of the hospital's with the clinician in it, and a patient's record granted to it."""
    team = practice.group_of(practice.hospital, practice.clinician)
    record = practice.object_of(practice.patient)
    token = practice.mint(practice.patient, team, practice.dataset_of(practice.patient, record))
    practice.ask(practice.hospital, "token.accept/1", token=token)
    return team, record


def test_members_of_a_care_team_use_its_token_and_others_do_not(practice: Practice) -> None:
    team, record = team_with_record(practice)
    assert practice.may(practice.clinician, record)
    assert not practice.may(practice.specialist, record)
    practice.ask(practice.hospital, "group.add/1", group=team, member=practice.specialist.id)
    assert practice.may(practice.specialist, record)
    practice.ask(practice.hospital, "group.remove/1", group=team, member=practice.specialist.id)
    assert not practice.may(practice.specialist, record)


def test_keeper_of_a_group_is_not_its_member(practice: Practice) -> None:
    _, record = team_with_record(practice)
    assert not practice.may(practice.hospital, record)


def test_groups_token_is_accepted_by_its_keeper_alone(practice: Practice) -> None:
    team = practice.group_of(practice.hospital, practice.clinician)
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    token = practice.mint(practice.patient, team, dataset)
    assert practice.code_of(practice.clinician, "token.accept/1", token=token) == "not-the-recipient"
    practice.ask(practice.hospital, "token.accept/1", token=token)
    assert practice.code_of(practice.clinician, "token.renounce/1", token=token) == "not-the-holder"
    practice.ask(practice.hospital, "token.renounce/1", token=token)


def test_patients_own_team_has_what_it_is_granted_at_once(practice: Practice) -> None:
    team = practice.group_of(practice.patient, practice.clinician)
    record = practice.object_of(practice.patient)
    practice.mint(practice.patient, team, practice.dataset_of(practice.patient, record))
    assert [entry.type for entry in practice.entries()[-2:]] == ["token.minted/1", "token.accepted/1"]
    assert practice.may(practice.clinician, record)


def test_disbanded_group_holds_nothing_for_anybody(practice: Practice) -> None:
    team, record = team_with_record(practice)
    practice.ask(practice.hospital, "group.disband/1", group=team)
    assert not practice.may(practice.clinician, record)
    assert practice.look(lambda state: policies.groups_of(state, practice.clinician.id)) == ()
    for command in ("add", "remove", "disband"):
        body = {} if command == "disband" else {"member": practice.clinician.id}
        code = practice.code_of(practice.hospital, f"group.{command}/1", group=team, **body)
        assert code == "group-disbanded"


def test_group_ends_with_its_keeper(practice: Practice) -> None:
    team = practice.group_of(practice.specialist, practice.clinician)
    record = practice.object_of(practice.patient)
    token = practice.mint(practice.patient, team, practice.dataset_of(practice.patient, record))
    practice.ask(practice.specialist, "token.accept/1", token=token)
    assert practice.may(practice.clinician, record)
    practice.retire(practice.specialist)
    assert not practice.may(practice.clinician, record)


def test_groups_token_is_neither_transferable_nor_delegable(practice: Practice) -> None:
    team = practice.group_of(practice.hospital, practice.clinician)
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    for changes in ({"transferable": True}, {"delegation_depth": 1}):
        body = {"token": practice.ids.next(), **practice.terms(team, dataset, **changes)}
        assert practice.code_of(practice.patient, "token.mint/1", **body) == "token-terms-refused"


def test_role_by_a_group_is_a_role(practice: Practice) -> None:
    group = practice.group_of(practice.hospital, practice.clinician, role="nurse")
    assert practice.look(lambda state: policies.groups_of(state, practice.clinician.id)) == (
        GroupRef(group, "role", "nurse"),
    )
    assert practice.look(lambda state: policies.roles_of(state, practice.clinician.id)) == ("nurse",)


def test_group_that_another_keeps_is_left_alone(practice: Practice) -> None:
    team = practice.group_of(practice.hospital, practice.clinician)
    member = {"member": practice.stranger.id}
    assert practice.code_of(practice.stranger, "group.add/1", group=team, **member) == "not-the-keeper"
    assert practice.code_of(practice.clinician, "group.disband/1", group=team) == "not-the-keeper"
    other = {"member": practice.clinician.id}
    assert practice.code_of(practice.stranger, "group.remove/1", group=team, **other) == "not-the-keeper"


def test_member_leaves_by_itself(practice: Practice) -> None:
    team, record = team_with_record(practice)
    practice.ask(practice.clinician, "group.remove/1", group=team, member=practice.clinician.id)
    assert not practice.may(practice.clinician, record)


@pytest.mark.parametrize(
    ("who", "kind", "role", "code"),
    [
        ("patient", "role", "nurse", "not-permitted"),
        ("monitor", "care-team", None, "not-permitted"),
        ("hospital", "role", None, "group-refused"),
        ("hospital", "care-team", "nurse", "group-refused"),
    ],
)
def test_group_formed_in_the_wrong_way_is_refused(
    practice: Practice, who: str, kind: str, role: str | None, code: str
) -> None:
    body = {"group": practice.ids.next(), "kind": kind, "role": role}
    assert practice.code_of(getattr(practice, who), "group.form/1", **body) == code


def test_group_id_used_before_is_refused(practice: Practice) -> None:
    team = practice.group_of(practice.hospital)
    body = {"group": team, "kind": "care-team", "role": None}
    assert practice.code_of(practice.patient, "group.form/1", **body) == "group-exists"


def test_member_that_cannot_be_one_is_refused(practice: Practice) -> None:
    team = practice.group_of(practice.hospital, practice.clinician)
    cases = {
        practice.clinician.id: "group-refused",
        practice.monitor.id: "group-refused",
        practice.ids.next(): "actor-missing",
    }
    for member, code in cases.items():
        assert practice.code_of(practice.hospital, "group.add/1", group=team, member=member) == code
    body = {"group": team, "member": practice.stranger.id}
    assert practice.code_of(practice.hospital, "group.remove/1", **body) == "group-refused"
    body = {"group": practice.ids.next(), "member": practice.stranger.id}
    assert practice.code_of(practice.hospital, "group.add/1", **body) == "group-missing"


def test_people_cannot_fill_up_an_actors_groups(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telesphor.capabilities.access.tokens.groups.GROUPS_BY_PEOPLE_MAX", 2)
    monkeypatch.setattr("telesphor.capabilities.access.tokens.groups.GROUPS_PER_ACTOR_MAX", 3)
    for _ in range(2):
        practice.group_of(practice.stranger, practice.clinician)
    crowding = practice.group_of(practice.stranger)
    body = {"group": crowding, "member": practice.clinician.id}
    assert practice.code_of(practice.stranger, "group.add/1", **body) == "group-refused"
    practice.group_of(practice.hospital, practice.clinician)
    body = {"group": practice.group_of(practice.hospital), "member": practice.clinician.id}
    assert practice.code_of(practice.hospital, "group.add/1", **body) == "group-refused"


def test_group_has_a_bound(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telesphor.capabilities.access.tokens.groups.GROUP_MEMBERS_MAX", 1)
    body = {
        "group": practice.group_of(practice.hospital, practice.clinician),
        "member": practice.stranger.id,
    }
    assert practice.code_of(practice.hospital, "group.add/1", **body) == "group-refused"


def test_group_is_shown_to_its_own_and_the_showing_is_noted(practice: Practice) -> None:
    team = practice.group_of(practice.hospital, practice.clinician)
    for actor in (practice.hospital, practice.clinician):
        view = practice.ask(actor, "group.show/1", group=team).results[0]
        assert (view.keeper, view.members) == (practice.hospital.id, (practice.clinician.id,))
        assert (practice.entries()[-1].type, practice.entries()[-1].stream) == (
            "group.shown/1",
            f"access/{actor.id}",
        )
    assert practice.code_of(practice.stranger, "group.show/1", group=team) == "not-permitted"


def test_what_a_decision_weighs_fits_its_bounds() -> None:
    assert model.GROUPS_PER_ACTOR_MAX + model.ROLES_PER_ACTOR_MAX <= PARENTS_MAX
    assert 2 * model.DATASETS_PER_MEMBER_MAX <= PARENTS_MAX
