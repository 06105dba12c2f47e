"""The use cases of identity: begin a node, register an actor, rotate its keys, retire it.

Suspending and recovering an actor change the same tables, and are decided in `recovery/service.py`.

Reading functions (`active_actor`, `kem_of`, ...) are what other parts may ask; the rest are decisions
for the writer. A card costs half a millisecond to verify, so `verify_card` remembers its answers: the
edge asks first, in its own threads, and the writer finds the answer ready.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import apsw
import msgspec

from telesphor.capabilities.identity import store
from telesphor.capabilities.identity.entries import (
    ACTOR_KEY_ROTATED,
    ACTOR_REGISTERED,
    ACTOR_RETIRED,
    NODE_CREATED,
    ActorKeyRotated,
    ActorRegistered,
    ActorRetiredBody,
    NodeCreated,
)
from telesphor.capabilities.identity.model import (
    ACTOR_STREAM,
    NODE_STREAM,
    ActorExists,
    ActorIdField,
    ActorInfo,
    ActorKind,
    ActorMissing,
    ActorPaused,
    ActorRetired,
    ActorSuspended,
    Card,
    CardClaims,
    CardForAnotherNode,
    CardMismatch,
    CardRefused,
    EndsKeys,
    Jwks,
    KemField,
    KeyUsed,
    NodeExists,
    NodeMissing,
    NotPermitted,
    RegistrableKind,
    SuiteRefused,
    read_jwks,
    require_kind,
)
from telesphor.kernel import base64url
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import stream_of
from telesphor.kernel.note import parse_vkey
from telesphor.kernel.sealing import RecipientPublic
from telesphor.kernel.signing import HybridSuite, VerifyKey, read_jws, verify_jws
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

CARDS_REMEMBERED_MAX = 1_024
"""More than a dozen full requests of registrations, at 75 each; under 20 MB."""

RECIPIENTS_REMEMBERED_MAX = 4_096
"""Keys to seal to, parsed: about 4 KB each. Every read asks for its reader's."""

CARD_BYTES_MAX = 32 * 1024
"""A card is about 13 KB: keys of 4.5 KB and signatures of 3.4 KB, both in base64url."""

_OWN_ID = "own id"


class RegisterActor(Body, frozen=True, kw_only=True):
    """Register an actor; asked by an organisation or the node, proved by the actor's own card."""

    id: ActorIdField
    kind: RegistrableKind
    keys: Jwks
    kem: KemField
    card: Card


class RotateKey(EndsKeys, frozen=True, kw_only=True):
    """Replace the asking actor's keys; asked under the old pair, proved by a card of the new one."""

    keys: Jwks
    kem: KemField
    card: Card

    def ends_keys_of(self, signer: str) -> bool:
        """The signer's own, always."""
        return True


class RetireActor(EndsKeys, frozen=True, kw_only=True):
    """End an actor; asked by itself, an organisation or the node."""

    id: ActorIdField

    def ends_keys_of(self, signer: str) -> bool:
        """A signer that retires itself signs no more."""
        return signer == self.id


class VerifiedCard(NamedTuple):
    """A card whose two signatures verify: its claims, and the pair that signed it."""

    claims: CardClaims
    key: VerifyKey


def active_actor(db: apsw.Connection, actor_id: str) -> ActorInfo:
    """Return an actor that still acts.

    Raises:
        ActorMissing: nobody is registered under this id.
        ActorSuspended: its keys were reported lost.
        ActorPaused: it is kept from acting for now.
        ActorRetired: it acts no more.
    """
    info = living_actor(db, actor_id)
    if info.state == "paused":
        raise ActorPaused(f"actor `{actor_id}` is suspended by whoever runs the node", hint="ask them")
    if info.state == "suspended":
        raise ActorSuspended(f"the keys of actor `{actor_id}` were reported lost", hint="recover it first")
    return info


def living_actor(db: apsw.Connection, actor_id: str) -> ActorInfo:
    """Return an actor that acts, or will again once its lost keys are replaced.

    Raises:
        ActorMissing: nobody is registered under this id.
        ActorRetired: it acts no more.
    """
    info = find_actor(db, actor_id)
    if info is None:
        raise ActorMissing(f"no actor `{actor_id}` is registered")
    if info.state == "retired":
        raise ActorRetired(f"actor `{actor_id}` is retired")
    return info


def active_kind(state: State, actor_id: str) -> str:
    """Return the kind of an actor that still acts, for decisions, which ask for the same few again and again.

    Raises:
        ActorMissing, ActorSuspended, ActorRetired: as `active_actor`.
    """
    known = state.memory_of(store.STORE)
    kind: str | None = known.get(actor_id)
    if kind is None:
        kind = known[actor_id] = active_actor(state.db, actor_id).kind
    return kind


