"""Ethereum as a chain that dates digests: from a signed transaction to a final proof, one look at a time.

`prepare` signs, `advance` sends and looks. INVARIANT: nothing is sent before the caller holds it: a
transaction that a look signs anew (a higher fee, another nonce) is sent by the next look, from the state that
was returned. INVARIANT: before anything is signed or sent the node has named the configured chain id.

Start at `EthereumChain`. A look finds one of these: no node has the transaction (it is sent, again if it was
dropped), it waits (its fee is raised in time), a block holds it (its proof is made), another block holds it or
none any more (a reorganisation: the proof is made anew, or it is sent again), its nonce is used up (a new one
is signed).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from telesphor.kernel.chains.anchor import (
    ANCHOR_DIGEST_BYTES,
    ETHEREUM_DEVELOPMENT,
    AnchorRefused,
    VerifiedAnchor,
)
from telesphor.kernel.chains.ethereum import (
    LATER_MAX,
    EthereumProof,
    chain_id_of,
    verify_ethereum_anchor,
)
from telesphor.kernel.clock import Clock
from telesphor.ledger.anchors.ethereum.blocks import header_of, prove_place
from telesphor.ledger.anchors.ethereum.fees import (
    GWEI,
    Offer,
    ether_text,
    first_offer,
    gwei_text,
    higher_offer,
)
from telesphor.ledger.anchors.ethereum.key import EthereumKey, sign_transaction
from telesphor.ledger.anchors.ethereum.node import EthereumNode, Fees, Receipt
from telesphor.ledger.anchors.ethereum.rpc import NodeRefused, NodeRpc, NodeUnavailable, hex_data
from telesphor.ledger.anchors.ethereum.state import Attempt, Held, Sending, read_state, write_state
from telesphor.ledger.anchors.model import AnchorFailed, AnchorUnavailable, Cost, Progress, WrongNetwork

PROOF_SUFFIX: Final = ".json"
ATTEMPTS_MAX: Final = 24
"""An eighth more each time: the twenty-fourth offers sixteen times the first."""
RENEWALS_MAX: Final = 3
"""Under a new nonce each time, and each may be paid: a node that hides what it holds must not empty the account."""
GAS_MAX: Final = 200_000
"""32 bytes of data take 22,280 on Ethereum; some layers above it count more."""


@dataclass(frozen=True, kw_only=True)
class EthereumTerms:
    """What the operator allows.

    Attributes:
        confirmations: blocks until an anchor is final, its own included.
        fee_wei_max: never more than this per gas.
        bump_after_seconds: how long one offer may wait before the next, higher one.
    """

    confirmations: int = 6
    fee_wei_max: int = 100 * GWEI
    bump_after_seconds: int = 600

    def __post_init__(self) -> None:
        if not 1 <= self.confirmations <= LATER_MAX + 1:
            raise AnchorFailed(f"an Ethereum anchor waits for 1 to {LATER_MAX + 1} confirmations")
        if self.fee_wei_max < 1 or self.bump_after_seconds < 1:
            raise AnchorFailed("the highest fee and the wait before a higher one are at least 1")


class EthereumChain:
    """A `Chain` (`ledger/anchors/model.py`) over one JSON-RPC node.

    Args:
        network: `ethereum-<chain id>`.
        url: of the node; it may hold a provider's key and is shown nowhere.
        secret: 32 bytes: the key of the account that pays, and that is used for nothing else.

    Raises:
        AnchorOfAnotherNetwork: the network is not one of Ethereum.
        EthereumKeyRefused: the secret is not a key.
    """

    def __init__(
        self, *, network: str, url: str, secret: bytes, clock: Clock, terms: EthereumTerms | None = None
    ) -> None:
        self._network = network
        self._chain_id = chain_id_of(network)
        self._currency = "test ETH" if network == ETHEREUM_DEVELOPMENT else "ETH"
        self._key = EthereumKey(secret)
        self._clock = clock
        self._terms = terms or EthereumTerms()
        self._node = EthereumNode(NodeRpc(url))

    @property
    def network(self) -> str:
        return self._network

    @property
    def address(self) -> str:
        """The paying account, as wallets show it without the letter-case checksum."""
        return "0x" + self._key.address.hex()

    async def prepare(self, digest: bytes) -> bytes:
        """The signed transaction, as state; nothing is sent.

        Raises:
            AnchorUnavailable: the node is down.
            WrongNetwork: it follows another chain id.
            AnchorFailed: the account holds too little, or the network wants more gas than is allowed.
        """
        if len(digest) != ANCHOR_DIGEST_BYTES:
            raise AnchorFailed(f"an anchor dates a digest of {ANCHOR_DIGEST_BYTES} bytes")
        await self._check_network()
        gas = await self._gas_for(digest)
        offer = first_offer(await self._node.fees(), fee_wei_max=self._terms.fee_wei_max)
        await self._check_funds(gas * offer.fee_wei)
        # The count of transactions in blocks, so that one left waiting by an earlier anchor is replaced.
        nonce = await self._node.nonce(self._key.address)
        return write_state(
            Sending(
                network=self._network,
                digest=digest.hex(),
                sender=self._key.address.hex(),
                nonce=nonce,
                gas=gas,
                attempts=(self._sign(digest, nonce=nonce, gas=gas, offer=offer),),
                begun_at_ms=self._clock.now_ms(),
            )
        )

    async def advance(self, state: bytes) -> Progress:
        """Send if not known, look, raise the fee, notice a reorganisation, make the proof.

        Raises:
            AnchorUnavailable: the node is down, or its answers do not fit together.
            WrongNetwork: it follows another chain id.
            AnchorFailed: the state is not one of this chain.
        """
        sending = read_state(state)
        if sending.network != self._network:
            raise AnchorFailed(f"the anchor is one of `{sending.network}`, not of `{self._network}`")
        await self._check_network()
        try:
            return await self._look(sending)
        except AnchorRefused as error:
            raise NodeUnavailable(
                f"what the node of `{self._network}` answers does not make a proof: {error.message}"
            ) from error

    async def close(self) -> None:
        """Give back connections."""
        await self._node.close()

    async def _check_network(self) -> None:
        told = await self._node.chain_id()
        if told != self._chain_id:
            raise WrongNetwork(
                f"the Ethereum node follows chain id `{told}`, not `{self._network}`",
                hint="correct the node's address or the configured network; nothing was signed or sent",
            )

    async def _gas_for(self, digest: bytes) -> int:
        """A quarter more than the estimate: what is not used costs nothing."""
        gas = await self._node.estimate_gas(address=self._key.address, data=digest)
        if gas > GAS_MAX:
            raise AnchorFailed(
                f"`{self._network}` wants `{gas}` gas for an anchor; at most {GAS_MAX} is given"
            )
        return gas + gas // 4

    async def _check_funds(self, needed_wei: int) -> None:
        if await self._node.balance_wei(self._key.address) < needed_wei:
            raise AnchorFailed(
                f"the account `{self.address}` on `{self._network}` holds too little for an anchor",
                hint=f"send it at least {ether_text(needed_wei)} ETH",
            )

    def _sign(self, digest: bytes, *, nonce: int, gas: int, offer: Offer) -> Attempt:
        raw = sign_transaction(
            self._key,
            chain_id=self._chain_id,
            nonce=nonce,
            tip_wei=offer.tip_wei,
            fee_wei=offer.fee_wei,
            gas=gas,
            data=digest,
        )
        return Attempt(raw.hex(), str(offer.fee_wei), str(offer.tip_wei), self._clock.now_ms())

    async def _look(self, sending: Sending) -> Progress:
        receipt = await self._find(sending)
        return await (self._wait(sending) if receipt is None else self._confirm(sending, receipt))

    async def _find(self, sending: Sending) -> Receipt | None:
        """The receipt of whichever attempt a block of the node's own chain holds, the newest first."""
        for attempt in reversed(sending.attempts):
            receipt = await self._node.receipt(attempt.hash)
            if receipt is not None and await self._is_current(receipt):
                return receipt
        return None

    async def _is_current(self, receipt: Receipt) -> bool:
        block = await self._node.block_at(receipt.height)
        return block is not None and block.get("hash") == receipt.block_hash

    async def _wait(self, sending: Sending) -> Progress:
        """No block holds it: send it, again if need be, and raise the fee in time."""
        lost = ""
        if sending.held is not None:
            lost = f"the chain was reorganised and block {sending.held.height} no longer holds the anchor; "
            sending = msgspec.structs.replace(sending, held=None)
        if await self._is_superseded(sending):
            return await self._renew(sending, lost)
        fees = await self._node.fees()
        refusal = ""
        if not await self._node.knows(sending.newest.hash):
            refusal = await self._send(sending.newest)
        # Where money is missing, offering more of it helps no one.
        if "insufficient funds" not in refusal.lower() and self._is_too_low(sending, fees, refusal):
            return self._bump(sending, fees, lost)
        if refusal:
            return _waiting(
                sending, f"{lost}the node of `{self._network}` does not take the anchor: {refusal}"
            )
        return _waiting(sending, lost + self._patience(sending, fees))

    async def _is_superseded(self, sending: Sending) -> bool:
        """Whether another transaction took the nonce, or the account was changed since."""
        if sending.sender != self._key.address.hex():
            return True
        if await self._node.nonce(self._key.address) <= sending.nonce:
            return False
        # Its own, perhaps: a block may have come between two questions, or the receipt comes late.
        return not any([await self._node.knows(attempt.hash) for attempt in sending.attempts])

    async def _renew(self, sending: Sending, lost: str) -> Progress:
        taken = f"{lost}another transaction took the anchor's place in its account"
        if sending.renewals >= RENEWALS_MAX:
            return Progress(
                state=write_state(sending),
                phase="failed",
                says=f"{taken}, and that {RENEWALS_MAX + 1} times: is the account used by something else?",
            )
        digest = bytes.fromhex(sending.digest)
        offer = first_offer(await self._node.fees(), fee_wei_max=self._terms.fee_wei_max)
        nonce = await self._node.nonce(self._key.address)
        attempt = self._sign(digest, nonce=nonce, gas=sending.gas, offer=offer)
        sending = msgspec.structs.replace(
            sending,
            sender=self._key.address.hex(),
            nonce=nonce,
            attempts=(attempt,),
            held=None,
            renewals=sending.renewals + 1,
        )
        return _waiting(sending, f"{taken}: signed again")

    async def _send(self, attempt: Attempt) -> str:
        """Hand it over; what the node has against it, or nothing."""
        try:
            await self._node.send(attempt.raw_bytes)
        except NodeRefused as error:
            # A repeat after a crash: it was handed over already.
            return "" if "already" in error.reason.lower() else f"`{error.reason}`"
        return ""

    def _is_too_low(self, sending: Sending, fees: Fees, refusal: str) -> bool:
        waited_ms = self._clock.now_ms() - sending.newest.made_at_ms
        return (
            int(sending.newest.fee_wei) < fees.base_wei
            or "underpriced" in refusal.lower()
            or waited_ms >= self._terms.bump_after_seconds * 1000
        )

    def _bump(self, sending: Sending, fees: Fees, lost: str) -> Progress:
        newest = sending.newest
        before = Offer(fee_wei=int(newest.fee_wei), tip_wei=int(newest.tip_wei))
        offer = higher_offer(before, fees, fee_wei_max=self._terms.fee_wei_max)
        if offer is None or len(sending.attempts) >= ATTEMPTS_MAX:
            return _waiting(sending, f"{lost}{self._patience(sending, fees)}; no higher fee is allowed")
        attempt = self._sign(bytes.fromhex(sending.digest), nonce=sending.nonce, gas=sending.gas, offer=offer)
        sending = msgspec.structs.replace(sending, attempts=(*sending.attempts, attempt))
        says = f"fee raised from {gwei_text(before.fee_wei)} to {gwei_text(offer.fee_wei)} gwei"
        return _waiting(sending, f"{lost}{says}, to be sent with the next look")

    def _patience(self, sending: Sending, fees: Fees) -> str:
        minutes = max(0, self._clock.now_ms() - sending.begun_at_ms) // 60_000
        waited = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
        since = f"for {waited}" if minutes > 0 else "yet"
        return (
            f"sent to `{self._network}`, in no block {since}; "
            f"offered {gwei_text(int(sending.newest.fee_wei))} gwei, asked {gwei_text(fees.base_wei)}"
        )

    async def _confirm(self, sending: Sending, receipt: Receipt) -> Progress:
        """A block holds it: make the proof, verify it as a reader would, and say how deep it lies."""
        before = sending.held
        held = await self._hold(before, receipt)
        sending = msgspec.structs.replace(sending, held=held)
        depth = await self._node.height() - held.height + 1
        later = await self._later_headers(held.height, min(depth, self._terms.confirmations) - 1)
        proof, anchor = self._prove(sending, held, later)
        moved = before is not None and before.block_hash != held.block_hash
        final = anchor.confirmations >= self._terms.confirmations
        says = f"block {held.height} of `{self._network}` holds the anchor, "
        says += f"{anchor.confirmations} of {self._terms.confirmations} confirmations"
        return Progress(
            state=write_state(sending),
            phase="final" if final else "confirmed",
            says=("the chain was reorganised; " if moved else "") + says,
            cost=Cost(amount=ether_text(receipt.paid_wei), currency=self._currency, gas=receipt.gas),
            files={PROOF_SUFFIX: proof},
        )

    async def _hold(self, before: Held | None, receipt: Receipt) -> Held:
        """The proof of the anchor's place in this block, kept from the last look if it was the same one."""
        if before is not None and before.block_hash == receipt.block_hash:
            return before
        block_hash = hex_data(receipt.block_hash, "the block of a receipt")
        header, raw, nodes = await prove_place(self._node, block_hash, receipt.index)
        return Held(
            block_hash=receipt.block_hash,
            height=receipt.height,
            transaction=raw.hex(),
            index=receipt.index,
            nodes=tuple(node.hex() for node in nodes),
            header=header.hex(),
        )

    async def _later_headers(self, height: int, count: int) -> tuple[bytes, ...]:
        headers = []
        for at in range(height + 1, height + 1 + count):
            block = await self._node.block_at(at)
            if block is None:
                raise AnchorUnavailable(f"the chain of `{self._network}` changed while it was looked at")
            headers.append((await header_of(self._node, block))[0])
        return tuple(headers)

    def _prove(self, sending: Sending, held: Held, later: tuple[bytes, ...]) -> tuple[bytes, VerifiedAnchor]:
        proof = EthereumProof(
            network=self._network,
            path=(),
            transaction=bytes.fromhex(held.transaction),
            index=held.index,
            nodes=tuple(map(bytes.fromhex, held.nodes)),
            header=bytes.fromhex(held.header),
            later=later,
        ).encode()
        digest = bytes.fromhex(sending.digest)
        return proof, verify_ethereum_anchor(digest=digest, data=proof, network=self._network, pins=())


def _waiting(sending: Sending, says: str) -> Progress:
    return Progress(state=write_state(sending), phase="waiting", says=says)
