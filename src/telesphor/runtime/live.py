"""What people see without asking: one WebSocket per tab, over which the node tells what has just happened.

`GET /v1/live?session=<session>` with the session's cookie, from a page of the node's own origin. Both sides send
JSON objects whose member `topic` says what they are about; `docs/spec/live.md`.

Guarantees
- Nobody is connected without a session, and a connection ends with its session.
- A page of another site cannot connect, though a browser sends cookies along (RFC 6455, section 10.2).
- What comes in is bounded in size and rate: a flood ends its connection and no other.
- What goes out waits in a bounded queue: who does not read is disconnected, and nobody waits for it. A client that
  comes back asks for what it missed: nothing here is the only copy of anything.
- Nothing is told to somebody because it asked: capabilities say who is told (`publish`), or who may listen to a topic
  (`permit`), which is asked again while it listens.

Safe between threads where it says so. Start at `Hub`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, urlsplit

from litestar.types import Receive, Scope, Send

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.runtime.connection import (
    NORMAL,
    REPLACED,
    SESSION_OVER,
    TOPIC,
    Connection,
    Message,
    Misbehaved,
    encode_message,
)
from telesphor.runtime.problems import deny_handshake, problem_of
from telesphor.runtime.sessions import Session, Sessions, find_session
from telesphor.runtime.telemetry import log

__all__ = ["LIVE_PATH", "Connection", "Hub"]

LIVE_PATH: Final = "/v1/live"
HUB_TOPIC: Final = "hub"

CONNECTIONS_MAX: Final = 4_096
"""Each has some 100 KiB of buffers when it is slow: 400 MB at the worst."""

CONNECTIONS_OF_SESSION_MAX: Final = 4
"""A tab has one; after a lost network the old one is noticed later than the new one comes."""

TOPICS_OF_ONE_MAX: Final = 32
"""What one screen listens to."""

HANDLER_SECONDS: Final = 10.0
"""For one message to be handled; what its sender says next waits meanwhile."""

GOODBYE_SECONDS: Final = 2.0
REVIEW_SECONDS: Final = 30.0
"""How long somebody may go on listening to what was just taken from it, where no entry says so earlier."""

Found = TypeVar("Found")


class OriginRefused(TelesphorError):
    """The page that wants to connect is not this node's."""

    code = "origin-refused"
    kind = Kind.FORBIDDEN


class LiveFull(TelesphorError):
    """As many are connected as the node serves."""

    code = "live-full"
    kind = Kind.OVERLOADED


class TopicRefused(TelesphorError):
    """Nobody here answers to this topic, or nobody may listen to it."""

    code = "topic-refused"
    kind = Kind.NOT_FOUND


class TopicsFull(TelesphorError):
    """The connection listens to as many topics as one may."""

    code = "topics-full"
    kind = Kind.CONFLICT


class MessageRefused(TelesphorError):
    """The message does not have the form that its topic takes."""

    code = "message-refused"
    kind = Kind.INVALID


class MessageLate(TelesphorError):
    """The node was too busy to handle the message."""

    code = "message-late"
    kind = Kind.OVERLOADED


Handler = Callable[[Connection, dict[str, Any]], Awaitable[None] | None]
CloseHandler = Callable[[Connection], Awaitable[None] | None]
Check = Callable[[Session, str], None]


