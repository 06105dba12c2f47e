"""Anchoring by a transaction of one's own: an OP_RETURN with the root, paid from the wallet of one's own node.

All versions of an anchor spend the same coin, so at most one of them is ever paid, whatever crashes, bumps and
reorganisations come between. Each version is signed and kept before it is sent. The fee is raised after so many
blocks without it, never beyond the configured limit. Time is counted in blocks: this needs no clock.
Start at `OwnTransactions.prepare`.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Final

import msgspec

from telesphor.kernel.chains.anchor import BITCOIN_MAINNET, HeaderPin, aggregate_digests
from telesphor.kernel.chains.timestamp import (
    TimestampPath,
    bitcoin_attestation,
    format_timestamp_file,
    operations_of_path,
)
from telesphor.ledger.anchors.bitcoin.node import BitcoinNode
from telesphor.ledger.anchors.bitcoin.proof import check_proof, fetch_headers, operations_to_root
from telesphor.ledger.anchors.bitcoin.transaction import (
    CHANGE_OUTPUT,
    DUST_SATS,
    Coin,
    SignedTransaction,
    build_anchor,
    format_coins,
    read_signed,
)
from telesphor.ledger.anchors.model import AnchorFailed, Cost, Progress

VERSIONS_MAX: Final = 12
"""Each raises the fee by half: a hundredfold in all."""
BUMP_FACTOR: Final = Decimal("1.5")
RELAY_RATE: Final = Decimal(1)
"""Satoshi for each virtual byte that a node relays at all, and that a replacement must add (BIP 125)."""
FALLBACK_RATE: Final = Decimal(3)
"""Where the node cannot tell: low, for nothing hurries and the fee is raised later."""


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signed form of the anchor; bytes as hex."""

    raw: str
    stripped: str
    txid: str
    vbytes: int
    fee_sats: int


