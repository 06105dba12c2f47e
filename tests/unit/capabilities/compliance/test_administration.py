"""Pages of administration: people, roles, devices, policies and their check, contracts, connectors, health."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from telesphor.capabilities.access.vocabulary import BASE_TEXT
from telesphor.capabilities.compliance.administration.contracts import Waiting
from telesphor.capabilities.compliance.administration.health import HealthPages, NodeParts
from telesphor.capabilities.compliance.administration.policies import PolicyCheck, PolicyDraft
from tests.unit.capabilities.compliance.office import Office

RULE = '@id("no-printing") forbid (principal, action == Telesphor::Action::"print", resource);'


def check(office: Office, text: str, slot: Literal["base", "rules"] = "rules") -> PolicyCheck:
    watch = office.watch(office.hospital, scope="administration")
    draft = PolicyDraft(watch=watch, slot=slot, text=text)
    return office.policies.check(office.actor(office.hospital), draft)


def test_people_are_listed_with_names_and_keys_in_pages(office: Office) -> None:
    office.names[office.patient.actor] = "Pat Lee"
    hospital, watch = office.actor(office.hospital), office.watch(office.hospital, scope="administration")
    whole = office.people.people(hospital, watch, kind=None, after="", rows=100)
    assert whole.after == ""
    by_id = {line.id: line for line in whole.people}
    patient, officer = by_id[office.patient.actor], by_id[office.officer.actor]
    assert (patient.name, patient.state, patient.passkeys) == ("Pat Lee", "active", 0)
    assert patient.key_id == office.patient.signing_key.public.key_id
    assert officer.roles == ("privacy-officer",)
    found: list[str] = []
    after = ""
    for _ in range(len(whole.people)):
        page = office.people.people(hospital, watch, kind="person", after=after, rows=2)
        found += [line.id for line in page.people]
        after = page.after
        if not after:
            break
    assert found == [line.id for line in whole.people if line.kind == "person"]


def test_roles_are_listed_with_who_has_them(office: Office) -> None:
    hospital, watch = office.actor(office.hospital), office.watch(office.hospital, scope="administration")
    page = office.people.roles(hospital, watch)
    people = {role.role: {person.id for person in role.people} for role in page.roles}
    clinicians = {office.doctor.actor, office.nurse.actor}
    assert people == {"clinician": clinicians, "privacy-officer": {office.officer.actor}}
    officers, staff = sorted(page.groups, key=lambda group: not group.reserved)
    assert (officers.role, officers.reserved, officers.keeper.id) == (
        "privacy-officer", True, office.hospital.actor,
    )  # fmt: skip
    assert [member.id for member in officers.members] == [office.officer.actor]
    assert (staff.role, staff.reserved) == ("clinician", False)


def test_no_device_is_an_empty_page(office: Office) -> None:
    hospital, watch = office.actor(office.hospital), office.watch(office.hospital, scope="administration")
    page = office.people.devices(hospital, watch, after="", rows=10)
    assert (page.devices, page.after) == ((), "")


def test_policies_in_force_are_shown_in_words_and_text(office: Office) -> None:
    hospital, watch = office.actor(office.hospital), office.watch(office.hospital, scope="administration")
    (base,) = office.policies.policies(hospital, watch).slots
    assert (base.slot, base.shipped, base.actor, base.text) == ("base", True, None, BASE_TEXT)
    words = {policy.id: policy.words for policy in base.policies}
    assert words["base:participant"] == "takes part in the visit"
    office.forbid_rule(RULE)
    try:
        _, rules = office.policies.policies(hospital, watch).slots
        assert (rules.slot, rules.shipped, rules.text) == ("rules", False, RULE)
        assert rules.actor is not None
        assert rules.actor.id == office.hospital.actor
        assert [(one.id, one.effect) for one in rules.policies] == [("no-printing", "forbid")]
    finally:
        office.forbid_rule(None)


def test_text_is_checked_while_it_is_written(office: Office) -> None:
    found = check(office, RULE)
    assert (found.ok, found.ids) == (True, ("no-printing",))
    assert found.policies[0].words == "the organisation's rule `no-printing`"
    changed = check(office, BASE_TEXT, "base")
    assert changed.ok
    assert {policy.words for policy in changed.policies if policy.id == "base:owner"} == {
        "the base rule `owner`"
    }


@pytest.mark.parametrize(
    "text",
    ["", "permit", RULE.replace("print", "fly"), RULE + RULE, "{" * 30_000, "permit(" + "1+" * 20_000],
    ids=["empty", "unfinished", "unknown-action", "twice", "deep", "long-chain"],
)
def test_text_that_could_not_be_set_is_told_why(office: Office, text: str) -> None:
    found = check(office, text)
    assert (found.ok, found.code) == (False, "policy-refused")
    assert found.message


def test_check_leaves_no_entry_and_takes_a_watch(office: Office) -> None:
    watch = office.watch(office.hospital, scope="administration")
    before = len(office.entries())
    hospital = office.actor(office.hospital)
    office.policies.check(hospital, PolicyDraft(watch=watch, slot="rules", text=RULE))
    assert len(office.entries()) == before
    draft = PolicyDraft(watch=watch, slot="rules", text=RULE)
    assert office.code_of(office.policies.check, office.actor(office.patient), draft) == "watch-missing"


def test_connectors_show_what_waits(office: Office) -> None:
    office.waiting = Waiting(3, 2, {"gone-since": (2, 41, 7)})
    hospital, watch = office.actor(office.hospital), office.watch(office.hospital, scope="administration")
    page = office.contracts.connectors(hospital, watch)
    assert [(one.name, one.kind, one.waiting) for one in page.connectors] == [
        ("archive", "folder", 0),
        ("gone-since", "gone", 2),
    ]
    assert (page.triggers_waiting, page.sends_waiting, page.dead) == (3, 2, 0)


def test_contract_that_was_never_deployed_is_missing(office: Office) -> None:
    hospital, watch = office.actor(office.hospital), office.watch(office.hospital, scope="administration")
    office.index_all()
    assert office.contracts.contracts(hospital, watch).contracts == ()
    refused = office.code_of(office.contracts.contract, hospital, watch, office.ids.next())
    assert refused == "contract-missing"


def test_health_says_how_the_node_does(office: Office, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"12345")
    said = {"status": "ok", "origin": "node.example/telesphor", "entries": 1, "queued": 2, "alarms": 1}
    parts = NodeParts(
        health=lambda: said,
        checkpoint=office.book.last,
        network=lambda: None,
        storage={"here": tmp_path, "elsewhere": None},
        sessions=lambda: 4,
        queue_max=100,
    )
    office.sign_checkpoint()
    hospital, watch = office.actor(office.hospital), office.watch(office.hospital, scope="administration")
    found = HealthPages(office.audit, parts).health(hospital, watch)
    assert (found.status, found.queued, found.queue_max, found.sessions) == ("ok", 2, 100, 4)
    assert found.checkpoint is not None
    assert found.checkpoint.waiting == found.entries - found.checkpoint.size
    assert found.writer.per_second > 0
    here, elsewhere = found.storage
    assert (here.bytes, elsewhere.bytes) == (5, None)
    assert found.look.position == office.entries()[-1].position


@pytest.mark.parametrize("page", ["people", "roles", "devices"])
def test_each_look_is_an_entry(office: Office, page: str) -> None:
    hospital, watch = office.actor(office.hospital), office.watch(office.hospital, scope="administration")
    if page == "roles":
        office.people.roles(hospital, watch)
    elif page == "people":
        office.people.people(hospital, watch, kind=None, after="", rows=1)
    else:
        office.people.devices(hospital, watch, after="", rows=1)
    looked = office.entries()[-1]
    assert (looked.type, looked.body.what, looked.body.actor) == (
        "audit.looked/1",
        page,
        office.hospital.actor,
    )
