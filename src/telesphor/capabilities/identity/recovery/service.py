"""The use cases of recovery: name guardians, report keys lost, begin, approve, cancel, recover.

`find_recovery` is the one place that says what is under way and who counts as having approved it. A statement
costs half a millisecond to verify, so `verify_statement` remembers its answers, as `verify_card` does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import msgspec

from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity.entries import (
    ACTOR_RECOVERED,
    ACTOR_SUSPENDED,
    ActorRecovered,
    ActorSuspendedBody,
)
from telesphor.capabilities.identity.model import (
    ACTOR_STREAM,
    ActorIdField,
    ActorInfo,
    ActorKind,
    ActorRetired,
    ActorSuspended,
    Card,
    EndsKeys,
    Jwks,
    KemField,
    LossReason,
    read_jwks,
)
from telesphor.capabilities.identity.recovery import store
from telesphor.capabilities.identity.recovery.entries import (
    RECOVERY_APPROVED,
    RECOVERY_BEGUN,
    RECOVERY_CANCELLED,
    RECOVERY_SET,
    RecoveryApproved,
    RecoveryBegun,
    RecoveryCancelled,
    RecoverySet,
)
from telesphor.capabilities.identity.recovery.model import (
    RECOVERY_MS_MAX,
    STATEMENT_BYTES_MAX,
    THRESHOLD_MIN,
    GuardiansRefused,
    NotAGuardian,
    PairField,
    RecoveryExists,
    RecoveryMissing,
    RecoveryNotApproved,
    RecoveryNotSet,
    RecoveryTooEarly,
    Statement,
    StatementClaims,
    StatementRefused,
)
from telesphor.kernel.clock import format_instant
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import stream_of
from telesphor.kernel.signing import HybridSuite, read_jws, verify_jws
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

STATEMENTS_REMEMBERED_MAX = 256
"""A statement is used a few times in its life; under 5 MB."""

GUARDIAN_KINDS = frozenset({ActorKind.PERSON, ActorKind.ORGANISATION, ActorKind.SYSTEM})
"""Who can look at somebody and say that it is them; a device cannot."""


class SetRecovery(RecoverySet, frozen=True, kw_only=True):
    """Say how the asking actor is to be recovered, in place of whatever it said before."""


class ReportLost(EndsKeys, frozen=True, kw_only=True):
    """Say that an actor's keys are lost; asked by itself, a guardian of its, an organisation or the node."""

    id: ActorIdField
    reason: LossReason

    def ends_keys_of(self, signer: str) -> bool:
        """A signer that reports itself signs no more until it is recovered."""
        return signer == self.id


class BeginRecovery(Body, frozen=True, kw_only=True):
    """Begin to give an actor new keys, proved by their card; asked by a guardian, or with a statement by anyone."""

    id: ActorIdField
    keys: Jwks
    kem: KemField
    card: Card
    statement: Statement | None


class ApproveRecovery(Body, frozen=True, kw_only=True):
    """Approve that an actor gets the pair with these thumbprints; asked by another guardian."""

    id: ActorIdField
    keys: PairField


class CancelRecovery(Body, frozen=True, kw_only=True):
    """Stop every recovery of the asking actor that is under way."""


class RecoverActor(EndsKeys, frozen=True, kw_only=True):
    """Finish a recovery. Anyone may ask: what it takes is on the ledger by then."""

    id: ActorIdField
    keys: PairField

    def ends_keys_of(self, signer: str) -> bool:
        """Who finishes its own recovery loses the keys it asks with."""
        return signer == self.id


class RecoveryInfo(NamedTuple):
    """A recovery under way: to which keys, from when on it can be finished, who approved it, how many must."""

    keys: Jwks
    kem: str
    ready_ms: int
    stated: bool
    approvals: tuple[str, ...]
    threshold: int

    @property
    def approved(self) -> bool:
        """Whether it has all it takes but time."""
        return self.stated or 0 < self.threshold <= len(self.approvals)


def set_recovery(actor: Actor, command: SetRecovery, state: State) -> Decision:
    """Name guardians, a recovery pair, or both, and the time to wait; or neither, and be recovered by nobody."""
    identity.refuse_node_and_root(actor.kind)
    _check_guardians(actor, command, state)
    if command.recovery is not None:
        pair = read_jwks(command.recovery)
        identity.require_suite(pair, HybridSuite.ACTOR)
        identity.require_unused(state.db, pair.thumbprints())
    body = RecoverySet(
        guardians=command.guardians,
        threshold=command.threshold,
        recovery=command.recovery,
        wait_seconds=command.wait_seconds,
    )
    return _decided(RECOVERY_SET.name, actor.id, body)


