"""Values of break-glass: targets, reasons, verdicts, and every bound with its reason."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Meta

from telesphor.capabilities.identity.model import ActorIdField
from telesphor.kernel.ids import ActorId
from telesphor.runtime.capability import Body

GLASS_STREAM: Final = "break-glass"

OFFICER: Final = "privacy-officer"
"""The role of those who watch over emergency access; groups and tokens give it."""

MINUTES_MAX: Final = 60
"""An emergency that lasts longer has time for a grant."""

REAUTHENTICATED_MS: Final = 5 * 60_000
"""How long ago the sign-in by passkey may be: reaching a bedside with it takes less."""

CHALLENGE_MS: Final = 60_000
"""How long a challenge waits for the keys' answer: two requests of one program."""

OPENINGS_MAX: Final = 8
"""Of one person within a day. Who needs more has a duty that wants a grant."""

DAY_MS: Final = 24 * 3_600_000

RECIPROCAL_MS: Final = 365 * DAY_MS
"""For so long nobody reviews the emergencies of somebody who reviewed theirs."""

CLOCK_SLACK_MS: Final = 60_000
"""How far the ledger's time may be ahead of the clock, which was set back, before an hour is an hour no more."""

NOTIFIED_MAX: Final = 64
"""Privacy officers of one node; all others with the role find the alarm in their list."""

PAGE_ROWS_MAX: Final = 200

Reauthentication = Literal["passkey", "key"]
Verdict = Literal["justified", "not-justified"]
GlassId = Annotated[
    str, Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36)
]
NonceField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{22}$", max_length=22)]
MinutesField = Annotated[int, Meta(ge=1, le=MINUTES_MAX)]
CountField = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class EmergencyReason(StrEnum):
    """Why what no grant allows must be read."""

    EMERGENCY_TREATMENT = "emergency-treatment"
    UNCONSCIOUS_PATIENT = "unconscious-patient"
    SAFETY_OF_OTHERS = "safety-of-others"
    SYSTEM_FAILURE = "system-failure"
    DISASTER = "disaster"


class Target(Body, frozen=True, kw_only=True):
    """What it is opened for: one object, one visit with what belongs to it, or one patient's record."""

    kind: Literal["object", "visit", "record"]
    id: ActorIdField


class GlassRow(NamedTuple):
    """An emergency access as the ledger says; times are milliseconds since 1970 UTC.

    Attributes:
        position: of the entry that opened it.
        times: which of the person's openings within a day it was.
        state: `open` also once its time is over; whoever asks compares `until_ms`.
        closed_ms: when somebody ended it before its time.
    """

    id: str
    position: int
    actor: ActorId
    target_kind: str
    target: str
    subject: str
    reason: str
    opened_ms: int
    until_ms: int
    passkey: bool
    times: int
    state: Literal["open", "closed", "reviewed"]
    closed_ms: int | None
    reviewer: str | None
    verdict: str | None
