"""Rows of Bitcoin headers: what each network demands of them, as far as the row itself can show.

What this module guarantees of a row it accepts: each header names the one before and meets its own target, its
difficulty and its time are as the network's rules allow, no pinned header contradicts it, and what no pin vouches
for shows the network's minimum of work. A row may begin in the middle of the chain; what only earlier headers
could show is then not checked, and `docs/spec/anchors.md` says what that is. Start at `check_headers`.

Sources: the header format and difficulty rules of Bitcoin Core (`pow.cpp`, `chainparams.cpp`), BIP 94
(testnet4), BIP 325 (signet).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from telesphor.kernel.chains.anchor import (
    BITCOIN_MAINNET,
    BITCOIN_NETWORKS,
    BITCOIN_REGTEST,
    BITCOIN_SIGNET,
    BITCOIN_TESTNET4,
    AnchorMalformed,
    AnchorOfAnotherNetwork,
    AnchorPinMismatch,
    AnchorRefused,
    AnchorTooLarge,
    parse_network,
)

HEADER_BYTES: Final = 80
HEADERS_MAX: Final = 12_096
"""Six difficulty periods, twelve weeks: from a header pinned each quarter to any block. 968 kB, and 60 ms to check."""
HEADERS_BYTES_MAX: Final = HEADER_BYTES * HEADERS_MAX

PERIOD_BLOCKS: Final = 2016
PERIOD_SECONDS: Final = 14 * 24 * 60 * 60
RETARGET_FACTOR: Final = 4
"""No period's target differs from the one before by more than this."""
MEDIAN_BLOCKS: Final = 11
SLOW_BLOCK_SECONDS: Final = 1200
"""After so long without a block, testnet4 lets one of least difficulty follow."""
TIMEWARP_SECONDS: Final = 600
"""BIP 94: the first block of a period is at most so much older than the one before."""

MAINNET_DIFFICULTY_MIN: Final = 10**13
"""Least difficulty of a mainnet header that no pin vouches for. Mainnet has stayed above it since it fell to
1.37 * 10^13 in July 2021 and is an order of magnitude beyond it in 2026; one such header takes 4.3 * 10^22 hashes,
which no one has for nothing. Older headers need a pin at or after them."""

_DIFFICULTY_ONE_BITS: Final = 0x1D00FFFF


class WorkTooLow(AnchorRefused):
    """A header shows less work than its own target, its network or its place in the chain demand."""

    code = "anchor-work-too-low"


class HeadersRefused(AnchorRefused):
    """The headers are not one chain, or not one that the network's rules allow."""

    code = "anchor-headers-refused"


