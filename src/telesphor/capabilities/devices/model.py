"""Values of devices: the sorts of readings, their bounds, and what can be refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from telesphor.kernel.errors import Kind, TelesphorError

READINGS_MAX = 10_000_000
"""Values in one object: an electrocardiogram at 1,000 Hz for nearly three hours."""

AHEAD_MS_MAX = 300_000
"""How far a device's clock may be ahead of the node's, the same as for its requests."""

READINGS_STREAM = "readings"

ReadingKind = Literal[
    "blood-pressure",
    "body-temperature",
    "body-weight",
    "ecg",
    "glucose",
    "heart-rate",
    "oxygen-saturation",
    "respiratory-rate",
]

CountField = Annotated[int, Meta(ge=1, le=READINGS_MAX)]


@dataclass(frozen=True, slots=True)
class ReadingLine:
    """What the ledger says of one object of readings: no value, for these are sealed."""

    device: str
    kind: str
    count: int
    begin: str
    end: str


class ReadingSpanRefused(TelesphorError):
    """The readings end before they begin, or in the future."""

    code = "reading-span-refused"
    kind = Kind.INVALID


class DeviceNotConnected(TelesphorError):
    """The device is enrolled, and does not stand: it is not connected, or was revoked or put in quarantine."""

    code = "device-not-connected"
    kind = Kind.FORBIDDEN


class ReadingExists(TelesphorError):
    """The object was recorded as readings before."""

    code = "reading-exists"
    kind = Kind.CONFLICT