def find_actor(db: apsw.Connection, actor_id: str) -> ActorInfo | None:
    """Return an actor, retired or not, if it is registered."""
    row = store.actor_row(db, actor_id)
    if row is None:
        return None
    return msgspec.convert({"id": actor_id, "kind": row[0], "key_id": row[1], "state": row[2]}, ActorInfo)


def verify_key_of(db: apsw.Connection, *, actor_id: str, key_id: str) -> VerifyKey:
    """Return a pair of public keys that the actor has, or had."""
    jwks = store.jwks_of(db, actor=actor_id, key_id=key_id)
    return read_jwks(msgspec.json.decode(jwks, type=Jwks))


def kem_of(db: apsw.Connection, actor_id: str) -> RecipientPublic:
    """Return the KEM key to which data for this actor is sealed now.

    Raises:
        ActorMissing, ActorSuspended, ActorRetired: nothing may be sealed to it.
    """
    info = active_actor(db, actor_id)
    kem = store.kem_of(db, actor=actor_id, key_id=info.key_id)
    if kem is None:
        raise ActorMissing(f"actor `{actor_id}` has no key to seal to")
    return _read_recipient(kem)


@lru_cache(maxsize=RECIPIENTS_REMEMBERED_MAX)
def _read_recipient(kem: bytes) -> RecipientPublic:
    return RecipientPublic(kem)


def keys_since(db: apsw.Connection, actor_id: str) -> int:
    """Return the position of the entry that brought the pair an actor has now, or had last; raises `ActorMissing`."""
    row = store.last_key_row(db, actor_id)
    if row is None:
        raise ActorMissing(f"no actor `{actor_id}` is registered")
    return row.since


def lost_at(db: apsw.Connection, actor_id: str) -> int:
    """Return the position at which an actor's keys were last said to be lost, -1 if they never were.

    What the actor alone vouched for before it may have been somebody else's doing.
    """
    position = store.lost_at(db, actor_id)
    return -1 if position is None else position


def node_of(db: apsw.Connection) -> tuple[str, str]:
    """Return the node's actor id and its origin; raises `NodeMissing`."""
    row = store.node_row(db)
    if row is None:
        raise NodeMissing("the ledger has no first entry yet", hint="run `telesphor init`")
    return row


def own_id(state: State) -> str:
    """Return the node's actor id, for decisions; raises `NodeMissing`."""
    known = state.memory_of(store.STORE)
    id: str | None = known.get(_OWN_ID)
    if id is None:
        id = known[_OWN_ID] = node_of(state.db)[0]
    return id


def create_node(actor: Actor, command: NodeCreated, state: State) -> Decision:
    """Begin a ledger. The authenticator lets this pass for the first entry only; so do we."""
    require_kind(actor, ActorKind.ROOT)
    if store.node_row(state.db) is not None or store.count_actors(state.db):
        raise NodeExists("this ledger has its node already")
    root, node = read_jwks(command.root.keys), read_jwks(command.node.keys)
    if command.root.id != actor.id or root.key_id != actor.key_id:
        raise NotPermitted("only the root that signs may stand in the first entry")
    if command.root.id == command.node.id:
        raise ActorExists("the node and its root are two actors, with two ids")
    require_suite(root, HybridSuite.ROOT)
    require_suite(node, HybridSuite.ACTOR)
    if set(root.thumbprints()) & set(node.thumbprints()):
        raise KeyUsed("the node and its root share a key")
    _read_kem(command.node.kem)
    for vkey in command.log:
        if parse_vkey(vkey).name != command.origin:
            raise NotPermitted("a key of the log names another origin")
    return Decision((Draft(NODE_CREATED.name, stream_of(NODE_STREAM, command.node.id), command),))


def register_actor(actor: Actor, command: RegisterActor, state: State) -> Decision:
    """Register an actor that proves its keys by a card for this node."""
    require_kind(actor, ActorKind.NODE, ActorKind.ORGANISATION)
    if store.actor_row(state.db, command.id) is not None:
        raise ActorExists(f"the id `{command.id}` belongs to an actor already", hint="make a new id")
    key = check_card(
        command.card, id=command.id, kind=command.kind, keys=command.keys, kem=command.kem, state=state
    )
    require_unused(state.db, [*key.thumbprints(), kem_half(command.kem)])
    body = ActorRegistered(kind=command.kind, keys=command.keys, kem=command.kem)
    return Decision((Draft(ACTOR_REGISTERED.name, stream_of(ACTOR_STREAM, command.id), body),))


