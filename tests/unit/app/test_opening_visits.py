"""Who opens visits at a whole node, by the rules that ship: clinicians, organisations and systems; and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telesphor.app import create_node, open_node
from telesphor.client.requests import Command, register_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.replay import check_state
from telesphor.runtime.capability import Receipt
from tests.e2e.running import MovableClock
from tests.support.everything import ORIGIN, Story
from tests.support.staff import appointment

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The usual cast, of which the clinician has the role."""
    path = tmp_path_factory.mktemp("opening") / "node"
    create_node(path, origin=ORIGIN, passphrase=b"passphrase")
    with open_node(path, passphrase=b"passphrase", clock=MovableClock()) as node:
        yield Story(node)
        assert check_state(node.folder.ledger, path.with_suffix(".sqlite"), node.registry)


def opening(story: Story, clinician: Wallet, *, scheduled: bool = False) -> Command:
    patient = story.patient if clinician is not story.patient else story.colleague
    body = {"visit": story.ids.next(), "patient": patient.actor, "clinician": clinician.actor, "devices": []}
    if not scheduled:
        return "visit.open/1", body
    return "visit.schedule/1", {**body, "starts_at": story.instant(HOUR_MS), "minutes": 20}


def newcomer_of(story: Story) -> Wallet:
    """Somebody with keys, and nothing else."""
    made = story.wallet("person")
    story.ask(story.hospital, register_command(made, node=ORIGIN))
    return made


def code_of(story: Story, by: Wallet, command: Command) -> str:
    with pytest.raises(TelesphorError) as caught:
        story.ask(by, command)
    return caught.value.code


def types_of(receipt: Receipt) -> list[str]:
    return [line.type for line in receipt.entries]


@pytest.mark.parametrize("scheduled", [False, True])
def test_person_without_the_role_opens_no_visit_and_the_denial_is_recorded(
    story: Story, scheduled: bool
) -> None:
    for person in (story.patient, story.colleague):
        before = story.node.machine.committed_size
        assert code_of(story, person, opening(story, person, scheduled=scheduled)) == "access-denied"
        assert story.node.machine.committed_size == before + 1


@pytest.mark.parametrize("scheduled", [False, True])
def test_clinician_organisation_and_system_open_visits(story: Story, scheduled: bool) -> None:
    for one in (story.clinician, story.hospital, story.system):
        opened = types_of(story.ask(one, opening(story, story.clinician, scheduled=scheduled)))
        assert "visit.opened/1" in opened


def test_clinician_opens_none_of_a_colleague(story: Story) -> None:
    assert code_of(story, story.clinician, opening(story, story.colleague)) == "not-a-participant"


def test_device_opens_none_whatever_it_is_called(story: Story) -> None:
    assert code_of(story, story.device, opening(story, story.clinician)) == "access-denied"


def test_role_of_a_group_stands_and_ends_with_it(story: Story) -> None:
    newcomer = newcomer_of(story)
    appointed = appointment(story.ids, newcomer.actor)
    story.ask(story.hospital, *appointed)
    assert types_of(story.ask(newcomer, opening(story, newcomer))) == ["visit.opened/1", "access.standing/1"]
    assert types_of(story.ask(newcomer, opening(story, newcomer))) == ["visit.opened/1"]
    story.ask(story.hospital, ("group.remove/1", dict(appointed[1][1])))  # type: ignore[arg-type]
    assert code_of(story, newcomer, opening(story, newcomer)) == "access-denied"


def test_role_of_a_token_is_looked_at_each_time_and_ends_with_its_time(story: Story) -> None:
    newcomer, token = newcomer_of(story), story.ids.next()
    terms: dict[str, object] = {
        "token": token,
        "recipient": {"kind": "actor", "id": newcomer.actor},
        "dataset": None,
        "role": "clinician",
        "actions": [],
        "purposes": [],
        "not_before": story.instant(0),
        "not_after": story.instant(HOUR_MS),
        "revocable": True,
        "transferable": False,
        "delegation_depth": 0,
        "required_factors": [],
        "rule": "",
    }
    story.ask(story.hospital, ("token.mint/1", terms))
    assert code_of(story, newcomer, opening(story, newcomer)) == "access-denied", "it was not accepted"
    story.ask(newcomer, ("token.accept/1", {"token": token}))
    for _ in range(2):
        opened = story.ask(newcomer, opening(story, newcomer))
        assert types_of(opened) == ["visit.opened/1", "access.decided/1"]
    assert isinstance(story.clock, MovableClock)
    story.clock.ahead_ms += HOUR_MS
    assert code_of(story, newcomer, opening(story, newcomer)) == "access-denied"


def test_base_that_an_organisation_set_stays_as_it_set_it(story: Story) -> None:
    """Such as the copy of an earlier one, by which every person opened visits."""
    text = '@id("base:visit-opened") permit (principal, action == Telesphor::Action::"open-visit", resource);'
    story.ask(story.hospital, ("policy.set/1", {"slot": "base", "policies": text}))
    story.ask(story.colleague, opening(story, story.colleague))
    story.ask(story.hospital, ("policy.set/1", {"slot": "base", "policies": None}))
    assert code_of(story, story.colleague, opening(story, story.colleague)) == "access-denied"
