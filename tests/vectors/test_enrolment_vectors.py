"""The vectors of makers' credentials: what is taken, and each fault by its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.identity.enrolment.credential import (
    encode_credential,
    parse_credential,
    verify_credential,
)
from telesphor.capabilities.identity.enrolment.errors import CredentialRefused

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "device-credential.json").read_text(encoding="utf-8")
)


def by_name(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.mark.parametrize("case", VECTORS["good"], ids=by_name)
def test_good_credential_is_taken(case: dict[str, Any]) -> None:
    data = case["credential"].encode()
    found = verify_credential(data)
    assert (found.maker.key_id, found.device.key_id) == (case["maker_key_id"], case["device_key_id"])
    assert (found.claims.model, found.begins_ms, found.ends_ms) == (
        case["model"],
        case["begins_ms"],
        case["ends_ms"],
    )
    assert encode_credential(parse_credential(data)) == data


@pytest.mark.parametrize("case", VECTORS["bad"], ids=by_name)
def test_bad_credential_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(CredentialRefused):
        verify_credential(case["credential"].encode())
