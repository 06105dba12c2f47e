"""Lost keys at a real node: who may report, begin, approve and finish, and what stops whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity.model import ActorSuspended
from telesphor.capabilities.identity.recovery.capability import CAPABILITY as RECOVERY
from telesphor.client.recovery import (
    RecoveryKey,
    approve_recovery_command,
    begin_recovery_command,
    cancel_recovery_command,
    make_offer,
    make_statement,
    recover_command,
    report_lost_command,
    set_recovery_command,
)
from telesphor.client.requests import Command, make_card, rotate_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger.attribution import check_attribution
from telesphor.ledger.fsck import LedgerFiles
from telesphor.ledger.replay import check_state
from telesphor.runtime.blobs import open_blobs
from tests.unit.capabilities.world import ORIGIN, World

WAIT_SECONDS = 3_600
DAY_MS = 86_400_000


class Case:
    """A person with three guardians, of whom two suffice, and a recovery pair."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clinic = world.enrol("organisation")
        self.person = world.enrol("person")
        self.guardians = [world.enrol("person") for _ in range(3)]
        self.outsider = world.enrol("person")
        self.recovery = RecoveryKey.create(self.person.actor)
        self.renewed = self.person.renew()
        self.offer = make_offer(self.renewed, node=ORIGIN)
        self.keys = self.renewed.signing_key.public.thumbprints()
        self.set()

    def settings(self, **changes: Any) -> Command:
        said: dict[str, Any] = {
            "guardians": [guardian.actor for guardian in self.guardians],
            "threshold": 2,
            "wait_seconds": WAIT_SECONDS,
            "recovery": self.recovery.key.public,
        }
        return set_recovery_command(**(said | changes))

    def set(self, **changes: Any) -> None:
        self.world.ask(self.person, self.settings(**changes))

    def begin(self, **changes: Any) -> Command:
        return begin_recovery_command(self.person.actor, **({"offer": self.offer} | changes))

    def approve(self) -> Command:
        return approve_recovery_command(self.person.actor, keys=self.keys)

    def recover(self) -> Command:
        return recover_command(self.person.actor, keys=self.keys)

    def report(self, reason: str = "lost") -> Command:
        return report_lost_command(self.person.actor, reason=reason)

    def statement(self, **options: Any) -> dict[str, Any]:
        return make_statement(self.recovery, **({"offer": self.offer, "node": ORIGIN} | options))

    def approved(self, *, seconds: int = WAIT_SECONDS) -> None:
        """Begun by one guardian, approved by another, and waited for."""
        self.world.ask(self.guardians[0], self.begin())
        self.world.ask(self.guardians[1], self.approve())
        self.wait(seconds)

    def wait(self, seconds: int = WAIT_SECONDS) -> None:
        self.world.clock.advance_ms(seconds * 1000)

    def code(self, wallet: Wallet, *commands: Command) -> str:
        """The code with which it is refused; nothing may have been written."""
        before = len(self.world.entries())
        with pytest.raises(TelesphorError) as caught:
            self.world.ask(wallet, *commands)
        assert len(self.world.entries()) == before
        return caught.value.code

    def state(self) -> str:
        info = identity.find_actor(self.world.db, self.person.actor)
        assert info is not None
        return info.state


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    world = World(tmp_path, RECOVERY)
    world.begin()
    yield Case(world)
    files = LedgerFiles(
        ledger=world.path,
        published=tmp_path / "published.sqlite",
        public=open_blobs(tmp_path / "public"),
        origin=ORIGIN,
        vkeys=world.log.vkeys(),
    )
    check_attribution(files)  # whatever the node allowed, the verifier's own code allows
    with TemporaryDirectory() as scratch:
        assert check_state(world.path, Path(scratch) / "replica.sqlite", world.registry)
    world.close()


# Reporting.


@pytest.mark.parametrize("who", ["itself", "guardian", "organisation", "node"])
def test_reported_actor_is_suspended_and_signs_no_more(case: Case, who: str) -> None:
    reporter = {
        "itself": case.person,
        "guardian": case.guardians[2],
        "organisation": case.clinic,
        "node": case.world.node,
    }[who]
    case.world.ask(reporter, case.report("stolen"))
    assert case.state() == "suspended"
    entry = case.world.entries()[-1]
    assert (entry.type, entry.body.reason) == ("actor.suspended/1", "stolen")
    assert case.code(case.person, case.settings()) == "actor-suspended"
    assert case.code(case.person, rotate_command(case.person.renew(), node=ORIGIN)) == "actor-suspended"
    assert case.code(case.person, cancel_recovery_command()) == "actor-suspended"


