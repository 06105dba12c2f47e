"""Who holds which keys, as it stands after each entry: registered, rotated, retired.

The walk over the entries (`attribute_entries`) keeps one `Keyring` and asks it for the keys in force.
Nobody gets keys here without proof that they hold them: a card, signed by the keys themselves.

Start at `Keyring`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from telesphor.kernel import canonical
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.kernel.signing import HybridSuite, VerifyKey, verify_jws
from telesphor.verify.body import check_kem, exactly, pair_of, same, text_of
from telesphor.verify.ledger import Genesis, Placed, actor_of
from telesphor.verify.request import Request

REGISTERED: Final = "actor.registered/1"
ROTATED: Final = "actor.key-rotated/1"
RETIRED: Final = "actor.retired/1"
REGISTER: Final = "actor.register/1"
ROTATE: Final = "actor.rotate-key/1"
RETIRE: Final = "actor.retire/1"
CARD_FORMAT: Final = "telesphor-card/1"
CARD_MEMBERS: Final = ("format", "id", "kind", "keys", "jwks", "kem", "node")
KINDS: Final = ("person", "system", "device", "organisation")
REGISTRARS: Final = ("node", "organisation")


class ActorUnknown(TelesphorError):
    """An actor acted before it was registered, or its registration is not in the bundle."""

    code = "actor-unknown"
    kind = Kind.UNAUTHENTICATED


class ActorRetired(TelesphorError):
    """An actor acted after it was retired."""

    code = "actor-retired"
    kind = Kind.UNAUTHENTICATED


class KeyChangeRefused(TelesphorError):
    """An entry about an actor's keys was not asked for, or not by who may ask."""

    code = "key-change-refused"
    kind = Kind.FORBIDDEN


class CardRefused(TelesphorError):
    """New keys come without proof that their holder has them."""

    code = "card-refused"
    kind = Kind.UNAUTHENTICATED


@dataclass(frozen=True)
class Holder:
    """An actor with the keys it has at this point of the ledger."""

    id: ActorId
    kind: str
    key: VerifyKey
    retired: bool = False


def is_about_keys(placed: Placed) -> bool:
    """Whether an entry changes who holds which keys."""
    return placed.entry.type in (REGISTERED, ROTATED, RETIRED)


class Keyring:
    """The holders, from genesis on; `apply` takes the entries in the ledger's order."""

    def __init__(self, genesis: Genesis, origin: str) -> None:
        root, node = genesis.root, genesis.node
        self._origin = origin
        self._holders = {
            root.id: Holder(root.id, "root", root.key),
            node.id: Holder(node.id, "node", node.key),
        }
        self._halves: set[str] = set()
        self._take_halves(root.key)
        self._take_halves(node.key)

    def holder(self, actor: ActorId, *, position: int) -> Holder:
        """Return an actor as it stands now, just before `position`."""
        holder = self._holders.get(actor)
        if holder is None:
            raise ActorUnknown(f"the actor of position {position} was not registered before it")
        if holder.retired:
            raise ActorRetired(f"the actor of position {position} was retired before it")
        return holder

    def apply(self, placed: Placed, request: Request) -> None:
        """Take in an entry about keys, with the verified request behind it; others change nothing."""
        if not is_about_keys(placed):
            return
        subject = ActorId(actor_of(placed.entry.stream))
        if not subject:
            raise KeyChangeRefused(f"position {placed.position} is about keys, but not on an actor's stream")
        if placed.entry.type == REGISTERED:
            self._register(subject, placed, request)
        elif placed.entry.type == ROTATED:
            self._rotate(subject, placed, request)
        else:
            self._retire(subject, placed, request)

    def _register(self, subject: ActorId, placed: Placed, request: Request) -> None:
        by = self.holder(placed.entry.actor, position=placed.position)
        if by.kind not in REGISTRARS or subject in self._holders:
            raise KeyChangeRefused(f"position {placed.position} registers an actor without the right to")
        body = exactly(placed.entry.body, "a registration", "kind", "keys", "kem")
        if body["kind"] not in KINDS:
            raise KeyChangeRefused(f"position {placed.position} registers an actor of a kind not known here")
        card = self._asked(placed, request, REGISTER, {"id": subject, **body}, "card")
        key = self._new_key(subject, text_of(body, "kind"), body, card)
        self._holders[subject] = Holder(subject, text_of(body, "kind"), key)

    def _rotate(self, subject: ActorId, placed: Placed, request: Request) -> None:
        old = self.holder(subject, position=placed.position)
        if placed.entry.actor != subject or old.kind not in KINDS:
            raise KeyChangeRefused(f"position {placed.position} changes keys that its actor may not change")
        body = exactly(placed.entry.body, "a key rotation", "keys", "kem")
        card = self._asked(placed, request, ROTATE, body, "card")
        key = self._new_key(subject, old.kind, body, card)
        self._holders[subject] = replace(old, key=key)

    def _retire(self, subject: ActorId, placed: Placed, request: Request) -> None:
        by = self.holder(placed.entry.actor, position=placed.position)
        old = self.holder(subject, position=placed.position)
        if (subject != by.id and by.kind not in REGISTRARS) or old.kind not in KINDS:
            raise KeyChangeRefused(f"position {placed.position} retires an actor without the right to")
        exactly(placed.entry.body, "a retirement")
        self._asked(placed, request, RETIRE, {"id": subject})
        self._holders[subject] = replace(old, retired=True)

    def _asked(
        self, placed: Placed, request: Request, type: str, says: Mapping[str, object], *beside: str
    ) -> object:
        """Return the member `beside` of the one command that asked for exactly what the entry says."""
        for command in request.commands:
            body = command.body
            if command.type != type or set(body) != {*says, *beside}:
                continue
            said = {name: body[name] for name in says}
            if said == says and same(said, says):  # the first comparison is quick, the second exact
                return body[beside[0]] if beside else None
        raise KeyChangeRefused(
            f"the request of position {placed.position} did not ask for this change of keys"
        )

    def _new_key(self, subject: ActorId, kind: str, body: Mapping[str, object], card: object) -> VerifyKey:
        """Return the new keys, proved by a card that they signed about themselves."""
        key = VerifyKey.from_jwks(body["keys"])
        check_kem(body)
        if key.suite is not HybridSuite.ACTOR:
            raise KeyChangeRefused("an actor's keys are of the root's suite")
        self._take_halves(key)
        said = exactly(verify_jws(canonical.encode(card), key), "a card", *CARD_MEMBERS)
        expected = {"format": CARD_FORMAT, "id": subject, "kind": kind, "kem": body["kem"]}
        if any(said[name] != value for name, value in expected.items()):
            raise CardRefused("a card is about another actor, kind or key than its registration")
        about_keys = said["jwks"] == body["keys"] and pair_of(said, "keys") == key.thumbprints()
        if said["node"] != self._origin or not about_keys:
            raise CardRefused("a card is for another node or about other keys than its registration")
        return key

    def _take_halves(self, key: VerifyKey) -> None:
        # A key that two actors had would let one's signature be taken for the other's.
        if self._halves & set(key.thumbprints()):
            raise KeyChangeRefused("one of the keys is, or once was, an actor's already")
        self._halves.update(key.thumbprints())
