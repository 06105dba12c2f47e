"""Who looks at which tab: sessions, so that views need no signature for each look.

A signed command gives a ticket, and the ticket begins one session, once. A session is named by 8 hexadecimal
characters that are no secret, so that several tabs of one browser can be several people; its secret is in a cookie
of that name, which no script can read. A request names its session in a header, which no other site can set.

Guarantees
- Of a secret only the SHA-256 is kept, in memory: nothing that leaks from here can be presented, and a restart
  ends all sessions.
- A session ends `idle_seconds` after its person was last there, and after `SESSION_SECONDS_MAX` in any case.
- INVARIANT: no session outlives what it stands on: with each use `standing` is asked whether the actor still acts
  with the keys that began it.
- How many there are is bounded; of one actor the one that was idle longest gives way.

A session shows; it changes nothing on the ledger. Start at `Sessions`; routes use `session_routes`.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final

import msgspec

from telesphor.kernel import base64url
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import Actor
from telesphor.runtime.telemetry import log
from telesphor.runtime.tickets import Tickets

IDLE_SECONDS: Final = 15 * 60
"""How long a screen may show patients' data to nobody, where the settings say nothing else."""

SESSION_SECONDS_MAX: Final = 12 * 3600
"""The longest shift: whoever comes back tomorrow signs in anew."""

TICKET_SECONDS: Final = 60
"""From the signed command to the session: a browser does both at once."""

SESSIONS_MAX: Final = 20_000
"""About 20 MB; ten times the staff of a large hospital."""

SESSIONS_OF_ONE_MAX: Final = 16
"""Tabs of one person, or of one organisation's desk."""

SECRET_BYTES: Final = 32
ID_BYTES: Final = 4
COOKIE_PREFIX: Final = "__Host-telesphor-"
"""The prefix has browsers refuse such a cookie from any other host, or without TLS (RFC 6265bis, section 4.1.3)."""

SESSION_HEADER: Final = "Telesphor-Session"
BACKGROUND_HEADER: Final = "Telesphor-Background"

