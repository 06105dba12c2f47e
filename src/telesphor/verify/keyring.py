"""Who holds which keys, as it stands after each entry: registered, rotated, lost, recovered, retired.

The walk over the entries (`attribute_entries`) keeps one `Keyring` and asks it for the keys in force.
Nobody gets keys here without proof that they hold them: a card, signed by the keys themselves. What it takes
to get keys without the old ones is followed in `recovering`.

Start at `Keyring`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from telesphor.kernel import canonical
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.kernel.signing import HybridSuite, VerifyKey, verify_jws
from telesphor.verify.body import check_kem, exactly, pair_of, same, text_of
from telesphor.verify.ledger import Genesis, Placed, actor_of
from telesphor.verify.recovering import KeyChangeRefused, Recoveries, Underway
from telesphor.verify.request import Request

REGISTERED: Final = "actor.registered/1"
ROTATED: Final = "actor.key-rotated/1"
SUSPENDED: Final = "actor.suspended/1"
RECOVERED: Final = "actor.recovered/1"
RETIRED: Final = "actor.retired/1"
RECOVERY_SET: Final = "actor.recovery-set/1"
RECOVERY_BEGUN: Final = "actor.recovery-begun/1"
RECOVERY_APPROVED: Final = "actor.recovery-approved/1"
RECOVERY_CANCELLED: Final = "actor.recovery-cancelled/1"
REGISTER: Final = "actor.register/1"
ROTATE: Final = "actor.rotate-key/1"
RETIRE: Final = "actor.retire/1"
REPORT_LOST: Final = "actor.report-lost/1"
RECOVER: Final = "actor.recover/1"
SET_RECOVERY: Final = "actor.set-recovery/1"
BEGIN_RECOVERY: Final = "actor.begin-recovery/1"
APPROVE_RECOVERY: Final = "actor.approve-recovery/1"
CANCEL_RECOVERY: Final = "actor.cancel-recovery/1"
CARD_FORMAT: Final = "telesphor-card/1"
CARD_MEMBERS: Final = ("format", "id", "kind", "keys", "jwks", "kem", "node")
KINDS: Final = ("person", "system", "device", "organisation")
REGISTRARS: Final = ("node", "organisation")
LOSSES: Final = ("lost", "stolen", "disclosed")


class ActorUnknown(TelesphorError):
    """An actor acted before it was registered, or its registration is not in the bundle."""

    code = "actor-unknown"
    kind = Kind.UNAUTHENTICATED


class ActorRetired(TelesphorError):
    """An actor acted after it was retired."""

    code = "actor-retired"
    kind = Kind.UNAUTHENTICATED


class ActorSuspended(TelesphorError):
    """An actor acted after its keys were reported lost, and before it was recovered."""

    code = "actor-suspended"
    kind = Kind.UNAUTHENTICATED


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
    suspended: bool = False
    retired: bool = False


def is_about_keys(placed: Placed) -> bool:
    """Whether an entry changes who holds which keys."""
    return placed.entry.type in _CHANGES


class Keyring:
    """The holders, from genesis on; `apply` takes the entries in the ledger's order."""

    def __init__(self, genesis: Genesis, origin: str) -> None:
        root, node = genesis.root, genesis.node
        self._origin = origin
        self._holders = {
            root.id: Holder(root.id, "root", root.key),
            node.id: Holder(node.id, "node", node.key),
        }
        self._recoveries = Recoveries(origin)
        self._halves: set[str] = set()
        self._take_halves(root.key)
        self._take_halves(node.key)

    def holder(self, actor: ActorId, *, position: int) -> Holder:
        """Return an actor as it stands now, just before `position`."""
        holder = self._living(actor, position=position)
        if holder.suspended:
            raise ActorSuspended(f"the keys of the actor of position {position} were reported lost before it")
        return holder

    def apply(self, placed: Placed, request: Request) -> None:
        """Take in an entry about keys, with the verified request behind it; others change nothing."""
        if not is_about_keys(placed):
            return
        subject = ActorId(actor_of(placed.entry.stream))
        if not subject:
            raise KeyChangeRefused(f"position {placed.position} is about keys, but not on an actor's stream")
        _CHANGES[placed.entry.type](self, subject, placed, request)

    def _living(self, actor: ActorId, *, position: int) -> Holder:
        holder = self._holders.get(actor)
        if holder is None:
            raise ActorUnknown(f"the actor of position {position} was not registered before it")
        if holder.retired:
            raise ActorRetired(f"the actor of position {position} was retired before it")
        return holder

    def _register(self, subject: ActorId, placed: Placed, request: Request) -> None:
        by = self.holder(placed.entry.actor, position=placed.position)
        if by.kind not in REGISTRARS or subject in self._holders:
            raise KeyChangeRefused(f"position {placed.position} registers an actor without the right to")
        body = exactly(placed.entry.body, "a registration", "kind", "keys", "kem")
        if body["kind"] not in KINDS:
            raise KeyChangeRefused(f"position {placed.position} registers an actor of a kind not known here")
        (card,) = self._asked(placed, request, REGISTER, {"id": subject, **body}, "card")
        key = self._new_key(subject, text_of(body, "kind"), body, card)
        self._holders[subject] = Holder(subject, text_of(body, "kind"), key)

    def _rotate(self, subject: ActorId, placed: Placed, request: Request) -> None:
        old = self.holder(subject, position=placed.position)
        if placed.entry.actor != subject or old.kind not in KINDS:
            raise KeyChangeRefused(f"position {placed.position} changes keys that its actor may not change")
        body = exactly(placed.entry.body, "a key rotation", "keys", "kem")
        (card,) = self._asked(placed, request, ROTATE, body, "card")
        key = self._new_key(subject, old.kind, body, card)
        self._holders[subject] = replace(old, key=key)
        self._recoveries.forget(subject)

    def _suspend(self, subject: ActorId, placed: Placed, request: Request) -> None:
        by = self.holder(placed.entry.actor, position=placed.position)
        old = self.holder(subject, position=placed.position)
        allowed = subject == by.id or by.kind in REGISTRARS or self._recoveries.is_guardian(by.id, of=subject)
        if not allowed or old.kind not in KINDS:
            raise KeyChangeRefused(f"position {placed.position} suspends an actor without the right to")
        body = exactly(placed.entry.body, "a suspension", "reason")
        if body["reason"] not in LOSSES:
            raise KeyChangeRefused(
                f"position {placed.position} suspends an actor for a reason not known here"
            )
        self._asked(placed, request, REPORT_LOST, {"id": subject, **body})
        self._holders[subject] = replace(old, suspended=True)
        self._recoveries.distrust(subject)

    def _recover(self, subject: ActorId, placed: Placed, request: Request) -> None:
        old = self._recoverable(subject, placed)
        body = exactly(placed.entry.body, "a recovery", "keys", "kem")
        key = VerifyKey.from_jwks(body["keys"])
        self._asked(placed, request, RECOVER, {"id": subject, "keys": list(key.thumbprints())})
        self._recoveries.finish(subject, body, placed)
        self._take_halves(key)
        self._holders[subject] = replace(old, key=key, suspended=False)
        self._recoveries.distrust(subject)

    def _set_recovery(self, subject: ActorId, placed: Placed, request: Request) -> None:
        old = self.holder(subject, position=placed.position)
        if placed.entry.actor != subject or old.kind not in KINDS:
            raise KeyChangeRefused(f"position {placed.position} says how another is to be recovered")
        plan = self._recoveries.set(subject, placed)
        if plan.recovery is not None:
            self._check_unused(plan.recovery)
        self._asked(placed, request, SET_RECOVERY, placed.entry.body)

    def _begin_recovery(self, subject: ActorId, placed: Placed, request: Request) -> None:
        old = self._recoverable(subject, placed)
        body = exactly(placed.entry.body, "the beginning of a recovery", "keys", "kem", "stated")
        new = {"keys": body["keys"], "kem": body["kem"]}
        card, statement = self._asked(
            placed, request, BEGIN_RECOVERY, {"id": subject, **new}, "card", "statement"
        )
        key = self._proved_key(subject, old.kind, new, card)
        if body["stated"] is not (statement is not None):
            raise KeyChangeRefused(f"position {placed.position} differs from its request in who begins it")
        underway = Underway(key, body["keys"], body["kem"], by=placed.entry.actor, begun_ms=placed.at_ms)
        self._recoveries.begin(subject, underway, statement, placed)

    def _approve_recovery(self, subject: ActorId, placed: Placed, request: Request) -> None:
        self._recoverable(subject, placed)
        body = exactly(placed.entry.body, "an approval", "keys")
        self._asked(placed, request, APPROVE_RECOVERY, {"id": subject, **body})
        self._recoveries.approve(subject, pair_of(body, "keys"), placed)

    def _cancel_recovery(self, subject: ActorId, placed: Placed, request: Request) -> None:
        if placed.entry.actor != subject:
            raise KeyChangeRefused(f"position {placed.position} cancels the recovery of another")
        exactly(placed.entry.body, "the end of a recovery")
        self._asked(placed, request, CANCEL_RECOVERY, {})
        self._recoveries.forget(subject)

    def _recoverable(self, subject: ActorId, placed: Placed) -> Holder:
        holder = self._living(subject, position=placed.position)
        if holder.kind not in KINDS:
            raise KeyChangeRefused(
                f"position {placed.position} is about the recovery of the node or its root"
            )
        return holder

    def _retire(self, subject: ActorId, placed: Placed, request: Request) -> None:
        by = self.holder(placed.entry.actor, position=placed.position)
        old = self._living(subject, position=placed.position)
        if (subject != by.id and by.kind not in REGISTRARS) or old.kind not in KINDS:
            raise KeyChangeRefused(f"position {placed.position} retires an actor without the right to")
        exactly(placed.entry.body, "a retirement")
        self._asked(placed, request, RETIRE, {"id": subject})
        self._holders[subject] = replace(old, retired=True)
        self._recoveries.distrust(subject)

    def _asked(
        self, placed: Placed, request: Request, type: str, says: Mapping[str, object], *beside: str
    ) -> list[object]:
        """Return the members `beside` of the one command that asked for exactly what the entry says."""
        for command in request.commands:
            body = command.body
            if command.type != type or set(body) != {*says, *beside}:
                continue
            said = {name: body[name] for name in says}
            if said == says and same(said, says):  # the first comparison is quick, the second exact
                return [body[name] for name in beside]
        raise KeyChangeRefused(
            f"the request of position {placed.position} did not ask for this change of keys"
        )

    def _new_key(self, subject: ActorId, kind: str, body: Mapping[str, object], card: object) -> VerifyKey:
        """Return the new keys, proved, and taken from now on."""
        key = self._proved_key(subject, kind, body, card)
        self._take_halves(key)
        return key

    def _proved_key(self, subject: ActorId, kind: str, body: Mapping[str, object], card: object) -> VerifyKey:
        """Return new keys that are proved by a card that they signed about themselves, and were nobody's."""
        key = VerifyKey.from_jwks(body["keys"])
        check_kem(body)
        if key.suite is not HybridSuite.ACTOR:
            raise KeyChangeRefused("an actor's keys are of the root's suite")
        self._check_unused(key)
        said = exactly(verify_jws(canonical.encode(card), key), "a card", *CARD_MEMBERS)
        expected = {"format": CARD_FORMAT, "id": subject, "kind": kind, "kem": body["kem"]}
        if any(said[name] != value for name, value in expected.items()):
            raise CardRefused("a card is about another actor, kind or key than its registration")
        about_keys = said["jwks"] == body["keys"] and pair_of(said, "keys") == key.thumbprints()
        if said["node"] != self._origin or not about_keys:
            raise CardRefused("a card is for another node or about other keys than its registration")
        return key

    def _take_halves(self, key: VerifyKey) -> None:
        self._check_unused(key)
        self._halves.update(key.thumbprints())

    def _check_unused(self, key: VerifyKey) -> None:
        # A key that two actors had would let one's signature be taken for the other's.
        if self._halves & set(key.thumbprints()):
            raise KeyChangeRefused("one of the keys is, or once was, an actor's already")


_CHANGES: Final[Mapping[str, Callable[[Keyring, ActorId, Placed, Request], None]]] = {
    REGISTERED: Keyring._register,
    ROTATED: Keyring._rotate,
    SUSPENDED: Keyring._suspend,
    RECOVERED: Keyring._recover,
    RETIRED: Keyring._retire,
    RECOVERY_SET: Keyring._set_recovery,
    RECOVERY_BEGUN: Keyring._begin_recovery,
    RECOVERY_APPROVED: Keyring._approve_recovery,
    RECOVERY_CANCELLED: Keyring._cancel_recovery,
}
