"""What anchoring asks of an Ethereum node, each question one method with a typed answer.

Start at `EthereumNode`. Nothing here decides anything, and nothing it answers is to be believed before
`blocks.py` and the verifier have held it against the hashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from telesphor.ledger.anchors.ethereum.rpc import NodeRefused, NodeRpc, NodeUnavailable, hex_data, quantity

BLOCK_BYTES_MAX: Final = 24 * 1024 * 1024
"""A block with all its transactions as JSON: one or two megabytes on mainnet as a rule; at most 10 MiB of bytes
(EIP-7934), twice as many characters in hex."""
FEE_BLOCKS: Final = 10
"""Blocks whose fees are looked at for an estimate."""


class Receipt(msgspec.Struct, frozen=True, rename="camel"):
    """Where a transaction stands, and what it took."""

    block_hash: str
    block_number: str
    transaction_index: str
    gas_used: str
    effective_gas_price: str = "0x0"
    l1_fee: str | None = None

    @property
    def height(self) -> int:
        return quantity(self.block_number, "the block of a receipt")

    @property
    def index(self) -> int:
        return quantity(self.transaction_index, "the index of a receipt")

    @property
    def gas(self) -> int:
        return quantity(self.gas_used, "the gas of a receipt")

    @property
    def paid_wei(self) -> int:
        """Gas times its price, and on a layer above Ethereum what it pays for Ethereum's space."""
        price = quantity(self.effective_gas_price, "the price of a receipt")
        return self.gas * price + (quantity(self.l1_fee, "the fee of a receipt") if self.l1_fee else 0)


class _FeeHistory(msgspec.Struct, frozen=True, rename="camel"):
    base_fee_per_gas: list[str]
    reward: list[list[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class Fees:
    """What gas costs now, in wei: the coming block's base fee, and the usual tip to its maker."""

    base_wei: int
    tip_wei: int


class EthereumNode:
    """A node that speaks JSON-RPC. Every method raises `NodeUnavailable` or `NodeRefused`."""

    def __init__(self, rpc: NodeRpc) -> None:
        self._rpc = rpc

    async def chain_id(self) -> int:
        return quantity(await self._rpc.call("eth_chainId", answer=str), "its chain id")

    async def height(self) -> int:
        return quantity(await self._rpc.call("eth_blockNumber", answer=str), "its height")

    async def nonce(self, address: bytes) -> int:
        """How many transactions of the account are in blocks: the nonce of the next."""
        text = await self._rpc.call("eth_getTransactionCount", _hex(address), "latest", answer=str)
        return quantity(text, "the nonce")

    async def balance_wei(self, address: bytes) -> int:
        return quantity(
            await self._rpc.call("eth_getBalance", _hex(address), "latest", answer=str), "the balance"
        )

    async def estimate_gas(self, *, address: bytes, data: bytes) -> int:
        call = {"from": _hex(address), "to": _hex(address), "data": _hex(data), "value": "0x0"}
        return quantity(await self._rpc.call("eth_estimateGas", call, answer=str), "the gas")

    async def fees(self) -> Fees:
        """The coming base fee, and the median over the last blocks of the median tip."""
        told = await self._rpc.call("eth_feeHistory", hex(FEE_BLOCKS), "latest", [50], answer=_FeeHistory)
        if not told.base_fee_per_gas:
            raise NodeUnavailable("the Ethereum node knows no base fee")
        tips = sorted(quantity(row[0], "a tip") for row in told.reward or () if row)
        base = quantity(told.base_fee_per_gas[-1], "the base fee")
        return Fees(base_wei=base, tip_wei=tips[len(tips) // 2] if tips else 0)

    async def send(self, raw: bytes) -> None:
        """Hand over a signed transaction. Raises `NodeRefused` with the node's reason."""
        await self._rpc.call("eth_sendRawTransaction", _hex(raw), answer=str)

    async def knows(self, transaction_hash: bytes) -> bool:
        """Whether the node has the transaction, waiting or in a block."""
        found = await self._rpc.find(
            "eth_getTransactionByHash", _hex(transaction_hash), answer=dict[str, Any]
        )
        return found is not None

    async def receipt(self, transaction_hash: bytes) -> Receipt | None:
        return await self._rpc.find("eth_getTransactionReceipt", _hex(transaction_hash), answer=Receipt)

    async def block_at(self, height: int) -> dict[str, Any] | None:
        """The block of the node's chain at this height, without its transactions."""
        return await self._rpc.find("eth_getBlockByNumber", hex(height), False, answer=dict[str, Any])

    async def full_block(self, block_hash: bytes) -> dict[str, Any] | None:
        """A block with all its transactions."""
        return await self._rpc.find(
            "eth_getBlockByHash",
            _hex(block_hash),
            True,
            answer=dict[str, Any],
            bytes_max=BLOCK_BYTES_MAX,
        )

    async def raw_transaction(self, block_hash: bytes, index: int) -> bytes:
        """A transaction's raw bytes, which most nodes can give."""
        text = await self._rpc.call(
            "eth_getRawTransactionByBlockHashAndIndex", _hex(block_hash), hex(index), answer=str
        )
        return hex_data(text, "a raw transaction")

    async def raw_header(self, block_hash: bytes) -> bytes | None:
        """A header's RLP, from the nodes that give it."""
        try:
            return hex_data(
                await self._rpc.call("debug_getRawHeader", _hex(block_hash), answer=str), "a header"
            )
        except NodeRefused:
            return None

    async def close(self) -> None:
        await self._rpc.close()


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