_ID: Final = re.compile(r"[0-9a-f]{8}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_ELSEWHERE: Final = frozenset({"cross-site", "same-site"})
"""What a browser says of a request that another site's page makes (Fetch Metadata)."""


class SessionRefused(TelesphorError):
    """No such session: never begun, ended, or of another browser. It is not said which."""

    code = "session-refused"
    kind = Kind.UNAUTHENTICATED


class SessionsFull(TelesphorError):
    """As many sessions are open as the node keeps."""

    code = "sessions-full"
    kind = Kind.OVERLOADED


class SessionGrant(msgspec.Struct, frozen=True):
    """What a ticket of `session.open/1` stands for."""

    actor: Actor


class Session(msgspec.Struct, frozen=True):
    """One session, as routes are given it.

    Attributes:
        actor: who looks, with the keys that began the session.
        opened_ms, expires_ms: when it began and when it ends at the latest.
    """

    id: str
    actor: Actor
    opened_ms: int
    expires_ms: int


@dataclass(slots=True)
class _Held:
    session: Session
    secret: bytes
    there_ms: int


Ended = Callable[[Session], None]


class Sessions:
    """The sessions of one process. Safe between threads.

    Args:
        tickets: where `session.open/1` puts its grants.
        random: `n -> n` random bytes.
        standing: raises a `TelesphorError` for an actor that no longer acts with these keys. It may block.
        idle_seconds: how long nobody may be there.
    """

    def __init__(
        self,
        *,
        tickets: Tickets,
        clock: Clock,
        random: Callable[[int], bytes],
        standing: Callable[[Actor], None],
        idle_seconds: int = IDLE_SECONDS,
        sessions_max: int = SESSIONS_MAX,
    ) -> None:
        self.tickets = tickets
        self.idle_seconds = idle_seconds
        self._clock = clock
        self._random = random
        self._standing = standing
        self._max = sessions_max
        self._held: dict[str, _Held] = {}
        self._of: dict[str, set[str]] = defaultdict(set)
        self._listeners: list[Ended] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def begin(self, ticket: str) -> tuple[Session, str]:
        """The session that a ticket allows, and its secret, which is told here alone.

        Raises:
            TicketRefused: no such ticket, or it was used.
            SessionsFull: too many are open.
            TelesphorError: its actor no longer acts, as `standing` says.
        """
        grant = self.tickets.take(ticket, SessionGrant)
        self._standing(grant.actor)
        secret = base64url.encode(self._random(SECRET_BYTES))
        ended = self._take_due() + self._make_room(grant.actor)
        with self._lock:
            full = len(self._held) >= self._max
            session = None if full else self._add(grant.actor, secret)
        self._tell(ended)
        if session is None:
            raise SessionsFull("too many sessions are open", hint="try again in some minutes")
        return session, secret

    def find(self, id: str, secret: str, *, there: bool) -> Session:
        """The session of this name, if the secret is its own and it has not ended.

        Args:
            there: whether the request shows that its person is there, which puts the idle end off.

        Raises:
            SessionRefused.
        """
        with self._lock:
            held = self._held.get(id)
        # A secret is compared in any case, so that time does not tell which names are taken.
        expected = held.secret if held is not None else _NOBODY
        if not compare_digest(_hash(secret), expected) or held is None:
            raise SessionRefused("there is no such session", hint=_SIGN_IN)
        self.check(held.session)
        if there:
            held.there_ms = max(held.there_ms, self._clock.now_ms())
        return held.session

    def check(self, session: Session) -> None:
        """Let only a session pass that has not ended; ends it where it must.

        Raises:
            SessionRefused.
            TelesphorError: it could not be found out.
        """
        with self._lock:
            held = self._held.get(session.id)
            current = held is not None and held.session is session
            over = held is not None and self._is_over(held)
        if not current:
            raise SessionRefused("there is no such session", hint=_SIGN_IN)
        try:
            if over:
                raise SessionRefused("the session has ended", hint=_SIGN_IN)
            self._standing(session.actor)
        except TelesphorError as error:
            if error.kind in _NOT_ABOUT_ACTORS:
                raise
            self.end(session)
            raise SessionRefused("the session has ended", hint=_SIGN_IN, detail=error.code) from None

    def note_presence(self, session: Session) -> None:
        """The session's person is there: put its idle end off. A session that has ended stays so."""
        with self._lock:
            held = self._held.get(session.id)
            if held is not None and held.session is session and not self._is_over(held):
                held.there_ms = max(held.there_ms, self._clock.now_ms())

    def end(self, session: Session) -> None:
        """End a session; harmless where it has ended."""
        with self._lock:
            ended = self._drop(session)
        self._tell([session] if ended else [])

    def end_of(self, actor_id: str) -> None:
        """End all sessions of an actor that `standing` no longer takes, such as one that was retired."""
        with self._lock:
            sessions = [self._held[id].session for id in self._of.get(actor_id, ())]
        for session in sessions:
            try:
                self.check(session)
            except SessionRefused:
                continue

    def sweep(self) -> None:
        """End those that are due: for a job that runs every few seconds."""
        self._tell(self._take_due())

    def on_end(self, listener: Ended) -> None:
        """Have `listener` called, in whatever thread, with each session that has ended."""
        self._listeners.append(listener)

    def idle_ends_ms(self, session: Session) -> int:
        """When the session ends if nobody is there from now on."""
        with self._lock:
            held = self._held.get(session.id)
            there_ms = session.opened_ms if held is None else held.there_ms
        return min(there_ms + self.idle_seconds * 1000, session.expires_ms)

    def _add(self, actor: Actor, secret: str) -> Session:
        id = self._random(ID_BYTES).hex()
        while id in self._held:  # At most one in 200,000 is taken.
            id = self._random(ID_BYTES).hex()
        now_ms = self._clock.now_ms()
        session = Session(id, actor, now_ms, now_ms + SESSION_SECONDS_MAX * 1000)
        self._held[id] = _Held(session, _hash(secret), now_ms)
        self._of[actor.id].add(id)
        return session

    def _make_room(self, actor: Actor) -> list[Session]:
        """Take the sessions that the actor has too many of, when it gets one more."""
        with self._lock:
            own = sorted((self._held[id] for id in self._of.get(actor.id, ())), key=lambda one: one.there_ms)
            surplus = [one.session for one in own[: max(0, len(own) - SESSIONS_OF_ONE_MAX + 1)]]
            return [session for session in surplus if self._drop(session)]

    def _take_due(self) -> list[Session]:
        with self._lock:
            due = [held.session for held in self._held.values() if self._is_over(held)]
            return [session for session in due if self._drop(session)]

    def _is_over(self, held: _Held) -> bool:
        now_ms = self._clock.now_ms()
        return now_ms >= held.session.expires_ms or now_ms >= held.there_ms + self.idle_seconds * 1000

    def _drop(self, session: Session) -> bool:
        held = self._held.get(session.id)
        if held is None or held.session is not session:
            return False
        del self._held[session.id]
        own = self._of[session.actor.id]
        own.discard(session.id)
        if not own:
            del self._of[session.actor.id]
        return True

    def _tell(self, ended: list[Session]) -> None:
        for session in ended:
            for listener in self._listeners:
                try:
                    listener(session)
                except Exception as error:  # noqa: BLE001  one listener must not keep the others from knowing
                    log.error("session listener failed", error=type(error).__name__, exc_info=error)


def find_session(sessions: Sessions, headers: Mapping[str, str], *, id: str, there: bool) -> Session:
    """The session of a request with these headers; `id` is its name as the request gives it.

    Raises:
        SessionRefused: none is named, its cookie is missing or wrong, or another site's page asks.
    """
    if headers.get("sec-fetch-site", "") in _ELSEWHERE:
        raise SessionRefused("the request comes from another site")
    if _ID.fullmatch(id) is None:
        raise SessionRefused("the request names no session", hint=f"send `{SESSION_HEADER}` and its cookie")
    secret = _cookie(headers.get("cookie", ""), COOKIE_PREFIX + id)
    if _SECRET.fullmatch(secret) is None:
        raise SessionRefused("the session's cookie is missing", hint=_SIGN_IN)
    return sessions.find(id, secret, there=there)


def cookie_of(session: Session, secret: str) -> str:
    """The `Set-Cookie` of a session that begins. It lives as long as the browser's own session."""
    return f"{COOKIE_PREFIX}{session.id}={secret}; {_ATTRIBUTES}"


def cookie_without(session: Session) -> str:
    """The `Set-Cookie` that has a browser drop a session's cookie."""
    return f"{COOKIE_PREFIX}{session.id}=; Max-Age=0; {_ATTRIBUTES}"


def _cookie(header: str, name: str) -> str:
    """The value of one cookie; a name that comes twice is refused, for one of them was planted."""
    values = [
        value for key, _, value in (part.strip().partition("=") for part in header.split(";")) if key == name
    ]
    return values[0] if len(values) == 1 else ""


def _hash(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


_NOBODY: Final = bytes(32)
"""No secret has this digest."""

_NOT_ABOUT_ACTORS: Final = frozenset({Kind.STORAGE, Kind.OVERLOADED, Kind.CORRUPT, Kind.INTERNAL})
_SIGN_IN: Final = "sign `session.open/1` for a new one"
_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=Strict"
