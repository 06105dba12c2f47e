"""A node that lies, breaks off or answers rubbish: refused by what is wrong, and nothing of it kept.

The node is a real HTTP server in front of a real anvil, which changes single answers on their way.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from telesphor.demo.anvil import ANVIL_NETWORK, Anvil
from telesphor.kernel.clock import ManualClock
from telesphor.ledger.anchors.ethereum.chain import RENEWALS_MAX, EthereumChain, EthereumTerms
from telesphor.ledger.anchors.ethereum.fees import ETHER
from telesphor.ledger.anchors.ethereum.rpc import NodeRefused, NodeRpc, NodeUnavailable, hex_data, quantity
from telesphor.ledger.anchors.ethereum.state import read_state
from telesphor.ledger.anchors.model import AnchorUnavailable
from tests.support.anvil import running_anvil
from tests.support.ethereum import DIGEST, KEY

NOW_MS = 1_795_348_275_000
Change = Callable[[str, Any], Any]


@asynccontextmanager
async def served(answer: Callable[[web.Request], Any], *, path: str = "/") -> AsyncIterator[str]:
    """A server on a port of the system's choosing; gives its address."""
    app = web.Application()
    app.router.add_post(path, answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def changed_answers(node: Anvil, change: Change) -> AsyncIterator[EthereumChain]:
    """A chain whose node's results go through `change(method, result)`."""
    async with aiohttp.ClientSession() as session:

        async def forward(request: web.Request) -> web.Response:
            asked = await request.json()
            async with session.post(node.url, json=asked) as reply:
                told = await reply.json()
            if "result" in told:
                told["result"] = change(asked["method"], told["result"])
            return web.json_response(told)

        async with served(forward) as url:
            chain = EthereumChain(
                network=ANVIL_NETWORK,
                url=url,
                secret=KEY.secret,
                clock=ManualClock(NOW_MS),
                terms=EthereumTerms(confirmations=3),
            )
            try:
                yield chain
            finally:
                await chain.close()


def in_method(name: str, change: Callable[[Any], Any]) -> Change:
    def apply(method: str, result: Any) -> Any:
        return change(result) if method == name and result is not None else result

    return apply


def put(**fields: Any) -> Callable[[Any], Any]:
    return lambda result: {**result, **fields}


def without_first_transaction(block: Any) -> Any:
    return {**block, "transactions": block["transactions"][1:]}


def with_other_data(block: Any) -> Any:
    changed = [{**one, "input": "0x" + "00" * 32} for one in block["transactions"]]
    return {**block, "transactions": changed}


LIES = {
    "block-without-the-transaction": in_method("eth_getBlockByHash", without_first_transaction),
    "transaction-with-other-data": in_method("eth_getBlockByHash", with_other_data),
    "transaction-of-no-fields": in_method("eth_getBlockByHash", put(transactions=[{}])),
    "transactions-as-hashes-only": in_method("eth_getBlockByHash", put(transactions=["0x" + "00" * 32])),
    "no-transactions-at-all": in_method("eth_getBlockByHash", put(transactions=None)),
    "no-block": in_method("eth_getBlockByHash", lambda block: None),
    "header-of-another-time": in_method("eth_getBlockByHash", put(timestamp="0x1")),
    "header-of-another-root": in_method("eth_getBlockByHash", put(transactionsRoot="0x" + "00" * 32)),
    "header-with-an-unknown-hash": in_method("eth_getBlockByHash", put(hash="0x" + "00" * 32)),
    "header-with-a-negative-number": in_method("eth_getBlockByHash", put(number="0x-1")),
    "header-with-a-field-too-few": in_method("eth_getBlockByHash", put(baseFeePerGas=None)),
    "later-header-that-is-no-child": in_method(
        "eth_getBlockByNumber",
        lambda block: block if block["number"] == "0x1" else {**block, "parentHash": block["hash"]},
    ),
    "receipt-of-another-index": in_method("eth_getTransactionReceipt", put(transactionIndex="0x1")),
    "receipt-of-an-index-beyond-any": in_method("eth_getTransactionReceipt", put(transactionIndex="0x" + "f" * 64)),
    "receipt-of-no-form": in_method("eth_getTransactionReceipt", lambda receipt: [1]),
    "gas-that-is-text": in_method("eth_getTransactionReceipt", put(gasUsed="much")),
    "height-that-is-a-number": in_method("eth_blockNumber", lambda height: 5),
}  # fmt: skip


@pytest.mark.parametrize("change", LIES.values(), ids=LIES)
async def test_lie_makes_no_proof(change: Change) -> None:
    with running_anvil() as node:
        node.give("0x" + KEY.address.hex(), wei=ETHER)
        async with changed_answers(node, lambda method, result: result) as honest:
            sent = await honest.advance(await honest.prepare(DIGEST))
            node.mine(2)
            assert (await honest.advance(sent.state)).phase == "final"
        async with changed_answers(node, change) as lying:
            with pytest.raises(AnchorUnavailable):
                await lying.advance(sent.state)


async def test_receipt_in_a_block_of_another_chain_is_not_believed() -> None:
    with running_anvil() as node:
        node.give("0x" + KEY.address.hex(), wei=ETHER)
        change = in_method("eth_getTransactionReceipt", put(blockHash="0x" + "11" * 32))
        async with changed_answers(node, change) as chain:
            sent = await chain.advance(await chain.prepare(DIGEST))
            progress = await chain.advance(sent.state)
    assert progress.phase == "waiting" and progress.files is None


async def test_fees_beyond_reason_are_not_paid() -> None:
    """The node names the price; the operator's ceiling holds."""
    huge = {
        "baseFeePerGas": [hex(10**20)] * 3,
        "reward": [[hex(10**20)]] * 2,
        "gasUsedRatio": [],
        "oldestBlock": "0x0",
    }
    with running_anvil("--no-mining") as node:
        node.give("0x" + KEY.address.hex(), wei=ETHER)
        async with changed_answers(node, in_method("eth_feeHistory", lambda told: huge)) as chain:
            sending = read_state(await chain.prepare(DIGEST))
    assert int(sending.newest.fee_wei) == int(sending.newest.tip_wei) == EthereumTerms().fee_wei_max


async def test_node_that_hides_what_it_holds_does_not_empty_the_account() -> None:
    """It tells the true nonce and no receipts: every look would sign and pay anew."""

    def hide(method: str, result: Any) -> Any:
        return None if method in ("eth_getTransactionReceipt", "eth_getTransactionByHash") else result

    with running_anvil() as node:
        node.give("0x" + KEY.address.hex(), wei=ETHER)
        async with changed_answers(node, hide) as chain:
            progress = await chain.advance(await chain.prepare(DIGEST))
            for _ in range(20):
                progress = await chain.advance(progress.state)
        paid = int(node.call("eth_getTransactionCount", "0x" + KEY.address.hex(), "latest"), 16)
    assert paid == 1 + RENEWALS_MAX
    assert progress.phase == "failed" and "used by something else" in progress.says


async def test_receipt_that_comes_late_is_waited_for() -> None:
    with running_anvil() as node:
        node.give("0x" + KEY.address.hex(), wei=ETHER)
        async with changed_answers(
            node, lambda method, result: None if method == "eth_getTransactionReceipt" else result
        ) as chain:
            sent = await chain.advance(await chain.prepare(DIGEST))
            waiting = await chain.advance(sent.state)
    assert waiting.phase == "waiting" and waiting.state == sent.state


# What the wire may bring.


async def ask(url: str, *, timeout_seconds: float = 5.0, bytes_max: int = 10_000) -> str:
    rpc = NodeRpc(url, timeout_seconds=timeout_seconds)
    try:
        return await rpc.call("eth_chainId", answer=str, bytes_max=bytes_max)
    finally:
        await rpc.close()


def replying(
    body: bytes, status: int = 200, headers: dict[str, str] | None = None
) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    return answer


RUBBISH = {
    "nothing": b"",
    "page": b"<html>It works!</html>",
    "another-type": b'{"jsonrpc":"2.0","id":1,"result":5}',
    "null": b'{"jsonrpc":"2.0","id":1,"result":null}',
    "no-result": b'{"jsonrpc":"2.0","id":1}',
    "answer-to-another-question": b'{"jsonrpc":"2.0","id":2,"result":"0x1"}',
    "no-question": b'{"jsonrpc":"2.0","result":"0x1"}',
    "list": b'[{"jsonrpc":"2.0","id":1,"result":"0x1"}]',
    "cut-off": b'{"jsonrpc":"2.0","id":1,"resu',
    "not-utf8": b'{"jsonrpc":"2.0","id":1,"result":"\xff"}',
    "deep": b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "error-of-no-form": b'{"jsonrpc":"2.0","id":1,"error":"no"}',
    "too-long": b'{"jsonrpc":"2.0","id":1,"result":"' + b"0" * 20_000 + b'"}',
}


@pytest.mark.parametrize("body", RUBBISH.values(), ids=RUBBISH)
async def test_rubbish_is_refused(body: bytes) -> None:
    async with served(replying(body)) as url:
        with pytest.raises(NodeUnavailable):
            await ask(url)


async def test_errors_status_without_an_answer_is_said() -> None:
    async with served(replying(b"busy", status=503)) as url:
        with pytest.raises(NodeUnavailable, match="status 503"):
            await ask(url)


async def test_error_with_an_errors_status_keeps_the_nodes_words() -> None:
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "no\x1b[31m" + "x" * 900}}
    )
    async with served(replying(body.encode(), status=429)) as url:
        with pytest.raises(NodeRefused) as refusal:
            await ask(url)
    assert refusal.value.rpc_code == -32000 and len(refusal.value.reason) == 200
    assert "\x1b" not in refusal.value.message


