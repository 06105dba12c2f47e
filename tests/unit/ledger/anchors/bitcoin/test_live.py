"""Job, book and chain together on a real node: from a checkpoint to a proof in the book, through an outage."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from telesphor.kernel.chains.anchor import anchor_digest
from telesphor.kernel.chains.bitcoin import verify_bitcoin_anchor
from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.clock import SystemClock
from telesphor.ledger.anchors.bitcoin.node import BitcoinNode
from telesphor.ledger.anchors.bitcoin.own import OwnTransactions
from telesphor.ledger.anchors.bitcoin.rpc import BitcoinRpc
from telesphor.ledger.anchors.book import AnchorBook
from telesphor.ledger.anchors.job import AnchorJob
from tests.support.bcoin import MiningBcoin, running_bcoin

NETWORK = "bitcoin-regtest"
LOG = LogSigner("clinic.example/log", bytes(32), bytes([1]) * 32)
ENTRIES = 100_000
CHECKPOINT = Checkpoint(LOG.origin, ENTRIES, bytes(32))


@pytest.fixture(scope="module")
def chain() -> Iterator[MiningBcoin]:
    with running_bcoin(coins=4) as node:
        yield node


@asynccontextmanager
async def anchoring(chain: MiningBcoin, book: AnchorBook) -> AsyncIterator[AnchorJob]:
    def rpc(url: str) -> BitcoinRpc:
        return BitcoinRpc(url, credential_file=chain.credential, timeout_seconds=0.5)

    node = BitcoinNode(NETWORK, node=rpc(chain.node_url), wallet=rpc(chain.wallet_url))
    job = AnchorJob(
        book=book,
        chains=[OwnTransactions(node, fee_max_sats=100_000, confirmations=2)],
        newest=lambda: LOG.sign(CHECKPOINT, time_seconds=1_795_000_000),
        clock=SystemClock(),
        every_seconds=3600.0,
        look_seconds=0.05,
    )
    task = asyncio.create_task(job.run())
    try:
        yield job
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_checkpoint_is_dated_and_its_cost_shown(chain: MiningBcoin, tmp_path: Path) -> None:
    book = AnchorBook(tmp_path / "published.sqlite")
    async with anchoring(chain, book):
        await until(chain.pool)
        await asyncio.to_thread(chain.mine, 2)
        await until(lambda: (last := book.last(NETWORK)) and last.phase == "final")
    last = book.last(NETWORK)
    assert last is not None and last.cost is not None
    assert last.entries_covered == ENTRIES
    assert last.cost_per_entry is not None and last.cost_per_entry.endswith(" test BTC")
    files = book.proofs(ENTRIES)
    found = verify_bitcoin_anchor(
        digest=anchor_digest(CHECKPOINT.body()),
        ots=files[f"{NETWORK}.ots"],
        headers=files[f"{NETWORK}.headers"],
        network=NETWORK,
    )
    assert found.confirmations == 2
    book.close()


async def test_outage_and_restart_only_delay(chain: MiningBcoin, tmp_path: Path) -> None:
    book = AnchorBook(tmp_path / "published.sqlite")
    async with anchoring(chain, book):
        await until(chain.pool)
    async with anchoring(chain, book) as job:
        chain.process.send_signal(signal.SIGSTOP)
        await until(lambda: "cannot be reached" in job.says(NETWORK))
        chain.process.send_signal(signal.SIGCONT)
        await asyncio.to_thread(chain.mine, 2)
        await until(lambda: (last := book.last(NETWORK)) and last.phase == "final")
    assert len(book.newest()) == 1
    book.close()
