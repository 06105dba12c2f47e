"""What is asked of a Bitcoin node: which network it follows, its blocks and headers, and of its wallet coins,
signatures and where a transaction stands.

Speaks Bitcoin Core's RPC; where a node lacks one of its methods, bcoin's own is tried. Every answer is checked
for its type before use, and the network before anything else. Start at `BitcoinNode.check_network`.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from telesphor.kernel.chains.headers import HEADER_BYTES, HEADERS_MAX, Header, parse_headers, rules_of
from telesphor.ledger.anchors.bitcoin.rpc import METHOD_NOT_FOUND, BitcoinRpc, RpcRefused
from telesphor.ledger.anchors.bitcoin.transaction import SATS_PER_COIN, Coin
from telesphor.ledger.anchors.model import AnchorUnavailable, WrongNetwork

COINS_MAX: Final = 10_000
BLOCK_TRANSACTIONS_MAX: Final = 100_000
"""A block has room for fewer."""
SATS_MAX: Final = 21_000_000 * SATS_PER_COIN
SCRIPT_BYTES_MAX: Final = 100
"""Every standard script that a wallet is paid to is shorter."""

_HASH = re.compile(r"[0-9a-f]{64}")


class BitcoinNode:
    """A node of Bitcoin, and its wallet where there is one.

    Args:
        network: the one it must follow.
        wallet: where the wallet is asked; bcoin has it on a port of its own. None when nothing is to be paid.
    """

    def __init__(self, network: str, *, node: BitcoinRpc, wallet: BitcoinRpc | None = None) -> None:
        self.network = network
        self._genesis = rules_of(network).genesis
        self._node = node
        self._wallet = wallet

    async def check_network(self) -> None:
        """Raises `WrongNetwork` unless the node's first block is that of the network."""
        if await self.block_hash(0) != self._genesis:
            raise WrongNetwork(
                f"the Bitcoin node does not follow `{self.network}`",
                hint="nothing was sent; correct the network or the node's address",
            )

    async def tip(self) -> int:
        """Height of the last block, once the node has caught up.

        Raises `AnchorUnavailable` while the node is still fetching blocks.
        """
        told = _object(await self._node.call("getblockchaininfo"))
        if told.get("initialblockdownload") is True:
            raise AnchorUnavailable("the Bitcoin node is still catching up")
        return _number(told.get("blocks"), "blocks")

    async def block_hash(self, height: int) -> str:
        """Of the node's own best chain. Raises `AnchorUnavailable` above its tip."""
        return _hash(await self._node.call("getblockhash", height))

    async def height_of(self, block_hash: str) -> int | None:
        """Height of a block of the best chain; None when it is not (any more) in it."""
        told = _object(await self._node.call("getblockheader", block_hash, True))
        height = _number(told.get("height"), "height")
        if height > await self.tip() or await self.block_hash(height) != block_hash:
            return None
        return height

    async def header(self, block_hash: str) -> tuple[bytes, Header]:
        """A header, and what it says."""
        raw = _hex(await self._node.call("getblockheader", block_hash, False))
        if len(raw) != HEADER_BYTES:
            raise AnchorUnavailable("the Bitcoin node answered with no header")
        return raw, parse_headers(raw)[0]

    async def headers(self, first: int, end: int) -> bytes:
        """The headers of the best chain at these heights, end excluded."""
        if end - first > HEADERS_MAX:
            raise AnchorUnavailable(f"more than {HEADERS_MAX} headers were asked for")
        raws = [(await self.header(await self.block_hash(height)))[0] for height in range(first, end)]
        return b"".join(raws)

    async def transaction_ids(self, block_hash: str) -> list[str]:
        """The ids of a block's transactions, in order."""
        found = _object(await self._node.call("getblock", block_hash, True)).get("tx")
        if not isinstance(found, list) or not 0 < len(found) <= BLOCK_TRANSACTIONS_MAX:
            raise AnchorUnavailable("the Bitcoin node answered with no block")
        return [_hash(txid) for txid in found]

    async def block_of(self, txid: str, *, change: int) -> str | None:
        """Hash of the block of the best chain that holds the wallet's transaction; None when none does.

        The chain itself is asked for the transaction's output `change`. Once that is spent, or where there is
        none, the wallet tells in which block it saw the transaction.
        """
        told = await self._node.call("gettxout", txid, change, False)
        if told is not None:
            best, age = (
                _hash(_object(told).get("bestblock")),
                _number(told.get("confirmations"), "confirmations"),
            )
            tip = await self.height_of(best)
            return None if tip is None or not 0 < age <= tip else await self.block_hash(tip - age + 1)
        try:
            found = _object(await self._purse.call("gettransaction", txid)).get("blockhash")
        except RpcRefused:
            return None  # The wallet does not know it: it was not sent yet, or was replaced.
        if found is None or await self.height_of(_hash(found)) is None:
            return None
        return _hash(found)

    async def is_unspent(self, coin: Coin) -> bool:
        """Whether the coin is there in the chain, whatever the memory pool holds."""
        return await self._node.call("gettxout", coin.txid, coin.vout, False) is not None

    async def coins(self) -> list[Coin]:
        """The wallet's confirmed coins, the oldest first."""
        found = await self._purse.call("listunspent", 1)
        if not isinstance(found, list) or len(found) > COINS_MAX:
            raise AnchorUnavailable(f"the wallet has no list of coins, or more than {COINS_MAX}")
        spendable = [coin for coin in map(_object, found) if coin.get("spendable", True) is True]
        spendable.sort(key=lambda coin: -_number(coin.get("confirmations"), "confirmations"))
        return [_coin(coin) for coin in spendable]

    async def sign(self, unsigned: bytes) -> bytes:
        """The transaction with the wallet's signatures. Raises `AnchorUnavailable` while it is locked."""
        try:
            answer = await self._purse.call("signrawtransactionwithwallet", unsigned.hex())
        except RpcRefused as error:
            if error.rpc_code != METHOD_NOT_FOUND:
                raise
            answer = await self._purse.post("wallet/primary/sign", {"tx": unsigned.hex()})  # bcoin
        return _hex(_object(answer).get("hex"))

    async def send(self, raw: bytes) -> str | None:
        """Offer a transaction to the network; the node's reason when it does not take it, else None."""
        try:
            await self._node.call("sendrawtransaction", raw.hex())
        except RpcRefused as error:
            return error.message
        return None

    async def fee_rate(self, blocks: int) -> Decimal | None:
        """Satoshi for each virtual byte to be in one of the next so many blocks; None when the node cannot tell."""
        try:
            told = _object(await self._node.call("estimatesmartfee", blocks))
        except RpcRefused:
            return None
        per_kilobyte = told.get("feerate", told.get("fee"))  # bcoin calls it `fee`, and says -1 for unknown
        if not isinstance(per_kilobyte, int | Decimal) or isinstance(per_kilobyte, bool) or per_kilobyte <= 0:
            return None
        return Decimal(per_kilobyte) * SATS_PER_COIN / 1000

    async def close(self) -> None:
        """Give back connections."""
        await self._node.close()
        if self._wallet is not None:
            await self._wallet.close()

    @property
    def _purse(self) -> BitcoinRpc:
        if self._wallet is None:
            raise AnchorUnavailable("no wallet is configured")
        return self._wallet


