"""A maker's credential: what makes one, and each way in which the bytes are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from telesphor.capabilities.identity.enrolment.credential import (
    CREDENTIAL_BYTES_MAX,
    encode_credential,
    make_credential,
    parse_credential,
    verify_credential,
)
from telesphor.capabilities.identity.enrolment.errors import CredentialRefused
from telesphor.kernel import canonical
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import digest_of
from telesphor.kernel.signing import HybridSuite, SigningKey, read_jws, sign_jws

MAKER = SigningKey(HybridSuite.ROOT, bytes([1]) * 32, bytes([2]) * 32)
DEVICE = SigningKey(HybridSuite.ACTOR, bytes([3]) * 32, bytes([4]) * 32)
OTHER = SigningKey(HybridSuite.ACTOR, bytes([5]) * 32, bytes([6]) * 32)
SERIAL = commit(b'"SN-1"', key32=bytes(32))
BEGINS_MS, ENDS_MS = 1_795_348_275_123, 2_000_000_000_000


def make(**changes: Any) -> bytes:
    said: dict[str, Any] = {
        "maker": "maker.example",
        "key": MAKER,
        "model": "Model 1",
        "serial": SERIAL,
        "device": DEVICE.public,
        "begins_ms": BEGINS_MS,
        "ends_ms": ENDS_MS,
    }
    return make_credential(**said | changes)


def sign(changes: Mapping[str, object], *, key: SigningKey = MAKER) -> bytes:
    """A credential whose payload is changed before it is signed."""
    return sign_jws({**read_jws(make()).payload, **changes}, key)


def refused(data: bytes) -> str:
    with pytest.raises(CredentialRefused) as caught:
        verify_credential(data)
    return caught.value.message


def test_credential_says_which_pair_is_in_which_device() -> None:
    data = make()
    found = verify_credential(data)
    assert (found.maker.key_id, found.device.key_id) == (MAKER.public.key_id, DEVICE.public.key_id)
    assert (found.claims.maker, found.claims.model, found.claims.serial) == (
        "maker.example",
        "Model 1",
        SERIAL,
    )
    assert (found.begins_ms, found.ends_ms) == (BEGINS_MS, ENDS_MS)
    assert (found.data, found.digest) == (data, digest_of(data))
    assert len(data) < CREDENTIAL_BYTES_MAX


def test_credential_comes_through_a_command_byte_for_byte() -> None:
    data = make()
    assert encode_credential(parse_credential(data)) == data


def test_maker_may_sign_with_either_suite() -> None:
    assert verify_credential(make(key=OTHER)).maker.suite is HybridSuite.ACTOR


def test_device_of_the_suite_of_roots_is_refused() -> None:
    root = SigningKey(HybridSuite.ROOT, bytes([7]) * 32, bytes([8]) * 32)
    with pytest.raises(CredentialRefused, match="suite of actors"):
        make(device=root.public)


@pytest.mark.parametrize("swap", ["ed25519", "mldsa"])
def test_maker_that_shares_a_key_with_the_device_is_refused(swap: str) -> None:
    mine, its = (OTHER.ed25519_seed, OTHER.mldsa_seed), (DEVICE.ed25519_seed, DEVICE.mldsa_seed)
    seeds = (its[0], mine[1]) if swap == "ed25519" else (mine[0], its[1])
    with pytest.raises(CredentialRefused, match="share a key"):
        make(key=SigningKey(HybridSuite.ACTOR, *seeds))


def test_credential_under_the_keys_of_another_is_refused() -> None:
    """Signed well, by a pair that is not the one it brings along."""
    data = sign({"keys": list(OTHER.public.thumbprints())}, key=OTHER)
    assert "is refused" in refused(data)


def test_credential_that_brings_other_maker_keys_is_refused() -> None:
    assert "is refused" in refused(sign({"maker_jwks": OTHER.public.jwks()}))


@pytest.mark.parametrize("half", [0, 1])
def test_credential_without_one_half_is_refused(half: int) -> None:
    whole = canonical.decode(make(), limit=CREDENTIAL_BYTES_MAX)
    assert isinstance(whole, dict)
    whole["signatures"] = [whole["signatures"][half]]
    assert "missing" in refused(canonical.encode(whole))


@pytest.mark.parametrize("part", range(16))
def test_changed_byte_is_refused(part: int) -> None:
    data = make()
    at = len(data) * part // 16
    changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    refused(changed)


def test_device_keys_that_are_not_the_ones_named_are_refused() -> None:
    assert "other keys" in refused(sign({"device_jwks": OTHER.public.jwks()}))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "telesphor-device-credential/2"},
        {"format": "telesphor-card/1"},
        {"maker": "Maker"},
        {"maker": "maker.example\n"},
        {"model": ""},
        {"model": "Model\t1"},
        {"model": "M" * 65},
        {"serial": "SN-1"},
        {"serial": digest_of(b"SN-1")},
        {"not_before": "2026-01-01"},
        {"not_after": 0},
        {"owner": "somebody"},
        {"device_keys": ["A" * 43]},
    ],
)
def test_credential_of_other_claims_is_refused(changes: dict[str, object]) -> None:
    assert "exactly the claims" in refused(sign(changes))


def test_credential_of_a_day_that_does_not_exist_is_refused() -> None:
    refused(sign({"not_before": "2026-02-30T00:00:00.000Z"}))


def test_credential_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(CredentialRefused, match="before it begins"):
        make(ends_ms=BEGINS_MS - 1)


def test_credential_too_large_is_refused() -> None:
    too_large = sign({"model": "M" * CREDENTIAL_BYTES_MAX})
    refused(too_large)
    with pytest.raises(CredentialRefused, match="at most"):
        parse_credential(too_large)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"null", b'{"payload":1,"signatures":[]}'])
def test_file_that_is_no_credential_is_refused(data: bytes) -> None:
    refused(data)
    with pytest.raises(CredentialRefused):
        parse_credential(data)


def test_serial_number_itself_is_never_signed() -> None:
    with pytest.raises(CredentialRefused):
        make(serial="SN-1")
