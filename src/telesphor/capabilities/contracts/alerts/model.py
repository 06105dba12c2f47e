"""Values of alerts: levels, what they are about, rows, and what can be refused."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, NewType

from msgspec import Meta

from telesphor.kernel.errors import Kind, TelesphorError

AlertId = NewType("AlertId", str)

ALERTS_STREAM = "alert"

ABOUT_MAX = 8
"""A patient, a device, an object, a visit, and as many more."""

PAGE_ROWS_MAX = 200

_ID = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

AlertIdField = Annotated[AlertId, Meta(pattern=f"^{_ID}$", max_length=36)]
AfterField = Annotated[str, Meta(pattern=rf"^(|{_ID})\Z", max_length=36)]
AboutField = Annotated[
    tuple[Annotated[str, Meta(pattern=rf"^([a-z][a-z0-9-]*/)?{_ID}\Z", max_length=80)], ...],
    Meta(max_length=ABOUT_MAX),
]
"""Opaque ids or streams, never names."""

CodeField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*\Z", max_length=64)]
AlertLevel = Literal["information", "warning", "critical"]


class AlertRow(NamedTuple):
    """An alert as the ledger says; the last two are None while it is open."""

    alert: AlertId
    contract: str
    level: AlertLevel
    code: str
    about: tuple[str, ...]
    raised_at: str
    acknowledged_by: str | None
    acknowledged_at: str | None


class AlertMissing(TelesphorError):
    """There is no such alert."""

    code = "alert-missing"
    kind = Kind.NOT_FOUND


class AlertAcknowledged(TelesphorError):
    """Somebody acknowledged it already."""

    code = "alert-acknowledged"
    kind = Kind.CONFLICT
