"""One round of the play: who is invited, and what is done for them as soon as they have keys.

1. Links for a clinician, a patient, an auditor and an administrator.
2. The clinician has come: the visit is scheduled for now, and another one for later.
3. The patient has come: an identity credential is offered, the device enrolled, a thread opened, the record sealed and
   granted, and what happened before is played.
4. While the visit is under way, the device measures in it.

The ledger says who has come and what the visit is at: it is looked at a few times a second. Start at `begin_round`.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.demo.heart import Window
from telesphor.demo.play.cast import NAMES, ROLES, Guest, Link, Part, Round
from telesphor.demo.play.chart import grant_to_team, own_records, seal_chart
from telesphor.demo.play.door import Board
from telesphor.demo.play.earlier import hold_visit, open_emergency
from telesphor.demo.play.house import CARE_TEAM, House
from telesphor.demo.play.letters import add_clinician, open_thread
from telesphor.demo.play.links import invite
from telesphor.demo.play.naming import name_people
from telesphor.demo.play.papers import offer_identity
from telesphor.demo.play.pulse import LIVE_SECONDS, Device, bring_device
from telesphor.demo.records import FhirRecord
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.telemetry import log

LOOK_SECONDS: Final = 0.25
"""How long somebody who has come waits at most for what is done for them."""

MINUTES: Final = 30
LATER_MS: Final = 45 * 60 * 1000
REGISTERED: Final = "actor.registered/1"
BEGUN, ENDED = "visit.begun/1", "visit.ended/1"


@dataclass(frozen=True)
class Props:
    """What every round is played with.

    Attributes:
        folder: where devices keep their counters.
    """

    house: House
    board: Board
    records: tuple[FhirRecord, ...]
    windows: tuple[Window, ...]
    folder: Path


async def begin_round(props: Props, number: int, stack: AsyncExitStack) -> LiveRound:
    """Invite the people of a round, and put it up on the board.

    Args:
        stack: closes the connection of the patient's device.

    Raises:
        ClientRefused, NodeUnreachable
    """
    house, ids = props.house, props.house.reach.ids
    device = Wallet.create(kind="device", ids=ids)
    guests, commands = [], []
    for part in Part:
        actor = ids.next()
        link, command = invite(actor, groups=_groups(house, part), clock=house.reach.clock, ids=ids)
        guests.append(Guest(part, actor, link))
        commands.append(command)
    await house.organisation.register(device)
    await house.organisation.send(*commands)
    await name_people(house.reach.url, house.organisation, {one.actor: NAMES[one.part] for one in guests})
    played = Round(number, tuple(guests))
    props.board.show(played)
    return LiveRound(props, played, device, stack)


def _groups(house: House, part: Part) -> tuple[str, ...]:
    roles = (house.groups[ROLES[part]],) if part in ROLES else ()
    return (*roles, house.groups[CARE_TEAM]) if part is Part.CLINICIAN else roles


class LiveRound:
    """A round that is played. Made by `begin_round`."""

    def __init__(self, props: Props, played: Round, device: Wallet, stack: AsyncExitStack) -> None:
        self._props, self._house = props, props.house
        self._played, self._keys, self._stack = played, device, stack
        self._device: Device | None = None
        self._thread: str | None = None
        self._lock = asyncio.Lock()
        """Of what concerns both, patient and clinician, whoever of them comes first."""

    async def play(self) -> None:
        """Look after everybody until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure())
            while True:
                for part in await asyncio.to_thread(self._newcomers):
                    self._change_guest(replace(self._played.guest(part), taken=True))
                    tasks.create_task(self._welcome(part))
                await asyncio.sleep(LOOK_SECONDS)

    def _newcomers(self) -> list[Part]:
        """Who has come since the last look."""
        waited = [one for one in self._played.guests if not one.taken]
        return [one.part for one in waited if self._house.reach.find(f"actor/{one.actor}", REGISTERED)]

    async def _welcome(self, part: Part) -> None:
        """Do for somebody who has come what needs their keys.

        What people do meanwhile may forbid it: then the board says so, and everybody else plays on.
        """
        try:
            await self._do_for(part)
        except TelesphorError as error:
            log.warning("the play goes on without what was refused", code=error.code)
            self._change(replace(self._played, fault=error.code))

    async def _do_for(self, part: Part) -> None:
        if part is Part.CLINICIAN:
            async with self._lock:
                await self._schedule()
                await self._join_thread()
        elif part is Part.PATIENT:
            await self._offer_identity()
            async with self._lock:
                await self._bring_device()
                await self._join_thread()
            await self._bring_record()

    async def _measure(self) -> None:
        """Have the device measure while the visit is under way, until cancelled."""
        while True:
            visit = self._played.visit
            if self._device is not None and visit is not None and await asyncio.to_thread(self._underway):
                try:
                    await self._device.record_now(visit=visit, readers=[self._actor(Part.CLINICIAN)])
                except TelesphorError:
                    # The visit ended, or somebody took the device out, between the look and the reading.
                    await asyncio.sleep(LIVE_SECONDS)
            await asyncio.sleep(LIVE_SECONDS)

    def _underway(self) -> bool:
        with closing(self._house.reach.ledger()) as reader:
            types = {entry.type for entry in reader.stream(f"visit/{self._played.visit}")}
        return BEGUN in types and ENDED not in types

    async def _schedule(self) -> None:
        """The visit for now; a patient who has no keys yet gets a link that leads into it."""
        reach, patient = self._house.reach, self._played.guest(Part.PATIENT)
        visit = reach.ids.next()
        scheduled = {
            "visit": visit,
            "patient": patient.actor,
            "clinician": self._actor(Part.CLINICIAN),
            "devices": [self._keys.actor],
            "starts_at": reach.instant(0),
            "minutes": MINUTES,
        }
        other = {"visit": reach.ids.next(), "patient": self._house.visitor, "devices": []}
        other |= {"starts_at": reach.instant(LATER_MS)}
        commands: list[Command] = [
            ("visit.schedule/1", scheduled),
            ("visit.schedule/1", {**scheduled, **other}),
        ]
        link: Link | None = None
        if not patient.taken:
            link, made = invite(patient.actor, visit=visit, clock=reach.clock, ids=reach.ids)
            seat = {"visit": visit, "participant": patient.actor, "role": "patient"}
            commands += [made, ("visit.invite/1", {**seat, "invitation": link.invitation})]
        await self._house.organisation.send(*commands)
        if link is not None:
            self._change_guest(replace(self._played.guest(Part.PATIENT), link=link))
        self._change(replace(self._played, visit=visit))

    async def _join_thread(self) -> None:
        patient, clinician = self._played.guest(Part.PATIENT), self._played.guest(Part.CLINICIAN)
        if not patient.taken:
            return
        if self._thread is None:
            known = clinician.actor if clinician.taken else None
            self._thread = await open_thread(self._house, patient.actor, known)
            self._done("messages")
        elif clinician.taken:
            await add_clinician(self._house, self._thread, patient.actor, clinician.actor)

    async def _offer_identity(self) -> None:
        records = own_records(self._props.records)
        person = next(record for record in records if record.kind == "Patient")
        await offer_identity(self._house, self._actor(Part.PATIENT), person)
        self._done("identity")

    async def _bring_device(self) -> None:
        self._device = await bring_device(
            self._house,
            self._keys,
            patient=self._actor(Part.PATIENT),
            folder=self._props.folder,
            windows=self._props.windows,
            stack=self._stack,
        )
        self._done("device")

    async def _bring_record(self) -> None:
        assert self._device is not None, "the device comes first"
        patient = self._actor(Part.PATIENT)
        readings, chart = await asyncio.gather(
            self._device.record_earlier(),
            seal_chart(self._house, patient, own_records(self._props.records)),
        )
        await grant_to_team(self._house, [*(one.object for one in chart if one.granted), *readings])
        self._done("record")
        await hold_visit(self._house, patient, self._device, chart)
        await open_emergency(self._house, chart)
        self._done("history")

    def _actor(self, part: Part) -> str:
        return self._played.guest(part).actor

    def _done(self, what: str) -> None:
        self._change(replace(self._played, ready=(*self._played.ready, what)))

    def _change_guest(self, guest: Guest) -> None:
        others = self._played.guests
        self._change(
            replace(self._played, guests=tuple(guest if one.part is guest.part else one for one in others))
        )

    def _change(self, played: Round) -> None:
        self._played = played
        self._props.board.show(played)
