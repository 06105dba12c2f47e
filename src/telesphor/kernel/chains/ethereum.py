"""An Ethereum anchor, checked offline: a block of the named network holds a transaction that carries the digest.

The proof holds the raw transaction (EIP-1559) whose data are the 32 bytes, its place in the block's trie of
transactions, the block's header, and the headers that followed. What it can show by itself is that all these
belong together. INVARIANT: it never says more: headers of Ethereum carry no work, so anyone can write a chain
of them for nothing, and only a header that the reader knows from elsewhere (a pin) makes the time a proof.

Start at `verify_ethereum_anchor`. Bytes: `docs/spec/anchors-ethereum.md`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from telesphor.kernel import canonical
from telesphor.kernel.chains.anchor import (
    ANCHOR_DIGEST_BYTES,
    HEIGHT_MAX,
    AnchorMalformed,
    AnchorOfAnotherDigest,
    AnchorOfAnotherNetwork,
    AnchorPinMismatch,
    AnchorRefused,
    AnchorTooLarge,
    HeaderPin,
    VerifiedAnchor,
    parse_network,
    pins_of,
)
from telesphor.kernel.chains.keccak import DIGEST_BYTES, keccak256_many
from telesphor.kernel.chains.rlp import RlpRefused, byte_string, decode_rlp, encode_rlp, number
from telesphor.kernel.chains.trie import verify_trie_inclusion
from telesphor.kernel.clock import INSTANT_MS_MAX, format_instant
from telesphor.kernel.errors import LimitExceeded

FORMAT: Final = "telesphor-ethereum-anchor/1"
NETWORK_PREFIX: Final = "ethereum-"
DEV_CHAIN_IDS: Final = frozenset({1337, 31337})
"""Chain ids of development nodes (geth --dev, anvil, hardhat): their owner writes what block he likes."""

PROOF_BYTES_MAX: Final = 256 * 1024
"""The whole proof; one with 64 later headers has a third of this."""
TRANSACTION_BYTES_MAX: Final = 1024
"""A transaction with 32 bytes of data has about 150; no access list is allowed for."""
HEADER_BYTES_MAX: Final = 1024
"""A header of mainnet has about 640 bytes."""
NODE_BYTES_MAX: Final = 2048
"""A branch has at most 532 bytes; a leaf holds the transaction."""
NODES_MAX: Final = 9
"""The key of the largest index has four bytes: eight steps and a leaf."""
INDEX_MAX: Final = 2**24 - 1
"""No block has the gas for a thousandth of so many transactions."""
LATER_MAX: Final = 64
"""Two epochs of blocks: after those a block of mainnet is final."""
PATH_STEPS_MAX: Final = 32
"""Two to the 32 digests in one transaction."""

TRANSACTION_TYPE: Final = 0x02
ADDRESS_BYTES: Final = 20
CHAIN_ID_MAX: Final = 2**63 - 1

_AGGREGATE_PREFIX: Final = b"telesphor-anchor-pair/1\n"
_WORD_MAX: Final = 2**256 - 1
_TRANSACTION_ITEMS: Final = 12
_HEADER_ITEMS_MIN: Final = 15
_HEADER_ITEMS_MAX: Final = 32
_HEADER_SIZES: Final = {0: 32, 1: 32, 2: 20, 3: 32, 4: 32, 5: 32, 6: 256, 13: 32, 14: 8}
"""The fields of a header that have one size in every fork: parent, ommers, coinbase, state root, transactions
root, receipts root, bloom, mix hash, nonce. Nothing else that Ethereum hashes has this shape."""
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.ASCII)
_MEMBERS: Final = {"v", "format", "network", "path", "transaction", "index", "proof", "header", "later"}


class HeaderChainBroken(AnchorRefused):
    """A later header is not the child of the one before it."""

    code = "anchor-header-chain-broken"


@dataclass(frozen=True)
class AnchorTransaction:
    """What a proof needs of a transaction: its network, to whom, how much (in wei), and its data."""

    chain_id: int
    to: bytes
    value: int
    data: bytes


@dataclass(frozen=True)
class BlockHeader:
    """What a proof needs of a block's header."""

    parent_hash: bytes
    transactions_root: bytes
    height: int
    time_seconds: int


