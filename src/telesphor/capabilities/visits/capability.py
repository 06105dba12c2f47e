"""What visits hand to the node: their entries, their commands and their tables.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger.
"""

from __future__ import annotations

from telesphor.capabilities.access.sources import NOTHING, Sources
from telesphor.capabilities.visits import service
from telesphor.capabilities.visits.entries import ENTRIES
from telesphor.capabilities.visits.service import DecideRead, VisitDesk
from telesphor.capabilities.visits.store import STORE
from telesphor.runtime.capability import Capability, CommandType
from telesphor.runtime.tickets import Tickets

NAME = "visits"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def visits_capability(*, decide_read: DecideRead, tickets: Tickets, sources: Sources = NOTHING) -> Capability:
    """Make the capability for a node.

    Args:
        decide_read: the vault's decision of `object.read/1`.
        tickets: the node's tickets.
        sources: what decisions of access are told.
    """
    desk = VisitDesk(decide_read=decide_read, tickets=tickets, sources=sources)
    commands = (
        CommandType("visit.open/1", service.OpenVisit, desk.open_visit),
        CommandType("visit.open-on-proof/1", service.OpenVisitOnProof, desk.open_visit_on_proof),
        CommandType("visit.read-object/1", service.ReadInVisit, desk.read_object),
        CommandType("visit.add-object/1", service.AddToVisit, service.add_object),
        CommandType("visit.link/1", service.LinkToVisit, service.link_ground),
        CommandType("visit.record-reading/1", service.RecordInVisit, desk.record_reading),
        CommandType("visit.close/1", service.CloseVisit, desk.close_visit),
        CommandType("visit.export/1", service.ExportVisit, desk.export_visit),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
