"""Registration, rotation and retirement, and the ways to get them wrong or abuse them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from telesphor.capabilities.identity import service
from telesphor.capabilities.identity import store as identity_store
from telesphor.capabilities.identity.authenticate import GenesisRefused, read_genesis
from telesphor.capabilities.identity.model import ActorMissing, ActorRetired
from telesphor.client.requests import (
    Command,
    make_card,
    register_command,
    rotate_command,
    sign_commands,
    sign_genesis,
)
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.sealing import RecipientKey
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.runtime.database import open_database
from tests.unit.capabilities.world import ORIGIN, World


def code_of(world: World, wallet: Wallet, *commands: Command) -> str:
    """The code with which a signed request is refused; nothing may have been written."""
    before = len(world.entries())
    with pytest.raises(TelesphorError) as caught:
        world.ask(wallet, *commands)
    assert len(world.entries()) == before
    return caught.value.code


def register(wallet: Wallet, **changes: object) -> Command:
    name, body = register_command(wallet, node=ORIGIN)
    assert isinstance(body, dict)
    return name, {**body, **changes}


def rotate(renewed: Wallet, **changes: object) -> Command:
    name, body = rotate_command(renewed, node=ORIGIN)
    assert isinstance(body, dict)
    return name, {**body, **changes}


def fresh(world: World, kind: str = "person") -> Wallet:
    return Wallet.create(kind=kind, ids=world.ids)


# The first entry.


def test_first_entry_names_the_node_the_root_and_the_log(world: World) -> None:
    (genesis,) = world.entries()
    assert (genesis.type, genesis.stream, genesis.n) == ("node.created/1", f"node/{world.node.actor}", 0)
    assert (genesis.actor, genesis.body.origin) == (world.root, ORIGIN)
    assert genesis.body.log == world.log.vkeys()
    assert service.node_of(world.db) == (world.node.actor, ORIGIN)


def test_second_first_entry_is_refused(world: World) -> None:
    with pytest.raises(TelesphorError) as caught:
        world.begin()
    assert caught.value.code == "node-exists"


def test_second_first_entry_by_another_root_is_refused(world: World) -> None:
    world.root, world.root_key = world.ids.next(), SigningKey.generate(HybridSuite.ROOT)  # type: ignore[assignment]
    with pytest.raises(TelesphorError) as caught:
        world.begin()
    assert caught.value.code == "node-exists"


def test_node_create_by_the_node_itself_is_refused(world: World) -> None:
    body = world.entries()[0].body
    assert code_of(world, world.node, ("node.create/1", body)) == "not-permitted"


def test_first_entry_signed_by_another_root_is_refused(empty_world: World) -> None:
    world = empty_world
    body = genesis_body(world)
    data = sign_commands(
        actor=world.root,
        key=SigningKey.generate(HybridSuite.ROOT),
        node=ORIGIN,
        commands=[("node.create/1", body)],
        clock=world.clock,
        ids=world.ids,
    )
    with pytest.raises(TelesphorError) as caught:
        world.begin_with(data)
    assert caught.value.code == "jws-header-refused"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"origin": "other.example/telesphor"}, "genesis-refused"),
        ({"root_id": "fresh"}, "genesis-refused"),
        ({"node_id": "root"}, "actor-exists"),
        ({"node_keys": "root"}, "suite-refused"),
        ({"log": "other"}, "not-permitted"),
        ({"kem": "bad"}, "recipient-key-refused"),
    ],
)
def test_first_entry_that_contradicts_itself_is_refused(
    empty_world: World, changes: dict[str, str], code: str
) -> None:
    world = empty_world
    body = genesis_body(world)
    for name in changes:
        spoil(world, body, name)
    commands: list[Command] = [("node.create/1", body)]
    data = sign_commands(
        actor=world.root, key=world.root_key, node=ORIGIN, commands=commands, clock=world.clock, ids=world.ids
    )
    with pytest.raises(TelesphorError) as caught:
        world.begin_with(data)
    assert caught.value.code == code
    assert world.entries() == []


def genesis_body(world: World) -> dict[str, Any]:
    return {
        "origin": ORIGIN,
        "root": {"id": world.root, "keys": world.root_key.public.jwks()},
        "node": {
            "id": world.node.actor,
            "keys": world.node.signing_key.public.jwks(),
            "kem": world.node.kem_text,
        },
        "log": list(world.log.vkeys()),
    }


def spoil(world: World, body: dict[str, Any], name: str) -> None:
    if name == "origin":
        body["origin"] = "other.example/telesphor"
    elif name == "root_id":
        body["root"]["id"] = world.ids.next()
    elif name == "node_id":
        body["node"]["id"] = world.root
    elif name == "node_keys":
        body["node"]["keys"] = world.root_key.public.jwks()
    elif name == "log":
        body["log"] = [vkey.replace("node.example", "evil.example") for vkey in body["log"]]
        body["log"] = list(type(world.log).generate("evil.example/telesphor").vkeys())
    else:
        body["node"]["kem"] = "_" * len(body["node"]["kem"][:-2]) + "8A"


def test_first_request_with_a_second_command_is_refused(empty_world: World) -> None:
    world = empty_world
    commands: list[Command] = [("node.create/1", genesis_body(world)), ("actor.retire/1", {"id": world.root})]
    data = sign_commands(
        actor=world.root, key=world.root_key, node=ORIGIN, commands=commands, clock=world.clock, ids=world.ids
    )
    with pytest.raises(GenesisRefused):
        world.begin_with(data)


def test_first_request_of_an_actors_suite_is_refused(empty_world: World) -> None:
    world = empty_world
    world.root_key = SigningKey.generate(HybridSuite.ACTOR)
    with pytest.raises(TelesphorError) as caught:
        world.begin()
    assert caught.value.code == "suite-refused"


def test_first_request_that_expired_is_refused(empty_world: World) -> None:
    world = empty_world
    data = sign_genesis(
        root=world.root,
        root_key=world.root_key,
        node=world.node,
        origin=ORIGIN,
        log_vkeys=world.log.vkeys(),
        clock=world.clock,
        ids=world.ids,
    )
    world.clock.advance_ms(300_001)
    with pytest.raises(TelesphorError) as caught:
        read_genesis(data, registry=world.registry, origin=ORIGIN, clock=world.clock)
    assert caught.value.code == "request-expired"


# Registration.


@pytest.mark.parametrize("kind", ["person", "system", "device", "organisation"])
def test_node_registers_each_kind_of_actor(world: World, kind: str) -> None:
    wallet = world.enrol(kind)
    entry = world.entries()[-1]
    assert (entry.type, entry.stream, entry.n) == ("actor.registered/1", f"actor/{wallet.actor}", 0)
    assert (entry.actor, entry.body.kind, entry.body.kem) == (world.node.actor, kind, wallet.kem_text)
    info = service.active_actor(world.db, wallet.actor)
    assert (info.kind, info.key_id, info.state) == (kind, wallet.signing_key.public.key_id, "active")
    assert service.kem_of(world.db, wallet.actor) == wallet.kem_key.public


def test_organisation_registers_others(world: World) -> None:
    organisation = world.enrol("organisation")
    assert service.active_actor(world.db, world.enrol("person", by=organisation).actor).kind == "person"


@pytest.mark.parametrize("kind", ["person", "system", "device"])
def test_person_system_or_device_registering_others_is_refused(world: World, kind: str) -> None:
    assert code_of(world, world.enrol(kind), register(fresh(world))) == "not-permitted"


@pytest.mark.parametrize("kind", ["node", "root", "admin", ""])
def test_registering_a_kind_that_is_not_for_registration_is_refused(world: World, kind: str) -> None:
    assert code_of(world, world.node, register(fresh(world), kind=kind)) == "command-refused"


def test_card_of_kind_node_is_refused(world: World) -> None:
    wallet = fresh(world, "node")
    assert code_of(world, world.node, register(wallet, kind="organisation")) == "card-refused"


def test_someone_elses_card_under_another_id_is_refused(world: World) -> None:
    victim, attacker = fresh(world), fresh(world)
    command = register(victim, id=attacker.actor)
    assert code_of(world, world.node, command) == "card-mismatch"


def test_someone_elses_card_with_other_keys_is_refused(world: World) -> None:
    victim, attacker = fresh(world), fresh(world)
    command = register(victim, keys=attacker.signing_key.public.jwks())
    assert code_of(world, world.node, command) == "card-mismatch"


def test_kem_key_swapped_after_the_card_was_signed_is_refused(world: World) -> None:
    assert code_of(world, world.node, register(fresh(world), kem=fresh(world).kem_text)) == "card-mismatch"


def test_kind_raised_after_the_card_was_signed_is_refused(world: World) -> None:
    assert code_of(world, world.node, register(fresh(world), kind="organisation")) == "card-mismatch"


def test_card_for_another_node_is_refused(world: World) -> None:
    wallet = fresh(world)
    card = make_card(wallet, node="other.example/telesphor")
    assert code_of(world, world.node, register(wallet, card=card)) == "card-for-another-node"


@pytest.mark.parametrize("half", [0, 1])
def test_card_with_half_a_signature_is_refused(world: World, half: int) -> None:
    wallet = fresh(world)
    card = make_card(wallet, node=ORIGIN)
    card["signatures"] = [card["signatures"][half]]
    assert code_of(world, world.node, register(wallet, card=card)) == "card-refused"


def test_card_signed_by_others_than_it_names_is_refused(world: World) -> None:
    wallet, other = fresh(world), fresh(world)
    card = {**make_card(wallet, node=ORIGIN), "signatures": make_card(other, node=ORIGIN)["signatures"]}
    assert code_of(world, world.node, register(wallet, card=card)) == "card-refused"


def test_card_with_signatures_of_another_card_of_the_same_keys_is_refused(world: World) -> None:
    wallet = fresh(world)
    other = make_card(wallet, node="other.example/telesphor")
    card = {**make_card(wallet, node=ORIGIN), "signatures": other["signatures"]}
    assert code_of(world, world.node, register(wallet, card=card)) == "card-refused"


def test_request_passed_off_as_a_card_is_refused(world: World) -> None:
    wallet = fresh(world)
    card = msgspec.json.decode(world.sign(wallet, ("actor.retire/1", {"id": wallet.actor})))
    assert code_of(world, world.node, register(wallet, card=card)) == "card-refused"


def test_root_suite_for_an_actor_is_refused(world: World) -> None:
    wallet = fresh(world)
    strong = Wallet(wallet.actor, "person", SigningKey.generate(HybridSuite.ROOT), wallet.kem_key)
    assert code_of(world, world.node, register(strong)) == "suite-refused"


def test_id_of_another_actor_is_refused(world: World) -> None:
    taken = world.enrol("person")
    new = fresh(world)
    again = Wallet(taken.actor, "person", new.signing_key, new.kem_key)
    assert code_of(world, world.node, register(again)) == "actor-exists"


@pytest.mark.parametrize("who", ["node", "root"])
def test_id_of_the_node_or_the_root_is_refused(world: World, who: str) -> None:
    new = fresh(world)
    actor = world.node.actor if who == "node" else world.root
    assert (
        code_of(world, world.node, register(Wallet(actor, "person", new.signing_key, new.kem_key)))
        == "actor-exists"
    )


def test_id_of_a_retired_actor_is_refused(world: World) -> None:
    old, new = world.enrol("person"), fresh(world)
    world.ask(world.node, ("actor.retire/1", {"id": old.actor}))
    again = Wallet(old.actor, "person", new.signing_key, new.kem_key)
    assert code_of(world, world.node, register(again)) == "actor-exists"


def test_keys_of_another_actor_are_refused(world: World) -> None:
    taken, new = world.enrol("person"), fresh(world)
    mixed = Wallet(new.actor, "person", taken.signing_key, new.kem_key)
    assert code_of(world, world.node, register(mixed)) == "key-used"


@pytest.mark.parametrize("half", ["ed25519", "mldsa"])
def test_one_key_of_another_actors_pair_is_refused(world: World, half: str) -> None:
    taken, new = world.enrol("person").signing_key, fresh(world)
    own = new.signing_key
    seeds = (
        (taken.ed25519_seed, own.mldsa_seed) if half == "ed25519" else (own.ed25519_seed, taken.mldsa_seed)
    )
    mixed = Wallet(new.actor, "person", SigningKey(HybridSuite.ACTOR, *seeds), new.kem_key)
    assert code_of(world, world.node, register(mixed)) == "key-used"


def test_kem_key_of_another_actor_is_refused(world: World) -> None:
    taken, new = world.enrol("person"), fresh(world)
    mixed = Wallet(new.actor, "person", new.signing_key, taken.kem_key)
    assert code_of(world, world.node, register(mixed)) == "key-used"


def test_keys_of_the_node_are_refused(world: World) -> None:
    new = fresh(world)
    mixed = Wallet(new.actor, "person", world.node.signing_key, new.kem_key)
    assert code_of(world, world.node, register(mixed)) == "key-used"


def test_keys_that_are_no_keys_are_refused(world: World) -> None:
    wallet = fresh(world)
    keys = wallet.signing_key.public.jwks()
    keys[1]["pub"] = keys[1]["pub"][:-4]
    assert code_of(world, world.node, register(wallet, keys=keys)) == "card-mismatch"


# Rotation.


def test_rotated_keys_sign_from_then_on_and_the_old_ones_no_more(world: World) -> None:
    old = world.enrol("organisation")
    new = old.renew()
    world.ask(old, rotate(new))
    entry = world.entries()[-1]
    assert (entry.type, entry.stream, entry.n, entry.actor) == (
        "actor.key-rotated/1", f"actor/{old.actor}", 1, old.actor,
    )  # fmt: skip
    assert code_of(world, old, register(fresh(world))) == "key-not-registered"
    world.ask(new, register(fresh(world)))
    assert service.kem_of(world.db, old.actor) == new.kem_key.public


def test_rotation_may_keep_the_own_kem_key(world: World) -> None:
    old = world.enrol("person")
    renewed = old.renew()
    world.ask(old, rotate(Wallet(old.actor, "person", renewed.signing_key, old.kem_key)))
    assert service.kem_of(world.db, old.actor) == old.kem_key.public


def test_rotation_signed_by_the_new_keys_is_refused(world: World) -> None:
    new = world.enrol("person").renew()
    assert code_of(world, new, rotate(new)) == "key-not-registered"


def test_rotation_with_a_card_signed_by_the_old_keys_is_refused(world: World) -> None:
    old = world.enrol("person")
    assert code_of(world, old, rotate(old.renew(), card=make_card(old, node=ORIGIN))) == "card-mismatch"


def test_rotation_to_the_own_keys_is_refused(world: World) -> None:
    old = world.enrol("person")
    assert code_of(world, old, rotate(old)) == "key-used"


def test_rotation_back_to_the_own_earlier_keys_is_refused(world: World) -> None:
    old = world.enrol("person")
    new = old.renew()
    world.ask(old, rotate(new))
    assert code_of(world, new, rotate(old)) == "key-used"


def test_rotation_to_a_key_of_another_actor_is_refused(world: World) -> None:
    old, other = world.enrol("person"), world.enrol("person")
    assert (
        code_of(world, old, rotate(Wallet(old.actor, "person", other.signing_key, old.kem_key))) == "key-used"
    )


def test_rotation_to_the_kem_key_of_another_actor_is_refused(world: World) -> None:
    old, other = world.enrol("person"), world.enrol("person")
    mixed = Wallet(old.actor, "person", old.renew().signing_key, other.kem_key)
    assert code_of(world, old, rotate(mixed)) == "key-used"


def test_rotation_with_another_actors_card_is_refused(world: World) -> None:
    old, stranger = world.enrol("person"), fresh(world)
    assert code_of(world, old, rotate(stranger)) == "card-mismatch"


def test_rotation_with_a_card_of_another_kind_is_refused(world: World) -> None:
    old = world.enrol("person")
    renewed = old.renew()
    raised = Wallet(old.actor, "organisation", renewed.signing_key, renewed.kem_key)
    assert code_of(world, old, rotate(raised)) == "card-mismatch"


def test_rotation_with_a_card_for_another_node_is_refused(world: World) -> None:
    old = world.enrol("person")
    new = old.renew()
    card = make_card(new, node="other.example/telesphor")
    assert code_of(world, old, rotate(new, card=card)) == "card-for-another-node"


def test_rotation_of_the_nodes_keys_is_refused(world: World) -> None:
    new = world.node.renew()
    person_card = Wallet(new.actor, "system", new.signing_key, RecipientKey.generate())
    assert code_of(world, world.node, rotate(person_card)) == "not-permitted"


# Retirement.


def test_actor_retires_itself(world: World) -> None:
    person = world.enrol("person")
    world.ask(person, ("actor.retire/1", {"id": person.actor}))
    with pytest.raises(ActorRetired):
        service.active_actor(world.db, person.actor)
    with pytest.raises(ActorRetired):
        service.kem_of(world.db, person.actor)


def test_organisation_retires_another(world: World) -> None:
    person, organisation = world.enrol("person"), world.enrol("organisation")
    world.ask(organisation, ("actor.retire/1", {"id": person.actor}))
    assert world.entries()[-1].stream == f"actor/{person.actor}"


def test_person_retiring_another_is_refused(world: World) -> None:
    person, other = world.enrol("person"), world.enrol("person")
    assert code_of(world, person, ("actor.retire/1", {"id": other.actor})) == "not-permitted"


@pytest.mark.parametrize("who", ["node", "root"])
def test_retiring_the_node_or_the_root_is_refused(world: World, who: str) -> None:
    actor = world.node.actor if who == "node" else world.root
    assert code_of(world, world.enrol("organisation"), ("actor.retire/1", {"id": actor})) == "not-permitted"


def test_retiring_nobody_is_refused(world: World) -> None:
    assert code_of(world, world.node, ("actor.retire/1", {"id": world.ids.next()})) == "actor-missing"


def test_retiring_twice_is_refused(world: World) -> None:
    person = world.enrol("person")
    world.ask(world.node, ("actor.retire/1", {"id": person.actor}))
    assert code_of(world, world.node, ("actor.retire/1", {"id": person.actor})) == "actor-retired"


def test_kem_key_of_the_root_or_of_nobody_is_missing(world: World) -> None:
    with pytest.raises(ActorMissing):
        service.kem_of(world.db, world.root)
    with pytest.raises(ActorMissing):
        service.kem_of(world.db, world.ids.next())


# The fold.


def test_replaying_the_entries_gives_the_same_tables(world: World) -> None:
    person, device = world.enrol("person"), world.enrol("device")
    world.ask(person, rotate(person.renew()))
    world.ask(world.node, ("actor.retire/1", {"id": device.actor}))
    again = open_database(":memory:")
    again.execute(identity_store.SCHEMA)
    for entry in world.entries():
        identity_store.apply(again, entry)
    for table in identity_store.TABLES:
        rows = f'SELECT * FROM "{table}" ORDER BY 1, 2'
        found = list(again.execute(rows))
        assert found == list(world.db.execute(rows))
        # Pauses are asked for at a whole node: `tests/unit/app/test_administering.py` folds those.
        assert found or table == "actor_pauses"


def test_old_keys_keep_their_place_in_the_history(world: World) -> None:
    person = world.enrol("person")
    world.ask(person, rotate(person.renew()))
    rows = world.db.execute(
        "SELECT since, until FROM actor_keys WHERE actor = ? ORDER BY since", (person.actor,)
    )
    assert list(rows) == [(1, 2), (2, None)]