@dataclass(frozen=True, kw_only=True)
class EthereumProof:
    """The members of a proof, each within its bounds; nothing of it is believed yet.

    Attributes:
        path: from the digest to the transaction's data: side of the sibling (`left`, `right`) and its hash.
        transaction: raw bytes, as the network carries them.
        index: of the transaction in its block.
        nodes: of the trie, from the root to the leaf, as RLP.
        header: of the block, as RLP.
        later: the headers that followed, as RLP, oldest first.
    """

    network: str
    path: tuple[tuple[str, bytes], ...]
    transaction: bytes
    index: int
    nodes: tuple[bytes, ...]
    header: bytes
    later: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The canonical JSON of the proof."""
        return canonical.encode(
            {
                "v": 1,
                "format": FORMAT,
                "network": self.network,
                "path": [{"side": side, "hash": sibling.hex()} for side, sibling in self.path],
                "transaction": self.transaction.hex(),
                "index": self.index,
                "proof": [node.hex() for node in self.nodes],
                "header": self.header.hex(),
                "later": [header.hex() for header in self.later],
            }
        )


def verify_ethereum_anchor(
    *, digest: bytes, data: bytes, network: str, pins: Sequence[HeaderPin]
) -> VerifiedAnchor:
    """Check that a block of `network` holds `digest`.

    1. The proof is well formed and of this network.
    2. The transaction is of this network's chain id, and its data are what the digest leads to.
    3. The header's trie of transactions holds the transaction at its index.
    4. Every later header is the child of the one before it.
    5. No pinned header contradicts them.

    Args:
        digest: 32 bytes: SHA-256 of the text of a checkpoint's note.
        data: the proof, canonical JSON.
        network: which network the reader was told, such as `ethereum-1`.
        pins: headers that the reader knows from elsewhere; those of other networks are passed over.

    Raises:
        AnchorRefused: it is not shown; the subclass says which step failed.
    """
    # 1. Form and network.
    chain_id = chain_id_of(network)
    proof = read_proof(data)
    if proof.network != network:
        raise AnchorOfAnotherNetwork(f"the proof is of `{proof.network}`, not of `{network}`")
    # 2. The transaction carries the digest.
    _check_transaction(read_transaction(proof.transaction), proof, digest=digest, chain_id=chain_id)
    # 3. The block holds the transaction. All hashes at once: they are most of the work.
    count = len(proof.nodes)
    hashes = keccak256_many((*proof.nodes, proof.header, *proof.later))
    header = read_header(proof.header)
    verify_trie_inclusion(
        root=header.transactions_root,
        key=encode_rlp(proof.index),
        value=proof.transaction,
        nodes=proof.nodes,
        hashes=hashes[:count],
    )
    # 4. The headers that followed.
    _check_chain(header, [read_header(later) for later in proof.later], hashes[count:])
    # 5. The headers that the reader knows.
    pinned = _find_pin(header.height, hashes[count:], pins_of(pins, network), network)
    return _verified(network, chain_id, header, hashes[count], len(proof.later) + 1, pinned)


def chain_id_of(network: str) -> int:
    """The chain id that `ethereum-<chain id>` names. Raises `AnchorOfAnotherNetwork`."""
    if not parse_network(network).startswith(NETWORK_PREFIX):
        raise AnchorOfAnotherNetwork(f"`{network}` is not a network of Ethereum")
    chain_id = int(network[len(NETWORK_PREFIX) :])
    if chain_id > CHAIN_ID_MAX:
        raise AnchorOfAnotherNetwork(f"no network has a chain id above {CHAIN_ID_MAX}")
    return chain_id


def read_proof(data: bytes) -> EthereumProof:
    """The members of a proof. Raises `AnchorMalformed` or `AnchorTooLarge`."""
    if len(data) > PROOF_BYTES_MAX:
        raise AnchorTooLarge(f"the proof has more than {PROOF_BYTES_MAX} bytes")
    try:
        value = canonical.decode(data, limit=PROOF_BYTES_MAX)
    except (canonical.NotCanonical, LimitExceeded) as error:
        raise AnchorMalformed(f"the proof is not canonical JSON: {error.message}") from error
    if not isinstance(value, dict) or set(value) != _MEMBERS:
        raise AnchorMalformed("the proof does not have exactly the members of an Ethereum anchor")
    if (value["v"], value["format"]) != (1, FORMAT) or value["v"] is True:
        raise AnchorMalformed(f"the proof is not of the format `{FORMAT}`")
    index = value["index"]
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index <= INDEX_MAX:
        raise AnchorMalformed(f"the index is not a number between 0 and {INDEX_MAX}")
    return EthereumProof(
        network=parse_network(value["network"]),
        path=tuple(map(_read_step, _array(value["path"], "path", most=PATH_STEPS_MAX))),
        transaction=_from_hex(value["transaction"], "the transaction", most=TRANSACTION_BYTES_MAX),
        index=index,
        nodes=_hex_array(value["proof"], "proof", most=NODES_MAX, bytes_most=NODE_BYTES_MAX),
        header=_from_hex(value["header"], "the header", most=HEADER_BYTES_MAX),
        later=_hex_array(value["later"], "later", most=LATER_MAX, bytes_most=HEADER_BYTES_MAX),
    )


def _array(value: object, name: str, *, most: int) -> list[object]:
    if not isinstance(value, list):
        raise AnchorMalformed(f"`{name}` of the proof is not an array")
    if len(value) > most:
        raise AnchorTooLarge(f"`{name}` of the proof has more than {most} members")
    return value


def _hex_array(value: object, name: str, *, most: int, bytes_most: int) -> tuple[bytes, ...]:
    return tuple(
        _from_hex(text, f"a member of `{name}`", most=bytes_most) for text in _array(value, name, most=most)
    )


def _from_hex(text: object, what: str, *, most: int) -> bytes:
    if not isinstance(text, str) or _HEX.fullmatch(text) is None:
        raise AnchorMalformed(f"{what} is not lower-case hex")
    if len(text) > 2 * most:
        raise AnchorTooLarge(f"{what} has more than {most} bytes")
    return bytes.fromhex(text)


def _read_step(value: object) -> tuple[str, bytes]:
    if (
        not isinstance(value, dict)
        or set(value) != {"side", "hash"}
        or value["side"] not in ("left", "right")
    ):
        raise AnchorMalformed("a step of the path is not a `side` and a `hash`")
    sibling = _from_hex(value["hash"], "a hash of the path", most=ANCHOR_DIGEST_BYTES)
    if len(sibling) != ANCHOR_DIGEST_BYTES:
        raise AnchorMalformed(f"a hash of the path does not have {ANCHOR_DIGEST_BYTES} bytes")
    return str(value["side"]), sibling


def fold_path(digest: bytes, path: Sequence[tuple[str, bytes]]) -> bytes:
    """The root that a digest leads to: SHA-256 over the prefix, the left and the right hash, step by step."""
    for side, sibling in path:
        left, right = (sibling, digest) if side == "left" else (digest, sibling)
        digest = sha256(_AGGREGATE_PREFIX + left + right).digest()
    return digest


def _check_transaction(
    transaction: AnchorTransaction, proof: EthereumProof, *, digest: bytes, chain_id: int
) -> None:
    if transaction.chain_id != chain_id:
        raise AnchorOfAnotherNetwork(
            f"the transaction is of chain id `{transaction.chain_id}`, not of `{proof.network}`"
        )
    if len(digest) != ANCHOR_DIGEST_BYTES or transaction.data != fold_path(digest, proof.path):
        raise AnchorOfAnotherDigest("the transaction carries another digest")


def read_transaction(raw: bytes) -> AnchorTransaction:
    """What a proof needs of a raw EIP-1559 transaction. Raises `AnchorMalformed`."""
    if raw[:1] != bytes((TRANSACTION_TYPE,)):
        raise AnchorMalformed("the transaction is not one of EIP-1559")
    items = decode_rlp(raw[1:])
    if not isinstance(items, tuple) or len(items) != _TRANSACTION_ITEMS:
        raise AnchorMalformed(f"the transaction does not have {_TRANSACTION_ITEMS} fields")
    chain_id, nonce, tip, fee, gas, to, value, data, access, parity, r, s = items
    for item, what in ((nonce, "nonce"), (tip, "tip"), (fee, "fee"), (gas, "gas"), (r, "r"), (s, "s")):
        number(item, f"the {what} of the transaction", most=_WORD_MAX)
    number(parity, "the parity of the transaction", most=1)
    if access != ():
        raise RlpRefused("the transaction has an access list, which an anchor has not")
    return AnchorTransaction(
        chain_id=number(chain_id, "the chain id of the transaction", most=CHAIN_ID_MAX),
        to=byte_string(to, "the recipient of the transaction", size=ADDRESS_BYTES),
        value=number(value, "the value of the transaction", most=_WORD_MAX),
        data=byte_string(data, "the data of the transaction", size=ANCHOR_DIGEST_BYTES),
    )


def read_header(raw: bytes) -> BlockHeader:
    """What a proof needs of a block's header, of any fork. Raises `AnchorMalformed`."""
    items = decode_rlp(raw)
    if not isinstance(items, tuple) or not _HEADER_ITEMS_MIN <= len(items) <= _HEADER_ITEMS_MAX:
        raise AnchorMalformed("the header does not have the fields of a block")
    for item in items:
        byte_string(item, "a field of the header")
    for at, size in _HEADER_SIZES.items():
        byte_string(items[at], f"field {at} of the header", size=size)
    return BlockHeader(
        parent_hash=byte_string(items[0], "the parent of the header"),
        transactions_root=byte_string(items[4], "the transactions root of the header", size=DIGEST_BYTES),
        height=number(items[8], "the number of the header", most=HEIGHT_MAX - LATER_MAX),
        time_seconds=number(items[11], "the time of the header", most=INSTANT_MS_MAX // 1000),
    )


def _check_chain(header: BlockHeader, later: Sequence[BlockHeader], hashes: Sequence[bytes]) -> None:
    before = header
    for at, child in enumerate(later):
        if child.parent_hash != hashes[at] or child.height != before.height + 1:
            raise HeaderChainBroken(f"later header `{at}` is not the child of the one before it")
        if child.time_seconds < before.time_seconds:
            raise HeaderChainBroken(f"later header `{at}` states a time before that of its parent")
        before = child


def _find_pin(height: int, hashes: Sequence[bytes], pins: dict[int, str], network: str) -> int | None:
    """The height of a pinned header among these: its hash commits to all before it."""
    found = None
    for at, digest in enumerate(hashes):
        wanted = pins.get(height + at)
        if wanted is not None and wanted != digest.hex():
            raise AnchorPinMismatch(f"block `{height + at}` of `{network}` is not the one that is pinned")
        if wanted is not None and found is None:
            found = height + at
    return found


def _verified(
    network: str,
    chain_id: int,
    header: BlockHeader,
    block_hash: bytes,
    confirmations: int,
    pinned: int | None,
) -> VerifiedAnchor:
    at = format_instant(header.time_seconds * 1000)
    says = f"block {header.height} of `{network}`, which states {at}, holds the digest"
    if chain_id in DEV_CHAIN_IDS:
        says += "; this is a development network, and proves nothing about time"
    elif pinned is None:
        says += (
            f"; its header is not pinned, and headers of Ethereum can be written for nothing: look up whether "
            f"block {header.height} really has the hash 0x{block_hash.hex()}, or pin it"
        )
    else:
        says += f"; block {pinned} has the hash that is pinned"
    return VerifiedAnchor(
        network=network,
        height=header.height,
        time_seconds=header.time_seconds,
        confirmations=confirmations,
        proves_time=pinned is not None and chain_id not in DEV_CHAIN_IDS,
        pinned=pinned is not None,
        sentence=says,
    )
