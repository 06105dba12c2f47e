"""Building the proof: from a transaction in a block to an `.ots` file with its headers.

Guarantees that nothing leaves here that the offline verifier would refuse. Start at `prove_transaction`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from telesphor.kernel.chains.anchor import AnchorRefused, HeaderPin, VerifiedAnchor
from telesphor.kernel.chains.bitcoin import verify_bitcoin_anchor
from telesphor.kernel.chains.headers import HEADERS_MAX
from telesphor.kernel.chains.timestamp import APPEND, PREPEND, SHA256, Operation
from telesphor.ledger.anchors.bitcoin.node import BitcoinNode
from telesphor.ledger.anchors.model import AnchorUnavailable

HEADERS_AFTER_MAX: Final = 24
"""Headers from the dating block on: four hours of work on top of it. More would only make bundles larger."""

_DOUBLE: Final = (Operation(SHA256), Operation(SHA256))


def operations_to_root(
    transaction: bytes, *, root: bytes, txids: Sequence[str], txid: str
) -> list[Operation]:
    """From `root` within a transaction to the merkle root of the block with these transactions.

    Raises:
        AnchorUnavailable: the block does not hold the transaction.
    """
    before, found, after = transaction.partition(root)
    if not found or txid not in txids:
        raise AnchorUnavailable("the Bitcoin node's block does not hold the transaction")
    operations = [Operation(PREPEND, before), Operation(APPEND, after), *_DOUBLE]
    index, level = txids.index(txid), [bytes.fromhex(each)[::-1] for each in txids]
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])  # Bitcoin pairs the last one with itself.
        neighbour = Operation(PREPEND if index & 1 else APPEND, level[index ^ 1])
        operations += [neighbour, *_DOUBLE]
        level = [_double(level[at] + level[at + 1]) for at in range(0, len(level), 2)]
        index //= 2
    return operations


async def fetch_headers(node: BitcoinNode, height: int, *, tip: int, pin: HeaderPin | None) -> bytes:
    """The headers from the dating block, or from the pinned one before it, to the tip."""
    first = height
    end = min(tip + 1, height + HEADERS_AFTER_MAX)
    if pin is not None and pin.height < height and end - pin.height <= HEADERS_MAX:
        first = pin.height
    return await node.headers(first, end)


def check_proof(
    *, digest: bytes, ots: bytes, headers: bytes, network: str, pin: HeaderPin | None
) -> VerifiedAnchor:
    """What the offline verifier says of the proof.

    Raises:
        AnchorUnavailable: it refuses; most likely the chain was reorganised between two questions.
    """
    try:
        pins = () if pin is None else (pin,)
        return verify_bitcoin_anchor(digest=digest, ots=ots, headers=headers, network=network, pins=pins)
    except AnchorRefused as error:
        raise AnchorUnavailable(f"the proof does not hold yet: {error.message}", detail=error.code) from error


def _double(data: bytes) -> bytes:
    return sha256(sha256(data).digest()).digest()