class Hub:
    """All connections of one node.

    Args:
        ids: names the connections.
        site: host, and port where that is not 443, under which browsers reach the node.
    """

    def __init__(
        self, sessions: Sessions, *, ids: IdSource, site: str, connections_max: int = CONNECTIONS_MAX
    ) -> None:
        self._sessions = sessions
        self._ids = ids
        self._site = site
        self._max = connections_max
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reviews: asyncio.Task[None] | None = None
        # Tuples are replaced, never changed, so that any thread may read them.
        self._of_actor: dict[str, tuple[Connection, ...]] = {}
        self._of_session: dict[str, tuple[Connection, ...]] = {}
        self._listeners: dict[str, tuple[Connection, ...]] = {}
        self._count = 0
        self._handlers: dict[str, Handler] = {HUB_TOPIC: self._answer}
        self._close_handlers: list[CloseHandler] = []
        self._checks: dict[str, Check] = {}
        sessions.on_end(self._end_session)

    def __len__(self) -> int:
        return self._count

    # For capabilities.

    def on(self, prefix: str, handler: Handler) -> None:
        """Have `handler` called with each message whose topic begins with `prefix`; the longest prefix wins.

        It runs in the event loop, one message of a connection after the other: it is quick, or a coroutine that
        leaves what blocks to a thread. A `TelesphorError` is told to the sender.
        """
        assert prefix not in self._handlers, "two handlers of one prefix"
        self._handlers[prefix] = handler

    def on_close(self, handler: CloseHandler) -> None:
        """Have `handler` called, in the event loop, with each connection that has ended."""
        self._close_handlers.append(handler)

    def permit(self, prefix: str, check: Check) -> None:
        """Let `check` say who may listen to topics that begin with `prefix`: it raises a `TelesphorError` or not.

        It runs in a thread and may block. It is asked again every `REVIEW_SECONDS`.
        """
        assert prefix not in self._checks, "two checks of one prefix"
        self._checks[prefix] = check

    def publish(self, actors: Iterable[str], message: Message) -> None:
        """Tell all connections of these actors. From any thread; never blocks."""
        self._tell(
            lambda: [one for actor in dict.fromkeys(actors) for one in self.connections_of(actor)], message
        )

    def announce(self, topic: str, message: Message) -> None:
        """Tell all who listen to a topic. From any thread; never blocks."""
        self._tell(lambda: self._listeners.get(topic, ()), {**message, "topic": topic})

    def connections_of(self, actor: str) -> tuple[Connection, ...]:
        """The connections of an actor now. From any thread."""
        return self._of_actor.get(actor, ())

    def is_connected(self, actor: str) -> bool:
        """Whether an actor has a connection now. From any thread."""
        return actor in self._of_actor

    def _tell(self, whom: Callable[[], Iterable[Connection]], message: Message) -> None:
        found = tuple(whom())
        if not found:
            return
        text = encode_message(message)

        def queue() -> None:
            for connection in found:
                connection.queue(text)

        self.in_loop(queue)

    def in_loop(self, act: Callable[[], None]) -> None:
        """Run `act` in the event loop: now, where this is it, or soon. From any thread."""
        loop = self._loop
        if loop is None:
            return
        try:
            if asyncio.get_running_loop() is loop:
                act()
                return
        except RuntimeError:  # This thread has no loop.
            pass
        try:
            loop.call_soon_threadsafe(act)
        except RuntimeError:  # The loop has ended, and all connections with it.
            return

    # One connection.

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application of one WebSocket (ASGI)."""
        await receive()  # websocket.connect
        try:
            session = await asyncio.to_thread(self._admit, scope)
            if self._count >= self._max:
                raise LiveFull("too many are connected", hint="try again in some minutes")
        except Exception as error:  # noqa: BLE001  whatever is refused is a problem document
            await deny_handshake(scope, send, error)
            return
        self._begin()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        connection = Connection(self._ids.next(), session, self)
        self._add(connection)
        connection.send(
            {"topic": HUB_TOPIC, "event": "open", "connection": connection.id, "actor": connection.actor.id}
        )
        # It may have ended, and been forgotten, while the connection was made.
        if not await asyncio.to_thread(self._holds, session):
            connection.end(SESSION_OVER, "session ended")
        try:
            await self._run(connection, receive, send)
        finally:
            await self._remove(connection)

    async def stop(self) -> None:
        """Look after nobody any more; awaited when the node takes no more requests."""
        if self._reviews is not None:
            self._reviews.cancel()
            self._reviews = None
        self._loop = None

    def _admit(self, scope: Scope) -> Session:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        check_origin(headers.get("origin", ""), host=headers.get("host", ""), site=self._site)
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8)
        named = query.get("session", [""])[0]
        return find_session(self._sessions, headers, id=named, there=True)

    def _holds(self, session: Session) -> bool:
        try:
            self._sessions.check(session)
        except TelesphorError:
            return False
        return True

    async def _run(self, connection: Connection, receive: Receive, send: Send) -> None:
        writing = asyncio.create_task(connection.write(send))
        reading = asyncio.create_task(self._read(connection, receive))
        ending = asyncio.create_task(connection.wait_end())
        tasks = (reading, ending, writing)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            ended = next(task for task in tasks if task in done).result()
        except OSError:  # The other side went away while something was sent.
            ended = None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if ended is not None:
            await _say_goodbye(send, *ended)

    async def _read(self, connection: Connection, receive: Receive) -> tuple[int, str] | None:
        """Handle what comes in; returns how the connection is to end, None when the other side ended it."""
        loop = asyncio.get_running_loop()
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                return None
            try:
                message = connection.admit(event, now=loop.time())
            except Misbehaved as fault:
                return fault.code, fault.reason
            await self._handle(connection, message)

    async def _handle(self, connection: Connection, message: dict[str, Any]) -> None:
        topic = message["topic"]
        try:
            handler = _longest(self._handlers, topic)
            if handler is None:
                raise TopicRefused("nobody answers to this topic")
            async with asyncio.timeout(HANDLER_SECONDS):
                await _settle(handler(connection, message))
        except TimeoutError:
            _tell_refusal(connection, topic, MessageLate("the message took too long", hint="send it again"))
        except Exception as error:  # noqa: BLE001  one message must not end the connection
            _tell_refusal(connection, topic, error)

    async def _answer(self, connection: Connection, message: dict[str, Any]) -> None:
        """What is said to the hub itself."""
        kind, to = message.get("kind"), message.get("to")
        if kind == "active":
            self._sessions.note_presence(connection.session)
        elif kind == "ping" and isinstance(message.get("n"), int):
            connection.send({"topic": HUB_TOPIC, "event": "pong", "n": message["n"]})
        elif kind == "subscribe" and isinstance(to, str):
            await self._subscribe(connection, to)
        elif kind == "unsubscribe" and isinstance(to, str):
            self._unsubscribe(connection, to)
        else:
            raise MessageRefused("the hub takes `active`, `ping`, `subscribe` and `unsubscribe`")

    async def _subscribe(self, connection: Connection, topic: str) -> None:
        if len(connection.topics) >= TOPICS_OF_ONE_MAX:
            raise TopicsFull(f"a connection listens to at most `{TOPICS_OF_ONE_MAX}` topics")
        await asyncio.to_thread(self._check_topic, connection.session, topic)
        if connection in self._listeners.get(topic, ()):
            return
        connection.topics |= {topic}
        self._listeners[topic] = (*self._listeners.get(topic, ()), connection)
        connection.send({"topic": HUB_TOPIC, "event": "subscribed", "to": topic})

    def _unsubscribe(self, connection: Connection, topic: str) -> None:
        if topic not in connection.topics:
            return
        connection.topics -= {topic}
        _take_out(self._listeners, topic, connection)
        connection.send({"topic": HUB_TOPIC, "event": "unsubscribed", "to": topic})

    def _check_topic(self, session: Session, topic: str) -> None:
        check = _longest(self._checks, topic) if TOPIC.fullmatch(topic) else None
        if check is None:
            raise TopicRefused("nobody may listen to this topic")
        check(session, topic)

    # Who is connected; in the event loop alone.

    def _begin(self) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._reviews = self._loop.create_task(self._review_for_ever())

    def _add(self, connection: Connection) -> None:
        self._count += 1
        session, actor = connection.session.id, connection.actor.id
        older = self._of_session.get(session, ())
        self._of_session[session] = (*older, connection)
        self._of_actor[actor] = (*self._of_actor.get(actor, ()), connection)
        for surplus in older[: max(0, len(older) - CONNECTIONS_OF_SESSION_MAX + 1)]:
            surplus.end(REPLACED, "replaced by a newer connection")

    async def _remove(self, connection: Connection) -> None:
        self._count -= 1
        _take_out(self._of_session, connection.session.id, connection)
        _take_out(self._of_actor, connection.actor.id, connection)
        for topic in connection.topics:
            _take_out(self._listeners, topic, connection)
        connection.end(NORMAL, "")
        for handler in self._close_handlers:
            try:
                async with asyncio.timeout(HANDLER_SECONDS):
                    await _settle(handler(connection))
            except Exception as error:  # noqa: BLE001  one handler must not keep the others from knowing
                log.error("live close handler failed", error=type(error).__name__, exc_info=error)

    def _end_session(self, session: Session) -> None:
        """From any thread."""

        def end() -> None:
            for connection in self._of_session.get(session.id, ()):
                if connection.session is session:
                    connection.end(SESSION_OVER, "session ended")

        self.in_loop(end)

    async def _review_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REVIEW_SECONDS)
            await self.review()

    async def review(self) -> None:
        """End what is no longer allowed: sessions, and listening to topics."""
        every = [one for connections in self._of_session.values() for one in connections]
        for connection in every:
            lost = await asyncio.to_thread(self._lost_topics, connection)
            for topic in lost:
                self._unsubscribe(connection, topic)

    def _lost_topics(self, connection: Connection) -> list[str]:
        if not self._holds(connection.session):  # The sessions tell us that it has ended.
            return []
        lost = []
        for topic in sorted(connection.topics):
            try:
                self._check_topic(connection.session, topic)
            except Exception:  # noqa: BLE001  who cannot be shown to be allowed is not
                lost.append(topic)
        return lost


def check_origin(origin: str, *, host: str, site: str) -> None:
    """Let only pages of this node connect.

    Its site by HTTPS is its own; so is a loopback address, under exactly the name by which it was asked, for a
    node on the same machine. A name of somebody else that leads here has neither.

    Raises:
        OriginRefused.
    """
    if origin == f"https://{site}":
        return
    try:
        parts = urlsplit(origin)
        hostname = parts.hostname or ""
    except ValueError:
        hostname = ""
    if not host or origin not in (f"http://{host}", f"https://{host}") or not _is_loopback(hostname):
        raise OriginRefused("the page that asks is not one of this node's")


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


async def _say_goodbye(send: Send, code: int, reason: str) -> None:
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            await send({"type": "websocket.close", "code": code, "reason": reason})
    except (OSError, RuntimeError, TimeoutError):
        return  # It went away by itself.


def _tell_refusal(connection: Connection, topic: str, error: Exception) -> None:
    problem = problem_of(error)
    told = {"topic": HUB_TOPIC, "event": "refused", "of": topic, "code": problem.code}
    connection.send({**told, "message": problem.detail, "hint": problem.hint})


async def _settle(outcome: Awaitable[None] | None) -> None:
    if inspect.isawaitable(outcome):
        await outcome


def _longest(by_prefix: Mapping[str, Found], topic: str) -> Found | None:
    fits = [prefix for prefix in by_prefix if topic.startswith(prefix)]
    return by_prefix[max(fits, key=len)] if fits else None


def _take_out(table: dict[str, tuple[Connection, ...]], key: str, connection: Connection) -> None:
    left = tuple(one for one in table.get(key, ()) if one is not connection)
    if left:
        table[key] = left
    else:
        table.pop(key, None)
