"""The client of a Bitcoin node against a server on loopback that answers whatever it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import BasicAuth, web

from telesphor.ledger.anchors.bitcoin import rpc as client
from telesphor.ledger.anchors.bitcoin.node import BitcoinNode
from telesphor.ledger.anchors.bitcoin.rpc import BitcoinRpc, CredentialRefused, RpcAddressRefused, RpcRefused
from telesphor.ledger.anchors.bitcoin.transaction import Coin
from telesphor.ledger.anchors.model import AnchorUnavailable

HASH = "ab" * 32


class Server:
    """Answers every question with `body`; `{id}` in it stands for the id of the question."""

    def __init__(self) -> None:
        self.body = '{"result": 1, "error": null, "id": {id}}'
        self.status = 200
        self.headers: dict[str, str] = {}
        self.seen: list[web.Request] = []
        self.results: dict[str, str] = {}
        self.delay: Callable[[], Awaitable[None]] | None = None
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        asked = await request.json()
        if self.delay is not None:
            await self.delay()
        body = self.body
        if asked.get("method") in self.results:
            body = f'{{"result": {self.results[asked["method"]]}, "id": {{id}}}}'
        text = body.replace("{id}", str(asked.get("id")))
        return web.Response(text=text, status=self.status, headers=self.headers)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("POST", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield made
    await runner.cleanup()


@pytest_asyncio.fixture
async def rpc(server: Server) -> AsyncIterator[BitcoinRpc]:
    made = BitcoinRpc(server.url, timeout_seconds=1.0)
    yield made
    await made.close()


async def test_result_is_returned_with_exact_decimals(server: Server, rpc: BitcoinRpc) -> None:
    server.body = '{"result": {"amount": 0.10000001}, "error": null, "id": {id}}'
    assert await rpc.call("any") == {"amount": Decimal("0.10000001")}


async def test_credential_is_sent_and_read_anew_after_a_refusal(server: Server, tmp_path: Path) -> None:
    file = tmp_path / ".cookie"
    file.write_text("__cookie__:first\n")
    rpc = BitcoinRpc(server.url, credential_file=file)
    server.status = 401
    with pytest.raises(CredentialRefused):
        await rpc.call("any")
    file.write_text("__cookie__:second\n")
    server.status = 200
    await rpc.call("any")
    sent = [BasicAuth.decode(request.headers["authorization"]).password for request in server.seen]
    assert sent == ["first", "second"]
    await rpc.close()


@pytest.mark.parametrize("text", ["", "no colon"])
async def test_file_that_holds_no_credential_is_refused(server: Server, tmp_path: Path, text: str) -> None:
    file = tmp_path / "credential"
    file.write_text(text)
    with pytest.raises(CredentialRefused):
        await BitcoinRpc(server.url, credential_file=file).call("any")


async def test_missing_credential_file_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CredentialRefused):
        await BitcoinRpc(server.url, credential_file=tmp_path / "none").call("any")


async def test_error_of_the_node_carries_its_code(server: Server, rpc: BitcoinRpc) -> None:
    server.status = 500
    server.body = (
        '{"result": null, "error": {"code": -26, "message": "min relay fee `not` met\\n"}, "id": {id}}'
    )
    with pytest.raises(RpcRefused) as caught:
        await rpc.call("sendrawtransaction")
    assert caught.value.rpc_code == -26
    assert "min relay fee  not  met" in caught.value.message and "\n" not in caught.value.message


BAD_ANSWERS = {
    "no-json": "<html>",
    "an-array": "[]",
    "another-id": '{"result": 1, "id": 999}',
    "no-result": '{"id": {id}}',
    "too-deep": "[" * 100_000,
}


@pytest.mark.parametrize("fault", BAD_ANSWERS)
async def test_bad_answer_is_unavailable(server: Server, rpc: BitcoinRpc, fault: str) -> None:
    server.body = BAD_ANSWERS[fault]
    with pytest.raises(AnchorUnavailable):
        await rpc.call("any")


async def test_answer_without_json_tells_its_status(server: Server, rpc: BitcoinRpc) -> None:
    server.status, server.body = 503, "work queue depth exceeded"
    with pytest.raises(RpcRefused, match="status 503"):
        await rpc.call("any")


async def test_too_large_an_answer_is_cut_off(
    server: Server, rpc: BitcoinRpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "ANSWER_BYTES_MAX", 10_000)
    server.body = '{"result": "' + "a" * 20_000 + '", "id": {id}}'
    with pytest.raises(AnchorUnavailable, match="more than"):
        await rpc.call("any")


async def test_slow_node_is_unavailable(server: Server) -> None:
    server.delay = lambda: asyncio.sleep(0.3)
    rpc = BitcoinRpc(server.url, timeout_seconds=0.1)
    with pytest.raises(AnchorUnavailable, match="cannot be reached"):
        await rpc.call("any")
    await rpc.close()


async def test_redirect_is_not_followed(server: Server, rpc: BitcoinRpc) -> None:
    server.status, server.headers = 302, {"location": server.url + "elsewhere"}
    with pytest.raises(AnchorUnavailable):
        await rpc.call("any")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "127.0.0.1:8332", "http://user:word@127.0.0.1", "http://"]
)
def test_address_with_a_credential_or_without_a_host_is_refused(url: str) -> None:
    with pytest.raises(RpcAddressRefused) as caught:
        BitcoinRpc(url)
    assert "word" not in str(caught.value)


def test_address_is_not_shown() -> None:
    assert "secret" not in repr(BitcoinRpc("http://127.0.0.1/secret"))


@pytest_asyncio.fixture
async def node(server: Server) -> AsyncIterator[BitcoinNode]:
    made = BitcoinNode("bitcoin-mainnet", node=BitcoinRpc(server.url), wallet=BitcoinRpc(server.url))
    yield made
    await made.close()


async def test_node_that_is_catching_up_is_waited_for(server: Server, node: BitcoinNode) -> None:
    server.results["getblockchaininfo"] = '{"blocks": 5, "initialblockdownload": true}'
    with pytest.raises(AnchorUnavailable, match="catching up"):
        await node.tip()
    server.results["getblockchaininfo"] = '{"blocks": 5, "initialblockdownload": false}'
    assert await node.tip() == 5


@pytest.mark.parametrize("blocks", ["-1", "true", "1.5", '"5"', "null", "2147483648"])
async def test_tip_that_is_no_height_is_refused(server: Server, node: BitcoinNode, blocks: str) -> None:
    server.results["getblockchaininfo"] = f'{{"blocks": {blocks}}}'
    with pytest.raises(AnchorUnavailable):
        await node.tip()


@pytest.mark.parametrize("text", ['""', '"zz"', "7", f'"{HASH}00"', f'"{HASH.upper()}"'])
async def test_hash_that_is_none_is_refused(server: Server, node: BitcoinNode, text: str) -> None:
    server.results["getblockhash"] = text
    with pytest.raises(AnchorUnavailable):
        await node.block_hash(1)


@pytest.mark.parametrize("text", ['""', '"zz"', '"00"', "7"])
async def test_header_that_is_none_is_refused(server: Server, node: BitcoinNode, text: str) -> None:
    server.results["getblockheader"] = text
    with pytest.raises(AnchorUnavailable):
        await node.header(HASH)


def coin_text(**changed: str) -> str:
    members = {
        "txid": f'"{HASH}"',
        "vout": "0",
        "amount": "0.5",
        "confirmations": "3",
        "scriptPubKey": '"0014' + "ab" * 20 + '"',
    }
    return "{" + ", ".join(f'"{name}": {value}' for name, value in (members | changed).items()) + "}"


async def test_coins_are_those_that_can_be_spent_oldest_first(server: Server, node: BitcoinNode) -> None:
    old, locked = coin_text(confirmations="9", amount="1e-8"), coin_text(spendable="false")
    server.results["listunspent"] = f"[{coin_text()}, {old}, {locked}]"
    found = await node.coins()
    assert [coin.sats for coin in found] == [1, 50_000_000]
    assert isinstance(found[0], Coin)


@pytest.mark.parametrize(
    "changed",
    [{"amount": "-1"}, {"amount": "0.000000001"}, {"amount": '"x"'}, {"txid": "1"}, {"scriptPubKey": '""'},
     {"scriptPubKey": '"' + "00" * 101 + '"'}, {"vout": "-1"}, {"amount": "21000001"}],
)  # fmt: skip
async def test_coin_that_is_none_is_refused(
    server: Server, node: BitcoinNode, changed: dict[str, str]
) -> None:
    server.results["listunspent"] = f"[{coin_text(**changed)}]"
    with pytest.raises(AnchorUnavailable):
        await node.coins()


@pytest.mark.parametrize(
    ("told", "expected"),
    [('{"feerate": 0.00012, "blocks": 6}', 12), ('{"fee": 0.00003}', 3), ('{"fee": -1}', None),
     ('{"errors": []}', None)],
)  # fmt: skip
async def test_fee_rate_is_in_satoshi_for_each_byte(
    server: Server, node: BitcoinNode, told: str, expected: int | None
) -> None:
    server.results["estimatesmartfee"] = told
    assert await node.fee_rate(6) == expected


async def test_refused_transaction_tells_why(server: Server, node: BitcoinNode) -> None:
    server.status, server.body = 500, '{"error": {"code": -26, "message": "insufficient fee"}, "id": {id}}'
    assert "insufficient fee" in str(await node.send(b"\x00"))


async def test_wallet_of_bitcoin_core_signs(server: Server, node: BitcoinNode) -> None:
    server.results["signrawtransactionwithwallet"] = '{"hex": "0102", "complete": true}'
    assert await node.sign(b"\x00") == b"\x01\x02"


async def test_wallet_that_refuses_to_sign_is_unavailable(server: Server, node: BitcoinNode) -> None:
    server.status, server.body = (
        500,
        '{"error": {"code": -13, "message": "enter the passphrase"}, "id": {id}}',
    )
    with pytest.raises(AnchorUnavailable, match="passphrase"):
        await node.sign(b"\x00")


async def test_block_is_told_by_the_wallet_once_the_change_is_spent(
    server: Server, node: BitcoinNode
) -> None:
    server.results |= {
        "gettxout": "null",
        "gettransaction": f'{{"blockhash": "{HASH}"}}',
        "getblockheader": '{"height": 4}',
        "getblockchaininfo": '{"blocks": 5}',
        "getblockhash": f'"{HASH}"',
    }
    assert await node.block_of("cd" * 32, change=1) == HASH
    server.results["getblockhash"] = '"' + "ef" * 32 + '"'
    assert await node.block_of("cd" * 32, change=1) is None, (
        "a block that a reorganisation took out of the chain"
    )
    server.results["gettransaction"] = '{"confirmations": 0}'
    assert await node.block_of("cd" * 32, change=1) is None


async def test_wallet_that_does_not_know_the_transaction_tells_of_no_block(
    server: Server, node: BitcoinNode
) -> None:
    server.results["gettxout"] = "null"
    server.body = '{"error": {"code": -5, "message": "Invalid or non-wallet transaction id"}, "id": {id}}'
    assert await node.block_of("cd" * 32, change=1) is None
