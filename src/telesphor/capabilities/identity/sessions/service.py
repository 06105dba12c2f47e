"""The use case of sessions: open one. Start at `SessionDesk.open_session`; `check_standing` says how long it lives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import apsw
import msgspec

from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity.model import ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.passkeys.model import PasskeyNeeded
from telesphor.capabilities.identity.passkeys.service import assurance_of, has_passkey
from telesphor.capabilities.identity.sessions.entries import SESSION_OPENED, SESSION_STREAM, SessionOpened
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, Receipt, State
from telesphor.runtime.sessions import TICKET_SECONDS, SessionGrant, Sessions

SIGNED_IN_MS: Final = 15 * 60 * 1000
"""A sign-in by passkey begins sessions for as long as it counts for other decisions."""


class OpenSession(Body, frozen=True, kw_only=True):
    """Ask for the ticket of one session of one's own."""


class SessionTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `session.open/1`: what begins the session, once, until then."""

    ticket: str
    expires_at: str


class SessionDesk:
    """Decides who may begin a session.

    Args:
        is_stranger: whether a system belongs to somebody else, who is given entries and nothing that is no entry.
    """

    def __init__(self, sessions: Sessions, *, is_stranger: Callable[[str], bool]) -> None:
        self._sessions = sessions
        self._is_stranger = is_stranger

    def open_session(self, actor: Actor, _command: OpenSession, state: State) -> Decision:
        """Let an actor begin a session.

        Raises:
            NotPermitted: devices and nodes look at nothing, and another organisation's system at no names.
            PasskeyNeeded: it has a passkey, and has not signed in by one lately.
        """
        require_kind(actor, ActorKind.PERSON, ActorKind.ORGANISATION, ActorKind.SYSTEM)
        if actor.kind == ActorKind.SYSTEM and self._is_stranger(actor.id):
            raise NotPermitted("a system that mirrors the ledger opens no session: it may know no names")
        present = assurance_of(state, actor.id, within_ms=SIGNED_IN_MS) == "passkey"
        if has_passkey(state, actor.id) and not present:
            raise PasskeyNeeded(
                "this takes one of the person's own passkeys first", hint="sign in by passkey"
            )
        expires_at = format_instant(state.now_ms + TICKET_SECONDS * 1000)

        def issue(_receipt: Receipt) -> SessionTicket:
            ticket = self._sessions.tickets.issue(SessionGrant(actor), lifetime_seconds=TICKET_SECONDS)
            return SessionTicket(ticket=ticket, expires_at=expires_at)

        draft = Draft(SESSION_OPENED.name, stream_of(SESSION_STREAM, actor.id), SessionOpened())
        return Decision((draft,), after=issue)


def check_standing(db: apsw.Connection, actor: Actor) -> None:
    """Let only an actor pass that acts with the keys it had when its session began.

    Raises:
        ActorMissing, ActorSuspended, ActorRetired: it acts no more.
        NotPermitted: it has other keys now.
    """
    if identity.active_actor(db, actor.id).key_id != actor.key_id:
        raise NotPermitted("the actor has other keys now", hint="begin a session with them")