@dataclass(frozen=True, slots=True)
class Header:
    """A block header. `previous`, `merkle_root` and `hash` are in the order of bytes that is hashed."""

    previous: bytes
    merkle_root: bytes
    time_seconds: int
    bits: int
    hash: bytes

    @property
    def shown_hash(self) -> str:
        """As explorers show it: hex, the last byte first."""
        return self.hash[::-1].hex()


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a network demands of its headers.

    Attributes:
        genesis: hash of block 0, as explorers show it.
        limit_bits: the easiest target that exists there.
        retargets: whether the difficulty changes at all (regtest: never).
        slow_blocks: whether a block of least difficulty may follow a long wait, and BIP 94 holds (testnet4).
        target_max: the easiest target of a header that no pin vouches for.
        proves_time: whether its headers cost enough to say anything about time.
    """

    network: str
    genesis: str
    limit_bits: int
    retargets: bool
    slow_blocks: bool
    target_max: int
    proves_time: bool


def parse_headers(data: bytes) -> tuple[Header, ...]:
    """Split 80-byte headers; judges nothing. Raises `AnchorMalformed`, `AnchorTooLarge`."""
    if len(data) > HEADERS_BYTES_MAX:
        raise AnchorTooLarge(f"at most {HEADERS_MAX} headers are read")
    if not data or len(data) % HEADER_BYTES:
        raise AnchorMalformed(f"headers are one or more pieces of {HEADER_BYTES} bytes")
    return tuple(_parse_header(data[at : at + HEADER_BYTES]) for at in range(0, len(data), HEADER_BYTES))


def rules_of(network: str) -> Rules:
    """The rules of a Bitcoin network. Raises `AnchorOfAnotherNetwork`."""
    if parse_network(network) not in BITCOIN_NETWORKS:
        raise AnchorOfAnotherNetwork(f"`{network}` is not a Bitcoin network")
    return RULES[network]


def check_headers(row: Sequence[Header], *, first: int, rules: Rules, known: Mapping[int, str]) -> None:
    """The row, whose first header is of the block at height `first`, is as the network's rules allow.

    Args:
        known: the hash of each pinned header by height, as explorers show it; all within the row.

    Raises:
        AnchorOfAnotherNetwork, AnchorPinMismatch, WorkTooLow, HeadersRefused: naming the block that is not.
    """
    _check_pins(row, first, known, rules)
    _check_difficulty(row, first, rules)
    _check_times(row, first, rules)


def check_chain(row: Sequence[Header], rules: Rules) -> None:
    """Each header names the one before, meets its own target, and has a difficulty that the network has.

    Raises:
        HeadersRefused, WorkTooLow, AnchorOfAnotherNetwork: naming the first header that does not.
    """
    limit = target_of(rules.limit_bits)
    for index, header in enumerate(row):
        if index and header.previous != row[index - 1].hash:
            raise HeadersRefused(f"header `{index}` does not follow the one before it")
        target = target_of(header.bits)
        if target > limit:
            raise AnchorOfAnotherNetwork(
                f"header `{index}` has a difficulty that `{rules.network}` does not have"
            )
        if not rules.retargets and header.bits != rules.limit_bits:
            raise AnchorOfAnotherNetwork(
                f"header `{index}` is not of `{rules.network}`: its difficulty is another"
            )
        if int.from_bytes(header.hash, "little") > target:
            raise WorkTooLow(f"header `{index}` does not meet its own target")


def target_of(bits: int) -> int:
    """The target that a header's compact field stands for. Raises `WorkTooLow` when it is none."""
    exponent, mantissa = bits >> 24, bits & 0x7FFFFF
    target = mantissa << 8 * (exponent - 3) if exponent >= 3 else mantissa >> 8 * (3 - exponent)
    if bits & 0x800000 or not 0 < target < 2**256:
        raise WorkTooLow("the difficulty of a header is not a number that exists")
    return target


def bits_of(target: int) -> int:
    """The compact field of a target, rounded down as Bitcoin rounds."""
    size = (target.bit_length() + 7) // 8
    mantissa = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if mantissa & 0x800000:  # The field has a sign, so its top bit stays clear.
        mantissa, size = mantissa >> 8, size + 1
    return size << 24 | mantissa