def test_outsider_cannot_suspend_anybody(case: Case) -> None:
    assert case.code(case.outsider, case.report()) == "not-a-guardian"


def test_node_and_root_cannot_be_suspended(case: Case) -> None:
    for actor in (case.world.node.actor, case.world.root):
        assert case.code(case.clinic, report_lost_command(actor, reason="lost")) == "not-permitted"


def test_actor_is_suspended_once(case: Case) -> None:
    case.world.ask(case.clinic, case.report())
    assert case.code(case.guardians[0], case.report()) == "actor-suspended"


def test_nothing_is_sealed_to_a_suspended_actor(case: Case) -> None:
    case.world.ask(case.clinic, case.report())
    with pytest.raises(ActorSuspended):
        identity.kem_of(case.world.db, case.person.actor)


def test_request_that_waited_while_its_actor_was_reported_is_refused(case: Case) -> None:
    request = case.world.authenticator.authenticate(case.world.sign(case.person, case.settings()))
    case.world.ask(case.clinic, case.report())
    with pytest.raises(ActorSuspended):
        case.world.machine.call_blocking(request, timeout_seconds=60)


def test_own_report_is_the_last_command_of_its_request(case: Case) -> None:
    assert case.code(case.person, case.report(), case.settings()) == "key-change-not-last"
    case.world.ask(case.person, case.settings(), case.report())


def test_suspended_actor_can_be_retired(case: Case) -> None:
    case.world.ask(case.clinic, case.report())
    case.world.ask(case.clinic, ("actor.retire/1", {"id": case.person.actor}))
    assert case.state() == "retired"
    assert case.code(case.guardians[0], case.begin()) == "actor-retired"


# Recovering.


def test_guardians_recover_a_suspended_actor_that_then_signs_with_its_new_keys(case: Case) -> None:
    case.world.ask(case.guardians[2], case.report())
    case.approved()
    case.world.ask(case.clinic, case.recover())
    entry = case.world.entries()[-1]
    assert (entry.type, entry.stream) == ("actor.recovered/1", f"actor/{case.person.actor}")
    assert case.state() == "active"
    assert case.code(case.person, case.settings()) == "key-not-registered"
    case.world.ask(case.renewed, case.settings())
    public = identity.kem_of(case.world.db, case.person.actor)
    assert public == case.renewed.kem_key.public


def test_statement_of_the_recovery_pair_recovers_without_guardians(case: Case) -> None:
    case.world.ask(case.person, case.report("disclosed"))
    receipt = case.world.ask(case.clinic, case.begin(statement=case.statement()))
    assert receipt.results[0]["ready_at"] > receipt.at
    assert case.code(case.clinic, case.recover()) == "recovery-too-early"
    case.wait()
    case.world.ask(case.outsider, case.recover())
    case.world.ask(case.renewed, case.settings())


def test_one_guardian_alone_recovers_nobody(case: Case) -> None:
    case.world.ask(case.guardians[0], case.begin())
    case.wait()
    assert case.code(case.guardians[0], case.recover()) == "recovery-not-approved"
    assert case.code(case.guardians[0], case.approve()) == "recovery-exists"
    assert case.code(case.guardians[0], case.recover()) == "recovery-not-approved"


def test_recovery_waits_as_long_as_its_actor_chose(case: Case) -> None:
    case.approved(seconds=WAIT_SECONDS - 1)
    assert case.code(case.clinic, case.recover()) == "recovery-too-early"
    case.wait(1)
    case.world.ask(case.clinic, case.recover())


def test_outsider_neither_begins_nor_approves(case: Case) -> None:
    assert case.code(case.outsider, case.begin()) == "not-a-guardian"
    assert case.code(case.world.node, case.begin()) == "not-a-guardian"
    case.world.ask(case.guardians[0], case.begin())
    assert case.code(case.outsider, case.approve()) == "not-a-guardian"
    assert case.code(case.clinic, case.approve()) == "not-a-guardian"


