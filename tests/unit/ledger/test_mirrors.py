"""Who is given the entries of a ledger: whom the settings name, what they asked for, for an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import apsw
import msgspec
import pytest

from telesphor.kernel.clock import ManualClock
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.entry_bundle import decode_entries
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.ids import ActorId, IdSource
from telesphor.kernel.tile import Tile
from telesphor.ledger import mirrors as module
from telesphor.ledger.entries import EntryUnreadable
from telesphor.ledger.mirrors import (
    MIRROR_TICKET_SECONDS,
    MIRRORED_ENTRIES_MAX,
    RECORDED,
    MirrorBusy,
    MirrorDesk,
    MirrorLedger,
    MirrorNotPermitted,
    MirrorRangeRefused,
    MirrorTicket,
    mirroring,
    open_mirrors,
)
from telesphor.runtime.capability import Actor, Receipt, Registry
from telesphor.runtime.database import open_reader
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.requests import Request
from telesphor.runtime.settings import SettingsRefused
from telesphor.runtime.tickets import TicketRefused, Tickets
from telesphor.verify.asked import Asked, NotAsked
from telesphor.verify.ledger import Placed
from telesphor.verify.request import Command
from telesphor.verify.request import Request as VerifiedRequest
from tests.support import notes
from tests.support.ledger import ANSWER_SECONDS, START_MS, Ledger, change

VALIDATOR = ActorId("019a0000-0000-7000-8000-00000000000a")
STRANGER = ActorId("019a0000-0000-7000-8000-00000000000b")


class Gone(TelesphorError):
    """Stands for what is said of an actor that was retired."""

    code = "gone"
    kind = Kind.FORBIDDEN


def make_tickets(clock: ManualClock) -> Tickets:
    return Tickets(clock=clock, random=IdSource(clock).random_bytes)


class Mirrored:
    """A ledger with one mirror; `gone` holds the actors that act no more."""

    def __init__(self, folder: Path) -> None:
        self.gone: set[str] = set()
        self.clock = ManualClock(START_MS)
        self.desk = MirrorDesk(
            {VALIDATOR},
            tickets=make_tickets(self.clock),
            open_db=partial(open_reader, folder / "ledger.sqlite"),
            check_actor=self._check_actor,
        )
        self.ledger = Ledger(folder, clock=self.clock, registry=self._registry).start()

    def _registry(self) -> Registry:
        return Registry((*notes.build_registry().capabilities, mirroring(self.desk)))

    def _check_actor(self, _db: apsw.Connection, actor: str) -> None:
        if actor in self.gone:
            raise Gone("gone")

    def ask(
        self, first: int = 0, end: int | None = None, *, actor: str = VALIDATOR, kind: str = "organisation"
    ) -> Receipt:
        command = self.ledger.registry.command("ledger.mirror/1")
        who = Actor(ActorId(actor), kind, "")
        request = Request(who, ((command, MirrorLedger(first=first, end=end)),))
        return self.ledger.machine.call_blocking(request, timeout_seconds=ANSWER_SECONDS)

    def ticket(self, first: int = 0, end: int | None = None) -> MirrorTicket:
        ticket: MirrorTicket = self.ask(first, end).results[0]
        return ticket

    async def fetch(self, ticket: MirrorTicket, tile: Tile) -> list[bytes]:
        async with self.desk.bundle(self.desk.redeem(ticket.ticket), tile) as data:
            return decode_entries(data, count=tile.width)


@pytest.fixture
def mirrored(tmp_path: Path) -> Iterator[Mirrored]:
    mirrored = Mirrored(tmp_path)
    mirrored.ledger.add_many(600)
    yield mirrored
    mirrored.ledger.close()


@pytest.mark.parametrize("kind", ["organisation", "system"])
async def test_named_actor_reads_every_entry(mirrored: Mirrored, kind: str) -> None:
    ticket = mirrored.ask(kind=kind).results[0]
    tiles = (Tile(0, 0), Tile(0, 1), Tile(0, 2, 88))
    read = [entry for tile in tiles for entry in await mirrored.fetch(ticket, tile)]
    assert read == [entry.data for entry in mirrored.ledger.entries()][:600]


def test_asking_is_an_entry_of_its_own_before_there_is_a_ticket(mirrored: Mirrored) -> None:
    receipt = mirrored.ask(256, 600)
    entry = parse_entry(mirrored.ledger.entries()[receipt.first].data)
    assert (entry.type, entry.stream, entry.n) == ("ledger.mirrored/1", f"mirrors/{VALIDATOR}", 0)
    assert entry.body == {"first": 256, "end": 600}
    position = mirrored.ask(256).first
    again = parse_entry(mirrored.ledger.entries()[position].data)
    assert (again.n, again.body) == (1, {"first": 256, "end": None})


@pytest.mark.parametrize(
    "asked",
    [
        MirrorLedger(first=0, end=600),
        MirrorLedger(first=256),
        MirrorLedger(first=256, end=599),
    ],
    ids=["from-elsewhere", "without-end", "other-end"],
)
def test_entry_that_says_other_than_was_asked_is_refused_by_the_verifier(
    mirrored: Mirrored, asked: MirrorLedger
) -> None:
    position = mirrored.ask(256, 600).first
    placed = Placed(position, parse_entry(mirrored.ledger.entries()[position].data), b"")
    asked_by(VALIDATOR, MirrorLedger(first=256, end=600)).check(placed)
    for who, command in ((VALIDATOR, asked), (STRANGER, MirrorLedger(first=256, end=600))):
        with pytest.raises(NotAsked):
            asked_by(who, command).check(placed)


def asked_by(actor: ActorId, command: MirrorLedger) -> Asked:
    body = {name: value for name, value in msgspec.to_builtins(command).items() if value is not None}
    commands = (Command("ledger.mirror/1", body),)
    return Asked(VerifiedRequest(node="", actor=actor, keys=("", ""), at_ms=0, commands=commands))


async def test_ticket_without_an_end_follows_the_ledger(mirrored: Mirrored) -> None:
    ticket = mirrored.ticket(512)
    assert (ticket.first, ticket.end) == (512, 512 + MIRRORED_ENTRIES_MAX)
    mirrored.ledger.add_many(300)
    assert len(await mirrored.fetch(ticket, Tile(0, 2))) == 256


@pytest.mark.parametrize(
    ("actor", "kind"),
    [
        (STRANGER, "organisation"),
        (STRANGER, "system"),
        (STRANGER, "node"),
        (VALIDATOR, "person"),
        (VALIDATOR, "device"),
        (VALIDATOR, "node"),
    ],
    ids=["not-named", "system-not-named", "node-not-named", "person", "device", "node"],
)
def test_anybody_else_is_refused_and_nothing_is_recorded(mirrored: Mirrored, actor: str, kind: str) -> None:
    with pytest.raises(MirrorNotPermitted):
        mirrored.ask(actor=actor, kind=kind)
    assert len(mirrored.ledger.entries()) == 600


@pytest.mark.parametrize(
    ("first", "end"),
    [(1, None), (255, 400), (768, None), (512, 512), (512, 256), (0, 601), (0, 0)],
    ids=["within-a-bundle", "within-a-bundle-too", "past-the-end", "empty", "falling", "end-past-the-end", "none"],
)  # fmt: skip
def test_range_that_the_ledger_has_not_is_refused(mirrored: Mirrored, first: int, end: int | None) -> None:
    with pytest.raises(MirrorRangeRefused):
        mirrored.ask(first, end)
    assert len(mirrored.ledger.entries()) == 600


def test_too_large_a_range_is_refused(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIRRORED_ENTRIES_MAX", 300)
    with pytest.raises(LimitExceeded):
        mirrored.ask(0, 301)
    assert mirrored.ticket(0, 300).end == 300
    assert mirrored.ticket(256).end == 556


@pytest.mark.parametrize(
    "tile",
    [Tile(0, 0), Tile(0, 1), Tile(0, 2), Tile(0, 1, 145)],
    ids=["before", "full", "behind", "one-more"],
)
async def test_ticket_is_for_the_entries_that_were_asked_for(mirrored: Mirrored, tile: Tile) -> None:
    ticket = mirrored.ticket(256, 400)
    assert len(await mirrored.fetch(ticket, Tile(0, 1, 144))) == 144
    with pytest.raises(TicketRefused):
        await mirrored.fetch(ticket, tile)


async def test_expired_ticket_is_refused(mirrored: Mirrored) -> None:
    ticket = mirrored.ticket()
    mirrored.clock.advance_ms(MIRROR_TICKET_SECONDS * 1000 - 1)
    assert await mirrored.fetch(ticket, Tile(0, 0))
    mirrored.clock.advance_ms(1)
    with pytest.raises(TicketRefused):
        await mirrored.fetch(ticket, Tile(0, 0))


async def test_ticket_of_an_actor_that_acts_no_more_is_worth_nothing(mirrored: Mirrored) -> None:
    ticket = mirrored.ticket()
    mirrored.gone.add(VALIDATOR)
    with pytest.raises(Gone):
        await mirrored.fetch(ticket, Tile(0, 0))
    mirrored.gone.clear()
    assert await mirrored.fetch(ticket, Tile(0, 0))  # the refused attempt holds no place


async def test_one_bundle_at_a_time_is_on_its_way_to_an_actor(mirrored: Mirrored) -> None:
    one, other = mirrored.ticket(), mirrored.ticket()
    async with mirrored.desk.bundle(mirrored.desk.redeem(one.ticket), Tile(0, 0)):
        with pytest.raises(MirrorBusy):
            await mirrored.fetch(other, Tile(0, 1))
    assert await mirrored.fetch(other, Tile(0, 1))


async def test_sending_that_is_given_up_holds_no_place(mirrored: Mirrored) -> None:
    ticket = mirrored.ticket()
    with pytest.raises(TimeoutError):
        async with (
            asyncio.timeout(0.05),
            mirrored.desk.bundle(mirrored.desk.redeem(ticket.ticket), Tile(0, 0)),
        ):
            await asyncio.sleep(10)
    assert await mirrored.fetch(ticket, Tile(0, 1))


async def test_entries_that_are_damaged_on_the_disk_are_not_sent(mirrored: Mirrored) -> None:
    ticket = mirrored.ticket()
    change(mirrored.ledger.path, "DELETE FROM entries WHERE position = 7")
    with pytest.raises(EntryUnreadable):
        await mirrored.fetch(ticket, Tile(0, 0))
    assert await mirrored.fetch(ticket, Tile(0, 1))


def test_ledger_is_read_and_replayed_by_the_part_that_decides_nothing(mirrored: Mirrored) -> None:
    assert not RECORDED.commands
    assert RECORDED.entries == mirroring(mirrored.desk).entries


NETWORK = 'organisation = "a"\nregion = "a"\ncloud = "a"\noperator = "a"\n'
MIRROR = f'[[mirror]]\nactor = "{VALIDATOR}"\n'


def actors_of(folder: Path, text: str) -> MirrorDesk:
    (folder / "network.toml").write_text(NETWORK + text)
    return open_desk(folder)


def open_desk(folder: Path) -> MirrorDesk:
    tickets = make_tickets(ManualClock(START_MS))
    return open_mirrors(NodeFolder(folder), tickets, check_actor=lambda _db, _actor: None)


def test_nobody_mirrors_unless_the_settings_say_so(tmp_path: Path) -> None:
    assert open_desk(tmp_path).actors == frozenset()
    assert actors_of(tmp_path, "").actors == frozenset()
    assert actors_of(tmp_path, MIRROR).actors == {VALIDATOR}


@pytest.mark.parametrize(
    "text",
    ['[[mirror]]\nactor = "*"\n', "[[mirror]]\n", MIRROR + "all = true\n", f'mirror = "{VALIDATOR}"\n', MIRROR * 17],
    ids=["any", "nobody", "unknown-member", "no-table", "seventeen"],
)  # fmt: skip
def test_settings_that_name_no_actor_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsRefused, match="mirror"):
        actors_of(tmp_path, text)
