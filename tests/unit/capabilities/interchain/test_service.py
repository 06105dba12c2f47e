"""What a node says of other ledgers, on its own: only what it verified, and nobody can say it in its place."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from telesphor.capabilities.identity.model import ActorRetired, NotPermitted
from telesphor.capabilities.interchain import store
from telesphor.capabilities.interchain.model import (
    BundleMismatch,
    Fact,
    FactMissing,
    JudgingFailed,
    ProofBusy,
    ProofGrant,
    ProofRefused,
    ProvenFacts,
)
from telesphor.capabilities.interchain.service import AcceptProof, RefuseProof, require_fact
from telesphor.client.wallet import Wallet
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.replay import check_state
from telesphor.runtime.capability import Actor
from telesphor.runtime.machine import Request
from tests.unit.capabilities.interchain.hospital import CLINIC, CLOSING, Hospital, partner
from tests.unit.capabilities.world import World
from tests.unit.verify.builder import Story
from tests.vectors.bundles.case import good_bundle, good_story

BUNDLE = good_bundle()


@pytest.fixture
def hospital(world: World) -> Hospital:
    return Hospital(world)


def code_of(hospital: Hospital, wallet: Wallet, *commands: Any) -> str:
    """The code with which a signed request is refused; nothing may have been written."""
    before = len(hospital.world.entries())
    with pytest.raises(TelesphorError) as caught:
        hospital.world.ask(wallet, *commands)
    assert len(hospital.world.entries()) == before
    return caught.value.code


# Announcing.


@pytest.mark.parametrize("who", ["system", "clinician", "patient", "organisation"])
def test_person_system_or_organisation_announces_a_proof(hospital: Hospital, who: str) -> None:
    wallet = hospital.world.enrol(who) if who == "organisation" else getattr(hospital, who)
    proof, command = hospital.submitting(BUNDLE, 0, CLOSING)
    answer = hospital.world.ask(wallet, command).results[0]
    entry = hospital.world.entries()[-1]
    assert (entry.type, entry.stream, entry.n) == ("interchain.proof-submitted/1", f"proof/{proof}", 0)
    assert (entry.body.bundle, entry.body.size) == (digest_of(BUNDLE), len(BUNDLE))
    assert entry.body.facts == (0, CLOSING)
    assert (answer.proof, answer.path) == (proof, f"/v1/interchain/proofs/{proof}")
    grant = hospital.world.tickets.redeem(answer.ticket, ProofGrant)
    assert (grant.proof, grant.actor, grant.facts) == (proof, wallet.actor, (0, CLOSING))


@pytest.mark.parametrize("who", ["device", "node"])
def test_announcement_by_device_or_node_is_refused(hospital: Hospital, who: str) -> None:
    wallet = hospital.world.node if who == "node" else hospital.device
    assert code_of(hospital, wallet, hospital.submitting(BUNDLE)[1]) == "not-permitted"


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 0},
        {"size": 64 * 1024 * 1024 + 1},
        {"facts": []},
        {"facts": list(range(33))},
        {"facts": [-1]},
        {"bundle": "sha256:" + "A" * 64},
        {"bundle": "sha256:" + "0" * 64 + "\n"},
        {"proof": "not an id"},
        {"more": 1},
    ],
    ids=str,
)
def test_announcement_out_of_its_bounds_is_refused(hospital: Hospital, changes: dict[str, Any]) -> None:
    _, command = hospital.submitting(BUNDLE, **changes)
    assert code_of(hospital, hospital.system, command) == "command-refused"


@pytest.mark.parametrize("facts", [(3, 3), (4, 3)])
def test_facts_out_of_order_are_refused(hospital: Hospital, facts: tuple[int, ...]) -> None:
    assert code_of(hospital, hospital.system, hospital.submitting(BUNDLE, *facts)[1]) == "facts-refused"


def test_open_proof_announced_again_by_the_same_actor_gives_a_new_ticket(hospital: Hospital) -> None:
    proof, command = hospital.submitting(BUNDLE)
    first = hospital.grant(hospital.system, command)
    second = hospital.grant(hospital.system, command)
    assert first == second
    assert hospital.world.entries()[-1].n == 1
    hospital.world.desk.judge(second, BUNDLE)
    entry = hospital.world.entries()[-1]
    assert (entry.type, entry.stream, entry.n) == ("interchain.proof-accepted/1", f"proof/{proof}", 2)
    found = require_fact(hospital.world.db, proof=proof, position=CLOSING, type="visit.closed/1")
    assert found.n == 2


@pytest.mark.parametrize("changes", [{"facts": (0,)}, {"size": 5}, {"bundle": digest_of(b"other")}], ids=str)
def test_id_used_for_another_proof_is_refused(hospital: Hospital, changes: dict[str, Any]) -> None:
    proof, command = hospital.submitting(BUNDLE)
    hospital.world.ask(hospital.system, command)
    _, again = hospital.submitting(BUNDLE, proof=proof, **changes)
    assert code_of(hospital, hospital.system, again) == "proof-exists"


def test_id_of_another_actors_proof_is_refused(hospital: Hospital) -> None:
    _, command = hospital.submitting(BUNDLE)
    hospital.world.ask(hospital.system, command)
    assert code_of(hospital, hospital.clinician, command) == "proof-exists"


@pytest.mark.parametrize("good", [True, False])
def test_decided_proof_announced_again_is_refused(hospital: Hospital, good: bool) -> None:
    if not good:
        hospital.world.partners.clear()
    _, command = hospital.submitting(BUNDLE)
    grant = hospital.grant(hospital.system, command)
    try:
        hospital.world.desk.judge(grant, BUNDLE)
    except ProofRefused:
        assert not good
    assert code_of(hospital, hospital.system, command) == "proof-decided"


# Judging.


def test_accepted_proof_is_the_nodes_own_word_about_these_bytes(hospital: Hospital) -> None:
    proof, proven = hospital.accept(None, CLOSING)
    entry = hospital.world.entries()[-1]
    assert (entry.type, entry.stream, entry.n) == ("interchain.proof-accepted/1", f"proof/{proof}", 1)
    assert (entry.actor, entry.evidence) == (hospital.world.node.actor, None)
    assert (entry.body.bundle, entry.body.origin) == (digest_of(BUNDLE), CLINIC)
    assert (entry.body.subject, entry.body.level) == (good_story().visit, "L1")
    assert (entry.body.head, entry.body.facts) == (proven.head, proven.facts)
    assert [fact.position for fact in entry.body.facts] == [CLOSING]


@pytest.mark.parametrize(
    "data", [BUNDLE + b"\0", BUNDLE[:-1], b"\0" * len(BUNDLE)], ids=["more", "less", "other"]
)
def test_bytes_other_than_announced_are_refused_and_may_be_sent_again(
    hospital: Hospital, data: bytes
) -> None:
    grant = hospital.submit(BUNDLE)
    before = len(hospital.world.entries())
    with pytest.raises(BundleMismatch):
        hospital.world.desk.judge(grant, data)
    assert len(hospital.world.entries()) == before
    assert hospital.world.desk.judge(grant, BUNDLE).level == "L1"


def test_refused_proof_names_its_cause_on_the_ledger(hospital: Hospital) -> None:
    hospital.world.partners.clear()
    assert hospital.cause_of(BUNDLE) == "partner-unknown"


def test_level_too_low_is_refused_on_the_ledger(hospital: Hospital) -> None:
    hospital.world.partners[CLINIC] = partner(at_least=3)
    assert hospital.cause_of(BUNDLE) == "level-not-reached"


def test_fact_that_is_not_in_the_bundle_is_refused_on_the_ledger(hospital: Hospital) -> None:
    assert hospital.cause_of(BUNDLE, CLOSING, CLOSING + 9) == "fact-not-in-bundle"


def test_what_was_decided_is_answered_again_and_not_said_again(hospital: Hospital) -> None:
    grant = hospital.submit(BUNDLE)
    first = hospital.world.desk.judge(grant, BUNDLE)
    hospital.world.partners.clear()
    before = len(hospital.world.entries())
    assert hospital.world.desk.judge(grant, BUNDLE) == first
    assert hospital.world.desk.find_outcome(grant) == first
    refused = hospital.submit(BUNDLE)
    for _ in range(2):
        with pytest.raises(ProofRefused) as caught:
            hospital.world.desk.judge(refused, BUNDLE)
        assert caught.value.cause == "partner-unknown"
    assert len(hospital.world.entries()) == before + 2


def test_two_who_judge_one_ticket_at_once_make_one_judgement(hospital: Hospital) -> None:
    grant, desk = hospital.submit(BUNDLE), hospital.world.desk
    begun, go_on, found = threading.Event(), threading.Event(), []
    prove, count = desk._prove, []

    def slow(data: bytes, facts: tuple[int, ...]) -> ProvenFacts:
        count.append(1)
        begun.set()
        assert go_on.wait(10)
        return prove(data, facts)

    desk._prove = slow
    first = threading.Thread(target=lambda: found.append(desk.judge(grant, BUNDLE)))
    first.start()
    assert begun.wait(10)
    with pytest.raises(ProofBusy):
        desk.judge(grant, BUNDLE)
    go_on.set()
    first.join(10)
    assert len(found) == len(count) == 1
    assert [entry.type for entry in hospital.world.entries()].count("interchain.proof-accepted/1") == 1


def test_proof_that_could_not_be_judged_stays_open(hospital: Hospital) -> None:
    grant, desk = hospital.submit(BUNDLE), hospital.world.desk
    prove = desk._prove

    def broken(_data: bytes, _facts: tuple[int, ...]) -> ProvenFacts:
        raise JudgingFailed("this node could not judge the bundle")

    desk._prove = broken
    before = len(hospital.world.entries())
    with pytest.raises(JudgingFailed):
        desk.judge(grant, BUNDLE)
    assert len(hospital.world.entries()) == before
    desk._prove = prove
    assert desk.judge(grant, BUNDLE).level == "L1"


def test_proof_whose_announcer_has_retired_is_not_judged(hospital: Hospital) -> None:
    grant = hospital.submit(BUNDLE, by=hospital.clinician)
    hospital.world.ask(hospital.clinician, ("actor.retire/1", {"id": hospital.clinician.actor}))
    with pytest.raises(ActorRetired):
        hospital.world.desk.judge(grant, BUNDLE)


def test_what_does_not_fit_an_entry_is_refused_and_not_written(hospital: Hospital) -> None:
    grant, desk = hospital.submit(BUNDLE), hospital.world.desk
    prove = desk._prove

    def lie(data: bytes, facts: tuple[int, ...]) -> ProvenFacts:
        proven = prove(data, facts)
        return msgspec.structs.replace(proven, head=msgspec.structs.replace(proven.head, size=2**53))

    desk._prove = lie
    with pytest.raises(ProofRefused) as caught:
        desk.judge(grant, BUNDLE)
    assert caught.value.cause == "facts-too-large"
    assert hospital.world.entries()[-1].body.cause == "facts-too-large"


# A partner that forks.


def other_history() -> bytes:
    """The clinic's ledger as it tells it to somebody else: the same up to the visit, then otherwise."""
    story = Story.told(until="measure")
    story.close()
    story.world.rotate(story.patient, story.world.actor("patient's second", "person").key)
    return story.bundle()


