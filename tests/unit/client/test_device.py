"""The device's side: its counter in a file, and connections over real links, in the clear and by TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.identity.enrolment.channels import OwnChannels, ServedCertificates
from telesphor.client.device import (
    ChannelChanged,
    CounterExists,
    CounterFile,
    CounterMissing,
    CounterRefused,
    DeviceClient,
    FirmwareUnreadable,
    hash_file,
)
from telesphor.client.errors import ClientRefused
from telesphor.client.http import PLAIN, Dialling
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.runtime.tls.certificate import Algorithm
from telesphor.runtime.tls.context import client_context, server_context
from telesphor.runtime.tls.policy import QUANTUM_ONLY
from tests.support.certificates import Organisation
from tests.unit.capabilities.identity.enrolment.edge import serving
from tests.unit.capabilities.identity.enrolment.ward import FIRMWARE, Ward
from tests.unit.capabilities.identity.small_node import ORIGIN

DEVICE = "019a0000-0000-7000-8000-000000000001"
COUNTER_MAX = 2**53 - 1


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path)
    yield made
    made.world.close()


@pytest.fixture
def counter(tmp_path: Path) -> CounterFile:
    return CounterFile(tmp_path / "device.counter")


def client(ward: Ward, url: str, wallet: Wallet, counter: CounterFile, tls: Dialling = PLAIN) -> DeviceClient:
    world = ward.world
    return DeviceClient(
        url, wallet, origin=ORIGIN, counter=counter, tls=tls, clock=world.clock, ids=world.ids
    )


def tls_of(organisation: Organisation) -> tuple[ssl.SSLContext, Dialling]:
    """A listener's context, and how a device dials it."""
    identity = organisation.issue(algorithm=Algorithm.ECDSA_P256)
    listening = server_context(identity, QUANTUM_ONLY)
    return listening, Dialling(client_context(None, QUANTUM_ONLY, organisation.trust))


# The counter.


def test_counter_goes_up_and_is_on_the_disk_before_it_is_handed_out(
    counter: CounterFile, tmp_path: Path
) -> None:
    counter.create(DEVICE)
    assert [counter.take(DEVICE) for _ in range(3)] == [1, 2, 3]
    assert CounterFile(tmp_path / "device.counter").take(DEVICE) == 4
    assert (tmp_path / "device.counter").stat().st_mode & 0o777 == 0o600


def test_counter_begins_after_the_number_that_the_node_knows(counter: CounterFile) -> None:
    counter.create(DEVICE, after=41)
    assert counter.take(DEVICE) == 42


def test_counter_is_never_made_over_another(counter: CounterFile) -> None:
    counter.create(DEVICE)
    counter.take(DEVICE)
    with pytest.raises(CounterExists):
        counter.create(DEVICE)
    assert counter.take(DEVICE) == 2


def test_missing_counter_is_not_begun_anew(counter: CounterFile) -> None:
    with pytest.raises(CounterMissing):
        counter.take(DEVICE)


def test_counter_of_another_device_is_refused(counter: CounterFile) -> None:
    counter.create(DEVICE)
    with pytest.raises(CounterRefused, match="another device"):
        counter.take(DEVICE.replace("1", "2"))


def test_counter_at_its_end_is_refused(counter: CounterFile) -> None:
    counter.create(DEVICE, after=COUNTER_MAX - 1)
    assert counter.take(DEVICE) == COUNTER_MAX
    with pytest.raises(CounterRefused, match="end"):
        counter.take(DEVICE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1",
        b"\xff",
        b'{"counter":-1,"device":"d","format":"telesphor-device-counter/1"}',
        b'{"counter":1.5,"device":"d","format":"telesphor-device-counter/1"}',
        b'{"counter":1,"device":"d","format":"telesphor-device-counter/2"}',
        b'{"counter":1,"device":"d","format":"telesphor-device-counter/1","more":1}',
        b'{"counter":1,"device":"' + b"d" * 2_000 + b'","format":"telesphor-device-counter/1"}',
    ],
)
def test_file_that_is_no_counter_is_refused_and_left_alone(
    counter: CounterFile, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "device.counter").write_bytes(data)
    with pytest.raises(CounterRefused):
        counter.take(DEVICE)
    assert (tmp_path / "device.counter").read_bytes() == data


def test_two_at_the_same_time_take_different_numbers(counter: CounterFile, tmp_path: Path) -> None:
    counter.create(DEVICE)

    async def take_many() -> list[int]:
        files = [CounterFile(tmp_path / "device.counter") for _ in range(8)]
        return await asyncio.gather(*(asyncio.to_thread(file.take, DEVICE) for file in files))

    assert sorted(asyncio.run(take_many())) == list(range(1, 9))


def test_number_that_cannot_be_written_is_not_handed_out(counter: CounterFile, tmp_path: Path) -> None:
    """Rather none at all than one that is not on the disk, and would come again."""
    counter.create(DEVICE)
    (tmp_path / "device.counter.part").mkdir()
    with pytest.raises(TelesphorError):
        counter.take(DEVICE)
    (tmp_path / "device.counter.part").rmdir()
    assert counter.take(DEVICE) == 1


