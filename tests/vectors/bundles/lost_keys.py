"""Faults of suspensions and recoveries: hidden, forged, hurried, or by those who may not."""

from __future__ import annotations

from typing import Any

from telesphor.kernel.ids import stream_of
from telesphor.kernel.signing import HybridSuite
from tests.support.lost_keys import NEW, WAIT_SECONDS, Loss
from tests.unit.verify.builder import KEM, Draft, Story, signing_key
from tests.vectors.bundles.case import fault

THIEF = signing_key("thief")

# Suspensions.


@fault("requests", "actor-suspended")
def keys_used_after_they_were_reported_lost() -> bytes:
    loss = Loss()
    loss.report(loss.story.clinic)
    return loss.closed()


@fault("requests", "actor-suspended")
def request_that_goes_on_after_it_reports_its_own_keys() -> bytes:
    loss = Loss()
    story = loss.story
    asked = [("actor.report-lost/1", {"id": loss.who.id, "reason": "lost"}), story.add()]
    said = Draft("actor.suspended/1", loss.stream, {"reason": "lost"})
    loss.world.act(loss.who, asked, said, story.link(story.object, 1, "note"))
    return loss.closed()


@fault("streams", "stream-gap")
def suspension_left_out_before_its_recovery() -> bytes:
    loss = Loss()
    story = loss.told()
    story.close()
    return story.bundle(drop=loss.world.find("actor.suspended/1"))


@fault("requests", "key-not-in-force")
def suspension_and_recovery_left_out_together() -> bytes:
    loss = Loss()
    story = loss.told()
    story.close()
    about = story.on(loss.stream)
    return story.bundle(drop=about[about.index(loss.world.find("actor.suspended/1")[0]) :])


@fault("requests", "key-change-refused")
def suspension_by_an_outsider() -> bytes:
    loss = Loss()
    loss.report(loss.story.patient)
    return loss.closed()


@fault("requests", "key-change-refused")
def suspension_for_an_unknown_reason() -> bytes:
    loss = Loss()
    loss.report(loss.story.clinic, reason="bored")
    return loss.closed()


@fault("requests", "key-change-refused")
def suspension_that_was_not_asked_for() -> bytes:
    loss = Loss()
    said = Draft("actor.suspended/1", loss.stream, {"reason": "lost"})
    loss.world.act(loss.story.clinic, [("visit.open/1", {})], said)
    return loss.closed()


@fault("requests", "evidence-missing")
def suspension_by_the_nodes_own_word() -> bytes:
    loss = Loss()
    said = Draft("actor.suspended/1", loss.stream, {"reason": "lost"})
    loss.world.append(loss.world.node, said, None)
    return loss.closed()


@fault("requests", "key-not-in-force")
def lost_keys_used_after_the_recovery() -> bytes:
    loss = Loss()
    old = loss.who.key
    story = loss.told()
    story.close(key=old)
    return story.bundle()


@fault("requests", "actor-suspended")
def rotation_by_a_thief_after_the_report() -> bytes:
    loss = Loss()
    loss.report(loss.guardians[0])
    loss.world.rotate(loss.who, THIEF)
    return loss.closed()


# Recoveries.


@fault("requests", "recovery-refused")
def recovery_of_an_actor_that_never_said_how() -> bytes:
    loss = Loss(plan=False)
    loss.begin(loss.guardians[0])
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_by_one_guardian_alone() -> bytes:
    return _closed(Loss().told(approvals=()))


@fault("requests", "recovery-refused")
def recovery_approved_twice_by_one_guardian() -> bytes:
    return _closed(Loss().told(approvals=(0,)))


