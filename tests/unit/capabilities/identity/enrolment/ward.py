"""A hospital that trusts a maker, a patient, and devices with and without the maker's word, for tests of enrolment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from telesphor.capabilities.identity.enrolment.capability import enrolment_capability
from telesphor.capabilities.identity.enrolment.channels import OwnChannels
from telesphor.capabilities.identity.enrolment.credential import make_credential
from telesphor.capabilities.identity.enrolment.model import Connection
from telesphor.capabilities.identity.enrolment.service import connection_of
from telesphor.client.requests import Command, register_command, rotate_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.runtime.capability import Capability, Receipt
from telesphor.runtime.state import WriterState
from tests.unit.capabilities.identity.small_node import ORIGIN, START_MS, SmallNode

MAKER = "maker.example"
MODEL = "Pulse Oximeter 3"
FIRMWARE = "1" * 64
OLD_FIRMWARE = "0" * 64
CERTIFICATE = "c" * 64
DAY_MS = 86_400_000
ENDS_MS = START_MS + 3_650 * DAY_MS


class Ward:
    """The usual cast, and short names for what they ask."""

    def __init__(self, folder: Path, *more: Capability, start_ms: int = START_MS) -> None:
        self.channels = OwnChannels(frozenset())
        self.world = SmallNode(folder, enrolment_capability(lambda: self.channels), *more, start_ms=start_ms)
        self.hospital = self.world.enrol("organisation")
        self.patient = self.world.enrol("person")
        self.key = SigningKey.generate(HybridSuite.ROOT)
        self.maker = self.world.ids.next()
        self.world.ask(self.hospital, self.trusting())
        self.firmware = self.world.ids.next()
        self.world.ask(self.hospital, self.allowing(self.firmware))

    def trusting(self, **changes: object) -> Command:
        body = {"maker": self.maker, "name": MAKER, "keys": self.key.public.jwks(), "models": [MODEL]}
        return "maker.trust/1", body | changes

    def allowing(self, firmware: str, **changes: object) -> Command:
        body = {"firmware": firmware, "maker": self.maker, "model": MODEL, "hash": FIRMWARE}
        return "firmware.allow/1", body | changes

    def certify(self, device: Wallet, **changes: Any) -> bytes:
        """The maker's word for a device."""
        said: dict[str, Any] = {
            "maker": MAKER,
            "key": self.key,
            "model": MODEL,
            "serial": commit(device.actor.encode(), key32=bytes(32)),
            "device": device.signing_key.public,
            "begins_ms": START_MS - DAY_MS,
            "ends_ms": ENDS_MS,
        }
        return make_credential(**said | changes)

    def enrolling(self, device: Wallet, credential: bytes | None = None, **changes: object) -> Command:
        data = credential or self.certify(device)
        body = {
            "device": device.actor,
            "maker": self.maker,
            "owner": self.patient.actor,
            "document": digest_of(data),
            "credential": msgspec.json.decode(data),
        }
        return "device.enrol/1", body | changes

    def device(self, credential: bytes | None = None) -> Wallet:
        """An enrolled device."""
        device = Wallet.create(kind="device", ids=self.world.ids)
        self.world.ask(self.hospital, register_command(device, node=ORIGIN))
        self.world.ask(self.hospital, self.enrolling(device, credential))
        return device

    def challenge(self, device: Wallet) -> str:
        nonce: str = self.world.ask(device, asking(device)).results[0].nonce
        return nonce

    def answering(self, device: Wallet, nonce: str, counter: int, **changes: object) -> Command:
        body = {
            "device": device.actor,
            "owner": self.patient.actor,
            "firmware": FIRMWARE,
            "counter": counter,
            "nonce": nonce,
            "channel": None,
        }
        return "device.connect/1", body | changes

    def connect(self, device: Wallet, counter: int, nonce: str | None = None, **changes: object) -> Receipt:
        """Ask for a challenge and answer it."""
        answer = self.answering(device, nonce or self.challenge(device), counter, **changes)
        return self.world.ask(device, answer)

    def cause_of(self, device: Wallet, counter: int, nonce: str | None = None, **changes: object) -> str:
        """The cause for which a connection is refused, as the ledger and the error say it."""
        nonce = nonce or self.challenge(device)
        before = len(self.world.entries())
        with pytest.raises(TelesphorError) as caught:
            self.connect(device, counter, nonce, **changes)
        refused, *_ = self.world.entries()[before:]
        assert (refused.type, refused.stream) == ("device.connect-refused/1", f"device/{device.actor}")
        assert (refused.actor, refused.body.cause) == (device.actor, caught.value.code)
        assert (refused.body.counter, refused.body.nonce) == (counter, nonce)
        assert refused.evidence is not None
        return caught.value.code

    def code_of(self, wallet: Wallet, *commands: Command) -> str:
        """The code with which a request is refused that leaves nothing."""
        before = len(self.world.entries())
        with pytest.raises(TelesphorError) as caught:
            self.world.ask(wallet, *commands)
        assert len(self.world.entries()) == before
        return caught.value.code

    def connection(self, device: Wallet) -> Connection | None:
        """What the node says of the device's connection now."""
        self.world.journal.begin(self.world.clock.now_ms(), commands=1)
        try:
            return connection_of(
                WriterState(self.world.db, self.world.journal, self.world.ids, self.world.registry),
                device.actor,
            )
        finally:
            self.world.journal.rolled_back()

    def renew(self, device: Wallet) -> Wallet:
        """The device with new keys, which it signs with from now on."""
        renewed = device.renew()
        self.world.ask(device, rotate_command(renewed, node=ORIGIN))
        return renewed


def asking(device: Wallet) -> Command:
    return "device.challenge/1", {"device": device.actor}


def revoking(device: Wallet, reason: str = "lost") -> Command:
    return "device.revoke/1", {"device": device.actor, "reason": reason}
