"""What messages hand to the node: their entries, commands and tables.

`RECORDED` is the part that decides nothing, enough to read and to replay a ledger. That retention ended is no command
of the registry: see `retention`.
"""

from __future__ import annotations

from telesphor.capabilities.messages import receiving, sending, threads, watching
from telesphor.capabilities.messages.entries import ENTRIES
from telesphor.capabilities.messages.envelopes.shelf import Shelf
from telesphor.capabilities.messages.exporting import ExportDesk
from telesphor.capabilities.messages.finding import Authorise
from telesphor.capabilities.messages.store import STORE
from telesphor.runtime.capability import Capability, CommandType
from telesphor.runtime.tickets import Tickets

NAME = "messages"
RECORDED = Capability(NAME, entries=ENTRIES, store=STORE)


def messages_capability(*, authorise: Authorise, tickets: Tickets, shelf: Shelf) -> Capability:
    """Make the capability for a node.

    Args:
        authorise: the rules of access.
        tickets: the node's tickets.
        shelf: its envelopes.
    """
    desk = threads.ThreadDesk(authorise=authorise, tickets=tickets)
    letters = sending.SendingDesk(authorise=authorise, shelf=shelf)
    receipts = receiving.ReceivingDesk(authorise=authorise, tickets=tickets)
    watch = watching.WatchingDesk(authorise=authorise, tickets=tickets)
    exports = ExportDesk(authorise=authorise, tickets=tickets)
    commands = (
        CommandType("thread.open/1", threads.OpenThread, desk.open_thread),
        CommandType("thread.add/1", threads.AddMember, desk.add_member),
        CommandType("thread.remove/1", threads.RemoveMember, threads.remove_member),
        CommandType("thread.leave/1", threads.AboutThread, threads.leave_thread),
        CommandType("thread.enter/1", threads.AboutThread, desk.enter_thread),
        CommandType("thread.retain/1", threads.SetRetention, desk.set_retention),
        CommandType("thread.hold/1", threads.NameHold, desk.lay_hold),
        CommandType("thread.lift-hold/1", threads.NameHold, desk.lift_hold),
        CommandType("thread.archive/1", threads.AboutThread, desk.archive),
        CommandType("thread.restore/1", threads.AboutThread, desk.restore),
        CommandType("thread.export/1", threads.AboutThread, exports.decide),
        CommandType("message.send/1", sending.SendMessage, letters.send),
        CommandType("message.edit/1", sending.EditMessage, letters.edit),
        CommandType("message.recall/1", sending.NameMessage, sending.recall_message),
        CommandType("message.receive/1", receiving.NameMessages, receipts.receive),
        CommandType("message.read/1", receiving.NameMessages, receiving.read_messages),
        CommandType("message.release/1", sending.NameMessage, watch.release),
        CommandType("monitor.declare/1", watching.DeclareMonitor, watch.declare),
        CommandType("monitor.dismiss/1", watching.NameMonitor, watch.dismiss),
        CommandType("monitor.open/1", watching.NameMonitor, watch.open),
        CommandType("monitor.look/1", watching.LookAt, watch.look),
        CommandType("monitor.judge/1", watching.Judge, watching.judge),
    )
    return Capability(NAME, entries=ENTRIES, commands=commands, store=STORE)
