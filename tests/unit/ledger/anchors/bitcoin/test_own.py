"""Anchoring by a transaction of one's own, on a real node: sent, raised, undone, spent under one's feet, down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from telesphor.demo.bcoin import until
from telesphor.kernel.chains.anchor import HeaderPin
from telesphor.kernel.chains.bitcoin import verify_bitcoin_anchor
from telesphor.ledger.anchors.bitcoin.node import BitcoinNode
from telesphor.ledger.anchors.bitcoin.own import VERSIONS_MAX, OwnState, OwnTransactions
from telesphor.ledger.anchors.bitcoin.rpc import BitcoinRpc, CredentialRefused
from telesphor.ledger.anchors.model import AnchorFailed, AnchorUnavailable, Progress, WrongNetwork
from tests.support.bcoin import MiningBcoin, free_port, running_bcoin

DIGEST = sha256(b"the text of a checkpoint").digest()
FEE_MAX_SATS = 100_000
CONFIRMATIONS = 3
COINS = 40  # each test spends one or two


@pytest.fixture(scope="module")
def chain() -> Iterator[MiningBcoin]:
    with running_bcoin(coins=COINS) as node:
        yield node


def node_of(chain: MiningBcoin, *, network: str = "bitcoin-regtest") -> BitcoinNode:
    return BitcoinNode(
        network,
        node=BitcoinRpc(chain.node_url, credential_file=chain.credential),
        wallet=BitcoinRpc(chain.wallet_url, credential_file=chain.credential),
    )


def chain_of(
    chain: MiningBcoin,
    *,
    fee_max_sats: int = FEE_MAX_SATS,
    bump_blocks: int = 2,
    pin: HeaderPin | None = None,
) -> OwnTransactions:
    return OwnTransactions(
        node_of(chain),
        fee_max_sats=fee_max_sats,
        bump_blocks=bump_blocks,
        confirmations=CONFIRMATIONS,
        pin=pin,
    )


@pytest_asyncio.fixture
async def own(chain: MiningBcoin) -> AsyncIterator[OwnTransactions]:
    made = chain_of(chain)
    yield made
    await made.close()


def opened(state: bytes) -> OwnState:
    return msgspec.json.decode(state, type=OwnState)


def newest(progress: Progress) -> str:
    return opened(progress.state).versions[-1].txid


async def sent(own: OwnTransactions, chain: MiningBcoin) -> Progress:
    progress = await own.advance(await own.prepare(DIGEST))
    until(lambda: newest(progress) in chain.pool())
    return progress


async def test_anchor_is_sent_confirmed_and_final(own: OwnTransactions, chain: MiningBcoin) -> None:
    progress = await sent(own, chain)
    assert progress.phase == "waiting" and progress.says.endswith("there is no block since then yet")
    assert progress.files is None and progress.cost is None
    chain.mine()
    first = await own.advance(progress.state)
    assert first.phase == "confirmed"
    assert first.files is not None
    chain.mine(CONFIRMATIONS - 1)
    last = await own.advance(first.state)
    assert last.phase == "final"
    assert last.files is not None and last.cost is not None
    assert last.cost.currency == "test BTC"
    assert 0 < float(last.cost.amount) <= FEE_MAX_SATS / 1e8
    found = verify_bitcoin_anchor(
        digest=DIGEST, ots=last.files[".ots"], headers=last.files[".headers"], network="bitcoin-regtest"
    )
    assert found.confirmations == CONFIRMATIONS
    assert "proves nothing about time" in last.says


class MinesAfterTip(BitcoinNode):
    """A node whose chain grows by a block right after it said how long it is."""

    mine: Callable[[], object]

    async def tip(self) -> int:
        told = await super().tip()
        await asyncio.to_thread(self.mine)
        return told


async def test_block_that_comes_between_two_questions_confirms_the_anchor(
    own: OwnTransactions, chain: MiningBcoin
) -> None:
    progress = await sent(own, chain)
    node = MinesAfterTip(
        "bitcoin-regtest",
        node=BitcoinRpc(chain.node_url, credential_file=chain.credential),
        wallet=BitcoinRpc(chain.wallet_url, credential_file=chain.credential),
    )
    node.mine = chain.mine
    racing = OwnTransactions(node, fee_max_sats=FEE_MAX_SATS, confirmations=CONFIRMATIONS)
    try:
        assert (await racing.advance(progress.state)).phase == "confirmed"
    finally:
        await racing.close()


async def test_preparing_sends_nothing(own: OwnTransactions, chain: MiningBcoin) -> None:
    state = await own.prepare(DIGEST)
    assert opened(state).versions[-1].txid not in chain.pool()


async def test_advancing_from_an_old_state_pays_once(own: OwnTransactions, chain: MiningBcoin) -> None:
    """A crash may lose what came after `prepare`: the same coin is spent, so nothing can be paid twice."""
    state = await own.prepare(DIGEST)
    once, twice = await own.advance(state), await own.advance(state)
    assert once.state == twice.state == state
    chain.mine()
    assert (await own.advance(state)).phase == "confirmed"


async def test_fee_is_raised_after_blocks_without_it(own: OwnTransactions, chain: MiningBcoin) -> None:
    state = await own.prepare(DIGEST)
    before = opened(state).versions[-1]
    chain.mine_with()
    chain.mine_with()
    raised = await own.advance(state)
    held = opened(raised.state)
    assert raised.phase == "waiting" and "the fee is raised" in raised.says
    assert len(held.versions) == 2
    assert held.versions[1].fee_sats >= before.fee_sats * 1.5
    assert held.versions[1].txid not in chain.pool(), "a version is kept before it is sent"
    await own.advance(raised.state)
    until(lambda: held.versions[1].txid in chain.pool())
    chain.mine()
    confirmed = await own.advance(raised.state)
    assert confirmed.phase == "confirmed"
    assert confirmed.cost is not None
    assert confirmed.cost.amount == f"{held.versions[1].fee_sats / 1e8:.8f}"


async def test_either_version_may_be_the_one_in_a_block(own: OwnTransactions, chain: MiningBcoin) -> None:
    """The memory pool holds the first, a miner takes the second, and the other way round."""
    for taken in (0, 1):
        progress = await sent(own, chain)
        chain.mine_with()
        chain.mine_with()
        raised = await own.advance(progress.state)
        version = opened(raised.state).versions[taken]
        chain.mine_with(bytes.fromhex(version.raw))
        confirmed = await own.advance(raised.state)
        assert confirmed.phase == "confirmed"
        assert confirmed.cost is not None and confirmed.cost.amount == f"{version.fee_sats / 1e8:.8f}"


async def test_fee_never_exceeds_its_limit(chain: MiningBcoin) -> None:
    own = chain_of(chain, fee_max_sats=2_000, bump_blocks=1)
    state = await own.prepare(DIGEST)
    for _ in range(VERSIONS_MAX):
        chain.mine_with()
        state = (await own.advance(state)).state
    fees = [version.fee_sats for version in opened(state).versions]
    assert 1 < len(fees) < VERSIONS_MAX
    assert fees == sorted(fees) and fees[-1] <= 2_000
    waiting = await own.advance(state)
    assert waiting.phase == "waiting" and waiting.state == state, "hours without a block change nothing more"
    await own.close()


async def test_limit_below_what_is_relayed_is_refused(chain: MiningBcoin) -> None:
    own = chain_of(chain, fee_max_sats=100)
    with pytest.raises(AnchorFailed, match="fee"):
        await own.prepare(DIGEST)
    await own.close()


async def test_reorganisation_takes_the_block_away_and_it_is_sent_again(
    own: OwnTransactions, chain: MiningBcoin
) -> None:
    progress = await sent(own, chain)
    block = chain.mine()[0]
    confirmed = await own.advance(progress.state)
    assert confirmed.phase == "confirmed"
    chain.undo(block)
    undone = await own.advance(confirmed.state)
    assert undone.phase == "waiting" and undone.files is None
    until(lambda: newest(undone) in chain.pool())
    chain.mine(CONFIRMATIONS)
    again = await own.advance(undone.state)
    assert again.phase == "final"
    assert again.files is not None and confirmed.files is not None
    assert again.files[".headers"][:80] != confirmed.files[".headers"][:80]


async def test_coin_that_something_else_spends_is_replaced_once_that_is_settled(
    own: OwnTransactions, chain: MiningBcoin
) -> None:
    state = await own.prepare(DIGEST)
    rival = chain_of(chain)
    rival_state = await rival.prepare(sha256(b"another").digest())
    assert opened(rival_state).coin == opened(state).coin
    chain.mine_with(bytes.fromhex(opened(rival_state).versions[0].raw))
    spent = await own.advance(state)
    assert spent.phase == "waiting" and "something else spent" in spent.says
    assert opened(spent.state).versions == opened(state).versions, "not before it is settled"
    chain.mine(CONFIRMATIONS)
    anew = await own.advance(spent.state)
    assert "begun anew" in anew.says
    assert opened(anew.state).coin != opened(state).coin
    await own.advance(anew.state)
    until(lambda: newest(anew) in chain.pool())
    chain.mine()
    assert (await own.advance(anew.state)).phase == "confirmed"
    await rival.close()


async def test_proof_may_begin_at_a_pinned_header(chain: MiningBcoin) -> None:
    height = chain.node("getblockcount")
    pin = HeaderPin("bitcoin-regtest", height, chain.node("getblockhash", height))
    own = chain_of(chain, pin=pin)
    progress = await sent(own, chain)
    chain.mine(2)
    confirmed = await own.advance(progress.state)
    assert confirmed.files is not None
    assert len(confirmed.files[".headers"]) == 3 * 80
    await own.close()


async def test_node_of_another_network_is_refused(chain: MiningBcoin) -> None:
    for network in ("bitcoin-mainnet", "bitcoin-signet", "bitcoin-testnet4"):
        own = OwnTransactions(node_of(chain, network=network), fee_max_sats=FEE_MAX_SATS)
        with pytest.raises(WrongNetwork):
            await own.prepare(DIGEST)
        await own.close()


async def test_network_is_checked_again_at_every_step(own: OwnTransactions, chain: MiningBcoin) -> None:
    state = await own.prepare(DIGEST)
    elsewhere = OwnTransactions(node_of(chain, network="bitcoin-mainnet"), fee_max_sats=FEE_MAX_SATS)
    with pytest.raises(WrongNetwork):
        await elsewhere.advance(state)
    assert opened(state).versions[-1].txid not in chain.pool()
    await elsewhere.close()


async def test_node_that_is_down_is_unavailable(chain: MiningBcoin, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    down = BitcoinNode("bitcoin-regtest", node=BitcoinRpc(url), wallet=BitcoinRpc(url))
    own = OwnTransactions(down, fee_max_sats=FEE_MAX_SATS)
    with pytest.raises(AnchorUnavailable, match="cannot be reached"):
        await own.prepare(DIGEST)
    await own.close()


async def test_wrong_credential_is_refused(chain: MiningBcoin, tmp_path: Path) -> None:
    wrong = tmp_path / "credential"
    wrong.write_text("x:wrong")
    rpc = BitcoinRpc(chain.node_url, credential_file=wrong)
    with pytest.raises(CredentialRefused):
        await rpc.call("getblockcount")
    await rpc.close()


async def test_empty_wallet_is_refused_with_what_to_do() -> None:
    with running_bcoin() as poor:
        own = chain_of(poor)
        with pytest.raises(AnchorFailed, match="no confirmed coin") as caught:
            await own.prepare(DIGEST)
        assert "pay it" in caught.value.hint
        await own.close()
