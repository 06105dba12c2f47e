"""Rows of headers: the real ones of mainnet, made ones of regtest, and rules tried on headers without work."""

from __future__ import annotations

import pytest

from telesphor.kernel.chains.anchor import (
    AnchorMalformed,
    AnchorOfAnotherNetwork,
    AnchorPinMismatch,
    AnchorTooLarge,
)
from telesphor.kernel.chains.headers import (
    HEADERS_MAX,
    MAINNET_DIFFICULTY_MIN,
    RULES,
    Header,
    HeadersRefused,
    WorkTooLow,
    bits_of,
    check_chain,
    check_headers,
    next_period_bits,
    parse_headers,
    rules_of,
    target_of,
    work_of,
)
from tests.support.headers import MAINNET_BLOCKS, make_header, make_row

MAINNET = RULES["bitcoin-mainnet"]
TESTNET4 = RULES["bitcoin-testnet4"]
REGTEST = RULES["bitcoin-regtest"]
HARD = 0x17025A00  # beyond the least difficulty of mainnet, about as in 2026
EASY = 0x1D00FFFF
START = 1_795_000_000


def header(*, time_seconds: int, bits: int = HARD, mark: int = 0) -> Header:
    """A header whose work nobody checks: rules other than work are tried on it."""
    return Header(bytes(32), bytes(32), time_seconds, bits, mark.to_bytes(32, "little"))


def row_of(*bits: int, step_seconds: int = 600) -> list[Header]:
    return [header(time_seconds=START + index * step_seconds, bits=each) for index, each in enumerate(bits)]


def test_the_first_blocks_of_mainnet_are_a_chain() -> None:
    row = parse_headers(MAINNET_BLOCKS)
    check_chain(row, MAINNET)
    assert row[0].shown_hash == MAINNET.genesis
    assert row[1].shown_hash == "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048"
    check_headers(row, first=0, rules=MAINNET, known={3: row[3].shown_hash})


def test_the_first_blocks_of_mainnet_are_too_easy_for_today() -> None:
    with pytest.raises(WorkTooLow):
        check_headers(parse_headers(MAINNET_BLOCKS), first=0, rules=MAINNET, known={})


def test_what_comes_after_the_last_pin_needs_the_minimum_of_work() -> None:
    row = parse_headers(MAINNET_BLOCKS)
    with pytest.raises(WorkTooLow, match="block `3`"):
        check_headers(row, first=0, rules=MAINNET, known={2: row[2].shown_hash})


def test_another_first_block_is_refused() -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        check_headers(parse_headers(make_row(2)), first=0, rules=REGTEST, known={})


def test_pin_that_differs_is_refused() -> None:
    with pytest.raises(AnchorPinMismatch):
        check_headers(parse_headers(make_row(2)), first=7, rules=REGTEST, known={8: "11" * 32})


def test_regtest_row_is_accepted() -> None:
    row = parse_headers(make_row(30))
    check_chain(row, REGTEST)
    check_headers(row, first=100, rules=REGTEST, known={})
    assert work_of(row) == 60


def test_header_that_does_not_follow_is_refused() -> None:
    row = parse_headers(make_row(3))
    with pytest.raises(HeadersRefused):
        check_chain([row[0], row[2]], REGTEST)


def test_header_that_misses_its_target_is_refused() -> None:
    data = bytearray(make_row(1))
    while int.from_bytes(parse_headers(bytes(data))[0].hash, "little") <= target_of(0x207FFFFF):
        data[76] = (data[76] + 1) % 256
    with pytest.raises(WorkTooLow):
        check_chain(parse_headers(bytes(data)), REGTEST)


@pytest.mark.parametrize("network", ["bitcoin-mainnet", "bitcoin-testnet4", "bitcoin-signet"])
def test_regtest_difficulty_is_of_no_other_network(network: str) -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        check_chain(parse_headers(make_row(1)), RULES[network])


def test_mainnet_headers_are_not_of_regtest() -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        check_chain(parse_headers(MAINNET_BLOCKS), REGTEST)


@pytest.mark.parametrize("data", [b"", bytes(79), bytes(81)])
def test_pieces_that_are_no_headers_are_refused(data: bytes) -> None:
    with pytest.raises(AnchorMalformed):
        parse_headers(data)


def test_too_many_headers_are_refused() -> None:
    with pytest.raises(AnchorTooLarge):
        parse_headers(bytes(80 * (HEADERS_MAX + 1)))


@pytest.mark.parametrize("network", ["ethereum-1", "bitcoin-testnet3", ""])
def test_network_without_rules_is_refused(network: str) -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        rules_of(network)


# bits, first and last time of a period, bits of the next: the vectors of Bitcoin Core's own tests (`pow_tests.cpp`)
PERIODS = [
    (0x1D00FFFF, 1261130161, 1262152739, 0x1D00D86A),
    (0x1D00FFFF, 1231006505, 1233061996, 0x1D00FFFF),
    (0x1C05A3F4, 1279008237, 1279297671, 0x1C0168FD),
    (0x1C387F6F, 1263163443, 1269211443, 0x1D00E1FD),
]


@pytest.mark.parametrize(("bits", "first", "last", "expected"), PERIODS)
def test_next_period_is_as_in_bitcoin_core(bits: int, first: int, last: int, expected: int) -> None:
    found = next_period_bits(bits=bits, first_seconds=first, last_seconds=last, limit_bits=0x1D00FFFF)
    assert found == expected


