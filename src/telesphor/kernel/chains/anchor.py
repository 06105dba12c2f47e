"""Anchors: what every proof that a public chain dates a checkpoint comes down to.

A `VerifiedAnchor` is only ever made by a function that has checked a proof whole; what it says it says in
one sentence for people too. A `HeaderPin` is a block header that the reader knows from elsewhere. Networks
are text, such as `bitcoin-mainnet` or `ethereum-1`; a proof names its network and is judged under the rules
of that one alone. Start at `VerifiedAnchor` and `parse_network`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final, Literal

from telesphor.kernel.errors import Kind, TelesphorError

BITCOIN_MAINNET: Final = "bitcoin-mainnet"
BITCOIN_TESTNET4: Final = "bitcoin-testnet4"
BITCOIN_SIGNET: Final = "bitcoin-signet"
BITCOIN_REGTEST: Final = "bitcoin-regtest"
ETHEREUM_DEVELOPMENT: Final = "ethereum-31337"
"""The chain id of development nodes (anvil, Hardhat), which run on one machine."""
BITCOIN_NETWORKS: Final = (BITCOIN_MAINNET, BITCOIN_TESTNET4, BITCOIN_SIGNET, BITCOIN_REGTEST)

ANCHOR_DIGEST_BYTES: Final = 32
"""An anchor dates a SHA-256 digest: that of a checkpoint's note text."""
HEIGHT_MAX: Final = 2**53 - 1
"""Heights travel as JSON numbers, which are exact up to here."""
PINS_MAX: Final = 1024
"""A reader's pins are a page in a file; more is a mistake."""

AGGREGATED_MAX: Final = 4096
"""Digests under one root: more than any node has ledgers, and a path of twelve steps."""
PATH_STEPS_MAX: Final = 12
"""ceil(log2 AGGREGATED_MAX)."""
PAIR_PREFIX: Final = b"telesphor-anchor-pair/1\n"
"""Keeps the hash of a pair from being taken for the digest of something else."""

