"""Bitcoin proofs as a reader judges them: what dates a digest, and every way in which something does not."""

from __future__ import annotations

from hashlib import sha256

import pytest

from telesphor.kernel.chains.anchor import (
    AnchorMalformed,
    AnchorOfAnotherDigest,
    AnchorOfAnotherNetwork,
    AnchorPinMismatch,
    AnchorRefused,
    HeaderPin,
    VerifiedAnchor,
)
from telesphor.kernel.chains.bitcoin import AnchorPending, verify_bitcoin_anchor
from telesphor.kernel.chains.headers import HeadersRefused, parse_headers
from telesphor.kernel.chains.timestamp import (
    APPEND,
    SHA256,
    Operation,
    TimestampPath,
    bitcoin_attestation,
    format_timestamp_file,
    pending_attestation,
)
from tests.support.headers import MAINNET_BLOCKS, make_row

REGTEST = "bitcoin-regtest"
MAINNET = "bitcoin-mainnet"
DIGEST = sha256(b"the text of a checkpoint").digest()
HEIGHT = 500


def path_to(height: int, word: bytes = b"nonce") -> TimestampPath:
    return TimestampPath((Operation(APPEND, word), Operation(SHA256)), bitcoin_attestation(height))


def ots_of(*paths: TimestampPath) -> bytes:
    return format_timestamp_file(paths, digest=DIGEST)


ROOT = path_to(HEIGHT).message(DIGEST)
OTS = ots_of(path_to(HEIGHT))
ROW = make_row(6, roots={0: ROOT})


def verify(
    *, ots: bytes = OTS, headers: bytes = ROW, network: str = REGTEST, pins: tuple[HeaderPin, ...] = ()
) -> VerifiedAnchor:
    return verify_bitcoin_anchor(digest=DIGEST, ots=ots, headers=headers, network=network, pins=pins)


def shown(index: int, headers: bytes = ROW) -> str:
    return parse_headers(headers)[index].shown_hash


def test_regtest_proof_dates_and_says_that_it_proves_nothing_about_time() -> None:
    found = verify()
    assert (found.network, found.height, found.confirmations, found.pinned) == (REGTEST, HEIGHT, 6, False)
    assert found.time_seconds == 1_795_000_000
    assert not found.proves_time
    assert "it proves nothing about time" in found.sentence


def test_row_may_begin_before_the_dating_block() -> None:
    row = make_row(9, roots={4: ROOT})
    found = verify(headers=row, pins=(HeaderPin(REGTEST, HEIGHT - 4, shown(0, row)),))
    assert (found.height, found.confirmations) == (HEIGHT, 5)
    assert not found.pinned, "a pin before the dating block does not vouch for it"


def test_pin_at_or_after_the_dating_block_vouches_for_it() -> None:
    assert verify(pins=(HeaderPin(REGTEST, HEIGHT + 3, shown(3)),)).pinned


def test_pin_of_another_network_or_height_is_passed_by() -> None:
    pins = (HeaderPin(MAINNET, HEIGHT, "11" * 32), HeaderPin(REGTEST, HEIGHT + 6, "11" * 32))
    assert not verify(pins=pins).pinned


def test_mainnet_proof_of_pinned_blocks_is_accepted() -> None:
    """The real first blocks: only the digest's path is made up, so the digest is one no one has a path for."""
    root = parse_headers(MAINNET_BLOCKS)[1].merkle_root
    ots = format_timestamp_file([TimestampPath((), bitcoin_attestation(1))], digest=root)
    pins = (HeaderPin(MAINNET, 3, shown(3, MAINNET_BLOCKS)),)
    found = verify_bitcoin_anchor(digest=root, ots=ots, headers=MAINNET_BLOCKS, network=MAINNET, pins=pins)
    assert found.proves_time and found.pinned
    assert (found.height, found.time_seconds, found.confirmations) == (1, 1231469665, 3)
    assert "a header that you pinned vouches for it" in found.sentence


def test_mainnet_proof_with_regtest_difficulty_is_refused() -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        verify(network=MAINNET)


def test_pin_does_not_excuse_regtest_difficulty_on_mainnet() -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        verify(network=MAINNET, pins=(HeaderPin(MAINNET, HEIGHT, shown(0)),))


def test_mainnet_proof_is_not_of_regtest() -> None:
    root = parse_headers(MAINNET_BLOCKS)[1].merkle_root
    ots = format_timestamp_file([TimestampPath((), bitcoin_attestation(1))], digest=root)
    with pytest.raises(AnchorOfAnotherNetwork):
        verify_bitcoin_anchor(digest=root, ots=ots, headers=MAINNET_BLOCKS, network=REGTEST)


