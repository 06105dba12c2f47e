"""Datasets: what may stand in one, who may say so, and how they are committed to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telesphor.capabilities.access.model import ResourceKind
from telesphor.capabilities.access.tokens import policies
from telesphor.capabilities.access.tokens.model import DATASET_MEMBERS_MAX, members_root
from telesphor.kernel.digest import format_digest
from telesphor.kernel.merkle import leaf_hash, root_of
from tests.unit.capabilities.access.tokens.practice import Practice


def test_root_is_over_the_sorted_references_whatever_their_order() -> None:
    leaves = [leaf_hash(b"object/a"), leaf_hash(b"visit/b")]
    assert (
        members_root({"visit/b", "object/a"})
        == members_root({"object/a", "visit/b"})
        == format_digest(root_of(leaves))
    )


def test_extension_commits_to_all_members(practice: Practice) -> None:
    ids = [practice.object_of(practice.patient) for _ in range(3)]
    dataset = practice.dataset_of(practice.patient, *ids[:2])
    practice.ask(practice.patient, "dataset.extend/1", dataset=dataset, members=practice.members(ids[2]))
    entry = practice.entries()[-1]
    assert (entry.type, entry.n) == ("dataset.extended/1", 1)
    assert entry.body.root == members_root({f"object/{id}" for id in ids})


@pytest.mark.parametrize(
    "further",
    [
        lambda p: {"owner": p.clinician.id},
        lambda p: {"owner": p.hospital.id, "subject": p.clinician.id},
        lambda p: {"owner": p.hospital.id, "readers": (p.clinician.id,)},
    ],
)
def test_owner_subject_and_reader_have_a_part_in_a_thing(
    practice: Practice, further: Callable[[Practice], dict[str, object]]
) -> None:
    practice.dataset_of(practice.clinician, practice._put(ResourceKind.OBJECT, **further(practice)))


def test_holder_of_a_token_has_a_part_while_it_lives(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    token = practice.give(practice.patient, practice.clinician, practice.dataset_of(practice.patient, record))
    practice.dataset_of(practice.clinician, record)
    practice.ask(practice.patient, "token.revoke/1", token=token)
    body = {"dataset": practice.ids.next(), "members": practice.members(record)}
    assert practice.code_of(practice.clinician, "dataset.define/1", **body) == "no-part-in-member"


def test_thing_of_somebody_else_is_refused(practice: Practice) -> None:
    body = {"dataset": practice.ids.next(), "members": practice.members(practice.object_of(practice.patient))}
    assert practice.code_of(practice.stranger, "dataset.define/1", **body) == "no-part-in-member"
    assert practice.code_of(practice.monitor, "dataset.define/1", **body) == "not-permitted"


def test_thing_that_is_not_there_is_refused(practice: Practice) -> None:
    body = {"dataset": practice.ids.next(), "members": [{"kind": "object", "id": practice.ids.next()}]}
    assert practice.code_of(practice.patient, "dataset.define/1", **body) == "ask-refused"


def test_dataset_of_another_is_not_extended(practice: Practice) -> None:
    dataset = practice.dataset_of(practice.patient, practice.object_of(practice.patient))
    members = practice.members(practice.object_of(practice.stranger))
    body = {"dataset": dataset, "members": members}
    assert practice.code_of(practice.stranger, "dataset.extend/1", **body) == "not-the-definer"
    assert practice.code_of(practice.stranger, "dataset.define/1", **body) == "dataset-exists"
    body = {"dataset": practice.ids.next(), "members": members}
    assert practice.code_of(practice.stranger, "dataset.extend/1", **body) == "dataset-missing"


def test_members_that_cannot_stand_together_are_refused(practice: Practice) -> None:
    one, device = practice.object_of(practice.hospital), practice.device_of(practice.hospital)
    for ids in ((one, one), (one, device), (device, practice.device_of(practice.hospital))):
        body = {"dataset": practice.ids.next(), "members": practice.members(*ids)}
        assert practice.code_of(practice.hospital, "dataset.define/1", **body) == "members-refused"
    dataset = practice.dataset_of(practice.hospital, device)
    body = {"dataset": dataset, "members": practice.members(one)}
    assert practice.code_of(practice.hospital, "dataset.extend/1", **body) == "members-refused"


def test_members_out_of_order_are_refused(practice: Practice) -> None:
    one, other = practice.object_of(practice.patient), practice.object_of(practice.patient)
    members = list(reversed(practice.members(one, other)))
    body = {"dataset": practice.ids.next(), "members": members}
    assert practice.code_of(practice.patient, "dataset.define/1", **body) == "members-refused"


def test_dataset_does_not_grow_beyond_its_bound(practice: Practice) -> None:
    ids = [practice.object_of(practice.patient) for _ in range(DATASET_MEMBERS_MAX + 1)]
    dataset = practice.dataset_of(practice.patient, *ids[:-1])
    body = {"dataset": dataset, "members": practice.members(ids[-1])}
    assert practice.code_of(practice.patient, "dataset.extend/1", **body) == "members-refused"


def test_people_cannot_crowd_what_the_organisation_defines(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telesphor.capabilities.access.tokens.datasets.DATASETS_PER_DEFINER_MAX", 2)
    monkeypatch.setattr("telesphor.capabilities.access.tokens.datasets.DATASETS_BY_PEOPLE_MAX", 3)
    record = practice.object_of(practice.patient, readers=(practice.stranger.id,))
    for definer in (practice.stranger, practice.stranger, practice.patient):
        practice.dataset_of(definer, record)
    body = {"dataset": practice.ids.next(), "members": practice.members(record)}
    assert practice.code_of(practice.stranger, "dataset.define/1", **body) == "members-refused"
    assert practice.code_of(practice.patient, "dataset.define/1", **body) == "members-refused"
    practice.dataset_of(practice.hospital, record)


def test_datasets_of_a_thing_are_those_of_its_visit_too(practice: Practice) -> None:
    visit = practice.visit_of(practice.hospital)
    note = practice.object_of(practice.hospital, visit=visit)
    of_visit, of_note = (practice.dataset_of(practice.hospital, id) for id in (visit, note))
    resource = practice.resources[note]
    found = practice.look(lambda state: policies.datasets_holding(state, resource))
    assert found == (of_note, of_visit)
    own = practice.look(lambda state: policies.datasets_of(state, ResourceKind.OBJECT, note))
    assert own == (of_note,)


def test_dataset_is_dissolved_when_nothing_is_granted_on_it_any_more(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    token = practice.mint(practice.patient, practice.clinician, dataset)
    body = {"dataset": dataset}
    assert practice.code_of(practice.patient, "dataset.dissolve/1", **body) == "dataset-in-use"
    practice.ask(practice.clinician, "token.accept/1", token=token)
    assert practice.code_of(practice.patient, "dataset.dissolve/1", **body) == "dataset-in-use"
    practice.ask(practice.patient, "token.revoke/1", token=token)
    assert practice.code_of(practice.clinician, "dataset.dissolve/1", **body) == "not-the-definer"
    practice.ask(practice.patient, "dataset.dissolve/1", **body)
    assert practice.look(lambda state: policies.datasets_of(state, ResourceKind.OBJECT, record)) == ()


def test_dissolved_dataset_is_neither_used_nor_defined_again(practice: Practice) -> None:
    record = practice.object_of(practice.patient)
    dataset = practice.dataset_of(practice.patient, record)
    practice.ask(practice.patient, "dataset.dissolve/1", dataset=dataset)
    members = practice.members(record)
    body = {"dataset": dataset, "members": members}
    assert practice.code_of(practice.patient, "dataset.extend/1", **body) == "dataset-missing"
    assert practice.code_of(practice.patient, "dataset.define/1", **body) == "dataset-exists"
    assert practice.code_of(practice.patient, "dataset.dissolve/1", dataset=dataset) == "dataset-missing"
    terms = practice.terms(practice.clinician, dataset)
    body = {"token": practice.ids.next(), **terms}
    assert practice.code_of(practice.patient, "token.mint/1", **body) == "dataset-missing"
