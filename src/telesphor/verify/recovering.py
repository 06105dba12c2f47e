"""How lost keys are replaced without the old ones: what each actor said of it, and what is under way.

An actor names guardians with a threshold, a recovery pair, or both, and a time to wait. A recovery is begun by a
guardian, or with a statement that the recovery pair signed; it is finished once enough guardians approved
exactly these keys, or the statement did, and the time is over. Whatever the actor itself says of its keys
meanwhile, new settings, a cancellation or a rotation, ends it.

INVARIANT: the same rules as the node's own; `tests/unit/verify/test_recovering.py` holds them together.

Start at `Recoveries`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from telesphor.kernel import canonical
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, parse_id
from telesphor.kernel.signing import HybridSuite, VerifyKey, verify_jws
from telesphor.verify.body import exactly, integer_of, pair_of, same
from telesphor.verify.ledger import Placed

GUARDIANS_MAX: Final = 16
THRESHOLD_MIN: Final = 2
WAIT_SECONDS_MAX: Final = 30 * 86_400
RECOVERY_MS_MAX: Final = 60 * 86_400_000
STATEMENT_FORMAT: Final = "telesphor-recovery/1"
STATEMENT_MEMBERS: Final = ("format", "id", "keys", "jwks", "new", "kem", "node")


class KeyChangeRefused(TelesphorError):
    """An entry about an actor's keys was not asked for, or not by who may ask."""

    code = "key-change-refused"
    kind = Kind.FORBIDDEN


class RecoveryRefused(TelesphorError):
    """An actor got new keys, or nearly, in another way than it had said."""

    code = "recovery-refused"
    kind = Kind.FORBIDDEN


@dataclass(frozen=True)
class Plan:
    """How an actor wants to be recovered."""

    guardians: frozenset[str]
    threshold: int
    recovery: VerifyKey | None
    wait_ms: int


@dataclass(frozen=True)
class Underway:
    """A recovery that was begun: the proved keys, as they stand in its entry, and who approved them."""

    key: VerifyKey
    jwks: object
    kem: object
    by: ActorId
    begun_ms: int
    stated: bool = False
    approvals: set[str] = field(default_factory=set)


