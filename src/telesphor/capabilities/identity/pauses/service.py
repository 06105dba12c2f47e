"""The use cases of pauses: pause an actor, resume it. Start at `PauseDesk`."""

from __future__ import annotations

from typing import Final

from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity import store
from telesphor.capabilities.identity.administering import Administration, OverseerRefused, OwnRightsRefused
from telesphor.capabilities.identity.entries import (
    ACTOR_PAUSED,
    ACTOR_RESUMED,
    ActorPausedBody,
    ActorResumed,
)
from telesphor.capabilities.identity.model import (
    ActorIdField,
    ActorKind,
    NotPermitted,
    PauseReason,
    require_kind,
)
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

PAUSE_STREAM: Final = "pause"

PAUSED_KINDS: Final = (ActorKind.PERSON, ActorKind.SYSTEM, ActorKind.DEVICE)
"""Organisations answer for themselves, and no organisation of a node shuts another out."""


class PauseExists(TelesphorError):
    """The actor is paused already."""

    code = "pause-exists"
    kind = Kind.CONFLICT


class PauseMissing(TelesphorError):
    """The actor is not paused."""

    code = "pause-missing"
    kind = Kind.CONFLICT


class PauseActor(Body, frozen=True, kw_only=True):
    """Keep an actor from acting until it is resumed."""

    actor: ActorIdField
    reason: PauseReason


class ResumeActor(Body, frozen=True, kw_only=True):
    """Let an actor act again."""

    actor: ActorIdField


class PauseDesk:
    """Decides about pauses. Whether a person may at all was asked of access before, as of every command under rules."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    def pause(self, actor: Actor, command: PauseActor, state: State) -> Decision:
        """Keep an actor from acting.

        Raises:
            NotPermitted: the asking actor is no person or organisation, or the other is of a kind that is not paused.
            ActorMissing, ActorRetired, PauseExists.
            OwnRightsRefused, OverseerRefused: an administrator pauses itself, or who oversees it.
        """
        self._check(actor, command.actor, state)
        if store.pause_row(state.db, command.actor) is not None:
            raise PauseExists("the actor is suspended already")
        body = ActorPausedBody(actor=command.actor, reason=command.reason)
        return Decision((Draft(ACTOR_PAUSED.name, stream_of(PAUSE_STREAM, command.actor), body),))

    def resume(self, actor: Actor, command: ResumeActor, state: State) -> Decision:
        """Let an actor act again; what an organisation began, an organisation ends.

        Raises:
            NotPermitted, ActorMissing, ActorRetired, OverseerRefused: as for `pause`.
            PauseMissing: it is not paused.
        """
        self._check(actor, command.actor, state)
        paused_by = store.pause_row(state.db, command.actor)
        if paused_by is None:
            raise PauseMissing("the actor is not suspended")
        if actor.kind == ActorKind.PERSON and not _is_person(paused_by, state):
            raise NotPermitted("the organisation suspended this actor", hint="it is the one to restore it")
        body = ActorResumed(actor=command.actor)
        return Decision((Draft(ACTOR_RESUMED.name, stream_of(PAUSE_STREAM, command.actor), body),))

    def _check(self, actor: Actor, other: str, state: State) -> None:
        require_kind(actor, ActorKind.PERSON, ActorKind.ORGANISATION, ActorKind.NODE)
        info = identity.living_actor(state.db, other)
        if info.kind not in PAUSED_KINDS:
            raise NotPermitted(f"an actor of kind `{info.kind}` is not suspended")
        if actor.kind != ActorKind.PERSON:
            return
        if info.kind == ActorKind.SYSTEM:  # The compliance monitor is one: it watches administrators too.
            raise NotPermitted("the organisation alone suspends a system")
        if other == actor.id:
            raise OwnRightsRefused("nobody suspends itself", hint="report your keys lost, if they are")
        if self._administration.oversees(other, state):
            raise OverseerRefused(
                "who oversees the node is suspended by the organisation alone",
                hint="ask whoever holds its key",
            )


def _is_person(actor_id: str, state: State) -> bool:
    info = identity.find_actor(state.db, actor_id)
    return info is not None and info.kind == ActorKind.PERSON
