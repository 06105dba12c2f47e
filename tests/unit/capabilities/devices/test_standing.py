"""A device that was enrolled records only while it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.capabilities.access.capability import CAPABILITY as ACCESS
from telesphor.capabilities.devices.capability import devices_capability
from telesphor.capabilities.identity.enrolment.model import CONNECTION_HOURS_MAX
from telesphor.vault.capability import RECORDED as VAULT
from tests.unit.capabilities.devices.test_service import reading
from tests.unit.capabilities.identity.enrolment.ward import Ward, revoking


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    ward = Ward(tmp_path, ACCESS, VAULT, devices_capability())
    yield ward
    ward.world.close()


def refusal(ward: Ward, device: object) -> str:
    """What becomes of readings in an object that there is not: a device that may record gets that far."""
    return ward.code_of(device, reading(ward.world.ids.next()))  # type: ignore[arg-type]


def test_enrolled_device_that_never_connected_is_refused(ward: Ward) -> None:
    assert refusal(ward, ward.device()) == "device-not-connected"


def test_connected_device_records(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    assert refusal(ward, device) == "object-missing"


def test_revoked_device_is_refused(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.ask(ward.hospital, revoking(device, "stolen"))
    assert refusal(ward, device) == "device-not-connected"


def test_clone_in_quarantine_is_refused(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 5)
    ward.cause_of(device, 5)
    assert refusal(ward, device) == "device-not-connected"


def test_connection_that_is_too_old_is_refused(ward: Ward) -> None:
    device = ward.device()
    ward.connect(device, 1)
    ward.world.clock.advance_ms((CONNECTION_HOURS_MAX * 3600 + 1) * 1000)
    assert refusal(ward, device) == "device-not-connected"


def test_device_that_was_never_enrolled_is_no_business_of_enrolment(ward: Ward) -> None:
    assert refusal(ward, ward.world.enrol("device")) == "object-missing"
