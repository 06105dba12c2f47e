"""Lost keys before the offline verifier: what honestly happened passes; the bad ones are in `tests/vectors/bundles`."""

from __future__ import annotations

import pytest

from telesphor.capabilities.identity.recovery import model
from telesphor.verify import recovering, verify_bundle
from telesphor.verify.check_bundle import STEPS
from tests.support.lost_keys import NEW, Loss
from tests.unit.verify.builder import Story, signing_key


def failures_of(data: bytes) -> list[str]:
    return [f"{step.code}: {step.failure}" for step in verify_bundle(data).steps if step.failure]


def test_actor_that_was_suspended_and_recovered_passes() -> None:
    loss = Loss()
    loss.told()
    report = verify_bundle(loss.closed())
    assert failures_of(loss.story.bundle()) == []
    assert report.passed
    assert [step.name for step in report.steps] == list(STEPS)


def test_recovered_keys_are_those_that_closed_the_visit() -> None:
    loss = Loss()
    loss.told()
    assert loss.who.key is NEW
    assert failures_of(loss.closed()) == []


def test_recovery_by_statement_of_the_recovery_pair_passes() -> None:
    loss = Loss()
    loss.report(loss.who, reason="disclosed")
    loss.begin(loss.story.clinic, statement=loss.statement())
    loss.wait()
    loss.recover()
    assert failures_of(loss.closed()) == []


def test_recovery_of_keys_that_were_never_reported_passes() -> None:
    loss = Loss()
    loss.begin(loss.guardians[0])
    loss.approve(loss.guardians[2])
    loss.wait()
    loss.recover(by=loss.who)
    assert failures_of(loss.closed()) == []


def test_second_loss_and_recovery_pass() -> None:
    loss = Loss()
    loss.told()
    again = signing_key("clinician's second recovery")
    loss.report(loss.story.clinic)
    loss.begin(loss.guardians[1], new=again)
    loss.approve(loss.guardians[2], new=again)
    loss.wait()
    loss.recover(new=again)
    assert failures_of(loss.closed()) == []


def test_suspended_actor_that_is_retired_passes() -> None:
    story = Story.told()
    loss = Loss(story, plan=False)
    loss.who = story.device
    loss.stream = type(loss.stream)(f"actor/{story.device.id}")
    loss.report(story.clinic)
    story.world.retire(story.clinic, story.device)
    assert failures_of(story.bundle()) == []


def test_guardian_who_approves_again_after_its_own_recovery_counts() -> None:
    """Stolen guardian's approval is void; the one that it gives with its new keys is not."""
    loss = Loss()
    guardian = loss.guardians[1]
    other = Loss.__new__(Loss)
    other.__dict__.update(loss.__dict__)
    other.who, other.stream = guardian, type(loss.stream)(f"actor/{guardian.id}")
    other.guardians = [loss.guardians[0], loss.guardians[2]]
    other.set(guardians=[one.id for one in other.guardians])
    loss.begin(loss.guardians[0])
    loss.approve(guardian)
    keys = signing_key("guardian's recovered")
    other.report(loss.guardians[0])
    other.begin(loss.guardians[0], new=keys)
    other.approve(loss.guardians[2], new=keys)
    other.wait()
    other.recover(new=keys)
    loss.approve(guardian)
    loss.recover()
    assert failures_of(loss.closed()) == []


def test_recovery_that_nobody_set_up_is_refused_in_plain_words() -> None:
    loss = Loss(plan=False)
    loss.begin(loss.guardians[0])
    (failure,) = failures_of(loss.closed())
    assert failure.startswith("recovery-refused: ")
    assert "never said how" in failure


@pytest.mark.parametrize("name", ["GUARDIANS_MAX", "THRESHOLD_MIN", "WAIT_SECONDS_MAX", "RECOVERY_MS_MAX"])
def test_verifier_and_node_have_the_same_bounds(name: str) -> None:
    assert getattr(recovering, name) == getattr(model, name)