@fault("requests", "recovery-refused")
def recovery_begun_by_an_outsider() -> bytes:
    loss = Loss()
    loss.begin(loss.story.patient)
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_approved_by_an_outsider() -> bytes:
    loss = Loss()
    loss.begin(loss.guardians[0])
    loss.approve(loss.story.patient)
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_begun_by_the_node_itself() -> bytes:
    loss = Loss()
    loss.begin(loss.world.node)
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_before_its_time() -> bytes:
    loss = Loss()
    loss.agree()
    loss.wait(WAIT_SECONDS - 3)
    loss.recover()
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_after_two_months() -> bytes:
    loss = Loss()
    loss.agree()
    loss.wait(60 * 86_400)
    loss.recover()
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_that_was_cancelled() -> bytes:
    loss = Loss()
    loss.agree()
    loss.cancel()
    loss.wait()
    loss.recover()
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_begun_before_a_rotation() -> bytes:
    loss = Loss()
    loss.agree()
    loss.world.rotate(loss.who, signing_key("clinician's third"))
    loss.wait()
    loss.recover()
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_begun_under_other_guardians() -> bytes:
    loss = Loss()
    loss.agree()
    loss.set()
    loss.wait()
    loss.recover()
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_given_up_for_another() -> bytes:
    loss = Loss()
    loss.agree()
    loss.begin(loss.guardians[0], new=THIEF)
    loss.wait()
    loss.recover()
    return loss.closed()


@fault("requests", "recovery-refused")
def approval_of_a_guardian_whose_own_keys_were_stolen() -> bytes:
    loss = Loss()
    loss.agree()
    said = Draft("actor.suspended/1", stream_of("actor", loss.guardians[1].id), {"reason": "stolen"})
    asked = {"id": loss.guardians[1].id, "reason": "stolen"}
    loss.world.act(loss.story.clinic, [("actor.report-lost/1", asked)], said)
    loss.wait()
    loss.recover()
    return loss.closed()


@fault("requests", "recovery-refused")
def approval_of_a_guardian_who_was_retired() -> bytes:
    loss = Loss()
    loss.agree()
    loss.world.retire(loss.story.clinic, loss.guardians[1])
    loss.wait()
    loss.recover()
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_to_keys_that_nobody_approved() -> bytes:
    loss = Loss()
    loss.agree()
    loss.wait()
    loss.recover(new=THIEF)
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_with_another_kem_key_than_was_approved() -> bytes:
    loss = Loss()
    loss.agree()
    loss.wait()
    loss.recover(said={"keys": NEW.public.jwks(), "kem": KEM[:-4] + "BBBB"})
    return loss.closed()


@fault("requests", "key-change-refused")
def recovery_begun_with_other_keys_than_were_asked_for() -> bytes:
    loss = Loss()
    loss.begin(loss.guardians[0], said={"keys": THIEF.public.jwks(), "kem": KEM})
    return loss.closed()


@fault("requests", "card-refused")
def recovery_with_the_card_of_another_actor() -> bytes:
    loss = Loss()
    loss.begin(loss.guardians[0], card=loss.world.card(loss.story.patient, key=NEW))
    return loss.closed()


@fault("requests", "card-refused")
def recovery_with_a_card_for_another_node() -> bytes:
    loss = Loss()
    card = loss.world.card(loss.who, key=NEW, node="ledger.other.example")
    loss.begin(loss.guardians[0], card=card)
    return loss.closed()


@fault("requests", "key-change-refused")
def recovery_to_a_key_of_somebody_else() -> bytes:
    loss = Loss()
    loss.begin(loss.guardians[0], new=loss.story.patient.key)
    return loss.closed()


@fault("requests", "key-change-refused")
def recovery_back_to_the_lost_keys() -> bytes:
    loss = Loss()
    loss.begin(loss.guardians[0], new=loss.who.key)
    return loss.closed()


@fault("streams", "stream-start-refused")
def recovery_of_the_node_itself() -> bytes:
    loss = Loss()
    loss.who, loss.stream = loss.world.node, stream_of("actor", loss.world.node.id)
    said = Draft("actor.recovery-begun/1", loss.stream, {})
    loss.world.act(loss.guardians[0], [("actor.begin-recovery/1", {})], said)
    return loss.closed()


@fault("requests", "actor-retired")
def recovery_of_a_retired_actor() -> bytes:
    loss = Loss()
    loss.world.retire(loss.story.clinic, loss.who)
    loss.agree()
    loss.wait()
    loss.recover()
    return loss.closed()


@fault("requests", "evidence-missing")
def recovery_by_the_nodes_own_word() -> bytes:
    loss = Loss()
    said = Draft("actor.recovered/1", loss.stream, {"keys": THIEF.public.jwks(), "kem": KEM})
    loss.world.append(loss.world.node, said, None)
    loss.who.key = THIEF
    return loss.closed()


