"""What uses hand to the node: their entries, their commands and their table.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger.
"""

from __future__ import annotations

from telesphor.capabilities.access.subjects import FindResource
from telesphor.capabilities.access.uses import service
from telesphor.capabilities.access.uses.entries import ENTRIES
from telesphor.capabilities.access.uses.service import Authorise, UseDesk
from telesphor.capabilities.access.uses.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "uses"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def uses_capability(*, authorise: Authorise, find_resource: FindResource) -> Capability:
    """Make the capability for a node; the arguments are those of `UseDesk`."""
    desk = UseDesk(authorise=authorise, find_resource=find_resource)
    commands = (
        CommandType("use.note/1", service.NoteUse, desk.note_use),
        CommandType("access-log.read/1", service.ReadLog, desk.read_log),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