def test_firmware_is_named_by_its_hash(tmp_path: Path) -> None:
    image = tmp_path / "firmware.bin"
    image.write_bytes(b"firmware" * 500_000)
    assert hash_file(image) == sha256(image.read_bytes()).hexdigest()
    with pytest.raises(FirmwareUnreadable):
        hash_file(tmp_path / "none.bin")


# Connecting.


async def test_device_connects_in_the_clear(ward: Ward, counter: CounterFile) -> None:
    wallet = ward.device()
    counter.create(wallet.actor)
    async with serving(ward) as url, client(ward, url, wallet, counter) as device:
        for _ in range(2):
            await device.connect(owner=ward.patient.actor, firmware=FIRMWARE)
    bodies = [entry.body for entry in ward.world.entries() if entry.type == "device.connected/1"]
    assert [(body.counter, body.channel) for body in bodies] == [(1, None), (2, None)]


async def test_refusal_comes_with_its_cause_and_uses_its_number_up(ward: Ward, counter: CounterFile) -> None:
    wallet = ward.device()
    counter.create(wallet.actor)
    async with serving(ward) as url, client(ward, url, wallet, counter) as device:
        with pytest.raises(ClientRefused) as caught:
            await device.connect(owner=ward.patient.actor, firmware="0" * 64)
        assert caught.value.code == "firmware-refused"
        await device.connect(owner=ward.patient.actor, firmware=FIRMWARE)
    assert ward.world.entries()[-1].body.counter == 2


async def test_device_without_its_counter_does_not_answer(ward: Ward, counter: CounterFile) -> None:
    wallet = ward.device()
    async with serving(ward) as url, client(ward, url, wallet, counter) as device:
        with pytest.raises(CounterMissing):
            await device.connect(owner=ward.patient.actor, firmware=FIRMWARE)


async def test_restored_copy_of_the_counter_is_taken_for_a_clone(
    ward: Ward, counter: CounterFile, tmp_path: Path
) -> None:
    wallet = ward.device()
    counter.create(wallet.actor)
    backup = (tmp_path / "device.counter").read_bytes()
    async with serving(ward) as url, client(ward, url, wallet, counter) as device:
        await device.connect(owner=ward.patient.actor, firmware=FIRMWARE)
        (tmp_path / "device.counter").write_bytes(backup)
        with pytest.raises(ClientRefused) as caught:
            await device.connect(owner=ward.patient.actor, firmware=FIRMWARE)
    assert caught.value.code == "device-cloned"


async def test_device_binds_its_connection_to_the_nodes_certificate(
    ward: Ward, counter: CounterFile, tmp_path: Path
) -> None:
    listening, dialling = tls_of(Organisation.make(tmp_path / "clinic"))
    ward.channels = ServedCertificates([tmp_path / "clinic" / "node.pem"], required=True)()
    wallet = ward.device()
    counter.create(wallet.actor)
    async with serving(ward, listening) as url, client(ward, url, wallet, counter, dialling) as device:
        await device.connect(owner=ward.patient.actor, firmware=FIRMWARE)
    found = ward.connection(wallet)
    assert found is not None
    assert found.channel in ward.channels.certificates


async def test_machine_in_the_middle_is_refused_though_the_device_trusts_its_certificate(
    ward: Ward, counter: CounterFile, tmp_path: Path
) -> None:
    """It has a certificate of the right name under the right root, and passes on whatever it hears."""
    listening, dialling = tls_of(Organisation.make(tmp_path / "clinic"))
    ward.channels = OwnChannels(frozenset({"c" * 64}), required=True)  # type: ignore[arg-type]
    wallet = ward.device()
    counter.create(wallet.actor)
    async with serving(ward, listening) as url, client(ward, url, wallet, counter, dialling) as device:
        with pytest.raises(ClientRefused) as caught:
            await device.connect(owner=ward.patient.actor, firmware=FIRMWARE)
    assert caught.value.code == "channel-mismatch"


async def test_certificate_that_changes_within_a_session_ends_it(
    ward: Ward, counter: CounterFile, tmp_path: Path
) -> None:
    organisation = Organisation.make(tmp_path / "clinic")
    listening, dialling = tls_of(organisation)
    ward.channels = ServedCertificates([tmp_path / "clinic" / "node.pem"], required=True)()
    wallet = ward.device()
    counter.create(wallet.actor)
    async with client_at_two(ward, wallet, counter, (listening, dialling), organisation) as device:
        with pytest.raises(ChannelChanged):
            await device.connect(owner=ward.patient.actor, firmware=FIRMWARE)


@asynccontextmanager
async def client_at_two(
    ward: Ward,
    wallet: Wallet,
    counter: CounterFile,
    first: tuple[ssl.SSLContext, Dialling],
    organisation: Organisation,
) -> AsyncIterator[DeviceClient]:
    """A session whose second link ends at another certificate than its first."""
    listening, dialling = first
    async with serving(ward, listening) as url, client(ward, url, wallet, counter, dialling) as device:
        other, _ = tls_of(organisation)
        async with serving(ward, other) as elsewhere:
            node: Any = device.node
            node._http._base_url = elsewhere
            with pytest.raises(ClientRefused):
                await node.send(("device.challenge/1", {"device": DEVICE}))
            node._http._base_url = url
            yield device
