"""What visits hand to the node: their entries, their commands and their tables.

One capability, since all of its entries stand on the visit's own stream; each noun folds its own. `RECORDED` is the
part that decides nothing, enough to read and to replay a ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import apsw

from telesphor.capabilities.access.sources import NOTHING, Sources
from telesphor.capabilities.visits import service, store
from telesphor.capabilities.visits.consents import entries as consent_entries
from telesphor.capabilities.visits.consents import service as consents
from telesphor.capabilities.visits.consents import store as consent_store
from telesphor.capabilities.visits.entries import ENTRIES, VISIT_OPENED
from telesphor.capabilities.visits.life import entries as life_entries
from telesphor.capabilities.visits.life import identity, seats
from telesphor.capabilities.visits.life import service as life
from telesphor.capabilities.visits.life import store as life_store
from telesphor.capabilities.visits.opening import OpenVisit, stream_of_opening
from telesphor.capabilities.visits.room import entries as room_entries
from telesphor.capabilities.visits.room import service as room
from telesphor.capabilities.visits.room import store as room_store
from telesphor.capabilities.visits.scene import AskAbout, ask_about
from telesphor.capabilities.visits.service import DecideRead, VisitDesk
from telesphor.kernel.ids import parse_stream
from telesphor.runtime.capability import Capability, CommandType, Recorded, Store
from telesphor.runtime.tickets import Tickets

NAME = "visits"

ALL_ENTRIES = (*ENTRIES, *life_entries.ENTRIES, *consent_entries.ENTRIES, *room_entries.ENTRIES)

_STORES = (store, life_store, consent_store, room_store)


def apply(db: apsw.Connection, entry: Recorded) -> None:
    """Fold one entry into the tables of each noun."""
    for one in _STORES:
        one.apply(db, entry)


def open_together(db: apsw.Connection, entries: Sequence[Recorded]) -> None:
    """Fold entries that open visits, by the thousand."""
    opened = [(parse_stream(entry.stream)[1], entry) for entry in entries]
    store.open_visits(db, opened)
    life_store.open_lives(db, opened)


STORE = Store(
    "".join(one.SCHEMA for one in _STORES),
    tuple(table for one in _STORES for table in one.TABLES),
    apply,
    together={VISIT_OPENED.name: open_together},
)
RECORDED = Capability(NAME, entries=ALL_ENTRIES, store=STORE)


def visits_capability(
    *,
    decide_read: DecideRead,
    tickets: Tickets,
    sources: Sources = NOTHING,
    invitations: life.Invitations = life.NO_INVITATIONS,
) -> Capability:
    """Make the capability for a node.

    Args:
        decide_read: the vault's decision of `object.read/1`.
        tickets: the node's tickets.
        sources: what decisions of access are told.
        invitations: the links by which people come.
    """
    desk = VisitDesk(decide_read=decide_read, tickets=tickets, sources=sources)
    ask = partial(ask_about, sources=sources)
    commands = (
        CommandType("visit.open/1", OpenVisit, desk.open_visit, stream=stream_of_opening),
        CommandType("visit.open-on-proof/1", service.OpenVisitOnProof, desk.open_visit_on_proof),
        CommandType("visit.read-object/1", service.ReadInVisit, desk.read_object),
        CommandType("visit.add-object/1", service.AddToVisit, service.add_object),
        CommandType("visit.link/1", service.LinkToVisit, service.link_ground),
        CommandType("visit.record-reading/1", service.RecordInVisit, desk.record_reading),
        CommandType("visit.close/1", service.CloseVisit, desk.close_visit),
        CommandType("visit.export/1", service.ExportVisit, desk.export_visit),
        *_life_commands(ask, sources, invitations),
        *_room_commands(ask),
    )
    return Capability(NAME, entries=ALL_ENTRIES, commands=commands, store=STORE)


def _life_commands(ask: AskAbout, sources: Sources, invitations: life.Invitations) -> tuple[CommandType, ...]:
    lead = life.LifeDesk(ask=ask, sources=sources, invitations=invitations)
    move = seats.SeatDesk(ask=ask)
    identify = identity.IdentityDesk(ask=ask)
    return (
        CommandType("visit.schedule/1", life.ScheduleVisit, lead.schedule_visit),
        CommandType("visit.reschedule/1", life.RescheduleVisit, lead.reschedule_visit),
        CommandType("visit.invite/1", life.InviteToVisit, lead.invite),
        CommandType("visit.end/1", life.EndVisit, lead.end_visit),
        CommandType("visit.check-in/1", seats.CheckIn, move.check_in),
        CommandType("visit.wait/1", seats.Wait, move.wait),
        CommandType("visit.begin/1", seats.Begin, move.begin),
        CommandType("visit.admit/1", seats.Admit, move.admit),
        CommandType("visit.return/1", seats.Return, move.send_back),
        CommandType("visit.remove/1", seats.Remove, move.remove),
        CommandType("visit.leave/1", seats.Leave, move.leave),
        CommandType("visit.confirm-identity/1", identity.ConfirmIdentity, identify.confirm_identity),
        CommandType("visit.present-identity/1", identity.PresentIdentity, identify.present_identity),
    )


def _room_commands(ask: AskAbout) -> tuple[CommandType, ...]:
    consent, inside = consents.ConsentDesk(ask=ask), room.RoomDesk(ask=ask)
    return (
        CommandType("visit.give-consent/1", consents.GiveConsent, consent.give_consent),
        CommandType("visit.withdraw-consent/1", consents.WithdrawConsent, consent.withdraw_consent),
        CommandType("consent.set-text/1", consents.SetConsentText, consents.set_text),
        CommandType("visit.start-recording/1", room.StartRecording, inside.start_recording),
        CommandType("visit.stop-recording/1", room.StopRecording, inside.stop_recording),
        CommandType("visit.open-epoch/1", room.OpenEpoch, inside.open_epoch),
    )
