"""Values of the room: epochs, recordings, and what can be refused."""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta

from telesphor.capabilities.visits.life.model import SEATS_MAX
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId, ObjectId

EPOCH_MAX: Final = 2**32 - 1
"""Numbers of keys fit 32 bits on the wire of the room, which counts on from the seconds since 1970."""

RECORDINGS_MAX: Final = 64
"""Recordings of one visit."""

EnvelopesField = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
"""SHA-256 of the envelopes, as hex digits.

Not written as a digest, since whoever makes an epoch chooses it: written so it could name a document of others, which
would then come into the visit's proof.
"""

EpochField = Annotated[int, Meta(ge=1, le=EPOCH_MAX)]
MembersField = Annotated[tuple[ActorId, ...], Meta(min_length=1, max_length=SEATS_MAX)]

StopReason = Literal["asked", "consent", "left", "ended"]
"""Why a recording stopped: somebody asked, not all in the room consent any more, its maker left, the visit ended."""


class EpochRow(NamedTuple):
    """A participant's newest key: its number, for whom it was made, by whom."""

    epoch: int
    participants: tuple[ActorId, ...]
    maker: ActorId


class RecordingRow(NamedTuple):
    """A recording that runs, or ran."""

    object: ObjectId
    maker: ActorId
    started_at: str
    stopped_at: str | None


class RecordingView(NamedTuple):
    """Whether a visit may be recorded now, whether it is, and who in the room has not consented."""

    permitted: bool
    running: RecordingRow | None
    lacking: tuple[ActorId, ...]


class RecordingNotPermitted(TelesphorError):
    """Not everybody in the room consents to the recording, or there is nobody who could."""

    code = "recording-not-permitted"
    kind = Kind.FORBIDDEN


class RecordingRunning(TelesphorError):
    """The visit is being recorded already."""

    code = "recording-running"
    kind = Kind.CONFLICT


class NotRecording(TelesphorError):
    """Nothing is being recorded."""

    code = "not-recording"
    kind = Kind.CONFLICT


class RecordingRefused(TelesphorError):
    """The object is not one that this visit could be recorded into."""

    code = "recording-refused"
    kind = Kind.CONFLICT


class EpochRefused(TelesphorError):
    """The key does not come after its maker's last, or is for somebody who is not in the room."""

    code = "epoch-refused"
    kind = Kind.CONFLICT