def report_lost(actor: Actor, command: ReportLost, state: State) -> Decision:
    """Suspend an actor: from the next entry on none of its keys is in force."""
    allowed = (
        actor.id == command.id
        or actor.kind in (ActorKind.NODE, ActorKind.ORGANISATION)
        or store.is_guardian(state.db, actor=command.id, guardian=actor.id)
    )
    if not allowed:
        raise NotAGuardian(
            "only the actor, its guardians, an organisation or the node say that its keys are lost"
        )
    info = identity.living_actor(state.db, command.id)  # one that is paused may have lost its keys as well
    if info.state == "suspended":
        raise ActorSuspended(f"the keys of actor `{command.id}` were reported lost before", hint="recover it")
    identity.refuse_node_and_root(info.kind)
    return _decided(ACTOR_SUSPENDED.name, command.id, ActorSuspendedBody(reason=command.reason))


def begin_recovery(actor: Actor, command: BeginRecovery, state: State) -> Decision:
    """Begin a recovery; a guardian that does so has approved it thereby."""
    info, settings = _recoverable(command.id, state)
    if command.statement is not None:
        _check_statement(command.statement, command, settings, state)
    elif not store.is_guardian(state.db, actor=command.id, guardian=actor.id):
        raise NotAGuardian("only a guardian, or who brings a statement of the recovery pair, begins this")
    key = identity.check_card(
        command.card, id=command.id, kind=info.kind, keys=command.keys, kem=command.kem, state=state
    )
    # What leaked with the old keys may be the old KEM key too, so not even that stays.
    identity.require_unused(state.db, [*key.thumbprints(), identity.kem_half(command.kem)])
    if _find(command.id, key.thumbprints(), state) is not None:
        raise RecoveryExists("this recovery is under way already", hint="approve it, or make new keys")
    body = RecoveryBegun(keys=command.keys, kem=command.kem, stated=command.statement is not None)
    return _decided(
        RECOVERY_BEGUN.name, command.id, body, ready_ms=state.now_ms + settings.wait_seconds * 1000
    )


def approve_recovery(actor: Actor, command: ApproveRecovery, state: State) -> Decision:
    """Approve a recovery as a guardian who has not yet."""
    found = find_recovery(command.id, command.keys, state)
    if not store.is_guardian(state.db, actor=command.id, guardian=actor.id):
        raise NotAGuardian("only a guardian of the actor approves its recovery")
    if actor.id in found.approvals:
        raise RecoveryExists("this guardian has approved this recovery already")
    return _decided(
        RECOVERY_APPROVED.name, command.id, RecoveryApproved(keys=command.keys), ready_ms=found.ready_ms
    )


def cancel_recovery(actor: Actor, command: CancelRecovery, state: State) -> Decision:
    """Stop whatever is under way for the asking actor, whose keys evidently work."""
    names = store.recovery_names(state.db, actor.id)
    if not any(_find(actor.id, keys, state) for keys in names):
        raise RecoveryMissing("no recovery of this actor is under way")
    return _decided(RECOVERY_CANCELLED.name, actor.id, RecoveryCancelled())


def recover_actor(actor: Actor, command: RecoverActor, state: State) -> Decision:
    """Give the actor the keys that were approved, once the waiting time is over.

    Raises:
        RecoveryMissing, RecoveryNotApproved, RecoveryTooEarly, KeyUsed, ActorMissing, ActorRetired.
    """
    found = find_recovery(command.id, command.keys, state)
    if not found.approved:
        raise RecoveryNotApproved(
            f"`{len(found.approvals)}` of `{found.threshold}` guardians have approved these keys",
            hint="approvals given before a guardian's own keys were lost do not count",
        )
    if state.now_ms < found.ready_ms:
        raise RecoveryTooEarly(
            "the waiting time is not over", hint=f"ask again at {format_instant(found.ready_ms)}"
        )
    pair = read_jwks(found.keys)
    identity.require_unused(state.db, [*pair.thumbprints(), identity.kem_half(found.kem)])
    body = ActorRecovered(keys=found.keys, kem=found.kem)
    return _decided(ACTOR_RECOVERED.name, command.id, body)


def find_recovery(actor_id: str, keys: PairField, state: State) -> RecoveryInfo:
    """Return the recovery of an actor to this pair, if it is under way.

    Raises:
        ActorMissing, ActorRetired, RecoveryNotSet, RecoveryMissing: it is not.
    """
    _recoverable(actor_id, state)
    found = _find(actor_id, keys, state)
    if found is None:
        raise RecoveryMissing("no recovery of this actor to these keys is under way")
    return found