@pytest.mark.parametrize("bits", [0x1D00FFFF, 0x207FFFFF, 0x1E0377AE, 0x17025A00, 0x1C05A3F4])
def test_compact_targets_are_written_back(bits: int) -> None:
    assert bits_of(target_of(bits)) == bits


@pytest.mark.parametrize("bits", [0, 0x1D000000, 0x1D80FFFF, 0xFF7FFFFF, 0x217FFFFF, 0x01000000])
def test_target_that_does_not_exist_is_refused(bits: int) -> None:
    with pytest.raises(WorkTooLow):
        target_of(bits)


def test_least_difficulty_of_mainnet_is_that_of_its_name() -> None:
    assert (
        MAINNET.target_max * MAINNET_DIFFICULTY_MIN
        <= target_of(EASY)
        < (MAINNET.target_max + 1) * MAINNET_DIFFICULTY_MIN
    )
    assert target_of(HARD) < MAINNET.target_max


def test_difficulty_that_changes_within_a_period_is_refused() -> None:
    with pytest.raises(HeadersRefused, match="within a period"):
        check_headers(row_of(HARD, HARD + 1), first=2016 * 400 + 5, rules=MAINNET, known={})


def test_difficulty_may_change_at_a_period() -> None:
    eased = bits_of(target_of(HARD) * 4)
    check_headers(row_of(HARD, HARD - 1), first=2016 * 400 - 1, rules=MAINNET, known={})
    check_headers(row_of(HARD, eased), first=2016 * 400 - 1, rules=MAINNET, known={})
    check_headers(row_of(HARD, bits_of(target_of(HARD) // 4)), first=2016 * 400 - 1, rules=MAINNET, known={})


@pytest.mark.parametrize("factor", [4.01, 0.2499])
def test_difficulty_that_changes_by_more_than_four_is_refused(factor: float) -> None:
    after = bits_of(int(target_of(HARD) * factor))
    with pytest.raises(HeadersRefused, match="factor"):
        check_headers(row_of(HARD, after), first=2016 * 400 - 1, rules=MAINNET, known={})


def whole_period(next_bits: int) -> list[Header]:
    return [*row_of(*[HARD] * 2016), header(time_seconds=START + 2016 * 600, bits=next_bits)]


def test_whole_period_decides_the_next_exactly() -> None:
    expected = next_period_bits(
        bits=HARD, first_seconds=START, last_seconds=START + 2015 * 600, limit_bits=MAINNET.limit_bits
    )
    check_headers(whole_period(expected), first=2016 * 400, rules=MAINNET, known={})
    with pytest.raises(HeadersRefused, match="does not follow"):
        check_headers(whole_period(HARD), first=2016 * 400, rules=MAINNET, known={})


def test_time_before_the_median_is_refused() -> None:
    row = row_of(*[HARD] * 11)
    late = header(time_seconds=row[5].time_seconds)
    with pytest.raises(HeadersRefused, match="median"):
        check_headers([*row, late], first=2016 * 400, rules=MAINNET, known={})
    check_headers(
        [*row, header(time_seconds=row[5].time_seconds + 1)], first=2016 * 400, rules=MAINNET, known={}
    )


def test_median_is_not_guessed_from_too_few() -> None:
    row = row_of(*[HARD] * 10)
    check_headers([*row, header(time_seconds=START)], first=2016 * 400, rules=MAINNET, known={})


def test_slow_block_of_testnet4_is_accepted_after_a_wait_only() -> None:
    slow = [*row_of(HARD, HARD), header(time_seconds=START + 600 + 1201, bits=EASY)]
    check_headers([*slow, header(time_seconds=START + 2000)], first=2016 * 40 + 5, rules=TESTNET4, known={})
    hasty = [*row_of(HARD, HARD), header(time_seconds=START + 600 + 1200, bits=EASY)]
    with pytest.raises(HeadersRefused, match="long wait"):
        check_headers(hasty, first=2016 * 40 + 5, rules=TESTNET4, known={})


def test_testnet4_difficulty_returns_after_a_slow_block() -> None:
    row = [
        *row_of(HARD),
        header(time_seconds=START + 1201, bits=EASY),
        header(time_seconds=START + 1300, bits=HARD + 1),
    ]
    with pytest.raises(HeadersRefused, match="within a period"):
        check_headers(row, first=2016 * 40 + 5, rules=TESTNET4, known={})


def test_period_of_testnet4_that_begins_in_the_past_is_refused() -> None:
    row = [header(time_seconds=START), header(time_seconds=START - 601)]
    with pytest.raises(HeadersRefused, match="past"):
        check_headers(row, first=2016 * 40 - 1, rules=TESTNET4, known={})


def test_slow_block_is_no_rule_of_mainnet() -> None:
    row = [*row_of(HARD), header(time_seconds=START + 5000, bits=EASY)]
    with pytest.raises((WorkTooLow, HeadersRefused)):
        check_headers(row, first=2016 * 400 + 5, rules=MAINNET, known={})


def test_made_header_meets_its_target() -> None:
    check_chain(parse_headers(make_header(bytes(32), bytes(32), time_seconds=START)), REGTEST)
