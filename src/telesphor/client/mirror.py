"""Reading every entry of a ledger that lets this actor mirror it.

`MirrorSource` asks by the signed command `ledger.mirror/1`, fetches entry bundles under the ticket that it gets
(C2SP tlog-tiles), and asks again when the ticket ends. It is what a validator's `Mirror` reads from; whether the
entries are right is the validator's to judge, not decided here.

Asking leaves an entry on the other ledger, which makes a new checkpoint, for which a validator reads again. So
asking that leads to nothing is repeated ever more slowly. Start at `MirrorSource.entries`.
"""

from __future__ import annotations

import asyncio
from typing import Final

from telesphor.client.errors import AnswerRefused, ClientRefused
from telesphor.client.http import PLAIN, Dialling
from telesphor.client.node import MirrorTicket, NodeClient
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import Clock, SystemClock
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.kernel.tile import TILE_WIDTH, Tile
from telesphor.runtime.telemetry import log

ENTRIES_AT_ONCE_MAX: Final = 4 * TILE_WIDTH
"""As many as are asked for in one call: 64 MB at the very most."""

PAUSE_SECONDS: Final = 1.0
"""After asking in vain, before asking again; doubled each time."""

PAUSE_SECONDS_MAX: Final = 600.0
"""A validator that was named at last goes on within ten minutes."""


class MirrorWaits(TelesphorError):
    """The node was asked in vain a moment ago."""

    code = "mirror-waits"
    kind = Kind.OVERLOADED


class MirrorSource:
    """The entries of one log, for one reader at a time. It belongs to the event loop in which it is first used.

    Args:
        url: where the node answers.
        wallet: an actor that the node's settings name as a mirror.
        origin: the log's name; every request is bound to it.
        clock: gives requests their time, which must be within 300 seconds of the node's.
        tls: how a node at an `https://` address is dialled.
    """

    def __init__(
        self,
        url: str,
        wallet: Wallet,
        *,
        origin: str,
        clock: Clock | None = None,
        ids: IdSource | None = None,
        tls: Dialling = PLAIN,
    ) -> None:
        self._clock = clock or SystemClock()
        self._client = NodeClient(url, wallet, origin=origin, clock=self._clock, ids=ids, tls=tls)
        self._origin = origin
        self._opened = False
        self._turn = asyncio.Lock()
        self._ticket: MirrorTicket | None = None
        self._asked_ms = 0
        self._in_vain = 0

    async def entries(self, first: int, end: int) -> list[bytes]:
        """Exact bytes of the entries `first` up to, not including, `end`.

        A partial bundle is fetched only where `end` is within one, so that a reader that ends at the sizes of
        checkpoints asks for no others (C2SP tlog-tiles, "Partial Tiles").

        Raises:
            ClientRefused: the node refuses, with its code.
            MirrorWaits: it refused a moment ago.
            NodeUnreachable, AnswerRefused, EntryBundleRefused: it does not answer, or not with a bundle.
        """
        if not 0 <= first < end <= first + ENTRIES_AT_ONCE_MAX:
            raise ValueError(f"at most {ENTRIES_AT_ONCE_MAX} entries are read at once")
        found: list[bytes] = []
        async with self._turn:
            if not self._opened:
                await self._client.__aenter__()
                self._opened = True
            try:
                for index in range(first // TILE_WIDTH, (end - 1) // TILE_WIDTH + 1):
                    tile = Tile(0, index, min(TILE_WIDTH, end - index * TILE_WIDTH))
                    found += await self._bundle(tile)
            except MirrorWaits:  # Said when it was asked in vain.
                raise
            except TelesphorError as error:
                log.warning("mirror cannot read", origin=self._origin, code=error.code)
                raise
        return found[first % TILE_WIDTH :]

    async def close(self) -> None:
        """Close all connections; in the event loop in which they were opened."""
        self._opened = False
        await self._client.close()

    async def _bundle(self, tile: Tile) -> list[bytes]:
        ticket, fresh = self._ticket, False
        if ticket is None or not (ticket.first <= tile.start and tile.end <= ticket.end):
            ticket, fresh = await self._ask(tile), True
        try:
            entries = await self._client.entry_bundle(tile, ticket=ticket.ticket)
        except ClientRefused as error:
            if error.code != "ticket-refused":
                raise
            self._ticket = None
            if fresh:
                raise
            entries = await self._client.entry_bundle(tile, ticket=(await self._ask(tile)).ticket)
        self._in_vain = 0
        return entries

    async def _ask(self, tile: Tile) -> MirrorTicket:
        """A ticket from this tile on; counts as asked in vain until a bundle came."""
        now_ms = self._clock.now_ms()
        pause_ms = 1000 * min(PAUSE_SECONDS * 2.0**self._in_vain, PAUSE_SECONDS_MAX)
        if self._in_vain and 0 <= now_ms - self._asked_ms < pause_ms:
            raise MirrorWaits("the node was asked in vain a moment ago")
        self._asked_ms, self._in_vain = now_ms, min(self._in_vain + 1, 64)
        ticket = await self._client.mirror(tile.start)
        if not (ticket.first <= tile.start and tile.end <= ticket.end):
            raise AnswerRefused("the node's ticket is for other entries than were asked for")
        self._ticket = ticket
        return ticket
