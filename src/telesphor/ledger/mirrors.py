"""Mirrors: who may read every entry of this ledger, and how the entries are handed out.

A mirror is an actor, an organisation or a system, that the node's network settings name: a validator that
reads what it cosigns, or an auditor. Nobody else gets an entry here. Asking is a signed command that leaves its
own entry, `ledger.mirrored/1`, durable before any byte goes out; its answer is a ticket of an hour, under which
entry bundles are fetched (C2SP tlog-tiles). Entries hold no patient data; signed requests are not handed out.

What is guaranteed while bytes move: the ticket is asked again for each bundle whether its actor still acts; no
entry goes out that no checkpoint covers; one bundle of an actor at a time is in memory, and not for long.

Start at `MirrorDesk`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import Annotated, Final

import apsw
import msgspec
from msgspec import Meta

from telesphor.kernel.entry_bundle import encode_entries
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.ids import stream_of
from telesphor.kernel.tile import TILE_WIDTH, Tile
from telesphor.ledger import store
from telesphor.ledger.entries import EntryUnreadable
from telesphor.runtime.capability import (
    Actor,
    Body,
    Capability,
    CommandType,
    Decision,
    Draft,
    EntryType,
    Receipt,
    State,
)
from telesphor.runtime.database import open_reader
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.network import load_network
from telesphor.runtime.tickets import TicketRefused, Tickets

MIRRORED_ENTRIES_MAX: Final = 2**20
"""Entries under one ticket: an hour at 290 a second. A mirror of a busier ledger asks again sooner."""

MIRROR_TICKET_SECONDS: Final = 3_600
"""A mirror that follows all day leaves two dozen entries; one that is no longer named ends with the process."""

MIRRORS_STREAM: Final = "mirrors"
MIRRORING_KINDS: Final = frozenset({"organisation", "system"})
"""Whoever answers for a validator. A person reads the ledger through bundles, a device not at all."""

READ_THREADS: Final = 1
"""Reading a bundle takes milliseconds of a core that the ledger needs more."""

PositionField = Annotated[int, Meta(ge=0, lt=2**53)]
CheckActor = Callable[[apsw.Connection, str], object]
"""Raises when the actor acts no more."""


class MirrorNotPermitted(TelesphorError):
    """The actor is not one that this ledger is mirrored to."""

    code = "mirror-not-permitted"
    kind = Kind.FORBIDDEN


class MirrorRangeRefused(TelesphorError):
    """What is asked for is not a range of this ledger's entry bundles."""

    code = "mirror-range-refused"
    kind = Kind.INVALID


class MirrorBusy(TelesphorError):
    """Another bundle is on its way to the same actor."""

    code = "mirror-busy"
    kind = Kind.OVERLOADED


class MirrorLedger(Body, frozen=True, kw_only=True):
    """Ask for the entries of a range, or from a position on as the ledger grows; an actor that the node names.

    `first` begins an entry bundle: it is a multiple of 256. `end` is the position behind the last entry.
    """

    first: PositionField
    end: PositionField | None = None


class LedgerMirrored(Body, frozen=True, kw_only=True):
    """The actor may fetch these entries for an hour; without an end, those that follow as well."""

    first: PositionField
    end: PositionField | None


class MirrorGrant(msgspec.Struct, frozen=True):
    """What a mirror's ticket stands for: bundles that lie within these positions."""

    actor: str
    first: int
    end: int


class MirrorTicket(msgspec.Struct, frozen=True):
    """Answer to `ledger.mirror/1`: fetch `/tile/entries/...` from `first` up to `end` with the ticket."""

    ticket: str
    first: int
    end: int


LEDGER_MIRRORED: Final = EntryType("ledger.mirrored/1", LedgerMirrored)
ENTRIES: Final = (LEDGER_MIRRORED,)
RECORDED: Final = Capability("mirrors", entries=ENTRIES)
"""The part that decides nothing: enough to read and to replay a ledger."""


def open_mirrors(folder: NodeFolder, tickets: Tickets, *, check_actor: CheckActor) -> MirrorDesk:
    """The mirrors that the network settings of a node name; raises `SettingsRefused`."""
    network = load_network(folder.path)
    actors = [mirror.actor for mirror in network.mirror] if network else []
    open_db = partial(open_reader, folder.ledger)
    return MirrorDesk(actors, tickets=tickets, open_db=open_db, check_actor=check_actor)