class Recoveries:
    """The plans and the recoveries under way of all actors; the keyring asks, in the ledger's order."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._plans: dict[str, Plan] = {}
        self._underway: dict[str, dict[tuple[str, str], Underway]] = {}
        self._approved: dict[str, list[Underway]] = {}

    def is_guardian(self, guardian: str, *, of: ActorId) -> bool:
        """Whether the one is a guardian of the other, as it stands now."""
        plan = self._plans.get(of)
        return plan is not None and guardian in plan.guardians

    def set(self, subject: ActorId, placed: Placed) -> Plan:
        """Take in what an actor says of its recovery; whatever was under way is over."""
        plan = self._plans[subject] = _read_plan(subject, placed)
        self.forget(subject)
        return plan

    def begin(self, subject: ActorId, begun: Underway, statement: object, placed: Placed) -> None:
        """Take in the beginning of a recovery: by a guardian, or with the recovery pair's statement."""
        plan = self._plan_of(subject, placed)
        if statement is not None:
            self._check_statement(statement, plan, subject, begun, placed)
            begun = Underway(begun.key, begun.jwks, begun.kem, begun.by, begun.begun_ms, stated=True)
        elif begun.by not in plan.guardians:
            raise RecoveryRefused(f"position {placed.position} is a recovery begun by none of the guardians")
        underway = self._underway.setdefault(subject, {})
        for pair, other in list(underway.items()):
            if other.by == begun.by:
                del underway[pair]
        underway[begun.key.thumbprints()] = begun
        if not begun.stated:
            self._note_approval(begun, begun.by)

    def approve(self, subject: ActorId, pair: tuple[str, str], placed: Placed) -> None:
        """Take in one more guardian's approval of the pair with these thumbprints."""
        if not self.is_guardian(placed.entry.actor, of=subject):
            raise RecoveryRefused(
                f"position {placed.position} is a recovery approved by none of the guardians"
            )
        self._note_approval(self._find(subject, pair, placed), placed.entry.actor)

    def finish(self, subject: ActorId, body: Mapping[str, object], placed: Placed) -> None:
        """Refuse unless exactly these keys were approved, and the time to wait is over."""
        plan = self._plan_of(subject, placed)
        found = self._find(subject, VerifyKey.from_jwks(body["keys"]).thumbprints(), placed)
        if not (same(found.jwks, body["keys"]) and same(found.kem, body["kem"])):
            raise RecoveryRefused(f"position {placed.position} brings other keys than were approved")
        if not found.stated and not 0 < plan.threshold <= len(found.approvals):
            approved = f"{len(found.approvals)} of {plan.threshold} guardians"
            raise RecoveryRefused(f"{approved} approved the recovery at position {placed.position}")
        if placed.at_ms < found.begun_ms + plan.wait_ms:
            raise RecoveryRefused(
                f"the recovery at position {placed.position} did not wait as long as it must"
            )
        self.forget(subject)

    def forget(self, subject: ActorId) -> None:
        """Whatever was under way for this actor is over."""
        self._underway.pop(subject, None)

    def distrust(self, guardian: ActorId) -> None:
        """What this actor approved so far counts no more: its own keys were lost, or it was retired."""
        for underway in self._approved.pop(guardian, ()):
            underway.approvals.discard(guardian)

    def _plan_of(self, subject: ActorId, placed: Placed) -> Plan:
        plan = self._plans.get(subject)
        if plan is None:
            raise RecoveryRefused(f"position {placed.position} recovers an actor that never said how")
        return plan

    def _find(self, subject: ActorId, pair: tuple[str, str], placed: Placed) -> Underway:
        found = self._underway.get(subject, {}).get(pair)
        if found is None or placed.at_ms > found.begun_ms + RECOVERY_MS_MAX:
            raise RecoveryRefused(f"position {placed.position} is about a recovery that is not under way")
        return found

    def _note_approval(self, underway: Underway, guardian: str) -> None:
        underway.approvals.add(guardian)
        self._approved.setdefault(guardian, []).append(underway)

    def _check_statement(
        self, statement: object, plan: Plan, subject: ActorId, begun: Underway, placed: Placed
    ) -> None:
        if plan.recovery is None:
            raise RecoveryRefused(
                f"position {placed.position} brings a statement, but no pair was set for one"
            )
        payload = verify_jws(canonical.encode(statement), plan.recovery)
        said = exactly(payload, "a recovery statement", *STATEMENT_MEMBERS)
        expected = {"format": STATEMENT_FORMAT, "id": subject, "kem": begun.kem, "node": self._origin}
        about_others = any(said[name] != value for name, value in expected.items())
        if about_others or pair_of(said, "new") != begun.key.thumbprints():
            raise RecoveryRefused(f"the statement at position {placed.position} is about something else")
        if said["jwks"] != plan.recovery.jwks():
            raise RecoveryRefused(
                f"the statement at position {placed.position} names another pair than its own"
            )


def _read_plan(subject: ActorId, placed: Placed) -> Plan:
    members = ("guardians", "threshold", "recovery", "wait_seconds")
    body = exactly(placed.entry.body, "a recovery's settings", *members)
    threshold, wait_seconds = integer_of(body, "threshold"), integer_of(body, "wait_seconds")
    guardians = body["guardians"]
    if not isinstance(guardians, list) or len(guardians) > GUARDIANS_MAX:
        raise RecoveryRefused(f"position {placed.position} does not name guardians")
    named = frozenset(parse_id(guardian) for guardian in guardians if isinstance(guardian, str))
    nobody = not guardians and threshold == 0
    if len(named) != len(guardians) or subject in named:
        raise RecoveryRefused(f"the guardians at position {placed.position} are not distinct others")
    if not nobody and not THRESHOLD_MIN <= threshold <= len(named):
        raise RecoveryRefused(f"a single guardian could recover the actor of position {placed.position}")
    if not 0 <= wait_seconds <= WAIT_SECONDS_MAX:
        raise RecoveryRefused(f"position {placed.position} names a time that nobody can wait")
    recovery = None if body["recovery"] is None else VerifyKey.from_jwks(body["recovery"])
    if recovery is not None and recovery.suite is not HybridSuite.ACTOR:
        raise RecoveryRefused(f"the recovery pair at position {placed.position} is of the root's suite")
    return Plan(named, threshold, recovery, wait_seconds * 1000)