@fault("streams", "stream-gap")
def cancellation_left_out() -> bytes:
    loss = Loss()
    loss.agree()
    loss.cancel()
    loss.wait()
    loss.recover()
    loss.story.close()
    return loss.story.bundle(drop=loss.world.find("actor.recovery-cancelled/1"))


# Settings.


@fault("requests", "key-change-refused")
def guardians_named_by_somebody_else() -> bytes:
    loss = Loss(plan=False)
    loss.set(by=loss.story.clinic)
    return loss.closed()


@fault("requests", "recovery-refused")
def single_guardian_who_would_suffice() -> bytes:
    return _set(threshold=1)


@fault("requests", "recovery-refused")
def more_guardians_needed_than_named() -> bytes:
    return _set(threshold=4)


@fault("requests", "recovery-refused")
def guardian_named_twice() -> bytes:
    loss = Loss(plan=False)
    loss.set(guardians=[loss.guardians[0].id] * 2)
    return loss.closed()


@fault("requests", "recovery-refused")
def actor_named_its_own_guardian() -> bytes:
    loss = Loss(plan=False)
    loss.set(guardians=[loss.guardians[0].id, loss.who.id])
    return loss.closed()


@fault("requests", "body-refused")
def waiting_time_below_zero() -> bytes:
    return _set(wait_seconds=-1)


@fault("requests", "recovery-refused")
def waiting_time_of_years() -> bytes:
    return _set(wait_seconds=1_000 * 86_400)


@fault("requests", "key-change-refused")
def signing_pair_named_as_recovery_pair() -> bytes:
    loss = Loss(plan=False)
    loss.set(recovery=loss.who.key.public.jwks())
    return loss.closed()


@fault("requests", "recovery-refused")
def recovery_pair_of_the_roots_suite() -> bytes:
    return _set(recovery=signing_key("deep", HybridSuite.ROOT).public.jwks())


@fault("requests", "key-change-refused")
def settings_that_were_not_asked_for() -> bytes:
    loss = Loss(plan=False)
    body = loss.settings()
    asked = [("actor.set-recovery/1", {**body, "threshold": 3})]
    loss.world.act(loss.who, asked, Draft("actor.recovery-set/1", loss.stream, body))
    return loss.closed()


# Statements of the recovery pair.


@fault("requests", "recovery-refused")
def statement_about_another_actor() -> bytes:
    return _stated(lambda loss: {"id": loss.story.patient.id})


@fault("requests", "recovery-refused")
def statement_for_another_node() -> bytes:
    return _stated(lambda _: {"node": "ledger.other.example"})


@fault("requests", "recovery-refused")
def statement_about_other_keys() -> bytes:
    return _stated(lambda _: {"new": THIEF})


@fault("requests", "recovery-refused")
def card_passed_off_as_a_statement() -> bytes:
    return _stated(lambda _: {"format": "telesphor-card/1"})


@fault("requests", "recovery-refused")
def statement_although_no_recovery_pair_was_set() -> bytes:
    loss = Loss(plan=False)
    loss.set(recovery=None)
    loss.begin(loss.story.clinic, statement=loss.statement())
    return loss.closed()


@fault("requests", "jws-header-refused")
def statement_signed_by_a_thief() -> bytes:
    loss = Loss()
    loss.begin(loss.story.clinic, statement=loss.statement(key=THIEF))
    return loss.closed()


@fault("requests", "half-signature")
def statement_with_one_half_stripped() -> bytes:
    loss = Loss()
    statement = loss.statement()
    statement["signatures"] = statement["signatures"][:1]
    loss.begin(loss.story.clinic, statement=statement)
    return loss.closed()


@fault("requests", "key-change-refused")
def guardian_taken_for_a_statement() -> bytes:
    loss = Loss()
    loss.begin(loss.guardians[0], stated=True)
    return loss.closed()


def _closed(story: Story) -> bytes:
    story.close()
    return story.bundle()


def _set(**changes: Any) -> bytes:
    loss = Loss(plan=False)
    loss.set(**changes)
    return loss.closed()


def _stated(changes: Any) -> bytes:
    loss = Loss()
    loss.begin(loss.story.clinic, statement=loss.statement(**changes(loss)))
    return loss.closed()
