"""The anchor job over a real Ethereum node: checkpoints become proofs in the book, and outlive a dead node."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from telesphor.demo.anvil import ANVIL_NETWORK, Anvil
from telesphor.kernel.chains.anchor import anchor_digest
from telesphor.kernel.chains.ethereum import verify_ethereum_anchor
from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.clock import SystemClock
from telesphor.ledger.anchors.book import AnchorBook
from telesphor.ledger.anchors.ethereum.chain import EthereumChain, EthereumTerms
from telesphor.ledger.anchors.ethereum.fees import ETHER
from telesphor.ledger.anchors.job import AnchorJob
from tests.support.anvil import running_anvil
from tests.support.ethereum import KEY

LOG = LogSigner("clinic.example/ledger", b"\x01" * 32, b"\x02" * 32)
HEAD = Checkpoint(LOG.origin, 2_000_000, hashlib.sha256(b"root").digest())
WAIT_SECONDS_MAX = 60.0


@asynccontextmanager
async def anchoring(node: Anvil, book: AnchorBook) -> AsyncIterator[None]:
    """A job at work, ended with the block."""
    chain = EthereumChain(
        network=ANVIL_NETWORK,
        url=node.url,
        secret=KEY.secret,
        clock=SystemClock(),
        terms=EthereumTerms(confirmations=2),
    )
    note = LOG.sign(HEAD, time_seconds=1_795_348_275)
    job = AnchorJob(
        book=book,
        chains=[chain],
        newest=lambda: note,
        clock=SystemClock(),
        every_seconds=3600,
        look_seconds=0.05,
    )
    task = asyncio.create_task(job.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def reached(book: AnchorBook, phase: str) -> None:
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while True:
            last = book.last(ANVIL_NETWORK)
            if last is not None and last.phase == phase:
                return
            await asyncio.sleep(0.05)


async def test_checkpoint_is_dated_for_a_price_per_entry_that_is_told(tmp_path: Path) -> None:
    book = AnchorBook(tmp_path / "published.sqlite")
    with running_anvil() as node:
        node.give("0x" + KEY.address.hex(), wei=ETHER)
        async with anchoring(node, book):
            await reached(book, "confirmed")
            node.mine(2)
            await reached(book, "final")
    anchor = book.of_size(HEAD.size)[0]
    assert anchor.cost is not None and anchor.cost.gas == 22_280
    assert anchor.cost_per_entry is not None and anchor.cost_per_entry.endswith(" ETH")
    assert anchor.cost_per_entry.startswith("0.0000000000")
    proof = book.proofs(HEAD.size)[f"{ANVIL_NETWORK}.json"]
    verified = verify_ethereum_anchor(
        digest=anchor_digest(HEAD.body()), data=proof, network=ANVIL_NETWORK, pins=()
    )
    assert verified.confirmations == 2
    book.close()


async def test_job_killed_and_node_restarted_anchor_once(tmp_path: Path) -> None:
    book, kept = AnchorBook(tmp_path / "published.sqlite"), str(tmp_path / "anvil.json")
    with running_anvil("--no-mining", "--state", kept) as node:
        node.give("0x" + KEY.address.hex(), wei=ETHER)
        async with anchoring(node, book):
            await reached(book, "waiting")
    # The node is gone and has forgotten what it had not mined.
    async with anchoring(node, book):
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while "cannot be reached" not in book.of_size(HEAD.size)[0].says:
                await asyncio.sleep(0.05)
    with running_anvil("--no-mining", "--state", kept, port=node.port) as node:
        async with anchoring(node, book):
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                while node.call("txpool_status")["pending"] == "0x0":
                    await asyncio.sleep(0.05)
            node.mine(3)
            await reached(book, "final")
        assert node.call("eth_getTransactionCount", "0x" + KEY.address.hex(), "latest") == "0x1"
    book.close()