_ETHEREUM = re.compile(r"ethereum-[1-9][0-9]{0,18}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class AnchorRefused(TelesphorError):
    """The proof does not show that a block of the named network dates the digest."""

    code: ClassVar[str] = "anchor-refused"
    kind: ClassVar[Kind] = Kind.UNAUTHENTICATED


class AnchorMalformed(AnchorRefused):
    """The bytes of the proof are not of the form they claim."""

    code = "anchor-malformed"
    kind = Kind.INVALID


class AnchorTooLarge(AnchorRefused):
    """A part of the proof is larger than its named bound."""

    code = "anchor-too-large"
    kind = Kind.TOO_LARGE


class AnchorOfAnotherDigest(AnchorRefused):
    """The proof is whole, and of something else than what was asked about."""

    code = "anchor-of-another-digest"


class AnchorOfAnotherNetwork(AnchorRefused):
    """The proof is of another network than the one it is offered for, or of one that is not known."""

    code = "anchor-of-another-network"


class AnchorPinMismatch(AnchorRefused):
    """The proof contradicts a header that the reader knows."""

    code = "anchor-pin-mismatch"


@dataclass(frozen=True, kw_only=True)
class VerifiedAnchor:
    """A proof that was checked whole.

    Attributes:
        network: such as `bitcoin-mainnet`.
        height: of the block that holds the digest.
        time_seconds: POSIX time that the block's header states.
        confirmations: blocks of the proof's own chain from the dating block to its last, that one included.
        proves_time: False for networks that anyone can rewrite for nothing (regtest, anvil).
        pinned: whether a header that the reader knows stands in the chain.
        sentence: what was proved, in plain words.
    """

    network: str
    height: int
    time_seconds: int
    confirmations: int
    proves_time: bool
    pinned: bool
    sentence: str


@dataclass(frozen=True)
class HeaderPin:
    """A block header that the reader knows from elsewhere.

    Attributes:
        hash: 64 lower-case hex digits, as explorers of that network show it.

    Raises:
        AnchorRefused: the network, height or hash has not that form.
    """

    network: str
    height: int
    hash: str

    def __post_init__(self) -> None:
        parse_network(self.network)
        if not 0 <= self.height <= HEIGHT_MAX:
            raise AnchorMalformed(f"the height of a pinned header is between 0 and {HEIGHT_MAX}")
        if _HASH.fullmatch(self.hash) is None:
            raise AnchorMalformed(
                "the hash of a pinned header is not 64 lower-case hex digits",
                hint="write it as block explorers show it, without `0x`",
            )


def parse_network(text: object) -> str:
    """The same text, when it names a network whose proofs can be judged.

    Raises:
        AnchorOfAnotherNetwork: anything else.
    """
    if isinstance(text, str) and (text in BITCOIN_NETWORKS or _ETHEREUM.fullmatch(text)):
        return text
    raise AnchorOfAnotherNetwork(
        "the network is not one whose anchors can be judged",
        hint=f"known are {', '.join(f'`{name}`' for name in BITCOIN_NETWORKS)} and `ethereum-<chain id>`",
    )


def pins_of(pins: Sequence[HeaderPin], network: str) -> dict[int, str]:
    """Hash by height of the pins of one network.

    Raises:
        AnchorTooLarge: more than `PINS_MAX` pins.
        AnchorPinMismatch: two different headers are pinned at one height.
    """
    if len(pins) > PINS_MAX:
        raise AnchorTooLarge(f"more than {PINS_MAX} headers are pinned")
    found: dict[int, str] = {}
    for pin in pins:
        if pin.network == network and found.setdefault(pin.height, pin.hash) != pin.hash:
            raise AnchorPinMismatch(f"two headers of `{network}` are pinned at height `{pin.height}`")
    return found


def anchor_digest(note_text: bytes) -> bytes:
    """What is anchored of a checkpoint: SHA-256 over the text of its note (three lines, without signatures)."""
    return sha256(note_text).digest()


@dataclass(frozen=True)
class PathStep:
    """One step from a digest to the root: the neighbour's hash (32 bytes) and on which side it stands."""

    side: Literal["left", "right"]
    hash: bytes

    def __post_init__(self) -> None:
        if self.side not in ("left", "right") or len(self.hash) != ANCHOR_DIGEST_BYTES:
            raise AnchorMalformed("a step of a path has a side, `left` or `right`, and a hash of 32 bytes")


@dataclass(frozen=True)
class Aggregate:
    """Several digests under one root; `paths` has the path of each digest, in the order given."""

    root: bytes
    paths: tuple[tuple[PathStep, ...], ...]


def aggregate_digests(digests: Sequence[bytes]) -> Aggregate:
    """Put 1 to 4,096 digests of 32 bytes under one root, so that one transaction dates them all.

    A node is SHA-256(`telesphor-anchor-pair/1`, newline, left, right); one without a neighbour rises as it is,
    so that a single digest is its own root. Raises `AnchorMalformed`, `AnchorTooLarge`.
    """
    if len(digests) > AGGREGATED_MAX:
        raise AnchorTooLarge(f"at most {AGGREGATED_MAX} digests are put under one root")
    if not digests or any(len(digest) != ANCHOR_DIGEST_BYTES for digest in digests):
        raise AnchorMalformed(f"a root is made of one or more digests of {ANCHOR_DIGEST_BYTES} bytes")
    level = list(digests)
    places = list(range(len(level)))
    paths: list[list[PathStep]] = [[] for _ in level]
    while len(level) > 1:
        for leaf, place in enumerate(places):
            neighbour = place ^ 1
            if neighbour < len(level):
                paths[leaf].append(PathStep("left" if place & 1 else "right", level[neighbour]))
            places[leaf] = place // 2
        level = [_hash_pair(level[at : at + 2]) for at in range(0, len(level), 2)]
    return Aggregate(level[0], tuple(map(tuple, paths)))


def follow_path(digest: bytes, path: Sequence[PathStep]) -> bytes:
    """The root that a digest reaches by its path. Raises `AnchorMalformed`, `AnchorTooLarge`."""
    if len(digest) != ANCHOR_DIGEST_BYTES:
        raise AnchorMalformed(f"a digest has {ANCHOR_DIGEST_BYTES} bytes")
    if len(path) > PATH_STEPS_MAX:
        raise AnchorTooLarge(f"a path has at most {PATH_STEPS_MAX} steps")
    for step in path:
        digest = _hash_pair([step.hash, digest] if step.side == "left" else [digest, step.hash])
    return digest


def _hash_pair(nodes: Sequence[bytes]) -> bytes:
    return nodes[0] if len(nodes) == 1 else sha256(PAIR_PREFIX + nodes[0] + nodes[1]).digest()
