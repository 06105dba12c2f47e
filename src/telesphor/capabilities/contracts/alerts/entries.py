"""The facts of alerts: raised and acknowledged on `alert/<id>`, listed on `access/<who asked>`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from telesphor.capabilities.contracts.alerts.model import PAGE_ROWS_MAX, AboutField, AlertLevel, CodeField
from telesphor.capabilities.contracts.model import ContractIdField
from telesphor.runtime.capability import Body, EntryType


class AlertRaised(Body, frozen=True, kw_only=True):
    """A contract asks somebody to look at something."""

    contract: ContractIdField
    level: AlertLevel
    code: CodeField
    about: AboutField


class AlertAcknowledgedBody(Body, frozen=True, kw_only=True):
    """The entry's actor looks after it."""


class AlertsListed(Body, frozen=True, kw_only=True):
    """The entry's actor was shown so many alerts of a contract."""

    contract: ContractIdField
    which: Literal["open", "all"]
    count: Annotated[int, Meta(ge=0, le=PAGE_ROWS_MAX)]


ALERT_RAISED = EntryType("alert.raised/1", AlertRaised)
ALERT_ACKNOWLEDGED = EntryType("alert.acknowledged/1", AlertAcknowledgedBody)
ALERTS_LISTED = EntryType("alert.listed/1", AlertsListed)

ENTRIES = (ALERT_RAISED, ALERT_ACKNOWLEDGED, ALERTS_LISTED)