def verify_statement_of(command: BeginRecovery) -> None:
    """What the edge does with a body of `actor.begin-recovery/1`: verify its card, and its statement if any."""
    identity.verify_card(command.card)
    if command.statement is not None:
        verify_statement(command.statement)


def verify_statement(statement: Statement) -> StatementClaims:
    """Verify a statement under the recovery pair it names; the same statement is verified once.

    1. It is a canonical JWS with two signatures, whose payload has exactly the claims of a statement.
    2. The pair it names signed it, both halves. Whether that is the actor's own is for the decision.

    Raises:
        StatementRefused: it is not so.
    """
    return _verify_statement(msgspec.json.encode(statement, order="sorted"))


@lru_cache(maxsize=STATEMENTS_REMEMBERED_MAX)
def _verify_statement(data: bytes) -> StatementClaims:
    try:
        jws = read_jws(data, limit=STATEMENT_BYTES_MAX)
        claims = msgspec.convert(jws.payload, StatementClaims, strict=True)
        verify_jws(jws, read_jwks(claims.jwks))
    except TelesphorError as error:
        raise StatementRefused(f"the statement is refused: {error.message}", hint=error.hint) from error
    except msgspec.ValidationError as error:
        raise StatementRefused("it does not have exactly the claims of a recovery statement") from error
    return claims


def _check_guardians(actor: Actor, command: SetRecovery, state: State) -> None:
    guardians = command.guardians
    if not guardians and not command.threshold:
        return
    if len(set(guardians)) != len(guardians) or actor.id in guardians:
        raise GuardiansRefused("the guardians are not distinct others")
    if not THRESHOLD_MIN <= command.threshold <= len(guardians):
        raise GuardiansRefused(
            f"the threshold is not between `{THRESHOLD_MIN}` and the number of guardians",
            hint="no single guardian may recover anybody",
        )
    for guardian in guardians:
        kind = identity.active_actor(state.db, guardian).kind
        if kind not in GUARDIAN_KINDS:
            raise GuardiansRefused(f"an actor of kind `{kind}` can be nobody's guardian")


def _recoverable(actor_id: str, state: State) -> tuple[ActorInfo, store.SettingsRow]:
    info = identity.living_actor(state.db, actor_id)
    identity.refuse_node_and_root(info.kind)
    settings = store.settings_of(state.db, actor_id)
    if settings is None:
        raise RecoveryNotSet(
            "the actor never said how it is to be recovered", hint="retire it, and register it under a new id"
        )
    return info, settings


def _check_statement(
    statement: Statement, command: BeginRecovery, settings: store.SettingsRow, state: State
) -> None:
    claims = verify_statement(statement)
    if claims.jwks != store.jwks_from(settings.recovery):
        raise StatementRefused("the statement is not signed by the actor's recovery pair")
    said = (claims.id, claims.new, claims.kem)
    if said != (command.id, read_jwks(command.keys).thumbprints(), command.kem):
        raise StatementRefused("the statement is about another actor or other keys")
    if claims.node != identity.node_of(state.db)[1]:
        raise StatementRefused("the statement was signed for another node")


def _find(actor_id: str, keys: PairField, state: State) -> RecoveryInfo | None:
    """INVARIANT: a recovery ends with the pair it was begun against, and with its time."""
    row = store.recovery_row(state.db, actor=actor_id, keys=keys)
    settings = store.settings_of(state.db, actor_id)
    if row is None or settings is None or row.position < identity.keys_since(state.db, actor_id):
        return None
    if state.now_ms > row.begun_ms + RECOVERY_MS_MAX:
        return None
    jwks = store.jwks_from(row.jwks)
    assert jwks is not None, "a recovery is begun with keys"
    approvals = store.approvals_of(state.db, actor=actor_id, keys=keys)
    return RecoveryInfo(
        keys=jwks,
        kem=row.kem,
        ready_ms=row.begun_ms + settings.wait_seconds * 1000,
        stated=row.stated,
        approvals=tuple(guardian for guardian, position in approvals if _counts(guardian, position, state)),
        threshold=settings.threshold,
    )


def _counts(guardian: str, position: int, state: State) -> bool:
    """Whether it was surely the guardian who approved: its keys were not reported lost, nor it retired, since."""
    try:
        identity.active_actor(state.db, guardian)
    except (ActorSuspended, ActorRetired):
        return False
    return identity.lost_at(state.db, guardian) < position


def _decided(type: str, actor_id: str, body: Body, *, ready_ms: int | None = None) -> Decision:
    result = None if ready_ms is None else {"ready_at": format_instant(ready_ms)}
    return Decision((Draft(type, stream_of(ACTOR_STREAM, actor_id), body),), result=result)
