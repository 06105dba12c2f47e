"""The use cases of break-glass: ask for a challenge, open, close, acknowledge, review, forbid.

Whether a person may open it is asked of access, with the action `break-glass`, so that an organisation's `forbid` holds
here as everywhere. What a command is refused for stands on the ledger. Start at `BreakGlassDesk.open_glass`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from telesphor.capabilities.access.breakglass import store
from telesphor.capabilities.access.breakglass.entries import (
    GLASS_ACKNOWLEDGED,
    GLASS_CHALLENGED,
    GLASS_CLOSED,
    GLASS_FORBIDDEN,
    GLASS_OPENED,
    GLASS_REFUSED,
    GLASS_REVIEWED,
    GlassAcknowledged,
    GlassChallenged,
    GlassClosed,
    GlassForbidden,
    GlassOpened,
    GlassRefused,
    GlassReviewed,
)
from telesphor.capabilities.access.breakglass.model import (
    CHALLENGE_MS,
    CLOCK_SLACK_MS,
    DAY_MS,
    GLASS_STREAM,
    NOTIFIED_MAX,
    OFFICER,
    OPENINGS_MAX,
    REAUTHENTICATED_MS,
    RECIPROCAL_MS,
    EmergencyReason,
    GlassId,
    GlassRow,
    MinutesField,
    NonceField,
    Reauthentication,
    Target,
    Verdict,
)
from telesphor.capabilities.access.breakglass.refusals import (
    AlreadyAcknowledged,
    AlreadyReviewed,
    ClockBehind,
    DependentReview,
    ForbiddenByPatient,
    GlassEnded,
    GlassExists,
    GlassMissing,
    GlassOpen,
    NotAReviewer,
    NotReauthenticated,
    OwnGlass,
    ReciprocalReview,
    TargetRefused,
    TooManyOpenings,
)
from telesphor.capabilities.access.breakglass.standing import open_now
from telesphor.capabilities.access.model import (
    ACCESS_STREAM,
    Action,
    Allowed,
    Ask,
    BrokenGlass,
    Resource,
    ResourceKind,
)
from telesphor.capabilities.access.subjects import FindResource, subject_of
from telesphor.capabilities.access.tokens.policies import holders_of_role, roles_of
from telesphor.capabilities.access.tokens.refusals import CommandRefusedOnRecord
from telesphor.capabilities.identity.invitations.service import lineage_of
from telesphor.capabilities.identity.model import ActorKind, require_kind
from telesphor.capabilities.identity.passkeys.service import assurance_of, has_passkey
from telesphor.capabilities.identity.service import find_actor
from telesphor.kernel.clock import Clock, format_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, RecordedRefusal, State
from telesphor.vault.model import Purpose

Authorise = Callable[[Actor, Ask, State], Allowed]
Decide = Callable[[Actor, Any, State], Decision]

_RECORDED_KINDS = (Kind.INVALID, Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.CONFLICT, Kind.GONE)
"""Refusals of what was asked; a full disk is none."""


class AskGlassChallenge(Body, frozen=True, kw_only=True):
    """Ask for a nonce to prove one's keys anew; for a person without a passkey."""


class OpenGlass(Body, frozen=True, kw_only=True):
    """Open an emergency access under a fresh id; `nonce` is that of the challenge, for a person without a passkey."""

    break_glass: GlassId
    target: Target
    reason: EmergencyReason
    minutes: MinutesField
    nonce: NonceField | None = None


class CloseGlass(Body, frozen=True, kw_only=True):
    """End one before its time; asked by whoever opened it, a privacy officer or an organisation."""

    break_glass: GlassId


class AcknowledgeGlass(Body, frozen=True, kw_only=True):
    """Say that one has seen the notice of one; asked by whom it is about, a privacy officer or an organisation."""

    break_glass: GlassId


class ReviewGlass(Body, frozen=True, kw_only=True):
    """Judge one; asked by a privacy officer or an organisation."""

    break_glass: GlassId
    verdict: Verdict


class ForbidGlass(Body, frozen=True, kw_only=True):
    """Want no emergency access to what is about oneself, or want that no more; asked by a person, for itself."""

    forbidden: bool


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `break-glass.challenge/1`."""

    nonce: str
    expires_at: str


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `break-glass.open/1`: until when reads for the purpose `emergency` are permitted."""

    break_glass: str
    until: str
    times: int
    notified: int


def on_record(name: str, decide: Decide) -> Decide:
    """Have what `decide` refuses written down, under the same code; for commands that name a `break_glass`."""

    def decide_on_record(actor: Actor, command: Any, state: State) -> Decision:
        try:
            return decide(actor, command, state)
        except RecordedRefusal:
            raise
        except TelesphorError as error:
            if error.kind not in _RECORDED_KINDS:
                raise
            body = GlassRefused(break_glass=command.break_glass, command=name, cause=error.code)
            draft = Draft(GLASS_REFUSED.name, stream_of(ACCESS_STREAM, actor.id), body)
            raise CommandRefusedOnRecord(error, draft=draft) from error

    return decide_on_record


