"""What devices hand to the node: their entry, their command and their table.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger.
"""

from __future__ import annotations

from functools import partial

from telesphor.capabilities.access.sources import NOTHING, Sources
from telesphor.capabilities.devices import service
from telesphor.capabilities.devices.entries import ENTRIES
from telesphor.capabilities.devices.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "devices"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def devices_capability(sources: Sources = NOTHING) -> Capability:
    """Make the capability for a node.

    Args:
        sources: what decisions of access are told.
    """
    record = partial(service.record_reading, sources=sources)
    commands = (CommandType("reading.record/1", service.RecordReading, record),)
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
