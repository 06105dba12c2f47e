"""The device comes into the house: its maker's word, the clinic's countersignature, its firmware, a connection.

And a copy of it. Somebody had the device's keys and counter before it was handed out; the copy is found out as soon as
both have connected, and then neither is let in.

Start at `enrol_device`; `connect_clone` is the copy. `make_maker`, `trust_commands` and `enrol_command` are what other
devices are enrolled by.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from telesphor.capabilities.identity.enrolment.credential import (
    make_credential,
    parse_credential,
    verify_credential,
)
from telesphor.capabilities.identity.enrolment.model import FileHash
from telesphor.client.device import CounterFile, DeviceClient, hash_file
from telesphor.client.issuing import DAY_MS
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.demo.attacks import Attack, attempt, tell
from telesphor.demo.clients import Clients, Place, place_of, placed
from telesphor.demo.narration import Narrator
from telesphor.demo.stage import ORIGIN, Cast
from telesphor.kernel import canonical
from telesphor.kernel.clock import Clock
from telesphor.kernel.commitment import KEY_BYTES, commit
from telesphor.kernel.ids import IdSource
from telesphor.kernel.signing import HybridSuite, SigningKey

MAKER: Final = "maker.example"
MODEL: Final = "Pulse Clip 2"
SERIAL: Final = "PC2-0098-4417"
FIRMWARE: Final = b"the firmware of a demonstration, which only its hash has to tell apart"
CREDENTIAL_DAYS: Final = 3_650
BACKDATED_MS: Final = 60_000

CLINIC_RULES: Final = """\
@id("connected-devices-only")
forbid (principal, action == Telesphor::Action::"record", resource)
when { principal.kind == "device" && !(context has device) };
"""
"""The clinic's own rule: what a device measures counts only while its connection stands."""


@dataclass(frozen=True)
class Maker:
    """Who certifies devices of one model; its keys are its own, and no actor's."""

    id: str
    name: str
    model: str
    key: SigningKey


@dataclass(frozen=True)
class Enrolled:
    """The device as it was enrolled, and what a thief copied of it."""

    places: tuple[Place, ...]
    firmware: FileHash
    copied_counter: Path


async def enrol_device(clients: Clients, cast: Cast, folder: Path, narrator: Narrator) -> Enrolled:
    """Trust the maker, enrol the device for its patient, allow its firmware, set the clinic's rule, connect."""
    image, counter = folder / "device.firmware", folder / "device.counter"
    image.write_bytes(FIRMWARE)
    firmware = hash_file(image)
    enrolled = await _enrol(clients, cast, firmware)
    count = CounterFile(counter)
    count.create(cast.device.actor)
    copied = shutil.copy(counter, folder / "device.counter.copied")
    await _connect(clients, cast, count, firmware)
    connected = clients.newest(f"device/{cast.device.actor}", "device.connected/1")
    narrator.say(
        f"{MAKER} certifies the device's keys and model; the clinic countersigns that, binds the device to the "
        "patient, and allows one firmware."
    )
    narrator.say(
        "The device proves itself: a challenge, its firmware's hash, its counter. A rule of the clinic's own forbids "
        "readings by a device without such a connection."
    )
    return Enrolled((enrolled, placed(connected, role="device")), firmware, Path(copied))


async def connect_clone(
    clients: Clients,
    cast: Cast,
    enrolled: Enrolled,
    record: Callable[[], Awaitable[object]],
    narrator: Narrator,
) -> tuple[tuple[Attack, ...], tuple[Place, ...]]:
    """The copy connects with the device's own keys, and then tries to record; both attempts stand on the ledger.

    Args:
        record: records one more window with the device's keys.
    """

    async def impersonate() -> None:
        await _connect(clients, cast, CounterFile(enrolled.copied_counter), enrolled.firmware)

    cloned = await attempt("a copy of the device's keys and counter connects", "device-cloned", impersonate)
    stream = f"device/{cast.device.actor}"
    found = [clients.newest(stream, type) for type in ("device.connect-refused/1", "device.quarantined/1")]
    tell(cloned, narrator)
    recorded = await attempt(
        "the device, or its copy, records a reading all the same", "access-denied", lambda: record()
    )
    denied = clients.newest(f"access/{cast.device.actor}", "access.decided/1")
    tell(recorded, narrator)
    narrator.say(
        "Two have used one set of keys. Which is the copy nobody can tell, so both are shut out until the maker "
        "certifies new keys. What was measured before stands."
    )
    places = [placed(entry, role="refusal") for entry in found]
    return (cloned, recorded), (*places, placed(denied, role="access"))


def make_maker(ids: IdSource, *, name: str = MAKER, model: str = MODEL) -> Maker:
    """A maker with new keys, which no node trusts so far."""
    return Maker(ids.next(), name, model, SigningKey.generate(HybridSuite.ACTOR))


def trust_commands(maker: Maker, firmware: FileHash, ids: IdSource) -> tuple[Command, Command]:
    """What an organisation asks to trust a maker for its model, and to allow one firmware of that."""
    trusted = {
        "maker": maker.id,
        "name": maker.name,
        "keys": maker.key.public.jwks(),
        "models": [maker.model],
    }
    allowed = {"firmware": ids.next(), "maker": maker.id, "model": maker.model, "hash": firmware}
    return ("maker.trust/1", trusted), ("firmware.allow/1", allowed)


def enrol_command(
    device: Wallet, *, owner: str, maker: Maker, serial: str, clock: Clock, ids: IdSource
) -> Command:
    """What an organisation asks to bind a device to its owner, with the credential that the maker gave the device."""
    now_ms = clock.now_ms()
    data = make_credential(
        maker=maker.name,
        key=maker.key,
        model=maker.model,
        serial=commit(canonical.encode(serial), key32=ids.random_bytes(KEY_BYTES)),
        device=device.signing_key.public,
        begins_ms=now_ms - BACKDATED_MS,
        ends_ms=now_ms + CREDENTIAL_DAYS * DAY_MS,
    )
    body = {
        "device": device.actor,
        "maker": maker.id,
        "owner": owner,
        "document": verify_credential(data).digest,
        "credential": msgspec.to_builtins(parse_credential(data)),
    }
    return "device.enrol/1", body


async def _enrol(clients: Clients, cast: Cast, firmware: FileHash) -> Place:
    ids, maker = clients.ids, make_maker(clients.ids)
    receipt = await clients.organisation.send(
        *trust_commands(maker, firmware, ids),
        enrol_command(
            cast.device, owner=cast.patient.actor, maker=maker, serial=SERIAL, clock=clients.clock, ids=ids
        ),
        ("policy.set/1", {"slot": "rules", "policies": CLINIC_RULES}),
    )
    return place_of(receipt, "device.enrolled/1", role="enrolment")


async def _connect(clients: Clients, cast: Cast, counter: CounterFile, firmware: FileHash) -> None:
    async with DeviceClient(
        clients.url, cast.device, origin=ORIGIN, counter=counter, clock=clients.clock, ids=clients.ids
    ) as device:
        await device.connect(owner=cast.patient.actor, firmware=firmware)