def ask_challenge(actor: Actor, _command: AskGlassChallenge, state: State) -> Decision:
    """Give a nonce that is good for one opening within a minute; an older one is void."""
    require_kind(actor, ActorKind.PERSON)
    nonce = state.new_nonce()
    draft = Draft(GLASS_CHALLENGED.name, stream_of(ACCESS_STREAM, actor.id), GlassChallenged(nonce=nonce))
    return Decision((draft,), Challenge(nonce=nonce, expires_at=format_instant(state.now_ms + CHALLENGE_MS)))


def close_glass(actor: Actor, command: CloseGlass, state: State) -> Decision:
    """End an emergency before its time.

    Raises:
        GlassMissing: there is none such, or the actor has nothing to do with it.
        GlassEnded: it is over.
    """
    row = store.find_glass(state.db, command.break_glass)
    if row is None or (row.actor != actor.id and not is_overseer(state, actor)):
        raise GlassMissing(f"there is no emergency access `{command.break_glass}` that you may end")
    if row.state != "open" or state.now_ms >= row.until_ms:
        raise GlassEnded("the emergency access is over already")
    return Decision((Draft(GLASS_CLOSED.name, stream_of(GLASS_STREAM, row.id), GlassClosed()),))


def acknowledge_glass(actor: Actor, command: AcknowledgeGlass, state: State) -> Decision:
    """Note that somebody who was notified has seen it.

    Raises:
        GlassMissing: there is none such, or the actor was notified of none.
        AlreadyAcknowledged.
    """
    row = store.find_glass(state.db, command.break_glass)
    if row is None or (row.subject != actor.id and not is_overseer(state, actor)):
        raise GlassMissing(f"there is no emergency access `{command.break_glass}` of which you are notified")
    if store.has_seen(state.db, row.id, actor=actor.id):
        raise AlreadyAcknowledged("you have said before that you have seen it")
    return Decision((Draft(GLASS_ACKNOWLEDGED.name, stream_of(GLASS_STREAM, row.id), GlassAcknowledged()),))


def review_glass(actor: Actor, command: ReviewGlass, state: State) -> Decision:
    """Judge an emergency, once; if it is open still, it is over with that.

    Raises:
        NotAReviewer: the actor is neither a privacy officer nor an organisation.
        GlassMissing, AlreadyReviewed.
        OwnGlass: nobody reviews their own.
        DependentReview, LineageTooLong: one of the two came in by the other's invitation, or it cannot be told.
        ReciprocalReview: whoever opened it has reviewed one of the actor's own.
    """
    if not is_overseer(state, actor):
        raise NotAReviewer("privacy officers and organisations review emergency access")
    row = store.find_glass(state.db, command.break_glass)
    if row is None:
        raise GlassMissing(f"there is no emergency access `{command.break_glass}`")
    if row.actor == actor.id:
        raise OwnGlass("nobody reviews their own emergency access", hint="have another privacy officer do it")
    if row.state == "reviewed":
        raise AlreadyReviewed("the emergency access was reviewed before")
    _check_independent(row.actor, actor.id, state)
    since_ms = state.now_ms - RECIPROCAL_MS
    if store.has_reviewed(state.db, reviewer=row.actor, actor=actor.id, since_ms=since_ms):
        raise ReciprocalReview(
            "whoever opened it has reviewed yours within a year",
            hint="have another privacy officer or the organisation do it",
        )
    body = GlassReviewed(verdict=command.verdict)
    return Decision((Draft(GLASS_REVIEWED.name, stream_of(GLASS_STREAM, row.id), body),))


def _check_independent(opener: str, reviewer: str, state: State) -> None:
    """Refuse a review where either of the two may have made the other, by opening a link that it had sent."""
    if reviewer in lineage_of(state, opener) or opener in lineage_of(state, reviewer):
        raise DependentReview(
            "whoever opened it and you did not come in independently: one of you was invited by the other",
            hint="have another privacy officer or the organisation do it",
        )


def forbid_glass(actor: Actor, command: ForbidGlass, state: State) -> Decision:
    """Note a person's own wish; what is open ends with it. Raises `NotPermitted` for whoever is no person."""
    require_kind(actor, ActorKind.PERSON)
    draft = Draft(
        GLASS_FORBIDDEN.name, stream_of(ACCESS_STREAM, actor.id), GlassForbidden(forbidden=command.forbidden)
    )
    return Decision((draft,))


def is_overseer(state: State, actor: Actor) -> bool:
    """Whether somebody watches over emergencies: a privacy officer, or an organisation."""
    return actor.kind == ActorKind.ORGANISATION or OFFICER in roles_of(state, actor.id)


