"""What is fuzzed of enrolment: a maker's credential, and the file of a device's counter."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from telesphor.capabilities.identity.enrolment.credential import (
    encode_credential,
    make_credential,
    parse_credential,
    verify_credential,
)
from telesphor.client.device import CounterFile
from telesphor.kernel.commitment import commit
from telesphor.kernel.signing import HybridSuite, SigningKey
from tests.fuzz.target import Target

DEVICE = "019a0000-0000-7000-8000-000000000001"
_MAKER = SigningKey(HybridSuite.ROOT, bytes([1]) * 32, bytes([2]) * 32)
_DEVICE = SigningKey(HybridSuite.ACTOR, bytes([3]) * 32, bytes([4]) * 32)


@cache
def maker_credential() -> bytes:
    return make_credential(
        maker="maker.example",
        key=_MAKER,
        model="Model 1",
        serial=commit(b'"SN-1"', key32=bytes(32)),
        device=_DEVICE.public,
        begins_ms=1_795_348_275_123,
        ends_ms=2_000_000_000_000,
    )


def take_maker_credential(data: bytes) -> None:
    """Nobody but the maker makes one, so only the very bytes that were signed are taken."""
    found = verify_credential(encode_credential(parse_credential(data)))
    assert verify_credential(data) == found
    assert data == found.data == maker_credential()


COUNTER = b'{"counter":7,"device":"%s","format":"telesphor-device-counter/1"}\n' % DEVICE.encode()


def take_counter(data: bytes) -> None:
    """A number is taken once: what is kept afterwards is higher."""
    (_folder() / "device.counter").write_bytes(data)
    file = CounterFile(_folder() / "device.counter")
    first = file.take(DEVICE)
    assert file.take(DEVICE) == first + 1


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="telesphor-fuzz-"))


TARGETS = {
    "maker-credential": Target(take_maker_credential, lambda: [maker_credential()]),
    "device-counter": Target(take_counter, lambda: [COUNTER]),
}
