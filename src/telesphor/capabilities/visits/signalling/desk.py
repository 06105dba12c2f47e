"""The desk that relays: it knows the rooms of this node, and which live connection holds which place.

All of it runs in the event loop; only the question who is admitted runs in a thread. The answer is
believed until an entry of the visit says otherwise (`changed`), at most `ADMITTED_SECONDS_MAX`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec

from telesphor.capabilities.visits.signalling.ice import IceServers
from telesphor.capabilities.visits.signalling.model import (
    ADMITTED_SECONDS_MAX,
    GRACE_SECONDS,
    ROOMS_MAX,
    TOPIC_PREFIX,
    Admitted,
    Join,
    Key,
    Leave,
    Message,
    NotAdmitted,
    Participant,
    RoomsFull,
    Sealed,
    Show,
    Signal,
    read_message,
    read_topic,
)
from telesphor.capabilities.visits.signalling.room import Place, Room
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import VisitId

OUTSIDE: Final = frozenset(
    {
        "visit.begun/1", "visit.admitted/1", "visit.returned/1", "visit.removed/1", "visit.left/1",
        "visit.ended/1", "visit.closed/1", "visit.consent-withdrawn/1",
    }
)  # fmt: skip
"""Types of entries after which `changed` is called: whoever was in the room may not be any more."""


class Signer(Protocol):
    """Who is connected."""

    @property
    def id(self) -> str: ...


class Connection(Protocol):
    """A live connection, as the hub hands it over."""

    @property
    def id(self) -> str: ...
    @property
    def actor(self) -> Signer: ...
    def send(self, message: dict[str, Any], /) -> object: ...


class Hub(Protocol):
    """What the desk needs of the node's live connections."""

    def on(
        self, prefix: str, handler: Callable[[Any, dict[str, Any]], Awaitable[None] | None], /
    ) -> object: ...
    def on_close(self, handler: Callable[[Any], None], /) -> object: ...