class BreakGlassDesk:
    """The use case that asks access.

    Args:
        authorise: the rules of access.
        find_resource: what an object or a visit is, as the capability that owns it knows it.
        clock: the machine's, to be held against the ledger's time.
    """

    def __init__(self, *, authorise: Authorise, find_resource: FindResource, clock: Clock) -> None:
        self._authorise = authorise
        self._find_resource = find_resource
        self._clock = clock

    def open_glass(self, actor: Actor, command: OpenGlass, state: State) -> Decision:
        """Open it.

        1. A person asks, under a fresh id, by a clock that can be believed.
        2. It has no other open, and has not opened too many within a day.
        3. What it is for is there, and about somebody else, who does not forbid it.
        4. The person has proved itself anew.
        5. The rules of access allow it.

        Raises:
            NotPermitted, GlassExists, ClockBehind, GlassOpen, TooManyOpenings, TargetRefused, ForbiddenByPatient,
            NotReauthenticated; what `find_resource` raises; AccessDenied: the rules do not allow it.
        """
        require_kind(actor, ActorKind.PERSON)
        stream = stream_of(GLASS_STREAM, command.break_glass)
        if state.next_n(stream):
            raise GlassExists(f"the id `{command.break_glass}` was used before", hint="make a new id")
        times = self._check_free(actor, state)
        resource, subject = self._find_target(actor, command.target, state)
        way = _reauthenticate(actor, command, state)
        until_ms = state.now_ms + command.minutes * 60_000
        glass = BrokenGlass(command.break_glass, command.reason.value, until_ms, way == "passkey")
        ask = Ask(action=Action.BREAK_GLASS, resource=resource, purpose=Purpose.EMERGENCY, glass=glass)
        allowed = self._authorise(actor, ask, state)
        notified = _notified(actor, subject, state)
        body = GlassOpened(
            target=command.target,
            subject=subject,
            reason=command.reason,
            minutes=command.minutes,
            until=format_instant(until_ms),
            reauthentication=way,
            times=times,
            notified=notified,
        )
        opened = Opened(
            break_glass=command.break_glass, until=body.until, times=times, notified=len(notified)
        )
        drafts = (*allowed.drafts, Draft(GLASS_OPENED.name, stream, body))
        return Decision(drafts, opened, documents=allowed.documents)

    def _check_free(self, actor: Actor, state: State) -> int:
        """Which of the person's openings within a day this would be."""
        if state.now_ms > self._clock.now_ms() + CLOCK_SLACK_MS:
            raise ClockBehind("the node's clock was set back", hint="try again when it is right")
        if open_now(state, actor.id, clock=self._clock) is not None:
            raise GlassOpen("you have an emergency access open", hint="close it first: one at a time")
        before = store.count_openings(state.db, actor=actor.id, since_ms=state.now_ms - DAY_MS)
        if before >= OPENINGS_MAX:
            raise TooManyOpenings(
                f"you opened `{before}` within a day", hint="ask for a grant, or have a colleague read"
            )
        return before + 1

    def _find_target(self, actor: Actor, target: Target, state: State) -> tuple[Resource, ActorId]:
        """What it is for, and whom that is about; where nobody knows that, whoever wrote it."""
        if target.kind == "record":
            info = find_actor(state.db, target.id)
            if info is None or info.kind != ActorKind.PERSON:
                raise TargetRefused("a record is about a person", hint="name the patient's actor id")
            resource = Resource(kind=ResourceKind.RECORD, id=target.id, subject=target.id)
        else:
            resource = self._find_resource(state, ResourceKind(target.kind), target.id)
        subject = subject_of(state, resource, find_resource=self._find_resource) or resource.owner
        if subject is None or subject == actor.id:
            raise TargetRefused("it is about nobody, or about yourself", hint="read it without")
        if store.is_forbidden(state.db, subject):
            raise ForbiddenByPatient("the patient forbids emergency access")
        return resource, ActorId(subject)


def glass_of(row: GlassRow, *, now_ms: int) -> str:
    """Where an emergency is in its life: `open`, `ended` or `reviewed`."""
    if row.state == "open":
        return "open" if now_ms < row.until_ms else "ended"
    return "ended" if row.state == "closed" else "reviewed"


def _reauthenticate(actor: Actor, command: OpenGlass, state: State) -> Reauthentication:
    """How the person proved itself anew: by its passkey; by its keys, over a fresh nonce, where it has none."""
    if has_passkey(state, actor.id):
        if assurance_of(state, actor.id, within_ms=REAUTHENTICATED_MS) != "passkey":
            raise NotReauthenticated(
                "this takes a sign-in by passkey within the last five minutes", hint="sign in by passkey"
            )
        return "passkey"
    waiting = store.challenge_of(state.db, actor.id)
    if waiting is None or command.nonce is None or command.nonce != waiting[0]:
        raise NotReauthenticated(
            "this takes the nonce of a fresh challenge", hint="ask for `break-glass.challenge/1` first"
        )
    if state.now_ms >= waiting[1] + CHALLENGE_MS:
        raise NotReauthenticated("the challenge is older than a minute", hint="ask for another")
    return "key"


def _notified(actor: Actor, subject: ActorId, state: State) -> tuple[ActorId, ...]:
    officers = holders_of_role(state, OFFICER, count_max=NOTIFIED_MAX)
    others = sorted({ActorId(officer) for officer in officers} - {actor.id, subject})
    return (subject, *others[:NOTIFIED_MAX])