def test_actor_cancels_what_it_did_not_want(case: Case) -> None:
    case.approved()
    case.world.ask(case.person, cancel_recovery_command())
    assert case.code(case.clinic, case.recover()) == "recovery-missing"
    assert case.code(case.person, cancel_recovery_command()) == "recovery-missing"


@pytest.mark.parametrize("what", ["rotation", "settings"])
def test_what_the_actor_says_of_its_keys_ends_a_recovery(case: Case, what: str) -> None:
    case.approved()
    if what == "settings":
        case.set()
    else:
        case.world.ask(case.person, rotate_command(case.person.renew(), node=ORIGIN))
    assert case.code(case.clinic, case.recover()) == "recovery-missing"
    assert case.code(case.guardians[2], case.approve()) == "recovery-missing"


def test_recovery_that_was_not_finished_in_two_months_is_over(case: Case) -> None:
    case.approved()
    case.world.clock.advance_ms(60 * DAY_MS)
    assert case.code(case.clinic, case.recover()) == "recovery-missing"
    case.world.ask(case.guardians[2], case.begin())


def test_guardian_that_begins_another_gives_up_the_one_before(case: Case) -> None:
    case.approved()
    case.world.ask(case.guardians[0], case.begin(offer=make_offer(case.person.renew(), node=ORIGIN)))
    assert case.code(case.clinic, case.recover()) == "recovery-missing"


def test_recovery_under_way_is_not_begun_twice(case: Case) -> None:
    case.world.ask(case.guardians[0], case.begin())
    assert case.code(case.guardians[1], case.begin()) == "recovery-exists"


def test_approval_of_a_guardian_whose_keys_were_stolen_does_not_count(case: Case) -> None:
    case.approved()
    stolen = case.guardians[1].actor
    case.world.ask(case.clinic, report_lost_command(stolen, reason="stolen"))
    assert case.code(case.clinic, case.recover()) == "recovery-not-approved"
    case.world.ask(case.guardians[2], case.approve())
    case.world.ask(case.clinic, case.recover())


def test_approval_of_a_retired_guardian_does_not_count(case: Case) -> None:
    case.approved()
    case.world.ask(case.clinic, ("actor.retire/1", {"id": case.guardians[1].actor}))
    assert case.code(case.clinic, case.recover()) == "recovery-not-approved"


def test_recovery_is_finished_once(case: Case) -> None:
    case.approved()
    case.world.ask(case.clinic, case.recover())
    assert case.code(case.clinic, case.recover()) == "recovery-missing"
    assert case.code(case.guardians[0], case.begin()) == "key-used"


def test_actor_that_never_said_how_is_not_recovered(case: Case) -> None:
    renewed = case.outsider.renew()
    command = begin_recovery_command(case.outsider.actor, offer=make_offer(renewed, node=ORIGIN))
    assert case.code(case.guardians[0], command) == "recovery-not-set"


def test_node_and_root_are_not_recovered(case: Case) -> None:
    assert case.code(case.world.node, case.settings()) == "not-permitted"
    command = begin_recovery_command(case.world.node.actor, offer=case.offer)
    assert case.code(case.guardians[0], command) == "not-permitted"


# What is replayed or swapped.


def test_offer_of_another_actor_is_refused(case: Case) -> None:
    offer = make_offer(case.outsider.renew(), node=ORIGIN)
    assert case.code(case.guardians[0], case.begin(offer=offer)) == "card-mismatch"


def test_offer_for_another_node_is_refused(case: Case) -> None:
    offer = make_offer(case.renewed, node="other.example/telesphor")
    assert case.code(case.guardians[0], case.begin(offer=offer)) == "card-for-another-node"


def test_offer_of_keys_that_somebody_has_is_refused(case: Case) -> None:
    thief = Wallet(case.person.actor, "person", case.outsider.signing_key, case.renewed.kem_key)
    assert case.code(case.guardians[0], case.begin(offer=make_offer(thief, node=ORIGIN))) == "key-used"


def test_offer_that_keeps_the_old_kem_key_is_refused(case: Case) -> None:
    keeping = Wallet(case.person.actor, "person", case.renewed.signing_key, case.person.kem_key)
    assert case.code(case.guardians[0], case.begin(offer=make_offer(keeping, node=ORIGIN))) == "key-used"