class SignallingDesk:
    """The rooms of one node.

    Args:
        admitted: who is admitted to a visit now.
        clock: for the age of that answer, and for the numbers of epochs.
        ice: the servers by which browsers of different networks find each other.
    """

    def __init__(self, *, admitted: Admitted, clock: Clock, ice: IceServers | None = None) -> None:
        self._admitted = admitted
        self._clock = clock
        self._ice = ice or IceServers()
        self._rooms: dict[VisitId, _Open] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def attach(self, hub: Hub) -> None:
        """Take what is said on `room/…`, and know when a connection ends."""
        hub.on(TOPIC_PREFIX, self.handle)
        hub.on_close(self.closed)

    async def handle(self, connection: Connection, message: dict[str, Any]) -> None:
        """Do what one message asks.

        Raises `SignalRefused`, `InvalidId`, `NotAdmitted`, `PlaceTaken`, `PeerAbsent`, `EpochPassed` and
        `RoomsFull`; the hub tells them to the browser, and the connection goes on.
        """
        self._loop = asyncio.get_running_loop()
        parsed = read_message(message)
        visit = read_topic(parsed.topic)
        # The room is there before the question, so that `changed` finds it while the answer is under way.
        opened = self._open(visit)
        opened.visitors += 1
        try:
            await self._do(connection, visit, opened, parsed)
        finally:
            opened.visitors -= 1
            self._forget_empty(visit, opened)

    def closed(self, connection: Connection) -> None:
        """A connection ended: its places wait for it a while, and are then given up."""
        actor = connection.actor.id
        for visit, opened in list(self._rooms.items()):
            opened.connections.pop(connection.id, None)
            if opened.room.disconnect(actor, connection=connection.id):
                self._expect_back(visit, opened, actor)

    def changed(self, visit: str) -> None:
        """An entry changed who is admitted: look again at once. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._look_soon, VisitId(visit))

    async def _do(self, connection: Connection, visit: VisitId, opened: _Open, message: Message) -> None:
        if isinstance(message, Leave):
            self._leave(connection, visit, opened)
            return
        participant = await self._require_admitted(connection, visit, opened, fresh=isinstance(message, Join))
        if isinstance(message, Join):
            self._join(connection, visit, opened, participant, tab=message.tab)
        else:
            self._relay(connection, visit, opened, message)

    def _look_soon(self, visit: VisitId) -> None:
        opened = self._rooms.get(visit)
        if opened is not None:
            task = asyncio.ensure_future(self._look(visit, opened))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _look(self, visit: VisitId, opened: _Open) -> None:
        try:
            await self._ask_admitted(visit, opened)
        except TelesphorError:
            self._settle(visit, opened, ())

    async def _require_admitted(
        self, connection: Connection, visit: VisitId, opened: _Open, *, fresh: bool
    ) -> Participant:
        if fresh or self._clock.now_ms() - opened.asked_ms > ADMITTED_SECONDS_MAX * 1_000:
            await self._ask_admitted(visit, opened)
        for participant in opened.admitted:
            if participant.actor == connection.actor.id:
                return participant
        raise NotAdmitted("you are not in the room of this visit now", hint="wait until you are admitted")

    async def _ask_admitted(self, visit: VisitId, opened: _Open) -> None:
        opened.asked += 1
        number, asked_ms = opened.asked, self._clock.now_ms()
        admitted = await asyncio.to_thread(self._admitted, visit)
        # Several questions may be under way: an answer never stands against one that was asked later.
        if number > opened.answered:
            opened.answered, opened.asked_ms = number, asked_ms
            self._settle(visit, opened, admitted)

    def _settle(self, visit: VisitId, opened: _Open, admitted: tuple[Participant, ...]) -> None:
        """Take out whoever is not admitted any more."""
        opened.admitted = admitted
        staying = {participant.actor for participant in admitted}
        gone = [place for place in opened.room.places() if place.participant.actor not in staying]
        for place in gone:
            opened.room.drop(place.participant.actor, now_s=self._now_s())
            opened.tell(place, {"topic": _topic(visit), "kind": "out"})
            opened.connections.pop(place.connection or "", None)
        if gone:
            self._announce(visit, opened)

    def _join(
        self, connection: Connection, visit: VisitId, opened: _Open, participant: Participant, *, tab: str
    ) -> None:
        before = opened.room.epoch
        lost = opened.room.join(participant, tab=tab, connection=connection.id, now_s=self._now_s())
        if lost is not None and (former := opened.connections.pop(lost, None)) is not None:
            former.send({"topic": _topic(visit), "kind": "replaced"})
        opened.connections[connection.id] = connection
        if opened.room.epoch != before:
            self._announce(visit, opened)
        else:
            connection.send(self._present(visit, opened.room, you=participant.actor))

    def _leave(self, connection: Connection, visit: VisitId, opened: _Open) -> None:
        opened.room.holder(connection.actor.id, connection=connection.id)
        opened.connections.pop(connection.id, None)
        opened.room.drop(connection.actor.id, now_s=self._now_s())
        self._announce(visit, opened)

    def _relay(self, connection: Connection, visit: VisitId, opened: _Open, message: Message) -> None:
        room, actor = opened.room, connection.actor.id
        place = room.holder(actor, connection=connection.id)
        head = {"topic": _topic(visit), "from": actor, "tab": place.tab}
        match message:
            case Signal(to=to, to_tab=to_tab, body=body):
                told = {**head, "kind": "signal", "body": msgspec.to_builtins(body)}
                opened.tell(room.peer(to, tab=to_tab), told)
            case Key(epoch=epoch, body=text):
                room.check_epoch(epoch)
                opened.tell_others(actor, {**head, "kind": "key", "epoch": epoch, "body": text})
            case Sealed(epoch=epoch, body=text):
                room.check_epoch(epoch)
                opened.tell_others(actor, {**head, "kind": "sealed", "epoch": epoch, "body": text})
            case Show(body=media):
                place.media = media
                opened.tell_others(actor, {**head, "kind": "state", "body": msgspec.to_builtins(media)})

    def _open(self, visit: VisitId) -> _Open:
        opened = self._rooms.get(visit)
        if opened is None:
            if len(self._rooms) >= ROOMS_MAX:
                raise RoomsFull(f"this node keeps at most {ROOMS_MAX} rooms")
            opened = self._rooms[visit] = _Open()
        return opened

    def _announce(self, visit: VisitId, opened: _Open) -> None:
        for place in opened.room.places():
            opened.tell(place, self._present(visit, opened.room, you=place.participant.actor))
        self._forget_empty(visit, opened)

    def _forget_empty(self, visit: VisitId, opened: _Open) -> None:
        if len(opened.room) == 0 and opened.visitors == 0 and self._rooms.get(visit) is opened:
            del self._rooms[visit]

    def _expect_back(self, visit: VisitId, opened: _Open, actor: str) -> None:
        place = opened.room.place_of(actor)
        if place is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(
                self._loop.call_later, GRACE_SECONDS, self._give_up, visit, opened, actor, place.tab
            )

    def _give_up(self, visit: VisitId, opened: _Open, actor: str, tab: str) -> None:
        if opened.room.drop_absent(actor, tab=tab, now_s=self._now_s()) and self._rooms.get(visit) is opened:
            self._announce(visit, opened)

    def _present(self, visit: VisitId, room: Room, *, you: str) -> dict[str, Any]:
        told = {
            "topic": _topic(visit),
            "kind": "present",
            "epoch": room.epoch,
            "you": you,
            "roster": _roster(room),
        }
        ice = self._ice.told_to(you, now_s=self._now_s())
        return {**told, "ice": ice, "relay_only": self._ice.relay_only}

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1_000


class _Open:
    """A room with the connections of those who are in it."""

    def __init__(self) -> None:
        self.room = Room()
        self.connections: dict[str, Connection] = {}
        self.admitted: tuple[Participant, ...] = ()
        self.asked_ms = 0
        self.visitors = 0
        self.asked = 0
        self.answered = 0

    def tell(self, place: Place, message: dict[str, Any]) -> None:
        """Send to one, if it is connected now."""
        connection = self.connections.get(place.connection or "")
        if connection is not None:
            connection.send(message)

    def tell_others(self, actor: str, message: dict[str, Any]) -> None:
        """Send to everybody in the room but one."""
        for place in self.room.places():
            if place.participant.actor != actor:
                self.tell(place, message)


def _roster(room: Room) -> list[dict[str, Any]]:
    return [
        {
            "actor": place.participant.actor,
            "role": place.participant.role,
            "tab": place.tab,
            "keys": list(place.participant.keys),
            "kem": place.participant.kem,
            "state": msgspec.to_builtins(place.media),
        }
        for place in room.places()
    ]


def _topic(visit: VisitId) -> str:
    return f"{TOPIC_PREFIX}{visit}"
