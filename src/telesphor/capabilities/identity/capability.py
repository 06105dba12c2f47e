"""What identity hands to the node: its entries, its commands and its tables."""

from __future__ import annotations

from telesphor.capabilities.identity import service
from telesphor.capabilities.identity.entries import ENTRIES, NodeCreated
from telesphor.capabilities.identity.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NODE_CREATE = CommandType("node.create/1", NodeCreated, service.create_node)
ACTOR_REGISTER = CommandType(
    "actor.register/1", service.RegisterActor, service.register_actor, service.verify_card_of
)
ACTOR_ROTATE_KEY = CommandType(
    "actor.rotate-key/1", service.RotateKey, service.rotate_key, service.verify_card_of
)
ACTOR_RETIRE = CommandType("actor.retire/1", service.RetireActor, service.retire_actor)

CAPABILITY = Capability(
    name="identity",
    entries=ENTRIES,
    commands=(NODE_CREATE, ACTOR_REGISTER, ACTOR_ROTATE_KEY, ACTOR_RETIRE),
    store=STORE,
)