def mirroring(desk: MirrorDesk) -> Capability:
    """What mirroring hands to the node."""
    command = CommandType("ledger.mirror/1", MirrorLedger, desk.ask)
    return Capability("mirrors", entries=ENTRIES, commands=(command,))


class MirrorDesk:
    """The mirrors of one node.

    Args:
        actors: ids of those who may mirror; none is the default.
        tickets: the node's tickets.
        open_db: opens the ledger for reading, in any thread.
        check_actor: knows which actors still act.
    """

    def __init__(
        self,
        actors: Collection[str],
        *,
        tickets: Tickets,
        open_db: Callable[[], apsw.Connection],
        check_actor: CheckActor,
    ) -> None:
        self.actors = frozenset(actors)
        self._tickets = tickets
        self._open_db = open_db
        self._check_actor = check_actor
        self._served: set[str] = set()  # of the event loop's thread alone
        self._pool = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="mirror-read")

    def ask(self, actor: Actor, command: MirrorLedger, state: State) -> Decision:
        """Decide `ledger.mirror/1`; the ticket is made once the entry is durable.

        Raises:
            MirrorNotPermitted: the settings do not name the actor, or it is of a kind that never mirrors.
            MirrorRangeRefused, LimitExceeded: no such range, or a larger one than a ticket is given for.
        """
        if actor.kind not in MIRRORING_KINDS or actor.id not in self.actors:
            raise MirrorNotPermitted(
                f"the ledger is not mirrored to actor `{actor.id}`",
                hint="the node's operator names organisations and systems in `network.toml`",
            )
        end = _end_of(command, size=store.count_positions(state.db))
        body = LedgerMirrored(first=command.first, end=command.end)
        grant = MirrorGrant(actor.id, command.first, end)

        def issue(_receipt: Receipt) -> msgspec.Struct:
            ticket = self._tickets.issue(grant, lifetime_seconds=MIRROR_TICKET_SECONDS)
            return MirrorTicket(ticket, grant.first, grant.end)

        return Decision(
            (Draft(LEDGER_MIRRORED.name, stream_of(MIRRORS_STREAM, actor.id), body),), None, issue
        )

    def redeem(self, ticket: str) -> MirrorGrant:
        """What the ticket stands for; raises `TicketRefused`."""
        return self._tickets.redeem(ticket, MirrorGrant)

    @asynccontextmanager
    async def bundle(self, grant: MirrorGrant, tile: Tile) -> AsyncIterator[bytes]:
        """The entry bundle under a tile of level 0 that a checkpoint covers, for as long as it is being sent.

        Raises:
            TicketRefused: the ticket is for other entries.
            MirrorBusy: another bundle is on its way to this actor.
            ActorRetired: it acts no more; whatever `check_actor` raises.
            EntryUnreadable: an entry is not what the journal once wrote.
        """
        if not (grant.first <= tile.start and tile.end <= grant.end):
            raise TicketRefused("the ticket is not valid", hint="it was issued for other entries")
        if grant.actor in self._served:
            raise MirrorBusy("a bundle is on its way to this actor", hint="fetch one after the other")
        self._served.add(grant.actor)
        try:
            yield await asyncio.wrap_future(self._pool.submit(self._read, grant, tile))
        finally:
            self._served.discard(grant.actor)

    def _read(self, grant: MirrorGrant, tile: Tile) -> bytes:
        with closing(self._open_db()) as db:
            self._check_actor(db, grant.actor)
            entries = store.joined_entries(db, first=tile.start, end=tile.end)
        if entries is None:
            raise EntryUnreadable(f"the entries `{tile.start}` to `{tile.end - 1}` cannot be read")
        return encode_entries(entries)


def _end_of(command: MirrorLedger, *, size: int) -> int:
    """Up to which position the ticket will be good."""
    first, end = command.first, command.end
    if first % TILE_WIDTH:
        raise MirrorRangeRefused(f"no entry bundle begins at `{first}`", hint="ask from a multiple of 256 on")
    if first > size or (end is not None and not first < end <= size):
        raise MirrorRangeRefused(f"the range is not within the ledger's `{size}` entries")
    if end is not None and end - first > MIRRORED_ENTRIES_MAX:
        raise LimitExceeded(
            f"`{end - first}` entries are asked for where `{MIRRORED_ENTRIES_MAX}` are given at once"
        )
    return first + MIRRORED_ENTRIES_MAX if end is None else end
