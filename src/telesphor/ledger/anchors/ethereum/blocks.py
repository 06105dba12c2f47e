"""Blocks as their hashes see them: headers and transactions in RLP, from what a node tells as JSON.

INVARIANT: what leaves here has been held against a hash: a header against the block's, transactions against
the root in that header. A field that a node leaves out, adds or gets wrong is therefore noticed.

Start at `prove_place` and `header_of`. Fields: EIP-1559, 2718, 2930, 4399, 4788, 4844, 4895, 7685, 7702.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from telesphor.kernel.chains.ethereum import read_header
from telesphor.kernel.chains.keccak import keccak256
from telesphor.kernel.chains.rlp import Encodable, encode_rlp
from telesphor.ledger.anchors.ethereum.node import EthereumNode
from telesphor.ledger.anchors.ethereum.rpc import NodeUnavailable, hex_data, quantity
from telesphor.ledger.anchors.ethereum.trie import prove_transaction

TRANSACTIONS_MAX: Final = 65_536
"""No block of mainnet has the gas for a tenth of so many."""

_HEADER_DATA: Final = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom",
)  # fmt: skip
_HEADER_NUMBERS: Final = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")
_HEADER_END: Final = ("extraData", "mixHash", "nonce")
# Fields that forks added, in their order; a header ends at the first that its block has not.
_HEADER_ADDED: Final = (
    ("baseFeePerGas", True), ("withdrawalsRoot", False), ("blobGasUsed", True), ("excessBlobGas", True),
    ("parentBeaconBlockRoot", False), ("requestsHash", False), ("blockAccessListHash", False),
    ("slotNumber", True),
)  # fmt: skip

Json = Mapping[str, Any]


async def header_of(node: EthereumNode, block: Json) -> tuple[bytes, bytes]:
    """The RLP of a block's header, and its hash.

    Raises:
        NodeUnavailable: the fields do not hash to what the node says.
    """
    block_hash = hex_data(block.get("hash"), "the hash of a block")
    raw = _encode_header(block)
    if keccak256(raw) == block_hash:
        return raw, block_hash
    told = await node.raw_header(block_hash)
    if told is None or keccak256(told) != block_hash:
        raise NodeUnavailable(
            "the header that the Ethereum node gives does not have the hash it states",
            hint="a newer fork may have added a field; a node that answers `debug_getRawHeader` helps",
        )
    return told, block_hash


def _encode_header(block: Json) -> bytes:
    fields: list[Encodable] = [_data(block, name) for name in _HEADER_DATA]
    fields += [_number(block, name) for name in _HEADER_NUMBERS]
    fields += [_data(block, name) for name in _HEADER_END]
    for name, is_number in _HEADER_ADDED:
        if block.get(name) is None:
            break
        fields.append(_number(block, name) if is_number else _data(block, name))
    return encode_rlp(fields)


async def prove_place(
    node: EthereumNode, block_hash: bytes, index: int
) -> tuple[bytes, bytes, tuple[bytes, ...]]:
    """The block's header, the raw transaction at `index`, and the trie nodes from the header's root to it.

    Raises:
        NodeUnavailable: the block is not there, or its parts do not fit together.
    """
    block = await node.full_block(block_hash)
    if block is None:
        raise NodeUnavailable("the Ethereum node no longer has the block of the anchor")
    header, told_hash = await header_of(node, block)
    if told_hash != block_hash:
        raise NodeUnavailable("the Ethereum node gives another block than the one asked for")
    raw = await _raw_transactions(node, block_hash, block)
    if index >= len(raw):
        raise NodeUnavailable("the block that the Ethereum node gives does not hold the anchor")
    try:
        # A full block takes some tenths of a second to hash: not on the event loop.
        root, nodes = await asyncio.to_thread(prove_transaction, raw, index)
    except ValueError as error:
        raise NodeUnavailable(
            "the block that the Ethereum node gives is malformed", detail=str(error)
        ) from error
    if root != read_header(header).transactions_root:
        raise NodeUnavailable("the transactions that the Ethereum node gives are not those of the block")
    return header, raw[index], nodes


async def _raw_transactions(node: EthereumNode, block_hash: bytes, block: Json) -> list[bytes]:
    told = block.get("transactions")
    if not isinstance(told, list) or len(told) > TRANSACTIONS_MAX:
        raise NodeUnavailable("the Ethereum node gives a block without its transactions")
    found = []
    for at, transaction in enumerate(told):
        if not isinstance(transaction, dict):
            raise NodeUnavailable("the Ethereum node gives a transaction without its fields")
        raw = encode_transaction(transaction)
        # A kind that came after this was written is asked for as it is.
        found.append(await node.raw_transaction(block_hash, at) if raw is None else raw)
    return found


def encode_transaction(told: Json) -> bytes | None:
    """The raw bytes of a transaction from its JSON, or None for a kind that is not known.

    Raises:
        NodeUnavailable: a field is missing or malformed.
    """
    kind = quantity(told.get("type", "0x0"), "the type of a transaction")
    make = _KINDS.get(kind)
    if make is None:
        return None
    payload = encode_rlp(make(told))
    return payload if kind == 0 else bytes((kind,)) + payload


def _legacy(told: Json) -> list[Encodable]:
    return [
        _number(told, "nonce"), _number(told, "gasPrice"), *_call(told),
        _number(told, "v"), _number(told, "r"), _number(told, "s"),
    ]  # fmt: skip


def _with_access_list(told: Json) -> list[Encodable]:
    return [
        _number(told, "chainId"), _number(told, "nonce"), _number(told, "gasPrice"), *_call(told),
        _access_list(told), *_signature(told),
    ]  # fmt: skip


def _with_tip(told: Json) -> list[Encodable]:
    return [*_tip_fields(told), *_signature(told)]


def _with_blobs(told: Json) -> list[Encodable]:
    hashes = [hex_data(text, "a hash of a blob") for text in _list(told, "blobVersionedHashes")]
    return [*_tip_fields(told), _number(told, "maxFeePerBlobGas"), hashes, *_signature(told)]


def _with_delegations(told: Json) -> list[Encodable]:
    granted = [
        [_number(one, "chainId"), _data(one, "address"), _number(one, "nonce"), *_signature(one)]
        for one in map(_object, _list(told, "authorizationList"))
    ]
    return [*_tip_fields(told), granted, *_signature(told)]


_KINDS: Final = {0: _legacy, 1: _with_access_list, 2: _with_tip, 3: _with_blobs, 4: _with_delegations}


def _tip_fields(told: Json) -> list[Encodable]:
    return [
        _number(told, "chainId"), _number(told, "nonce"), _number(told, "maxPriorityFeePerGas"),
        _number(told, "maxFeePerGas"), *_call(told), _access_list(told),
    ]  # fmt: skip


def _call(told: Json) -> list[Encodable]:
    to = b"" if told.get("to") is None else _data(told, "to")
    return [_number(told, "gas"), to, _number(told, "value"), _data(told, "input")]


def _access_list(told: Json) -> list[Encodable]:
    return [
        [_data(entry, "address"), [hex_data(key, "a storage key") for key in _list(entry, "storageKeys")]]
        for entry in map(_object, _list(told, "accessList"))
    ]


def _signature(told: Json) -> list[Encodable]:
    parity = "yParity" if told.get("yParity") is not None else "v"
    return [_number(told, parity), _number(told, "r"), _number(told, "s")]


def _object(value: object) -> Json:
    if not isinstance(value, dict):
        raise NodeUnavailable("the Ethereum node gives something else where an object is due")
    return value


def _list(told: Json, name: str) -> list[Any]:
    value = told.get(name) or []
    if not isinstance(value, list):
        raise NodeUnavailable(f"the Ethereum node gives no list for `{name}`")
    return value


def _data(told: Json, name: str) -> bytes:
    return hex_data(told.get(name), f"`{name}`")


def _number(told: Json, name: str) -> int:
    return quantity(told.get(name), f"`{name}`")