def test_partner_that_shows_another_entry_at_a_position_is_refused(hospital: Hospital) -> None:
    other = other_history()
    position = next(p for p in range(CLOSING) if _differs(other, p))
    hospital.accept(None, 0, position)
    assert hospital.cause_of(other, position) == "partner-forked"
    assert hospital.accept(None, position)[1].level == "L1"


def _differs(other: bytes, position: int) -> bool:
    from telesphor.kernel.bundle import read_bundle

    here = {entry.position: entry.data for entry in read_bundle(BUNDLE).entries}
    there = {entry.position: entry.data for entry in read_bundle(other).entries}
    return position in here and position in there and here[position] != there[position]


def test_partner_that_shows_two_trees_of_one_size_is_refused(hospital: Hospital) -> None:
    hospital.accept(None, 0)
    desk = hospital.world.desk
    prove = desk._prove

    def fork(data: bytes, facts: tuple[int, ...]) -> ProvenFacts:
        proven = prove(data, facts)
        return msgspec.structs.replace(
            proven, head=msgspec.structs.replace(proven.head, root=digest_of(b"another tree"))
        )

    desk._prove = fork
    assert hospital.cause_of(BUNDLE, 0) == "partner-forked"


# The node's own word.


def own_words(hospital: Hospital, grant: ProofGrant) -> list[tuple[str, AcceptProof | RefuseProof]]:
    proven = hospital.world.desk._prove(BUNDLE, grant.facts)
    said = {name: getattr(proven, name) for name in ProvenFacts.__struct_fields__}
    return [
        ("accept", AcceptProof(proof=grant.proof, bundle=grant.bundle, **said)),
        ("refuse", RefuseProof(proof=grant.proof, bundle=grant.bundle, cause="partner-unknown")),
    ]