def rotate_key(actor: Actor, command: RotateKey, state: State) -> Decision:
    """Replace the asking actor's pair. The KEM key may stay, if it is the actor's own."""
    refuse_node_and_root(actor.kind)
    key = check_card(
        command.card, id=actor.id, kind=actor.kind, keys=command.keys, kem=command.kem, state=state
    )
    require_unused(state.db, key.thumbprints())
    if store.owner_of_half(state.db, kem_half(command.kem)) not in (None, actor.id):
        raise KeyUsed("the KEM key is, or once was, another actor's", hint="make a new one")
    body = ActorKeyRotated(keys=command.keys, kem=command.kem)
    return Decision((Draft(ACTOR_KEY_ROTATED.name, stream_of(ACTOR_STREAM, actor.id), body),))


def retire_actor(actor: Actor, command: RetireActor, state: State) -> Decision:
    """End an actor, for good."""
    if command.id != actor.id:
        require_kind(actor, ActorKind.NODE, ActorKind.ORGANISATION)
    info = living_actor(state.db, command.id)
    refuse_node_and_root(info.kind)
    return Decision((Draft(ACTOR_RETIRED.name, stream_of(ACTOR_STREAM, command.id), ActorRetiredBody()),))


def verify_card_of(command: RegisterActor | RotateKey) -> None:
    """Verify the card in a command before the writer asks for it; raises as `verify_card`."""
    verify_card(command.card)


def verify_card(card: Card) -> VerifiedCard:
    """Verify a card under the keys it names; the same card is verified once.

    1. It is a canonical JWS with two signatures.
    2. Its payload has exactly the claims of a card.
    3. The pair it names is of the actors' suite, and signed it, both halves.
    4. The KEM key it names is one.

    Raises:
        CardRefused: it is not so.
        SuiteRefused: the pair is the root's sort.
    """
    return _verify_card(msgspec.json.encode(card, order="sorted"))


@lru_cache(maxsize=CARDS_REMEMBERED_MAX)
def _verify_card(data: bytes) -> VerifiedCard:
    try:
        jws = read_jws(data, limit=CARD_BYTES_MAX)
        claims = msgspec.convert(jws.payload, CardClaims, strict=True)
        key = read_jwks(claims.jwks)
        require_suite(key, HybridSuite.ACTOR)
        verify_jws(jws, key)
        _read_kem(claims.kem)
    except SuiteRefused:
        raise
    except TelesphorError as error:
        raise CardRefused(f"the card is refused: {error.message}", hint=error.hint) from error
    except msgspec.ValidationError as error:
        raise CardRefused("the card does not have exactly the claims of a card") from error
    return VerifiedCard(claims, key)


def check_card(card: Card, *, id: str, kind: str, keys: Jwks, kem: str, state: State) -> VerifyKey:
    """Return the pair that a card proves, if it is for this node and says what the command says.

    Raises:
        CardForAnotherNode, CardMismatch: it is not; and what `verify_card` raises.
    """
    claims, key = verify_card(card)
    if claims.node != node_of(state.db)[1]:
        raise CardForAnotherNode("the card was signed for another node", hint="sign one that names this node")
    wanted = {"id": id, "kind": kind, "jwks": keys, "kem": kem}
    for name, value in wanted.items():
        if getattr(claims, name) != value:
            raise CardMismatch(
                f"the card and the command differ in `{name}`", hint="sign a card over these values"
            )
    return key


def refuse_node_and_root(kind: str) -> None:
    """Nobody changes the keys of the node and of its root; raises `NotPermitted`."""
    if kind in (ActorKind.NODE, ActorKind.ROOT):
        raise NotPermitted("the keys of the node and of its root are those of the first entry")


def require_suite(key: VerifyKey, suite: HybridSuite) -> None:
    """Let only a pair of this suite pass; raises `SuiteRefused`."""
    if key.suite is not suite:
        raise SuiteRefused(f"the pair is of `{key.suite.algs[1]}`", hint=f"use one of `{suite.algs[1]}` here")


def require_unused(db: apsw.Connection, halves: Iterable[str]) -> None:
    """Let only keys pass that no actor ever had: thumbprints, and `kem_half`; raises `KeyUsed`."""
    for half in halves:
        if store.owner_of_half(db, half) is not None:
            raise KeyUsed("one of the keys is, or once was, an actor's", hint="make new keys")


def kem_half(kem: str) -> str:
    """Name of a KEM key, in base64url, among the keys that were ever used."""
    return store.kem_half(base64url.decode(kem))


def _read_kem(kem: str) -> RecipientPublic:
    return RecipientPublic(base64url.decode(kem))
