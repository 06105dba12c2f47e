"""What presentations hand to the node: their entries, their commands and their tables.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger.
"""

from __future__ import annotations

from functools import partial

from telesphor.capabilities.identity.presentations import service
from telesphor.capabilities.identity.presentations.desk import PresentationDesk
from telesphor.capabilities.identity.presentations.entries import ENTRIES
from telesphor.capabilities.identity.presentations.store import STORE
from telesphor.runtime.capability import Capability, CommandType

NAME = "presentations"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def presentations_capability(
    desk: PresentationDesk, *, shown_to: service.ShownTo = service.nobody_else
) -> Capability:
    """Make the capability for a node.

    Args:
        shown_to: to whom holders have shown themselves, besides whoever asked.
    """
    read = partial(service.read_presentation, shown_to=shown_to)
    commands = (
        CommandType("presentation.request/1", service.RequestFactors, desk.request_factors),
        CommandType("presentation.open/1", service.OpenRequest, desk.open_request),
        CommandType("presentation.present/1", service.Present, desk.present),
        CommandType("presentation.read/1", service.ReadPresentation, read),
        CommandType("presentation.withdraw/1", service.WithdrawPresentation, service.withdraw_presentation),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