@pytest.mark.parametrize("who", ["system", "clinician", "organisation", "node"])
def test_nobody_signs_the_nodes_own_word(hospital: Hospital, who: str) -> None:
    others = {
        "organisation": lambda: hospital.world.enrol("organisation"),
        "node": lambda: hospital.world.node,
    }
    wallet = others[who]() if who in others else getattr(hospital, who)
    grant = hospital.submit(BUNDLE)
    for name, word in own_words(hospital, grant):
        assert code_of(hospital, wallet, (f"interchain.{name}/1", word)) == "unknown-command"


def test_nodes_own_word_among_other_commands_is_refused_with_all_of_them(hospital: Hospital) -> None:
    grant = hospital.submit(BUNDLE)
    other = hospital.submitting(BUNDLE)[1]
    for name, word in own_words(hospital, grant):
        commands = [other, (f"interchain.{name}/1", word)]
        assert code_of(hospital, hospital.system, *commands) == "unknown-command"


@pytest.mark.parametrize("who", ["clinician", "pretender", "node"])
def test_forged_request_within_the_process_does_not_say_it(hospital: Hospital, who: str) -> None:
    world, grant = hospital.world, hospital.submit(BUNDLE)
    wallet = world.node if who == "node" else hospital.clinician
    kind = "person" if who == "clinician" else "node"
    actor = Actor(wallet.actor, kind, wallet.signing_key.public.key_id)
    before = len(world.entries())
    for name, word in own_words(hospital, grant):
        command = getattr(world.desk, f"_{name}")
        with pytest.raises(NotPermitted):
            world.machine.call_blocking(Request(actor, ((command, word),)), timeout_seconds=60)
    assert len(world.entries()) == before


