"""What break-glass hands to the node: its entries, its commands and its tables.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger.
"""

from __future__ import annotations

from telesphor.capabilities.access.breakglass import service, views
from telesphor.capabilities.access.breakglass.entries import ENTRIES
from telesphor.capabilities.access.breakglass.service import Authorise, BreakGlassDesk, on_record
from telesphor.capabilities.access.breakglass.store import STORE
from telesphor.capabilities.access.subjects import FindResource
from telesphor.kernel.clock import Clock
from telesphor.runtime.capability import Capability, CommandType

NAME = "breakglass"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def breakglass_capability(*, authorise: Authorise, find_resource: FindResource, clock: Clock) -> Capability:
    """Make the capability for a node.

    Args:
        authorise: the rules of access, asked with the action `break-glass`.
        find_resource: what an object or a visit is, as the capability that owns it knows it.
        clock: the machine's.
    """
    desk = BreakGlassDesk(authorise=authorise, find_resource=find_resource, clock=clock)
    commands = (
        CommandType("break-glass.challenge/1", service.AskGlassChallenge, service.ask_challenge),
        CommandType(
            "break-glass.open/1", service.OpenGlass, on_record("break-glass.open/1", desk.open_glass)
        ),
        CommandType(
            "break-glass.close/1", service.CloseGlass, on_record("break-glass.close/1", service.close_glass)
        ),
        CommandType(
            "break-glass.acknowledge/1",
            service.AcknowledgeGlass,
            on_record("break-glass.acknowledge/1", service.acknowledge_glass),
        ),
        CommandType(
            "break-glass.review/1",
            service.ReviewGlass,
            on_record("break-glass.review/1", service.review_glass),
        ),
        CommandType("break-glass.forbid/1", service.ForbidGlass, service.forbid_glass),
        CommandType("break-glass.list/1", views.ListGlasses, views.list_glasses),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
