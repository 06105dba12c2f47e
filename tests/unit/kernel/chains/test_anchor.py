"""Networks, pins and aggregated roots: what all anchors share."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel.chains.anchor import (
    AGGREGATED_MAX,
    PATH_STEPS_MAX,
    PINS_MAX,
    AnchorMalformed,
    AnchorOfAnotherNetwork,
    AnchorPinMismatch,
    AnchorTooLarge,
    HeaderPin,
    PathStep,
    aggregate_digests,
    anchor_digest,
    follow_path,
    parse_network,
    pins_of,
)

MAINNET = "bitcoin-mainnet"


@pytest.mark.parametrize("name", ["bitcoin-mainnet", "bitcoin-regtest", "ethereum-1", "ethereum-31337"])
def test_known_network_is_itself(name: str) -> None:
    assert parse_network(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "bitcoin", "Bitcoin-mainnet", "bitcoin-testnet3", "ethereum-0", "ethereum-01", "ethereum-", None],
)
def test_unknown_network_is_refused(name: object) -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        parse_network(name)


@pytest.mark.parametrize("text", ["", "0x" + "00" * 32, "AB" * 32, "00" * 31])
def test_pin_with_a_malformed_hash_is_refused(text: str) -> None:
    with pytest.raises(AnchorMalformed):
        HeaderPin(MAINNET, 1, text)


def test_pin_with_a_negative_height_is_refused() -> None:
    with pytest.raises(AnchorMalformed):
        HeaderPin(MAINNET, -1, "00" * 32)


def test_pins_are_those_of_the_network() -> None:
    pins = [HeaderPin(MAINNET, 1, "01" * 32), HeaderPin("ethereum-1", 1, "02" * 32)]
    assert pins_of(pins, MAINNET) == {1: "01" * 32}


def test_two_pins_of_one_height_are_refused() -> None:
    with pytest.raises(AnchorPinMismatch):
        pins_of([HeaderPin(MAINNET, 1, "01" * 32), HeaderPin(MAINNET, 1, "02" * 32)], MAINNET)


def test_too_many_pins_are_refused() -> None:
    with pytest.raises(AnchorTooLarge):
        pins_of([HeaderPin(MAINNET, 1, "01" * 32)] * (PINS_MAX + 1), MAINNET)


def test_digest_is_of_the_text_without_signatures() -> None:
    assert anchor_digest(b"log\n1\nroot\n") == sha256(b"log\n1\nroot\n").digest()


@given(st.integers(min_value=1, max_value=70))
def test_every_digest_reaches_the_root(count: int) -> None:
    digests = [sha256(bytes([index])).digest() for index in range(count)]
    made = aggregate_digests(digests)
    assert len(made.paths) == count
    for digest, path in zip(digests, made.paths, strict=True):
        assert follow_path(digest, path) == made.root
        assert follow_path(sha256(b"another").digest(), path) != made.root
        assert len(path) <= count.bit_length()


def test_the_largest_aggregate_is_within_the_bound_of_a_path() -> None:
    made = aggregate_digests([index.to_bytes(32, "big") for index in range(AGGREGATED_MAX)])
    assert max(map(len, made.paths)) == PATH_STEPS_MAX


def test_single_digest_is_its_own_root() -> None:
    digest = sha256(b"alone").digest()
    assert aggregate_digests([digest]).root == follow_path(digest, ()) == digest


def test_pair_is_hashed_in_a_domain_of_its_own() -> None:
    left, right = (sha256(bytes([index])).digest() for index in range(2))
    expected = sha256(b"telesphor-anchor-pair/1\n" + left + right).digest()
    assert aggregate_digests([left, right]).root == expected != sha256(left + right).digest()


def test_nothing_aggregates_to_nothing() -> None:
    with pytest.raises(AnchorMalformed):
        aggregate_digests([])


def test_short_digest_is_refused() -> None:
    with pytest.raises(AnchorMalformed):
        aggregate_digests([b"short"])
    with pytest.raises(AnchorMalformed):
        follow_path(b"short", ())


def test_too_many_digests_are_refused() -> None:
    with pytest.raises(AnchorTooLarge):
        aggregate_digests([bytes(32)] * (AGGREGATED_MAX + 1))


def test_too_long_a_path_is_refused() -> None:
    with pytest.raises(AnchorTooLarge):
        follow_path(bytes(32), [PathStep("left", bytes(32))] * (PATH_STEPS_MAX + 1))


def test_step_with_another_side_is_refused() -> None:
    with pytest.raises(AnchorMalformed):
        PathStep("up", bytes(32))  # type: ignore[arg-type]