def test_word_said_by_another_than_the_node_is_refused_even_while_it_is_said(hospital: Hospital) -> None:
    world, grant = hospital.world, hospital.submit(BUNDLE)
    pretender = Actor(hospital.system.actor, "node", hospital.system.signing_key.public.key_id)
    world.desk._record = lambda command, word: world.machine.call_blocking(
        Request(pretender, ((command, word),)), timeout_seconds=60
    )
    with pytest.raises(NotPermitted):
        world.desk.judge(grant, BUNDLE)


def test_facts_other_than_those_asked_for_are_not_accepted(hospital: Hospital) -> None:
    grant = hospital.submit(BUNDLE, CLOSING)
    with pytest.raises(BundleMismatch):
        hospital.world.desk.judge(msgspec.structs.replace(grant, facts=(0,)), BUNDLE)
    assert hospital.world.entries()[-1].type == "interchain.proof-submitted/1"


# Facts.


def test_accepted_fact_is_given_with_where_it_came_from(hospital: Hospital) -> None:
    proof, proven = hospital.accept()
    found = require_fact(hospital.world.db, proof=proof, position=CLOSING, type="visit.closed/1")
    assert (found.proof, found.n, found.origin, found.level) == (proof, 1, CLINIC, "L1")
    assert (found.fact,) == proven.facts


def test_fact_of_another_type_position_or_proof_is_missing(hospital: Hospital) -> None:
    proof, _ = hospital.accept(None, 0, CLOSING)
    wrong: list[dict[str, Any]] = [
        {"type": "visit.opened/1"},
        {"position": 0},
        {"position": CLOSING + 1},
        {"proof": hospital.world.ids.next()},
    ]
    for changes in wrong:
        asked = {"proof": proof, "position": CLOSING, "type": "visit.closed/1", **changes}
        with pytest.raises(FactMissing):
            require_fact(hospital.world.db, **asked)


def test_fact_of_an_open_or_refused_proof_is_missing(hospital: Hospital) -> None:
    open_one = hospital.submit(BUNDLE)
    hospital.world.partners.clear()
    refused = hospital.submit(BUNDLE)
    with pytest.raises(ProofRefused):
        hospital.world.desk.judge(refused, BUNDLE)
    for grant in (open_one, refused):
        with pytest.raises(FactMissing):
            require_fact(hospital.world.db, proof=grant.proof, position=CLOSING, type="visit.closed/1")


def test_one_bundle_under_two_ids_gives_the_same_fact_by_origin_and_leaf(hospital: Hospital) -> None:
    first, second = hospital.accept()[0], hospital.accept()[0]
    rows = [
        require_fact(hospital.world.db, proof=proof, position=CLOSING, type="visit.closed/1")
        for proof in (first, second)
    ]
    assert rows[0].proof != rows[1].proof
    assert len({(row.origin, row.fact.leaf) for row in rows}) == 1


def test_fact_fills_an_entry_within_its_bound(hospital: Hospital) -> None:
    fact = Fact(position=2**53 - 1, type="t" * 62 + "/1", stream="s" * 32 + "/" + "0" * 36, n=2**53 - 1,
                leaf=digest_of(b""))  # fmt: skip
    assert 32 * len(msgspec.json.encode(fact)) < 20_000


# The fold.


def test_replaying_the_entries_gives_the_same_tables(hospital: Hospital, tmp_path: Path) -> None:
    world = hospital.world
    hospital.accept(None, 0, CLOSING)
    _, command = hospital.submitting(BUNDLE)
    hospital.grant(hospital.system, command)
    hospital.world.desk.judge(hospital.grant(hospital.system, command), BUNDLE)
    hospital.submit(BUNDLE)
    world.partners.clear()
    hospital.cause_of(BUNDLE)
    for table in store.TABLES:
        assert list(world.db.execute(f'SELECT * FROM "{table}"')) != []
    assert check_state(world.path, tmp_path / "replica.sqlite", world.registry) > 0