async def test_providers_key_quoted_in_an_error_is_not_repeated() -> None:
    body = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "project s3cret-pr0ject unknown"}}
    async with served(replying(json.dumps(body).encode()), path="/v3/s3cret-pr0ject") as url:
        with pytest.raises(NodeRefused) as refusal:
            await ask(url)
    assert refusal.value.reason == "project ... unknown"


async def test_compressed_answer_is_not_unfolded() -> None:
    body = gzip.compress(b'{"jsonrpc":"2.0","id":1,"result":"0x1"}')
    async with served(replying(body, headers={"Content-Encoding": "gzip"})) as url:
        with pytest.raises(NodeUnavailable):
            await ask(url)


async def test_redirect_is_not_followed() -> None:
    asked: list[bytes] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(await request.read())
        return web.json_response({"jsonrpc": "2.0", "id": 1, "result": "0x1"})

    async with (
        served(elsewhere) as other,
        served(replying(b"", status=307, headers={"Location": other})) as url,
    ):
        with pytest.raises(NodeUnavailable, match="status 307"):
            await ask(url)
    assert not asked


async def test_slow_node_is_given_up() -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response()

    async with served(slow) as url:
        with pytest.raises(NodeUnavailable, match="cannot be reached"):
            await ask(url, timeout_seconds=0.1)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/s3cret", "nonsense s3cret", "ftp://s3cret@127.0.0.1/", ""]
)
async def test_address_that_leads_nowhere_is_said_and_never_shown(url: str) -> None:
    with pytest.raises(NodeUnavailable) as refusal:
        await ask(url)
    error = refusal.value
    assert (
        "s3cret"
        not in f"{error.message} {error.hint} {error.detail} {error.__context__ if error.__cause__ else ''}"
    )
    assert "s3cret" not in repr(NodeRpc(url))


@pytest.mark.parametrize(
    "text", ["", "0x", "5", "0x-5", "0x1_0", "0x 1", "0x" + "f" * 65, None, 5, "0xg", "0x1\n"]
)
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(NodeUnavailable):
        quantity(text, "it")


@pytest.mark.parametrize("text", ["", "00", "0x0", "0x 0", "0xgg", None, 5, "0x00\n", "0x0 0"])
def test_what_are_no_bytes_is_refused(text: object) -> None:
    with pytest.raises(NodeUnavailable):
        hex_data(text, "it")