@pytest.mark.parametrize("network", ["ethereum-1", "bitcoin", ""])
def test_network_that_is_not_bitcoin_is_refused(network: str) -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        verify(network=network)


def test_proof_of_another_digest_is_refused() -> None:
    with pytest.raises(AnchorOfAnotherDigest):
        verify_bitcoin_anchor(digest=sha256(b"another").digest(), ots=OTS, headers=ROW, network=REGTEST)


def test_promise_alone_is_refused_as_pending() -> None:
    ots = ots_of(TimestampPath((Operation(APPEND, b"n"),), pending_attestation("https://calendar.example")))
    with pytest.raises(AnchorPending):
        verify(ots=ots)


def test_promise_beside_a_block_does_no_harm() -> None:
    promise = TimestampPath((Operation(APPEND, b"n"),), pending_attestation("https://calendar.example"))
    assert verify(ots=ots_of(path_to(HEIGHT), promise)).height == HEIGHT


def test_headers_of_other_blocks_are_refused() -> None:
    with pytest.raises(AnchorOfAnotherDigest):
        verify(headers=make_row(6))


def test_attestation_within_the_row_that_does_not_hold_is_refused() -> None:
    with pytest.raises(HeadersRefused):
        verify(ots=ots_of(path_to(HEIGHT), path_to(HEIGHT + 2, b"elsewhere")))


def test_attestation_outside_the_row_is_not_judged() -> None:
    assert verify(ots=ots_of(path_to(HEIGHT), path_to(HEIGHT + 50, b"elsewhere"))).height == HEIGHT


def test_two_roots_for_one_height_are_refused() -> None:
    with pytest.raises(HeadersRefused):
        verify(ots=ots_of(path_to(HEIGHT), path_to(HEIGHT, b"elsewhere")))


def test_attestations_that_place_the_row_twice_are_refused() -> None:
    other = path_to(HEIGHT + 5, b"elsewhere")
    row = make_row(6, roots={0: ROOT, 2: other.message(DIGEST)})
    with pytest.raises(HeadersRefused):
        verify(ots=ots_of(path_to(HEIGHT), other), headers=row)


def test_earliest_of_two_blocks_dates() -> None:
    other = path_to(HEIGHT + 2, b"elsewhere")
    row = make_row(6, roots={0: ROOT, 2: other.message(DIGEST)})
    assert verify(ots=ots_of(path_to(HEIGHT), other), headers=row).height == HEIGHT


def test_height_below_zero_is_refused() -> None:
    row = make_row(6, roots={3: path_to(2).message(DIGEST)})
    with pytest.raises(HeadersRefused):
        verify(ots=ots_of(path_to(2)), headers=row)


def test_message_that_is_no_root_is_refused() -> None:
    ots = format_timestamp_file(
        [TimestampPath((Operation(APPEND, b"n"),), bitcoin_attestation(HEIGHT))], digest=DIGEST
    )
    with pytest.raises(HeadersRefused):
        verify(ots=ots)


def test_pin_that_contradicts_the_row_is_refused() -> None:
    with pytest.raises(AnchorPinMismatch):
        verify(pins=(HeaderPin(REGTEST, HEIGHT + 1, "11" * 32),))


def test_row_with_a_gap_is_refused() -> None:
    with pytest.raises(HeadersRefused):
        verify(headers=ROW[:160] + ROW[240:])


@pytest.mark.parametrize("data", [b"", ROW[:-1]])
def test_headers_that_are_cut_are_refused(data: bytes) -> None:
    with pytest.raises(AnchorMalformed):
        verify(headers=data)


def test_every_changed_byte_of_the_dating_header_is_refused() -> None:
    for at in range(
        4, 72
    ):  # version, nonce and difficulty apart, whose change the work shows in half of the cases
        changed = bytearray(ROW)
        changed[at] ^= 1
        with pytest.raises(AnchorRefused):
            verify(headers=bytes(changed))


def test_every_changed_byte_of_the_timestamp_is_refused() -> None:
    for at in range(len(OTS) - 1):  # the last byte is the height, which headers without a pin do not state
        changed = bytearray(OTS)
        changed[at] ^= 1
        if at == len(OTS) - 2:
            continue
        with pytest.raises(AnchorRefused):
            verify(ots=bytes(changed))


def test_height_is_a_claim_until_a_pin_settles_it() -> None:
    """Headers do not state heights: a wrong one is caught by a pin, and by nothing else in the middle of a period."""
    lying = ots_of(path_to(HEIGHT + 1))
    assert verify(ots=lying).height == HEIGHT + 1
    with pytest.raises(AnchorPinMismatch):
        verify(ots=lying, pins=(HeaderPin(REGTEST, HEIGHT + 2, shown(2)),))
