"""What alerts hand to the node: their entries, their commands and their table.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger. `RAISE_ALERT` stands in no
registry: contracts alone have it given, as an effect.
"""

from __future__ import annotations

from functools import partial

from telesphor.capabilities.access.service import authorise
from telesphor.capabilities.contracts.alerts.entries import ENTRIES
from telesphor.capabilities.contracts.alerts.service import (
    AcknowledgeAlert,
    AskAccess,
    ListAlerts,
    RaiseAlert,
    acknowledge_alert,
    list_alerts,
    raise_alert,
)
from telesphor.capabilities.contracts.alerts.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "alerts"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)
RAISE_ALERT = CommandType("alert.raise/1", RaiseAlert, raise_alert)


def alerts_capability(ask: AskAccess = authorise) -> Capability:
    """Make the capability for a node.

    Args:
        ask: the rules of access, with all their sources.
    """
    commands = (
        CommandType("alert.acknowledge/1", AcknowledgeAlert, partial(acknowledge_alert, ask=ask)),
        CommandType("alert.list/1", ListAlerts, partial(list_alerts, ask=ask)),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