def next_period_bits(*, bits: int, first_seconds: int, last_seconds: int, limit_bits: int) -> int:
    """The compact target of the period after one that ran between these two times.

    Args:
        first_seconds: time of the period's first block.
        last_seconds: time of its last, the 2,015th after: Bitcoin counts one block short.
    """
    taken = min(
        max(last_seconds - first_seconds, PERIOD_SECONDS // RETARGET_FACTOR), PERIOD_SECONDS * RETARGET_FACTOR
    )
    return bits_of(min(target_of(bits) * taken // PERIOD_SECONDS, target_of(limit_bits)))


def work_of(row: Sequence[Header]) -> int:
    """How many hashes such headers take on average."""
    return sum(2**256 // (target_of(header.bits) + 1) for header in row)


def _parse_header(raw: bytes) -> Header:
    return Header(
        previous=raw[4:36],
        merkle_root=raw[36:68],
        time_seconds=int.from_bytes(raw[68:72], "little"),
        bits=int.from_bytes(raw[72:76], "little"),
        hash=sha256(sha256(raw).digest()).digest(),
    )


def _check_pins(row: Sequence[Header], first: int, known: Mapping[int, str], rules: Rules) -> None:
    if first == 0 and row[0].shown_hash != rules.genesis:
        raise AnchorOfAnotherNetwork(f"the first block is not that of `{rules.network}`")
    for height, text in known.items():
        if row[height - first].shown_hash != text:
            raise AnchorPinMismatch(
                f"the header of block `{height}` is not the one pinned for `{rules.network}`",
                hint="either the proof is of another chain or the pin is wrong",
            )
    vouched = max(known, default=first - 1)
    for index in range(max(vouched - first + 1, 0), len(row)):
        if target_of(row[index].bits) > rules.target_max:
            raise WorkTooLow(
                f"block `{first + index}` shows less work than `{rules.network}` demands of a header "
                "that no pin vouches for",
                hint="pin a header at or after it, or ask which network the proof is of",
            )


def _check_difficulty(row: Sequence[Header], first: int, rules: Rules) -> None:
    """Difficulty changes at a period's first block only; exactly so where the whole period is in the row."""
    if not rules.retargets:
        return
    period: int | None = None  # the period's own bits, once the row has shown them
    for index, header in enumerate(row):
        height = first + index
        if index and height % PERIOD_BLOCKS == 0:
            _check_retarget(row, index, period, rules)
            period = header.bits
        elif rules.slow_blocks and header.bits == rules.limit_bits:
            waited = header.time_seconds - row[index - 1].time_seconds if index else SLOW_BLOCK_SECONDS + 1
            if waited <= SLOW_BLOCK_SECONDS and period not in (None, rules.limit_bits):
                raise HeadersRefused(
                    f"block `{height}` has the least difficulty, and did not follow a long wait"
                )
            period = header.bits if height % PERIOD_BLOCKS == 0 else period
        elif period is not None and header.bits != period:
            raise HeadersRefused(f"the difficulty changes at block `{height}`, within a period")
        else:
            period = header.bits


def _check_retarget(row: Sequence[Header], index: int, period: int | None, rules: Rules) -> None:
    if index >= PERIOD_BLOCKS:
        start = row[index - PERIOD_BLOCKS]
        # BIP 94 takes the difficulty of the period's first block; on mainnet all blocks have the same.
        expected = next_period_bits(
            bits=start.bits,
            first_seconds=start.time_seconds,
            last_seconds=row[index - 1].time_seconds,
            limit_bits=rules.limit_bits,
        )
        if row[index].bits != expected:
            raise HeadersRefused("the difficulty of a period does not follow from the one before it")
    elif period is not None:
        before, after = target_of(period), target_of(row[index].bits)
        eased = min(before * RETARGET_FACTOR, target_of(rules.limit_bits))
        # Compact numbers are rounded down, so the hardest allowed target is rounded as well.
        if not target_of(bits_of(max(before // RETARGET_FACTOR, 1))) <= after <= eased:
            raise HeadersRefused(f"the difficulty changes by more than a factor of {RETARGET_FACTOR} at once")


def _check_times(row: Sequence[Header], first: int, rules: Rules) -> None:
    """Each time is later than the median of the eleven before it, where the row shows all eleven."""
    times = [header.time_seconds for header in row]
    for index in range(1, len(row)):
        window = times[max(index - MEDIAN_BLOCKS, 0) : index]
        complete = len(window) == MEDIAN_BLOCKS or first == 0
        if complete and times[index] <= sorted(window)[len(window) // 2]:
            raise HeadersRefused(
                f"block `{first + index}` states a time before the median of those before it"
            )
        begins = rules.slow_blocks and (first + index) % PERIOD_BLOCKS == 0
        if begins and times[index] < times[index - 1] - TIMEWARP_SECONDS:
            raise HeadersRefused(f"block `{first + index}` begins its period too far in the past")


_DIFFICULTY_ONE: Final = target_of(_DIFFICULTY_ONE_BITS)

RULES: Final[Mapping[str, Rules]] = {
    BITCOIN_MAINNET: Rules(
        network=BITCOIN_MAINNET,
        genesis="000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
        limit_bits=_DIFFICULTY_ONE_BITS,
        retargets=True,
        slow_blocks=False,
        target_max=_DIFFICULTY_ONE // MAINNET_DIFFICULTY_MIN,
        proves_time=True,
    ),
    BITCOIN_TESTNET4: Rules(
        network=BITCOIN_TESTNET4,
        genesis="00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
        limit_bits=_DIFFICULTY_ONE_BITS,
        retargets=True,
        slow_blocks=True,
        target_max=_DIFFICULTY_ONE,
        proves_time=False,
    ),
    BITCOIN_SIGNET: Rules(
        network=BITCOIN_SIGNET,
        genesis="00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
        limit_bits=0x1E0377AE,
        retargets=True,
        slow_blocks=False,
        target_max=target_of(0x1E0377AE),
        proves_time=False,
    ),
    BITCOIN_REGTEST: Rules(
        network=BITCOIN_REGTEST,
        genesis="0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
        limit_bits=0x207FFFFF,
        retargets=False,
        slow_blocks=False,
        target_max=target_of(0x207FFFFF),
        proves_time=False,
    ),
}