class OwnState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept between steps.

    Attributes:
        versions: the newest last; all spend `coin`.
        made_at: height of the tip when the newest was made.
        spent_at: height of the tip when the coin was first seen spent by something else.
    """

    v: int
    digest: str
    coin_txid: str
    coin_vout: int
    coin_sats: int
    coin_script: str
    versions: tuple[Version, ...]
    made_at: int
    spent_at: int | None = None

    @property
    def coin(self) -> Coin:
        return Coin(
            txid=self.coin_txid,
            vout=self.coin_vout,
            sats=self.coin_sats,
            script=bytes.fromhex(self.coin_script),
        )


class OwnTransactions:
    """A `Chain` that pays for its own transactions.

    Args:
        node: with a wallet that holds a confirmed coin, best one that nothing else spends from.
        fee_max_sats: never pay more for one anchor.
        target_blocks: the fee is chosen to be in one of the next so many blocks.
        bump_blocks: blocks to wait before the fee is raised.
        confirmations: blocks from the dating one on until the anchor is final.
        pin: a header to begin the proof's headers with, when it is near enough before the dating block.
    """

    def __init__(
        self,
        node: BitcoinNode,
        *,
        fee_max_sats: int,
        target_blocks: int = 6,
        bump_blocks: int = 6,
        confirmations: int = 6,
        pin: HeaderPin | None = None,
    ) -> None:
        self.network = node.network
        self._node = node
        self._fee_max_sats = fee_max_sats
        self._target_blocks = target_blocks
        self._bump_blocks = bump_blocks
        self._confirmations = confirmations
        self._pin = pin

    async def prepare(self, digest: bytes) -> bytes:
        """A signed transaction that is not sent yet.

        Raises:
            AnchorFailed: the wallet has no coin for it.
            AnchorUnavailable, WrongNetwork: the node cannot be asked, or is another network's.
        """
        await self._node.check_network()
        tip = await self._node.tip()
        coin = await self._choose_coin()
        state = OwnState(
            v=1,
            digest=digest.hex(),
            coin_txid=coin.txid,
            coin_vout=coin.vout,
            coin_sats=coin.sats,
            coin_script=coin.script.hex(),
            versions=(),
            made_at=tip,
        )
        # The size is known only once it is signed, and the fee depends on it: so it is signed twice.
        measured = await self._sign(state, fee_sats=0)
        fee_sats = await self._fee_for(measured.vbytes, above_sats=0)
        if fee_sats < measured.vbytes or fee_sats > coin.sats:
            raise AnchorFailed(
                "no coin of the wallet, or no fee within the limit, is enough for an anchor",
                hint=f"pay the wallet, or permit a fee of at least {format_coins(measured.vbytes)} BTC",
            )
        return _encode(await self._with_version(state, fee_sats=fee_sats, tip=tip))

    async def advance(self, state: bytes) -> Progress:
        """Send, look, raise the fee, or build the proof. Raises as the protocol says."""
        held = msgspec.json.decode(state, type=OwnState)
        await self._node.check_network()
        tip = await self._node.tip()
        for version in reversed(held.versions):
            block_hash = await self._node.block_of(version.txid, change=CHANGE_OUTPUT)
            height = None if block_hash is None else await self._node.height_of(block_hash)
            if block_hash is not None and height is not None:
                held = msgspec.structs.replace(held, spent_at=None)
                return await self._prove(held, version, block_hash=block_hash, height=height, tip=tip)
        if not await self._node.is_unspent(held.coin):
            return await self._begin_anew(held, tip=tip)
        held = msgspec.structs.replace(held, spent_at=None)
        if tip >= held.made_at + self._bump_blocks and (fee_sats := await self._higher_fee(held)) is not None:
            bumped = await self._with_version(held, fee_sats=fee_sats, tip=tip)
            return _waiting(bumped, f"{_passed(tip - held.made_at)}; the fee is raised")
        return await self._send(held, tip=tip)

    async def close(self) -> None:
        """Give back connections."""
        await self._node.close()

    async def _choose_coin(self) -> Coin:
        """The oldest coin that covers the highest fee, so that it can be raised; else the largest there is."""
        coins = await self._node.coins()
        ample = [coin for coin in coins if coin.sats >= self._fee_max_sats]
        if ample:
            return ample[0]
        if not coins:
            raise AnchorFailed(
                "the wallet has no confirmed coin",
                hint=f"pay it at least {format_coins(self._fee_max_sats)} BTC and wait for one block",
            )
        return max(coins, key=lambda coin: coin.sats)

    async def _fee_for(self, vbytes: int, *, above_sats: int) -> int:
        """What to pay now, at least enough more than `above_sats` to replace what paid that; within the limit."""
        rate = await self._node.fee_rate(self._target_blocks) or FALLBACK_RATE
        wanted = max(rate, RELAY_RATE) * vbytes
        if above_sats:
            wanted = max(wanted, above_sats * BUMP_FACTOR, above_sats + RELAY_RATE * vbytes)
        return min(int(wanted.to_integral_value(ROUND_CEILING)), self._fee_max_sats)

    async def _higher_fee(self, held: OwnState) -> int | None:
        newest = held.versions[-1]
        fee_sats = min(await self._fee_for(newest.vbytes, above_sats=newest.fee_sats), held.coin_sats)
        replaces = fee_sats >= newest.fee_sats + RELAY_RATE * newest.vbytes
        return fee_sats if replaces and len(held.versions) < VERSIONS_MAX else None

    async def _sign(self, held: OwnState, *, fee_sats: int) -> SignedTransaction:
        unsigned = build_anchor(held.coin, root=_root(held), fee_sats=fee_sats)
        return read_signed(await self._node.sign(unsigned), unsigned=unsigned)

    async def _with_version(self, held: OwnState, *, fee_sats: int, tip: int) -> OwnState:
        signed = await self._sign(held, fee_sats=fee_sats)
        if held.coin_sats - fee_sats < DUST_SATS:
            fee_sats = held.coin_sats  # What is too little to give back goes to the miner.
        version = Version(signed.raw.hex(), signed.stripped.hex(), signed.txid, signed.vbytes, fee_sats)
        return msgspec.structs.replace(held, versions=(*held.versions, version), made_at=tip)

    async def _send(self, held: OwnState, *, tip: int) -> Progress:
        """Offer the newest version, and where it is not taken the one before it: one must be on its way."""
        newest = held.versions[-1]
        says = f"sent as `{newest.txid}`; {_passed(tip - held.made_at)}"
        for version in reversed(held.versions):
            reason = await self._node.send(bytes.fromhex(version.raw))
            if reason is None or "already" in reason:
                break
            says = reason
        return _waiting(held, says)

    async def _begin_anew(self, held: OwnState, *, tip: int) -> Progress:
        """Something else spent the coin. Once that is as settled as an anchor would be, another coin is taken."""
        if held.spent_at is None or tip < held.spent_at:
            held = msgspec.structs.replace(held, spent_at=tip)
        if held.spent_at is None or tip < held.spent_at + self._confirmations:
            return _waiting(
                held, "something else spent the wallet's coin; another is taken once that is settled"
            )
        anew = await self.prepare(bytes.fromhex(held.digest))
        return Progress(anew, "waiting", "begun anew with another coin of the wallet")

    async def _prove(
        self, held: OwnState, version: Version, *, block_hash: str, height: int, tip: int
    ) -> Progress:
        tip = max(tip, height)  # A block may have come since the tip was asked for.
        digest, root = bytes.fromhex(held.digest), _root(held)
        txids = await self._node.transaction_ids(block_hash)
        way = operations_to_root(bytes.fromhex(version.stripped), root=root, txids=txids, txid=version.txid)
        path = TimestampPath((*operations_of_path(()), *way), bitcoin_attestation(height))
        ots = format_timestamp_file([path], digest=digest)
        headers = await fetch_headers(self._node, height, tip=tip, pin=self._pin)
        verified = check_proof(digest=digest, ots=ots, headers=headers, network=self.network, pin=self._pin)
        blocks = tip - height + 1
        return Progress(
            state=_encode(held),
            phase="final" if blocks >= self._confirmations else "confirmed",
            says=f"{min(blocks, self._confirmations)} of {self._confirmations} blocks: {verified.sentence}",
            cost=Cost(format_coins(version.fee_sats), _currency(self.network)),
            files={".ots": ots, ".headers": headers},
        )


def _root(held: OwnState) -> bytes:
    """An aggregate of one digest, which is the digest itself: several would have the same form."""
    return aggregate_digests([bytes.fromhex(held.digest)]).root


def _currency(network: str) -> str:
    """Coins of test networks are worth nothing, and are not called by the name of those that are."""
    return "BTC" if network == BITCOIN_MAINNET else "test BTC"


def _passed(blocks: int) -> str:
    """What became of a transaction that no block holds, for people."""
    if blocks <= 0:
        return "there is no block since then yet"
    return "the next block did not take it" if blocks == 1 else f"none of the next {blocks} blocks took it"


def _waiting(held: OwnState, says: str) -> Progress:
    return Progress(_encode(held), "waiting", says)


def _encode(held: OwnState) -> bytes:
    return msgspec.json.encode(held, order="sorted")