def _coin(told: dict[str, Any]) -> Coin:
    script = _hex(told.get("scriptPubKey"))
    if not 0 < len(script) <= SCRIPT_BYTES_MAX:
        raise AnchorUnavailable("a coin of the wallet has a script that is not understood")
    return Coin(
        txid=_hash(told.get("txid")), vout=_number(told.get("vout"), "vout"), sats=_sats(told), script=script
    )


def _sats(told: dict[str, Any]) -> int:
    try:
        sats = Decimal(str(told.get("amount"))) * SATS_PER_COIN
        if sats == sats.to_integral_value() and 0 <= sats <= SATS_MAX:
            return int(sats)
    except InvalidOperation:
        pass
    raise AnchorUnavailable("a coin of the wallet has no amount")


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AnchorUnavailable("the Bitcoin node's answer is not an object")
    return value


def _number(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise AnchorUnavailable(f"the Bitcoin node's answer has no `{what}`")
    return value


def _hash(value: object) -> str:
    if not isinstance(value, str) or _HASH.fullmatch(value) is None:
        raise AnchorUnavailable("the Bitcoin node's answer holds no hash")
    return value


def _hex(value: object) -> bytes:
    try:
        return bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError as error:
        raise AnchorUnavailable("the Bitcoin node's answer is not hexadecimal") from error
