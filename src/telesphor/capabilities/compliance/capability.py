"""What compliance hands to the node: the entries of watches, their commands and their table.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger.
"""

from __future__ import annotations

from telesphor.capabilities.compliance.entries import ENTRIES
from telesphor.capabilities.compliance.service import EndWatch, ExportEntries, OpenWatch, Watches
from telesphor.capabilities.compliance.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "compliance"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def compliance_capability(watches: Watches) -> Capability:
    """Make the capability for a node."""
    commands = (
        CommandType("audit.watch/1", OpenWatch, watches.open_watch),
        CommandType("audit.end/1", EndWatch, watches.end_watch),
        CommandType("audit.export/1", ExportEntries, watches.export_entries),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
