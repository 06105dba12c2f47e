"""Everybody's connection to the node, and how the organisation finds what is linked to the visit.

Start at `connect`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from typing import NamedTuple

from telesphor.client.issuing import IssuerClient
from telesphor.client.node import NodeClient
from telesphor.client.wallet import Wallet
from telesphor.demo.stage import ORIGIN, Cast
from telesphor.kernel.clock import Clock
from telesphor.kernel.ids import IdSource
from telesphor.ledger.entries import EntryReader, RecordedEntry
from telesphor.runtime.capability import Receipt


class Place(NamedTuple):
    """An entry that the visit rests on: its stream, its number there, and what it is to the visit."""

    stream: str
    n: int
    role: str


@dataclass(frozen=True)
class Clients:
    """Each actor's connection to the node, and what they all need.

    Attributes:
        url: of the node.
        ledger: opens a reader of the organisation's own ledger, where it looks up what others were refused.
    """

    organisation: IssuerClient
    patient: IssuerClient
    clinician: IssuerClient
    colleague: IssuerClient
    officer: IssuerClient
    device: NodeClient
    url: str
    ledger: Callable[[], EntryReader]
    clock: Clock
    ids: IdSource

    def newest(self, stream: str, *types: str) -> RecordedEntry:
        """The newest entry of a stream that is of one of these types; there is one."""
        found = self.find(stream, *types)
        assert found is not None, f"no entry of {types} on `{stream}`"
        return found

    def find(self, stream: str, *types: str) -> RecordedEntry | None:
        """The newest entry of a stream that is of one of these types, if there is one."""
        with closing(self.ledger()) as reader:
            return next((entry for entry in reversed(reader.stream(stream)) if entry.type in types), None)

    def entry(self, position: int) -> RecordedEntry:
        """The entry at a position."""
        with closing(self.ledger()) as reader:
            return reader.entry(position)

    async def link(self, visit: str, places: Sequence[Place]) -> None:
        """The organisation links what a visit rests on."""
        commands = [("visit.link/1", {"visit": visit, **place._asdict()}) for place in places]
        await self.organisation.send(*commands)


def place_of(receipt: Receipt, type: str, *, role: str) -> Place:
    """Where a receipt says that its first entry of this type stands."""
    line = next(line for line in receipt.entries if line.type == type)
    return Place(line.stream, line.n, role)


def placed(entry: RecordedEntry, *, role: str) -> Place:
    """An entry that was looked up, as something to link."""
    return Place(entry.stream, entry.n, role)


@asynccontextmanager
async def connect(
    base_url: str, cast: Cast, *, ledger: Callable[[], EntryReader], clock: Clock, ids: IdSource
) -> AsyncIterator[Clients]:
    """Connect everybody."""
    async with AsyncExitStack() as stack:

        async def client(wallet: Wallet) -> IssuerClient:
            return await stack.enter_async_context(
                IssuerClient(base_url, wallet, origin=ORIGIN, clock=clock, ids=ids)
            )

        yield Clients(
            organisation=await client(cast.organisation),
            patient=await client(cast.patient),
            clinician=await client(cast.clinician),
            colleague=await client(cast.colleague),
            officer=await client(cast.officer),
            device=await client(cast.device),
            url=base_url,
            ledger=ledger,
            clock=clock,
            ids=ids,
        )
