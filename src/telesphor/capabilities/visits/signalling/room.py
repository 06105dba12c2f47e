"""One room: who has a place in it, with which tab, and in which epoch. No connection, no clock, no wire."""

from __future__ import annotations

from dataclasses import dataclass, field

from telesphor.capabilities.visits.signalling.model import (
    PLACES_MAX,
    EpochPassed,
    Media,
    Participant,
    PeerAbsent,
    PlaceTaken,
    RoomsFull,
)


@dataclass
class Place:
    """One person's place.

    Attributes:
        connection: id of the live connection that holds it, or nothing while it is expected back.
    """

    participant: Participant
    tab: str
    connection: str | None
    media: Media = field(default_factory=Media)


class Room:
    """The places of one visit's room.

    Methods that change who is in the room, or with which tab, begin a new epoch.
    """

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._places)

    @property
    def epoch(self) -> int:
        """The number of the present epoch."""
        return self._epoch

    def places(self) -> list[Place]:
        """Everybody's place, by actor: the order in which senders are numbered."""
        return [self._places[actor] for actor in sorted(self._places)]

    def place_of(self, actor: str) -> Place | None:
        """The place of an actor, if it has one."""
        return self._places.get(actor)

    def join(self, participant: Participant, *, tab: str, connection: str, now_s: int) -> str | None:
        """Take or take back a place; returns the connection that lost it to this one.

        The same tab coming back leaves the epoch as it is. Raises `RoomsFull`.
        """
        held = self._places.get(participant.actor)
        if held is None and len(self._places) >= PLACES_MAX:
            raise RoomsFull(f"a room has at most {PLACES_MAX} people")
        lost = held.connection if held is not None and held.connection != connection else None
        if held is not None and held.tab == tab and held.participant == participant:
            held.connection = connection
            return lost
        self._places[participant.actor] = Place(participant, tab, connection)
        self._begin_epoch(now_s)
        return lost

    def disconnect(self, actor: str, *, connection: str) -> bool:
        """Note that a connection was lost; whether it held the actor's place."""
        place = self._places.get(actor)
        if place is None or place.connection != connection:
            return False
        place.connection = None
        return True

    def drop_absent(self, actor: str, *, tab: str, now_s: int) -> bool:
        """Give up the place of somebody who did not come back; whether there was one to give up."""
        place = self._places.get(actor)
        if place is None or place.tab != tab or place.connection is not None:
            return False
        return self.drop(actor, now_s=now_s)

    def drop(self, actor: str, *, now_s: int) -> bool:
        """Take an actor out of the room; whether it was in it."""
        if self._places.pop(actor, None) is None:
            return False
        self._begin_epoch(now_s)
        return True

    def holder(self, actor: str, *, connection: str) -> Place:
        """The actor's place, held by this connection. Raises `PlaceTaken`."""
        place = self._places.get(actor)
        if place is None or place.connection != connection:
            raise PlaceTaken(
                "this connection has no place in the room", hint="join, or go on in the other tab"
            )
        return place

    def peer(self, actor: str, *, tab: str) -> Place:
        """The place a message is for. Raises `PeerAbsent`."""
        place = self._places.get(actor)
        if place is None or place.tab != tab or place.connection is None:
            raise PeerAbsent("the other one is not in the room with that tab now")
        return place

    def check_epoch(self, epoch: int) -> None:
        """Raises `EpochPassed` unless it is the present one."""
        if epoch != self._epoch:
            raise EpochPassed(f"the room is in epoch {self._epoch}, not {epoch}")

    def _begin_epoch(self, now_s: int) -> None:
        # Seconds since 1970, so that a node that started again goes on behind the numbers it gave before.
        self._epoch = max(self._epoch + 1, now_s)