def test_offer_whose_keys_were_swapped_under_its_card_is_refused(case: Case) -> None:
    swapped = {**case.offer, "keys": case.outsider.renew().signing_key.public.jwks()}
    assert case.code(case.guardians[0], case.begin(offer=swapped)) == "card-mismatch"


@pytest.mark.parametrize(
    "fault", ["another pair", "other keys", "another node", "another actor", "a card", "half a signature"]
)
def test_statement_that_is_not_quite_one_is_refused(case: Case, fault: str) -> None:
    statement = case.statement()
    if fault == "another pair":
        statement = make_statement(RecoveryKey.create(case.person.actor), offer=case.offer, node=ORIGIN)
    elif fault == "other keys":
        statement = case.statement(offer=make_offer(case.person.renew(), node=ORIGIN))
    elif fault == "another node":
        statement = case.statement(node="other.example/telesphor")
    elif fault == "another actor":
        other = RecoveryKey(case.outsider.actor, case.recovery.key)
        statement = make_statement(other, offer=case.offer, node=ORIGIN)
    elif fault == "a card":
        keys = Wallet(case.person.actor, "person", case.recovery.key, case.renewed.kem_key)
        statement = make_card(keys, node=ORIGIN)
    else:
        statement["signatures"] = statement["signatures"][1:]
    code = case.code(case.clinic, case.begin(statement=statement))
    assert code == "recovery-statement-refused"


def test_statement_is_useless_after_the_settings_name_another_pair(case: Case) -> None:
    case.set(recovery=RecoveryKey.create(case.person.actor).key.public)
    refused = case.code(case.clinic, case.begin(statement=case.statement()))
    assert refused == "recovery-statement-refused"


def test_recorded_requests_of_a_recovery_cannot_be_sent_again(case: Case) -> None:
    data = case.world.sign(case.guardians[0], case.begin())
    case.world.take(data)
    case.world.ask(case.person, cancel_recovery_command())
    with pytest.raises(TelesphorError) as caught:
        case.world.take(data)
    assert caught.value.code == "request-replayed"


# Settings.


@pytest.mark.parametrize(
    "fault", ["one suffices", "too few", "twice", "itself", "a device", "the node", "nobody known"]
)
def test_guardians_that_would_not_guard_are_refused(case: Case, fault: str) -> None:
    ids = [guardian.actor for guardian in case.guardians]
    faults: dict[str, dict[str, Any]] = {
        "one suffices": {"threshold": 1},
        "too few": {"threshold": 4},
        "twice": {"guardians": [ids[0], ids[0]]},
        "itself": {"guardians": [ids[0], case.person.actor]},
        "a device": {"guardians": [ids[0], case.world.enrol("device").actor]},
        "the node": {"guardians": [ids[0], case.world.node.actor]},
        "nobody known": {"guardians": [ids[0], case.world.ids.next()]},
    }
    changes = faults[fault]
    expected = "actor-missing" if fault == "nobody known" else "guardians-refused"
    assert case.code(case.person, case.settings(**changes)) == expected


def test_recovery_pair_that_is_somebodys_signing_pair_is_refused(case: Case) -> None:
    assert case.code(case.person, case.settings(recovery=case.outsider.signing_key.public)) == "key-used"


def test_recovery_pair_of_the_roots_suite_is_refused(case: Case) -> None:
    deep = SigningKey.generate(HybridSuite.ROOT).public
    assert case.code(case.person, case.settings(recovery=deep)) == "suite-refused"


def test_recovery_can_be_given_up(case: Case) -> None:
    case.set(guardians=[], threshold=0, recovery=None)
    assert case.code(case.guardians[0], case.begin()) == "not-a-guardian"
    assert case.code(case.guardians[0], case.report()) == "not-a-guardian"
    refused = case.code(case.clinic, case.begin(statement=case.statement()))
    assert refused == "recovery-statement-refused"


def test_time_that_nobody_can_wait_is_refused(case: Case) -> None:
    assert case.code(case.person, case.settings(wait_seconds=31 * 86_400)) == "command-refused"
    assert case.code(case.person, case.settings(wait_seconds=-1)) == "command-refused"
