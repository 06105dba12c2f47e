"""The words of the wire: what a browser may say in a room, how large, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import VisitId, parse_id

TOPIC_PREFIX = "room/"

PLACES_MAX = 6
"""People in a room: the visit's seats. A mesh of more would ask too much of a phone."""

ROOMS_MAX = 10_000
"""Rooms at once; each needs somebody who is admitted and connected, so this only bounds a fault."""

GRACE_SECONDS = 5.0
"""A lost connection keeps its place so long: within it a browser comes back, and nobody changes keys."""

ADMITTED_SECONDS_MAX = 1.0
"""How long the answer who is admitted is believed, where no entry said that it changed."""

TAB_CHARS = 22
SDP_CHARS_MAX = 40_000
"""A description with three media and every candidate has about 6,000; a frame of the connection 65,536."""

CANDIDATE_CHARS_MAX = 2_000
SEALED_CHARS_MAX = 44_000
"""Base64url of 32 KiB: a chat message is at most a page."""

KEY_CHARS_MAX = 60_000
"""A signed envelope for five recipients: five seals of 1.6 kB and two signatures of 4.5 kB, in base64url twice."""

TabField = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9_-]{{{TAB_CHARS}}}$")]
ActorField = Annotated[str, Meta(min_length=36, max_length=36)]
EpochField = Annotated[int, Meta(ge=1, le=2**32 - 1)]


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    topic: Annotated[str, Meta(max_length=120)]


class Join(_Message, frozen=True, kw_only=True, tag="join"):
    """I am in the room with this tab."""

    tab: TabField


class Leave(_Message, frozen=True, kw_only=True, tag="leave"):
    """I left the room."""


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What WebRTC calls a session description."""

    type: Literal["offer", "answer"]
    sdp: Annotated[str, Meta(max_length=SDP_CHARS_MAX)]


class Candidate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One address at which a browser may be reached, as `RTCIceCandidate.toJSON` writes it."""

    candidate: Annotated[str, Meta(max_length=CANDIDATE_CHARS_MAX)]
    sdpMid: Annotated[str, Meta(max_length=16)] | None = None
    sdpMLineIndex: Annotated[int, Meta(ge=0, le=64)] | None = None
    usernameFragment: Annotated[str, Meta(max_length=256)] | None = None


class SignalBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A description, a candidate, or the wish to be sent a key that did not arrive."""

    description: Description | None = None
    candidate: Candidate | None = None
    ask: Literal["key"] | None = None


class Signal(_Message, frozen=True, kw_only=True, tag="signal"):
    """Negotiation with one other: `to` is an actor, `to_tab` the tab that it is meant for."""

    to: ActorField
    to_tab: TabField
    body: SignalBody


class Key(_Message, frozen=True, kw_only=True, tag="key"):
    """My sender's key of this epoch: a signed envelope for all others in the room."""

    epoch: EpochField
    body: Annotated[str, Meta(max_length=KEY_CHARS_MAX)]


class Sealed(_Message, frozen=True, kw_only=True, tag="sealed"):
    """Something said in the room, sealed under the epoch's keys."""

    epoch: EpochField
    body: Annotated[str, Meta(max_length=SEALED_CHARS_MAX, pattern=r"^[A-Za-z0-9_-]+$")]


class Media(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the others show beside a name."""

    microphone: bool = False
    camera: bool = False
    screen: bool = False
    quality: Literal["good", "poor", "audio-only"] = "good"


class Show(_Message, frozen=True, kw_only=True, tag="state"):
    """My microphone, camera and screen are on or off."""

    body: Media


Message = Join | Leave | Signal | Key | Sealed | Show


class Participant(NamedTuple):
    """Somebody who is admitted now: the role in the visit, and the public keys registered for the actor.

    `keys` are the two JWKs it signs with, `kem` the base64url of the X-Wing key to seal to.
    """

    actor: str
    role: str
    keys: tuple[Mapping[str, str], ...]
    kem: str


class Admitted(Protocol):
    """Who is admitted to a visit at this moment. Reads the database, so it is called in a thread."""

    def __call__(self, visit: VisitId) -> tuple[Participant, ...]: ...


class SignalRefused(TelesphorError):
    """The message is not one that the room knows."""

    code = "signal-refused"
    kind = Kind.INVALID


class NotAdmitted(TelesphorError):
    """The actor is not admitted to the visit's room at this moment."""

    code = "not-admitted"
    kind = Kind.FORBIDDEN


class PlaceTaken(TelesphorError):
    """The connection has no place in the room: it did not join, or another tab took its place."""

    code = "place-taken"
    kind = Kind.CONFLICT


class PeerAbsent(TelesphorError):
    """Whom the message is for is not in the room, or came back with another tab."""

    code = "peer-absent"
    kind = Kind.NOT_FOUND


class EpochPassed(TelesphorError):
    """The message belongs to an epoch that is not the room's."""

    code = "epoch-passed"
    kind = Kind.CONFLICT


class RoomsFull(TelesphorError):
    """There are as many rooms as the node keeps, or as many people in this one."""

    code = "rooms-full"
    kind = Kind.OVERLOADED


def read_message(message: Mapping[str, Any]) -> Message:
    """Parse what a browser said. Raises `SignalRefused`, which names no value."""
    try:
        parsed: Message = msgspec.convert(message, Message, strict=True)
    except msgspec.ValidationError as error:
        raise SignalRefused("the message is not one of the room's", detail=str(error)) from error
    return parsed


def read_topic(topic: str) -> VisitId:
    """The visit of a topic `room/<visit>`. Raises `InvalidId`."""
    return VisitId(parse_id(topic.removeprefix(TOPIC_PREFIX)))
