"""Anchoring in a real Ethereum node (anvil): sent, confirmed, final, and all that goes wrong on the way."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from telesphor.demo.anvil import ANVIL_NETWORK, Anvil
from telesphor.kernel.chains.anchor import (
    AnchorOfAnotherDigest,
    AnchorOfAnotherNetwork,
    AnchorPinMismatch,
    HeaderPin,
    VerifiedAnchor,
)
from telesphor.kernel.chains.ethereum import read_proof, read_transaction, verify_ethereum_anchor
from telesphor.kernel.clock import ManualClock
from telesphor.ledger.anchors.ethereum.chain import EthereumChain, EthereumTerms
from telesphor.ledger.anchors.ethereum.fees import ETHER, GWEI
from telesphor.ledger.anchors.ethereum.state import read_state
from telesphor.ledger.anchors.model import AnchorFailed, AnchorUnavailable, Chain, Progress, WrongNetwork
from tests.support.anvil import running_anvil

SECRET = hashlib.sha256(b"an account for tests").digest()
DIGEST = hashlib.sha256(b"the text of a checkpoint").digest()
NOW_MS = 1_795_348_275_000
TERMS = EthereumTerms(confirmations=3, bump_after_seconds=600)
LOOKS_MAX = 500
LOOK_SECONDS = 0.02
"""Between two looks: anvil makes a block a moment after it took a transaction."""
BLOCK_SECONDS_MAX = 10.0


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    """It mines a block for every transaction, at once."""
    with running_anvil() as node:
        yield node


@pytest.fixture
def idle_anvil() -> Iterator[Anvil]:
    """It mines when it is told to."""
    with running_anvil("--no-mining") as node:
        yield node


@asynccontextmanager
async def opened_chain(
    node: Anvil,
    *,
    network: str = ANVIL_NETWORK,
    clock: ManualClock | None = None,
    terms: EthereumTerms = TERMS,
    funds_wei: int | None = ETHER,
    secret: bytes = SECRET,
) -> AsyncIterator[EthereumChain]:
    chain = EthereumChain(
        network=network, url=node.url, secret=secret, clock=clock or ManualClock(NOW_MS), terms=terms
    )
    if funds_wei is not None:
        node.give(chain.address, wei=funds_wei)
    try:
        yield chain
    finally:
        await chain.close()


async def advance_until(chain: Chain, state: bytes, phase: str) -> Progress:
    for _ in range(LOOKS_MAX):
        progress = await chain.advance(state)
        state = progress.state
        if progress.phase == phase:
            return progress
        await asyncio.sleep(LOOK_SECONDS)
    raise AssertionError(f"not `{phase}` after {LOOKS_MAX} looks: {progress.says}")


def wait_for_block(node: Anvil, transaction: str) -> None:
    """It takes a transaction before it makes the block that holds it."""
    end = time.monotonic() + BLOCK_SECONDS_MAX
    while node.call("eth_getTransactionReceipt", transaction) is None:
        assert time.monotonic() < end, "anvil made no block"
        time.sleep(LOOK_SECONDS)


def verify(progress: Progress, *, digest: bytes = DIGEST, pins: tuple[HeaderPin, ...] = ()) -> VerifiedAnchor:
    assert progress.files is not None
    return verify_ethereum_anchor(
        digest=digest, data=progress.files[".json"], network=ANVIL_NETWORK, pins=pins
    )


def newest_raw(state: bytes) -> str:
    return read_state(state).newest.raw


def pool(node: Anvil) -> int:
    """How many transactions wait."""
    return int(node.call("txpool_status")["pending"], 16)


async def test_anchor_is_sent_confirmed_and_final(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        state = await chain.prepare(DIGEST)
        assert anvil.call("eth_blockNumber") == "0x0", "something was sent before the state could be kept"

        sent = await chain.advance(state)
        assert sent.phase == "waiting" and "in no block yet;" in sent.says

        seen = await advance_until(chain, sent.state, "confirmed")
        assert "1 of 3 confirmations" in seen.says
        assert verify(seen).confirmations == 1

        anvil.mine(5)
        final = await chain.advance(seen.state)
        assert final.phase == "final"
        anchor = verify(final)
        assert (anchor.height, anchor.confirmations, anchor.pinned) == (1, 3, False)
        assert anchor.time_seconds == int(anvil.call("eth_getBlockByNumber", "0x1", False)["timestamp"], 16)
        assert not anchor.proves_time and "proves nothing about time" in anchor.sentence


async def test_looking_again_at_a_final_anchor_gives_the_same_proof(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        first = await advance_until(chain, await chain.prepare(DIGEST), "confirmed")
        anvil.mine(5)
        final = await chain.advance(first.state)
        assert (await chain.advance(final.state)).files == final.files
        assert (await chain.advance(first.state)).files == final.files


async def test_proof_is_of_this_digest_and_network_only(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        progress = await advance_until(chain, await chain.prepare(DIGEST), "confirmed")
    assert progress.files is not None
    with pytest.raises(AnchorOfAnotherDigest):
        verify(progress, digest=bytes(32))
    with pytest.raises(AnchorOfAnotherNetwork):
        verify_ethereum_anchor(digest=DIGEST, data=progress.files[".json"], network="ethereum-1", pins=())


async def test_pinned_header_is_recognised_and_another_refused(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        progress = await advance_until(chain, await chain.prepare(DIGEST), "confirmed")
        anvil.mine(5)
        progress = await chain.advance(progress.state)
    hashes = [anvil.call("eth_getBlockByNumber", hex(at), False)["hash"][2:] for at in range(6)]
    for height in (1, 2, 3):
        assert verify(progress, pins=(HeaderPin(ANVIL_NETWORK, height, hashes[height]),)).pinned
        with pytest.raises(AnchorPinMismatch):
            verify(progress, pins=(HeaderPin(ANVIL_NETWORK, height, hashes[0]),))
    # A header before the block, or after the proof's end, says nothing about it; nor does another network's.
    for pin in (HeaderPin(ANVIL_NETWORK, 0, hashes[0]), HeaderPin(ANVIL_NETWORK, 5, hashes[5])):
        assert not verify(progress, pins=(pin,)).pinned
    assert not verify(progress, pins=(HeaderPin("ethereum-1", 1, hashes[0]),)).pinned


async def test_cost_is_told_in_ether_and_gas(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        progress = await advance_until(chain, await chain.prepare(DIGEST), "confirmed")
        left = int(anvil.call("eth_getBalance", chain.address, "latest"), 16)
    assert progress.cost is not None and progress.cost.currency == "test ETH" and progress.cost.gas == 22_280
    whole, _, part = progress.cost.amount.partition(".")
    assert int(whole) * ETHER + int(part.ljust(18, "0")) == ETHER - left


async def test_anchor_is_proven_among_transactions_of_other_kinds(idle_anvil: Anvil) -> None:
    for fields in other_transactions(idle_anvil.call("eth_accounts")):
        idle_anvil.call("eth_sendTransaction", fields)
    async with opened_chain(idle_anvil) as chain:
        sent = await chain.advance(await chain.prepare(DIGEST))
        idle_anvil.mine(3)
        final = await advance_until(chain, sent.state, "final")
    block = idle_anvil.call("eth_getBlockByNumber", "0x1", True)
    assert [one["type"] for one in block["transactions"]].count("0x1") == 15
    assert len(block["transactions"]) == 47
    assert final.files is not None and read_proof(final.files[".json"]).index == 46
    assert verify(final).height == 1


def other_transactions(accounts: list[str]) -> Iterator[dict[str, object]]:
    """Forty-five transfers of three kinds and the making of a contract, all of better offers than ours."""
    access = [{"address": accounts[0], "storageKeys": ["0x" + "01" * 32]}]
    for at in range(45):
        # The pool wants later transactions of an account to offer no more than its earlier ones.
        offer = hex((90 - 10 * (at // 10)) * GWEI)
        kinds: list[dict[str, object]] = [
            {"gasPrice": offer, "value": "0x1"},
            {"gasPrice": offer, "accessList": access},
            {"maxFeePerGas": offer, "maxPriorityFeePerGas": offer, "data": "0x" + "ab" * 700},
        ]
        people = {"from": accounts[at % 10], "to": accounts[(at + 1) % 10], "nonce": hex(at // 10)}
        yield {**people, "gas": hex(100_000), **kinds[at % 3]}
    code = "0x600a600c600039600a6000f3602a60805260206080f3"
    yield {"from": accounts[0], "data": code, "nonce": "0x5", "gas": hex(200_000), "gasPrice": hex(20 * GWEI)}


async def test_dropped_transaction_is_sent_again(idle_anvil: Anvil) -> None:
    async with opened_chain(idle_anvil) as chain:
        sent = await chain.advance(await chain.prepare(DIGEST))
        told = idle_anvil.call("anvil_dropTransaction", "0x" + read_state(sent.state).newest.hash.hex())
        assert told is not None and pool(idle_anvil) == 0
        again = await chain.advance(sent.state)
        assert pool(idle_anvil) == 1 and newest_raw(again.state) == newest_raw(sent.state)
        idle_anvil.mine(3)
        assert (await chain.advance(again.state)).phase == "final"


async def test_fee_below_the_base_fee_is_raised(idle_anvil: Anvil) -> None:
    async with opened_chain(idle_anvil) as chain:
        sent = await chain.advance(await chain.prepare(DIGEST))
        idle_anvil.call("anvil_setNextBlockBaseFeePerGas", hex(40 * GWEI))
        idle_anvil.mine()
        raised = await chain.advance(sent.state)
        assert raised.phase == "waiting" and "fee raised from" in raised.says
        before, after = read_state(sent.state), read_state(raised.state)
        assert after.nonce == before.nonce and len(after.attempts) == 2
        assert int(after.newest.fee_wei) > 40 * GWEI
        # The new one is not sent before the caller has it.
        assert idle_anvil.call("eth_getTransactionByHash", "0x" + after.newest.hash.hex()) is None
        resent = await chain.advance(raised.state)
        idle_anvil.mine(3)
        final = await chain.advance(resent.state)
    assert final.phase == "final" and verify(final).height == 2
    assert final.files is not None
    assert read_proof(final.files[".json"]).transaction.hex() == after.newest.raw


async def test_fee_is_raised_by_an_eighth_after_hours_without_a_block(idle_anvil: Anvil) -> None:
    clock = ManualClock(NOW_MS)
    async with opened_chain(idle_anvil, clock=clock) as chain:
        progress = await chain.advance(await chain.prepare(DIGEST))
        for _ in range(3):
            clock.advance_ms(3_600_000)
            progress = await chain.advance(progress.state)
            assert "fee raised from" in progress.says
            progress = await chain.advance(progress.state)
        assert "in no block for 3 h 0 min" in progress.says
        sending = read_state(progress.state)
        offers = [(int(one.fee_wei), int(one.tip_wei)) for one in sending.attempts]
        for (fee, tip), (more, better) in pairwise(offers):
            assert more * 8 >= fee * 9 and better * 8 >= tip * 9
        assert pool(idle_anvil) == 1
        idle_anvil.mine(3)
        final = await chain.advance(progress.state)
    assert final.phase == "final"


async def test_earlier_offer_that_was_mined_after_all_is_found(idle_anvil: Anvil) -> None:
    clock = ManualClock(NOW_MS)
    async with opened_chain(idle_anvil, clock=clock) as chain:
        sent = await chain.advance(await chain.prepare(DIGEST))
        clock.advance_ms(3_600_000)
        raised = await chain.advance(sent.state)
        idle_anvil.mine(3)
        final = await chain.advance(raised.state)
    assert final.phase == "final" and final.files is not None
    assert read_proof(final.files[".json"]).transaction.hex() == newest_raw(sent.state)


async def test_fee_stays_under_the_ceiling(idle_anvil: Anvil) -> None:
    clock = ManualClock(NOW_MS)
    terms = EthereumTerms(confirmations=1, fee_wei_max=3 * GWEI, bump_after_seconds=600)
    async with opened_chain(idle_anvil, clock=clock, terms=terms) as chain:
        progress = await chain.advance(await chain.prepare(DIGEST))
        for _ in range(40):
            clock.advance_ms(600_000)
            progress = await chain.advance(progress.state)
        sending = read_state(progress.state)
        assert max(int(one.fee_wei) for one in sending.attempts) <= 3 * GWEI
        assert "no higher fee is allowed" in progress.says


async def test_reorganisation_that_loses_the_anchor_is_noticed_and_it_is_sent_again(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        seen = await advance_until(chain, await chain.prepare(DIGEST), "confirmed")
        anvil.mine()
        anvil.call("anvil_reorg", 2, [])
        lost = await chain.advance(seen.state)
        assert lost.phase == "waiting" and "reorganised and block 1 no longer holds" in lost.says
        assert read_state(lost.state).held is None
        again = await advance_until(chain, lost.state, "confirmed")
        anvil.mine(3)
        final = await chain.advance(again.state)
    assert final.phase == "final" and verify(final).height == 3


async def test_reorganisation_that_moves_the_anchor_makes_another_proof(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        kept = anvil.call("evm_snapshot")
        seen = await advance_until(chain, await chain.prepare(DIGEST), "confirmed")
        assert anvil.call("evm_revert", kept)
        anvil.mine(2)
        wait_for_block(anvil, anvil.call("eth_sendRawTransaction", "0x" + newest_raw(seen.state)))
        moved = await chain.advance(seen.state)
    assert moved.phase == "confirmed" and moved.says.startswith("the chain was reorganised; block 3")
    assert verify(moved).height == 3


async def test_wrong_chain_id_is_refused_before_anything_is_signed(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        state = await chain.prepare(DIGEST)
    with running_anvil("--chain-id", "5") as other:
        async with opened_chain(other) as chain:
            with pytest.raises(WrongNetwork) as refusal:
                await chain.prepare(DIGEST)
            assert "chain id `5`" in refusal.value.message
            with pytest.raises(WrongNetwork):
                await chain.advance(state)
        assert other.call("eth_blockNumber") == "0x0"
        async with opened_chain(other, network="ethereum-5") as chain:
            with pytest.raises(AnchorFailed, match="not of `ethereum-5`"):
                await chain.advance(state)


async def test_node_that_is_down_is_said_and_the_anchor_goes_on_later(tmp_path: Path) -> None:
    kept = str(tmp_path / "anvil.json")
    with running_anvil("--no-mining", "--state", kept) as node:
        async with opened_chain(node) as chain:
            sent = await chain.advance(await chain.prepare(DIGEST))
        node.mine()
    async with opened_chain(node, funds_wei=None) as chain:
        with pytest.raises(AnchorUnavailable, match="cannot be reached"):
            await chain.prepare(DIGEST)
        with pytest.raises(AnchorUnavailable, match="cannot be reached"):
            await chain.advance(sent.state)
        with running_anvil("--no-mining", "--state", kept, port=node.port) as back:
            back.mine(2)
            assert (await chain.advance(sent.state)).phase == "final"


async def test_crash_between_preparing_and_sending_repeats_the_same_bytes(idle_anvil: Anvil) -> None:
    async with opened_chain(idle_anvil) as chain:
        state = await chain.prepare(DIGEST)
        assert await chain.prepare(DIGEST) == state, "one transaction has one signature"
    async with opened_chain(idle_anvil) as chain:
        sent = await chain.advance(state)
    async with opened_chain(idle_anvil) as chain:  # the answer was lost too: the same state once more
        assert (await chain.advance(state)).state == sent.state == state
        assert pool(idle_anvil) == 1
        idle_anvil.mine(3)
        assert (await chain.advance(state)).phase == "final"
    nonce = idle_anvil.call("eth_getTransactionCount", chain.address, "latest")
    assert nonce == "0x1", "it was paid for twice"


async def test_account_without_money_is_told_what_it_needs(anvil: Anvil) -> None:
    async with opened_chain(anvil, funds_wei=1000) as chain:
        with pytest.raises(AnchorFailed) as refusal:
            await chain.prepare(DIGEST)
    assert chain.address in refusal.value.message and "ETH" in refusal.value.hint


async def test_account_emptied_after_preparing_waits_until_it_is_filled(anvil: Anvil) -> None:
    clock = ManualClock(NOW_MS)
    async with opened_chain(anvil, clock=clock) as chain:
        state = await chain.prepare(DIGEST)
        anvil.give(chain.address, wei=0)
        clock.advance_ms(3_600_000)
        progress = await chain.advance(state)
        assert progress.phase == "waiting" and "insufficient funds" in progress.says.lower()
        assert progress.state == state, "more was offered where money is missing"
        anvil.give(chain.address, wei=ETHER)
        assert (await advance_until(chain, progress.state, "confirmed")).files


async def test_nonce_taken_by_another_transaction_is_signed_anew(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        state = await chain.prepare(DIGEST)
        other = await chain.prepare(hashlib.sha256(b"another").digest())
        await advance_until(chain, other, "confirmed")
        progress = await chain.advance(state)
        assert "signed again" in progress.says and read_state(progress.state).nonce == 1
        confirmed = await advance_until(chain, progress.state, "confirmed")
    assert verify(confirmed).height == 2


async def test_account_that_was_changed_signs_anew(idle_anvil: Anvil) -> None:
    async with opened_chain(idle_anvil) as chain:
        state = await chain.prepare(DIGEST)
    async with opened_chain(idle_anvil, secret=hashlib.sha256(b"new").digest()) as chain:
        progress = await chain.advance(state)
        assert read_state(progress.state).sender == chain.address[2:]
        await chain.advance(progress.state)
        idle_anvil.mine(3)
        assert (await chain.advance(progress.state)).phase == "final"


async def test_header_of_ones_own_chain_named_mainnet_proves_no_time() -> None:
    with running_anvil("--chain-id", "1") as node:
        async with opened_chain(node, network="ethereum-1") as chain:
            progress = await advance_until(chain, await chain.prepare(DIGEST), "confirmed")
        block_hash = node.call("eth_getBlockByNumber", "0x1", False)["hash"]
    assert progress.files is not None
    data = progress.files[".json"]
    anchor = verify_ethereum_anchor(digest=DIGEST, data=data, network="ethereum-1", pins=())
    assert not anchor.pinned and not anchor.proves_time
    assert "its header is not pinned" in anchor.sentence and block_hash in anchor.sentence


async def test_transaction_moves_nothing_and_carries_the_digest_alone(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        transaction = read_transaction(read_state(await chain.prepare(DIGEST)).newest.raw_bytes)
    assert "0x" + transaction.to.hex() == chain.address
    assert (transaction.chain_id, transaction.value, transaction.data) == (31337, 0, DIGEST)


async def test_chain_shows_neither_its_key_nor_its_address_of_the_node(anvil: Anvil) -> None:
    async with opened_chain(anvil) as chain:
        state = await chain.prepare(DIGEST)
        shown = repr(vars(chain)) + repr(chain) + state.decode()
    assert SECRET.hex() not in shown and repr(SECRET) not in shown
    assert anvil.url not in shown


@pytest.mark.parametrize("bad", [b"", b"{}", b"[" * 100_000, b"\xff", b"null", b'{"v":1}'])
async def test_unreadable_state_is_refused(bad: bytes) -> None:
    chain = EthereumChain(
        network=ANVIL_NETWORK, url="http://127.0.0.1:1", secret=SECRET, clock=ManualClock(NOW_MS)
    )
    with pytest.raises(AnchorFailed):
        await chain.advance(bad)
