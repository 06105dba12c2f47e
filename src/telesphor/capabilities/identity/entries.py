"""The facts of identity: the node's beginning, and each actor's keys over time.

`node.created/1` is the first entry of every ledger, on `node/<id>`. The others stand on `actor/<id>`,
whose numbers have no gap: whoever holds that stream knows every pair the actor ever signed with. How lost keys
are recovered stands on the same stream: `recovery/entries.py`. That an actor is paused stands on `pause/<actor>`: it is
about whoever works here, not about keys, and so goes into no bundle that proves who signed what.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telesphor.capabilities.identity.model import (
    ActorIdField,
    Jwks,
    KemField,
    LossReason,
    NodeIdentity,
    PauseReason,
    RegistrableKind,
    RootIdentity,
)
from telesphor.runtime.capability import Body, EntryType


class NodeCreated(Body, frozen=True, kw_only=True):
    """A ledger begins: its origin, its root, its node, and the two keys of its checkpoints (vkey text)."""

    origin: Annotated[str, Meta(min_length=1, max_length=255)]
    root: RootIdentity
    node: NodeIdentity
    log: tuple[Annotated[str, Meta(max_length=4_096)], Annotated[str, Meta(max_length=4_096)]]


class ActorRegistered(Body, frozen=True, kw_only=True):
    """An actor begins to act, with these keys."""

    kind: RegistrableKind
    keys: Jwks
    kem: KemField


class ActorKeyRotated(Body, frozen=True, kw_only=True):
    """From the next entry on the actor signs with these keys."""

    keys: Jwks
    kem: KemField


class ActorSuspendedBody(Body, frozen=True, kw_only=True):
    """From the next entry on no key of the actor is in force, until it is recovered."""

    reason: LossReason


class ActorRecovered(Body, frozen=True, kw_only=True):
    """From the next entry on the actor signs with these keys; those it had before it lost."""

    keys: Jwks
    kem: KemField


class ActorPausedBody(Body, frozen=True, kw_only=True):
    """From the next entry on the actor does not act, until it is resumed. It says nothing about its keys."""

    actor: ActorIdField
    reason: PauseReason


class ActorResumed(Body, frozen=True, kw_only=True):
    """From the next entry on the actor acts again, with the keys it has."""

    actor: ActorIdField


class ActorRetiredBody(Body, frozen=True, kw_only=True):
    """From the next entry on the actor acts no more."""


NODE_CREATED = EntryType("node.created/1", NodeCreated)
ACTOR_REGISTERED = EntryType("actor.registered/1", ActorRegistered)
ACTOR_KEY_ROTATED = EntryType("actor.key-rotated/1", ActorKeyRotated)
ACTOR_SUSPENDED = EntryType("actor.suspended/1", ActorSuspendedBody)
ACTOR_RECOVERED = EntryType("actor.recovered/1", ActorRecovered)
ACTOR_PAUSED = EntryType("actor.paused/1", ActorPausedBody)
ACTOR_RESUMED = EntryType("actor.resumed/1", ActorResumed)
ACTOR_RETIRED = EntryType("actor.retired/1", ActorRetiredBody)

ENTRIES = (
    NODE_CREATED,
    ACTOR_REGISTERED,
    ACTOR_KEY_ROTATED,
    ACTOR_SUSPENDED,
    ACTOR_RECOVERED,
    ACTOR_PAUSED,
    ACTOR_RESUMED,
    ACTOR_RETIRED,
)
