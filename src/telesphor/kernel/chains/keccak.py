"""Keccak-256 as Ethereum uses it: the sponge of FIPS 202 with the first padding (0x01, not SHA3's 0x06).

Python's `hashlib` has SHA3-256 only, whose padding differs, so the permutation stands here. It is written
for many messages at once: lane `i` of all messages lies in one long integer, 64 bits to each, and one
Python operation moves them all. One digest costs a third of a millisecond per 136 bytes; sixty block headers
hashed together cost little more than a few hashed alone.

INVARIANT: a digest depends on its own message alone, never on its neighbours in the same call.

Start at `keccak256` and `keccak256_many`. Not for secrets: nothing here runs in constant time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

DIGEST_BYTES = 32
RATE_BYTES = 136
"""Bytes absorbed by one permutation: 200 of state less twice the 32 of the digest (FIPS 202 section 4)."""
ABREAST_MAX = 64
"""Messages in one pass: wider integers gain nothing more."""

_LANE_BITS = 64
_LANE = (1 << _LANE_BITS) - 1
_RATE_LANES = RATE_BYTES // 8
_STATE_LANES = 25

Rotation = tuple[int, int, int, int]
"""How to turn all lanes to the left: bits out, bits in, mask of what is shifted up, mask of what wraps."""


def keccak256(message: bytes) -> bytes:
    """The 32-byte Keccak-256 digest of one message."""
    return keccak256_many((message,))[0]


def keccak256_many(messages: Sequence[bytes]) -> list[bytes]:
    """The digests of many messages, in their order; far quicker than one after the other."""
    # Messages of like length go together, so that few wait for a long one.
    order = sorted(range(len(messages)), key=lambda at: len(messages[at]))
    digests = [b""] * len(messages)
    for begin in range(0, len(order), ABREAST_MAX):
        group = order[begin : begin + ABREAST_MAX]
        for at, digest in zip(group, _hash_abreast([messages[at] for at in group]), strict=True):
            digests[at] = digest
    return digests


def _hash_abreast(messages: Sequence[bytes]) -> list[bytes]:
    """One sponge for all; a message that ended keeps the digest it had after its own last block."""
    padded = [_pad(message) for message in messages]
    rotations = _rotations(len(messages))
    lanes = [0] * _STATE_LANES
    digests = [b""] * len(messages)
    for begin in range(0, max(map(len, padded)), RATE_BYTES):
        blocks = [text[begin : begin + RATE_BYTES].ljust(RATE_BYTES, b"\x00") for text in padded]
        for lane in range(_RATE_LANES):
            lanes[lane] ^= int.from_bytes(
                b"".join(block[8 * lane : 8 * lane + 8] for block in blocks), "little"
            )
        lanes = _permute(lanes, rotations)
        ended = [at for at, text in enumerate(padded) if len(text) == begin + RATE_BYTES]
        _squeeze(lanes, ended, digests)
    return digests


def _pad(message: bytes) -> bytes:
    """Fill up to whole blocks: 0x01, zeros, and the last bit set (pad10*1)."""
    missing = RATE_BYTES - len(message) % RATE_BYTES
    if missing == 1:
        return bytes(message) + b"\x81"
    return bytes(message) + b"\x01" + bytes(missing - 2) + b"\x80"


def _squeeze(lanes: Sequence[int], ended: Iterable[int], digests: list[bytes]) -> None:
    for at in ended:
        digests[at] = b"".join(
            ((lane >> (_LANE_BITS * at)) & _LANE).to_bytes(8, "little") for lane in lanes[: DIGEST_BYTES // 8]
        )


def _permute(lanes: list[int], rotations: _Rotations) -> list[int]:
    """Keccak-f[1600]: 24 rounds of theta, rho, pi, chi and iota (FIPS 202 section 3.3)."""
    one, offsets, ones = rotations.one, rotations.offsets, rotations.ones
    up, down, high, low = one
    for constant in _ROUND_CONSTANTS:
        # Theta: each column takes in the parity of its two neighbours.
        a, b, c, d, e = (
            lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)
        )
        mixed = (
            e ^ ((b << up) & high | (b >> down) & low),
            a ^ ((c << up) & high | (c >> down) & low),
            b ^ ((d << up) & high | (d >> down) & low),
            c ^ ((e << up) & high | (e >> down) & low),
            d ^ ((a << up) & high | (a >> down) & low),
        )
        # Rho and pi: each lane turns by its offset and takes its new place.
        turned = [
            ((value := lanes[source] ^ mixed[column]) << left) & upper | (value >> right) & lower
            for source, column, (left, right, upper, lower) in offsets
        ]
        # Chi: the only step that is not linear. `c & ~b` is written `(c & b) ^ c`: no negative numbers.
        lanes = [
            turned[at] ^ turned[third] ^ (turned[second] & turned[third]) for at, second, third in _CHI_PLACES
        ]
        # Iota.
        lanes[0] ^= constant * ones
    return lanes


class _Rotations:
    """The masks for one number of messages abreast."""

    __slots__ = ("offsets", "one", "ones")

    def __init__(self, width: int) -> None:
        self.ones = ((1 << (_LANE_BITS * width)) - 1) // _LANE
        self.one = self._turn(1)
        self.offsets = tuple((source, source % 5, self._turn(bits)) for source, bits in _RHO_PI)

    def _turn(self, bits: int) -> Rotation:
        wrapped = (1 << bits) - 1
        return bits, _LANE_BITS - bits, self.ones * (_LANE ^ wrapped), self.ones * wrapped


@lru_cache(maxsize=ABREAST_MAX)
def _rotations(width: int) -> _Rotations:
    return _Rotations(width)


def _rho_pi() -> tuple[tuple[int, int], ...]:
    """For each place after pi: the lane that comes there, and by how many bits it turns."""
    bits, x, y = {0: 0}, 1, 0
    for step in range(24):
        bits[x + 5 * y] = (step + 1) * (step + 2) // 2 % _LANE_BITS
        x, y = y, (2 * x + 3 * y) % 5
    sources = [(x + 3 * y) % 5 + 5 * x for y in range(5) for x in range(5)]
    return tuple((source, bits[source]) for source in sources)


def _round_constants() -> tuple[int, ...]:
    """The 24 constants of iota, from the shift register of FIPS 202 section 3.2.5."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


_RHO_PI = _rho_pi()
_ROUND_CONSTANTS = _round_constants()
_CHI_PLACES = tuple((x + 5 * y, (x + 1) % 5 + 5 * y, (x + 2) % 5 + 5 * y) for y in range(5) for x in range(5))
